"""The state of a stack as one JSON document: everything that the page shows, and all rows of it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from cli.reporting.cost import Cost
from cli.reporting.figures import Ages, Day, Proofs, RunRow
from cli.reporting.model import Missing, Part
from cli.reporting.summary import Summary
from functions.engine.backup import rfc3339
from functions.runtime.stack_reading import Held, QueueDepth

T = TypeVar("T")


def document(summary: Summary) -> dict[str, Any]:
    """Give the document. A part that could not be read is null, and stands under `missing` with its reason."""
    status = summary.status
    return {
        "stack": status.stack,
        "read_at": rfc3339(status.read_at),
        "since": rfc3339(status.since),
        "findings": [{"level": item.level.value, "text": item.text} for item in summary.findings],
        "users": _part(summary.ages, _ages),
        "runs": _part(summary.runs, lambda runs: [_run(run) for run in runs]),
        "days": _part(summary.days, lambda days: [_day(day) for day in days]),
        "repository": _part(status.held, _held),
        "queues": _part(status.queues, lambda queues: [_queue(queue) for queue in queues]),
        "drills": _part(summary.proofs, _proofs),
        "cost": _part(summary.cost, _cost),
        "missing": {name: part.reason for name, part in summary.missing},
        "remarks": list(status.remarks),
    }


def _part(part: Part[T], change: Callable[[T], Any]) -> Any:  # noqa: ANN401 - JSON
    return None if isinstance(part, Missing) else change(part)


def _moment(when: datetime | None) -> str | None:
    return rfc3339(when) if when is not None else None


def _seconds(span: timedelta | None) -> float | None:
    return round(span.total_seconds(), 3) if span is not None else None


def _ages(ages: Ages) -> dict[str, Any]:
    return {
        "total": ages.users,
        "idle": ages.idle,
        "by_age": {band.name: band.users for band in ages.bands},
        "late": [
            {"source": owner.source, "user": owner.user, "age_seconds": _seconds(owner.age), "trouble": owner.reason}
            for owner in ages.late
        ],
    }


def _run(run: RunRow) -> dict[str, Any]:
    return {
        "id": run.id,
        "source": run.source,
        "type": run.type,
        "trigger": run.trigger,
        "state": run.state,
        "late": run.late,
        "started": _moment(run.started),
        "ended": _moment(run.ended),
        "users": run.expected,
        "done": run.done,
        "completed": run.completed,
        "partial": run.partial,
        "failed": run.failed,
        "read": run.read,
        "new": run.new,
        "stored": run.stored,
        "error": run.error,
    }


def _day(day: Day) -> dict[str, Any]:
    return {
        "day": day.date.isoformat(),
        "backups": day.backups,
        "failed": day.failed,
        "read": day.read,
        "new": day.new,
        "stored": day.stored,
        "in_sources": day.protected,
        "in_repository": day.held,
        "dedup": day.dedup,
        "compression": day.compression,
    }


def _held(held: Held) -> dict[str, Any]:
    return {**held._asdict(), "bytes": held.bytes}


def _queue(queue: QueueDepth) -> dict[str, Any]:
    return queue._asdict()


def _proofs(found: Proofs) -> dict[str, Any]:
    return {
        "proven": found.proven,
        "failed": found.failed,
        "users_with_backups": found.users,
        "users_never_proven": found.never,
        "longest_unproven_seconds": _seconds(found.oldest),
        "results": [
            {
                "source": drill.source,
                "user": drill.user,
                "backup": drill.backup_id,
                "when": _moment(drill.when),
                "state": drill.state.value,
                "files": drill.files,
                "bytes": drill.size,
                "error": drill.error,
            }
            for drill in found.results
        ],
    }


def _cost(cost: Cost) -> dict[str, Any]:
    return {
        "usd": round(cost.usd, 2),
        "budget_usd": cost.budget_usd,
        "prices": cost.prices,
        "lines": [{"what": line.what, "usd": round(line.usd, 4), "basis": line.basis} for line in cost.lines],
        "volume": cost.volume,
        "retention_days": cost.retention_days,
    }
