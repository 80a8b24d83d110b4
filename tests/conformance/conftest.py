"""Every adapter, to be held against its port."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing import Pipe
from pathlib import Path

import boto3
import pytest

from functions.adapters.dynamo_index import DynamoIndex
from functions.adapters.faults import Faults, FaultyBlobStore, FaultyIndex
from functions.adapters.memory import MemoryBlobStore, MemoryIndex
from functions.adapters.s3.blobs import S3BlobStore
from functions.adapters.s3.client import Location, S3Client
from functions.adapters.s3.signing import Credentials
from functions.adapters.s3.source import S3Source
from functions.adapters.s3.transport import Transport, TransportSettings
from functions.contract.tables import DedupTable
from functions.engine.ports import BlobStore, DedupIndex
from functions.runtime.fleet import _Board, _Link, _LinkedIndex
from sandbox.ministack import MiniStack
from tests.conformance.owners import MemoryOwner, Owner, PlainHttp, S3Owner
from tests.conformance.sites import LocalSite, MemorySite, S3Site, Site


@pytest.fixture(scope="session")
def transport() -> Iterator[Transport]:
    """One transport for all tests of the session, with a back-off that nobody has to wait for."""
    running = Transport(TransportSettings(connections=16, backoff_base=0.005, backoff_cap=0.05))
    yield running
    running.close()


@pytest.fixture(scope="session")
def client_of(ministack: MiniStack, transport: Transport) -> Callable[[str], S3Client]:
    """Give a client of the product's own for a bucket."""
    credentials = Credentials("test", "test")
    return lambda bucket: S3Client(transport, Location(bucket, "us-east-1", ministack.endpoint), lambda: credentials)


# ---------------------------------------------------------------------------------------- blob stores


@pytest.fixture(scope="session", params=["memory", "faulty", "s3"])
def make_store(request: pytest.FixtureRequest) -> Callable[[], BlobStore]:
    """Make empty stores of one kind."""
    if request.param == "memory":
        return MemoryBlobStore
    if request.param == "faulty":
        return lambda: FaultyBlobStore(MemoryBlobStore(), Faults())
    make_bucket, client_of = request.getfixturevalue("make_bucket"), request.getfixturevalue("client_of")
    return lambda: S3BlobStore(client_of(make_bucket()))


# -------------------------------------------------------------------------------------------- sources


@pytest.fixture
def plain_http(ministack: MiniStack) -> Iterator[Callable[[str], PlainHttp]]:
    """Make plain connections to buckets."""
    made: list[PlainHttp] = []

    def make(bucket: str) -> PlainHttp:
        made.append(PlainHttp(ministack.endpoint, bucket))
        return made[-1]

    yield make
    for http_ in made:
        http_.close()


@pytest.fixture(params=["memory", "faulty", "s3"])
def make_owner(request: pytest.FixtureRequest) -> Callable[..., Owner]:
    """Make empty sources of one kind, given by their owners: `make_owner(versioned=True)`."""
    if request.param != "s3":
        return lambda *, versioned=False: MemoryOwner(versioned=versioned, faulty=request.param == "faulty")
    make_bucket, client_of = request.getfixturevalue("make_bucket"), request.getfixturevalue("client_of")
    plain = request.getfixturevalue("plain_http")

    def make(*, versioned: bool = False) -> Owner:
        bucket = make_bucket(versioned=versioned)
        return S3Owner(plain(bucket), S3Source(client_of(bucket)))

    return make


@pytest.fixture
def owner(make_owner: Callable[..., Owner]) -> Owner:
    """Give an empty source without versions."""
    return make_owner()


# --------------------------------------------------------------------------------------- destinations


@pytest.fixture(params=["memory", "faulty", "local", "s3"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    """Give an empty place to restore to."""
    if request.param == "local":
        return LocalSite(tmp_path)
    if request.param != "s3":
        return MemorySite(faulty=request.param == "faulty")
    bucket = request.getfixturevalue("make_bucket")()
    return S3Site(request.getfixturevalue("s3"), bucket, request.getfixturevalue("client_of")(bucket))


# --------------------------------------------------------------------------------------------- indexes


@pytest.fixture(scope="session")
def make_table(ministack: MiniStack) -> Callable[[], str]:
    """Make empty dedup tables."""
    dynamo = boto3.client("dynamodb", endpoint_url=ministack.endpoint)

    def make() -> str:
        name = f"dedup-{uuid.uuid4().hex}"
        dynamo.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": DedupTable.PARTITION_KEY, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": DedupTable.PARTITION_KEY, "AttributeType": "B"}],
            BillingMode="PAY_PER_REQUEST",
        )
        return name

    return make


@pytest.fixture
def linked_index() -> Iterator[DedupIndex]:
    """Give an index that another process shares out over a pipe; here a thread plays that process."""
    ours, theirs = Pipe()
    board = _Board(MemoryIndex())

    def serve() -> None:
        with suppress(EOFError):
            while True:
                kind, payload = ours.recv()
                ours.send(getattr(board, kind)(payload))

    thread = threading.Thread(target=serve)
    thread.start()
    yield _LinkedIndex(_Link(theirs))
    theirs.close()
    thread.join()
    ours.close()


@pytest.fixture(params=["memory", "faulty", "linked", "dynamo"])
def index(request: pytest.FixtureRequest) -> DedupIndex:
    """Give an empty index."""
    if request.param == "memory":
        return MemoryIndex()
    if request.param == "faulty":
        return FaultyIndex(MemoryIndex(), Faults())
    if request.param == "linked":
        linked: DedupIndex = request.getfixturevalue("linked_index")
        return linked
    table = request.getfixturevalue("make_table")()
    endpoint = request.getfixturevalue("ministack").endpoint
    return DynamoIndex.connect(table, region="us-east-1", endpoint=endpoint, profile=None)
