"""What is measured is what all manifests together name, however often they repeat themselves."""

from __future__ import annotations

from itertools import chain, repeat

import pytest

from functions.contract.object_keys import manifest_key
from functions.engine.manifest import Line
from functions.engine.repository import Repository
from functions.engine.retention import measuring
from functions.engine.retention.measuring import Measuring
from functions.engine.retention.pack_table import PackTable
from functions.engine.timed_store import TimeLeft
from tests.retention.world import World


@pytest.fixture(scope="module")
def world() -> World:
    """Two users, whose backups share most of their lines."""
    made = World()
    for night in range(4):
        made.night(night)
        made.pass_time(1)
        made.night(night)
        made.pass_time(1)
    return made


def measured(world: World, time_left: TimeLeft | None = None) -> tuple[PackTable, str]:
    """Measure all backups; give the table, and what went wrong."""
    table = PackTable.list(world.store, measured=True)
    found = Measuring(Repository(world.store), table, time_left)
    for name in sorted(world.truths):
        found.add(world.truths[name].record)
    found.finish()
    return table, found.failure


def shares(table: PackTable) -> list[float]:
    """Give how much of each pack is needed."""
    return [table.needed_share(position) for position in range(len(table))]


def test_lines_that_come_again_change_nothing(world: World) -> None:
    """Every line of every backup, one by one, gives the same."""
    plain = PackTable.list(world.store, measured=True)
    for truth in world.truths.values():
        for line in Repository(world.store).entries(truth.record):
            if isinstance(line, Line):
                for _chunk, pack, offset, stored, _length in line.document["chunks"]:
                    plain.cover(pack, offset, stored)
    table, failure = measured(world)
    assert failure == ""
    assert shares(table) == shares(plain)
    assert 0 < min(shares(table)) <= 1


def test_a_damaged_manifest_is_told_wherever_it_is(world: World) -> None:
    """Also when it was asked for long before its turn."""
    for name in world.truths:
        key = manifest_key(*name, 0)
        whole = world.store.objects[key][-1].data
        world.store.objects[key][-1].data = b"damaged"
        assert measured(world)[1] == "a manifest is damaged"
        world.store.objects[key][-1].data = whole


@pytest.mark.parametrize("looks", range(8))
def test_the_time_may_end_between_two_lines(world: World, looks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backup may have more lines than there is time for."""
    monkeypatch.setattr(measuring, "_LOOK", 1)
    left = chain(repeat(1.0, looks), repeat(0.0))
    assert measured(world, left.__next__)[1] == "there was no time to read all manifests"
