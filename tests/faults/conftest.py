"""Connections to the embedded S3, directly or through a proxy that troubles them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from functions.adapters.s3.client import Location, S3Client
from functions.adapters.s3.signing import Credentials
from functions.adapters.s3.transport import Transport, TransportSettings
from tests.faults.office import Connect


@pytest.fixture
def transport() -> Iterator[Transport]:
    """A transport that loses little time with its retries."""
    settings = TransportSettings(
        connections=16, attempts=10, connect_attempts=10, stall_timeout=1, backoff_base=0.002, backoff_cap=0.05
    )
    running = Transport(settings)
    yield running
    running.close()


@pytest.fixture
def connect(transport: Transport) -> Connect:
    """Make clients: `connect(endpoint, bucket)`."""
    keys = Credentials("test", "test")
    return lambda endpoint, bucket: S3Client(transport, Location(bucket, "us-east-1", endpoint), lambda: keys)


@pytest.fixture
def buckets(make_bucket: Callable[[], str]) -> tuple[str, str, str]:
    """Name a source, a repository and a target."""
    return make_bucket(), make_bucket(), make_bucket()
