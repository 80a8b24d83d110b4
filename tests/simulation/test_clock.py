"""Events come in order, quotas give what they promise, nobody who waits is forgotten."""

from collections.abc import Generator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.simulation.clock import Bucket, Process, Queue, Simulation


def test_events_come_in_the_order_of_their_times() -> None:
    """Of equal times, in the order in which they were asked for."""
    simulation = Simulation()
    seen: list[tuple[str, float]] = []

    def process(name: str, *times: float) -> Process:
        for time in times:
            yield time
            seen.append((name, simulation.now))

    simulation.start(process("a", 2.0, 5.0))
    simulation.start(process("b", 1.0, 5.0))
    assert simulation.run() == 5.0
    assert seen == [("b", 1.0), ("a", 2.0), ("b", 5.0), ("a", 5.0)]


def test_no_process_goes_back_in_time() -> None:
    """A time that has passed is now."""
    simulation = Simulation()
    times: list[float] = []

    def process() -> Process:
        yield 3.0
        yield 1.0
        times.append(simulation.now)

    simulation.start(process())
    simulation.run()
    assert times == [3.0]


@given(st.lists(st.floats(0.1, 1e4), min_size=1, max_size=30), st.floats(0.5, 1e4))
def test_a_quota_gives_no_more_than_its_rate(asked: list[float], rate: float) -> None:
    """What is asked for at once is there when the rate has made it, and never sooner."""
    bucket = Bucket(rate)
    granted = [bucket.take(0.0, tokens) for tokens in asked]
    assert granted == sorted(granted)
    assert granted[-1] == pytest.approx(sum(asked) / rate)


def test_an_unused_quota_is_not_saved_up() -> None:
    """An hour without requests does not make the next second's quota larger."""
    bucket = Bucket(10.0)
    assert bucket.take(0.0, 10.0) == 1.0
    assert bucket.take(3_600.0, 20.0) == 3_602.0


def test_a_quota_in_use_without_a_pause_doubles_up_to_its_top() -> None:
    """10 a second for 60 s, 20 for 60 s, then 40 for ever."""
    bucket = Bucket(10.0, top=40.0, doubling=60.0)
    assert bucket.take(0.0, 600 + 1_200 + 4_000) == pytest.approx(60 + 60 + 100)
    assert bucket.rate == 40.0


@pytest.mark.parametrize(("pause", "rate"), [(5.0, 20.0), (7.0, 10.0)])
def test_a_pause_begins_the_waiting_for_more_anew(pause: float, rate: float) -> None:
    """Not one of a twelfth of the time, but one of more than a tenth."""
    bucket = Bucket(10.0, top=40.0, doubling=60.0)
    bucket.take(0.0, 300.0)
    bucket.take(30.0 + pause, 299.0)
    assert bucket.rate == rate


def test_nothing_asked_for_is_there_at_once() -> None:
    """Even of a quota that others have used up."""
    bucket = Bucket(1.0)
    bucket.take(0.0, 1_000.0)
    assert bucket.take(5.0, 0.0) == 5.0


@pytest.mark.parametrize("workers", [1, 3, 50])
def test_every_item_is_worked_on_once(workers: int) -> None:
    """Whether workers wait for items or items for workers."""
    simulation = Simulation()
    queue: Queue[int] = Queue(simulation)
    done: list[int] = []

    def sender() -> Process:
        for number in range(0, 40, 4):
            yield float(number)
            queue.put(range(number, number + 4))

    def worker() -> Generator[float | Queue[int], None, None]:
        while True:
            item = queue.get()
            if item is None:
                yield queue
                continue
            yield simulation.now + 1.5
            done.append(item)

    simulation.start(sender())
    for _ in range(workers):
        simulation.start(worker())
    simulation.run()
    assert sorted(done) == list(range(40))
