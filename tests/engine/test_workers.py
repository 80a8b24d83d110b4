"""Workers: work is done in order, by all threads, and an escaped error is heard of."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from functions.engine.workers import Pending, Tools, WorkerPool


def test_one_worker_does_the_work_in_the_order_in_which_it_comes() -> None:
    """Closing finishes what is queued."""
    done: list[int] = []
    pool = WorkerPool(1, lambda _error: None)
    for number in range(100):
        pool.submit(lambda _tools, number=number: done.append(number))  # type: ignore[misc]
    pool.close()
    assert done == list(range(100))


def test_all_workers_work_at_once() -> None:
    """Each thread has tools of its own."""
    meeting = threading.Barrier(3, timeout=5)
    tools: set[int] = set()

    def work(mine: Tools) -> None:
        tools.add(id(mine))
        meeting.wait()

    pool = WorkerPool(3, lambda _error: None)
    for _ in range(3):
        pool.submit(work)
    pool.close()
    assert len(tools) == 3


def test_an_error_that_work_lets_out_is_told_and_ends_no_worker() -> None:
    """The thread goes on with the next piece of work."""
    errors: list[BaseException] = []
    done: list[str] = []

    def fail(_tools: Tools) -> None:
        raise LookupError("lost")

    pool = WorkerPool(1, errors.append)
    pool.submit(fail)
    pool.submit(lambda _tools: done.append("after"))
    pool.close()
    assert [str(error) for error in errors] == ["lost"]
    assert done == ["after"]


def test_nothing_under_way_needs_no_waiting() -> None:
    """A job without work ends at once."""
    Pending().wait()


def test_waiting_ends_when_all_that_began_has_ended() -> None:
    """And not before."""
    pending = Pending()
    pending.begin()
    pending.begin()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(pending.wait)
        pending.end()
        with pytest.raises(TimeoutError):
            waiting.result(0.02)
        pending.end()
        waiting.result(5)


def test_waiting_ends_at_once_with_the_first_failure() -> None:
    """What is still under way does not matter any more."""
    pending = Pending()
    pending.begin()
    pending.fail(LookupError("cause"))
    pending.fail(LookupError("consequence"))
    with pytest.raises(LookupError, match="cause"):
        pending.wait()
