"""Tasks fit one invocation each, cover every file exactly once, and are the same whoever cuts them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.contract.states import RestoreState
from functions.engine.orchestration.restore_tasks import (
    Cut,
    Cutter,
    RestoreTask,
    TaskLimits,
    TaskNumber,
    TooLarge,
    end_state,
)
from tests.strategies import keys

LIMITS = TaskLimits(bytes=100, files=4, file=250)

files = st.dictionaries(keys, st.integers(0, 300), max_size=30).map(lambda found: sorted(found.items()))


def cut(some: list[tuple[str, int]], limits: TaskLimits = LIMITS) -> list[Cut | TooLarge]:
    """Cut a segment."""
    cutter = Cutter(limits)
    done = [item for key, size in some for item in cutter.add(key, size)]
    return [*done, *cutter.finish()]


def inside(key: str, item: Cut) -> bool:
    """Say whether a key lies in a range, as a worker does."""
    return item.after < key and (item.until is None or key <= item.until)


@given(files)
def test_each_file_is_in_exactly_one_task_or_refused_by_name(some: list[tuple[str, int]]) -> None:
    """Wherever the limits strike."""
    done = cut(some)
    cuts = [item for item in done if isinstance(item, Cut)]
    refused = {item.key for item in done if isinstance(item, TooLarge)}
    assert refused == {key for key, size in some if size > LIMITS.file}
    for key, size in some:
        found = [item for item in cuts if inside(key, item)]
        assert len(found) == (0 if size > LIMITS.file else 1)


@given(files)
def test_a_task_fits_and_counts_what_it_holds(some: list[tuple[str, int]]) -> None:
    """Unless a single file does not: that is a task of its own."""
    for item in cut(some):
        if isinstance(item, Cut):
            held = [size for key, size in some if inside(key, item)]
            assert (item.files, item.bytes) == (len(held), sum(held))
            assert item.files <= LIMITS.files
            assert item.bytes <= LIMITS.bytes or item.files == 1


@given(files)
def test_tasks_are_as_few_as_they_can_be_in_order(some: list[tuple[str, int]]) -> None:
    """No two neighbours would have fitted together."""
    done = cut(some)
    for first, second in pairwise(done):
        if isinstance(first, Cut) and isinstance(second, Cut):
            next_size = next(size for key, size in some if inside(key, second))
            assert first.files == LIMITS.files or first.bytes + next_size > LIMITS.bytes


def test_the_rest_of_a_damaged_segment_is_a_task_too() -> None:
    """Its worker says what is wrong; what was read before is restored."""
    cutter = Cutter(LIMITS)
    cutter.add("a", 1)
    assert cutter.finish() == [Cut("", "a", 1, 1)]
    assert cutter.rest() == Cut("a", None, 0, 0)
    assert Cutter(LIMITS).rest() == Cut("", None, 0, 0)


def test_the_limits_fit_an_invocation() -> None:
    """At 64 MiB a second."""
    limits, rate = TaskLimits(), 64 * 1024**2
    assert limits.bytes / rate < 200
    assert limits.file / rate < 840


@given(st.lists(st.tuples(*[st.integers(0, 999_999)] * 4), min_size=2, unique=True))
def test_names_sort_as_numbers_do(numbers: list[tuple[int, int, int, int]]) -> None:
    """A cursor is the name of a task."""
    task = RestoreTask("reports", "ada", "20261120T020000Z-1f3a9c20", 0)
    names = [TaskNumber(*number).planned(task).task for number in sorted(numbers)]
    assert names == sorted(set(names))


def test_a_task_comes_back_from_its_facts() -> None:
    """As the ledger keeps it."""
    task = RestoreTask("reports", "", "20261120T020000Z-1f3a9c20", 7, "a", None, 3, 9, 1)
    assert RestoreTask.from_facts(task.facts()) == task


@pytest.mark.parametrize(
    ("counts", "refused", "state"),
    [
        ({}, 0, RestoreState.COMPLETED),
        ({"restored": 3}, 0, RestoreState.COMPLETED),
        ({"skipped": 3}, 0, RestoreState.COMPLETED),
        ({"restored": 3, "failed": 1}, 0, RestoreState.PARTIAL),
        ({"skipped": 3, "failed": 1}, 0, RestoreState.PARTIAL),
        ({"restored": 3}, 1, RestoreState.PARTIAL),
        ({"failed": 1}, 0, RestoreState.FAILED),
        ({"tasks_failed": 1, "failed": 0}, 0, RestoreState.FAILED),
        ({}, 1, RestoreState.FAILED),
    ],
)
def test_how_a_restore_ends(counts: dict[str, int], refused: int, state: RestoreState) -> None:
    """All, some or nothing of what was asked for."""
    assert end_state(counts, refused) is state
