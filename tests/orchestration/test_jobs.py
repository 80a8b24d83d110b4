"""How a job is cut and planned."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.engine.commit import CommitRecord, SegmentRef
from functions.engine.model import BackupStatus, BackupType, Totals
from functions.engine.orchestration.jobs import (
    PARTS,
    WHOLE,
    JobPlan,
    KeyRange,
    counts_of,
    every,
    outcome_of,
    plan_job,
    ranges_between,
    retry_delay,
    split_by_folders,
    split_by_parent,
)
from functions.engine.repository import BackupName
from tests.engine.kit import Ids

NOW = datetime(2026, 11, 21, 2, tzinfo=UTC)
KEYS = st.text(st.sampled_from("ab/-0z"), min_size=1, max_size=6)


def record(files: int, segments: int, unreadable: int = 0) -> CommitRecord:
    """A commit record of so many files in so many segments."""
    refs = tuple(SegmentRef(n, "0" * 64, f"u/{n:05}a", f"u/{n:05}z") for n in range(segments))
    return CommitRecord(
        "reports",
        "u",
        "20261120T020000Z-00000001",
        BackupType.INCREMENTAL,
        BackupStatus.PARTIAL if unreadable else BackupStatus.COMPLETED,
        "1",
        "run",
        "",
        "2026-11-20T02:00:00Z",
        "2026-11-20T02:00:01Z",
        Totals(files=files, unreadable=unreadable, source=7),
        refs,
        (),
    )


def covers(parts: tuple[KeyRange, ...], key: str) -> int:
    """Say in how many of the ranges a key lies."""
    return sum(after < key and (until is None or key <= until) for after, until in parts)


@given(st.sets(KEYS, max_size=250), st.lists(KEYS, max_size=30))
def test_each_key_lies_in_exactly_one_part(fences: set[str], keys: list[str]) -> None:
    """Nothing is backed up twice and nothing is forgotten, wherever the fences stand."""
    parts = ranges_between(sorted(fences))
    assert all(covers(parts, key) == 1 for key in [*keys, *fences])


@given(st.sets(KEYS, max_size=250), st.lists(KEYS, max_size=30))
def test_each_key_lies_in_exactly_one_part_between_folders(folders: set[str], keys: list[str]) -> None:
    """Also when a folder's name continues another one's."""
    parts = split_by_folders("clients/", "ada", sorted(folders))
    assert 1 <= len(parts) <= PARTS
    assert all(covers(parts, f"clients/ada/{key}") == 1 for key in keys)


@given(st.lists(KEYS, unique=True, max_size=300), st.integers(-3, 120))
def test_chosen_fences_are_some_of_them_in_order(fences: list[str], count: int) -> None:
    """At most as many as were asked for, all of them when there are few."""
    chosen = every(sorted(fences), count)
    assert len(chosen) == max(0, min(count, len(fences)))
    assert sorted(set(chosen)) == chosen
    assert set(chosen) <= set(fences)


def test_fences_are_evenly_spread() -> None:
    """No part is much larger than another."""
    chosen = [int(fence) for fence in every([f"{n:04}" for n in range(1_000)], 9)]
    steps = [b - a for a, b in pairwise([0, *chosen, 1_000])]
    assert max(steps) - min(steps) <= 2


@pytest.mark.parametrize(
    ("files", "segments", "parts"),
    [
        (0, 1, 1),
        (1_000_000, 10, 1),
        (1_000_001, 11, 2),
        (5_000_000, 50, 5),
        (5_000_000, 3, 3),
        (5_000_000, 1, 1),
        (1_000_000_000, 10_000, 100),
    ],
)
def test_a_user_is_cut_by_the_size_of_the_last_backup(files: int, segments: int, parts: int) -> None:
    """About a million files a part, no more parts than segments, and never more than a hundred."""
    cut = split_by_parent(record(files, segments), 1_000_000)
    assert len(cut) == parts
    assert cut[0].after == ""
    assert cut[-1].until is None


def test_the_root_user_is_one_part() -> None:
    """What lies below no folder is not cut at folders."""
    assert split_by_folders("clients/", "", ["a", "b"]) == WHOLE


@given(st.lists(st.tuples(KEYS, st.none() | KEYS), min_size=1, max_size=5))
def test_a_plan_survives_the_table(ranges: list[tuple[str, str | None]]) -> None:
    """Whoever reads it does what its maker meant."""
    plan = JobPlan("20261121T020000Z-00000001", NOW, "p", tuple(KeyRange(*item) for item in ranges))
    assert JobPlan.from_facts(plan.facts()) == plan


def test_a_backup_sorts_after_its_parent_even_when_the_clock_was_set_back() -> None:
    """Else it would never be the newest."""
    parent = BackupName("reports", "u", "20301121T020000Z-ffffffff")
    plan = plan_job(NOW, Ids(), parent)
    assert plan.backup_id > parent.backup_id
    assert plan.parent == parent.backup_id
    assert plan.started == NOW


def test_outcomes_are_for_people() -> None:
    """One word when all is well, the number when not."""
    assert outcome_of(record(3, 1)) == "COMPLETED"
    assert outcome_of(record(3, 1, unreadable=1)) == "PARTIAL: 1 object could not be read"
    assert outcome_of(record(3, 1, unreadable=1_234)) == "PARTIAL: 1,234 objects could not be read"


def test_a_partial_backup_counts_as_partial() -> None:
    """And not as completed."""
    counts = counts_of(record(3, 1, unreadable=2))
    assert counts["partial"] == 1
    assert "completed" not in counts
    assert (counts["files"], counts["unreadable"], counts["source"]) == (3, 2, 7)


def test_retries_outlast_an_hour_without_s3_and_end_within_the_window_of_a_run() -> None:
    """Five receives, as the queues have it; an attempt takes a quarter of an hour at most, a run four hours."""
    delays = [retry_delay(received) for received in range(1, 5)]
    assert delays == [60, 240, 960, 2_400]
    assert 3_600 <= sum(delays) <= 4 * 3_600 - 5 * 900


def test_no_retry_comes_later_than_a_queue_can_hide_a_message() -> None:
    """SQS hides one for twelve hours at most."""
    assert all(60 <= retry_delay(received) <= 2_400 for received in (0, 5, 100, 1_000))
