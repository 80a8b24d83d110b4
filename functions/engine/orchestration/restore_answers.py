"""What a person is told who asks how a restore stands. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from functions.contract.messages import RestoreEvent
from functions.contract.states import RestoreState
from functions.engine.backup import rfc3339
from functions.engine.orchestration.ports import Work
from functions.engine.orchestration.restore_estimate import Estimate


def answer(work: Work, troubles: Sequence[str], now: datetime, concurrency: int) -> dict[str, Any]:
    """Say how a restore stands: state, progress, when it may end, and what went wrong."""
    told: dict[str, Any] = {
        RestoreEvent.RESTORE: work.id,
        "status": str(work.status),
        "started": rfc3339(work.started),
        "request": work.facts["request"],
        "tasks": {"done": work.done, "expected": work.expected},
        "files": {name: work.counts.get(name, 0) for name in ("restored", "skipped", "failed")},
        "bytes": work.counts.get("bytes", 0),
    }
    if "estimate" in work.facts:
        told["estimate"] = Estimate.from_facts(work.facts["estimate"]).answer(concurrency)
    end = _end(work, now, concurrency)
    if end is not None:
        told["eta"] = rfc3339(end)
    told.update({name: work.facts[name] for name in ("error", "ended") if name in work.facts})
    if troubles:
        told["troubles"] = list(troubles)
    return told


def _end(work: Work, now: datetime, concurrency: int) -> datetime | None:
    """Say when a restore that is under way may end: by its own speed as soon as it has one."""
    if work.status not in {RestoreState.THAWING, RestoreState.RUNNING}:
        return None
    minutes = timedelta(minutes=Estimate.from_facts(work.facts["estimate"]).minutes(concurrency))
    if work.status == RestoreState.THAWING:
        return max(now, datetime.fromisoformat(work.facts["thawed_by"])) + minutes
    sent = datetime.fromisoformat(work.facts["sent"])
    if work.done and work.expected:
        return now + (now - sent) * (work.expected - work.done) / work.done
    return max(now, sent + minutes)
