"""A replica of which not everything has arrived: it is noticed, and what is backed up into it is whole all the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from functions.adapters.memory import MemoryIndex
from functions.contract.object_keys import commit_key, incomplete_key, manifest_key, pack_key
from functions.engine.arrival import Incomplete, incomplete_backups, note_incomplete, parents
from functions.engine.pack_indexes import fill_index
from functions.engine.repository import BackupName
from functions.engine.retention.erasure import parent_of
from functions.engine.verify_report import Depth
from tests.engine.kit import SOURCE, World


@pytest.fixture
def world() -> World:
    """Two users with two backups each; of alice, some of the second."""
    world = World()
    for user in ("alice", "bob"):
        for name in ("one", "two"):
            world.source.put(f"{user}/{name}", f"{user}{name}".encode() * 50_000)
            world.back_up(user)
    return world


def newest(world: World, user: str) -> BackupName:
    """Give a user's newest backup."""
    return world.repository.newest(SOURCE)[user]


def lose_packs(world: World, user: str) -> int:
    """Take away what only the newest backup of a user needs; give how many packs that were."""
    mine, before = (set(world.repository.commit(name).packs) for name in (newest(world, user), first(world, user)))
    for pack in mine - before:
        del world.store.blobs[pack_key(pack)]
    return len(mine - before)


def first(world: World, user: str) -> BackupName:
    """Give a user's first backup."""
    return next(iter(world.repository.backups(SOURCE, user)))


def go_on(world: World, user: str, parent: BackupName | None) -> bool:
    """Back up as a new primary does, with an index of the packs that are there; say whether it can be restored."""
    world.index = MemoryIndex()
    fill_index(world.store, world.index)
    with world.session() as session:
        made = session.backup(replace(world.job(user), parent=parent))
    return not world.verify(made, depth=Depth.FULL).damages


def test_what_has_arrived_whole_is_not_named(world: World) -> None:
    """Also when an older backup of the same user has not: nobody builds on that."""
    assert incomplete_backups(world.store) == []
    assert incomplete_backups(World().store) == []


def test_missing_packs_and_manifests_are_counted_for_the_newest_backup(world: World) -> None:
    """Of each user by himself."""
    lost, name = lose_packs(world, "alice"), newest(world, "alice")
    assert lost > 0
    assert incomplete_backups(world.store) == [Incomplete(name, lost, 0, noted=False)]
    del world.store.blobs[manifest_key(*newest(world, "bob"), 0)]
    found = {one.name.user: (one.packs, one.manifests) for one in incomplete_backups(world.store)}
    assert found == {"alice": (lost, 0), "bob": (0, 1)}


def test_a_record_that_cannot_be_read_counts_as_not_arrived(world: World) -> None:
    """Nobody may build on it either."""
    name = newest(world, "alice")
    world.store.blobs[commit_key(*name)] = b"half"
    assert incomplete_backups(world.store) == [Incomplete(name, 0, 1, noted=False)]


def test_a_backup_that_builds_on_what_has_not_arrived_would_be_damaged(world: World) -> None:
    """The reason for all this: what did not change is carried over, with places in packs that are not there."""
    lose_packs(world, "alice")
    assert not go_on(world, "alice", newest(world, "alice"))


def test_after_the_note_the_next_backup_is_whole(world: World) -> None:
    """It builds on nothing, neither for the worker nor for the tool, and the one after it builds on it."""
    lose_packs(world, "alice")
    for one in incomplete_backups(world.store):
        note_incomplete(world.store, one)
    assert parents(world.store, SOURCE).keys() == {"bob"}
    assert parent_of(world.store, SOURCE, "alice") is None
    assert go_on(world, "alice", parent_of(world.store, SOURCE, "alice"))
    assert parent_of(world.store, SOURCE, "alice") == newest(world, "alice") == parents(world.store, SOURCE)["alice"]
    assert go_on(world, "alice", parent_of(world.store, SOURCE, "alice"))
    assert parent_of(world.store, SOURCE, "bob") == parents(world.store, SOURCE)["bob"] == newest(world, "bob")
    assert incomplete_backups(world.store) == []


def test_the_note_is_written_once_and_hides_nothing(world: World) -> None:
    """Twice is once, also when more has arrived; the backup can still be listed and restored as far as it goes."""
    lose_packs(world, "alice")
    (found,) = incomplete_backups(world.store)
    note_incomplete(world.store, found)
    note_incomplete(world.store, replace(found, packs=found.packs + 1))
    assert incomplete_backups(world.store) == [replace(found, noted=True)]
    assert incomplete_key(*found.name) in world.store.blobs
    assert len(list(world.repository.backups(SOURCE, "alice"))) == 2
    report, _ = world.restore_records(world.repository.commit(found.name))
    assert (report.restored, report.failed) == (1, 1)
