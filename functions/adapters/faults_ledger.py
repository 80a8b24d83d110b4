"""Wraps the orchestration's ports so that they die or fail on command, after the plan of `faults.Faults`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from functions.adapters.faults import Faults
from functions.contract.states import BackupState
from functions.engine.commit import CommitRecord
from functions.engine.orchestration.ports import (
    BackupStart,
    Catalog,
    Claim,
    DrillResult,
    Drills,
    Envelope,
    Facts,
    Lease,
    Ledger,
    Notice,
    Notifier,
    Planned,
    Queue,
    Users,
    UserState,
    Work,
)


class FaultyLedger:
    """A Ledger that follows a plan."""

    def __init__(self, inner: Ledger, faults: Faults) -> None:
        """Wrap `inner`."""
        self._inner = inner
        self._faults = faults

    def open(self, work: Work, expires: datetime) -> Work:
        """See Ledger."""
        return self._faults.run("ledger.open", lambda: self._inner.open(work, expires))

    def get(self, work_id: str) -> Work:
        """See Ledger."""
        return self._faults.run("ledger.get", lambda: self._inner.get(work_id))

    def with_status(self, status: str, since: datetime | None = None) -> Iterator[Work]:
        """See Ledger."""
        return self._faults.walk("ledger.with_status", lambda: self._inner.with_status(status, since))

    def change(self, work_id: str, before: Iterable[str], after: str, facts: Facts | None = None) -> bool:
        """See Ledger."""
        return self._faults.run("ledger.change", lambda: self._inner.change(work_id, before, after, facts))

    def acquire(self, source: str, token: str, run_id: str, now: datetime, until: datetime) -> Lease:
        """See Ledger."""
        return self._faults.run("ledger.acquire", lambda: self._inner.acquire(source, token, run_id, now, until))

    def release(self, source: str, run_id: str) -> None:
        """See Ledger."""
        self._faults.run("ledger.release", lambda: self._inner.release(source, run_id))

    def plan(self, work_id: str, tasks: Iterable[Planned], expires: datetime) -> None:
        """See Ledger."""
        self._faults.run("ledger.plan", lambda: self._inner.plan(work_id, tasks, expires))

    def planned(self, work_id: str) -> Iterator[Planned]:
        """See Ledger."""
        return self._faults.walk("ledger.planned", lambda: self._inner.planned(work_id))

    def planned_task(self, work_id: str, task: str) -> Planned:
        """See Ledger."""
        return self._faults.run("ledger.planned_task", lambda: self._inner.planned_task(work_id, task))

    def seal(self, work_id: str) -> Work:
        """See Ledger."""
        return self._faults.run("ledger.seal", lambda: self._inner.seal(work_id))

    def claim(self, work_id: str, task: str, owner: str, now: datetime, until: datetime, part: int = 0) -> Claim:
        """See Ledger."""
        return self._faults.run("ledger.claim", lambda: self._inner.claim(work_id, task, owner, now, until, part))

    def note(self, work_id: str, task: str, facts: Facts) -> Facts:
        """See Ledger."""
        return self._faults.run("ledger.note", lambda: self._inner.note(work_id, task, facts))

    def yield_claim(self, work_id: str, task: str, owner: str, part: int = 0) -> None:
        """See Ledger."""
        self._faults.run("ledger.yield_claim", lambda: self._inner.yield_claim(work_id, task, owner, part))

    def finish_part(self, work_id: str, task: str, part: int) -> frozenset[int]:
        """See Ledger."""
        return self._faults.run("ledger.finish_part", lambda: self._inner.finish_part(work_id, task, part))

    def finish(self, work_id: str, task: str, outcome: str, counts: Mapping[str, int]) -> Work:
        """See Ledger."""
        return self._faults.run("ledger.finish", lambda: self._inner.finish(work_id, task, outcome, counts))

    def missing(self, work_id: str) -> Iterator[str]:
        """See Ledger."""
        return self._faults.walk("ledger.missing", lambda: self._inner.missing(work_id))

    def outcomes(self, work_id: str) -> Iterator[tuple[str, str]]:
        """See Ledger."""
        return self._faults.walk("ledger.outcomes", lambda: self._inner.outcomes(work_id))

    def begin_close(self, work_id: str, now: datetime, until: datetime) -> bool:
        """See Ledger."""
        return self._faults.run("ledger.begin_close", lambda: self._inner.begin_close(work_id, now, until))


class FaultyCatalog:
    """A Catalog that follows a plan."""

    def __init__(self, inner: Catalog, faults: Faults) -> None:
        """Wrap `inner`."""
        self._inner = inner
        self._faults = faults

    def start(self, backup: BackupStart) -> None:
        """See Catalog."""
        self._faults.run("catalog.start", lambda: self._inner.start(backup))

    def advance(self, backup: BackupStart, state: BackupState, error: str | None = None) -> bool:
        """See Catalog."""
        return self._faults.run("catalog.advance", lambda: self._inner.advance(backup, state, error))

    def complete(self, record: CommitRecord, trigger: str, expires: datetime) -> None:
        """See Catalog."""
        self._faults.run("catalog.complete", lambda: self._inner.complete(record, trigger, expires))


class FaultyUsers:
    """Users that follow a plan."""

    def __init__(self, inner: Users, faults: Faults) -> None:
        """Wrap `inner`."""
        self._inner = inner
        self._faults = faults

    def backed_up(self, record: CommitRecord) -> None:
        """See Users."""
        self._faults.run("users.backed_up", lambda: self._inner.backed_up(record))

    def proven(self, source: str, user: str, when: datetime) -> None:
        """See Users."""
        self._faults.run("users.proven", lambda: self._inner.proven(source, user, when))

    def all(self, source: str) -> Iterator[UserState]:
        """See Users."""
        return self._faults.walk("users.all", lambda: self._inner.all(source))


class FaultyDrills:
    """Drills that follow a plan."""

    def __init__(self, inner: Drills, faults: Faults) -> None:
        """Wrap `inner`."""
        self._inner = inner
        self._faults = faults

    def record(self, result: DrillResult, expires: datetime) -> None:
        """See Drills."""
        self._faults.run("drills.record", lambda: self._inner.record(result, expires))


class FaultyQueue:
    """A Queue that follows a plan."""

    def __init__(self, inner: Queue, faults: Faults) -> None:
        """Wrap `inner`."""
        self._inner = inner
        self._faults = faults

    def send(self, messages: Sequence[Envelope], *, delay: int = 0) -> None:
        """See Queue."""
        self._faults.run("queue.send", lambda: self._inner.send(messages, delay=delay))


class FaultyNotifier:
    """A Notifier that follows a plan."""

    def __init__(self, inner: Notifier, faults: Faults) -> None:
        """Wrap `inner`."""
        self._inner = inner
        self._faults = faults

    def publish(self, notice: Notice) -> None:
        """See Notifier."""
        self._faults.run("notifier.publish", lambda: self._inner.publish(notice))
