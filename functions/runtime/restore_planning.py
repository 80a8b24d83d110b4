"""Plans a restore: reads the manifests of the chosen backups, cuts them into tasks and counts what they will take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from functions.engine.commit import CommitRecord, SegmentRef
from functions.engine.conflict import Conflict
from functions.engine.errors import BackupNotFoundError, CorruptionError
from functions.engine.manifest import Line
from functions.engine.model import PackId
from functions.engine.orchestration.archive import Archive, PackState
from functions.engine.orchestration.ports import Facts, Ledger, Planned, Work
from functions.engine.orchestration.restore_choice import ChoicePage, Chosen, choose_page
from functions.engine.orchestration.restore_estimate import (
    Estimate,
    RequestCounter,
    refused_estimate,
    task_estimate,
    thaw_estimate,
)
from functions.engine.orchestration.restore_requests import RestoreRequest, wanted_keys
from functions.engine.orchestration.restore_tasks import Cut, Cutter, RestoreTask, TaskLimits, TaskNumber, TooLarge
from functions.engine.ports import BlobStore, Clock
from functions.engine.repository import BackupName, Repository
from functions.engine.safety import DEFAULT_SAFETY, SafetyParameters

MARGIN = 120.0
"""Seconds before the deadline at which planning stops: reading eight manifests at once takes less."""

_READERS = 8
_SEEN = 200_000
_PINNED = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PlanCursor:
    """Where planning goes on: at a segment of a backup of a page; and what was counted up to there."""

    page: int = 0
    backup: int = 0
    segment: int = 0
    estimate: Estimate = field(default_factory=Estimate)

    def facts(self) -> dict[str, Any]:
        """Give the cursor as JSON values."""
        return asdict(self) | {"estimate": self.estimate.facts()}

    @staticmethod
    def from_facts(facts: Facts) -> PlanCursor:
        """Undo `facts`."""
        return PlanCursor(**{**facts, "estimate": Estimate.from_facts(facts["estimate"])})


@dataclass(frozen=True, slots=True)
class PlanEnd:
    """What planning came to: what was counted, and where to go on when the time was up."""

    estimate: Estimate
    cursor: PlanCursor | None = None


@dataclass(frozen=True, slots=True)
class _BackupPlan:
    """The tasks of one backup, or of its first segments: then `resume` is the next one's position."""

    tasks: list[Planned]
    estimate: Estimate
    resume: int | None = None


class RestorePlanner:
    """Plans one restore after the other. Whoever plans one, and however often, makes the same tasks of it."""

    def __init__(
        self,
        store: BlobStore,
        archive: Archive,
        ledger: Ledger,
        clock: Clock,
        *,
        limits: TaskLimits | None = None,
        safety: SafetyParameters = DEFAULT_SAFETY,
    ) -> None:
        """Read from `store`, write tasks to `ledger`."""
        self._store = store
        self._archive = archive
        self._ledger = ledger
        self._clock = clock
        self._limits = limits or TaskLimits()
        self._safety = safety
        self._repository = Repository(store)

    def plan(
        self,
        work: Work,
        request: RestoreRequest,
        cursor: PlanCursor,
        expires: datetime,
        seconds_left: Callable[[], float],
    ) -> PlanEnd:
        """Plan from `cursor` on, until all is planned or the time is nearly up.

        BackupNotFoundError when the request names what does not exist.
        """
        before = self._page(work, request, cursor.page - 1, None) if cursor.page else None
        while True:
            page = self._page(work, request, cursor.page, before)
            for position, part in self._plans(page, request, cursor, seconds_left):
                self._ledger.plan(work.id, part.tasks, expires)
                estimate = cursor.estimate.plus(part.estimate)
                if part.resume is not None:
                    return PlanEnd(estimate, PlanCursor(cursor.page, position, part.resume, estimate))
                cursor = replace(cursor, estimate=estimate)
            if page.last:
                return PlanEnd(cursor.estimate)
            before, cursor = page, PlanCursor(cursor.page + 1, estimate=cursor.estimate)

    def packs(self, task: RestoreTask, request: RestoreRequest) -> set[PackId]:
        """Give the packs that a task needs; those of what can be read, when its backup is damaged."""
        wanted = wanted_keys(request.patterns)
        packs: set[PackId] = set()
        with suppress(CorruptionError, BackupNotFoundError):
            record = self._repository.commit(BackupName(task.source, task.user, task.backup_id))
            part = replace(record, segments=tuple(ref for ref in record.segments if ref.number == task.segment))
            for line in self._repository.entries(part, after=task.after, until=task.until):
                if isinstance(line, Line) and wanted(line.key):
                    packs |= line.packs()
        return packs

    def _page(self, work: Work, request: RestoreRequest, number: int, before: ChoicePage | None) -> ChoicePage:
        """Give a page of the choice: as it was noted, or else chosen now and noted for good."""
        name = f"choice-{number:06d}"
        now = self._clock()
        claim = self._ledger.claim(work.id, name, work.id, now, now + _PINNED)
        if claim.facts is not None:
            return ChoicePage.from_facts(claim.facts)
        page = choose_page(self._store, request, number, before)
        return ChoicePage.from_facts(self._ledger.note(work.id, name, page.facts()))

    def _plans(
        self, page: ChoicePage, request: RestoreRequest, cursor: PlanCursor, seconds_left: Callable[[], float]
    ) -> Iterator[tuple[int, _BackupPlan]]:
        """Plan the backups of a page from the cursor on, several at once; give them in their order."""
        seen: dict[PackId, bool] = {}

        def one(position: int) -> _BackupPlan:
            first = cursor.segment if position == cursor.backup else 0
            number = TaskNumber(cursor.page, position, first, 0)
            job = _BackupJob(self._repository, self._archive, request, self._limits, self._safety, seen)
            # Something is always done, so that each invocation gets on, however little time it has.
            begins = position == cursor.backup or seconds_left() >= MARGIN
            return job.plan(page.backups[position], number, seconds_left) if begins else _BackupPlan([], Estimate(), 0)

        readers = ThreadPoolExecutor(_READERS, thread_name_prefix="plan")
        try:
            positions = range(cursor.backup, len(page.backups))
            yield from zip(positions, readers.map(one, positions), strict=True)
        finally:
            readers.shutdown(cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _BackupJob:
    """Plans one backup. `seen` says of packs whether they are archived; all jobs of a page share it."""

    repository: Repository
    archive: Archive
    request: RestoreRequest
    limits: TaskLimits
    safety: SafetyParameters
    seen: dict[PackId, bool]

    def plan(self, chosen: Chosen, first: TaskNumber, seconds_left: Callable[[], float]) -> _BackupPlan:
        """Plan from the segment on that `first` names; stop when the time is nearly up."""
        plan = _BackupPlan([], Estimate(backups=1 if first.segment == 0 else 0))
        try:
            record = self.repository.commit(BackupName(self.request.source, *chosen))
        except (CorruptionError, BackupNotFoundError):
            # The task says what is wrong with it: its worker meets the same error.
            task = RestoreTask(self.request.source, *chosen, segment=0)
            return _BackupPlan([first.planned(task)], plan.estimate.plus(Estimate(tasks=1, damaged=1)))
        for position in range(first.segment, len(record.segments)):
            if position > first.segment and seconds_left() < MARGIN:
                return replace(plan, resume=position)
            number = first._replace(segment=position)
            part = _SegmentPlan(self, record, record.segments[position], number).plan()
            plan = _BackupPlan(plan.tasks + part.tasks, plan.estimate.plus(part.estimate))
        return plan

    def archived(self, packs: set[PackId]) -> tuple[int, Estimate]:
        """Say how many of the packs are archived, and what it takes to thaw those not seen before."""
        known = {pack: self.seen[pack] for pack in packs & self.seen.keys()}
        estimate = Estimate()
        for stored in self.archive.states([pack for pack in packs if pack not in known]):
            known[stored.pack] = stored.state is not PackState.READY
            if known[stored.pack]:
                estimate = estimate.plus(thaw_estimate(stored, self.request.tier))
        if len(self.seen) < _SEEN:
            self.seen.update(known)
        return sum(known.values()), estimate


class _SegmentPlan:
    """Cuts one segment. Streams its manifest, so that nobody holds more than the packs of one task."""

    def __init__(self, job: _BackupJob, record: CommitRecord, segment: SegmentRef, number: TaskNumber) -> None:
        self._job = job
        self._record = record
        self._segment = segment
        self._number = number
        self._cutter = Cutter(job.limits)
        self._counter = RequestCounter(job.safety)
        self._packs: set[PackId] = set()
        self._tasks: list[Planned] = []
        self._estimate = Estimate()

    def plan(self) -> _BackupPlan:
        try:
            self._read()
        except CorruptionError:
            self._take(*self._cutter.finish(), self._cutter.rest())
            self._estimate = self._estimate.plus(Estimate(damaged=1))
        else:
            self._take(*self._cutter.finish())
        return _BackupPlan(self._tasks, self._estimate)

    def _read(self) -> None:
        wanted = wanted_keys(self._job.request.patterns)
        unreadable = 0
        for line in self._job.repository.entries(replace(self._record, segments=(self._segment,))):
            if not wanted(line.key):
                continue
            if not isinstance(line, Line):
                unreadable += 1
                continue
            self._take(*self._cutter.add(line.key, line.size))
            if line.size <= self._job.limits.file:
                self._packs |= line.packs()
                self._counter.add(line.entry())
        self._estimate = self._estimate.plus(Estimate(unreadable=unreadable))

    def _take(self, *done: Cut | TooLarge) -> None:
        for item in done:
            if isinstance(item, TooLarge):
                self._estimate = self._estimate.plus(refused_estimate(self._record.user, item))
            else:
                self._task(item)

    def _task(self, cut: Cut) -> None:
        looks = self._job.request.conflict is not Conflict.OVERWRITE
        archived, thawing = self._job.archived(self._packs)
        record = self._record
        task = RestoreTask(record.source, record.user, record.backup_id, self._segment.number, *cut, archived=archived)
        self._tasks.append(self._number._replace(cut=len(self._tasks)).planned(task))
        for part in (task_estimate(cut, looks=looks), self._counter.end_task(), thawing):
            self._estimate = self._estimate.plus(part)
        self._packs = set()
