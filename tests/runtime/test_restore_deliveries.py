"""Tasks of a restore come twice, late, out of order, side by side and to workers that die: the end is the same."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.adapters.faults import CrashPoint, Failures, Faults, Moment
from functions.contract.messages import RestoreMessage
from functions.engine.conflict import Conflict
from functions.engine.errors import UnavailableError
from functions.engine.model import Properties
from functions.engine.orchestration.ports import Work
from functions.runtime.batches import LaterError
from tests.engine.kit import PROPERTIES
from tests.runtime.restore_kit import Recovery
from tests.strategies import noise

POLICIES = list(Conflict)
ID = "ticket-4711"
TAKEN = ("new/ada/1", "new/ada/large", "new/bob/2.txt")


def prepared(conflict: Conflict) -> Recovery:
    """Give a restore whose tasks have been sent, into a bucket where some names are taken."""
    recovery = Recovery()
    put = recovery.world.source.put
    for number in range(5):
        put(f"ada/{number}", noise(f"ada{number}", 3_000), properties=PROPERTIES)
    put("ada/large", noise("large", 700_000), properties=Properties({"content-type": "video/mp4"}))
    put("bob/1.txt", b"")
    put("bob/2.txt", noise("bob", 90_000))
    put("root", b"nobody's own")
    for user in ("", "ada", "bob"):
        recovery.world.back_up(user)
    for name in TAKEN:
        recovery.bucket.put(name, b"was here before")
    recovery.bucket.put("new/between", b"nobody restores this")
    recovery.request(destination_prefix="new/", conflict=conflict.value, request_id=ID)
    return recovery


def end(recovery: Recovery) -> tuple[object, ...]:
    """Give what must be the same however the messages came."""
    work = recovery.ledger.get(ID)
    notices = {notice.body.partition(" after ")[0] for notice in recovery.notifier.sent}
    return recovery.bucket.contents(), work.status, work.done, dict(work.counts), notices


@pytest.fixture(scope="module")
def once() -> dict[Conflict, tuple[object, ...]]:
    """Give the end for each policy when every message comes once."""
    ends = {}
    for policy in POLICIES:
        recovery = prepared(policy)
        recovery.work()
        ends[policy] = end(recovery)
    return ends


@pytest.mark.parametrize("policy", POLICIES)
def test_a_restore_does_what_its_policy_says(policy: Conflict) -> None:
    """What stands there stays, unless the policy is to overwrite it; renamed files stand beside."""
    recovery = prepared(policy)
    recovery.work()
    work = recovery.ledger.get(ID)
    kept = {name: recovery.bucket.files[name].data == b"was here before" for name in TAKEN}
    beside = {name for name in recovery.bucket.files if ID in name}
    assert work.status == "COMPLETED"
    assert all(kept.values()) == (policy is not Conflict.OVERWRITE)
    assert work.counts["restored"] == (6 if policy is Conflict.SKIP else 9)
    assert work.counts["skipped"] == (3 if policy is Conflict.SKIP else 0)
    renamed = {f"new/ada/1.{ID}", f"new/ada/large.{ID}", f"new/bob/2.{ID}.txt"}
    assert beside == (renamed if policy is Conflict.RENAME else set())


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("moment", [Moment.BEFORE, Moment.AFTER])
def test_a_worker_may_die_at_any_call(
    policy: Conflict, moment: Moment, once: dict[Conflict, tuple[object, ...]]
) -> None:
    """Before or after any call of any port, in any task: the next attempt brings the same end."""
    deaths = 0
    for number in range(1, 1_000):
        recovery = prepared(policy)
        messages = recovery.messages()
        died = _die_at(recovery, messages, CrashPoint("", number, moment))
        assert end(recovery) == once[policy], f"died at call {number}"
        if not died:
            break
        deaths += 1
    assert deaths > 20


def _die_at(recovery: Recovery, messages: list[RestoreMessage], point: CrashPoint) -> bool:
    """Work on all messages with one plan, so that the worker dies once, wherever it is; say whether it did."""
    plan = Faults(crash=point)
    died = False
    for message in messages:
        if not recovery.lives(message, plan):
            died, plan = True, Faults()
            assert recovery.lives(message, plan)
    return died


@pytest.mark.parametrize("policy", POLICIES)
def test_a_task_may_be_done_again_and_again(policy: Conflict, once: dict[Conflict, tuple[object, ...]]) -> None:
    """What is done is not done twice, counted twice or told twice."""
    recovery = prepared(policy)
    for message in recovery.messages() * 3:
        recovery.worker().work(message, recovery.delivery())
    assert end(recovery) == once[policy]
    assert len(recovery.notifier.sent) == 2, "one that it was planned, one that it ended"


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), policy=st.sampled_from(POLICIES))
def test_any_order_any_number_any_deaths(
    data: st.DataObject, policy: Conflict, once: dict[Conflict, tuple[object, ...]]
) -> None:
    """Shuffled, repeated and with deaths anywhere."""
    recovery = prepared(policy)
    messages = recovery.messages()
    deliveries = data.draw(st.lists(st.sampled_from(messages), max_size=12)) + messages
    for message in data.draw(st.permutations(deliveries)):
        crash = data.draw(st.none() | st.builds(CrashPoint, st.just(""), st.integers(1, 60), st.sampled_from(Moment)))
        if not recovery.lives(message, Faults(crash=crash)):
            assert recovery.lives(message, Faults())
    assert end(recovery) == once[policy]


@pytest.mark.parametrize("policy", POLICIES)
def test_two_workers_that_overlap_write_the_same_files(
    policy: Conflict, once: dict[Conflict, tuple[object, ...]]
) -> None:
    """Leases that run out while the holder lives on do no harm."""
    for seed in range(8):
        recovery = prepared(policy)
        _side_by_side(recovery, Random(seed))
        contents, status, done, counts, _ = once[policy]
        assert (recovery.bucket.contents(), recovery.ledger.get(ID).status) == (contents, status)
        assert recovery.ledger.get(ID).done == done
        work = recovery.ledger.get(ID)
        assert _files(work) == _files_of(counts), "no file is counted twice or lost"


def _side_by_side(recovery: Recovery, random: Random) -> None:
    """Give every message to two workers of whom each believes that the other's lease has run out."""
    messages = recovery.messages() * 2
    random.shuffle(messages)

    def work(some: list[RestoreMessage]) -> None:
        for message in some:
            recovery.clock.pass_by(hours=1)
            recovery.lives(message, Faults())

    threads = [threading.Thread(target=work, args=(messages[start::2],)) for start in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _files(work: Work) -> int:
    return _files_of(work.counts)


def _files_of(counts: object) -> int:
    assert isinstance(counts, dict)
    return int(counts["restored"] + counts["skipped"] + counts["failed"])


@pytest.mark.parametrize("policy", [Conflict.SKIP, Conflict.RENAME])
def test_a_second_attempt_reads_and_writes_nothing_again(policy: Conflict) -> None:
    """A worker died after the last write: the next one only counts."""
    recovery = prepared(policy)
    messages = recovery.messages()
    for message in messages:
        assert not recovery.lives(message, Faults(crash=CrashPoint("ledger.finish", 1, Moment.BEFORE)))
    again = Faults()
    for message in messages:
        assert recovery.lives(message, again)
    assert not again.counts["destination.write"] + again.counts["destination.begin"]
    assert set(recovery.bucket.writes.values()) == {1}


def test_a_held_task_comes_again_when_the_lease_ends() -> None:
    """Until then, a delivery would only use up receives."""
    recovery = prepared(Conflict.SKIP)
    message = recovery.messages()[0]
    now = recovery.clock()
    recovery.ledger.claim(ID, message.task, "somebody", now, now.replace(hour=10))
    with pytest.raises(LaterError) as caught:
        recovery.worker().work(message, recovery.delivery())
    assert caught.value.delay == pytest.approx(3_600, abs=2)
    assert recovery.ledger.get(ID).done == 0


@pytest.mark.parametrize("policy", POLICIES)
def test_time_may_run_out_at_any_moment(policy: Conflict, once: dict[Conflict, tuple[object, ...]]) -> None:
    """What was written counts as restored in the end, and is not written again."""
    for looks in range(1, 100):
        recovery = prepared(policy)
        late = _out_of_time_after(looks, recovery)
        assert end(recovery) == once[policy]
        if policy is not Conflict.OVERWRITE:
            assert set(recovery.bucket.writes.values()) == {1}
        if not late:
            return
    raise AssertionError("the time is never enough")


def _out_of_time_after(looks: int, recovery: Recovery) -> bool:
    """Do all tasks with a clock that runs out when it is looked at so often, and those it kept again; say if any."""
    left = iter([900.0] * looks + [10.0] * 1_000)
    late = [message for message in recovery.messages() if not _in_time(recovery, message, lambda: next(left))]
    recovery.work(late)
    return bool(late)


def _in_time(recovery: Recovery, message: RestoreMessage, left: Callable[[], float]) -> bool:
    with suppress(LaterError):
        recovery.worker().work(message, recovery.delivery(left=left))
        return True
    return False


def test_a_task_that_fails_for_now_is_tried_again_and_at_last_settled_with_its_reason() -> None:
    """After the last receive nobody else would settle it."""
    recovery = prepared(Conflict.SKIP)
    messages = recovery.messages()
    broken = messages[0]
    for received in range(1, 5):
        with pytest.raises(LaterError):
            recovery.worker(_unavailable()).work(broken, recovery.delivery(received))
        assert recovery.ledger.get(ID).done == 0
    with pytest.raises(UnavailableError):
        recovery.worker(_unavailable()).work(broken, recovery.delivery(5))
    assert recovery.ledger.get(ID).done == 1
    recovery.work(messages[1:])
    work = recovery.ledger.get(ID)
    assert work.status == "PARTIAL"
    assert work.counts["tasks_failed"] == 1
    assert any("STORE_UNAVAILABLE" in notice.body for notice in recovery.notifier.sent)


def _unavailable() -> Faults:
    return Faults(failures=Failures(1.0, calls=frozenset({"store.get"})))
