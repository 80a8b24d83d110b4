"""Workers know which packs to leave nothing in, at the price of a listing an hour, and never fail for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from functions.adapters.memory import MemoryIndex
from functions.contract.object_keys import COLLECTIONS, PLAN_NAME, collection_key
from functions.engine.backup import Ports
from functions.engine.model import BackupType, BlobInfo
from functions.engine.ports import BlobStore
from functions.engine.retention.history import drained_packs, load_history
from functions.engine.timed_store import TimedStore
from functions.runtime.drained import KEPT_SECONDS, DrainedPacks, packs_to_avoid
from functions.runtime.local_run import RunRequest, plan_run, run_plan
from tests.retention.world import FILES, SOURCE, USERS, World


class Listed(TimedStore):
    """A store that counts listings of the collections."""

    def __init__(self, store: BlobStore) -> None:
        """Pass everything on to `store`."""
        super().__init__(store, lambda: 1.0)
        self.listings = 0

    def list(self, prefix: str, start_after: str = "") -> Iterator[BlobInfo]:
        """See BlobStore."""
        self.listings += prefix == COLLECTIONS
        return super().list(prefix, start_after)


@pytest.fixture
def world() -> World:
    """Two nights, and a collection that calls every pack sparse."""
    made = World()
    made.settings = replace(made.settings, safety=replace(made.safety, sparse_share=2.0))
    for user in USERS:
        made.put(user, FILES[2], 0)
    made.night(0)
    made.pass_time(24)
    made.collect()
    assert drained_packs(made.store)
    return made


def test_they_are_read_once_an_hour(world: World) -> None:
    """One listing, whatever the number of invocations."""
    store = Listed(world.store)
    drained = DrainedPacks(store, iter([0.0, 1.0, KEPT_SECONDS - 1, KEPT_SECONDS]).__next__)
    for _ in range(3):
        assert drained.known() == drained_packs(world.store)
    assert store.listings == 1
    drained.known()
    assert store.listings == 2


def test_a_plan_that_cannot_be_read_costs_space_and_no_backup(world: World) -> None:
    """Neither a damaged part nor a format of tomorrow."""
    last = load_history(world.store).last
    assert last is not None
    for key in [key for key in world.store.objects if key.startswith(COLLECTIONS) and key.endswith(".zst")]:
        world.store.objects[key][-1].data = b"damaged"
    assert packs_to_avoid(world.store) == frozenset()
    world.store.objects[collection_key(last.collection, PLAN_NAME)][-1].data = b'{"format": 2}'
    assert packs_to_avoid(world.store) == frozenset()


def test_without_a_collection_there_are_none() -> None:
    """And it is one listing."""
    store = Listed(World().store)
    assert packs_to_avoid(store) == frozenset()
    assert store.listings == 1


def test_a_full_run_of_the_tool_leaves_nothing_in_them(world: World) -> None:
    """It reads all again, and stores it anew."""
    ports = Ports(world.source, world.store, MemoryIndex(), world.worker_now, world.ids)
    request = RunRequest(SOURCE, type=BackupType.FULL)
    store = Listed(world.store)
    plan = plan_run(world.source, store, world.worker_now, world.ids, request)
    assert store.listings == 1
    outcomes = run_plan(ports, plan, range(len(plan.users)), workers=1, safety=world.safety)
    packs = {pack for outcome in outcomes if outcome.result is not None for pack in outcome.result.record.packs}
    assert packs
    assert not packs & plan.avoid
