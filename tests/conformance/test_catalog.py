"""Catalog: every adapter keeps the port's promises, also when calls are throttled and answers are lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from functions.contract.states import BackupState
from functions.contract.tables import STATUS, TIMESTAMP, TTL, BackupsTable
from functions.engine.model import BackupStatus
from tests.conformance.records import EXPIRES, NAMES, NOW, CatalogView, backup_start, commit

STARTED = {
    "backupId": "sales%2Ereports/alice/20261120T020000Z-00000001",
    "timestamp": "2026-11-20T02:00:00Z",
    "status": "STARTED",
    "userId": "sales%2Ereports/alice",
    "source": "sales.reports",
    "runId": "run-1",
    "backupType": "FULL",
    "triggerType": "schedule",
    "startTime": "2026-11-20T02:00:00Z",
    "updatedAt": "2026-11-20T02:00:00Z",
    "expirationTime": int(EXPIRES.timestamp()),
}
COMPLETED = {
    **STARTED,
    "status": "COMPLETED",
    "updatedAt": "2026-11-20T02:01:00Z",
    "endTime": "2026-11-20T02:01:00Z",
    "fileCount": 3,
    "totalSize": 2**40,
    "bytesRead": 300,
    "bytesNew": 200,
    "bytesStored": 100,
    "unreadableCount": 1,
    "metadataKey": "snapshots/sales%2Ereports/alice/20261120T020000Z-00000001/commit.json",
}


def test_a_backup_goes_from_start_to_its_end(catalog: CatalogView) -> None:
    """Each step shows, and each may come twice."""
    for _ in range(2):
        catalog.port.start(backup_start())
        assert catalog.seen() == [STARTED]
    for _ in range(2):
        assert catalog.port.advance(backup_start(), BackupState.RUNNING)
        assert catalog.seen() == [{**STARTED, STATUS: "RUNNING"}]
    for _ in range(2):
        catalog.port.complete(commit(), "schedule", EXPIRES)
        assert catalog.seen() == [COMPLETED]


def test_a_failed_backup_says_why_and_when(catalog: CatalogView) -> None:
    """At any length."""
    catalog.port.start(backup_start())
    assert catalog.port.advance(backup_start(), BackupState.FAILED, "ACCESS_DENIED: no")
    failed = {**STARTED, STATUS: "FAILED", BackupsTable.ERROR: "ACCESS_DENIED: no"}
    assert catalog.seen() == [{**failed, BackupsTable.ENDED: "2026-11-20T02:00:00Z"}]
    assert catalog.port.advance(backup_start(), BackupState.FAILED, "x" * 500_000)
    assert len(str(catalog.seen()[0][BackupsTable.ERROR])) == 4_000


@pytest.mark.parametrize("status", list(BackupStatus))
def test_what_is_committed_stays(catalog: CatalogView, status: BackupStatus) -> None:
    """No late message brings it back to RUNNING or makes it FAILED."""
    catalog.port.complete(commit(status=status), "schedule", EXPIRES)
    catalog.port.start(backup_start())
    assert not catalog.port.advance(backup_start(), BackupState.RUNNING)
    assert not catalog.port.advance(backup_start(), BackupState.FAILED, "late")
    assert catalog.seen() == [{**COMPLETED, STATUS: status.value}]


def test_a_failed_backup_may_turn_out_to_be_complete_but_not_run_again(catalog: CatalogView) -> None:
    """Another worker finished what was given up: what S3 holds is true."""
    catalog.port.start(backup_start())
    catalog.port.advance(backup_start(), BackupState.FAILED, "gave up")
    assert not catalog.port.advance(backup_start(), BackupState.RUNNING)
    catalog.port.complete(commit(), "schedule", EXPIRES)
    assert catalog.seen() == [COMPLETED]


def test_what_started_a_backup_stays_known(catalog: CatalogView) -> None:
    """Who reads it from the bucket can only guess."""
    catalog.port.start(replace(backup_start(), trigger="manual"))
    catalog.port.complete(commit(), "schedule", EXPIRES)
    catalog.port.complete(commit(), "schedule", EXPIRES)
    assert catalog.seen() == [{**COMPLETED, BackupsTable.TRIGGER: "manual"}]


@pytest.mark.parametrize("state", [BackupState.RUNNING, BackupState.FAILED])
def test_a_backup_that_the_catalog_has_not_heard_of_goes_on(catalog: CatalogView, state: BackupState) -> None:
    """A start that was lost hides nothing."""
    assert catalog.port.advance(backup_start(), state)
    (seen,) = catalog.seen()
    assert (seen[STATUS], seen[BackupsTable.RUN_ID]) == (state.value, "run-1")


def test_backups_of_any_user_are_kept_apart(catalog: CatalogView) -> None:
    """And all backups of one."""
    starts = [backup_start(name, number) for name in NAMES for number in (1, 2)]
    starts.append(replace(backup_start("alice"), source="other"))
    for start in starts:
        catalog.port.start(start)
    assert len({item[BackupsTable.PARTITION_KEY] for item in catalog.seen()}) == len(starts)


def test_moments_are_kept_to_the_second(catalog: CatalogView) -> None:
    """So a backup has one item, whichever way it is reported."""
    exact = replace(backup_start(), started=NOW + timedelta(microseconds=900_000), expires=EXPIRES)
    catalog.port.start(exact)
    catalog.port.complete(commit(), "schedule", EXPIRES + timedelta(microseconds=5))
    (seen,) = catalog.seen()
    assert (seen[TIMESTAMP], seen[TTL]) == ("2026-11-20T02:00:00Z", int(EXPIRES.timestamp()))
