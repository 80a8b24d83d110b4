"""What the remediator sees, what it remembers, what it may do, and what it decides. Plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, TypeAlias


class Remedy(StrEnum):
    """What may be done."""

    REDRIVE = "redrive"
    """Send the messages of one run or restore from a dead-letter queue to their queue again."""
    RERUN = "rerun"
    """Have the users backed up who have no backup of a run."""
    MEMORY = "memory"
    """Give a function more memory."""
    PAUSE = "pause"
    """Let the schedule of a source start no more runs for a while."""


class RemedyState(StrEnum):
    """How far the remedy for one cause has come. What is BEGUN was or will be done at most once."""

    SEEN = "REMEDY_SEEN"
    REFUSED = "REMEDY_REFUSED"
    BEGUN = "REMEDY_BEGUN"
    DONE = "REMEDY_DONE"
    FAILED = "REMEDY_FAILED"


ACTED = frozenset({RemedyState.BEGUN, RemedyState.DONE, RemedyState.FAILED})
"""For a cause in one of these states nothing is done again."""


class PauseState(StrEnum):
    """Whether the schedule of a source is kept from starting runs."""

    PAUSED = "PAUSED"
    RESUMED = "RESUMED"


class Why(StrEnum):
    """Why nothing is done."""

    AGAIN = "again"
    """It was done for this cause already."""
    ENOUGH = "enough"
    """It was done as often as it may be in a day."""
    CEILING = "ceiling"
    FOREIGN = "foreign"
    """The thing is not one of ours."""
    ENDED = "ended"
    """What the messages belong to has ended: nothing would come of them."""
    UNREADABLE = "unreadable"
    """Messages that nobody understands."""
    TOO_MANY = "too-many"
    """So many users at once lack a backup that a person must find out why."""
    DEPLOYING = "deploying"
    """The function is being changed by somebody else."""


@dataclass(frozen=True, slots=True)
class OutOfMemory:
    """An alarm says that a function ran out of memory. `stable` says that nobody is just deploying it."""

    function: str
    arn: str
    memory_mb: int
    stable: bool = True


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Messages of one run or restore in a dead-letter queue. `work` is None of those that nobody understands."""

    queue: str
    url: str
    """Of the dead-letter queue."""
    work: str | None
    count: int
    active: bool = True
    """Whether the run or restore has not ended."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Users who have no backup of a run. `failed`: the run has ended, and theirs failed; else it waits for them."""

    source: str
    run: str
    started: datetime
    users: tuple[str, ...]
    total: int
    failed: bool
    waiting: int = 0
    """Messages of any run in the queues, also those that a worker has."""


@dataclass(frozen=True, slots=True)
class FailedRuns:
    """The newest scheduled runs of a source, newest first, of which nobody got a backup."""

    source: str
    runs: tuple[str, ...]


Observation: TypeAlias = OutOfMemory | DeadLetters | Unfinished | FailedRuns


@dataclass(frozen=True, slots=True)
class Entry:
    """What is remembered of a cause: when it was first seen, when something was done, which refusals were told."""

    cause: str
    remedy: Remedy
    target: str
    state: RemedyState
    seen: datetime
    acted: datetime | None = None
    told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What may be done: to which things, named exactly, and how often.

    `functions` are ARNs of functions by name, `queues` URLs of dead-letter queues by the name of the queue.
    """

    functions: Mapping[str, str]
    queues: Mapping[str, str]
    sources: Sequence[str]
    enabled: bool = True
    memory_ceiling_mb: int = 3_008
    redrives_per_day: int = 3
    reruns_per_day: int = 2
    backoff: timedelta = timedelta(minutes=15)
    pause_after_failures: int = 3
    """0: never."""


class Wait(NamedTuple):
    """Something will be done, not before a time."""

    cause: str
    remedy: Remedy
    target: str
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Action:
    """Something to do now, to one thing of ours, for one cause."""

    cause: str
    remedy: Remedy
    target: str
    """The function, queue or source, by name."""
    reason: str
    address: str = ""
    """ARN of the function, or URL of the dead-letter queue: the policy's own, never what an event names."""
    work: str = ""
    users: tuple[str, ...] = ()
    failed: bool = False
    memory_from: int = 0
    memory_to: int = 0
    until: datetime | None = None
    """When a pause ends."""


class Refusal(NamedTuple):
    """Something that is not done, and why."""

    cause: str
    remedy: Remedy
    target: str
    why: Why
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from a look. Nothing of it has happened yet."""

    actions: tuple[Action, ...] = field(default=())
    refusals: tuple[Refusal, ...] = field(default=())
    waits: tuple[Wait, ...] = field(default=())
