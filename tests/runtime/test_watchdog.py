"""What did not happen: overdue runs, missed runs, users without a backup. Told once, counted at every look."""

from __future__ import annotations

from datetime import timedelta

import pytest

from functions.adapters.faults import CrashPoint, Failures, Faults, Moment, SimulatedCrash
from functions.contract.environment import SourceSetting
from functions.contract.metric_names import Metric
from functions.contract.states import RunState
from functions.engine.errors import UnavailableError
from tests.runtime.run_kit import NIGHTLY, REPORTS, Site, run_id

MAIL = SourceSetting("mail", "post", "")
WATCHED = (Metric.RUN_OVERDUE, Metric.USERS_MISSING, Metric.RUN_MISSED, Metric.RPO_AGE_MAX, Metric.RPO_AGE_P99)


def night(number: int) -> dict[str, str]:
    """Give the event of the schedule of a night."""
    return {**NIGHTLY, "scheduled_time": f"2026-11-{20 + number}T02:00:00Z"}


def test_when_all_is_well_every_metric_is_zero_and_nobody_is_told() -> None:
    """An alarm tells zero from silence."""
    site = Site((REPORTS, MAIL))
    found = site.look()
    assert found == {name: {"overdue": 0, "missing": 0, "missed": 0} for name in ("reports", "mail")}
    for source in ("reports", "mail"):
        assert {metric: site.heard.total(metric, source) for metric in WATCHED} == dict.fromkeys(WATCHED, 0)
    assert not site.notifier.sent


def test_an_overdue_run_is_told_once_with_the_users_missing() -> None:
    """At the end of its window, not before; counted at every look until it ends."""
    site = Site()
    site.fill("alice", "bob", "carl")
    run = run_id(site.start())
    site.finish(run, ["bob"])
    site.clock.pass_by(hours=4)
    assert site.look()["reports"]["overdue"] == 0
    site.clock.pass_by(minutes=1)
    for _ in range(3):
        assert site.look()["reports"] == {"overdue": 1, "missing": 2, "missed": 0}
        site.clock.pass_by(hours=1)
    (notice,) = site.notifier.sent
    assert notice.subject == "[prod] Backup of reports OVERDUE: 2 of 3 users missing"
    assert "  alice\n  carl\n" in notice.body
    assert site.heard.total(Metric.RUN_OVERDUE, "reports") == 3
    assert site.heard.total(Metric.USERS_MISSING, "reports") == 6
    site.closer().close_if_complete(site.finish(run, ["alice", "carl"]))
    assert site.look()["reports"]["overdue"] == 0
    assert site.subjects[1:] == ["[prod] Backup of reports: 3 of 3 users"]


def test_a_run_that_was_never_planned_to_the_end_is_overdue_too() -> None:
    """Its initiator died for good."""
    site = Site()
    site.fill("alice")
    with pytest.raises(SimulatedCrash):
        site.start(faults=Faults(crash=CrashPoint("queue.send", 1, Moment.BEFORE)))
    site.clock.pass_by(hours=5)
    assert site.look()["reports"]["overdue"] == 1
    assert "not all users were even planned" in site.notifier.sent[0].body


def test_a_run_that_nobody_closed_is_closed() -> None:
    """It is not overdue: everybody has a backup."""
    site = Site()
    site.fill("alice")
    run = run_id(site.start())
    site.finish(run, ["alice"])
    site.clock.pass_by(hours=5)
    assert site.look()["reports"]["overdue"] == 0
    assert site.ledger.get(run).status == RunState.COMPLETED
    assert site.subjects == ["[prod] Backup of reports: 1 of 1 user"]


def test_a_missed_run_is_told_once_until_there_is_one_again() -> None:
    """The schedule was switched off, on, and off again."""
    site = Site()
    site.fill("alice")
    site.look()
    for number in (0, 1):
        run = run_id(site.start(night(number)))
        site.closer().close_if_complete(site.finish(run, ["alice"]))
        site.clock.pass_by(hours=24)
    site.notifier.sent.clear()
    assert site.look()["reports"]["missed"] == 0
    site.clock.pass_by(hours=4)
    assert [site.look()["reports"]["missed"] for _ in range(3)] == [1, 1, 1]
    assert site.subjects == ["[prod] Backup of reports MISSED: no run for 27 h 0 min"]
    run = run_id(site.start(night(3)))
    assert site.look()["reports"]["missed"] == 0
    site.closer().close_if_complete(site.finish(run, ["alice"]))
    site.clock.pass_by(hours=28)
    assert site.look()["reports"]["missed"] == 1
    assert site.subjects.count("[prod] Backup of reports MISSED: no run for 27 h 0 min") == 2


def test_a_source_that_never_had_a_run_is_missed_from_when_it_was_first_watched() -> None:
    """A new stack is not missed on its first day; one whose schedule never worked is."""
    site = Site()
    assert site.look()["reports"]["missed"] == 0
    site.clock.pass_by(hours=27)
    assert site.look()["reports"]["missed"] == 0
    site.clock.pass_by(minutes=1)
    assert site.look()["reports"]["missed"] == 1
    assert len(site.notifier.sent) == 1


def test_runs_of_some_users_or_of_other_sources_do_not_count_as_the_nightly_run() -> None:
    """Somebody tried out one user, and mail went well."""
    site = Site((REPORTS, MAIL))
    site.fill("alice")
    site.fill("bob", setting=MAIL)
    site.look()
    site.clock.pass_by(hours=26)
    site.start({"backup_type": "manual", "source_prefix": "alice/", "source": "reports"}, request="r1")
    site.start({"source": "mail"}, request="r2")
    site.clock.pass_by(hours=2)
    found = site.look()
    assert (found["reports"]["missed"], found["mail"]["missed"]) == (1, 0)


def test_ages_of_last_good_backups_are_counted() -> None:
    """Also while nobody is backed up."""
    site = Site()
    site.back_up("alice", age=timedelta(hours=50))
    site.back_up("bob", age=timedelta(hours=2))
    site.look()
    assert site.heard.total(Metric.RPO_AGE_MAX, "reports") == 50 * 3_600


def test_trouble_with_one_source_does_not_hide_the_others() -> None:
    """It is counted, and raised at the end."""
    site = Site((REPORTS, MAIL))
    plan = Faults(failures=Failures(0.5, UnavailableError, frozenset({"users.all"}), Moment.BEFORE), seed=1)
    with pytest.raises(UnavailableError):
        site.look(plan)
    assert site.heard.total(Metric.ERRORS, "reports") == 1
    assert site.heard.total(Metric.RPO_AGE_MAX, "mail") == 0


def test_metrics_come_also_when_people_cannot_be_told() -> None:
    """And the next look tells them."""
    site = Site()
    site.fill("alice")
    site.start()
    site.clock.pass_by(hours=5)
    plan = Faults(failures=Failures(1.0, UnavailableError, frozenset({"notifier.publish"}), Moment.BEFORE))
    with pytest.raises(UnavailableError):
        site.look(plan)
    assert site.heard.total(Metric.RUN_OVERDUE, "reports") == 1
    site.look()
    assert len(site.notifier.sent) == 1


@pytest.mark.parametrize("moment", Moment)
def test_the_watchdog_may_die_anywhere(moment: Moment) -> None:
    """The next look tells what is still to be told: twice at most, never not at all."""
    number = 0
    while True:
        number += 1
        site = Site((REPORTS, MAIL))
        site.fill("alice")
        site.look()
        site.start({"source": "reports"}, request="r1")
        site.clock.pass_by(hours=28)
        plan = Faults(crash=CrashPoint("", number, moment))
        try:
            site.look(plan)
        except SimulatedCrash:
            site.look()
        for subject in (
            "[prod] Backup of reports OVERDUE: 1 of 1 user missing",
            "[prod] Backup of reports MISSED: no run for 27 h 0 min",
            "[prod] Backup of mail MISSED: no run for 27 h 0 min",
        ):
            assert 1 <= site.subjects.count(subject) <= 2, (number, subject)
        if not plan.dead:
            break
    assert number > 20
