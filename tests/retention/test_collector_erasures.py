"""Collections that follow an erasure, and what was written off: who waits, who stops nobody, and what is told."""

from __future__ import annotations

import pytest

from functions.contract.object_keys import (
    ORDER_NAME,
    PACKS,
    commit_key,
    erasure_key,
    pack_key,
)
from functions.engine.errors import (
    ConfigurationError,
    ConflictError,
)
from functions.engine.orchestration.collect_notices import collection_notice
from functions.engine.retention.history import drained_packs
from functions.engine.retention.holds import Author
from functions.engine.retention.write_offs import write_off
from tests.retention.collecting import collected, ripe_world
from tests.retention.world import SOURCE, World

LATER = Author("operator", "a mistake")


@pytest.fixture
def world() -> World:
    """Give such a world."""
    return ripe_world()


def test_an_erased_user_goes_and_his_packs_are_written_anew_for_others(world: World) -> None:
    """With the newest of his backups, and with what he shares; nobody else loses anything."""
    truths = [truth for truth in world.there() if truth.name.user == "ada"]
    packs = {key.rpartition("/")[2] for truth in truths for key in truth.needed if key.startswith(PACKS)}
    others = {key for truth in world.there() if truth.name.user == "bob" for key in truth.needed}
    world.delete_all("ada")
    world.erase("ada")
    report = collected(world)
    assert report.counts["backups_erased"] == len(truths)
    assert (report.erased, report.counts["backups_erased_anew"]) == (["s/ada"], len(truths) - 1)
    notice = collection_notice("stack", "bucket", report)
    assert notice is not None
    assert "users ERASED" in notice.subject
    assert "withdraw it today" in notice.body
    shared = {pack for pack in packs if pack_key(pack) in others}
    assert shared
    assert shared <= drained_packs(world.store)
    world.settle()
    assert not [truth for truth in world.there() if truth.name.user == "ada"]
    assert [truth for truth in world.there() if truth.name.user == "bob"]
    left = {blob.key for blob in world.store.list(PACKS)}
    assert left <= {key for truth in world.there() for key in truth.needed}


def test_an_erasure_waits_for_a_hold_and_goes_on_when_it_is_released(world: World) -> None:
    """The report counts what waits."""
    world.erase("ada")
    world.hold("ada", None)
    report = collected(world)
    assert report.counts["backups_erased"] == 0
    assert report.counts["backups_erased_and_held"] == 3
    world.release(world.holds[0])
    assert collected(world).counts["backups_erased"] == 3
    world.settle()
    assert not [truth for truth in world.there() if truth.name.user == "ada"]


def test_an_erased_backup_that_cannot_be_read_stops_nobody(world: World) -> None:
    """What only it needed may go: nobody may have it. So does what was written off."""
    damaged = [name for name in world.truths if name.user == "ada"][-1]
    version = world.store.current(commit_key(*damaged))
    assert version is not None
    version.data = b"{}"
    world.truths.pop(damaged)
    assert collected(world).refused == ["a commit record cannot be read: nobody knows what its backup needs"]
    world.erase("ada")
    assert collected(world).refused == []


def test_a_backup_that_was_written_off_stops_nobody(world: World) -> None:
    """The bucket says so: no setting has to be deployed."""
    damaged = [name for name in world.truths if name.user == "ada"][-1]
    version = world.store.current(commit_key(*damaged))
    assert version is not None
    data, version.data = version.data, b"{}"
    world.truths.pop(damaged)
    write_off(world.store, damaged, LATER, world.time)
    assert collected(world).refused == []
    with pytest.raises(ConflictError, match="written off before"):
        write_off(world.store, damaged, LATER, world.time)
    good = [name for name in world.truths if name.user == "bob"][-1]
    assert data is not None
    with pytest.raises(ConfigurationError, match="can be read"):
        write_off(world.store, good, LATER, world.time)


def test_an_erasure_that_cannot_be_read_is_reported_and_erases_nothing(world: World) -> None:
    """Somebody has to look."""
    world.erase("ada")
    order = world.erasures.pop()
    version = world.store.current(erasure_key(SOURCE, "ada", order.erasure_id, ORDER_NAME))
    assert version is not None
    version.data = b"?"
    report = collected(world)
    assert report.refused == [f"erasure {order.erasure_id} cannot be read: it erases nothing"]
    assert report.counts["backups_erased"] == 0
