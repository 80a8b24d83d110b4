"""The work of a restore: a group of units whose ranges have arrived, the large files, and the ledger of it all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import NamedTuple

from functions.engine.budget import Budget
from functions.engine.errors import (
    BlobNotFoundError,
    CorruptionError,
    DestinationExistsError,
    PackMissingError,
)
from functions.engine.model import Buffer, ChunkId, ChunkRef, FileEntry
from functions.engine.ports import Destination, LargeWrite, Progress, Target
from functions.engine.restore_plan import Group, Unit
from functions.engine.workers import Pending, Tools

_FAILURES_KEPT = 1_000


class Failure(NamedTuple):
    """A file, or a whole backup, that could not be restored."""

    name: str
    code: str
    reason: str


@dataclass(slots=True)
class RestoreReport:
    """What a restore did. `failed` counts all failures, `failures` names the first 1,000."""

    restored: int = 0
    bytes: int = 0
    skipped: int = 0
    failed: int = 0
    failures: list[Failure] = field(default_factory=list)


def merge_restores(reports: Sequence[RestoreReport]) -> RestoreReport:
    """Join the reports of restores that ran side by side."""
    merged = RestoreReport()
    for report in reports:
        merged.restored += report.restored
        merged.bytes += report.bytes
        merged.skipped += report.skipped
        merged.failed += report.failed
        merged.failures += report.failures[: _FAILURES_KEPT - len(merged.failures)]
    return merged


class Ledger:
    """Counts what is under way, what is done and what failed. Safe from any thread."""

    def __init__(self, budget: int, progress: Progress) -> None:
        """Allow `budget` bytes in memory."""
        self.report = RestoreReport()
        self._budget = Budget(budget)
        self._progress = progress
        self._lock = threading.Lock()
        self._pending = Pending()

    def begin(self, cost: int) -> None:
        """Start a group of `cost` bytes; wait until there is memory for it. Raises what ended the restore."""
        self._budget.acquire(cost)
        self._pending.begin()

    def hold(self) -> None:
        """Count one more thing that `wait` must wait for."""
        self._pending.begin()

    def end(self, cost: int = 0) -> None:
        """Count one thing less; give its memory back."""
        self._budget.release(cost)
        self._pending.end()

    def restored(self, size: int) -> None:
        """Count a file that is visible now."""
        with self._lock:
            self.report.restored += 1
            self.report.bytes += size
        self._progress.advance(files=1, read=size)

    def skipped(self) -> None:
        """Count a file that exists at the destination and stays."""
        with self._lock:
            self.report.skipped += 1

    def failed(self, name: str, error: CorruptionError) -> None:
        """Count a file, or a backup, that cannot be proven."""
        with self._lock:
            self.report.failed += 1
            if len(self.report.failures) < _FAILURES_KEPT:
                self.report.failures.append(Failure(name, error.code, error.message))

    def settle(self, entry: FileEntry, error: BaseException | None) -> None:
        """Count a file by how it ended. An error that is not the file's own ends the restore."""
        if error is None:
            self.restored(entry.size)
        elif isinstance(error, DestinationExistsError):
            self.skipped()
        elif isinstance(error, CorruptionError):
            self.failed(entry.key, error)
        else:
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """End the restore."""
        self._budget.fail(error)
        self._pending.fail(error)

    def wait(self) -> None:
        """Return when nothing is under way. Raises what ended the restore."""
        self._pending.wait()


class LargeFile:
    """A file that is restored in parts: visible when the last part is written and all were proven."""

    def __init__(
        self, entry: FileEntry, writer: LargeWrite, parts: int, ledger: Ledger, forget: Callable[[], None]
    ) -> None:
        """Expect `parts` parts; `forget` is called when the file has ended either way."""
        self._entry = entry
        self._writer = writer
        self._missing = parts
        self._ledger = ledger
        self._forget = forget
        self._lock = threading.Lock()
        self._error: BaseException | None = None
        self._abandoned = False
        ledger.hold()

    def write(self, unit: Unit, parts: list[Buffer]) -> Future[None]:
        """Write one part."""
        return self._writer.write(unit.number or 0, unit.offset, parts)

    def part_ended(self, error: BaseException | None) -> None:
        """Count a part that is written, or that failed; after the last one make the file visible, or forget it."""
        with self._lock:
            self._error = self._error or error
            self._missing -= 1
            if self._missing:
                return
        self._forget()
        if self._error is not None:
            self._end(self._error)
        else:
            self._writer.complete().add_done_callback(lambda done: self._end(done.exception()))

    def abandon(self) -> None:
        """Forget what was written, once: giving it up may make the parts under way fail, which leads back here."""
        with self._lock:
            first, self._abandoned = not self._abandoned, True
        if first:
            self._writer.abort()

    def _end(self, error: BaseException | None) -> None:
        if error is not None:
            self.abandon()
        self._ledger.settle(self._entry, error)
        self._ledger.end()


class GroupWork:
    """Proves and writes the units of a group. Runs in a worker when all ranges have arrived."""

    def __init__(
        self,
        group: Group,
        reads: list[Future[Buffer]],
        large: Mapping[Target, LargeFile],
        destination: Destination,
        ledger: Ledger,
    ) -> None:
        """Take the futures of the group's ranges, in their order."""
        self._group = group
        self._reads = reads
        self._large = large
        self._destination = destination
        self._ledger = ledger
        self._proven: dict[ChunkId, Buffer] = {}
        self._lock = threading.Lock()
        self._unwritten = len(group.units)

    def run(self, tools: Tools) -> None:
        """Do all units."""
        for unit in self._group.units:
            try:
                future = self._write(unit, [self._plain(ref, tools) for ref in unit.chunks])
            except BaseException as error:  # noqa: BLE001 - it is this unit's outcome, or the restore's end
                self._unit_ended(unit, error)
            else:
                future.add_done_callback(lambda done, unit=unit: self._unit_ended(unit, done.exception()))  # type: ignore[misc]
        self._reads.clear()
        self._proven.clear()

    def _write(self, unit: Unit, parts: list[Buffer]) -> Future[str] | Future[None]:
        if unit.number is not None:
            return self._large[unit.target].write(unit, parts)
        entry = unit.entry
        sha256 = unit.chunks[0].chunk if len(unit.chunks) == 1 else None
        return self._destination.write(unit.target, parts, entry.properties, entry.modified, sha256)

    def _plain(self, ref: ChunkRef, tools: Tools) -> Buffer:
        plain = self._proven.get(ref.chunk)
        if plain is None:
            plain = self._proven[ref.chunk] = tools.decoder.decode(self._stored(ref), ref)
        return plain

    def _stored(self, ref: ChunkRef) -> memoryview:
        position = self._group.range_of(ref)
        try:
            data = self._reads[position].result()
        except BlobNotFoundError as error:
            raise PackMissingError(f"pack {ref.pack} does not exist") from error
        start = ref.offset - self._group.ranges[position].start
        return memoryview(data)[start : start + ref.stored]

    def _unit_ended(self, unit: Unit, error: BaseException | None) -> None:
        if unit.number is None:
            self._ledger.settle(unit.entry, error)
        else:
            self._large[unit.target].part_ended(error)
        with self._lock:
            self._unwritten -= 1
            last = self._unwritten == 0
        if last:
            self._ledger.end(self._group.cost)
