"""All figures of a stack, and what of them a person should look at first. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from cli.reporting.cost import Cost, cost_of
from cli.reporting.figures import (
    COVERAGE_DAYS,
    FRESH,
    NEVER,
    Ages,
    Day,
    Proofs,
    RunRow,
    daily,
    proofs,
    run_rows,
    user_ages,
)
from cli.reporting.model import Missing, Part, StackStatus, known, mapped
from functions.contract.states import RunState
from functions.engine.errors import BackupNotFoundError, StrongroomError
from functions.engine.orchestration.runs import ACTIVE
from functions.runtime.stack_reading import Held

_NOTHING = Held(0, 0, 0, 0)
_WARN = 0.8
"""Of the budget: where the first notice is sent, too."""


class Level(StrEnum):
    """How much somebody should care."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    UNKNOWN = "unknown"


_ORDER = (Level.BAD, Level.WARNING, Level.UNKNOWN, Level.GOOD)


class Finding(NamedTuple):
    """One sentence about the stack."""

    level: Level
    text: str


@dataclass(frozen=True, slots=True)
class Summary:
    """A stack's state and the figures that follow from it."""

    status: StackStatus
    ages: Part[Ages]
    days: Part[tuple[Day, ...]]
    runs: Part[tuple[RunRow, ...]]
    proofs: Part[Proofs]
    cost: Part[Cost]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What a person should know first, the worst first."""
        found = [*_ages(self.ages), *_runs(self.runs), *_queues(self.status), *_proofs(self.proofs)]
        found += _cost(self.cost)
        return tuple(sorted(found, key=lambda finding: _ORDER.index(finding.level)))

    @property
    def missing(self) -> tuple[tuple[str, Missing], ...]:
        """Give what could not be read, by the names of the parts."""
        status = self.status
        parts = {
            "users": status.users,
            "runs": status.runs,
            "backups": status.backups,
            "drills": status.drills,
            "queues": status.queues,
            "repository": status.held,
            "settings": status.settings,
            "resources": status.graph,
        }
        return tuple((name, part) for name, part in parts.items() if isinstance(part, Missing))


def summarise(status: StackStatus) -> Summary:
    """Put a stack's state into figures."""
    now, backups = status.read_at, known(status.backups, ())
    users = known(status.users, ())
    first = min((user.state.first for user in users if user.state.first), default=None)
    held = known(status.held, _NOTHING).bytes
    return Summary(
        status=status,
        ages=mapped(status.users, lambda found: user_ages(found, backups, now)),
        days=mapped(status.backups, lambda rows: daily(rows, held, status.since, now, first)),
        runs=mapped(status.runs, lambda found: run_rows(found, backups, now)),
        proofs=mapped(status.drills, lambda found: proofs(found, users, status.since, now)),
        cost=_costs(status),
    )


def _costs(status: StackStatus) -> Part[Cost]:
    if isinstance(status.settings, Missing):
        return status.settings
    if isinstance(status.backups, Missing):
        return status.backups
    try:
        return cost_of(status.settings, status.backups)
    except BackupNotFoundError:
        return Missing("no backup was committed in the days that were looked at")
    except StrongroomError as error:  # what was committed is beyond what can be counted
        return Missing(str(error), error)


def age_text(age: timedelta | None) -> str:
    """Give an age as people say it: `5 h`, `3 days`."""
    if age is None:
        return "never"
    hours = age / timedelta(hours=1)
    if hours < 1:
        return f"{age / timedelta(minutes=1):.0f} min"
    return f"{hours:.0f} h" if hours < 72 else f"{age.days:,} days"  # noqa: PLR2004 - three days


def _ages(part: Part[Ages]) -> Iterator[Finding]:
    if isinstance(part, Missing):
        yield Finding(Level.UNKNOWN, f"How old the users' backups are is not known: {part.reason}")
        return
    if not part.users:
        yield Finding(Level.WARNING, "No user has been backed up yet.")
        return
    counts = {band.name: band.users for band in part.bands}
    if counts[FRESH] == part.users:
        yield Finding(Level.GOOD, f"All {part.users:,} users have a good backup younger than 26 hours.")
        return
    worst = part.late[0]
    never = f", {counts[NEVER]:,} never" if counts[NEVER] else ""
    yield Finding(
        Level.BAD,
        f"{len(part.late):,} of {part.users:,} users have no good backup younger than 26 hours{never}; "
        f"worst off is {worst.user or 'the root user'} of {worst.source}: {age_text(worst.age)}.",
    )


def _runs(part: Part[tuple[RunRow, ...]]) -> Iterator[Finding]:
    if isinstance(part, Missing):
        yield Finding(Level.UNKNOWN, f"The runs are not known: {part.reason}")
        return
    if not part:
        yield Finding(Level.WARNING, "No run was started in the days that were looked at.")
        return
    for source in sorted({run.source for run in part}):
        last = next(run for run in part if run.source == source)
        users = f"{last.completed + last.partial:,} of {last.expected or 0:,} users"
        what = f"The last run of {source} is {last.state}, {users} backed up"
        if last.state in ACTIVE:
            level = Level.BAD if last.late else Level.WARNING
            yield Finding(level, f"{what} so far{', and its window is over' if last.late else ''}.")
        elif last.state == RunState.COMPLETED:
            yield Finding(Level.GOOD, f"{what}.")
        else:
            level = Level.WARNING if last.state == RunState.PARTIAL else Level.BAD
            yield Finding(level, f"{what}, {last.failed:,} failed, {last.partial:,} partial.")


def _queues(status: StackStatus) -> Iterator[Finding]:
    if isinstance(status.queues, Missing):
        yield Finding(Level.UNKNOWN, f"The queues are not known: {status.queues.reason}")
        return
    given_up = {queue.name: queue.waiting for queue in status.queues if queue.dead and queue.waiting}
    if given_up:
        where = ", ".join(f"{count:,} in {name}" for name, count in sorted(given_up.items()))
        yield Finding(Level.BAD, f"Messages were given up: {where}. See the dead-letter queues.")
    else:
        yield Finding(Level.GOOD, "No message was given up.")


def _proofs(part: Part[Proofs]) -> Iterator[Finding]:
    if isinstance(part, Missing):
        yield Finding(Level.UNKNOWN, f"The restore drills are not known: {part.reason}")
    elif part.failed:
        yield Finding(Level.BAD, f"Of {len(part.results):,} restore drills {part.failed:,} failed.")
    elif not part.results:
        yield Finding(Level.WARNING, "No restore drill ended in the days that were looked at.")
    elif part.oldest is not None and part.oldest > timedelta(days=COVERAGE_DAYS):
        yield Finding(Level.WARNING, f"A user has gone unproven for {age_text(part.oldest)}.")
    else:
        yield Finding(Level.GOOD, f"All {part.proven:,} restore drills proved a user's backup.")


def _cost(part: Part[Cost]) -> Iterator[Finding]:
    if isinstance(part, Missing):
        yield Finding(Level.UNKNOWN, f"What it will cost is not known: {part.reason}")
        return
    text = f"A month will cost {part.usd:,.2f} USD, {part.share:.0%} of the budget."
    level = Level.BAD if part.share > 1 else Level.WARNING if part.share >= _WARN else Level.GOOD
    yield Finding(level, text)
