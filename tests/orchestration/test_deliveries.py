"""Messages come twice, late, out of order, side by side, and to workers that die: the end is always the same."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.adapters.faults import CrashPoint, Faults, Moment
from functions.contract.states import BackupState, RunState
from functions.contract.tables import STATUS, BackupsTable
from functions.engine.model import BackupType
from tests.orchestration.night import SETTING, Context, Night, crash_at
from tests.strategies import noise

RUN = "20261121T020000Z-0000beef"
USERS = ("", "ada", "bob", "cyd", "dan", "eve")
COUNTED = ("completed", "partial", "failed", "files", "unreadable", "source")


def fill(night: Night) -> None:
    """Give every kind of user something: many parts, many chunks, content of somebody else's, nothing tomorrow."""
    put = night.source.put
    put("clients/readme", b"nobody's own")
    for number in range(9):
        put(f"clients/ada/{number % 3}/{number}", noise(f"ada{number}", 2_000))
    put("clients/bob/large", noise("bob", 700_000))
    put("clients/bob/small", b"small")
    put("clients/cyd/secret", b"may not be read")
    put("clients/cyd/open", b"may be read")
    put("clients/dan/gone", b"is deleted before the second night")
    put("clients/eve/same", noise("bob", 700_000))


def change(night: Night) -> None:
    """Let a day pass."""
    night.clock.pass_by(days=1)
    night.source.put("clients/ada/1/new", noise("new", 5_000))
    night.source.put("clients/bob/large", noise("bob", 650_000) + b"changed")
    night.source.put("clients/cyd/secret", b"changed, and may not be read any more")
    night.source.denied = {"clients/cyd/secret"}
    night.source.delete("clients/dan/gone")


def evening() -> Night:
    """Give the state before the second night's run."""
    night = Night()
    fill(night)
    night.start_run("20261120T020000Z-00000001", BackupType.INCREMENTAL, USERS)
    night.drain()
    change(night)
    return night


def contents(night: Night, user: str) -> Mapping[str, bytes]:
    """Give what may be read of a user's objects now."""
    prefix = f"clients/{user}/" if user else "clients/"
    return {
        key: item.data
        for key, item in night.source.objects.items()
        if key.startswith(prefix) and (user or "/" not in key[len(prefix) :]) and key not in night.source.denied
    }


def assert_done(night: Night, users: tuple[str, ...] = USERS, *, summaries: int | None = 1) -> None:
    """Everything is as if each message had come once."""
    work = night.ledger.get(RUN)
    records = night.records(RUN)
    assert work.status == RunState.PARTIAL
    assert (work.expected, work.done) == (len(users), len(users))
    assert not list(night.ledger.missing(RUN))
    assert sorted(records) == sorted(users)
    for user, made in records.items():
        assert len(made) == 1, f"{user} was backed up {len(made)} times"
        assert night.restored(made[0]) == contents(night, user)
    expected = {"completed": len(users) - 1, "partial": 1, "failed": 0, "unreadable": 1}
    expected["files"] = sum(len(contents(night, user)) for user in users)
    assert {name: work.counts.get(name, 0) for name in expected} == expected
    states = [item[STATUS] for item in night.catalog.backups.values() if item[BackupsTable.RUN_ID] == RUN]
    assert sorted(map(str, states)) == sorted([BackupState.COMPLETED] * (len(users) - 1) + [BackupState.PARTIAL])
    newest = {state.user: state.backup_id for state in night.users.all(SETTING.name)}
    assert newest == {user: made[0].backup_id for user, made in records.items()}
    assert night.ledger.acquire(SETTING.name, "next", "next", night.clock(), night.clock()).granted
    sent = [notice for notice in night.notifier.sent if "Backup" in notice.subject]
    assert len(sent) >= 2
    assert summaries is None or len(sent) == 1 + summaries
    assert not night.dead.sent
    assert not night.verified().damages


def test_a_run_whose_messages_come_once_ends_well() -> None:
    """The case that all others are compared with."""
    night = evening()
    night.start_run(RUN, BackupType.INCREMENTAL, USERS)
    night.drain()
    assert_done(night)


def test_a_whole_batch_is_worked_on_side_by_side() -> None:
    """Ten messages in one invocation share packs, and each has an end of its own."""
    night = evening()
    night.start_run(RUN, BackupType.INCREMENTAL, USERS)
    while waiting := night.collect():
        night.deliver(*waiting)
        night.clock.pass_by(minutes=20)
    assert_done(night)


@pytest.mark.parametrize("kind", [BackupType.FULL, BackupType.MANUAL])
def test_a_full_and_a_manual_run_end_the_same_way(kind: BackupType) -> None:
    """What differs is what is read."""
    night = evening()
    night.start_run(RUN, kind, USERS)
    night.drain()
    assert_done(night)


def test_every_message_twice() -> None:
    """The second delivery finds the work done."""
    night = evening()
    night.start_run(RUN, BackupType.INCREMENTAL, USERS)
    while waiting := night.collect():
        message = waiting[0]
        night.deliver(message, keep=True)
        night.deliver(message, keep=True)
        night.clock.pass_by(minutes=20)
        night.deliver(message)
    assert_done(night)


def test_a_message_that_comes_while_it_is_worked_on_is_put_off() -> None:
    """Not dropped: the first worker may still die. Not worked on: the first worker is at it."""
    night = evening()
    night.start_run(RUN, BackupType.INCREMENTAL, ["bob"])
    (message,) = night.collect()
    assert not night.deliver(message, faults=crash_at(20, Moment.AFTER))
    assert night.deliver(message)
    assert night.pending, "it was taken from the queue although nobody works on it"
    lease = 900 + 30
    assert [*night.hidden.values()] == [pytest.approx(lease, abs=2)], (
        "each receive before counts towards the dead letters"
    )
    night.clock.pass_by(minutes=20)
    night.drain()
    assert len(night.records(RUN)["bob"]) == 1


@pytest.mark.parametrize("ending", ["00000.jsonl.zst", "commit.json"])
@pytest.mark.parametrize("user", ["ada", "bob", "cyd"])
def test_a_worker_that_was_thought_dead_changes_nothing_when_it_goes_on(ending: str, user: str) -> None:
    """Its lease ran out while it slept; another one did the work; then it wakes up in the middle of a write."""
    night = evening()
    night.start_run(RUN, BackupType.INCREMENTAL, [user])
    woken: list[bool] = []

    def sleep() -> None:
        night.clock.pass_by(hours=1)
        night.drain()
        woken.append(night.records(RUN).keys() == {user})

    night.store.before(ending, sleep)
    while not woken:
        night.deliver(night.collect()[0])
    night.clock.pass_by(hours=1)
    night.drain()
    assert woken == [True], "the other worker was to do all of the work"
    (record,) = night.records(RUN)[user]
    assert night.restored(record) == contents(night, user)
    assert night.ledger.get(RUN).done == 1
    assert night.ledger.get(RUN).counts["files"] == len(contents(night, user))
    assert not night.verified().damages


def test_a_worker_that_wakes_up_ends_what_the_other_one_committed_and_died_over() -> None:
    """The backup exists, whoever wrote its commit record; only the ledgers have not heard of it."""
    night = evening()
    night.start_run(RUN, BackupType.INCREMENTAL, ["bob"])
    (message,) = night.collect()
    died: list[bool] = []

    def sleep() -> None:
        night.clock.pass_by(hours=1)
        other = Faults(crash=CrashPoint("catalog.complete", 1, Moment.BEFORE))
        died.append(not night.deliver(message, faults=other))

    night.store.before("commit.json", sleep)
    night.deliver(message)
    assert died == [True]
    assert not night.pending
    assert night.ledger.get(RUN).status == RunState.COMPLETED
    assert night.ledger.get(RUN).counts["completed"] == 1
    assert night.restored(night.records(RUN)["bob"][0]) == contents(night, "bob")


_HOW = st.sampled_from(["once", "twice", "killed", "early", "short"])
_STEPS = st.lists(st.tuples(st.integers(0, 20), _HOW, st.integers(1, 90), st.sampled_from(list(Moment))), max_size=25)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(_STEPS)
def test_any_order_with_repeats_and_kills_ends_as_once(steps: list[tuple[int, str, int, Moment]]) -> None:
    """Killed at any call of any port, before or after it; cut short; repeated early, late or after success."""
    night = evening()
    night.start_run(RUN, BackupType.INCREMENTAL, USERS)
    killed = False
    for choice, how, number, moment in steps:
        waiting = night.collect()
        if not waiting:
            break
        message = waiting[choice % len(waiting)]
        if how != "early":
            night.clock.pass_by(minutes=20)
        if how == "killed":
            killed |= not night.deliver(message, faults=crash_at(number, moment))
        elif how == "short":
            night.deliver(message, context=Context(f"short{number}", 90_000 + number * 100, 400))
        else:
            night.deliver(message, keep=how == "twice")
    night.drain()
    assert_done(night, summaries=None if killed else 1)


def calls_of_a_run() -> int:
    """Count the calls of all ports in a run of one user that has several parts."""
    night = evening()
    night.start_run(RUN, BackupType.INCREMENTAL, ["ada"])
    plan = crash_at(1_000_000, Moment.AFTER)
    while waiting := night.collect():
        night.deliver(waiting[0], faults=plan)
    return plan.counts.total()


@pytest.mark.parametrize("moment", list(Moment))
def test_a_worker_killed_at_any_call_loses_nothing(moment: Moment) -> None:
    """Every call of every port, one after the other."""
    total = calls_of_a_run()
    assert total > 60
    for number in range(1, total + 1):
        night = evening()
        night.start_run(RUN, BackupType.INCREMENTAL, ["ada"])
        plan = crash_at(number, moment)
        alive = True
        while alive and (waiting := night.collect()):
            alive = night.deliver(waiting[0], faults=plan)
        assert not alive
        night.clock.pass_by(minutes=20)
        night.drain()
        assert len(night.records(RUN)["ada"]) == 1, f"call {number}"
        assert night.restored(night.records(RUN)["ada"][0]) == contents(night, "ada")
        work = night.ledger.get(RUN)
        assert (work.status, work.done) == (RunState.COMPLETED, 1)
        assert work.counts["files"] == 10


NIGHTLY = {"backup_type": "INCREMENTAL", "scheduled_time": "2026-11-21T02:00:00Z"}


def deliver_at_random(night: Night, random: Random, lock: threading.Lock) -> None:
    """Give random batches to workers until nothing waits: one in ten is killed, half of the messages come again."""
    while True:
        with lock:
            waiting = night.collect()
            if not waiting:
                return
            batch = random.sample(waiting, min(len(waiting), random.randint(1, 10)))
            dies = random.random() < 0.1
            plan = crash_at(random.randint(1, 400), random.choice(list(Moment))) if dies else None
            keep = random.random() < 0.5
            night.clock.pass_by(minutes=1)
        night.deliver(*batch, faults=plan, keep=keep)


def test_a_thousand_users_with_repeats_and_kills_by_many_workers() -> None:
    """Seeded: an initiator that dies and is started again, then four workers at once, every message about twice."""
    night = Night(split_files=1_000_000)
    users = tuple(f"user-{number:04}" for number in range(1_000))
    for user in users:
        for number in range(3):
            night.source.put(f"clients/{user}/{number}", noise(f"{user}{number % 2}", 300))
    assert not night.initiate(NIGHTLY, "first", Faults(crash=CrashPoint("queue.send", 1, Moment.AFTER)))
    assert night.initiate(NIGHTLY, "retry")
    assert night.initiate(NIGHTLY, "delivered twice")
    (run,) = [*night.ledger.with_status(RunState.RUNNING)]
    assert len(night.collect()) > 1_000
    random, lock = Random(20261121), threading.Lock()
    with ThreadPoolExecutor(4) as workers:
        for end in [workers.submit(deliver_at_random, night, random, lock) for _ in range(4)]:
            end.result()
    night.clock.pass_by(hours=1)
    night.drain()
    assert night.initiate(NIGHTLY, "long after")
    assert not night.collect()
    work = night.ledger.get(run.id)
    assert (work.status, work.expected, work.done) == (RunState.COMPLETED, 1_000, 1_000)
    expected = {"completed": 1_000, "partial": 0, "failed": 0, "files": 3_000, "unreadable": 0, "source": 900_000}
    assert {name: work.counts.get(name, 0) for name in COUNTED} == expected
    records = night.records(run.id)
    assert len(records) == 1_000
    assert all(len(made) == 1 for made in records.values())
    for user in random.sample(users, 40):
        assert night.restored(records[user][0]) == contents(night, user)
    assert not night.verified().damages
