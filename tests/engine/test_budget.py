"""The memory budget: a bound that holds, and an end for everybody who waits."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from functions.engine.budget import Budget
from functions.engine.errors import UnavailableError

PATIENCE = 5.0


def test_bytes_are_handed_out_up_to_the_capacity() -> None:
    """What does not fit is not given, what was given back is."""
    budget = Budget(10)
    assert budget.try_acquire(6)
    assert not budget.try_acquire(5)
    assert budget.try_acquire(4)
    budget.release(6)
    assert budget.try_acquire(5)


def test_a_request_larger_than_the_capacity_is_served_alone() -> None:
    """Otherwise it would wait for ever."""
    budget = Budget(10)
    budget.acquire(25)
    assert not budget.try_acquire(1)
    budget.release(25)
    assert budget.try_acquire(10)


def test_who_waits_gets_the_bytes_that_come_back() -> None:
    """A release wakes the waiter, not before."""
    budget = Budget(10)
    budget.acquire(8)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(budget.acquire, 5)
        with pytest.raises(TimeoutError):
            waiting.result(0.02)
        budget.release(8)
        waiting.result(PATIENCE)
    assert not budget.try_acquire(6)


def test_the_capacity_holds_under_many_threads() -> None:
    """At no moment more is out than the capacity."""
    budget = Budget(100)
    lock = threading.Lock()
    out = highest = 0

    def work(amount: int) -> None:
        nonlocal out, highest
        budget.acquire(amount)
        with lock:
            out += amount
            highest = max(highest, out)
        with lock:
            out -= amount
        budget.release(amount)

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(work, [1 + number % 60 for number in range(2_000)], timeout=PATIENCE))
    assert 0 < highest <= 100
    assert budget.try_acquire(100)


def test_a_failure_ends_those_who_wait_and_those_who_come() -> None:
    """Nobody waits for bytes that a dead job will never give back."""
    budget = Budget(10)
    budget.acquire(10)
    with ThreadPoolExecutor(3) as threads:
        waiting = [threads.submit(budget.acquire, 1) for _ in range(3)]
        budget.fail(UnavailableError("down"))
        for future in waiting:
            with pytest.raises(UnavailableError):
                future.result(PATIENCE)
    with pytest.raises(UnavailableError):
        budget.acquire(1)
    with pytest.raises(UnavailableError):
        budget.try_acquire(1)


def test_the_first_failure_is_the_one_that_is_told() -> None:
    """What came first is the cause, the rest are consequences."""
    budget = Budget(10)
    budget.fail(UnavailableError("cause"))
    budget.fail(UnavailableError("consequence"))
    with pytest.raises(UnavailableError, match="cause"):
        budget.acquire(1)
