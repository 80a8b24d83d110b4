"""One restore drill: restores a user's newest backup to the scratch bucket, reads it back, and compares."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

from functions.contract.object_keys import user_objects
from functions.engine.commit import CommitRecord
from functions.engine.errors import CorruptionError, RestoreMismatchError, SourceObjectError, StrongroomError
from functions.engine.manifest import Line
from functions.engine.model import Buffer, FileEntry, ObjectRead, Properties, SourceObject
from functions.engine.orchestration.comparison import Comparison
from functions.engine.orchestration.drills import choose_files, part_of, scratch_name
from functions.engine.orchestration.verify_notices import Flaw
from functions.engine.ports import BlobStore, Destination, Source, Target
from functions.engine.repository import BackupName, Repository
from functions.engine.restore import Restorer
from functions.engine.safety import DEFAULT_SAFETY, MIB, SafetyParameters
from functions.engine.timed_store import TimedStore, TimeLeft, check_time

_COMPARED_AT_ONCE = 8
_PART = 4 * MIB
"""Bytes of a file in memory at once, twice: what was restored and what the source holds. In all 64 MiB."""

_FLAWS_KEPT = 100


@dataclass(frozen=True, slots=True)
class DrillPorts:
    """What a drill needs from outside. `destination` writes to the scratch bucket, `scratch` reads it back."""

    store: BlobStore
    source: Source
    destination: Destination
    scratch: Source


class DrillJob(NamedTuple):
    """A drill to do: below which key it restores, at most how many bytes, and the seed that chooses them."""

    backup: BackupName
    folder: str
    at_most_bytes: int
    seed: str


@dataclass(slots=True)
class DrillOutcome:
    """How a drill ended. `beside_source` counts the files whose bytes were compared with the source's too."""

    files: int = 0
    size: int = 0
    beside_source: int = 0
    count: int = 0
    flaws: list[Flaw] = field(default_factory=list)

    def add(self, flaw: Flaw) -> None:
        """Count a flaw, and keep it while there are few."""
        self.count += 1
        if len(self.flaws) < _FLAWS_KEPT:
            self.flaws.append(flaw)


def run_drill(
    ports: DrillPorts, job: DrillJob, time_left: TimeLeft, *, workers: int, safety: SafetyParameters = DEFAULT_SAFETY
) -> DrillOutcome:
    """Do a drill. What keeps it from proving the user is a flaw in the outcome."""
    outcome = DrillOutcome()
    try:
        _Drill(ports, job, time_left, outcome).run(workers, safety)
    except StrongroomError as error:
        outcome.add(Flaw(f"backup {job.backup.backup_id}", error.code, error.message, error.remedy))
    return outcome


class _Compared(NamedTuple):
    entry: FileEntry
    differences: Sequence[str]
    beside_source: bool


class _Drill:
    """A drill at work."""

    def __init__(self, ports: DrillPorts, job: DrillJob, time_left: TimeLeft, outcome: DrillOutcome) -> None:
        self._ports = ports
        self._job = job
        self._time_left = time_left
        self._outcome = outcome
        self._store = TimedStore(ports.store, time_left)
        self._cut = ""

    def run(self, workers: int, safety: SafetyParameters) -> None:
        """Restore a part of the backup, or all of it, and compare."""
        repository = Repository(self._store)
        record = part_of(repository.commit(self._job.backup), self._job.seed)
        self._cut = user_objects(record.prefix, record.user)[0]
        lines = (line for line in repository.entries(record) if isinstance(line, Line))
        keys = choose_files(((line.key, line.size) for line in lines), self._job.seed, self._job.at_most_bytes)
        entries = self._restore(record, keys, workers, safety)
        self._outcome.files = len(entries)
        self._outcome.size = sum(entry.size for entry in entries)
        if not self._outcome.count:  # what could not be restored cannot be compared
            self._compare(entries)

    def _restore(
        self, record: CommitRecord, keys: frozenset[str], workers: int, safety: SafetyParameters
    ) -> list[FileEntry]:
        entries: list[FileEntry] = []

        def wanted(entry: FileEntry) -> bool:
            if entry.key in keys:
                entries.append(entry)
            return entry.key in keys

        destination = _Scratch(self._ports.destination, self._name)
        with Restorer(self._store, destination, workers=workers, safety=safety) as restorer:
            report = restorer.restore([record], wanted)
        for failure in report.failures:
            self._outcome.add(Flaw(repr(failure.name), failure.code, failure.reason, CorruptionError.hint))
        self._outcome.count = max(self._outcome.count, report.failed)
        return entries

    def _compare(self, entries: Sequence[FileEntry]) -> None:
        found = {item.key: item for item in self._ports.scratch.list(self._job.folder)}
        threads = ThreadPoolExecutor(_COMPARED_AT_ONCE, thread_name_prefix="compare")
        try:
            for compared in threads.map(lambda entry: self._compare_file(entry, found), entries):
                self._outcome.beside_source += compared.beside_source
                for difference in compared.differences:
                    error = RestoreMismatchError(difference)
                    self._outcome.add(Flaw(repr(compared.entry.key), error.code, error.message, error.remedy))
        finally:
            threads.shutdown(cancel_futures=True)

    def _compare_file(self, entry: FileEntry, found: dict[str, SourceObject]) -> _Compared:
        item = found.get(self._name(entry.key))
        if item is None:
            return _Compared(entry, ["is not there after the restore"], beside_source=False)
        comparison = Comparison(entry)
        original = _Original(self._ports.source, entry, item.size)
        properties: Properties | None = None
        for start, length in _parts(item.size):
            check_time(self._time_left, f"{item.key} was compared")
            restored = self._ports.scratch.read(item, start, length)
            original.ask(start, length)
            read = restored.result()
            properties = properties or read.properties
            comparison.take(read.data, original.answer())
        return _Compared(entry, comparison.end(properties or Properties()), original.same)

    def _name(self, key: str) -> str:
        return scratch_name(self._job.folder, self._cut, key)


def _parts(size: int) -> Iterator[tuple[int, int | None]]:
    """Give where the parts of an object begin and how long they are; an empty one is read as a whole."""
    if size == 0:
        yield 0, None
    for start in range(0, size, _PART):
        yield start, min(_PART, size - start)


class _Original:
    """What the source holds under a file's key, as long as it is what was backed up."""

    def __init__(self, source: Source, entry: FileEntry, size: int) -> None:
        """Expect to be asked for `size` bytes."""
        self._source = source
        self._item = SourceObject(entry.key, entry.size, entry.etag, entry.modified)
        self._asked: Future[ObjectRead] | None = None
        self.same = size == entry.size

    def ask(self, start: int, length: int | None) -> None:
        """Start to read a part, if there is still reason to."""
        self._asked = self._source.read(self._item, start, length) if self.same else None

    def answer(self) -> Buffer | None:
        """Give the part that was asked for; None when the object changed, is gone, or may not be read."""
        try:
            return self._asked.result().data if self._asked is not None else None
        except SourceObjectError:
            self.same = False
            return None


class _Scratch:
    """A Destination that names what it writes as drills do."""

    def __init__(self, inner: Destination, name: Callable[[str], str]) -> None:
        self._name = name
        self.write = inner.write
        self.begin = inner.begin
        self.finish = inner.finish

    def place(self, key: str) -> Target | None:
        """See Destination. The folder is the drill's own: nothing stands there before."""
        return Target(self._name(key), key)
