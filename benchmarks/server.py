"""The S3 server both sides are measured on, and its counters where it has any.

`BENCH_ENDPOINT` names a running server; without it the sandbox's MiniStack is started. The in-memory
server `nulls3` also counts requests, knows the bytes of a bucket and can drop one at once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench-secret",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}
TIMEOUT_S = 120.0
SHORT_NAMES = {
    "PutObject": "PUT",
    "UploadPart": "PUT",
    "CreateMultipartUpload": "PUT",
    "CompleteMultipartUpload": "PUT",
    "GetObject": "GET",
    "GetObject404": "GET",
    "HeadObject": "HEAD",
    "HeadObject404": "HEAD",
    "HeadBucket": "HEAD",
    "ListObjects": "LIST",
    "CopyObject": "COPY",
    "DeleteObject": "DELETE",
    "DeleteObjects": "DELETE",
}


class RequestRefusedError(RuntimeError):
    """The server answered with an error."""


@dataclass(frozen=True)
class Traffic:
    """Requests by kind, and the bytes of object bodies in both directions."""

    requests: dict[str, int]
    received: int
    sent: int


@dataclass(frozen=True)
class Usage:
    """What lies in a bucket."""

    objects: int
    total: int


@dataclass(frozen=True)
class Server:
    """A running S3 server."""

    endpoint: str
    name: str

    @property
    def counts(self) -> bool:
        """Say whether the server is one that counts its requests."""
        return self.name == "nulls3"

    def environment(self) -> dict[str, str]:
        """Return the environment a client process needs."""
        return {**os.environ, **CREDENTIALS}

    def create(self, bucket: str) -> None:
        """Create a bucket."""
        _call(self.endpoint, "PUT", bucket)

    def reset(self) -> None:
        """Set the request counters to zero."""
        if self.counts:
            _call(self.endpoint, "GET", "_reset")

    def traffic(self) -> Traffic | None:
        """Return what was counted since the last reset."""
        if not self.counts:
            return None
        found = json.loads(_call(self.endpoint, "GET", "_stats"))
        requests: dict[str, int] = {}
        for operation, (count, _, _) in found.items():
            name = SHORT_NAMES.get(operation, "other")
            requests[name] = requests.get(name, 0) + count
        received = sum(row[1] for row in found.values())
        return Traffic(dict(sorted(requests.items())), received, sum(row[2] for row in found.values()))

    def usage(self, bucket: str, prefix: str = "") -> Usage:
        """Count the objects and bytes of a bucket."""
        if self.counts and not prefix:
            objects, total = json.loads(_call(self.endpoint, "GET", "_du")).get(bucket, (0, 0))
            return Usage(objects, total)
        objects, total = json.loads(self.objects_tool("usage", bucket, prefix))
        return Usage(objects, total)

    def drop(self, bucket: str) -> None:
        """Empty a bucket and delete it."""
        if self.counts:
            _call(self.endpoint, "GET", f"_drop?b={bucket}")
        else:
            self.objects_tool("empty", bucket)
            _call(self.endpoint, "DELETE", bucket)

    def objects_tool(self, *arguments: str | Path) -> str:
        """Run `benchmarks.objects` in a process of its own, so that this one stays small."""
        command = [sys.executable, "-m", "benchmarks.objects", self.endpoint, *map(str, arguments)]
        environment = self.environment()
        done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout


def start_ministack() -> AbstractContextManager[str]:
    """Return a context manager that runs the sandbox's MiniStack and yields its endpoint."""

    @contextmanager
    def running() -> Iterator[str]:
        from sandbox.ministack import MiniStack  # noqa: PLC0415 - only needed here

        with MiniStack() as server:
            yield str(server.endpoint)

    return running()


@contextmanager
def open_server() -> Iterator[Server]:
    """Yield the server the environment asks for."""
    given = os.environ.get("BENCH_ENDPOINT", "").rstrip("/")
    if given:
        yield Server(given, identify(given))
        return
    with start_ministack() as endpoint:
        yield Server(endpoint.rstrip("/"), "MiniStack")


def identify(endpoint: str) -> str:
    """Say what kind of server answers at an endpoint."""
    try:
        found = json.loads(_call(endpoint, "GET", "_stats"))
    except (RequestRefusedError, ValueError):
        return "S3 server given by BENCH_ENDPOINT"
    return "nulls3" if isinstance(found, dict) else "S3 server given by BENCH_ENDPOINT"


def _call(endpoint: str, method: str, path: str) -> bytes:
    """Send one plain request to the server and return the body of its answer."""
    place = urlsplit(endpoint).netloc
    connection = HTTPConnection(place, timeout=TIMEOUT_S)
    try:
        connection.request(method, f"/{path}")
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status >= HTTPStatus.BAD_REQUEST:
        raise RequestRefusedError(f"{method} {path}: {answer.status} {body[:200]!r}")
    return body
