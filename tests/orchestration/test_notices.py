"""What people are told about runs: one glance at the subject, and what to do in the body."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.contract.environment import SourceSetting
from functions.engine.orchestration.notices import (
    NAMED,
    Names,
    expired_notice,
    failed_start_notice,
    first_names,
    first_troubles,
    missed_notice,
    overdue_notice,
    skipped_notice,
    summary_notice,
)
from functions.engine.orchestration.ports import Notice, Work
from functions.engine.orchestration.runs import RpoAges, StartRequest, new_run

NOW = datetime(2026, 11, 20, 2, tzinfo=UTC)
END = NOW + timedelta(hours=1, minutes=23)
AGES = RpoAges(timedelta(hours=26), timedelta(minutes=90))
RUN = ["strongroom", "run", "--outputs", "outputs.json", "--source-name", "reports", "--wait"]
COUNTS = {"files": 20_000, "unreadable": 3, "source": 10**12, "read": 5 * 10**10, "new": 10**10, "stored": 4 * 10**9}


def work(source: str = "reports", facts: dict[str, Any] | None = None, **changes: Any) -> Work:  # noqa: ANN401 - a Work's
    """Give a run of 1,000 users."""
    setting = SourceSetting(source, "acme", "clients/")
    begun = new_run("20261120T020000Z-00000000", setting, StartRequest(), NOW, timedelta(hours=4))
    changed = replace(begun, status="RUNNING", expected=1_000, done=1_000, facts={**begun.facts, **(facts or {})})
    return replace(changed, **changes)


def summary(
    run: Work, outcomes: list[tuple[str, str]] | None = None, now: datetime = END, stack: str = "prod"
) -> Notice:
    """Give the summary of a run."""
    return summary_notice(stack, run, first_troubles(outcomes or []), AGES, now)


def test_a_good_night_is_said_in_one_line() -> None:
    """With everything that was measured below it."""
    notice = summary(work(counts={"completed": 1_000, **COUNTS}))
    assert notice.subject == "[prod] Backup of reports: 1,000 of 1,000 users"
    for expected in (
        "ended COMPLETED",
        "INCREMENTAL run, started by hand at 2026-11-20 02:00 UTC.",
        "It took 1 h 23 min.",
        "20,000 with 1.0 TB; 3 could not be read",
        "read 50.0 GB, new 10.0 GB, stored 4.0 GB",
        "deduplication 5.0, compression 2.5",
        "26 h 0 min; 99 % of users: 1 h 30 min or less",
        "What to do: nothing.",
    ):
        assert expected in notice.body
    assert "Gone:" not in notice.body


def test_trouble_is_named_failures_first() -> None:
    """With the reasons that the workers gave, and what to do next."""
    outcomes = [
        ("", "PARTIAL: 1 object could not be read"),
        ("alice", "COMPLETED"),
        ("bob", "FAILED: ACCESS_DENIED: no right\nto read"),
        (" carl", "PARTIAL: 3 objects could not be read"),
    ]
    notice = summary(work(counts={"completed": 996, "partial": 2, "failed": 2}), outcomes)
    assert notice.subject == "[prod] Backup of reports: 998 of 1,000 users, 2 partial, 2 failed"
    lines = notice.body.splitlines()
    first = lines.index("Users with trouble:")
    assert lines[first + 1 : first + 5] == [
        "  failed  bob: ACCESS_DENIED: no right to read",
        "  partial (files in no folder): 1 object could not be read",
        "  partial ' carl': 3 objects could not be read",
        "  ... and 1 more",
    ]
    assert "alice" not in notice.body
    assert lines[-1].split() == [*RUN, "--user", "USER"]


def test_only_so_many_are_named() -> None:
    """However many there are: those who failed first."""
    outcomes = [(f"p{number:05}", "PARTIAL: x") for number in range(100_000)]
    outcomes += [(f"z{number:05}", "FAILED: X: y") for number in range(20)]
    run = work(expected=100_020, done=100_020, counts={"partial": 100_000, "failed": 20})
    body = summary(run, outcomes).body
    assert body.count("  failed  z") == 20
    assert body.count("  partial p") == NAMED - 20
    assert f"... and {100_020 - NAMED:,} more" in body
    assert len(body) < 10_000


def test_a_night_without_any_backup_says_failed() -> None:
    """In the subject."""
    assert summary(work(counts={"failed": 1_000})).subject == (
        "[prod] Backup of reports FAILED: 0 of 1,000 users, 1,000 failed"
    )


def test_a_run_of_nobody_says_so() -> None:
    """It may be right, or a wrong prefix."""
    notice = summary(work(expected=0, done=0, facts={"selected": "tset/"}))
    assert notice.subject == "[prod] Backup of reports: no users found"
    assert "Only users below clients/tset/ were chosen." in notice.body
    assert "check the source's bucket and prefix" in notice.body


def test_a_summary_tells_of_vanished_users_and_a_late_end() -> None:
    """Many folders that are gone at once are worth a look."""
    body = summary(work(counts={"completed": 1_000}, facts={"vanished": 40}), now=NOW + timedelta(hours=5)).body
    assert "40 users with files at the last backup, and no folder any more" in body
    assert "It took 5 h 0 min, after its window had ended." in body


def test_a_skip_names_the_run_that_is_active() -> None:
    """And how far it is."""
    notice = skipped_notice("prod", "reports", "r1", work(done=7))
    assert notice.subject == "[prod] Backup skipped: reports, another run is active"
    assert "run r1 is still active" in notice.body
    assert "7 of 1,000 users are done" in notice.body
    assert "r1" in skipped_notice("prod", "reports", "r1", None).body


def test_an_overdue_run_names_the_users_missing() -> None:
    """The first fifty, and how many more."""
    missing = first_names(f"user-{number}" for number in range(60))
    notice = overdue_notice("prod", work(done=940), missing, NOW + timedelta(hours=4, minutes=1))
    assert notice.subject == "[prod] Backup of reports OVERDUE: 60 of 1,000 users missing"
    assert "should have ended by 2026-11-20 06:00 UTC" in notice.body
    assert notice.body.count("  user-") == 50
    assert "... and 10 more" in notice.body
    unplanned = overdue_notice("prod", work(expected=None, done=1), Names(["a"], 1), END)
    assert unplanned.subject == "[prod] Backup of reports OVERDUE: 1 user missing"
    assert "not all users were even planned" in unplanned.body


def test_an_expired_run_names_its_successor_and_its_trouble() -> None:
    """So that nobody waits for its summary."""
    run = work(done=990, facts={"error": "ACCESS_DENIED: no right"})
    notice = expired_notice("prod", run, first_names(["a", "b"]), "r2")
    assert notice.subject == "[prod] Backup of reports: unfinished run EXPIRED, 2 of 1,000 users missing"
    for expected in ("Run r2 has taken the source over", "ACCESS_DENIED: no right", "  a\n  b\n"):
        assert expected in notice.body


def test_a_missed_run_and_a_failed_start_say_what_to_do() -> None:
    """Both mean that tonight there is no backup."""
    missed = missed_notice("prod", "reports", timedelta(hours=27), NOW)
    assert missed.subject == "[prod] Backup of reports MISSED: no run for 27 h 0 min"
    assert "whether the schedule is enabled" in missed.body
    assert missed.body.splitlines()[-1].split() == RUN
    failed = failed_start_notice("prod", "reports", "BUCKET_NOT_FOUND", "bucket acme does not exist", "check its name")
    assert failed.subject == "[prod] Backup of reports could not start: BUCKET_NOT_FOUND"
    assert "What to do: check its name." in failed.body


EVERY: list[Callable[[str, str, str], Notice]] = [
    lambda stack, source, user: summary(
        work(source, counts={"failed": 999_999_999, "partial": 999_999_999}, expected=1_999_999_998),
        [(user, f"FAILED: X: {user}")],
        stack=stack,
    ),
    lambda stack, source, user: skipped_notice(stack, source, "r", work(source)),
    lambda stack, source, user: overdue_notice(stack, work(source), Names([user], 999_999_999), NOW),
    lambda stack, source, user: expired_notice(stack, work(source), Names([user], 999_999_999), "r"),
    lambda stack, source, user: missed_notice(stack, source, timedelta(days=9_999), NOW),
    lambda stack, source, user: failed_start_notice(stack, source, "X" * 200, user, user),
]


@pytest.mark.parametrize("make", EVERY)
@given(
    st.sampled_from(["prod", "p" * 100]),
    st.sampled_from(["reports", "s" * 100, "Zoë {source}", "a\nb"]),
    st.sampled_from(["alice", "", "é" * 1024, "a\nSubject: b", "\x00"]),
)
def test_a_notice_can_always_be_sent(
    make: Callable[[str, str, str], Notice], stack: str, source: str, user: str
) -> None:
    """One line of ASCII, at most 100 characters, where it comes from at its beginning; no name breaks a line."""
    notice = make(stack, source, user)
    assert len(notice.subject) <= 100
    assert notice.subject.isascii()
    assert notice.subject.isprintable()
    assert notice.subject.startswith("[p")
    assert "\nSubject:" not in notice.body
    assert len(notice.body.encode()) < 262_144
