"""A simulated run uses what the work needs, no more than is allowed, and the same every time."""

from dataclasses import replace

import pytest

from benchmarks.simulation import world
from benchmarks.simulation.backup import jobs_of, simulate_run
from benchmarks.simulation.clock import NEVER
from benchmarks.simulation.costs import DATA
from benchmarks.simulation.limits import DEFAULT, MANY, NO_WAITS, RELAXED, Limits, relax
from benchmarks.simulation.prices import PRICES, usd
from benchmarks.simulation.relax import examine, simulate
from benchmarks.simulation.restore import tasks_of
from benchmarks.simulation.shapes import FIRM, SHAPES, Kind, Shape, weights

SMALL = Shape("small", 100, 100_000, 50_000)
LARGE = Shape("large", 3, 6_000_000, 600_000)
FREE = Limits(
    pollers=MANY,
    timeout=NEVER,
    cold_start=0.0,
    s3_gets=MANY,
    s3_puts=MANY,
    table_writes=MANY,
    table_reads=MANY,
    table_top=MANY,
    table_partition=MANY,
    transaction=0.0,
    kms=MANY,
    latencies=NO_WAITS,
)
"""Only the workers' own CPU and network are left."""


@pytest.mark.parametrize("kind", Kind)
def test_the_same_seed_gives_the_same_run(kind: Kind) -> None:
    """To the last digit; another seed gives other users."""
    once, again = simulate(SMALL, kind, DEFAULT, seed=7), simulate(SMALL, kind, DEFAULT, seed=7)
    assert once == again
    assert simulate(SMALL, kind, DEFAULT, seed=8).seconds != once.seconds


@pytest.mark.parametrize("shape", [SMALL, FIRM], ids=lambda shape: shape.name)
def test_a_first_run_reads_every_object_once(shape: Shape) -> None:
    """Requests and writes add up to what the work is, however it is cut into batches and invocations."""
    used = simulate_run(shape, Kind.FIRST, DEFAULT).used
    chunks = shape.objects * max(1.0, shape.object_mb / DATA.chunk_mb)
    assert used["gets"] == pytest.approx(shape.objects, rel=1e-6)
    assert used["reads"] == pytest.approx(chunks / 2, rel=1e-6)
    assert used["writes"] == pytest.approx(chunks * DATA.unique + 17 * shape.users, rel=1e-4)
    packs = shape.mb * DATA.unique * DATA.packed / DATA.pack_mb
    assert used["puts"] == pytest.approx(packs + shape.users * 2 + shape.users / 10 + shape.objects / 100_000, rel=0.01)


def test_continuations_lose_and_repeat_nothing() -> None:
    """A run whose workers are cut off every two minutes reads as much as one that is never cut off."""
    short = simulate_run(LARGE, Kind.FIRST, replace(DEFAULT, timeout=210.0))
    never = simulate_run(LARGE, Kind.FIRST, replace(DEFAULT, timeout=NEVER))
    assert short.invocations > 2 * never.invocations
    assert short.used["reads"] == pytest.approx(never.used["reads"])
    assert short.used["lists"] > never.used["lists"]


@pytest.mark.parametrize("shape", [SMALL, LARGE, FIRM], ids=lambda shape: shape.name)
@pytest.mark.parametrize("workers", [1, 10, 64, 1_000])
def test_a_restore_writes_every_file_once(shape: Shape, workers: int) -> None:
    """However many tasks and workers there are."""
    used = simulate(shape, Kind.RESTORE, replace(DEFAULT, concurrency=workers)).used
    assert used["puts"] == pytest.approx(shape.objects, rel=1e-6)


def test_a_task_has_at_most_so_many_files_and_bytes() -> None:
    """20,000 files, 8 GiB; and an empty user is a task too."""
    assert tasks_of(20_001, 1.0) == 2
    assert tasks_of(1, 8_591) == 2
    assert tasks_of(0.5, 0.0) == 1


@pytest.mark.parametrize("kind", Kind)
def test_it_takes_as_long_as_the_workers_need(kind: Kind) -> None:
    """Without quotas and waits, time is work over workers; the price is the work's, whatever their number."""
    one = simulate(SMALL, kind, replace(FREE, concurrency=1, batch=1))
    ten = simulate(SMALL, kind, replace(FREE, concurrency=10, batch=1))
    assert one.throttled == pytest.approx(0.0, abs=1e-6)
    assert one.seconds / ten.seconds == pytest.approx(10, rel=0.3)
    assert one.usd == pytest.approx(ten.usd, rel=0.01)


def test_a_quota_is_kept() -> None:
    """The dedup table's writes take as long as the table takes, and workers wait for it."""
    slow = replace(FREE, table_writes=10.0, table_top=10.0)
    outcome = simulate_run(SMALL, Kind.FIRST, slow)
    chunks = SMALL.objects * SMALL.object_mb / DATA.chunk_mb * DATA.unique
    assert outcome.seconds == pytest.approx(chunks / 10.0, rel=0.02)
    assert outcome.throttled > 0.9


@pytest.mark.parametrize("workers", [1, 7, 40])
def test_no_more_workers_run_than_may(workers: int) -> None:
    """And all of them do when there is enough to do."""
    assert simulate_run(SMALL, Kind.FIRST, replace(DEFAULT, concurrency=workers, batch=1)).concurrency == workers


def test_workers_come_as_fast_as_the_queue_s_pollers() -> None:
    """Five at once, then 300 a minute, and never more than 100 new environments a second."""
    assert [DEFAULT.opens(worker) for worker in (1, 5, 305)] == [0.01, 0.05, 60.0]
    assert replace(DEFAULT, pollers=MANY).opens(1_000) == 10.0


@pytest.mark.parametrize("kind", Kind)
def test_workers_in_step_give_what_single_workers_give(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shortcut for the largest sizes changes times and prices by less than a tenth."""
    shape = Shape("middle", 30_000, 3e7, 3e7, skew=0.5)
    coarse = simulate(shape, kind, DEFAULT)
    monkeypatch.setattr(world, "UNITS", 1_000_000)
    fine = simulate(shape, kind, DEFAULT)
    assert fine.events > coarse.events
    assert coarse.seconds == pytest.approx(fine.seconds, rel=0.10)
    assert coarse.usd == pytest.approx(fine.usd, rel=0.10)


def test_users_so_large_that_they_are_split_send_a_message_a_part() -> None:
    """By the parent's segments at night, at folders the first time, and in a hundred parts at most."""
    giant = SHAPES[3]
    assert jobs_of(giant, Kind.NIGHTLY, DEFAULT) == 100
    assert jobs_of(giant, Kind.FIRST, DEFAULT) == 100
    assert jobs_of(LARGE, Kind.NIGHTLY, DEFAULT) == 6
    assert jobs_of(FIRM, Kind.FIRST, DEFAULT) == 1_000


def test_shares_of_users_add_up_and_differ() -> None:
    """The largest of a thousand is many times the mean; without skew all are equal."""
    shares = weights(1_000, 1, 1.0, seed=1)
    assert sum(shares) == pytest.approx(1.0)
    assert 8 < max(shares) * 1_000 < 40
    assert set(weights(4, 10, 0.0, seed=1)) == {0.25}


@pytest.mark.parametrize("name", RELAXED)
def test_a_limit_that_is_taken_away_changes_something(name: str) -> None:
    """A misspelt or forgotten one would never bind."""
    assert relax(DEFAULT, name) != DEFAULT


@pytest.mark.parametrize(
    ("limits", "binding"),
    [
        (replace(DEFAULT, concurrency=2), {"concurrency", "worker network"}),
        (replace(DEFAULT, table_writes=5.0), {"dedup table"}),
        (replace(DEFAULT, s3_gets=5.0), {"S3 requests a partition"}),
        (replace(DEFAULT, transaction=60.0), {"the run's one counter"}),
    ],
)
def test_the_limit_that_binds_is_found(limits: Limits, binding: set[str]) -> None:
    """Made so small that there can be no doubt."""
    result = examine(SMALL, Kind.FIRST, limits)
    assert result.binding is not None
    assert result.binding[0] in binding


def test_everything_used_has_a_price() -> None:
    """And time is part of it."""
    outcome = simulate(SMALL, Kind.NIGHTLY, DEFAULT)
    assert set(outcome.used) == set(PRICES)
    assert outcome.usd == pytest.approx(usd(outcome.used))
    assert outcome.used["gb_seconds"] == pytest.approx(outcome.worked * 1_769 / 1_024)
