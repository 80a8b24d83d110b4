"""A collection of many packs stays small: listings and records are streamed, a pack costs less than forty bytes."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta

from functions.adapters.memory import answered
from functions.adapters.memory_versioned import MemoryTargets, VersionedStore
from functions.contract.object_keys import PACKS, SNAPSHOTS, commit_key, pack_key, parse_snapshot_key
from functions.engine.commit import CommitRecord, encode_commit
from functions.engine.model import BackupStatus, BackupType, BlobInfo, Buffer, PackId, Totals
from functions.engine.ports import Tail
from functions.engine.retention.collector import collect
from functions.engine.retention.pack_table import PackTable
from functions.engine.retention.plan import PACKS as PACK_LINES
from functions.engine.retention.plan import read_plan
from functions.engine.retention.policy import RetentionPolicy
from functions.engine.retention.ports import CollectorPorts
from functions.engine.retention.settings import CollectSettings
from functions.engine.safety import MIB
from tests.engine.kit import Ids, make_pack

NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)
COUNT = 100_000
A_USER = 1_000
"""Packs that one user needs. Every tenth user's packs are needed by nobody."""
BOUND = 40 * MIB


class VastStore(VersionedStore):
    """Holds as many packs as it is told to, and makes them up when somebody asks."""

    def __init__(self, count: int) -> None:
        """Nothing is held but what is written."""
        super().__init__(lambda: NOW, lock=timedelta(days=30), undelete=timedelta(days=14))
        self._packs = count

    def list(self, prefix: str, start_after: str = "") -> Iterator[BlobInfo]:
        """See BlobStore."""
        born = "2026-11-01T02:00:00.000Z"
        if prefix == PACKS:
            return (BlobInfo(pack_key(self.pack(number)), 16 * MIB, born) for number in range(self._packs))
        if prefix == SNAPSHOTS:
            users = range(self._packs // A_USER)
            return (BlobInfo(commit_key(*self.name(user)), 1, born) for user in users if user % 10)
        return super().list(prefix, start_after)

    def get(self, key: str, start: int = 0, length: int | None = None) -> Future[Buffer]:
        """See BlobStore."""
        parsed = parse_snapshot_key(key)
        if parsed is None:
            return super().get(key, start, length)
        return answered(lambda: self._record(int(parsed.user)))

    def get_tail(self, key: str, length: int) -> Future[Tail]:
        """See BlobStore."""
        pack = make_pack(key.rpartition("/")[2], [key.encode()])
        data = b"".join(pack.parts)
        return answered(lambda: Tail(data[-length:], len(data)))

    def put_new(self, key: str, parts: Sequence[Buffer]) -> Future[None]:
        """See BlobStore."""
        return super().put_new(key, parts)

    def pack(self, number: int) -> PackId:
        """Give the id of a pack: sorted, spread, and odd enough."""
        return f"{number * (2**128 // self._packs) + number * 7_919 % 1_000:032x}"

    def name(self, user: int) -> tuple[str, str, str]:
        """Give the name of a user's only backup."""
        return "s", f"{user:06}", "20261101T020000Z-00000001"

    def _record(self, user: int) -> bytes:
        packs = tuple(self.pack(number) for number in range(user * A_USER, (user + 1) * A_USER))
        source, name, backup_id = self.name(user)
        return encode_commit(
            CommitRecord(
                source, name, backup_id, BackupType.FULL, BackupStatus.COMPLETED, "1", "run", "",
                "2026-11-01T02:00:00Z", "2026-11-01T02:30:00Z", Totals(), (), packs,
            )
        )  # fmt: skip


def test_a_hundred_thousand_packs_fit_into_forty_megabytes() -> None:
    """And those that nobody needs are all found, and none of the others."""
    store = VastStore(COUNT)
    ports = CollectorPorts(store, store, MemoryTargets(), Ids())
    tracemalloc.start()
    try:
        report = collect(ports, CollectSettings(RetentionPolicy(60), 30))
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (report.counts["packs"], report.counts["packs_condemn"]) == (COUNT, COUNT // 10)
    assert peak < BOUND, f"{peak / MIB:.1f} MiB"
    plan = read_plan(store, report.collection, done=True)
    lines = [line["pack"] for line in plan.lines(store, PACK_LINES)]
    assert lines == [store.pack(number) for number in range(COUNT) if number // A_USER % 10 == 0]


def test_a_pack_costs_forty_bytes_at_most_and_is_found_among_all_others() -> None:
    """A million of them fit into forty megabytes; measured, they take 32 more."""
    store = VastStore(COUNT)
    tracemalloc.start()
    try:
        table = PackTable.list(store)
        held, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held / COUNT < 40
    assert all(table.mark(store.pack(number)) for number in range(0, COUNT, 997))
    assert not table.mark("f" * 32)
    live = [position for position in range(COUNT) if table.facts(position).live]
    assert live == list(range(0, COUNT, 997))
