"""A made-up stack in every state that a page must show: a thousand users, a month of runs, troubles, an odd name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from cli.reporting.gather import NO_GRAPH
from cli.reporting.graph import Graph
from cli.reporting.model import Missing, Part, StackStatus
from components.settings import load
from functions.contract.states import BackupState, DrillState, RunState
from functions.engine.backup import rfc3339
from functions.engine.errors import AccessError
from functions.engine.orchestration.ports import DrillResult, UserState, Work
from functions.runtime.stack_reading import BackupRow, Held, QueueDepth, SourceUser
from tests.settings.kit import PROD

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
SINCE = datetime(2026, 10, 22, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
HOSTILE = "<script>alert('x')</script>&\u202e\"\x00"
"""A user's name is the name of a folder, and may hold anything that a key of S3 may."""
MB, GB = 1_000_000, 1_000_000_000


def status(users: int = 1_000, graph: Part[Graph] = NO_GRAPH) -> StackStatus:
    """Give the state of a stack that has worked for a month, with a few troubles."""
    rng = Random(7)
    runs = tuple(_runs(users))
    backups = tuple(backup for run in runs for backup in _backups(run, users, rng))
    return StackStatus(
        stack="prod",
        read_at=NOW,
        since=SINCE,
        users=tuple(_users(users, rng)),
        runs=runs,
        backups=backups,
        drills=tuple(_drills(rng)),
        queues=(
            QueueDepth("jobs", 132, 50, 0, dead=False),
            QueueDepth("priority", 0, 5, 0, dead=False),
            QueueDepth("restores", 0, 0, 0, dead=False),
            QueueDepth("jobs", 3, 0, 0, dead=True),
            QueueDepth("failures", 0, 0, 0, dead=True),
        ),
        held=Held(61_200, 1_024 * GB, 60_000, 480 * MB),
        graph=graph,
        settings=load(PROD),
    )


def nothing() -> StackStatus:
    """Give a stack of which nothing could be read."""
    error = AccessError("no right", hint="grant it")
    gone = Missing(str(error), error)
    return replace(
        status(1),
        users=gone,
        runs=gone,
        backups=gone,
        drills=gone,
        queues=gone,
        held=gone,
        graph=gone,
        settings=gone,
        stack="",
    )


def empty() -> StackStatus:
    """Give a stack that was made a minute ago."""
    return replace(
        status(1), users=(), runs=(), backups=(), drills=(), queues=(), held=Held(0, 0, 0, 0), graph=Graph({})
    )


def _users(count: int, rng: Random) -> Iterator[SourceUser]:
    yield SourceUser("reports", UserState(HOSTILE, "b", NOW - 12 * DAY, 3, "", None, NOW - 40 * DAY))
    yield SourceUser("reports", UserState("", "b", NOW - 30 * HOUR, 3, "", NOW - 95 * DAY, NOW - 99 * DAY))
    yield SourceUser("reports", UserState("gone", "b", NOW - 20 * DAY, 0, "", None, NOW - 40 * DAY))
    for number in range(count - 4):
        good = NOW - 7 * HOUR - timedelta(seconds=rng.randrange(3_000)) - (30 * HOUR if number % 90 == 89 else 0 * HOUR)
        proven = NOW - timedelta(days=rng.randrange(90)) if number % 4 else None
        yield SourceUser("reports", UserState(f"user-{number:04}", "b", good, 900, "", proven, NOW - 80 * DAY))


def _runs(users: int) -> Iterator[Work]:
    for number in range(30):
        started = SINCE + number * DAY + 2 * HOUR
        kind = "FULL" if number % 7 == 3 else "INCREMENTAL"
        state = {11: RunState.PARTIAL, 18: RunState.FAILED, 22: RunState.EXPIRED, 29: RunState.RUNNING}
        failed = 3 if number in {11, 29} else users if number == 18 else 0
        yield Work(
            id=f"{started:%Y%m%dT%H%M%SZ}-{number:08x}",
            status=state.get(number, RunState.COMPLETED).value,
            started=started,
            facts={
                "source": "reports",
                "prefix": "",
                "type": kind,
                "trigger": "schedule",
                "selected": "",
                "window_end": rfc3339(started + 4 * HOUR),
            },
            expected=users,
            done=users if number != 29 else users - 200,
            counts={
                "completed": users - failed,
                "partial": 0,
                "failed": failed,
                "read": 52 * GB,
                "new": 31 * GB,
                "stored": 26 * GB,
            },
        )


def _backups(run: Work, users: int, rng: Random) -> Iterator[BackupRow]:
    full = run.facts["type"] == "FULL"
    for number in range(min(users, 40)):
        started = run.started + timedelta(seconds=number * 20)
        failed = run.status == RunState.FAILED or (run.status == RunState.PARTIAL and number < 3)
        read = 25 * GB if full else rng.randrange(900, 1_700) * MB
        yield BackupRow(
            source="reports",
            user=f"user-{number:04}" if number else "never-once",
            backup_id=f"{run.id}-{number}",
            type=run.facts["type"],
            state=(BackupState.FAILED if failed or not number else BackupState.COMPLETED).value,
            started=started,
            ended=started + timedelta(seconds=rng.randrange(10, 60 if not full else 600)),
            run_id=run.id,
            files=22_500,
            size=25 * GB + number * GB // 40,
            read=0 if failed else read,
            new=0 if failed else rng.randrange(500, 900) * MB,
            stored=0 if failed else rng.randrange(400, 600) * MB,
            error="ACCESS_DENIED: s3:GetObject on bucket reports" if failed or not number else None,
        )


def _drills(rng: Random) -> Iterator[DrillResult]:
    for day in range(30):
        for number in range(12 if day % 9 else 10):
            user, when = f"user-{rng.randrange(996):04}", SINCE + day * DAY + 5 * HOUR + timedelta(minutes=number)
            if when > NOW:
                continue
            failed = (day, number) == (20, 4)
            state, error = (
                (DrillState.FAILED, "CHUNK_CORRUPT: chunk 1f2e differs") if failed else (DrillState.PROVEN, None)
            )
            yield DrillResult("reports", user, "b", when, state, 900, 1_100 * MB, error)


def rows(status: StackStatus) -> tuple[BackupRow, ...]:
    """Give the backups of a state that has them."""
    assert not isinstance(status.backups, Missing)
    return status.backups


def drills(status: StackStatus) -> tuple[DrillResult, ...]:
    """Give the drills of a state that has them."""
    assert not isinstance(status.drills, Missing)
    return status.drills


def queues(status: StackStatus) -> tuple[QueueDepth, ...]:
    """Give the queues of a state that has them."""
    assert not isinstance(status.queues, Missing)
    return status.queues
