"""The volume that a repository tells of."""

from __future__ import annotations

import pytest

from costs import measured
from functions.engine.commit import CommitRecord
from functions.engine.errors import BackupNotFoundError
from functions.engine.model import BackupStatus, BackupType, Totals

GB = 1_000_000_000


def record(
    day: int, totals: Totals, *, user: str = "alice", type_: BackupType = BackupType.INCREMENTAL
) -> CommitRecord:
    """Give the commit record of a day. The first day's has no parent."""
    return CommitRecord(
        source="reports",
        user=user,
        backup_id=f"202611{day:02}T020000Z-00000000",
        type=type_,
        status=BackupStatus.COMPLETED,
        engine="0.1.0",
        run_id="run",
        prefix="clients/",
        started=f"2026-11-{day:02}T02:00:00Z",
        finished=f"2026-11-{day:02}T02:01:00Z",
        totals=totals,
        segments=(),
        packs=(),
        parent=None if day == 1 else "parent",
    )


FIRST = record(1, Totals(files=100, source=100 * GB, read=100 * GB, new=50 * GB, stored=25 * GB), type_=BackupType.FULL)


def changed(day: int, *, read: int = 4) -> CommitRecord:
    """Give a night on which 4 GB were read, of which 1 was new."""
    return record(day, Totals(files=100, source=100 * GB, read=read * GB, new=GB, stored=GB // 2))


def test_a_repository_says_how_much_there_is_and_how_much_changes() -> None:
    """Two nights after the first: 4 GB each, of 100."""
    found = measured([changed(3), FIRST, changed(2)])
    assert found.terabytes == pytest.approx(0.1)
    assert found.changed_percent == pytest.approx(4)
    assert (found.users, found.files) == (1, 100)
    assert found.dedup == pytest.approx(2)
    assert found.dedup_changes == pytest.approx(4)
    assert found.compression == pytest.approx(2)


def test_a_full_backup_that_reads_everything_again_is_no_change() -> None:
    """Nor does it say that everything repeats."""
    again = record(4, Totals(files=100, source=100 * GB, read=100 * GB), type_=BackupType.FULL)
    with_it, without = measured([FIRST, changed(2), changed(3), again]), measured([FIRST, changed(2), changed(3)])
    assert with_it.changed_percent == pytest.approx(without.changed_percent * 2 / 3)
    assert with_it.dedup == without.dedup


def test_users_are_added_up() -> None:
    """Each by the newest of its records."""
    bob = record(2, Totals(files=10, source=GB, read=GB, new=GB, stored=GB), user="bob")
    found = measured([FIRST, changed(2), bob])
    assert found.users == 2
    assert found.files == 110
    assert found.terabytes == pytest.approx(0.101)


def test_without_first_backups_nothing_is_taken_to_repeat() -> None:
    """They may be gone after the retention."""
    assert measured([changed(5), changed(6)]).dedup == 1
    assert measured([changed(5), changed(6)]).dedup_changes == pytest.approx(4)


def test_one_record_says_nothing_of_change() -> None:
    """And an empty source says nothing at all."""
    assert measured([FIRST]).changed_percent == 0
    assert measured([record(1, Totals())]).terabytes == 0


def test_no_record_is_an_error_with_a_remedy() -> None:
    """Rather than a forecast for nothing."""
    with pytest.raises(BackupNotFoundError, match="no backup to measure") as caught:
        measured([])
    assert "--terabytes" in caught.value.remedy
