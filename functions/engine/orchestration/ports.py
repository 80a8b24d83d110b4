"""What the orchestration of runs and restores needs from outside, and what each port must guarantee.

Messages come at least once, late, out of order and side by side. What makes that harmless is here: every call may be
made twice, and a call that decides something decides it once, for everybody.
Every port raises errors from `engine.errors` only, has done its own retries, and may be called from any thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from functions.contract.states import BackupState, DrillState
from functions.engine.commit import CommitRecord
from functions.engine.model import BackupType

Facts = Mapping[str, Any]
"""What a piece of work or a task is, as plain JSON values."""


@dataclass(frozen=True, slots=True)
class Work:
    """A run or a restore. `expected` is None until all its tasks are planned; `counts` is what done tasks add up."""

    id: str
    status: str
    started: datetime
    facts: Facts = field(default_factory=dict)
    expected: int | None = None
    done: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Say whether every task is planned and done."""
        return self.expected is not None and self.done >= self.expected


class Lease(NamedTuple):
    """Who holds a source. `granted` is true also for the one who asks again with the same token.

    `ended` says that what the token started is over already: the event was delivered twice. `replaced` names the
    run whose lease had run out and who has lost the source by this call.
    """

    granted: bool
    run_id: str
    ended: bool = False
    replaced: str | None = None


class ClaimState(StrEnum):
    """What became of a claim: it is ours, somebody else's for now, or there is nothing left to do."""

    GRANTED = "granted"
    HELD = "held"
    DONE = "done"


class Claim(NamedTuple):
    """The answer to a claim. `until` is when the holder's lease ends, `facts` what was noted of the task, or None."""

    state: ClaimState
    until: datetime
    facts: Facts | None = None


class Planned(NamedTuple):
    """A task as it was planned."""

    task: str
    facts: Facts


class Ledger(Protocol):
    """Pieces of work that are made of tasks: runs in one ledger, restores in another.

    Guarantees: strongly consistent; `plan`, `note`, `finish`, `finish_part` and `seal` change nothing the second
    time; a task is counted once; of all who call `begin_close` one is told to go on, until its lease runs out.
    """

    def open(self, work: Work, expires: datetime) -> Work:
        """Write a new piece of work, or give the one that has its id. `expires` is when it may be forgotten."""
        ...

    def get(self, work_id: str) -> Work:
        """Give a piece of work. NotFoundError when there is none."""
        ...

    def with_status(self, status: str, since: datetime | None = None) -> Iterator[Work]:
        """Give the work that has this status, started at `since` or later, oldest first. May be a moment behind."""
        ...

    def change(self, work_id: str, before: Iterable[str], after: str, facts: Facts | None = None) -> bool:
        """Set the status, and replace the facts if given, if the status is one of `before`; say whether it was."""
        ...

    def acquire(self, source: str, token: str, run_id: str, now: datetime, until: datetime) -> Lease:
        """Take a source for a run, unless another run holds it at `now`.

        With the token of the present or last holder, give that one's run again.
        """
        ...

    def release(self, source: str, run_id: str) -> None:
        """Give a source back. Nothing happens when this run does not hold it."""
        ...

    def plan(self, work_id: str, tasks: Iterable[Planned], expires: datetime) -> None:
        """Write what tasks there are. Planned again, a task is the same task."""
        ...

    def planned(self, work_id: str) -> Iterator[Planned]:
        """Give all planned tasks, in the order of their names' bytes."""
        ...

    def planned_task(self, work_id: str, task: str) -> Planned:
        """Give one planned task. NotFoundError when there is none."""
        ...

    def seal(self, work_id: str) -> Work:
        """Say that all tasks are planned: counts them and sets `expected`. Gives the work as it is then."""
        ...

    def claim(self, work_id: str, task: str, owner: str, now: datetime, until: datetime, part: int = 0) -> Claim:
        """Take a task, or a part of one, until a time, unless it is done or somebody holds it at `now`.

        `owner` names one delivery; who asks again while holding it is granted it again. A part that is done can be
        claimed until its task is: whoever did the last part may not have got to finish the task. NotFoundError when
        there is no such work.
        """
        ...

    def note(self, work_id: str, task: str, facts: Facts) -> Facts:
        """Note facts of a task that somebody has claimed, unless there are some; give those that are there now."""
        ...

    def yield_claim(self, work_id: str, task: str, owner: str, part: int = 0) -> None:
        """Give a claim back before its time, if `owner` still holds it."""
        ...

    def finish_part(self, work_id: str, task: str, part: int) -> frozenset[int]:
        """Note that a part of a task is done; give all parts that are."""
        ...

    def finish(self, work_id: str, task: str, outcome: str, counts: Mapping[str, int]) -> Work:
        """Note that a task is done, once: adds 1 to `done` and the counts to the work's. Gives the work after it."""
        ...

    def missing(self, work_id: str) -> Iterator[str]:
        """Give the planned tasks that are not done, in the order of their names' bytes."""
        ...

    def outcomes(self, work_id: str) -> Iterator[tuple[str, str]]:
        """Give each done task with its outcome, in the order of the tasks' names' bytes."""
        ...

    def begin_close(self, work_id: str, now: datetime, until: datetime) -> bool:
        """Say whether the caller is the one to close the work; nobody else is until `until`."""
        ...


@dataclass(frozen=True, slots=True)
class BackupStart:
    """A backup as the catalog first hears of it. `user` and `source` are plain names."""

    source: str
    user: str
    backup_id: str
    started: datetime
    run_id: str
    type: BackupType
    trigger: str
    expires: datetime


class Catalog(Protocol):
    """The ledger of backups. It can be rebuilt from the bucket, so it never decides what exists.

    Guarantees: a status follows another only as `contract.states.BACKUP_STEPS` allows; the same step twice is harmless.
    """

    def start(self, backup: BackupStart) -> None:
        """Write a backup as STARTED, unless it is there."""
        ...

    def advance(self, backup: BackupStart, state: BackupState, error: str | None = None) -> bool:
        """Set RUNNING or FAILED; say whether that was allowed."""
        ...

    def complete(self, record: CommitRecord, trigger: str, expires: datetime) -> None:
        """Write a committed backup, whatever was known of it: what S3 holds is true. What was expired stays so."""
        ...


@dataclass(frozen=True, slots=True)
class UserState:
    """What is known of a user. Times are None when it never happened."""

    user: str
    backup_id: str | None = None
    good: datetime | None = None
    files: int = 0
    prefix: str = ""
    proven: datetime | None = None
    first: datetime | None = None
    """When the first backup that was noted had been started: from then on a proof is due."""


class Users(Protocol):
    """One entry a user: last good backup and last proof.

    Guarantees: neither ever goes back in time.
    """

    def backed_up(self, record: CommitRecord) -> None:
        """Note a committed backup."""
        ...

    def proven(self, source: str, user: str, when: datetime) -> None:
        """Note that a restore of this user was compared byte for byte."""
        ...

    def all(self, source: str) -> Iterator[UserState]:
        """Give all users of a source, in the order of their encoded names' bytes. May be a moment behind."""
        ...


@dataclass(frozen=True, slots=True)
class DrillResult:
    """How a restore drill of one user ended."""

    source: str
    user: str
    backup_id: str
    when: datetime
    state: DrillState
    files: int
    size: int
    error: str | None = None


class Drills(Protocol):
    """The record of restore drills."""

    def record(self, result: DrillResult, expires: datetime) -> None:
        """Keep a result."""
        ...


class Envelope(NamedTuple):
    """A message to send: its body, and the group that shares a queue fairly with the others."""

    body: str
    group: str


class Queue(Protocol):
    """A queue. Guarantees: what `send` does not raise about has been taken by the queue, at least once."""

    def send(self, messages: Sequence[Envelope], *, delay: int = 0) -> None:
        """Send in as few requests as possible, `delay` seconds from now; what is refused for now is sent again."""
        ...


class Notice(NamedTuple):
    """What a person is told. The subject is ASCII, one line, at most 100 characters (Amazon SNS API Reference)."""

    subject: str
    body: str


class Notifier(Protocol):
    """Tells people."""

    def publish(self, notice: Notice) -> None:
        """Send it. May come twice, in rare cases."""
        ...
