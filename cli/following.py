"""Follows a run that the initiator has started, until it is closed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cli.progress import Counter, Goal, shown
from cli.render import size
from functions.contract.states import RUN_STEPS, BackupState
from functions.engine.errors import UnavailableError
from functions.engine.orchestration.ports import Ledger, Work

_SECONDS = 2.0
_HOURS = 24
"""Longer than a run may hold its source."""
_ENDED = frozenset(state.value for state, steps in RUN_STEPS.items() if not steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What became of a start: the state as the initiator answered, or in which the run has ended."""

    source: str
    state: str
    run: str | None = None
    users: int | None = None
    done: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    unknown: Sequence[str] = ()
    """Who was named, and owns nothing there and never did."""
    outcomes: Sequence[tuple[str, str]] = ()
    """Who was not backed up whole, and how his job ended."""

    @property
    def troubles(self) -> list[tuple[str, str]]:
        """Give who was not backed up whole, and why."""
        return [*self.outcomes, *((name, "owns nothing there, and has no backup") for name in self.unknown)]

    def document(self) -> dict[str, Any]:
        """Give it for `--json`."""
        return {
            "source": self.source,
            "run": self.run,
            "state": self.state,
            "users": self.users,
            "done": self.done,
            "counts": dict(self.counts),
            "unknown": list(self.unknown),
            "troubles": [{"user": name, "outcome": outcome} for name, outcome in self.outcomes],
        }


def follow(
    ledger: Ledger | None,
    source: str,
    answer: Mapping[str, Any],
    named: Sequence[str] = (),
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Followed:
    """Give how a source's run ended, or, without a ledger, what the initiator answered.

    Raises UnavailableError for a run that does not end in a day.
    """
    run = answer.get("run_id")
    if ledger is None or run is None:
        return Followed(
            source=source, state=answer["state"], run=run or answer.get("active"), users=answer.get("users")
        )
    with shown("run", says=_says) as progress:

        def show(work: Work) -> None:
            progress.goal = Goal(files=work.expected)
            progress.advance(files=work.done - progress.files, read=work.counts.get("read", 0) - progress.read)

        work = _end_of(ledger, run, show, sleep)
    planned = {planned.task for planned in ledger.planned(run)} if named else set()
    good = BackupState.COMPLETED.value
    return Followed(
        source=source,
        state=work.status,
        run=run,
        users=work.expected,
        done=work.done,
        counts=work.counts,
        unknown=[name for name in named if name not in planned],
        outcomes=[found for found in ledger.outcomes(run) if found[1] != good],
    )


def _end_of(ledger: Ledger, run: str, show: Callable[[Work], None], sleep: Callable[[float], None]) -> Work:
    for _ in range(int(_HOURS * 3_600 / _SECONDS)):
        work = ledger.get(run)
        show(work)
        if work.status in _ENDED:
            return work
        sleep(_SECONDS)
    raise UnavailableError(f"run {run} has not ended in {_HOURS} hours", hint="see docs/runbooks/run-overdue.md")


def _says(counter: Counter, _seconds: float) -> str:
    whole = "?" if counter.goal.files is None else f"{counter.goal.files:,}"
    return f"{counter.files:,} of {whole} users, read {size(counter.read)}"
