"""Ledger: every adapter keeps the port's promises, also when calls are throttled and answers are lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from random import Random

import pytest

from functions.engine.errors import NotFoundError, RequestError
from functions.engine.orchestration.ports import ClaimState, Lease, Ledger, Planned
from tests.conformance.records import EXPIRES, LATER, NAMES, NOW, work

RUN = "run-1"
SECOND = timedelta(seconds=1)
ORDERED = sorted(NAMES, key=str.encode)


def planned(names: tuple[str, ...] = NAMES) -> list[Planned]:
    """Give tasks, in an order that is not theirs."""
    return [Planned(name, {"about": name}) for name in reversed(names)]


# ------------------------------------------------------------------------------------------ work


def test_work_is_given_as_it_was_opened(ledger: Ledger) -> None:
    """Every field comes back; of the start, whole seconds in UTC."""
    assert ledger.open(work(), EXPIRES) == work()
    assert ledger.get(RUN) == work()
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5))) + timedelta(microseconds=123)
    filled = replace(work("run-2", started=elsewhere), expected=7, done=3, counts={"files": 5})
    assert ledger.open(filled, EXPIRES) == replace(filled, started=NOW)
    assert ledger.get("run-2") == replace(filled, started=NOW)


def test_opening_twice_gives_what_is_there(ledger: Ledger) -> None:
    """Whoever comes second gets the first one's work."""
    ledger.open(work(), EXPIRES)
    assert ledger.open(work(status="OTHER"), EXPIRES) == work()
    ledger.finish(RUN, "a", "COMPLETED", {"files": 2})
    assert ledger.open(work(), EXPIRES) == replace(work(), done=1, counts={"files": 2})


def test_work_that_does_not_exist_is_not_found(ledger: Ledger) -> None:
    """By whatever needs it; what only decides says no."""
    for act in (
        lambda: ledger.get(RUN),
        lambda: ledger.seal(RUN),
        lambda: ledger.claim(RUN, "a", "me", NOW, LATER),
        lambda: ledger.note(RUN, "a", {}),
        lambda: ledger.finish_part(RUN, "a", 1),
        lambda: ledger.finish(RUN, "a", "COMPLETED", {}),
        lambda: ledger.planned_task(RUN, "a"),
    ):
        with pytest.raises(NotFoundError, match=RUN):
            act()
    assert not ledger.change(RUN, ["RUNNING"], "COMPLETED")
    assert not ledger.begin_close(RUN, NOW, LATER)
    ledger.yield_claim(RUN, "a", "me")
    assert [*ledger.planned(RUN), *ledger.missing(RUN), *ledger.outcomes(RUN)] == []


def test_work_is_found_by_its_status_oldest_first(ledger: Ledger) -> None:
    """And only by the status that it has now."""
    for number in (3, 1, 2):
        ledger.open(work(f"run-{number}", started=NOW + number * SECOND), EXPIRES)
    ledger.open(work("run-0", "COMPLETED"), EXPIRES)
    assert [found.id for found in ledger.with_status("RUNNING")] == ["run-1", "run-2", "run-3"]
    assert ledger.change("run-2", ["RUNNING"], "COMPLETED")
    assert [found.id for found in ledger.with_status("RUNNING")] == ["run-1", "run-3"]
    assert [found.id for found in ledger.with_status("COMPLETED")] == ["run-0", "run-2"]
    assert list(ledger.with_status("FAILED")) == []
    assert [found.id for found in ledger.with_status("RUNNING", NOW + 2 * SECOND)] == ["run-3"]
    assert [found.id for found in ledger.with_status("RUNNING", NOW + 3 * SECOND)] == ["run-3"]
    assert list(ledger.with_status("RUNNING", NOW + 4 * SECOND)) == []


def test_a_status_changes_only_from_what_is_allowed(ledger: Ledger) -> None:
    """One of all who try is told that it did; facts are replaced with it or stay."""
    ledger.open(work(), EXPIRES)
    assert not ledger.change(RUN, ["PLANNED", "FAILED"], "COMPLETED", {"new": 1})
    assert not ledger.change(RUN, [], "COMPLETED")
    assert ledger.get(RUN) == work()
    assert ledger.change(RUN, ["PLANNED", "RUNNING"], "COMPLETED")
    assert not ledger.change(RUN, ["PLANNED", "RUNNING"], "COMPLETED")
    assert ledger.get(RUN) == replace(work(), status="COMPLETED")
    assert ledger.change(RUN, ["COMPLETED"], "COMPLETED", {"new": 1})
    assert ledger.get(RUN) == replace(work(), status="COMPLETED", facts={"new": 1})


def test_facts_are_a_copy_of_their_own(ledger: Ledger) -> None:
    """Who changes what it was given changes nothing for others; text may be any text."""
    facts = {"names": list(NAMES)}
    ledger.open(replace(work(), facts=facts), EXPIRES)
    ledger.get(RUN).facts["names"].clear()
    facts["names"].clear()
    assert ledger.get(RUN).facts == {"names": list(NAMES)}


def test_facts_that_do_not_fit_are_refused_before_anything_is_written(ledger: Ledger) -> None:
    """With an error that says how large they may be."""
    ledger.open(work(), EXPIRES)
    huge = {"pattern": "\u00e9" * 200_000}
    for act in (
        lambda: ledger.open(replace(work("run-2"), facts=huge), EXPIRES),
        lambda: ledger.change(RUN, ["RUNNING"], "FAILED", huge),
        lambda: ledger.note(RUN, "a", huge),
        lambda: ledger.plan(RUN, [Planned("a", huge)], EXPIRES),
    ):
        with pytest.raises(RequestError, match="must be 389,120 at most"):
            act()
    assert ledger.get(RUN) == work()
    ledger.note(RUN, "a", {"pattern": "x" * 380_000})


# --------------------------------------------------------------------------------------- sources


def test_a_source_is_held_by_one_run_until_it_is_given_back(ledger: Ledger) -> None:
    """The others are told who holds it; sources do not know of each other."""
    assert ledger.acquire("s", "t1", "run-1", NOW, LATER) == Lease(granted=True, run_id="run-1")
    assert ledger.acquire("s", "t2", "run-2", NOW, LATER) == Lease(granted=False, run_id="run-1")
    assert ledger.acquire("other", "t2", "run-2", NOW, LATER) == Lease(granted=True, run_id="run-2")
    ledger.release("s", "run-2")
    assert not ledger.acquire("s", "t2", "run-2", NOW, LATER).granted
    ledger.release("s", "run-1")
    ledger.release("s", "run-1")
    assert ledger.acquire("s", "t2", "run-2", NOW, LATER) == Lease(granted=True, run_id="run-2")


def test_the_same_token_gives_the_same_run(ledger: Ledger) -> None:
    """While it goes on, and, with word that it has ended, until another run holds the source."""
    ledger.release("s", "run-1")
    ledger.acquire("s", "t1", "run-1", NOW, LATER)
    assert ledger.acquire("s", "t1", "run-9", NOW, LATER) == Lease(granted=True, run_id="run-1")
    ledger.release("s", "run-9")
    ledger.release("s", "run-1")
    assert ledger.acquire("s", "t1", "run-9", LATER, LATER) == Lease(granted=True, run_id="run-1", ended=True)
    assert ledger.acquire("s", "t1", "run-9", LATER, LATER) == Lease(granted=True, run_id="run-1", ended=True)
    ledger.acquire("s", "t2", "run-2", NOW, LATER)
    assert ledger.acquire("s", "t1", "run-9", NOW, LATER) == Lease(granted=False, run_id="run-2")


def test_a_lease_that_has_run_out_is_replaced(ledger: Ledger) -> None:
    """Whoever replaces a run is told which, as often as it asks; at the very end of the lease it is over."""
    ledger.acquire("s", "t1", "run-1", NOW, LATER)
    assert not ledger.acquire("s", "t2", "run-2", LATER - timedelta(milliseconds=1), LATER).granted
    taken = Lease(granted=True, run_id="run-2", replaced="run-1")
    assert ledger.acquire("s", "t2", "run-2", LATER, LATER + SECOND) == taken
    assert ledger.acquire("s", "t2", "run-2", LATER, LATER + SECOND) == taken
    ledger.release("s", "run-1")
    assert ledger.acquire("s", "t3", "run-3", LATER, LATER + SECOND) == Lease(granted=False, run_id="run-2")
    ledger.release("s", "run-2")
    assert ledger.acquire("s", "t3", "run-3", LATER, LATER + SECOND) == Lease(granted=True, run_id="run-3")


# ----------------------------------------------------------------------------------------- tasks


def test_tasks_are_given_in_the_order_of_their_names(ledger: Ledger) -> None:
    """Whatever the names are, and however often they were planned."""
    ledger.open(work(), EXPIRES)
    ledger.plan(RUN, planned(), EXPIRES)
    ledger.plan(RUN, planned()[:5], EXPIRES)
    ledger.plan(RUN, [*planned()[:2], *planned()[:2]], EXPIRES)
    ledger.plan("run-10", planned(("other",)), EXPIRES)
    ledger.plan(RUN, [], EXPIRES)
    assert list(ledger.planned(RUN)) == [Planned(name, {"about": name}) for name in ORDERED]
    assert list(ledger.missing(RUN)) == ORDERED
    assert ledger.planned_task(RUN, "") == Planned("", {"about": ""})
    with pytest.raises(NotFoundError, match="absent"):
        ledger.planned_task(RUN, "absent")


def test_work_is_complete_when_it_is_sealed_and_every_task_is_done(ledger: Ledger) -> None:
    """Sealing counts, once; it may come before or after the last task's end."""
    ledger.open(work(), EXPIRES)
    assert ledger.finish(RUN, "a", "COMPLETED", {}).expected is None
    ledger.plan(RUN, planned(("a", "b")), EXPIRES)
    sealed = ledger.seal(RUN)
    assert (sealed.expected, sealed.done, sealed.complete) == (2, 1, False)
    assert ledger.finish(RUN, "b", "COMPLETED", {}).complete
    ledger.plan(RUN, planned(("c",)), EXPIRES)
    assert ledger.seal(RUN).expected == 2
    ledger.open(work("empty"), EXPIRES)
    assert ledger.seal("empty").complete


@pytest.mark.parametrize("count", [24, 25, 26, 260])
def test_any_number_of_tasks_may_be_planned_at_once(ledger: Ledger, count: int) -> None:
    """More than one request of the service takes, from any iterable."""
    ledger.open(work(), EXPIRES)
    ledger.plan(RUN, [Planned(f"user-{number:05d}", {}) for number in range(count)], EXPIRES)
    assert ledger.seal(RUN).expected == count
    assert [task.task for task in ledger.planned(RUN)] == [f"user-{number:05d}" for number in range(count)]


@pytest.mark.parametrize("part", [0, 1, 12])
def test_a_claim_holds_until_its_lease_runs_out(ledger: Ledger, part: int) -> None:
    """Nobody else gets the task before; the holder may ask again and so hold it for longer."""
    ledger.open(work(), EXPIRES)
    granted = ledger.claim(RUN, "a", "me", NOW, LATER, part)
    assert granted == (ClaimState.GRANTED, LATER, None)
    assert ledger.claim(RUN, "a", "you", NOW, LATER, part) == (ClaimState.HELD, LATER, None)
    longer = LATER + timedelta(milliseconds=5)
    assert ledger.claim(RUN, "a", "me", NOW, longer, part) == (ClaimState.GRANTED, longer, None)
    assert ledger.claim(RUN, "a", "you", LATER, LATER, part) == (ClaimState.HELD, longer, None)
    assert ledger.claim(RUN, "a", "you", longer, longer + SECOND, part).state is ClaimState.GRANTED
    assert ledger.claim(RUN, "a", "me", longer, longer, part).state is ClaimState.HELD


def test_names_of_tasks_and_numbers_of_parts_are_not_confused(ledger: Ledger) -> None:
    """Each task, and each part of it, is claimed for itself."""
    ledger.open(work(), EXPIRES)
    pairs = [(name, part) for name in NAMES for part in (0, 1, 10)]
    for number, (name, part) in enumerate(pairs):
        assert ledger.claim(RUN, name, f"owner-{number}", NOW, LATER, part).state is ClaimState.GRANTED
    for name, part in pairs:
        assert ledger.claim(RUN, name, "you", NOW, LATER, part).state is ClaimState.HELD


@pytest.mark.parametrize("part", [0, 3])
def test_a_claim_that_was_given_back_is_free(ledger: Ledger, part: int) -> None:
    """Only its owner can give it back."""
    ledger.open(work(), EXPIRES)
    ledger.yield_claim(RUN, "a", "me", part)
    ledger.claim(RUN, "a", "me", NOW, LATER, part)
    ledger.yield_claim(RUN, "a", "you", part)
    assert ledger.claim(RUN, "a", "you", NOW, LATER, part).state is ClaimState.HELD
    ledger.yield_claim(RUN, "a", "me", part)
    ledger.yield_claim(RUN, "a", "me", part)
    assert ledger.claim(RUN, "a", "you", NOW, LATER, part).state is ClaimState.GRANTED
    ledger.yield_claim(RUN, "a", "me", part)
    assert ledger.claim(RUN, "a", "me", NOW, LATER, part).state is ClaimState.HELD


def test_the_first_facts_noted_of_a_task_stay(ledger: Ledger) -> None:
    """Whoever claims the task, or a part of it, gets them, also when it is done."""
    ledger.open(work(), EXPIRES)
    ledger.claim(RUN, "a", "me", NOW, LATER)
    assert ledger.note(RUN, "a", {"id": 1}) == {"id": 1}
    assert ledger.note(RUN, "a", {"id": 2}) == {"id": 1}
    assert ledger.claim(RUN, "a", "you", NOW, LATER).facts == {"id": 1}
    assert ledger.claim(RUN, "a", "you", LATER, LATER).facts == {"id": 1}
    assert ledger.claim(RUN, "a", "part", NOW, LATER, 2).facts == {"id": 1}
    assert ledger.claim(RUN, "a", "other", NOW, LATER, 2) == (ClaimState.HELD, LATER, {"id": 1})
    ledger.finish(RUN, "a", "COMPLETED", {})
    assert ledger.claim(RUN, "a", "you", NOW, LATER) == (ClaimState.DONE, NOW, {"id": 1})
    assert ledger.claim(RUN, "a", "part", NOW, LATER, 2) == (ClaimState.DONE, NOW, {"id": 1})
    assert ledger.note(RUN, "a", {"id": 3}) == {"id": 1}


def test_parts_add_up_and_none_is_counted_twice(ledger: Ledger) -> None:
    """A part that is done can still be claimed, for whoever did it may not have got to the end of the task."""
    ledger.open(work(), EXPIRES)
    assert ledger.finish_part(RUN, "a", 2) == {2}
    assert ledger.finish_part(RUN, "a", 0) == {0, 2}
    assert ledger.finish_part(RUN, "a", 2) == {0, 2}
    assert ledger.finish_part(RUN, "b", 1) == {1}
    assert ledger.claim(RUN, "a", "me", NOW, LATER, 2).state is ClaimState.GRANTED
    assert list(ledger.outcomes(RUN)) == []


def test_a_task_counts_once(ledger: Ledger) -> None:
    """With what the first said of it; counts add up by name, large ones too."""
    ledger.open(work(), EXPIRES)
    ledger.claim(RUN, "a", "me", NOW, LATER)
    first = ledger.finish(RUN, "a", "COMPLETED", {"files": 2**50, "failed": 0})
    assert (first.done, first.counts) == (1, {"files": 2**50, "failed": 0})
    assert ledger.finish(RUN, "a", "FAILED: X: y", {"files": 9, "more": 1}) == first
    second = ledger.finish(RUN, "never claimed", "PARTIAL", {"files": 1, "partial": 1})
    assert (second.done, second.counts) == (2, {"files": 2**50 + 1, "failed": 0, "partial": 1})
    assert ledger.get(RUN) == second
    assert list(ledger.outcomes(RUN)) == [("a", "COMPLETED"), ("never claimed", "PARTIAL")]


def test_what_is_missing_is_what_was_planned_and_is_not_done(ledger: Ledger) -> None:
    """In order, whatever was claimed, noted or done beside the plan."""
    ledger.open(work(), EXPIRES)
    ledger.plan(RUN, planned(), EXPIRES)
    done = ORDERED[::3]
    beside = [f"{name} not planned" for name in ("", "a", "b", "c")]
    for name in [*done, *beside]:
        ledger.finish(RUN, name, f"COMPLETED {name}", {})
    for name in ORDERED[1::3]:
        ledger.claim(RUN, name, "me", NOW, LATER)
    assert list(ledger.missing(RUN)) == [name for name in ORDERED if name not in done]
    expected = sorted([*done, *beside], key=str.encode)
    assert list(ledger.outcomes(RUN)) == [(name, f"COMPLETED {name}") for name in expected]


def test_an_outcome_of_any_length_ends_a_task(ledger: Ledger) -> None:
    """It is cut to what a person reads."""
    ledger.open(work(), EXPIRES)
    ledger.finish(RUN, "a", "FAILED: " + "x" * 500_000, {})
    ((_task, outcome),) = ledger.outcomes(RUN)
    assert outcome.startswith("FAILED: xxx")
    assert len(outcome) == 4_000


def test_one_is_told_to_close_until_its_lease_runs_out(ledger: Ledger) -> None:
    """Then another one."""
    ledger.open(work(), EXPIRES)
    assert ledger.begin_close(RUN, NOW, LATER)
    assert not ledger.begin_close(RUN, NOW, LATER)
    assert not ledger.begin_close(RUN, LATER - timedelta(milliseconds=1), LATER)
    assert ledger.begin_close(RUN, LATER, LATER + SECOND)
    assert not ledger.begin_close(RUN, LATER, LATER + SECOND)


# ----------------------------------------------------------------------------------- side by side


def test_tasks_finished_twice_by_many_threads_count_once(ledger: Ledger) -> None:
    """16 threads end 500 tasks, each task twice and in no order: sums and outcomes are as if each had ended once."""
    names = [f"user-{number:03d}" for number in range(500)]
    ledger.open(work(), EXPIRES)
    ledger.plan(RUN, [Planned(name, {}) for name in names], EXPIRES)
    ledger.seal(RUN)
    deliveries = [(name, number) for number, name in enumerate(names)] * 2
    Random(7).shuffle(deliveries)

    def deliver(delivery: tuple[str, int]) -> bool:
        name, number = delivery
        return ledger.finish(RUN, name, f"COMPLETED {number}", {"files": number, "completed": 1}).complete

    with ThreadPoolExecutor(16) as threads:
        assert any(threads.map(deliver, deliveries))
    found = ledger.get(RUN)
    assert (found.done, found.complete) == (500, True)
    assert found.counts == {"files": sum(range(500)), "completed": 500}
    assert list(ledger.outcomes(RUN)) == [(name, f"COMPLETED {number}") for number, name in enumerate(names)]
    assert list(ledger.missing(RUN)) == []


def test_of_many_threads_one_gets_what_only_one_can_have(ledger: Ledger) -> None:
    """A claim, a source, a change of status, the closing."""
    ledger.open(work(), EXPIRES)
    with ThreadPoolExecutor(16) as threads:
        claims = list(threads.map(lambda n: ledger.claim(RUN, "a", f"owner-{n}", NOW, LATER), range(16)))
        leases = list(threads.map(lambda n: ledger.acquire("s", f"t{n}", f"run-{n}", NOW, LATER), range(16)))
        closes = list(threads.map(lambda _: ledger.begin_close(RUN, NOW, LATER), range(16)))
        changes = list(threads.map(lambda _: ledger.change(RUN, ["RUNNING"], "COMPLETED"), range(16)))
        notes = list(threads.map(lambda n: ledger.note(RUN, "a", {"by": n})["by"], range(16)))
    assert [claim.state for claim in claims].count(ClaimState.GRANTED) == 1
    assert [lease.granted for lease in leases].count(True) == 1
    assert len({lease.run_id for lease in leases}) == 1
    assert (closes.count(True), changes.count(True)) == (1, 1)
    assert len(set(notes)) == 1


def _at(random: Random) -> datetime:
    return NOW + timedelta(seconds=random.randrange(20))


def _step(ledger: Ledger, random: Random) -> object:
    """Make one call, chosen by `random`; give all that it answers."""
    name, owner, part = random.choice(("", "a", "a#1", "b")), random.choice("xyz"), random.choice((0, 0, 1))
    now, until, run = _at(random), _at(random), random.choice(("run-1", "run-2"))
    calls = (
        lambda: ledger.open(work(run), EXPIRES),
        lambda: ledger.change(run, ["RUNNING", "CLOSED"], random.choice(("CLOSED", "RUNNING"))),
        lambda: ledger.acquire("s", owner, run, now, until),
        lambda: ledger.release("s", run),
        lambda: ledger.plan(run, [Planned(name, {"name": name})], EXPIRES),
        lambda: ledger.seal(run),
        lambda: ledger.claim(run, name, owner, now, until, part),
        lambda: ledger.claim(run, name, owner, now, until, part),
        lambda: ledger.yield_claim(run, name, owner, part),
        lambda: ledger.note(run, name, {"owner": owner}),
        lambda: ledger.finish_part(run, name, part),
        lambda: ledger.finish(run, name, owner, {owner: part}) if random.random() < 0.3 else None,
        lambda: ledger.begin_close(run, now, until),
        lambda: (list(ledger.planned(run)), list(ledger.missing(run)), list(ledger.outcomes(run))),
        lambda: list(ledger.with_status("RUNNING")),
    )
    try:
        return random.choice(calls)()
    except NotFoundError as error:
        return error.code


@pytest.mark.parametrize("seed", range(4))
def test_every_adapter_answers_as_the_one_in_memory(seed: int, ledger: Ledger, twin: Ledger) -> None:
    """Whatever is called in whatever order."""
    for number in range(150):
        answers = [_step(one, Random(f"{seed}-{number}")) for one in (ledger, twin)]
        assert answers[0] == answers[1], number
