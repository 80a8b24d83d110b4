"""What the remediator remembers, as work of the runs ledger. Pure.

Each cause has one entry, whose status says how far its remedy has come; each source that was ever paused has one too.
Neither is a run: their statuses are none of a run's, so nothing that looks for runs finds them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from functions.contract.states import RunState
from functions.engine.backup import rfc3339
from functions.engine.orchestration.ports import Facts, Work
from functions.engine.remediation.model import Entry, PauseState, Remedy, RemedyState

_CAUSE: Final = "remedy#"
_PAUSE: Final = "pause#"


def cause_id(cause: str) -> str:
    """Give the id of a cause's entry."""
    return f"{_CAUSE}{cause}"


def pause_id(source: str) -> str:
    """Give the id of the entry that says whether a source is paused."""
    return f"{_PAUSE}{source}"


def new_entry(cause: str, remedy: Remedy, target: str, now: datetime) -> Work:
    """Give the entry of a cause that is seen for the first time."""
    facts: Facts = {"cause": cause, "remedy": remedy.value, "target": target}
    return Work(cause_id(cause), RemedyState.SEEN.value, now, facts)


def entry_of(work: Work) -> Entry:
    """Read an entry."""
    facts: Facts = work.facts
    return Entry(
        cause=facts["cause"],
        remedy=Remedy(facts["remedy"]),
        target=facts["target"],
        state=RemedyState(work.status),
        seen=work.started,
        acted=_moment(facts.get("acted")),
        told=tuple(facts.get("told", ())),
    )


def paused_until(work: Work | None, now: datetime) -> datetime | None:
    """Give the end of a source's pause; None when it is not paused."""
    until = _moment(work.facts.get("until")) if work is not None and work.status == PauseState.PAUSED else None
    return until if until is not None and now < until else None


def pause_facts(until: datetime, now: datetime, run: str) -> dict[str, Any]:
    """Give what is noted of a pause that begins."""
    return {"until": rfc3339(until), "since": rfc3339(now), "run": run}


def resumed_at(work: Work | None) -> datetime | None:
    """Give when a person last ended a pause: what failed before does not count any more."""
    return _moment(work.facts.get("resumed")) if work is not None and work.status == PauseState.RESUMED else None


NO_BACKUPS: Final = frozenset({RunState.FAILED.value, RunState.EXPIRED.value})


def is_fruitless(run: Work) -> bool:
    """Say whether a run has ended and nobody got a backup of it, though somebody was to."""
    nothing = run.counts.get("completed", 0) + run.counts.get("partial", 0) == 0
    return run.status in NO_BACKUPS and nothing and run.expected != 0


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
