"""Nouns of the orchestration to test with, and views of ports that only take."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from functions.adapters.records import Record
from functions.engine.backup import rfc3339
from functions.engine.commit import CommitRecord
from functions.engine.model import BackupStatus, BackupType, Totals
from functions.engine.orchestration.ports import BackupStart, Catalog, Drills, Work

NOW = datetime(2026, 11, 20, 2, 0, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=15)
EXPIRES = NOW + timedelta(days=400)
NAMES = (
    "",
    " ",
    "!",
    "/",
    "#",
    "#1",
    "%",
    "%2E",
    "-",
    ".",
    "..",
    "0",
    "@root",
    "A",
    "a",
    "a b",
    "a#1",
    "a#10",
    "a-b",
    "a.b",
    "a/",
    "aa",
    "plan#a",
    "task#",
    "work",
    "~",
    "\u00e9",
    "e\u0301",
    "\u65e5\u672c\u8a9e",
    "\uffee",
    "\U0001f388",
    "n" * 800,
)
"""Names of users and tasks; every one is another one."""


class CatalogView(NamedTuple):
    """A catalog, and what stands in it."""

    port: Catalog
    seen: Callable[[], list[Record]]


class DrillsView(NamedTuple):
    """A record of drills, and what stands in it."""

    port: Drills
    seen: Callable[[], list[Record]]


def work(work_id: str = "run-1", status: str = "RUNNING", *, started: datetime = NOW) -> Work:
    """Give a piece of work."""
    return Work(work_id, status, started, {"source": "reports", "selected": "", "days": [1, 2], "deep": {"a": None}})


def backup_start(user: str = "alice", number: int = 1) -> BackupStart:
    """Give the start of a backup."""
    backup_id = f"20261120T020000Z-{number:08x}"
    return BackupStart("sales.reports", user, backup_id, NOW, "run-1", BackupType.FULL, "schedule", EXPIRES)


def commit(
    user: str = "alice", number: int = 1, *, started: datetime = NOW, status: BackupStatus = BackupStatus.COMPLETED
) -> CommitRecord:
    """Give the commit record of a backup."""
    return CommitRecord(
        source="sales.reports",
        user=user,
        backup_id=f"20261120T020000Z-{number:08x}",
        type=BackupType.FULL,
        status=status,
        engine="test",
        run_id="run-1",
        prefix="clients/",
        started=rfc3339(started),
        finished=rfc3339(started + timedelta(minutes=number)),
        totals=Totals(files=3, unreadable=1, source=2**40, read=300, new=200, stored=100),
        segments=(),
        packs=(),
    )
