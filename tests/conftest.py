"""What every test gets: a clean AWS environment, a closed network and, when asked for, an embedded AWS."""

import os
import signal
import socket
import uuid
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.ministack import MiniStack

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    # The guard below sees Python's sockets only. A C library that leaves loopback ends at a closed port.
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    "NO_PROXY": "127.0.0.1,localhost,::1",
    "no_proxy": "127.0.0.1,localhost,::1",
}


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Take SIGINT: a background job of a shell ignores it, and so would all that a test starts and interrupts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _clean_environment() -> Iterator[None]:
    """No test sees the developer's account, profile, region or proxy."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("AWS_", "STRONGROOM_"))]:
            patch.delenv(name)
        for name, value in _ENVIRONMENT.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session", autouse=True)
def _closed_network(_clean_environment: None) -> Iterator[None]:
    """A connection to anywhere but this machine fails at once, with the address in the message."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _loopback_only(getattr(socket.socket, name)))
        yield


def _loopback_only(original: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(self: socket.socket, address: Any) -> Any:  # noqa: ANN401 -- its shape depends on the family
        if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_loopback(str(address[0])):
            raise RuntimeError(f"a test tried to connect to {address!r}; tests reach this machine only")
        return original(self, address)

    return guarded


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(scope="session")
def ministack(_closed_network: None) -> Iterator[MiniStack]:
    """One embedded AWS for the whole test session; tests keep apart by their own bucket and table names."""
    with MiniStack() as running:
        yield running


@pytest.fixture(scope="session")
def s3(ministack: MiniStack) -> "S3Client":
    """A boto3 client of the embedded S3."""
    # Half a second that tests of the pure engine need not pay.
    import boto3  # noqa: PLC0415

    return boto3.client("s3", endpoint_url=ministack.endpoint)


@pytest.fixture(scope="session")
def make_bucket(s3: "S3Client") -> Callable[..., str]:
    """Make buckets with names nobody else has: `make_bucket(versioned=True, object_lock=False)`."""

    def make(*, versioned: bool = False, object_lock: bool = False) -> str:
        name = f"test-{uuid.uuid4().hex}"
        s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=object_lock)
        if versioned:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    return make


@pytest.fixture
def bucket(make_bucket: Callable[..., str]) -> str:
    """A fresh bucket without versions."""
    return make_bucket()


@pytest.fixture
def versioned_bucket(make_bucket: Callable[..., str]) -> str:
    """A fresh bucket with versions."""
    return make_bucket(versioned=True)
