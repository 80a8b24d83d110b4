"""Backs up users of a source into a repository.

Write order, never changed: packs, dedup index, segment manifests, commit record. A crash between any two leaves
orphans, never a lie: nothing refers to what is not there yet.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from functions.contract.object_keys import commit_key, user_objects
from functions.engine import ENGINE_VERSION
from functions.engine.budget import Budget
from functions.engine.chunker import require_native
from functions.engine.commit import SAMPLE, CommitRecord, SegmentRef, encode_commit
from functions.engine.dedup import Deduplicator
from functions.engine.errors import BackupNotFoundError, BackupTooOldError, CorruptionError
from functions.engine.manifest import Header, Line
from functions.engine.merge import Carry, Read, merge
from functions.engine.model import BackupStatus, BackupType, PackId, Segment, SourceObject, Totals, Unreadable
from functions.engine.packer import Packer
from functions.engine.ports import BlobStore, Clock, DedupIndex, Ids, Progress, Silence, Source
from functions.engine.reading import Outcome, Reader, Shop, Task
from functions.engine.repository import BackupName, Repository
from functions.engine.safety import DEFAULT_SAFETY, SafetyParameters
from functions.engine.segments import SegmentWriter, put_once, refuse_if_all_denied
from functions.engine.workers import WorkerPool


@dataclass(frozen=True, slots=True)
class BackupJob:
    """One user's backup to make. `prefix` is the source's prefix, empty or ending with `/`."""

    source: str
    user: str
    prefix: str
    type: BackupType
    run_id: str
    parent: BackupName | None = None
    start_after: str = ""
    """Begin after this key: the continuation of an earlier invocation."""
    end_at: str | None = None
    """End at this key: one part of a very large prefix."""
    first_segment: int = 0


@dataclass(frozen=True, slots=True)
class SegmentsWritten:
    """What one invocation wrote. `resume_after` is the last key it took when it was told to stop, else None."""

    segments: list[Segment]
    resume_after: str | None


@dataclass(frozen=True, slots=True)
class BackupResult:
    """A committed backup. `warnings` say what went differently than planned."""

    record: CommitRecord
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything a session needs from outside."""

    source: Source
    store: BlobStore
    index: DedupIndex
    clock: Clock
    ids: Ids
    progress: Progress = field(default_factory=Silence)


class BackupSession:
    """Backs up any number of users, several at once, through one pool of workers and shared packs.

    Use it as a context manager. `backup` may be called from many threads. An error that reaches the repository's
    write path ends all backups of the session; an error of one user's source ends that user's backup only.
    """

    def __init__(
        self,
        ports: Ports,
        *,
        workers: int,
        safety: SafetyParameters = DEFAULT_SAFETY,
        avoid: AbstractSet[PackId] = frozenset(),
    ) -> None:
        """Start `workers` threads: one a core. What is read again is not left in the packs to `avoid`."""
        require_native()
        self._ports = ports
        self._safety = safety
        self._repository = Repository(ports.store)
        self._packer = Packer(ports.store, ports.index, ports.ids, safety)
        self._budget = Budget(safety.buffer_budget)
        self._pool = WorkerPool(workers, self._fail)
        dedup = Deduplicator(ports.index, self._packer)
        self._shop = Shop(ports.source, dedup, self._pool, self._budget, safety, ports.progress, avoid)
        self._since: datetime | None = None

    def __enter__(self) -> Self:
        """Give the session."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the threads."""
        self._pool.close()
        self._packer.close()

    def backup(self, job: BackupJob) -> BackupResult:
        """Make and commit one backup. A damaged parent costs a full read, never the backup."""
        try:
            return self._backup(job, ())
        except (CorruptionError, BackupNotFoundError) as error:
            if job.parent is None:
                raise
            warning = f"the parent {job.parent.backup_id} is damaged, so everything was read again: {error}"
            return self._backup(replace(job, parent=None), (warning,))

    def _backup(self, job: BackupJob, warnings: tuple[str, ...]) -> BackupResult:
        started = self._ports.clock()
        # Whoever makes many backups in one session chose the parents, and may have filled its index, at the beginning.
        self._since = self._since or started
        backup_id = new_backup_id(started, self._ports.ids, job.parent)
        written = self.write_segments(job, backup_id)
        self._refuse_if_too_old(self._since)
        return BackupResult(self.commit(job, backup_id, started, written.segments), warnings)

    def abandon(self, error: BaseException) -> None:
        """Let every backup under way end with `error`, uncommitted."""
        self._fail(error)

    def write_segments(
        self, job: BackupJob, backup_id: str, stop: Callable[[int], bool] = lambda _ahead: False
    ) -> SegmentsWritten:
        """Read and store the user's objects until the end, or until `stop` says so. Commits nothing.

        `stop` is asked before each object but the first, with the bytes of it that would have to be read.
        """
        self._packer.register()
        try:
            return self._write_segments(job, backup_id, stop)
        finally:
            self._packer.unregister()

    def commit(self, job: BackupJob, backup_id: str, started: datetime, segments: list[Segment]) -> CommitRecord:
        """Write the commit record over all segments, in order. From here on the backup exists.

        BackupTooOldError when it was `started` longer ago than any collection waits for.
        """
        refuse_if_all_denied(segments)
        finished = self._refuse_if_too_old(started)
        totals = Totals()
        packs: set[PackId] = set()
        unreadable: list[Unreadable] = []
        for segment in segments:
            totals = totals.plus(segment.totals)
            packs |= segment.packs
            unreadable += segment.unreadable
        record = CommitRecord(
            source=job.source,
            user=job.user,
            backup_id=backup_id,
            type=job.type,
            status=BackupStatus.PARTIAL if totals.unreadable else BackupStatus.COMPLETED,
            engine=ENGINE_VERSION,
            run_id=job.run_id,
            prefix=job.prefix,
            started=rfc3339(started),
            finished=rfc3339(finished),
            totals=totals,
            segments=tuple(SegmentRef(s.number, s.sha256, s.first_key, s.last_key) for s in segments),
            packs=tuple(sorted(packs)),
            parent=job.parent.backup_id if job.parent else None,
            unreadable=tuple(unreadable[:SAMPLE]),
        )
        put_once(self._ports.store, commit_key(job.source, job.user, backup_id), encode_commit(record))
        return record

    def _write_segments(self, job: BackupJob, backup_id: str, stop: Callable[[int], bool]) -> SegmentsWritten:
        header = Header(job.source, job.user, backup_id, job.first_segment)
        writer = SegmentWriter(self._ports.store, self._packer, header, self._safety)
        reader = Reader(self._shop)
        feed = _Feed(writer, reader, self._safety.entry_window, self._ports.progress)
        last: str | None = None
        resume_after: str | None = None
        try:
            for decision in merge(self._listing(job), self._parent_lines(job), job.type):
                if last is not None and stop(decision.item.size if isinstance(decision, Read) else 0):
                    resume_after = last
                    break
                last = feed.take(decision)
            feed.settle_all()
        finally:
            reader.flush()
        return SegmentsWritten(writer.finish(), resume_after)

    def _refuse_if_too_old(self, since: datetime) -> datetime:
        """Give the time, if it is not too late for what began at `since`."""
        now, limit = self._ports.clock(), self._safety.job_limit
        if now - since > limit:
            raise BackupTooOldError(f"it began at {rfc3339(since)}, more than {limit} ago")
        return now

    def _listing(self, job: BackupJob) -> Iterator[SourceObject]:
        prefix, recursive = user_objects(job.prefix, job.user)
        for item in self._ports.source.list(prefix, job.start_after, recursive=recursive):
            if job.end_at is not None and item.key > job.end_at:
                return
            yield item

    def _parent_lines(self, job: BackupJob) -> Iterator[Line | Unreadable]:
        if job.parent is None:
            return
        parent = self._repository.commit(job.parent)
        yield from self._repository.entries(parent, after=job.start_after, until=job.end_at)

    def _fail(self, error: BaseException) -> None:
        self._packer.fail(error)
        self._budget.fail(error)


class _Outcomes:
    """Outcomes on their way from the workers to the backup's thread, which is woken only when it has enough."""

    def __init__(self) -> None:
        self._ready: deque[list[Outcome]] = deque()
        self._lock = threading.Lock()
        self._enough = threading.Event()
        self._count = 0
        self._wanted = 0

    def put(self, outcomes: list[Outcome]) -> None:
        """Add outcomes. An error counts for everything: nobody should wait any longer."""
        with self._lock:
            self._ready.append(outcomes)
            self._count += len(outcomes)
            failed = any(outcome.error is not None for outcome in outcomes)
            wake = self._wanted and (failed or self._count >= self._wanted)
        if wake:
            self._enough.set()

    def wait_for(self, count: int) -> None:
        """Return when `count` outcomes have come since the beginning, or an error has."""
        with self._lock:
            self._enough.clear()
            self._wanted = count
            if self._count >= count or any(outcome.error for some in self._ready for outcome in some):
                return
        self._enough.wait()

    def take(self) -> Iterator[Outcome]:
        """Give what is there."""
        while self._ready:
            yield from self._ready.popleft()


class _Feed:
    """Feeds decisions to the reader and outcomes to the writer, and keeps the two within a window."""

    def __init__(self, writer: SegmentWriter, reader: Reader, window: int, progress: Progress) -> None:
        self._writer = writer
        self._reader = reader
        self._window = window
        self._progress = progress
        self._outcomes = _Outcomes()
        self._taken = 0
        self._submitted = 0
        self._received = 0

    def take(self, decision: Carry | Read) -> str:
        """Start what a decision asks for; give the object's key."""
        sequence = self._taken
        self._taken += 1
        if isinstance(decision, Carry):
            line = decision.line
            self._writer.add(Outcome(sequence, line.raw, line.key, frozenset(line.packs()), line.size))
            self._progress.advance(files=1)
            key = line.key
        else:
            self._submitted += 1
            self._reader.submit(Task(sequence, decision.item, decision.parent, self._outcomes.put))
            key = decision.item.key
        self._drain()
        if self._taken - self._writer.settled >= self._window:
            self._reader.flush()
            while self._taken - self._writer.settled >= self._window:
                self._settle(self._window // 4)
        return key

    def settle_all(self) -> None:
        """Wait for every object that was taken."""
        self._reader.flush()
        while self._writer.settled < self._taken:
            self._settle(self._submitted)

    def _settle(self, more: int) -> None:
        """Wait for up to `more` outcomes beyond those that have come, and write what can be written."""
        self._outcomes.wait_for(min(self._submitted, self._received + more))
        self._drain()

    def _drain(self) -> None:
        for outcome in self._outcomes.take():
            self._received += 1
            self._writer.add(outcome)


def new_backup_id(now: datetime, ids: Ids, parent: BackupName | None = None) -> str:
    """Give an id that sorts by time: `20261120T020000Z-1f3a9c20`.

    It sorts after the parent's in any case: within the same second, or when the clock has been set back, a child
    that sorted before would never be the newest.
    """
    if parent is not None:
        stamp = parent.backup_id.partition("-")[0]
        now = max(now, datetime.strptime(stamp, "%Y%m%dT%H%M%S%z") + timedelta(seconds=1))
    return f"{now:%Y%m%dT%H%M%SZ}-{ids(4)}"


def rfc3339(moment: datetime) -> str:
    """Give a moment in UTC as `2026-11-20T02:00:00Z`."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
