"""Verifies backups: structure, a seeded sample of packs, or every byte; names what is damaged and what it touches."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from random import Random
from typing import NamedTuple, Self

from functions.contract.object_keys import commit_key, pack_key
from functions.engine.budget import Budget
from functions.engine.checked_lines import CheckedLines
from functions.engine.commit import CommitRecord
from functions.engine.errors import (
    BlobNotFoundError,
    ChunkCorruptError,
    CommitCorruptError,
    CorruptionError,
    FormatError,
    ManifestCorruptError,
    PackMissingError,
    StrongroomError,
)
from functions.engine.manifest import Line
from functions.engine.model import Buffer, ChunkRef, PackId, Unreadable
from functions.engine.pack import FOOTER_SIZE, read_footer, read_index
from functions.engine.pack_indexes import IndexCache, list_packs
from functions.engine.ports import BlobStore, Progress, Silence
from functions.engine.repository import BackupName, Repository, look_ahead
from functions.engine.safety import DEFAULT_SAFETY, SafetyParameters
from functions.engine.verify_report import WHOLE, DamageLog, Depth, Share, VerifyReport
from functions.engine.workers import Pending, Tools, WorkerPool

_AHEAD = 8
"""Backups whose first manifest is asked for before its turn. With the one after it a backup holds two of 8 MiB."""


class Survey(NamedTuple):
    """What a verification starts from: the commit records, those that cannot be read and why, the packs that exist."""

    records: Sequence[CommitRecord]
    unreadable: Sequence[tuple[BackupName, StrongroomError]]
    present: frozenset[PackId]


def survey(store: BlobStore, names: Iterable[BackupName]) -> Survey:
    """Read the commit records of the named backups, then list the packs. Raises only what keeps it from looking."""
    found = list(Repository(store).commits(names))
    return Survey(
        [record for _, record in found if isinstance(record, CommitRecord)],
        [(name, error) for name, error in found if isinstance(error, StrongroomError)],
        frozenset(list_packs(store)),
    )


class Verifier:
    """One verification. Use it as a context manager, call `verify` or `verify_surveyed` once."""

    def __init__(
        self,
        store: BlobStore,
        *,
        workers: int,
        safety: SafetyParameters = DEFAULT_SAFETY,
        progress: Progress | None = None,
    ) -> None:
        """Start `workers` threads: one a core."""
        self._store = store
        self._repository = Repository(store)
        self._safety = safety
        self._progress = progress or Silence()
        self._budget = Budget(safety.restore_budget)
        self._pool = WorkerPool(workers, self._fail)
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="verify")
        self._indexes = IndexCache(store)
        self._checked = CheckedLines()
        self._lock = threading.Lock()
        self._pending = Pending()
        self._ended = False
        self._log = DamageLog()
        self._report = VerifyReport()

    def __enter__(self) -> Self:
        """Give the verifier."""
        return self

    def __exit__(self, *_details: object) -> None:
        """End the threads."""
        self._ended = True
        self._reader.shutdown(wait=True, cancel_futures=True)
        self._pool.close()

    def verify(
        self,
        names: Iterable[BackupName],
        depth: Depth,
        *,
        percent: float = 1.0,
        seed: int = 0,
        share: Share = WHOLE,
    ) -> VerifyReport:
        """Verify the named backups. `percent` of their packs are read at depth SAMPLE, chosen by `seed`.

        With a `share` this verifier does one part of the work; `merge_reports` joins what the parts found.
        Raises only what keeps it from looking; what it finds is in the report.
        """
        return self.verify_surveyed(survey(self._store, names), depth, percent=percent, seed=seed, share=share)

    def verify_surveyed(
        self, found: Survey, depth: Depth, *, percent: float = 1.0, seed: int = 0, share: Share = WHOLE
    ) -> VerifyReport:
        """Verify what a survey found, see `verify`. All parts of a verification may start from one survey."""
        records = found.records
        for name, error in found.unreadable:
            self._log.add_backup(name, commit_key(*name), error)
        packs = sorted({pack for record in records for pack in record.packs})
        self._check_presence(packs, found.present)
        structure = self._reader.submit(self._check_records, share.run_of(records))
        readable = [pack for pack in packs if not self._log.knows_pack(pack)]
        self._read_packs(share.of(_choose(readable, depth, percent, seed)))
        structure.result()
        self._pending.wait()
        self._attribute(records)
        self._report.backups = len(records)
        self._report.packs = len(packs)
        self._report.damages = self._log.all()
        return self._report

    def _check_presence(self, packs: Sequence[PackId], present: frozenset[PackId]) -> None:
        for pack in packs:
            if pack not in present:
                self._log.add_pack(pack, PackMissingError(f"pack {pack} does not exist"))
        self._report.orphans = len(present.difference(packs))

    def _check_records(self, records: Sequence[CommitRecord]) -> None:
        for record, known, lines in look_ahead(self._begin, records, _AHEAD):
            if self._ended:
                return
            self._indexes.load(record.packs)
            files = 0
            try:
                for line in lines:
                    if isinstance(line, Line):
                        files += 1
                        self._check_entry(line, known.declared)
                        self._checked.add(line.raw, tuple(line.packs()))
            except (CorruptionError, FormatError) as error:
                name = _name(record)
                self._log.add_backup(name, f"backup {name.backup_id} of user {name.user!r}", error)
            self._report.files += files + known.count

    def _begin(self, record: CommitRecord) -> tuple[CommitRecord, _Known, Iterator[Line | Unreadable]]:
        known = _Known(self._checked, frozenset(record.packs))
        return record, known, self._repository.entries(record, skip=known)

    def _check_entry(self, line: Line, declared: frozenset[PackId]) -> None:
        entry = line.entry()
        if sum(ref.length for ref in entry.chunks) != entry.size:
            raise ManifestCorruptError(f"the chunks of {entry.key!r} do not add up to {entry.size} bytes")
        for ref in entry.chunks:
            if ref.pack not in declared:
                raise CommitCorruptError(f"{entry.key!r} needs pack {ref.pack}, which the commit record does not name")
            index = self._indexes.get(ref.pack)
            if index.error is not None:
                self._log.add_pack(ref.pack, index.error)
            elif ref not in index.places:
                self._log.add_chunk(ref, ChunkCorruptError(f"pack {ref.pack} does not hold it at {ref.offset}"))

    def _read_packs(self, packs: Iterable[PackId]) -> None:
        """Read whole packs. The next one is asked for when there is room for it."""
        remaining = iter(packs)
        while True:
            self._budget.acquire(self._safety.pack_target)
            pack = next(remaining, None)
            if pack is None:
                break
            self._pending.begin()
            self._store.get(pack_key(pack)).add_done_callback(self._arrival(pack))
        self._budget.release(self._safety.pack_target)

    def _arrival(self, pack: PackId) -> Callable[[Future[Buffer]], None]:
        return lambda future: self._pool.submit(lambda tools: self._prove(pack, future, tools))

    def _prove(self, pack: PackId, future: Future[Buffer], tools: Tools) -> None:
        try:
            data = future.result()
            view = memoryview(data)
            for ref in _index_of(pack, data):
                try:
                    tools.decoder.decode(view[ref.offset : ref.offset + ref.stored], ref)
                except CorruptionError as error:
                    self._log.add_chunk(ref, error)
            self._count_pack(len(data))
        except BlobNotFoundError:
            self._log.add_pack(pack, PackMissingError(f"pack {pack} does not exist"))
        except (CorruptionError, FormatError) as error:
            self._log.add_pack(pack, error)
        finally:
            self._budget.release(self._safety.pack_target)
            self._pending.end()

    def _count_pack(self, size: int) -> None:
        with self._lock:
            self._report.packs_read += 1
            self._report.bytes_read += size
        self._progress.advance(read=size)

    def _attribute(self, records: Sequence[CommitRecord]) -> None:
        """Read the manifests once more, only when something is damaged, and note what that touches."""
        if not self._log.needs_attribution():
            return
        for record in records:
            try:
                for line in self._repository.entries(record):
                    if isinstance(line, Line):
                        self._log.attribute(_name(record), line)
            except (CorruptionError, FormatError):
                continue

    def _fail(self, error: BaseException) -> None:
        self._pending.fail(error)
        self._budget.fail(error)


class _Known:
    """Says of the lines of one backup whether they were checked already, and counts those."""

    def __init__(self, checked: CheckedLines, declared: frozenset[PackId]) -> None:
        self.declared = declared
        self.count = 0
        self._checked = checked

    def __call__(self, line: bytes) -> bool:
        held = self._checked.holds(line, self.declared)
        self.count += held
        return held


def _name(record: CommitRecord) -> BackupName:
    return BackupName(record.source, record.user, record.backup_id)


def _choose(packs: Sequence[PackId], depth: Depth, percent: float, seed: int) -> Sequence[PackId]:
    if depth is Depth.STRUCTURE:
        return []
    if depth is Depth.FULL:
        return packs
    count = min(len(packs), max(1, round(len(packs) * percent / 100)))
    return Random(seed).sample(packs, count) if packs else []  # noqa: S311 - a repeatable sample, not a secret


def _index_of(pack: PackId, data: Buffer) -> list[ChunkRef]:
    footer = read_footer(pack, data, len(data))
    end = len(data) - FOOTER_SIZE
    return read_index(pack, footer, memoryview(data)[end - footer.index_stored : end])
