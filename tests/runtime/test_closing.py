"""The end of a run: one summary, metrics, a last state and a free source, also when the closer dies."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from functions.adapters.faults import CrashPoint, Failures, Faults, Moment, SimulatedCrash
from functions.contract.metric_names import Metric
from functions.contract.states import RunState
from functions.engine.errors import AccessError, StrongroomError, UnavailableError
from functions.engine.orchestration.ports import Work
from tests.runtime.run_kit import NIGHTLY, Site, run_id

GIGABYTE = 10**9


def finished(site: Site) -> Work:
    """Start a run of three users and do all its jobs; nobody has closed it."""
    site.fill("alice", "bob", "carl")
    run = run_id(site.start())
    site.finish(run, ["alice", "bob"], files=5, read=4 * GIGABYTE, new=2 * GIGABYTE, stored=GIGABYTE)
    return site.finish(run, ["carl"], "FAILED: ACCESS_DENIED: no right")


def is_free(site: Site) -> bool:
    """Say whether another run can have the source."""
    lease = site.ledger.acquire("reports", "somebody", "other", site.clock(), site.clock() + timedelta(hours=1))
    if lease.granted:
        site.ledger.release("reports", "other")
    return lease.granted


def test_the_last_user_closes_the_run() -> None:
    """With one summary, its metrics, its state, and the source is free again."""
    site = Site()
    work = finished(site)
    site.back_up("alice", age=timedelta(hours=30))
    site.clock.pass_by(minutes=90)
    assert not is_free(site)
    assert site.closer().close_if_complete(work)
    assert site.subjects == ["[prod] Backup of reports: 2 of 3 users, 1 failed"]
    assert "  failed  carl: ACCESS_DENIED: no right" in site.notifier.sent[0].body
    assert site.ledger.get(work.id).status == RunState.PARTIAL
    assert is_free(site)
    expected = {
        Metric.USERS_COMPLETED: 2,
        Metric.USERS_PARTIAL: 0,
        Metric.USERS_FAILED: 1,
        Metric.FILES: 10,
        Metric.BYTES_READ: 8 * GIGABYTE,
        Metric.RUN_DURATION: 90 * 60,
        Metric.DEDUP_RATIO: 2,
        Metric.COMPRESSION_RATIO: 2,
        Metric.RPO_AGE_MAX: 31.5 * 3_600,
        Metric.RPO_AGE_P99: 31.5 * 3_600,
    }
    assert {metric: site.heard.total(metric, "reports") for metric in expected} == expected


def test_a_run_with_users_left_stays_open() -> None:
    """Also one that is not planned to the end yet."""
    site = Site()
    site.fill("alice", "bob")
    run = run_id(site.start())
    assert not site.closer().close_if_complete(site.finish(run, ["alice"]))
    assert not site.notifier.sent


def test_redeliveries_close_nothing_twice() -> None:
    """Whoever comes later finds it closed, and gives the source back again."""
    site = Site()
    work = finished(site)
    assert site.closer().close_if_complete(work)
    site.clock.pass_by(minutes=10)
    # One that read the run before it was closed, and one that read it after.
    assert not site.closer().close_if_complete(work)
    assert not site.closer().close_if_complete(site.ledger.get(work.id))
    assert len(site.notifier.sent) == 1


def test_of_all_who_finish_at_once_one_closes() -> None:
    """Eight workers, one summary."""
    site = Site()
    work = finished(site)
    together = threading.Barrier(8)

    def close(_number: int) -> bool:
        together.wait()
        return site.closer().close_if_complete(work)

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(close, range(8))) == 1
    assert len(site.notifier.sent) == 1


@pytest.mark.parametrize("moment", Moment)
def test_a_closer_may_die_anywhere(moment: Moment) -> None:
    """The watchdog closes the run when the lease on its closing has run out. No summary is lost."""
    number = 0
    while True:
        number += 1
        site = Site()
        work = finished(site)
        try:
            site.closer(Faults(crash=CrashPoint("", number, moment))).close_if_complete(work)
        except SimulatedCrash:
            site.clock.pass_by(minutes=6)
            site.look()
            site.start({**NIGHTLY, "scheduled_time": "2026-11-21T02:00:00Z"}, request="r2")
            assert site.ledger.get(work.id).status == RunState.PARTIAL, number
            assert 1 <= site.subjects.count("[prod] Backup of reports: 2 of 3 users, 1 failed") <= 2, number
            assert (site.heard.total(Metric.USERS_FAILED) or 0) >= 1, number
            assert not any("skipped" in subject for subject in site.subjects), number
        else:
            break
    assert number > 6


def test_while_one_closes_no_other_does() -> None:
    """Until its lease has run out."""
    site = Site()
    work = finished(site)
    with pytest.raises(SimulatedCrash):
        site.closer(Faults(crash=CrashPoint("notifier.publish", 1, Moment.BEFORE))).close_if_complete(work)
    assert not site.closer().close_if_complete(work)
    site.clock.pass_by(minutes=6)
    assert site.closer().close_if_complete(work)


def refusing(error: type[StrongroomError]) -> Faults:
    """Give a plan by which no notice is taken."""
    return Faults(failures=Failures(1.0, error, frozenset({"notifier.publish"}), Moment.BEFORE))


def test_a_topic_that_does_not_answer_keeps_the_run_open() -> None:
    """The next one to come tries again."""
    site = Site()
    work = finished(site)
    with pytest.raises(UnavailableError):
        site.closer(refusing(UnavailableError)).close_if_complete(work)
    assert site.ledger.get(work.id).status == RunState.RUNNING
    site.clock.pass_by(minutes=6)
    assert site.closer().close_if_complete(work)


def test_a_topic_that_refuses_does_not_keep_backups_from_going_on() -> None:
    """It is an error in log and metrics, for an alarm; the source is free for the next run."""
    site = Site()
    assert site.closer(refusing(AccessError)).close_if_complete(finished(site))
    assert site.heard.total(Metric.ERRORS) == 1
    assert site.heard.lines("notice not published")[0]["code"] == "ACCESS_DENIED"
    assert is_free(site)


def test_an_expired_run_is_not_closed_by_its_late_workers() -> None:
    """People have been told that it expired; its users are backed up by the next one."""
    site = Site()
    work = finished(site)
    site.ledger.change(work.id, [RunState.RUNNING], RunState.EXPIRED)
    assert not site.closer().close_if_complete(work)
    assert not site.notifier.sent
    assert site.ledger.get(work.id).status == RunState.EXPIRED
