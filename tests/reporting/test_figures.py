"""What is counted from what was read."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cli.reporting.cost import cost_of
from cli.reporting.figures import COVERAGE_DAYS, daily, proofs, run_rows, user_ages
from cli.reporting.model import Missing
from cli.reporting.summary import Level, age_text, summarise
from components.settings import load
from costs import Volume, forecast
from functions.contract.states import BackupState, DrillState, RunState
from functions.engine.errors import BackupNotFoundError
from functions.engine.orchestration.ports import DrillResult, UserState
from functions.runtime.stack_reading import BackupRow, Held, QueueDepth, SourceUser
from tests.reporting import example
from tests.reporting.example import DAY, GB, HOUR, NOW, SINCE
from tests.settings.kit import PROD

ROW = BackupRow("reports", "ann", "b", "INCREMENTAL", BackupState.COMPLETED.value, NOW - HOUR, NOW, files=1, size=9)


def user(name: str, age: timedelta | None, *, files: int = 1, source: str = "reports") -> SourceUser:
    """Give a user whose last good backup has an age."""
    good = NOW - age if age is not None else None
    return SourceUser(source, UserState(name, "b" if good else None, good, files))


@pytest.mark.parametrize(
    ("age", "band"),
    [
        (timedelta(0), "under 26 h"),
        (26 * HOUR - timedelta(seconds=1), "under 26 h"),
        (26 * HOUR, "under 50 h"),
        (50 * HOUR, "under 7 days"),
        (7 * DAY, "older"),
        (None, "never"),
        (-HOUR, "under 26 h"),
    ],
)
def test_each_user_is_in_one_band(age: timedelta | None, band: str) -> None:
    """Limits belong to the band above them; a clock that is ahead makes nobody late."""
    ages = user_ages([user("ann", age)], [], NOW)
    assert {item.name: item.users for item in ages.bands if item.users} == {band: 1}


def test_whom_only_failures_know_was_never_backed_up() -> None:
    """His backup failed before there was any, so the table of users has no entry for him."""
    failed = replace(ROW, user="new", state=BackupState.FAILED.value, error="ACCESS_DENIED: no")
    ages = user_ages([user("ann", HOUR)], [failed], NOW)
    assert [(owner.user, owner.age, owner.reason) for owner in ages.late] == [("new", None, "ACCESS_DENIED: no")]


def test_who_owns_nothing_any_more_has_nothing_to_lose() -> None:
    """As in the watchdog's figures."""
    ages = user_ages([user("gone", 30 * DAY, files=0), user("ann", HOUR)], [], NOW)
    assert (ages.users, ages.idle, ages.late) == (1, 1, ())


def test_users_of_the_same_name_in_two_sources_are_two() -> None:
    """The worst comes first, and never is worse than any age."""
    users = [user("ann", 3 * DAY), user("ann", 9 * DAY, source="other"), user("bob", None)]
    ages = user_ages(users, [], NOW)
    assert [(owner.source, owner.user) for owner in ages.late] == [
        ("reports", "bob"),
        ("other", "ann"),
        ("reports", "ann"),
    ]


def test_a_day_adds_what_its_backups_stored() -> None:
    """And the repository's size is counted back from now; days without a backup are there too."""
    rows = [
        replace(ROW, started=NOW - 2 * DAY, read=100, new=40, stored=20, size=100),
        replace(ROW, started=NOW, read=10, new=0, stored=0, size=110),
        replace(ROW, started=NOW, user="bob", state=BackupState.FAILED.value),
    ]
    days = daily(rows, 500, NOW - 3 * DAY, NOW)
    assert [(day.backups, day.failed, day.held, day.protected) for day in days] == [
        (0, 0, 480, 0),
        (1, 0, 500, 100),
        (0, 0, 500, 100),
        (1, 1, 500, 110),
    ]
    assert (days[1].dedup, days[1].compression) == (2.5, 2.0)
    assert (days[3].dedup, days[3].compression) == (None, None)


def test_before_the_first_backup_the_repository_held_nothing() -> None:
    """Not even the manifests, which no backup counts as stored."""
    rows = [replace(ROW, started=NOW - DAY, stored=20)]
    days = daily(rows, 500, NOW - 3 * DAY, NOW, first=NOW - DAY)
    assert [day.held for day in days] == [0, 0, 500, 500]
    earlier = daily(rows, 500, NOW - 3 * DAY, NOW, first=NOW - 90 * DAY)
    assert [day.held for day in earlier] == [480, 480, 500, 500]


def test_a_repository_that_let_go_is_not_shown_with_less_than_nothing() -> None:
    """More was stored in these days than there is now."""
    days = daily([replace(ROW, started=NOW, stored=900)], 100, NOW - DAY, NOW)
    assert [day.held for day in days] == [0, 100]


def test_a_run_ended_when_its_last_backup_did() -> None:
    """The ledger keeps no end; a run under way has none, and is late when its window is over."""
    status = example.status(users=50)
    assert not isinstance(status.runs, Missing)
    assert not isinstance(status.backups, Missing)
    rows = run_rows(status.runs, status.backups, NOW)
    assert [row.started for row in rows] == sorted((work.started for work in status.runs), reverse=True)
    newest, before = rows[0], rows[1]
    assert (newest.state, newest.ended, newest.late) == (RunState.RUNNING, None, True)
    last = max(row.ended for row in status.backups if row.run_id == before.id and row.ended)
    assert (before.ended, before.late) == (last, False)
    assert before.duration == last - before.started


def test_drills_are_counted_by_day_and_by_user() -> None:
    """Who was never proven counts from his first backup."""
    drills = [
        DrillResult("reports", "ann", "b", NOW - DAY, DrillState.FAILED, 1, 1, "no"),
        DrillResult("reports", "ann", "b", NOW, DrillState.PROVEN, 1, 1),
    ]
    users = [
        SourceUser("reports", UserState("ann", "b", NOW, 1, "", NOW, NOW - 99 * DAY)),
        SourceUser("reports", UserState("bob", "b", NOW, 1, "", None, NOW - 50 * DAY)),
        SourceUser("reports", UserState("new")),
    ]
    found = proofs(drills, users, NOW - DAY, NOW)
    assert (found.proven, found.failed, found.users, found.never, found.oldest) == (1, 1, 2, 1, 50 * DAY)
    assert [(good, bad) for _day, good, bad in found.per_day] == [(0, 1), (1, 0)]
    assert [drill.when for drill in found.results] == [NOW, NOW - DAY]


def test_the_cost_is_that_of_the_tool() -> None:
    """One forecast in the product: services of `strongroom cost` for what the backups tell of."""
    settings = load(PROD)
    rows = [
        replace(
            ROW, user=name, started=SINCE + day * DAY, size=10 * GB, read=GB, new=GB // 2, stored=GB // 4, files=1_000
        )
        for day in range(20)
        for name in ("ann", "bob")
    ]
    rows[0], rows[1] = replace(rows[0], read=10 * GB), replace(rows[1], read=10 * GB)
    cost = cost_of(settings, rows)
    assert cost.volume.startswith("20 GB, 10 % changed a day, 2 users, 2,000 files")
    assert cost.budget_usd == settings.budget.monthly_usd == 500
    stated = Volume(terabytes=0.02, changed_percent=10, users=2, files=2_000, dedup=cost_dedup(rows), compression=2)
    assert cost.usd == pytest.approx(forecast(settings, replace(stated, dedup_changes=2)).usd, rel=0.01)
    assert [line.usd for line in cost.lines] == sorted((line.usd for line in cost.lines), reverse=True)
    with pytest.raises(BackupNotFoundError):
        cost_of(settings, [replace(ROW, state=BackupState.FAILED.value)])


def cost_dedup(rows: list[BackupRow]) -> float:
    """Give what the first backups say of how much repeats."""
    return rows[0].read / rows[0].new


def test_findings_name_what_to_do_first() -> None:
    """What is bad comes before what is good; a stack in order has good ones only."""
    levels = [finding.level for finding in summarise(example.status(users=100)).findings]
    assert levels == sorted(levels, key=[Level.BAD, Level.WARNING, Level.UNKNOWN, Level.GOOD].index)
    assert levels[0] is Level.BAD
    status = example.status(users=100)
    assert not isinstance(status.runs, Missing)
    well = replace(
        status,
        users=(SourceUser("reports", UserState("user-0001", "b", NOW - HOUR, 3, "", NOW - DAY, NOW - DAY)),),
        runs=tuple(work for work in status.runs if work.status == RunState.COMPLETED),
        backups=tuple(row for row in example.rows(status) if row.user == "user-0001"),
        queues=(QueueDepth("jobs", 5, 0, 0, dead=False), QueueDepth("jobs", 0, 0, 0, dead=True)),
        drills=tuple(drill for drill in example.drills(status) if drill.state is DrillState.PROVEN),
    )
    assert {finding.level for finding in summarise(well).findings} == {Level.GOOD}


def test_what_could_not_be_read_is_unknown_and_not_good() -> None:
    """Silence is no proof."""
    summary = summarise(example.nothing())
    assert {finding.level for finding in summary.findings} == {Level.UNKNOWN}
    assert {name for name, _part in summary.missing} >= {"users", "runs", "backups", "drills", "queues", "repository"}


def test_a_stack_that_has_just_been_made_is_looked_at() -> None:
    """Nothing in it is divided by zero, and nobody is told that all is well."""
    summary = summarise(replace(example.empty(), held=Held(0, 0, 0, 0)))
    levels = [finding.level for finding in summary.findings]
    assert levels[:3] == [Level.WARNING] * 3
    assert isinstance(summary.cost, Missing)


def test_a_proof_that_is_too_old_is_a_warning() -> None:
    """Drills must reach everybody in time, whether or not they succeed with others."""
    old = SourceUser("reports", UserState("ann", "b", NOW, 1, "", NOW - (COVERAGE_DAYS + 1) * DAY, NOW - 200 * DAY))
    status = replace(
        example.status(users=10),
        users=(old,),
        drills=(DrillResult("reports", "bob", "b", NOW, DrillState.PROVEN, 1, 1),),
    )
    found = [finding for finding in summarise(status).findings if "unproven" in finding.text]
    assert [finding.level for finding in found] == [Level.WARNING]


@pytest.mark.parametrize(
    ("age", "text"),
    [(timedelta(minutes=5), "5 min"), (5 * HOUR, "5 h"), (71 * HOUR, "71 h"), (80 * HOUR, "3 days"), (None, "never")],
)
def test_ages_are_said_as_people_say_them(age: timedelta | None, text: str) -> None:
    """Minutes, hours, days."""
    assert age_text(age) == text
