"""Which backups nobody is offered, as the bucket alone says it."""

from __future__ import annotations

import pytest

from functions.contract.object_keys import commit_key
from functions.engine.retention.expired import expired_backups
from tests.retention.collecting import collected, oldest, ripe_world
from tests.retention.world import USERS, World


@pytest.fixture
def world() -> World:
    """Give a world where the first backups are due."""
    return ripe_world()


def test_nothing_is_expired_before_a_collection_was_done() -> None:
    """Nor when there is nothing at all."""
    assert expired_backups(World().store) == frozenset()


def test_what_is_condemned_is_still_offered(world: World) -> None:
    """It can be restored, and may be kept after all."""
    assert expired_backups(world.store) == frozenset()


def test_what_a_collection_let_go_is_listed_and_yet_not_offered(world: World) -> None:
    """From the collection that did, and while later ones find it."""
    for _ in range(2):
        collected(world)
        assert len(world.gone) == len(USERS)
        assert expired_backups(world.store) == world.gone
        assert all(world.store.current(commit_key(*name)) is not None for name in world.gone)


def test_what_is_brought_back_is_offered_at_once(world: World) -> None:
    """It is under a hold; and after the next collection too."""
    collected(world)
    name = oldest(world).name
    world.undelete(name)
    assert name not in expired_backups(world.store)
    collected(world)
    assert name not in expired_backups(world.store)


def test_a_hold_that_is_released_offers_nothing_again(world: World) -> None:
    """Retention decides anew."""
    truth = oldest(world)
    world.hold(truth.name.user, truth.name.backup_id)
    collected(world)
    assert truth.name not in expired_backups(world.store)
    world.release(world.holds[0])
    for _ in range(4):
        world.pass_time(24)
        collected(world)
        assert (truth.name in expired_backups(world.store)) <= (truth.name in world.gone)
    assert truth.name in world.gone
