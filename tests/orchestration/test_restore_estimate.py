"""Estimates add up, whoever counts which part, and say what a person wants to know."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.engine.model import ChunkRef, FileEntry
from functions.engine.orchestration.archive import PackState, StoredPack, Tier, thaw_hours
from functions.engine.orchestration.restore_estimate import (
    NAMED,
    Estimate,
    RequestCounter,
    Speed,
    refused_estimate,
    task_estimate,
    thaw_estimate,
)
from functions.engine.orchestration.restore_tasks import Cut, TooLarge
from functions.engine.ports import Target
from functions.engine.restore_plan import coalesce, units_of
from functions.engine.safety import DEFAULT_SAFETY
from tests.engine.kit import SMALL_SAFETY
from tests.strategies import pack_ids

numbers = st.integers(0, 10**9)
estimates = st.builds(
    Estimate,
    backups=numbers,
    tasks=numbers,
    files=numbers,
    bytes=numbers,
    gets=numbers,
    puts=numbers,
    lists=numbers,
    seconds=st.integers(0, 10**6).map(float),
    longest=st.integers(0, 10**6).map(float),
    too_large=st.lists(st.text(max_size=3), max_size=60).map(tuple),
    thaw_hours=st.integers(0, 48),
)


@given(estimates, estimates, estimates)
def test_parts_add_up_in_any_grouping(first: Estimate, second: Estimate, third: Estimate) -> None:
    """A plan that goes on in another invocation counts the same."""
    assert first.plus(second).plus(third) == first.plus(second.plus(third))
    assert first.plus(Estimate()) == Estimate(**{**first.facts(), "too_large": first.too_large[:NAMED]})


@given(estimates)
def test_an_estimate_comes_back_from_its_facts(estimate: Estimate) -> None:
    """As the ledger keeps it."""
    assert Estimate.from_facts(estimate.facts()) == estimate


@given(st.lists(st.tuples(pack_ids, st.integers(0, 2**20), st.integers(1, 2**18)), max_size=60))
def test_requests_are_at_most_one_a_range_and_one_put_a_file(places: list[tuple[str, int, int]]) -> None:
    """Grouping saves requests, it never adds any."""
    counter, ranges = RequestCounter(SMALL_SAFETY), 0
    for number, (pack, offset, length) in enumerate(places):
        ref = ChunkRef(number.to_bytes(32, "big"), pack, offset, length, length)
        counter.add(FileEntry(f"{number:03d}", length, "", "", (ref,)))
        ranges += len(coalesce([ref], SMALL_SAFETY.coalesce_gap, SMALL_SAFETY.pack_limit))
    counted = counter.end_task()
    assert counted.puts == len(places)
    assert len({pack for pack, _, _ in places}) <= counted.gets <= ranges
    assert counter.end_task() == Estimate()


def test_a_large_file_takes_its_parts_a_beginning_and_an_end() -> None:
    """As S3 counts multipart uploads."""
    size = 100 * 1024**2
    chunks = tuple(
        ChunkRef(number.to_bytes(32, "big"), "0" * 32, number * 2**20, 2**20, 2**20) for number in range(100)
    )
    entry = FileEntry("large", size, "", "", chunks)
    counter = RequestCounter(DEFAULT_SAFETY)
    counter.add(entry)
    parts = len(units_of(Target("large", "large"), entry, DEFAULT_SAFETY.part_size))
    assert counter.end_task().puts == parts + 2 == 15


def test_money_and_minutes() -> None:
    """A million small files: the PUTs are what costs."""
    estimate = Estimate(tasks=50, files=1_000_000, puts=1_000_000, gets=3_000, seconds=500.0, longest=20.0)
    assert estimate.usd() == pytest.approx(5.0 + 0.0012 + 500 * 1.769 * 0.0000133334)
    assert estimate.minutes(concurrency=10) == pytest.approx(53 / 60)
    assert estimate.minutes(concurrency=1_000) == pytest.approx(23 / 60)
    assert Estimate().minutes(concurrency=10) == pytest.approx(3 / 60)


def test_a_terabyte_comes_back_within_its_objective() -> None:
    """1 TB in 125 tasks by 50 workers: the objective is two hours."""
    cut = Cut("", None, 2_000, 8 * 10**9)
    estimate = Estimate()
    for _ in range(125):
        estimate = estimate.plus(task_estimate(cut, looks=True))
    assert estimate.bytes == 10**12
    assert 3 < estimate.minutes(concurrency=50) < 120


def test_the_longest_task_fits_an_invocation() -> None:
    """The largest file that is not refused, and the most files."""
    assert Speed().of(1, 40 * 1024**3) < 840
    assert Speed().of(20_000, 8 * 1024**3) < 400


@pytest.mark.parametrize(
    ("place", "tier", "hours", "usd"),
    [
        ("GLACIER", Tier.STANDARD, 5, 0.01005),
        ("GLACIER", Tier.BULK, 12, 0.0),
        ("DEEP_ARCHIVE", Tier.STANDARD, 12, 0.0201),
        ("DEEP_ARCHIVE", Tier.BULK, 48, 0.002525),
        ("ARCHIVE_ACCESS", Tier.STANDARD, 5, 0.0),
        ("A_CLASS_OF_NEXT_YEAR", Tier.STANDARD, 48, 0.01005),
    ],
)
def test_thawing(place: str, tier: Tier, hours: int, usd: float) -> None:
    """A pack of a gigabyte, to have round numbers."""
    estimate = thaw_estimate(StoredPack("0" * 32, PackState.ARCHIVED, place, 10**9), tier)
    assert (estimate.archived, estimate.thaw_hours) == (1, hours)
    assert estimate.thaw_usd == pytest.approx(usd)
    assert thaw_hours(place, tier) == hours


def test_what_is_refused_is_named_with_the_remedy_up_to_a_limit() -> None:
    """The ledger's item must hold it."""
    estimate = Estimate()
    for number in range(500):
        estimate = estimate.plus(refused_estimate("ada", TooLarge(f"ada/{number}", 50 * 1024**3)))
    assert (estimate.refused, len(estimate.too_large)) == (500, NAMED)
    assert estimate.too_large[0] == "'ada/0' of user 'ada': 50 GiB, restore it with `strongroom restore`"
    assert estimate.answer(10)["too_large"] == 500
