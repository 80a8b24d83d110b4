"""Fills empty tables from the bucket alone: dedup index, catalog and users.

What the bucket does not know does not come back: FAILED backups and those under way, what started a backup (taken
from its type), the last proof of a user, the first backup of a user when it has expired, and runs, restores and
drills. None of it keeps the next run from going on as if nothing had happened. Of a chunk that stands in two packs
the index may name the other one. What a collection has let go is left out, although it is listed for a day or two;
when its plan is damaged, an older one says what that is.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from functions.adapters.dynamo.catalog import DynamoCatalog
from functions.adapters.dynamo.index import DynamoIndex
from functions.adapters.dynamo.users import DynamoUsers
from functions.adapters.side_by_side import side_by_side
from functions.contract.object_keys import (
    COMMIT_NAME,
    PLAN_NAME,
    SNAPSHOTS,
    collection_key,
    commit_key,
    pack_key,
    parse_snapshot_key,
)
from functions.engine.commit import CommitRecord
from functions.engine.errors import (
    BackupNotFoundError,
    CommitCorruptError,
    CorruptionError,
    FormatError,
    StrongroomError,
)
from functions.engine.model import BackupType
from functions.engine.orchestration.ports import Catalog, Users
from functions.engine.pack_indexes import PackIndex, list_targets, read_pack_indexes
from functions.engine.ports import BlobStore, DedupIndex, Progress
from functions.engine.repository import BackupName, Repository
from functions.engine.retention.expired import expired_backups
from functions.engine.retention.history import History, load_history
from functions.engine.retention.policy import RetentionPolicy
from functions.runtime.cloud import Cloud

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

_THREADS = 16
"""Enough to hide the waits for S3 and DynamoDB; fewer than the connections of one client."""
_DEFAULT_POLICY = RetentionPolicy(60)


class TableNames(NamedTuple):
    """The tables to fill."""

    dedup: str
    backups: str
    users: str


@dataclass(frozen=True, slots=True)
class Tables:
    """What is filled."""

    index: DedupIndex
    catalog: Catalog
    users: Users


class Damaged(NamedTuple):
    """An object of the repository that was left out, and why."""

    key: str
    error: StrongroomError


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """What was filled in. Chunks are counted once for each pack that holds them."""

    packs: int
    chunks: int
    backups: int
    users: int
    damages: tuple[Damaged, ...]


def open_tables(cloud: Cloud, names: TableNames) -> Tables:
    """Give the tables of a connection. Nothing is asked yet."""
    client = cloud.dynamodb
    return Tables(
        DynamoIndex(client, names.dedup), DynamoCatalog(client, names.backups), DynamoUsers(client, names.users)
    )


def catalog_time(store: BlobStore, days: int | None = None) -> timedelta:
    """Give for how long the catalog is to know a backup: `days`, or as long as the newest collection's rules keep one.

    Where there was no collection yet, the rules are those of a stack that names none.
    """
    if days is None:
        last = load_history(store, ()).last
        policy = RetentionPolicy(**last.head["policy"]) if last is not None else _DEFAULT_POLICY
        days = policy.catalog_days
    return timedelta(days=days)


def rebuild(
    store: BlobStore, tables: Tables, progress: Progress, *, retention: timedelta, source: str | None = None
) -> RebuildReport:
    """Write what the bucket knows into the tables; harmless when they hold it already.

    Catalog and users are those of `source`, or of every source; the dedup index is that of all packs in any case,
    for sources share packs. A damaged object is named in the report and left out: of a damaged pack, the chunks
    count as unknown and are stored again. Each object counts as a file of the progress.
    Raises BackupNotFoundError when there is no backup.
    """
    work = _Rebuild(store, tables, progress, retention)
    work.plans(load_history(store))
    side_by_side(work.user, _users(store, source, expired_backups(store)), _THREADS)
    if not work.counts["seen"]:
        what = "the repository" if source is None else f"source {source!r}"
        raise BackupNotFoundError(f"{what} has no backup", hint="check the bucket and the source's name")
    side_by_side(work.pack, read_pack_indexes(store, list_targets(store)), _THREADS)
    counts = work.counts
    damages = tuple(sorted(work.damages, key=lambda damage: damage.key))
    return RebuildReport(counts["packs"], counts["chunks"], counts["backups"], counts["users"], damages)


class _Rebuild:
    """Does the parts, in any thread, and counts."""

    def __init__(self, store: BlobStore, tables: Tables, progress: Progress, retention: timedelta) -> None:
        self.counts: Counter[str] = Counter()
        self.damages: list[Damaged] = []
        self._repository = Repository(store)
        self._tables = tables
        self._progress = progress
        self._retention = retention
        self._lock = threading.Lock()

    def plans(self, history: History) -> None:
        """Name the plans of collections that cannot be followed: older ones say what was let go."""
        for plan in history.unusable:
            self._damaged(collection_key(plan.collection, PLAN_NAME), CorruptionError(plan.why))

    def user(self, names: Sequence[BackupName]) -> None:
        """Enter all backups of one user, oldest first."""
        records = [record for name in names if (record := self._committed(name)) is not None]
        # The first one says since when a proof is due; of one backup it is the last one, too.
        for record in records[:1] + records[1:][-1:]:
            self._tables.users.backed_up(record)
        self._count(seen=len(names), backups=len(records), users=min(1, len(records)))

    def pack(self, found: PackIndex) -> None:
        """Enter all chunks of one pack."""
        if found.error is not None:
            self._damaged(pack_key(found.pack_id), found.error)
            return
        self._tables.index.record(found.refs)
        self._progress.advance(files=1)
        self._count(packs=1, chunks=len(found.refs))

    def _committed(self, name: BackupName) -> CommitRecord | None:
        """Enter one backup; give its record, or None when it is damaged."""
        try:
            record = self._repository.commit(name)
            expires = _finished(record, name) + self._retention
        except (BackupNotFoundError, CorruptionError, FormatError) as error:
            self._damaged(commit_key(*name), error)
            return None
        self._tables.catalog.complete(record, _trigger_of(record), expires)
        self._progress.advance(files=1)
        return record

    def _damaged(self, key: str, error: StrongroomError) -> None:
        with self._lock:
            self.damages.append(Damaged(key, error))

    def _count(self, **counts: int) -> None:
        with self._lock:
            self.counts.update(counts)


def _users(store: BlobStore, source: str | None, without: AbstractSet[BackupName]) -> Iterator[list[BackupName]]:
    """Give each user's backups, oldest first, as the listing comes."""
    listed = _all_backups(store) if source is None else Repository(store).backups(source)
    names = (name for name in listed if name not in without)
    for _user, backups in groupby(names, key=lambda name: (name.source, name.user)):
        yield list(backups)


def _all_backups(store: BlobStore) -> Iterator[BackupName]:
    for blob in store.list(SNAPSHOTS):
        parsed = parse_snapshot_key(blob.key)
        if parsed is not None and parsed.name == COMMIT_NAME:
            yield BackupName(parsed.source, parsed.user, parsed.backup_id)


def _finished(record: CommitRecord, name: BackupName) -> datetime:
    """Say when a backup ended. CommitCorruptError when the record holds what no table can take."""
    try:
        times = [datetime.fromisoformat(text) for text in (record.started, record.finished)]
    except (TypeError, ValueError) as error:
        raise CommitCorruptError(f"commit record {commit_key(*name)}: {error}") from error
    if any(moment.tzinfo is None for moment in times) or not all(isinstance(count, int) for count in record.totals):
        raise CommitCorruptError(f"commit record {commit_key(*name)}: a time without a zone, or a count that is none")
    return times[1].astimezone(UTC)


def _trigger_of(record: CommitRecord) -> str:
    """Guess what started a backup: only the type of a manual run tells."""
    return "manual" if record.type is BackupType.MANUAL else "schedule"
