"""Restores backups from a repository to a destination. Needs S3 and nothing else.

Every chunk's SHA-256 and every file's length is proven before a file becomes visible. A file whose bytes cannot
be proven is reported and left out; the others are restored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Self

from functions.contract.object_keys import pack_key
from functions.engine.commit import CommitRecord
from functions.engine.errors import ChunkCorruptError, CorruptionError
from functions.engine.manifest import Line
from functions.engine.model import FileEntry
from functions.engine.ports import BlobStore, Destination, Progress, Silence, Target
from functions.engine.reading import after_all
from functions.engine.repository import Repository
from functions.engine.restore_plan import Unit, group_units, units_of
from functions.engine.restore_work import GroupWork, LargeFile, Ledger, RestoreReport
from functions.engine.safety import DEFAULT_SAFETY, SafetyParameters
from functions.engine.workers import WorkerPool


def everything(_entry: FileEntry) -> bool:
    """Want every file."""
    return True


class Restorer:
    """One restore. Use it as a context manager, call `restore` once."""

    def __init__(
        self,
        store: BlobStore,
        destination: Destination,
        *,
        workers: int,
        safety: SafetyParameters = DEFAULT_SAFETY,
        progress: Progress | None = None,
    ) -> None:
        """Start `workers` threads: one a core."""
        self._store = store
        self._repository = Repository(store)
        self._destination = destination
        self._safety = safety
        self._ledger = Ledger(safety.restore_budget, progress or Silence())
        self._pool = WorkerPool(workers, self._ledger.fail)
        self._large: dict[Target, LargeFile] = {}

    def __enter__(self) -> Self:
        """Give the restorer."""
        return self

    def __exit__(self, *_details: object) -> None:
        """End the threads; forget large files that were not finished."""
        self._pool.close()
        for large in list(self._large.values()):
            large.abandon()

    def restore(
        self, records: Iterable[CommitRecord], wanted: Callable[[FileEntry], bool] = everything
    ) -> RestoreReport:
        """Restore the `wanted` files of all `records`. Raises what makes it pointless to go on."""
        window: list[Unit] = []
        weight = 0
        for record in records:
            for unit in self._units(record, wanted):
                window.append(unit)
                weight += 1 + len(unit.chunks)
                if weight >= self._safety.restore_window:
                    self._start(window)
                    window, weight = [], 0
        self._start(window)
        self._ledger.wait()
        self._destination.finish()
        return self._ledger.report

    def _units(self, record: CommitRecord, wanted: Callable[[FileEntry], bool]) -> Iterator[Unit]:
        try:
            for line in self._repository.entries(record):
                entry = line.entry() if isinstance(line, Line) else None
                if entry is None or not wanted(entry):
                    continue
                target = self._destination.place(entry.key)
                if target is None:
                    self._ledger.skipped()
                else:
                    yield from self._cut(target, entry)
        except CorruptionError as error:
            self._ledger.failed(f"backup {record.backup_id} of {record.user!r}", error)

    def _cut(self, target: Target, entry: FileEntry) -> list[Unit]:
        if sum(ref.length for ref in entry.chunks) != entry.size:
            error = ChunkCorruptError(f"the chunks of {entry.key!r} do not add up to {entry.size} bytes")
            self._ledger.failed(entry.key, error)
            return []
        units = units_of(target, entry, self._safety.part_size)
        if units[0].number is not None:
            writer = self._destination.begin(target, entry.size, entry.properties, entry.modified)
            self._large[target] = LargeFile(entry, writer, len(units), self._ledger, self._forget(target))
        return units

    def _forget(self, target: Target) -> Callable[[], None]:
        def forget() -> None:
            self._large.pop(target, None)

        return forget

    def _start(self, window: list[Unit]) -> None:
        for group in group_units(window, self._safety):
            self._ledger.begin(group.cost)
            large = {unit.target: self._large[unit.target] for unit in group.units if unit.number is not None}
            reads = [self._store.get(pack_key(item.pack), item.start, item.length) for item in group.ranges]
            work = GroupWork(group, reads, large, self._destination, self._ledger)
            after_all(reads, lambda work=work: self._pool.submit(work.run))  # type: ignore[misc]
