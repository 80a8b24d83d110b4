"""Every adapter, to be held against its port."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing import Pipe
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest

from functions.adapters.dynamo.catalog import DynamoCatalog
from functions.adapters.dynamo.drills import DynamoDrills
from functions.adapters.dynamo.index import DynamoIndex
from functions.adapters.dynamo.ledger import DynamoLedger
from functions.adapters.dynamo.users import DynamoUsers
from functions.adapters.faults import Failures, Faults, FaultyBlobStore, FaultyIndex
from functions.adapters.faults_ledger import FaultyCatalog, FaultyDrills, FaultyLedger, FaultyUsers
from functions.adapters.local_index import LocalIndex
from functions.adapters.memory import MemoryBlobStore, MemoryIndex
from functions.adapters.memory_ledger import MemoryCatalog, MemoryDrills, MemoryLedger, MemoryUsers
from functions.adapters.s3.blobs import S3BlobStore
from functions.adapters.s3.client import Location, S3Client
from functions.adapters.s3.signing import Credentials
from functions.adapters.s3.source import S3Source
from functions.adapters.s3.transport import Transport, TransportSettings
from functions.engine.orchestration.ports import Ledger, Users
from functions.engine.ports import BlobStore, DedupIndex
from functions.runtime.fleet import _Board, _Link, _LinkedIndex
from sandbox.ministack import MiniStack
from tests.conformance.lossy import LossyClient, Patient
from tests.conformance.owners import MemoryOwner, Owner, PlainHttp, S3Owner
from tests.conformance.records import NOW, CatalogView, DrillsView
from tests.conformance.sites import LocalSite, MemorySite, S3Site, Site
from tests.tables import everything, make_backups, make_dedup, make_drills, make_ledger, make_users

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


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
def dynamo(ministack: MiniStack) -> DynamoDBClient:
    """A boto3 client of the embedded DynamoDB."""
    return boto3.client("dynamodb", endpoint_url=ministack.endpoint)


@pytest.fixture(scope="session")
def make_table(dynamo: DynamoDBClient) -> Callable[[], str]:
    """Make empty dedup tables."""
    return lambda: make_dedup(dynamo)


@pytest.fixture
def linked_index() -> Iterator[DedupIndex]:
    """Give an index that another process shares out over a pipe; here a thread plays that process."""
    ours, theirs = Pipe()
    board = _Board(MemoryIndex())

    def serve() -> None:
        with suppress(EOFError):
            while True:
                kind, payload = ours.recv()
                answer = getattr(board, kind)(payload)
                if kind in _Board.QUESTIONS:
                    ours.send(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    yield _LinkedIndex(_Link(theirs))
    theirs.close()
    thread.join()
    ours.close()


@pytest.fixture(params=["memory", "local", "file", "faulty", "linked", "dynamo"])
def index(request: pytest.FixtureRequest) -> DedupIndex:
    """Give an empty index."""
    if request.param == "memory":
        return MemoryIndex()
    if request.param in ("local", "file"):
        return LocalIndex(in_memory=50_000 if request.param == "local" else 0)
    if request.param == "faulty":
        return FaultyIndex(MemoryIndex(), Faults())
    if request.param == "linked":
        linked: DedupIndex = request.getfixturevalue("linked_index")
        return linked
    table = request.getfixturevalue("make_table")()
    endpoint = request.getfixturevalue("ministack").endpoint
    return DynamoIndex.connect(table, region="us-east-1", endpoint=endpoint, profile=None)


# --------------------------------------------------------------------------------------- orchestration

KINDS = ["memory", "faulty", "dynamo", "lossy"]
_DECIDE = frozenset({"ledger.change", "ledger.begin_close"})
"""Calls that answer differently the second time: who makes them again has not decided it."""


def _faults() -> Faults:
    ports: dict[str, type] = {
        "ledger": FaultyLedger,
        "catalog": FaultyCatalog,
        "users": FaultyUsers,
        "drills": FaultyDrills,
    }
    calls = {f"{port}.{name}" for port, kind in ports.items() for name in vars(kind) if not name.startswith("_")}
    return Faults(failures=Failures(0.25, calls=frozenset(calls) - _DECIDE))


@pytest.fixture
def dynamo_of(dynamo: DynamoDBClient) -> Callable[[str], Callable[[], DynamoDBClient]]:
    """Give what adapters make their client with: a good one, or for `lossy` one that is not."""
    lossy = cast("DynamoDBClient", LossyClient(dynamo, 0.15))
    return lambda kind: lambda: lossy if kind == "lossy" else dynamo


@pytest.fixture(params=KINDS)
def ledger(request: pytest.FixtureRequest) -> Ledger:
    """Give an empty ledger."""
    if request.param == "memory":
        return MemoryLedger()
    if request.param == "faulty":
        return cast("Ledger", Patient(FaultyLedger(MemoryLedger(), _faults())))
    table = make_ledger(request.getfixturevalue("dynamo"))
    return DynamoLedger(request.getfixturevalue("dynamo_of")(request.param), table, _no_sleep)


@pytest.fixture
def twin() -> Ledger:
    """Give an empty ledger in memory, to compare another one with."""
    return MemoryLedger()


@pytest.fixture(params=KINDS)
def users(request: pytest.FixtureRequest) -> Users:
    """Give an empty table of users."""
    if request.param == "memory":
        return MemoryUsers()
    if request.param == "faulty":
        return cast("Users", Patient(FaultyUsers(MemoryUsers(), _faults())))
    table = make_users(request.getfixturevalue("dynamo"))
    return DynamoUsers(request.getfixturevalue("dynamo_of")(request.param), table, _no_sleep)


@pytest.fixture(params=KINDS)
def catalog(request: pytest.FixtureRequest) -> CatalogView:
    """Give an empty catalog, with a way to see what stands in it."""
    memory = MemoryCatalog(lambda: NOW)
    if request.param == "memory":
        return CatalogView(memory, lambda: list(memory.backups.values()))
    if request.param == "faulty":
        patient: Any = Patient(FaultyCatalog(memory, _faults()))
        return CatalogView(patient, lambda: list(memory.backups.values()))
    dynamo = request.getfixturevalue("dynamo")
    table = make_backups(dynamo)
    client = request.getfixturevalue("dynamo_of")(request.param)
    return CatalogView(DynamoCatalog(client, table, lambda: NOW, _no_sleep), lambda: everything(dynamo, table))


@pytest.fixture(params=KINDS)
def drills(request: pytest.FixtureRequest) -> DrillsView:
    """Give an empty record of drills, with a way to see what stands in it."""
    memory = MemoryDrills()
    if request.param == "memory":
        return DrillsView(memory, lambda: memory.records)
    if request.param == "faulty":
        patient: Any = Patient(FaultyDrills(memory, _faults()))
        return DrillsView(patient, lambda: memory.records)
    dynamo = request.getfixturevalue("dynamo")
    table = make_drills(dynamo)
    client = request.getfixturevalue("dynamo_of")(request.param)
    return DrillsView(DynamoDrills(client, table, _no_sleep), lambda: everything(dynamo, table))


def _no_sleep(_seconds: float) -> None:
    """Nobody has to wait for a back-off."""
