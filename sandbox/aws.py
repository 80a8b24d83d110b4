"""Clients of the sandbox's AWS. They know its address and made-up keys, and nothing of whoever runs them."""

from __future__ import annotations

import os
import threading
from typing import Any, Final

import boto3
from botocore.config import Config

ACCOUNT: Final = "000000000000"
"""The embedded AWS's own account."""
ADMIN: Final = "test"
"""Access key and secret of somebody who may do everything: the embedded AWS takes any key that it did not give out."""
_QUIET: Final = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
}


def isolate() -> None:
    """Forget the account, profile and proxy of whoever runs this process: no command may reach them."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(_QUIET)


def session(region: str) -> boto3.Session:
    """Give a session of the administrator; its clients need `endpoint_url`."""
    return boto3.Session(aws_access_key_id=ADMIN, aws_secret_access_key=ADMIN, region_name=region)


class Clients:
    """Clients by service and region, made once and used by many threads."""

    def __init__(self, endpoint: str) -> None:
        """Take the address of all services, such as `http://127.0.0.1:40001`."""
        self.endpoint = endpoint
        self._clients: dict[tuple[str, str], Any] = {}
        self._sessions: dict[str, boto3.Session] = {}
        self._lock = threading.Lock()

    def get(self, service: str, region: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        """Give the client of a service, by boto3's name of it."""
        with self._lock:
            if region not in self._sessions:
                self._sessions[region] = session(region)
            if (service, region) not in self._clients:
                make: Any = self._sessions[region].client
                # It is this machine: what fails will fail again, and an interrupted `up` must end at once.
                once = Config(retries={"total_max_attempts": 1}, max_pool_connections=16)
                self._clients[service, region] = make(service, endpoint_url=self.endpoint, config=once)
            return self._clients[service, region]
