"""Runs as lines of a list: those of the ledger, or those that commit records tell of. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from cli.reporting.figures import run_rows
from functions.contract.states import BackupState, RunState
from functions.engine.orchestration.ports import Work
from functions.runtime.stack_reading import BackupRow


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """A run. `ended` is when its last backup ended, as far as that is known; `users` how many were planned."""

    id: str
    source: str
    type: str
    trigger: str
    state: str
    started: datetime
    ended: datetime | None
    users: int | None
    completed: int
    partial: int
    failed: int
    read: int
    new: int
    stored: int
    error: str | None = None


def from_ledger(runs: Iterable[Work], backups: Iterable[BackupRow], now: datetime) -> list[RunLine]:
    """Give the runs of a ledger, newest first; the backups say when each ended."""
    return [
        RunLine(
            id=row.id,
            source=row.source,
            type=row.type,
            trigger=row.trigger,
            state=row.state,
            started=row.started,
            ended=row.ended,
            users=row.expected,
            completed=row.completed,
            partial=row.partial,
            failed=row.failed,
            read=row.read,
            new=row.new,
            stored=row.stored,
            error=row.error,
        )
        for row in run_rows(runs, backups, now)
    ]


def from_commits(backups: Iterable[BackupRow]) -> list[RunLine]:
    """Give the runs that committed backups belong to, newest first."""
    runs: dict[tuple[str, str], list[BackupRow]] = {}
    for row in backups:
        runs.setdefault((row.run_id, row.source), []).append(row)
    return sorted((_line(rows) for rows in runs.values()), key=lambda line: line.started, reverse=True)


def _line(rows: Sequence[BackupRow]) -> RunLine:
    first = rows[0]
    partial = sum(row.state == BackupState.PARTIAL for row in rows)
    ends = [row.ended for row in rows if row.ended is not None]
    return RunLine(
        id=first.run_id,
        source=first.source,
        type=first.type,
        trigger="",
        state=(RunState.PARTIAL if partial else RunState.COMPLETED).value,
        started=min(row.started for row in rows),
        ended=max(ends, default=None),
        users=None,
        completed=len(rows) - partial,
        partial=partial,
        failed=0,
        read=sum(row.read for row in rows),
        new=sum(row.new for row in rows),
        stored=sum(row.stored for row in rows),
    )
