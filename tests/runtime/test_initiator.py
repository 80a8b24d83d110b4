"""Starts of runs: everybody once, in order, also when the event comes twice or the initiator dies."""

from __future__ import annotations

import threading
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.adapters.faults import CrashPoint, Failures, Faults, Moment, SimulatedCrash
from functions.adapters.memory import MemorySource
from functions.contract.environment import SourceSetting
from functions.contract.metric_names import Metric
from functions.contract.states import RunState
from functions.engine.errors import AccessError, BucketNotFoundError, ConfigurationError, UnavailableError
from functions.engine.orchestration.ports import Envelope
from functions.runtime import initiator
from tests.runtime.run_kit import NIGHTLY, REPORTS, Site, countdown, run_id

MAIL = SourceSetting("mail", "post", "")
BOARD = replace(REPORTS, priority=("board", "legal-*"))
NEXT_NIGHT = {**NIGHTLY, "scheduled_time": "2026-11-21T02:00:00Z"}
FULL = {"backup_type": "FULL", "scheduled_time": "2026-11-22T01:00:00Z"}
OVER = countdown(0)


def crowd(count: int) -> list[str]:
    """Give names of users."""
    return [f"user-{number:06}" for number in range(count)]


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plan and send two users at a time."""
    monkeypatch.setattr(initiator, "_CHUNK", 2)


def test_every_user_of_a_source_gets_one_message() -> None:
    """The root user too, each in a group of its own; the run is RUNNING and says what it is."""
    site = Site()
    site.fill("", "alice", "bob")
    answer = site.start()
    run = run_id(answer)
    assert answer == {"reports": {"state": "RUNNING", "run_id": run, "users": 3}}
    assert [(message.user, message.type, message.trigger) for message in site.messages()] == [
        ("", "INCREMENTAL", "schedule"),
        ("alice", "INCREMENTAL", "schedule"),
        ("bob", "INCREMENTAL", "schedule"),
    ]
    assert [envelope.group for envelope in site.jobs.sent] == ["/", "alice", "bob"]
    work = site.ledger.get(run)
    assert (work.status, work.expected, work.done) == (RunState.RUNNING, 3, 0)
    assert work.facts == {
        "source": "reports",
        "prefix": "clients/",
        "type": "INCREMENTAL",
        "trigger": "schedule",
        "selected": "",
        "window_end": "2026-11-20T06:00:00Z",
        "priority": [],
    }
    assert site.heard.total(Metric.RUN_STARTED, "reports") == 1


def test_priority_users_have_a_queue_of_their_own_and_go_first() -> None:
    """Chosen by name or shell pattern."""
    site = Site((BOARD,))
    site.fill("alice", "board", "legal-a", "zoe")
    site.start()
    assert [message.user for message in site.messages()] == ["board", "legal-a", "alice", "zoe"]
    assert [message.priority for message in site.messages()] == [True, True, False, False]
    assert len(site.urgent.sent) == 2


@pytest.mark.usefixtures("small_chunks")
def test_priority_users_of_a_large_source_are_sent_before_all_others() -> None:
    """Not only before those of their own slice."""
    site = Site((BOARD,))
    site.fill(*crowd(9), "zz-board", "legal-zz", "board")
    site.start(left=OVER)
    assert [message.user for message in site.messages()] == ["board", "legal-zz"]
    assert site.go_on(left=OVER) == 5
    assert len(site.messages()) == 12


def test_a_source_prefix_chooses_users() -> None:
    """By hand, of one type."""
    site = Site()
    site.fill("test", "test2", "alice")
    run = run_id(site.start({"backup_type": "manual", "source_prefix": "test/"}))
    assert site.jobs_of(run) == {"test"}
    assert site.messages()[0].type == "MANUAL"
    assert site.ledger.get(run).facts["selected"] == "test/"


@pytest.mark.usefixtures("small_chunks")
def test_users_who_are_named_are_backed_up_and_nobody_else() -> None:
    """Also when the run is handed on, and also whose folder is gone; a name that nobody has is no job."""
    site = Site()
    site.fill("alice", "al", "bob", "carol", "zoe")
    site.back_up("gone", files=3)
    run = run_id(site.start({"backup_type": "manual", "users": ["carol", "gone", "al", "bob", "typo"]}, left=OVER))
    site.go_on(left=OVER)
    assert site.jobs_of(run) == {"al", "bob", "carol", "gone"}
    assert site.ledger.get(run).expected == 4


def test_users_whose_folder_is_gone_get_one_more_backup() -> None:
    """And people are told how many, when the run ends."""
    site = Site()
    site.fill("alice")
    site.back_up("gone", files=3)
    site.back_up("emptied", files=0)
    run = run_id(site.start())
    assert site.jobs_of(run) == {"alice", "gone"}
    site.closer().close_if_complete(site.finish(run, ["alice", "gone"]))
    assert "Gone:        1 user with files" in site.notifier.sent[0].body


def test_a_run_of_nobody_ends_at_once() -> None:
    """With a summary that says so."""
    site = Site()
    site.fill()
    run = run_id(site.start())
    assert site.ledger.get(run).status == RunState.COMPLETED
    assert site.subjects == ["[prod] Backup of reports: no users found"]


def test_workers_that_are_faster_than_the_initiator_lose_no_summary(monkeypatch: pytest.MonkeyPatch) -> None:
    """All jobs are done before all are planned."""
    site = Site()
    site.fill("alice")
    send = site.jobs.send

    def send_and_work(messages: Sequence[Envelope], *, delay: int = 0) -> None:
        send(messages, delay=delay)
        run = site.messages()[-1].run_id
        assert not site.closer().close_if_complete(site.finish(run, ["alice"]))

    monkeypatch.setattr(site.jobs, "send", send_and_work)
    run = run_id(site.start())
    assert site.subjects == ["[prod] Backup of reports: 1 of 1 user"]
    assert site.ledger.get(run).status == RunState.COMPLETED


def test_an_event_that_comes_twice_starts_one_run() -> None:
    """While it runs, and after it has ended."""
    site = Site()
    site.fill("alice", "bob")
    run = run_id(site.start())
    assert run_id(site.start(request="request-2")) == run
    assert len(site.messages()) == 2
    site.closer().close_if_complete(site.finish(run, ["alice", "bob"]))
    assert site.start(request="request-3") == {"reports": {"state": "ENDED", "run_id": run}}
    assert len(site.messages()) == 2
    assert len(site.notifier.sent) == 1


def test_a_retry_of_a_start_by_hand_is_known_by_its_request() -> None:
    """Lambda gives an asynchronous retry the id of the first try."""
    site = Site()
    site.fill("alice")
    run = run_id(site.start({}, request="r1"))
    assert run_id(site.start({}, request="r1")) == run
    assert site.start({}, request="r2")["reports"]["state"] == "SKIPPED"


def test_a_second_run_of_a_source_is_refused_and_people_are_told() -> None:
    """The other sources of the event are started."""
    site = Site((REPORTS, MAIL))
    site.fill("alice")
    site.fill("bob", setting=MAIL)
    active = run_id(site.start({"source": "reports"}))
    answer = site.start(FULL, request="r2")
    assert answer["reports"] == {"state": "SKIPPED", "active": active}
    assert answer["mail"]["state"] == "RUNNING"
    assert site.subjects == ["[prod] Backup skipped: reports, another run is active"]
    assert site.heard.total(Metric.RUN_SKIPPED, "reports") == 1
    assert site.jobs_of(run_id(answer, "mail")) == {"bob"}


def test_when_a_run_has_ended_the_next_one_starts() -> None:
    """The source is free."""
    site = Site()
    site.fill("alice")
    first = run_id(site.start())
    site.closer().close_if_complete(site.finish(first, ["alice"]))
    site.clock.pass_by(hours=24)
    second = run_id(site.start(NEXT_NIGHT))
    assert second > first
    assert site.jobs_of(second) == {"alice"}


def test_a_run_whose_lease_has_run_out_is_replaced_and_people_are_told() -> None:
    """With the names of those who are missing."""
    site = Site()
    site.fill("alice", "bob")
    old = run_id(site.start())
    site.finish(old, ["alice"])
    site.clock.pass_by(hours=24)
    new = run_id(site.start(NEXT_NIGHT))
    assert new != old
    assert site.ledger.get(old).status == RunState.EXPIRED
    (notice,) = site.notifier.sent
    assert notice.subject == "[prod] Backup of reports: unfinished run EXPIRED, 1 of 2 users missing"
    assert "  bob\n" in notice.body
    assert run_id(site.start(NEXT_NIGHT)) == new
    assert len(site.notifier.sent) == 1


def test_a_run_that_is_done_but_not_closed_is_closed_first() -> None:
    """Whoever should have closed it had died; nobody has to wait for the lease."""
    site = Site()
    site.fill("alice")
    old = run_id(site.start())
    site.finish(old, ["alice"])
    assert site.start(NEXT_NIGHT)["reports"]["state"] == "RUNNING"
    assert site.ledger.get(old).status == RunState.COMPLETED
    assert site.subjects == ["[prod] Backup of reports: 1 of 1 user"]


def test_a_finished_run_whose_lease_has_run_out_is_closed_and_not_called_expired() -> None:
    """Its users have their backups; the new run goes on meanwhile."""
    site = Site()
    site.fill("alice")
    old = run_id(site.start())
    site.finish(old, ["alice"])
    site.clock.pass_by(hours=24)
    assert site.start(NEXT_NIGHT)["reports"]["state"] == "RUNNING"
    assert site.ledger.get(old).status == RunState.COMPLETED
    assert site.subjects == ["[prod] Backup of reports: 1 of 1 user"]


def test_a_source_whose_initiator_died_before_it_opened_the_run_is_free_after_a_while() -> None:
    """Not at once: it may be just about to."""
    site = Site()
    site.fill("alice")
    with pytest.raises(SimulatedCrash):
        site.start(faults=Faults(crash=CrashPoint("ledger.open", 1, Moment.BEFORE)))
    assert site.start({}, request="soon")["reports"]["state"] == "SKIPPED"
    site.clock.pass_by(minutes=16)
    assert site.start({}, request="later")["reports"]["state"] == "RUNNING"
    assert site.subjects == ["[prod] Backup skipped: reports, another run is active"]


def test_an_event_that_is_not_understood_is_said_and_raised() -> None:
    """A schedule with a mistake in it must not be a silent one."""
    site = Site()
    site.fill("alice")
    with pytest.raises(ConfigurationError):
        site.start({"backup_type": "INCREMANTAL"})
    assert site.subjects == ["[prod] Backup of all sources could not start: CONFIG_INVALID"]
    assert "did you mean INCREMENTAL?" in site.notifier.sent[0].body
    assert site.heard.total(Metric.ERRORS) == 1
    assert not site.messages()


@pytest.mark.parametrize("error", [BucketNotFoundError, AccessError, UnavailableError])
def test_trouble_with_one_source_is_said_and_raised_after_the_others_were_started(
    error: type[AccessError | BucketNotFoundError | UnavailableError],
) -> None:
    """A retry goes on with the same run."""
    site = Site((REPORTS, MAIL))
    site.fill("alice")
    site.fill("bob", setting=MAIL)
    with pytest.raises(error):
        site.start(faults=Faults(failures=Failures(0.5, error, frozenset({"source.users"}), Moment.BEFORE), seed=1))
    assert site.subjects == [f"[prod] Backup of reports could not start: {error.code}"]
    assert site.heard.total(Metric.ERRORS, "reports") == 1
    assert [message.user for message in site.messages()] == ["bob"]
    (stuck,) = site.ledger.with_status(RunState.DISPATCHING)
    assert str(stuck.facts["error"]).startswith(error.code)
    answer = site.start()
    assert run_id(answer) == stuck.id
    assert site.jobs_of(stuck.id) == {"alice"}
    assert site.ledger.get(stuck.id).facts["error"] is None


def test_after_trouble_a_person_need_not_wait_for_the_lease() -> None:
    """When the reason is mended, a start by hand takes over at once."""
    site = Site()
    site.fill("alice")
    with pytest.raises(AccessError):
        site.start(faults=Faults(failures=Failures(1.0, AccessError, frozenset({"source.users"}), Moment.BEFORE)))
    (stuck,) = site.ledger.with_status(RunState.DISPATCHING)
    run = run_id(site.start({}, request="by hand"))
    assert run != stuck.id
    assert site.ledger.get(stuck.id).status == RunState.EXPIRED
    assert site.jobs_of(run) == {"alice"}
    assert site.start()["reports"]["state"] == "SKIPPED"


def test_an_error_nobody_foresaw_does_not_keep_other_sources_from_starting() -> None:
    """It is said with its name."""
    site = Site((REPORTS, MAIL))
    site.fill("bob", setting=MAIL)
    with pytest.raises(KeyError):
        site.start()
    assert site.subjects == ["[prod] Backup of reports could not start: KeyError"]
    assert [message.user for message in site.messages()] == ["bob"]


def test_a_notice_that_cannot_be_sent_does_not_hide_the_trouble() -> None:
    """The error that is raised is that of the source."""
    site = Site()
    site.fill("alice")
    plan = Faults(failures=Failures(1.0, AccessError, frozenset({"source.users", "notifier.publish"}), Moment.BEFORE))
    with pytest.raises(AccessError, match=r"source\.users"):
        site.start(faults=plan)
    assert site.heard.lines("notice not published")


@pytest.mark.usefixtures("small_chunks")
def test_what_is_left_when_the_time_is_up_is_handed_on() -> None:
    """After the last user sent; each invocation gets on, however little time it has."""
    site = Site()
    site.fill(*crowd(7))
    assert site.start(left=countdown(900, 59))["reports"]["state"] == "HANDED_ON"
    assert [message.user for message in site.messages()] == crowd(4)
    assert site.invoked[0]["continue"]["after"] == [True, "user-000003"]
    (work,) = site.ledger.with_status(RunState.DISPATCHING)
    assert work.expected is None
    assert site.go_on(left=OVER) == 2
    assert [message.user for message in site.messages()] == crowd(7)
    assert site.ledger.get(work.id).expected == 7
    assert site.ledger.get(work.id).status == RunState.RUNNING


def test_sources_that_were_not_begun_in_time_are_handed_on_too() -> None:
    """With the same token: their runs are those of this event."""
    site = Site((REPORTS, MAIL))
    site.fill("alice")
    site.fill("bob", setting=MAIL)
    answer = site.start(left=OVER)
    assert answer["mail"] == {"state": "HANDED_ON"}
    assert [event["source"] for event in site.invoked] == ["mail"]
    site.go_on(left=OVER)
    assert {message.user for message in site.messages()} == {"alice", "bob"}
    assert not list(site.ledger.with_status(RunState.DISPATCHING))
    assert site.start(request="again", left=OVER)["reports"]["run_id"]


@pytest.mark.usefixtures("small_chunks")
def test_a_continuation_whose_run_was_replaced_sends_nothing() -> None:
    """It was too late."""
    site = Site()
    site.fill(*crowd(4))
    site.start(left=OVER)
    site.clock.pass_by(hours=23)
    new = run_id(site.start(NEXT_NIGHT, request="r2"))
    before = len(site.messages())
    assert site.start(site.invoked[0], request="late")["reports"] == {"state": "SKIPPED", "active": new}
    assert len(site.messages()) == before


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("moment", Moment)
def test_the_initiator_may_die_anywhere(moment: Moment) -> None:
    """A retry of the event that died gives the same jobs; who left meanwhile and was planned is sent all the same."""
    number = 0
    while True:
        number += 1
        site = Site((BOARD,))
        source = site.fill(*crowd(5), "board")
        site.back_up("gone", files=1)
        plan = Faults(crash=CrashPoint("", number, moment))
        try:
            site.start(left=OVER, faults=plan)
        except SimulatedCrash:
            source.delete("clients/user-000000/file")
            site.start(left=OVER)
        site.go_on(left=OVER)
        (work,) = site.ledger.with_status(RunState.RUNNING)
        planned = {item.task for item in site.ledger.planned(work.id)}
        assert planned == site.jobs_of(work.id), number
        assert planned - {"user-000000"} == {*crowd(5)[1:], "board", "gone"}, number
        assert work.expected == len(planned)
        for user in planned:
            site.closer().close_if_complete(site.finish(work.id, [user]))
        assert site.ledger.get(work.id).status == RunState.COMPLETED
        assert len(site.notifier.sent) == 1
        if not plan.dead:
            break
    assert number > 15


@settings(max_examples=300)
@given(
    names=st.sets(st.sampled_from(["", "/", "a", "b", "board", "legal-1", "é", "z"])),
    crashes=st.lists(st.tuples(st.integers(1, 40), st.sampled_from(Moment)), max_size=6),
    times=st.lists(st.sampled_from([0.0, 900.0]), min_size=1, max_size=6),
    twice=st.lists(st.booleans(), max_size=8),
)
def test_crashes_deadlines_and_repeated_events_give_the_same_jobs(
    names: set[str], crashes: list[tuple[int, Moment]], times: list[float], twice: list[bool]
) -> None:
    """Any of them, in any order: each user is planned once, sent at least once, and the run is closed once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(initiator, "_CHUNK", 2)
        site = Site((BOARD,))
        keys = (f"clients/{name}" if name in {"", "/"} else f"clients/{name}/" for name in names)
        site.sources["acme"] = MemorySource({f"{key}file": b"x" for key in keys})
        pending: list[dict[str, object]] = [dict(NIGHTLY)]
        repeats, deaths = iter(twice), iter(crashes)
        while pending:
            event = pending.pop(0)
            death = next(deaths, None)
            plan = Faults(crash=CrashPoint("", *death)) if death else Faults()
            try:
                site.start(event, left=countdown(*times), faults=plan)
            except SimulatedCrash:
                pending.append(event)
            if next(repeats, False):
                pending.append(event)
            pending += site.invoked
            site.invoked.clear()
        works = [work for state in RunState for work in site.ledger.with_status(state)]
        assert len(works) == 1
        assert site.jobs_of(works[0].id) == names
        assert {item.task for item in site.ledger.planned(works[0].id)} == names
        for user in names:
            site.closer().close_if_complete(site.finish(works[0].id, [user]))
        # Whoever died while it closed the run of nobody has left that to the watchdog.
        site.clock.pass_by(minutes=6)
        site.look()
        assert site.ledger.get(works[0].id).status == RunState.COMPLETED
        assert 1 <= len(site.notifier.sent) <= (1 if names else 1 + len(crashes))


@pytest.mark.parametrize("same_event", [True, False])
def test_starts_at_the_same_moment_give_one_run(*, same_event: bool) -> None:
    """Whether one event was delivered four times at once, or four people started a run."""
    site = Site()
    site.fill(*crowd(200))
    together = threading.Barrier(4)

    def begin(number: int) -> str:
        together.wait()
        event, request = (NIGHTLY, "r") if same_event else ({}, f"r{number}")
        return str(site.start(event, request=request)["reports"]["state"])

    with ThreadPoolExecutor(4) as threads:
        answers = sorted(threads.map(begin, range(4)))
    assert answers == (["RUNNING"] * 4 if same_event else ["RUNNING", "SKIPPED", "SKIPPED", "SKIPPED"])
    (work,) = site.ledger.with_status(RunState.RUNNING)
    assert work.expected == 200
    assert site.jobs_of(work.id) == set(crowd(200))


class _Large(MemorySource):
    """A source with so many users that their objects need not exist; it has one page at a time."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count

    def users(self, prefix: str) -> Iterator[str]:
        """See Source."""
        return (f"user-{number:06}" for number in range(self._count))


def test_a_hundred_thousand_users_are_started_by_continuation() -> None:
    """In invocations that have time for 20,000 each."""
    site = Site((replace(REPORTS, priority=("user-0999*",)),))
    site.sources["acme"] = _Large(100_000)
    time_for = countdown(*([900.0] * (20_000 // initiator._CHUNK - 1) + [0.0]) * 5)
    began = time.process_time()
    site.start(left=time_for)
    assert site.go_on(left=time_for) == 4
    assert time.process_time() - began < 60
    (work,) = site.ledger.with_status(RunState.RUNNING)
    assert work.expected == 100_000
    assert len(site.urgent.sent) == 100
    assert len({message.user for message in site.messages()}) == len(site.messages()) == 100_000


def test_an_invocation_holds_names_and_one_slice_of_messages() -> None:
    """Of 100,000 users, 2,000 of which it sends: 400 bytes each at most, whatever the queue does with messages."""
    site = Site()
    site.sources["acme"] = _Large(100_000)
    tracemalloc.start()
    try:
        site.start(left=countdown(900, 900, 900, 0))
        _kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(site.messages()) == 2_000
    assert peak < 40_000_000
