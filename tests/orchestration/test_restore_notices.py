"""What people are told: short, in words, true; and never too long for a topic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.contract.states import RestoreState
from functions.engine.orchestration.ports import Notice, Work
from functions.engine.orchestration.restore_answers import answer
from functions.engine.orchestration.restore_estimate import Estimate
from functions.engine.orchestration.restore_notices import ended_notice, planned_notice, refused_notice
from functions.engine.orchestration.restore_requests import RestoreRequest

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
WORK = Work("ticket-1", "RUNNING", NOW - timedelta(minutes=75), {}, 4, 3, {"restored": 12_345, "bytes": 7 * 10**9})
REQUEST = RestoreRequest(source="reports", bucket="restored", users=("ada",), prefix="again/", patterns=("*.pdf",))


def test_a_plan_says_what_it_takes_and_what_it_leaves_out() -> None:
    """Before anything is written."""
    estimate = Estimate(1, 4, 12_345, 7 * 10**9, 900, 12_400, 4, 300, 120, 2, 1, 1, ("ada/huge",), 6, 0.1, 12)
    body = planned_notice(WORK, REQUEST, estimate, 50).body
    for line in (
        "Restore ticket-1 of source 'reports', 'ada', the newest backups has been planned and begins now.",
        "To: s3://restored/again/",
        "Only: *.pdf",
        "Files: 12,345 with 7.0 GB, from 1 backups",
        "Requests: 900 GET, 12,400 PUT, 4 LIST",
        "Time: about 2 minutes",
        "Thawing: 6 packs are archived; it takes up to 12 hours more",
        "- ada/huge",
        "Damaged: 1 manifests or commit records; run verify",
        "Not in the backups, which could not read them: 2 objects",
        '{"restore_id": "ticket-1"}',
    ):
        assert line in body


@pytest.mark.parametrize(
    ("state", "title"),
    [
        (RestoreState.COMPLETED, "Restore finished: reports, 12,345 files"),
        (RestoreState.PARTIAL, "Restore incomplete: reports, 12,345 files"),
        (RestoreState.FAILED, "Restore FAILED: reports, 12,345 files"),
    ],
)
def test_an_end_says_how_it_went(state: RestoreState, title: str) -> None:
    """With what went wrong, up to a limit."""
    notice = ended_notice(WORK, REQUEST, state, [f"trouble {number}" for number in range(30)], NOW)
    assert notice.subject == title
    assert f"ended {state} after 1 h 15 min" in notice.body
    assert "Restored: 12,345 files with 7.0 GB" in notice.body
    assert "- trouble 19\n- ... and 10 more" in notice.body


def test_a_refusal_gives_its_reason() -> None:
    """Nothing was written."""
    notice = refused_notice(WORK, REQUEST, "BACKUP_NOT_FOUND: no backup")
    assert "Reason: BACKUP_NOT_FOUND: no backup" in notice.body
    assert "before anything was written" in notice.body


@given(st.text(max_size=300), st.lists(st.text(max_size=50), max_size=3), st.integers(0, 10**12))
def test_any_name_fits_a_subject(source: str, users: list[str], files: int) -> None:
    """ASCII, one line, at most 100 characters."""
    request = RestoreRequest(source=source, bucket="restored", users=tuple(users))
    notices: list[Notice] = [
        planned_notice(WORK, request, Estimate(files=files), 50),
        ended_notice(WORK, request, RestoreState.PARTIAL, [source], NOW),
        refused_notice(WORK, request, source),
    ]
    for notice in notices:
        assert 0 < len(notice.subject) <= 100
        assert notice.subject.isascii()
        assert notice.subject.isprintable()


def test_progress_tells_when_it_may_end() -> None:
    """By its own speed as soon as there is one, by the estimate before."""
    facts = {"request": {}, "estimate": Estimate(tasks=1, seconds=1_197.0).facts(), "sent": "2026-11-21T08:30:00Z"}
    running = Work("r", "RUNNING", NOW - timedelta(hours=1), facts, 4, 3, {"restored": 5})
    assert answer(running, [], NOW, 1)["eta"] == "2026-11-21T09:10:00Z"
    idle = Work("r", "RUNNING", NOW, {**facts, "sent": "2026-11-21T08:55:00Z"}, 4, 0)
    assert answer(idle, [], NOW, 1)["eta"] == "2026-11-21T09:15:00Z"
    thawing = Work("r", "THAWING", NOW, {**facts, "thawed_by": "2026-11-21T14:00:00Z"}, 4, 0)
    assert answer(thawing, [], NOW, 1)["eta"] == "2026-11-21T14:20:00Z"
    ended = Work("r", "PARTIAL", NOW, {**facts, "ended": "x"}, 4, 4, {"failed": 1})
    told = answer(ended, ["why"], NOW, 1)
    assert ("eta" in told, told["troubles"], told["files"]["failed"]) == (False, ["why"], 1)
