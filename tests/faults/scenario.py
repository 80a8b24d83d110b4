"""A small repository in which everything occurs: many users, packs, segments, parts, changes and shared content."""

from __future__ import annotations

import itertools
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from random import Random
from typing import TypeAlias, TypeVar

from functions.adapters.faults import Faults, FaultyBlobStore, FaultyIndex, FaultySource
from functions.adapters.memory import MemoryBlobStore, MemoryDestination, MemoryIndex, MemorySource
from functions.engine.backup import Ports
from functions.engine.commit import CommitRecord
from functions.engine.model import BackupType, ChunkId, ChunkRef, Properties, SourceObject
from functions.engine.ports import BlobStore, Destination
from functions.engine.repository import BackupName, Repository
from functions.engine.restore import Restorer
from functions.engine.restore_work import RestoreReport
from functions.engine.safety import KIB, SafetyParameters
from functions.engine.verify import Verifier
from functions.engine.verify_report import Depth, VerifyReport
from functions.runtime.local_run import RunReport, RunRequest, back_up

T = TypeVar("T")

SOURCE = "office"
PREFIX = "clients/"
PATIENCE = 30.0
"""Seconds after which a job that does not end is called a hang. One takes some 10 ms."""

TINY = SafetyParameters(
    pack_target=96 * KIB,
    pack_limit=2_048 * KIB,
    buffer_budget=256 * KIB,
    packs_in_flight=2,
    part_size=64 * KIB,
    batch_bytes=32 * KIB,
    batch_files=3,
    entry_window=6,
    segment_entries=3,
    restore_window=12,
    restore_group=96 * KIB,
    restore_budget=256 * KIB,
    coalesce_gap=1 * KIB,
)
"""Limits so small that a handful of files needs many packs, segments, batches, parts and groups."""

Content: TypeAlias = dict[str, tuple[bytes, Properties]]
"""What a source or a destination holds: bytes and properties by key."""


def noise(size: int, seed: int) -> bytes:
    """Give bytes that do not compress, always the same for a seed."""
    return Random(seed).randbytes(size)


_PLAIN = Properties()
_RICH = Properties(
    {"content-type": "application/pdf", "cache-control": "no-store"}, {"owner": "ada"}, {"class": "secret", "a b": "+"}
)
_LARGE = noise(400 * KIB, 18)
_SHARED = noise(20 * KIB, 2)

_OLDER: Content = {
    "clients/readme.txt": (b"nobody's own file", _PLAIN),
    "clients//nameless/file": (b"below a folder without a name", _PLAIN),
    "clients/ada/a-large.bin": (_LARGE, _RICH),
    "clients/ada/b-shared.bin": (_SHARED, _PLAIN),
    "clients/ada/c-empty": (b"", _RICH),
    "clients/ada/d-kept.txt": (b"stays as it is " * 50, _RICH),
    "clients/ada/e-deleted.txt": (b"is deleted later", _PLAIN),
    "clients/ada/h-moving.txt": (b"is changed under the reader's eyes", _PLAIN),
    "clients/bob/b-shared.bin": (_SHARED, Properties({"content-type": "image/png"})),
    "clients/bob/c-text.txt": (b"text that compresses well. " * 400, _PLAIN),
    **{f"clients/bob/many/{number:02}": (noise(900, 100 + number), _PLAIN) for number in range(8)},
    "clients/dan/leaves.txt": (b"the user leaves", _PLAIN),
}

_CHANGES: Content = {
    "clients/readme.txt": (b"nobody's own file, changed", _PLAIN),
    "clients/ada/a-large.bin": (_LARGE[: 300 * KIB] + b"an insertion" + _LARGE[300 * KIB :], _RICH),
    "clients/ada/f-new.bin": (noise(70 * KIB, 3), _RICH),
    "clients/ada/g-new.txt": (b"a small new one", _PLAIN),
    "clients/ada/h-moving.txt": (b"changed once between the backups", _PLAIN),
    "clients/bob/b-shared.bin": (noise(30 * KIB, 4), _PLAIN),
    "clients/bob/d-copy.bin": (_SHARED, _PLAIN),
    "clients/bob/e-new.bin": (noise(50 * KIB, 5), _PLAIN),
    "clients/bob/many/03": (b"one of many changed", _RICH),
    "clients/cyd/new user's file": (b"hello", _RICH),
    "clients/cyd/z-large.bin": (noise(140 * KIB, 6), _PLAIN),
}
_DELETIONS = ("clients/ada/e-deleted.txt", "clients/dan/leaves.txt")
_MOVING: Content = {
    "clients/ada/h-moving.txt": (b"changed again while the backup ran", _RICH),
    "clients/cyd/z-large.bin": (noise(150 * KIB, 7), _RICH),
}
"""Objects that change while a backup reads them: after the listing, and a large one after its first part."""

_start = datetime(2026, 11, 20, 2, tzinfo=UTC)
_numbers = itertools.count(1)


def clock() -> datetime:
    """Give the time of the night's run; names differ by their ids."""
    return _start


def ids(count: int) -> str:
    """Give the next id: they rise, so that backups of the same second sort in the order in which they were made."""
    return f"{next(_numbers):0{2 * count}x}"


@dataclass
class State:
    """What outlives a process: the repository's blobs, the dedup table and the source."""

    blobs: dict[str, bytes]
    places: dict[ChunkId, ChunkRef]
    source: MemorySource

    def copy(self) -> State:
        """Give a state that changes on its own; some objects of its source change while they are read."""
        source = MemorySource()
        source.objects = dict(self.source.objects)
        source.before_read = _change_once(source)
        return State(dict(self.blobs), dict(self.places), source)

    def store(self) -> MemoryBlobStore:
        """Give a fresh adapter over the blobs."""
        store = MemoryBlobStore()
        store.blobs = self.blobs
        return store

    def index(self) -> MemoryIndex:
        """Give a fresh adapter over the table."""
        index = MemoryIndex()
        index.places = self.places
        return index

    def ports(self, faults: Faults | None = None) -> Ports:
        """Give fresh adapters over the state, wrapped when `faults` is given."""
        if faults is None:
            return Ports(self.source, self.store(), self.index(), clock, ids)
        source, store = FaultySource(self.source, faults), FaultyBlobStore(self.store(), faults)
        return Ports(source, store, FaultyIndex(self.index(), faults), clock, ids)

    def content(self) -> Content:
        """Give what the source holds now."""
        return {key: (found.data, found.properties) for key, found in self.source.objects.items()}


def _change_once(source: MemorySource) -> Callable[[SourceObject], None]:
    def before_read(item: SourceObject) -> None:
        data, properties = _MOVING.get(item.key, (b"", _PLAIN))
        begun = item.size <= TINY.part_size or source.reads.get(item.key, 0) > 0
        if data and begun and source.objects[item.key].data != data:
            source.put(item.key, data, properties=properties)

    return before_read


@dataclass(frozen=True)
class Older:
    """The older backup: the state after it, with the changed source, its commit records and what it holds."""

    state: State
    records: list[CommitRecord]
    content: Content


@cache
def older() -> Older:
    """Make the older backup, once; work on copies of its state."""
    source = MemorySource()
    for key, (data, properties) in sorted(_OLDER.items()):
        source.put(key, data, properties=properties)
    state = State({}, {}, source)
    report = run_backup(state.ports())
    records = [outcome.result.record for outcome in report.outcomes if outcome.result is not None]
    for key in _DELETIONS:
        source.delete(key)
    for key, (data, properties) in sorted(_CHANGES.items()):
        source.put(key, data, properties=properties)
    return Older(state, records, dict(_OLDER))


def run_backup(ports: Ports, *, jobs: int = 1, workers: int = 1, full: bool = False) -> RunReport:
    """Back up all users of the scenario's source."""
    kind = BackupType.FULL if full else BackupType.INCREMENTAL
    return back_up(ports, RunRequest(SOURCE, PREFIX, type=kind, jobs=jobs), workers=workers, safety=TINY)


def records_of(store: BlobStore, users: Iterable[str]) -> list[CommitRecord]:
    """Give the newest committed backup of each of `users`."""
    repository = Repository(store)
    return [repository.commit(repository.newest_of(SOURCE, user)) for user in users]


def run_restore(store: BlobStore, destination: Destination, records: list[CommitRecord]) -> RestoreReport:
    """Restore whole backups."""
    with Restorer(store, destination, workers=1, safety=TINY) as restorer:
        return restorer.restore(records)


def restored(store: BlobStore, records: list[CommitRecord]) -> Content:
    """Give what the backups hold, as a restore into memory brings it back. Raises when the restore has a failure."""
    destination = MemoryDestination()
    report = run_restore(store, destination, records)
    if report.failed or report.skipped:
        raise AssertionError(f"the restore left something out: {report}")
    return content_of(destination)


def content_of(destination: MemoryDestination) -> Content:
    """Give what a destination shows."""
    return {name: (file.data, file.properties) for name, file in destination.files.items()}


def owned_by(user: str, content: Content) -> Content:
    """Give a user's part of the source."""
    owners = {key: key.removeprefix(PREFIX).partition("/") for key in content}
    names = {key: (name or "/") if slash else "" for key, (name, slash, _rest) in owners.items()}
    return {key: value for key, value in content.items() if names[key] == user}


def all_backups(store: BlobStore) -> list[BackupName]:
    """Name every committed backup."""
    return list(Repository(store).backups(SOURCE))


def verified(store: BlobStore) -> VerifyReport:
    """Read every byte of every committed backup."""
    with Verifier(store, workers=1, safety=TINY) as verifier:
        return verifier.verify(all_backups(store), Depth.FULL)


def within(seconds: float, job: Callable[[], T]) -> T:
    """Do the job in a thread of its own; give what it gives, raise what it raises, or say that it hangs."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(job())
        except BaseException as error:  # noqa: BLE001 - it is raised where the job was asked for
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise AssertionError(f"the job hangs: it did not end within {seconds:g} s\n{_stacks()}")
    if errors:
        raise errors[0]
    return results[0]


def _stacks() -> str:
    frames = sys._current_frames()
    return "\n".join(
        f"{thread.name}:\n{''.join(traceback.format_stack(frames[thread.ident or 0])[-6:])}"
        for thread in threading.enumerate()
        if thread.ident in frames
    )


@contextmanager
def no_thread_left() -> Iterator[None]:
    """Prove that the block ends every thread that it starts."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE)
        assert not thread.is_alive(), f"thread {thread.name} is left"
