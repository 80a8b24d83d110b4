"""Servers that misbehave on command, and the product's S3 client pointed at one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from functions.adapters.s3.client import Location, S3Client
from functions.adapters.s3.signing import CredentialProvider, Credentials
from functions.adapters.s3.transport import Transport, TransportSettings
from tests.adapters.scripted import Script, ScriptedServer

NOW = datetime(2026, 11, 20, 2, 3, 4, tzinfo=UTC)
SECRETS = Credentials("AKIDEXAMPLE", "the+secret/key", "the/session+token")


@pytest.fixture
def serve() -> Iterator[Callable[[Script], ScriptedServer]]:
    """Start servers that end with the test."""
    started: list[ScriptedServer] = []

    def start(script: Script) -> ScriptedServer:
        started.append(ScriptedServer(script).__enter__())
        return started[-1]

    yield start
    for server in started:
        server.__exit__(None, None, None)


@pytest.fixture(scope="session")
def quick_transport() -> Iterator[Transport]:
    """A transport that gives up soon."""
    running = Transport(
        TransportSettings(connections=4, attempts=4, stall_timeout=1, backoff_base=0.001, backoff_cap=0.01)
    )
    yield running
    running.close()


@pytest.fixture
def connect(quick_transport: Transport) -> Callable[..., S3Client]:
    """Make a client of the bucket `bucket` at an endpoint: `connect(url, credentials=provider)`."""

    def make(endpoint: str, credentials: CredentialProvider = lambda: SECRETS) -> S3Client:
        location = Location("bucket", "eu-central-1", endpoint)
        return S3Client(quick_transport, location, credentials, lambda: NOW)

    return make
