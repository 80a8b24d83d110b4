"""The tables are lost; the bucket alone brings back what the next run needs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from components.service import catalog_days
from components.settings.retention import Retention
from functions.adapters.dynamo.catalog import DynamoCatalog
from functions.adapters.dynamo.index import DynamoIndex
from functions.adapters.dynamo.users import DynamoUsers
from functions.adapters.faults import Failures, Faults, FaultyBlobStore
from functions.adapters.memory import MemoryBlobStore, MemoryIndex, MemorySource
from functions.adapters.memory_ledger import MemoryCatalog, MemoryUsers
from functions.adapters.records import Record
from functions.contract.object_keys import DONE_NAME, PACKS, PLAN_NAME, collection_key, commit_key
from functions.contract.states import BackupState
from functions.contract.tables import STATUS, BackupsTable, UsersTable
from functions.engine.backup import Ports
from functions.engine.commit import CommitRecord
from functions.engine.errors import BackupNotFoundError, CorruptionError, NotFoundError, UnavailableError
from functions.engine.model import BackupType, Totals
from functions.engine.orchestration.ports import BackupStart
from functions.engine.pack_indexes import list_packs, read_pack_indexes
from functions.engine.ports import BlobStore, Silence
from functions.engine.repository import BackupName, Repository
from functions.engine.retention.plan import PACKS as PACK_LINES
from functions.engine.retention.policy import RetentionPolicy
from functions.runtime.cloud import Cloud
from functions.runtime.local_run import RunReport, RunRequest, back_up
from functions.runtime.rebuild import RebuildReport, TableNames, Tables, catalog_time, open_tables, rebuild
from sandbox.ministack import MiniStack
from tests.engine.kit import Clock, Ids
from tests.retention.world import World as RetentionWorld
from tests.strategies import noise
from tests.tables import clear, everything, make_backups, make_dedup, make_users

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

RETENTION = timedelta(days=60)
USERS = ("", "alice", "a b", "\u65e5\u672c", "zed")
NO_EXPIRY = datetime(2027, 1, 1, tzinfo=UTC)


class World:
    """A source that is backed up into a store and the tables, run after run."""

    def __init__(self, tables: Tables, store: BlobStore) -> None:
        """Start with a few files of every user."""
        self.store = store
        self.source = MemorySource()
        self.tables = tables
        self._clock, self._ids = Clock(), Ids()
        for user in USERS:
            for number in range(12):
                self.put(user, number, f"{user} {number}")

    def put(self, user: str, number: int, seed: str) -> None:
        """Write a file of a user."""
        name = f"{user}/{number}" if user else f"root {number}"
        self.source.put(name, noise(seed, 3_000))

    def run(self, kind: BackupType = BackupType.INCREMENTAL) -> RunReport:
        """Back everybody up and tell the tables, as a worker does."""
        ports = Ports(self.source, self.store, self.tables.index, self._clock, self._ids)
        report = back_up(ports, RunRequest("reports", type=kind), workers=2)
        for outcome in report.outcomes:
            assert outcome.result is not None, outcome.error
            record = outcome.result.record
            self.tables.catalog.start(start_of(record))
            self.tables.catalog.complete(record, "schedule", datetime.fromisoformat(record.finished) + RETENTION)
            self.tables.users.backed_up(record)
        return report

    def rebuild(self, tables: Tables | None = None, source: str | None = None) -> RebuildReport:
        """Rebuild the tables, or others."""
        return rebuild(self.store, tables or self.tables, Silence(), retention=RETENTION, source=source)


def start_of(record: CommitRecord) -> BackupStart:
    """Give the start of a backup."""
    started = datetime.fromisoformat(record.started)
    return BackupStart(
        record.source, record.user, record.backup_id, started, record.run_id, record.type, "schedule", NO_EXPIRY
    )


def in_memory() -> Tables:
    """Give empty tables in memory."""
    return Tables(MemoryIndex(), MemoryCatalog(), MemoryUsers())


def held(tables: Tables) -> tuple[Any, ...]:
    """Give all that tables in memory hold: places of chunks, backups, users."""
    index, catalog, users = tables.index, tables.catalog, tables.users
    assert isinstance(index, MemoryIndex)
    assert isinstance(catalog, MemoryCatalog)
    assert isinstance(users, MemoryUsers)
    return index.places, catalog.backups, users.users


@pytest.fixture
def world() -> World:
    """Three runs of a small source, in memory."""
    world = World(in_memory(), MemoryBlobStore())
    for number in range(3):
        world.put("alice", 100 + number, f"new {number}")
        world.run()
    return world


@pytest.fixture
def dynamo(ministack: MiniStack) -> DynamoDBClient:
    """A boto3 client of the embedded DynamoDB."""
    return boto3.client("dynamodb", endpoint_url=ministack.endpoint)


def in_order(items: list[Record]) -> list[list[tuple[str, str]]]:
    """Give items so that they can be compared."""
    return sorted(sorted((name, repr(value)) for name, value in item.items()) for item in items)


def test_lost_tables_come_back_and_the_next_run_notices_nothing(dynamo: DynamoDBClient, ministack: MiniStack) -> None:
    """The same items stand in them as before, and nothing that is in the bucket is stored again."""
    names = TableNames(make_dedup(dynamo), make_backups(dynamo), make_users(dynamo))
    tables = open_tables(Cloud("us-east-1", ministack.endpoint), names)
    world = World(tables, MemoryBlobStore())
    for number in range(3):
        world.put("alice", 100 + number, f"new {number}")
        world.run()
    before = [in_order(everything(dynamo, name)) for name in names]
    for name in names:
        clear(dynamo, name)
        assert everything(dynamo, name) == []
    report = world.rebuild()
    assert [in_order(everything(dynamo, name)) for name in names] == before
    assert (report.backups, report.users, report.damages) == (15, 5, ())
    assert report.chunks == len(before[0])
    world.source.put("alice/again", noise("alice 3", 3_000))
    full = world.run(BackupType.FULL).totals
    assert (full.new, full.stored, full.files) == (0, 0, 64)
    assert world.run().totals.read == 0


def test_what_the_bucket_does_not_know_is_what_the_module_says(world: World) -> None:
    """A failed backup, what started one, the last proof."""
    known = world.tables
    (manual, *_) = Repository(world.store).backups("reports", "alice")
    record = Repository(world.store).commit(manual)
    failed = replace(start_of(record), backup_id="20261231T020000Z-00000000")
    known.catalog.advance(failed, BackupState.FAILED, "ACCESS_DENIED: no")
    known.users.proven("reports", "alice", NO_EXPIRY)
    rebuilt = in_memory()
    world.rebuild(rebuilt)
    _places, backups, users = held(known)
    assert held(rebuilt)[1] == {key: item for key, item in backups.items() if item[STATUS] != "FAILED"}
    users["reports", "alice"].pop(UsersTable.PROVEN)
    assert held(rebuilt)[2] == users


@pytest.mark.parametrize(("kind", "trigger"), [(BackupType.MANUAL, "manual"), (BackupType.FULL, "schedule")])
def test_what_started_a_backup_is_guessed_from_its_type(world: World, kind: BackupType, trigger: str) -> None:
    """The commit record does not say it."""
    world.run(kind)
    rebuilt = in_memory()
    world.rebuild(rebuilt)
    backups = held(rebuilt)[1].values()
    assert {item[BackupsTable.TRIGGER] for item in backups if item[BackupsTable.TYPE] == kind.value} == {trigger}


def test_rebuilding_over_full_tables_is_harmless(world: World) -> None:
    """It changes nothing that is known better."""
    world.tables.users.proven("reports", "alice", NO_EXPIRY)
    before = json.dumps([repr(part) for part in held(world.tables)])
    for _ in range(2):
        assert world.rebuild().backups == 15
    assert json.dumps([repr(part) for part in held(world.tables)]) == before


def test_one_source_can_be_rebuilt_alone(world: World) -> None:
    """The dedup index is whole in any case: sources share packs."""
    ports = Ports(world.source, world.store, world.tables.index, Clock(), Ids())
    back_up(ports, RunRequest("other", users=["alice"]), workers=2)
    tables = in_memory()
    report = world.rebuild(tables, "other")
    assert (report.backups, report.users) == (1, 1)
    assert [state.user for state in tables.users.all("other")] == ["alice"]
    assert list(tables.users.all("reports")) == []
    assert held(tables)[0] == held(world.tables)[0]


@pytest.mark.parametrize("source", [None, "reports"])
def test_a_repository_without_backups_is_not_found(source: str | None) -> None:
    """Nobody is told that all went well when the bucket was the wrong one."""
    with pytest.raises(BackupNotFoundError):
        World(in_memory(), MemoryBlobStore()).rebuild(source=source)


def damaged(world: World, change: Callable[[bytes], bytes], key: str) -> RebuildReport:
    """Damage an object; give the report of a rebuild that met it."""
    assert isinstance(world.store, MemoryBlobStore)
    world.store.blobs[key] = change(world.store.blobs[key])
    return world.rebuild(in_memory())


def newest(world: World, user: str) -> BackupName:
    """Give a user's newest backup."""
    return Repository(world.store).newest_of("reports", user)


@pytest.mark.parametrize(
    "change",
    [
        lambda _data: b"",
        lambda data: data[:-40],
        lambda data: data.replace(b'"user": "alice"', b'"user": "bob"'),
        lambda data: data.replace(b'"started": "2026', b'"started": "then'),
        lambda data: re.sub(rb'"files": \d+', b'"files": null', data),
        lambda data: re.sub(rb'"files": \d+', b'"files": 0.5', data),
        lambda data: data.replace(b'"format": 1', b'"format": 2'),
    ],
)
def test_a_damaged_commit_record_is_named_and_left_out(world: World, change: Callable[[bytes], bytes]) -> None:
    """All other backups come back, of that user too."""
    key = commit_key(*newest(world, "alice"))
    report = damaged(world, change, key)
    assert [damage.key for damage in report.damages] == [key]
    assert (report.backups, report.users) == (14, 5)


@pytest.mark.parametrize("change", [lambda _data: b"", lambda data: data[:-1], lambda data: data[:-5] + b"xxxxx"])
def test_a_damaged_pack_is_named_and_left_out(world: World, change: Callable[[bytes], bytes]) -> None:
    """Its chunks are stored again by the next run that meets them."""
    key = next(world.store.list(PACKS)).key
    total = world.rebuild(in_memory()).packs
    report = damaged(world, change, key)
    assert [damage.key for damage in report.damages] == [key]
    assert isinstance(report.damages[0].error, CorruptionError)
    assert (report.packs, report.backups) == (total - 1, 15)


def test_a_plan_that_did_not_arrive_whole_is_named_and_ends_nothing(world: World) -> None:
    """Everything comes back but what an older plan let go."""
    assert isinstance(world.store, MemoryBlobStore)
    collection = "20261120T020000Z-0000000a"
    part = {"number": 0, "kind": PACK_LINES, "lines": 1, "sha256": "0" * 64}
    head = {"format": 1, "began": "2026-11-20T02:00:00+00:00", "parts": [part]}
    key = collection_key(collection, PLAN_NAME)
    world.store.blobs[key] = json.dumps(head).encode()
    world.store.blobs[collection_key(collection, DONE_NAME)] = b'{"format": 1}'
    report = world.rebuild(in_memory())
    assert [(damage.key, damage.error.message) for damage in report.damages] == [
        (key, f"gc/{collection}/00000.jsonl.zst is not there")
    ]
    assert (report.backups, report.users) == (15, 5)


def test_the_catalog_knows_backups_for_as_long_as_the_newest_collection_keeps_them() -> None:
    """Not for as long as a stack that names no rules, unless nothing was ever collected, or somebody says so."""
    collected = RetentionWorld()
    collected.night(0)
    assert catalog_time(collected.store) == timedelta(days=65)
    policy = RetentionPolicy(7, monthly=12)
    collected.settings = replace(collected.settings, policy=policy)
    assert collected.collect() is not None
    assert catalog_time(collected.store) == timedelta(days=policy.catalog_days) == timedelta(days=12 * 31 + 5)
    assert catalog_time(collected.store, 9) == timedelta(days=9)


@pytest.mark.parametrize(
    "counts", [{}, {"days": 400}, {"daily": 90}, {"weekly": 60}, {"monthly": 13, "weekly": 52}, {"yearly": 7}]
)
def test_tables_that_are_filled_forget_when_those_of_workers_do(counts: dict[str, int]) -> None:
    """Workers are told by the program, which knows the settings and not the engine."""
    given = {"days": 60} | counts
    assert RetentionPolicy(**given).catalog_days == catalog_days(Retention.model_validate(given))


def test_an_outage_ends_it_and_it_can_be_run_again(world: World) -> None:
    """What it wrote so far is true and stays."""
    tables = in_memory()
    flaky = FaultyBlobStore(world.store, Faults(failures=Failures(0.2), seed=3))
    with pytest.raises(UnavailableError):
        rebuild(flaky, tables, Silence(), retention=RETENTION)
    world.rebuild(tables)
    assert held(tables)[1] == held(world.tables)[1]


def test_a_table_that_does_not_exist_is_said_at_once(ministack: MiniStack, world: World) -> None:
    """By its name."""
    client = boto3.client("dynamodb", endpoint_url=ministack.endpoint)
    tables = Tables(
        DynamoIndex(lambda: client, "no-dedup"),
        DynamoCatalog(lambda: client, "no-backups"),
        DynamoUsers(lambda: client, "no-users"),
    )
    with pytest.raises(NotFoundError, match="no-backups"):
        world.rebuild(tables)


def test_the_index_names_every_chunk_of_every_pack(world: World) -> None:
    """Each at a place where it is."""
    tables = in_memory()
    report = world.rebuild(tables)
    refs = [ref for found in read_pack_indexes(world.store, list_packs(world.store)) for ref in found.refs]
    places = held(tables)[0]
    assert report.chunks == len(refs)
    assert set(places) == {ref.chunk for ref in refs}
    assert set(places.values()) <= set(refs)


def test_totals_and_states_come_from_the_commit_record(world: World) -> None:
    """Whatever the catalog had said before."""
    (record, *_) = [outcome.result.record for outcome in world.run().outcomes if outcome.result]
    tables = in_memory()
    world.rebuild(tables)
    catalog = held(tables)[1]
    (found,) = [item for (name, _), item in catalog.items() if name.endswith(record.backup_id)]
    totals = Totals(
        *(
            found[name]
            for name in (
                BackupsTable.FILES,
                BackupsTable.UNREADABLE,
                BackupsTable.SIZE,
                BackupsTable.READ,
                BackupsTable.NEW,
                BackupsTable.STORED,
            )
        )
    )
    assert (totals, found[STATUS]) == (record.totals, "COMPLETED")
    users = held(tables)[2]
    assert users["reports", "@root"][UsersTable.FILES] == record.totals.files
