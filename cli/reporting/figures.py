"""Puts what was read into figures: ages, days, runs, drills. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from functions.contract.states import BackupState, DrillState
from functions.engine.orchestration.drills import unproven_since
from functions.engine.orchestration.ports import DrillResult, Work
from functions.engine.orchestration.runs import ACTIVE, RunFacts, ratios
from functions.runtime.stack_reading import BackupRow, SourceUser

COVERAGE_DAYS = 90
"""Within so many days each user is proven by a drill, when nothing else is set."""
_GOOD = frozenset({BackupState.COMPLETED.value, BackupState.PARTIAL.value})


class Band(NamedTuple):
    """Users whose last good backup is younger than a limit, and older than the band before it."""

    name: str
    limit: timedelta | None
    users: int


class Owner(NamedTuple):
    """A user of a source, and the age of his last good backup; None when there is none."""

    source: str
    user: str
    age: timedelta | None
    reason: str = ""


class Ages(NamedTuple):
    """Users by the age of their last good backup; `late` is everybody beyond the first band, the worst first."""

    bands: tuple[Band, ...]
    late: tuple[Owner, ...]
    idle: int
    """Users whose last backup is empty: they have nothing to lose."""

    @property
    def users(self) -> int:
        """Give the number of users who have something to lose."""
        return sum(band.users for band in self.bands)


FRESH, NEVER = "under 26 h", "never"
LIMITS: tuple[tuple[str, timedelta], ...] = (
    (FRESH, timedelta(hours=26)),
    ("under 50 h", timedelta(hours=50)),
    ("under 7 days", timedelta(days=7)),
)
"""A night and its window; two nights; a week."""
OLDER = "older"


def user_ages(users: Iterable[SourceUser], backups: Iterable[BackupRow], now: datetime) -> Ages:
    """Sort users into bands. Whom only failed backups know is among those who never had one."""
    states = {(user.source, user.state.user): user.state for user in users}
    failures = {(row.source, row.user): row.error or row.state for row in backups if row.state not in _GOOD}
    owners = []
    for source, name in {**states, **failures}:
        state = states.get((source, name))
        if state is not None and state.good is not None and not state.files:
            continue
        age = max(now - state.good, timedelta()) if state is not None and state.good is not None else None
        owners.append(Owner(source, name, age, failures.get((source, name), "")))
    counts = Counter(_band(owner.age) for owner in owners)
    limits = dict(LIMITS)
    bands = tuple(Band(name, limits.get(name), counts[name]) for name in (*limits, OLDER, NEVER))
    late = sorted((owner for owner in owners if _band(owner.age) != FRESH), key=_worst_first)
    return Ages(bands, tuple(late), sum(1 for state in states.values() if state.good and not state.files))


def _band(age: timedelta | None) -> str:
    if age is None:
        return NEVER
    return next((name for name, limit in LIMITS if age < limit), OLDER)


def _worst_first(owner: Owner) -> tuple[bool, timedelta, str, str]:
    return owner.age is not None, -(owner.age or timedelta()), owner.source, owner.user


@dataclass(frozen=True, slots=True)
class Day:
    """What one day (UTC) added. Sizes in bytes."""

    date: date
    backups: int = 0
    failed: int = 0
    read: int = 0
    new: int = 0
    stored: int = 0
    protected: int = 0
    """What the sources held at the users' last backups by then."""
    held: int = 0
    """What the repository held by then, counted back from now."""

    @property
    def dedup(self) -> float | None:
        """Bytes read to bytes new."""
        return ratios({"read": self.read, "new": self.new, "stored": self.stored})[0]

    @property
    def compression(self) -> float | None:
        """Bytes new to bytes stored."""
        return ratios({"read": self.read, "new": self.new, "stored": self.stored})[1]


def daily(
    backups: Sequence[BackupRow], held_now: int, since: datetime, now: datetime, first: datetime | None = None
) -> tuple[Day, ...]:
    """Give every day from `since` to now. `backups` come oldest first; before `first` the repository held nothing.

    What was let go of meanwhile is not known, so the repository's earlier size is a lower limit.
    """
    by_day: dict[date, list[BackupRow]] = {}
    for row in backups:
        by_day.setdefault(row.started.date(), []).append(row)
    days: list[Day] = []
    sizes: dict[tuple[str, str], int] = {}
    left = sum(row.stored for row in backups)
    for number in range((now.date() - since.date()).days + 1):
        today = since.date() + timedelta(days=number)
        rows = by_day.get(today, [])
        good = [row for row in rows if row.state in _GOOD]
        sizes.update({(row.source, row.user): row.size for row in good})
        left -= sum(row.stored for row in rows)
        days.append(
            Day(
                today,
                backups=len(good),
                failed=sum(1 for row in rows if row.state == BackupState.FAILED),
                read=sum(row.read for row in good),
                new=sum(row.new for row in good),
                stored=sum(row.stored for row in good),
                protected=sum(sizes.values()),
                held=max(0, held_now - left) if first is None or today >= first.date() else 0,
            )
        )
    return tuple(days)


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run. `ended` is when its last backup ended, as far as that is known."""

    id: str
    source: str
    type: str
    trigger: str
    state: str
    started: datetime
    window_end: datetime
    ended: datetime | None
    expected: int | None
    done: int
    completed: int
    partial: int
    failed: int
    read: int
    new: int
    stored: int
    late: bool
    error: str | None

    @property
    def duration(self) -> timedelta | None:
        """How long it took; None while it is not known."""
        return self.ended - self.started if self.ended is not None else None


def run_rows(runs: Iterable[Work], backups: Iterable[BackupRow], now: datetime) -> tuple[RunRow, ...]:
    """Give the runs, the newest first."""
    ends: dict[str, datetime] = {}
    for row in backups:
        if row.ended is not None and row.run_id:
            ends[row.run_id] = max(ends.get(row.run_id, row.ended), row.ended)
    return tuple(sorted((_run(work, ends.get(work.id), now) for work in runs), key=lambda run: run.id, reverse=True))


def _run(work: Work, last_end: datetime | None, now: datetime) -> RunRow:
    facts, active = RunFacts.of(work), work.status in ACTIVE
    ended = None if active else last_end
    counts = {name: work.counts.get(name, 0) for name in ("completed", "partial", "failed", "read", "new", "stored")}
    return RunRow(
        id=work.id,
        source=facts.source,
        type=facts.type.value,
        trigger=facts.trigger,
        state=work.status,
        started=work.started,
        window_end=facts.window_end,
        ended=ended,
        expected=work.expected,
        done=work.done,
        late=(now if active else ended or work.started) > facts.window_end or facts.overdue,
        error=facts.error,
        **counts,
    )


class Proofs(NamedTuple):
    """Restore drills: how they ended, and how long the users have gone unproven."""

    results: tuple[DrillResult, ...]
    """The newest first."""
    proven: int
    failed: int
    per_day: tuple[tuple[date, int, int], ...]
    """Each day's proven and failed ones."""
    users: int
    never: int
    """Users with a backup that no drill has proven yet."""
    oldest: timedelta | None
    """Since the proof, or else the first backup, of the user worst off."""


def proofs(drills: Sequence[DrillResult], users: Iterable[SourceUser], since: datetime, now: datetime) -> Proofs:
    """Sum up the drills since a moment; they come oldest first."""
    states = Counter((drill.when.date(), drill.state) for drill in drills)
    span = [since.date() + timedelta(days=number) for number in range((now.date() - since.date()).days + 1)]
    held = [user.state for user in users if user.state.backup_id is not None]
    ages = [now - unproven_since(state) for state in held if state.proven or state.first or state.good]
    return Proofs(
        results=tuple(reversed(drills)),
        proven=sum(1 for drill in drills if drill.state is DrillState.PROVEN),
        failed=sum(1 for drill in drills if drill.state is DrillState.FAILED),
        per_day=tuple((day, states[day, DrillState.PROVEN], states[day, DrillState.FAILED]) for day in span),
        users=len(held),
        never=sum(1 for state in held if state.proven is None),
        oldest=max(ages, default=None),
    )
