"""In a copy, a commit record may come days after its manifests, which were let go meanwhile: they come back."""

from __future__ import annotations

import pytest

from functions.adapters.memory_versioned import StoredVersion
from functions.contract.object_keys import commit_key, manifest_key
from functions.engine.repository import BackupName
from tests.retention.collecting import collected
from tests.retention.happenings import Truth
from tests.retention.world import USERS, World

Versions = list[StoredVersion]


def without_its_record(world: World) -> tuple[Truth, Versions]:
    """Let the newest backup of a user be there without its commit record; give what has not arrived."""
    truth = world.truths.pop(max(name for name in world.truths if name.user == USERS[0]))
    return truth, world.store.objects.pop(commit_key(*truth.name))


def manifests(truth: Truth) -> list[str]:
    """Give the keys of a backup's manifests."""
    return [manifest_key(*truth.name, segment.number) for segment in truth.record.segments]


def arrive(world: World, truth: Truth, versions: Versions) -> BackupName:
    """Let the record arrive."""
    world.store.objects[commit_key(*truth.name)] = versions
    world.truths[truth.name] = truth
    return truth.name


@pytest.mark.parametrize("days", [0, 1, 2])
def test_manifests_come_back_when_their_record_arrives_late(days: int) -> None:
    """Tagged, hidden a day ago, or named by no plan any more."""
    world = World()
    world.night(0)
    world.pass_time(1)
    truth, record = without_its_record(world)
    world.pass_time(23)
    report = world.collect()
    assert report is not None
    assert report.counts["segments_expire"] == len(manifests(truth))
    for _ in range(days):
        world.pass_time(24)
        world.collect()
    listed = [world.store.current(key) for key in manifests(truth)]
    assert all(version is None if days else version is not None and version.expired for version in listed)
    name = arrive(world, truth, record)
    world.hold(name.user, name.backup_id)
    report = world.collect()
    assert report is not None
    assert (report.counts["backups_rescue"], report.counts["backups_lost"]) == (1, 0)
    for _ in range(3):
        world.restore(truth)
        world.pass_time(24)
        report = collected(world)
    assert report.counts["backups_rescue"] == 0
    world.restore(truth)


def test_a_manifest_that_never_arrives_is_said_every_night() -> None:
    """Its backup restores in part; nobody may believe that it is whole."""
    world = World()
    world.night(0)
    truth = world.truths.pop(max(name for name in world.truths if name.user == USERS[0]))
    for key in manifests(truth):
        del world.store.objects[key]
    for _ in range(2):
        report = world.collect()
        assert report is not None
        assert (report.counts["backups_rescue"], report.counts["backups_lost"]) == (1, 1)
        world.pass_time(24)
