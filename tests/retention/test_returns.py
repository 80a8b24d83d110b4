"""What comes back: held or withdrawn when it was hidden already, tagged long ago, or too much for one collection."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from unittest.mock import patch

import pytest

from functions.adapters.faults import Faults
from functions.contract.object_keys import PACKS, commit_key, incomplete_key, pack_key, plan_part_key
from functions.engine.arrival import Incomplete, note_incomplete
from functions.engine.model import BackupType
from functions.engine.orchestration.collect_notices import collection_notice
from functions.engine.retention.acts import Acts
from functions.engine.retention.history import load_history
from functions.engine.retention.plan import BACKUPS
from functions.engine.retention.plan import PACKS as PACK_LINES
from tests.retention.collecting import collected, oldest, plan_of, ripe_world, until_hidden
from tests.retention.happenings import Truth
from tests.retention.world import DAY, USERS, World


@pytest.fixture
def world() -> World:
    """Give three nights: the first one's backups are due."""
    return ripe_world()


def is_there(world: World, truth: Truth) -> bool:
    """Say whether a backup can be listed and carries no tag."""
    version = world.store.current(commit_key(*truth.name))
    return version is not None and not version.expired


def packs_of(truth: Truth) -> list[str]:
    """Give the keys of its packs."""
    return [key for key in truth.needed if key.startswith(PACKS)]


def tagged_packs(world: World) -> list[str]:
    """Give the keys of the packs that are there and tagged."""
    found = ((key, world.store.current(key)) for key in world.store.objects if key.startswith(PACKS))
    return [key for key, version in found if version is not None and version.expired]


def pass_days_without_a_lifecycle_of_packs(world: World, days: int) -> None:
    """It may be late."""
    for _ in range(days):
        collected(world)
        world.pass_time(24, lambda key: not key.startswith(PACKS))


def fates(world: World, truth: Truth) -> list[str]:
    """Give what the newest plan that is done says of a backup."""
    last = load_history(world.store).last
    assert last is not None
    name = list(truth.name)
    return [
        line["fate"]
        for line in last.lines(world.store, BACKUPS)
        if [line.get("source"), line.get("user"), line.get("backup_id")] == name
    ]


@pytest.mark.parametrize("whole_user", [False, True])
@pytest.mark.parametrize("collections_before", [0, 1, 3])
def test_a_hold_on_what_was_let_go_brings_it_back_though_nobody_lists_it(
    world: World, collections_before: int, *, whole_user: bool
) -> None:
    """Set after it was tagged, on it or on its user, and found hidden: at once or some collections later."""
    truth = until_hidden(world)
    for version in [version for key in truth.needed for version in world.store.objects.get(key, [])]:
        version.locked_until = world.time + 30 * (world.time - world.time.replace(hour=0))
    for _ in range(collections_before):
        assert collected(world).counts["backups_hidden"] >= 1
    world.hold(truth.name.user, None if whole_user else truth.name.backup_id)
    report = collected(world)
    assert is_there(world, truth)
    assert (report.counts["backups_rescue"] >= 1, report.missing) == (True, [])
    world.restore(truth)
    for _ in range(6):
        world.pass_time(24)
        collected(world)
    assert fates(world, truth) == ["KEEP"]
    world.restore(truth)


def test_a_hold_on_one_backup_finds_it_when_no_plan_names_it_any_more(world: World) -> None:
    """As long as its versions are there."""
    truth = until_hidden(world)
    collected(world)
    world.hold(truth.name.user, truth.name.backup_id)
    with patch("functions.engine.retention.history.History.backups", return_value={}):
        collected(world)
    assert is_there(world, truth)
    world.restore(truth)


def test_what_is_hidden_is_named_in_plans_for_a_week_and_no_longer(world: World) -> None:
    """And it counts as no backup: shares are of what is there."""
    truth = until_hidden(world)
    seen = []
    for _ in range(10):
        listed = sum(world.store.current(commit_key(*name)) is not None for name in world.truths)
        assert collected(world).counts["backups"] == listed
        seen.append(fates(world, truth))
        world.pass_time(24)
    assert seen == [["GONE"]] * 6 + [[]] * 4


def test_a_hold_on_a_backup_of_which_nothing_is_left_is_reported(world: World) -> None:
    """Each time, until somebody releases it: nobody should rely on it."""
    truth = until_hidden(world)
    world.pass_time(24 * 20)
    world.hold(truth.name.user, truth.name.backup_id)
    for _ in range(2):
        report = collected(world)
        assert report.idle_holds == [f"{world.holds[0].hold_id} on {'/'.join(truth.name)}"]
        assert plan_of(world, report)["idle_holds"] == report.idle_holds
        notice = collection_notice("stack", "bucket", report)
        assert notice is not None
        assert "holds of NOTHING" in notice.subject
    world.release(world.holds[0])
    assert collected(world).idle_holds == []


def test_a_hidden_record_that_cannot_be_read_stops_no_collection(world: World) -> None:
    """It is reported, and looked at again."""
    truth = until_hidden(world)
    world.store.objects[commit_key(*truth.name)][0].data = b"?"
    world.truths.pop(truth.name)
    world.hold(truth.name.user, None)
    assert collected(world).unreadable == ["/".join(truth.name)]
    assert fates(world, truth) == ["GONE"]


def test_a_withdrawn_erasure_brings_back_what_went_for_it(world: World) -> None:
    """Also what the lifecycle has hidden; then the rules decide."""
    truths = [truth for truth in world.there() if truth.name.user == "ada"]
    world.erase("ada")
    for _ in range(2):
        collected(world)
        world.pass_time(24)
    assert collected(world).counts["backups_expire"] == 0
    assert {truth.name for truth in truths} <= world.gone
    world.withdraw(world.erasures[0])
    collected(world)
    newest = max(truths, key=lambda truth: truth.name)
    assert is_there(world, newest)
    world.restore(newest)
    for _ in range(8):
        collected(world)
        world.pass_time(24)
    assert [truth.name for truth in world.there() if truth.name.user == "ada"] == [newest.name]
    assert collected(world).counts["backups_rescue"] == 0


def test_an_erasure_that_stands_brings_nothing_back(world: World) -> None:
    """Nor does one that was withdrawn, when another one covers the same."""
    world.erase("ada")
    world.pass_time(1)
    world.erase("ada")
    for _ in range(3):
        collected(world)
        world.pass_time(24)
    world.withdraw(world.erasures[1])
    assert collected(world).counts["backups_rescue"] == 0
    assert not [truth for truth in world.there() if truth.name.user == "ada"]


def test_an_incomplete_arrival_does_not_stand_for_the_newest_complete_backup(world: World) -> None:
    """Its record says that it is complete, a note beside it that not all of it came."""
    mine = sorted((truth for truth in world.there() if truth.name.user == "ada"), key=lambda truth: truth.name)
    note_incomplete(world.store, Incomplete(mine[-1].name, 1, 0, noted=False))
    for _ in range(8):
        world.collect()
        world.pass_time(24)
    assert [is_there(world, truth) for truth in mine] == [False, True, True]


def test_a_note_of_an_incomplete_arrival_comes_back_with_the_backup(world: World) -> None:
    """Else it would count as complete then."""
    truth = oldest(world)
    note_incomplete(world.store, Incomplete(truth.name, 1, 0, noted=False))
    until_hidden(world)
    world.pass_time(24)
    assert world.store.current(incomplete_key(*truth.name)) is None
    world.undelete(truth.name)
    assert world.store.current(incomplete_key(*truth.name)) is not None


def test_a_pack_that_was_expired_and_condemned_again_loses_its_tag_when_it_is_needed(world: World) -> None:
    """The lifecycle was late, and plans remember the tag, whatever came between."""
    pass_days_without_a_lifecycle_of_packs(world, 9)
    tagged = tagged_packs(world)
    last = load_history(world.store).last
    assert last is not None
    lines = {pack_key(line["pack"]): line for line in last.lines(world.store, PACK_LINES)}
    assert {lines[key]["fate"] for key in tagged} & {"CONDEMN", "WAIT"}
    assert all(lines[key]["tagged"] for key in tagged)
    collect_needing(world, tagged)
    assert tagged_packs(world) == []


def test_a_tag_is_not_forgotten_when_too_many_packs_are_condemned(world: World) -> None:
    """What waits for the next collection stays as it was."""
    pass_days_without_a_lifecycle_of_packs(world, 4)
    world.settings = replace(world.settings, safety=replace(world.safety, condemn_limit=0))
    pass_days_without_a_lifecycle_of_packs(world, 5)
    tagged = tagged_packs(world)
    collect_needing(world, tagged)
    assert tagged_packs(world) == []


def collect_needing(world: World, keys: list[str]) -> None:
    """Commit a backup that needs these packs, as one that built on an old place would, and collect."""
    newest = max((truth for truth in world.there() if truth.name.user == "ada"), key=lambda truth: truth.name)
    version = world.store.current(commit_key(*newest.name))
    assert version is not None
    assert version.data is not None
    document = json.loads(version.data)
    document["packs"] = sorted({*document["packs"], *(key.rpartition("/")[2] for key in keys)})
    version.data = newest.needed[commit_key(*newest.name)] = json.dumps(document).encode()
    assert keys
    assert collected(world).counts["packs_rescue"] == len(keys)


def test_what_was_tagged_and_not_extended_is_locked_again_when_it_waits_anew(world: World) -> None:
    """It was expired for days, in which nobody asked for its lock."""
    ends = []
    for _ in range(14):
        collected(world)
        last = load_history(world.store).last
        assert last is not None
        lines = last.lines(world.store, PACK_LINES)
        waiting = [pack_key(line["pack"]) for line in lines if line["fate"] == "CONDEMN" and "tagged" in line]
        versions = [world.store.current(key) for key in waiting]
        ends += [version.locked_until - world.time for version in versions if version and version.locked_until]
        world.pass_time(25, lambda key: not key.startswith(PACKS))
    assert min(ends) > DAY


def test_a_backup_that_may_be_tagged_loses_its_tag_whenever_a_hold_comes(world: World) -> None:
    """Its plan is lost, so that it waits anew, and the lifecycle is late."""
    truth = oldest(world)
    collected(world)
    last = load_history(world.store).last
    assert last is not None
    del world.store.objects[plan_part_key(last.collection, 0)]
    for hours, fate in ((25, "CONDEMN"), (21, "WAIT")):
        world.pass_time(hours, lambda _key: False)
        world.collect()
        assert fates(world, truth) == [fate]
    world.hold(truth.name.user, None)
    world.collect()
    assert fates(world, truth) == ["RESCUE"]
    assert is_there(world, truth)


def test_locks_are_extended_before_anything_is_brought_back(world: World) -> None:
    """If the time ends, the rest can wait."""
    truth = until_hidden(world)
    world.pass_time(24)
    world.hold(truth.name.user, truth.name.backup_id)
    calls: list[str] = []

    class Ears(Faults):
        def _enter(self, call: str) -> tuple[None, None]:
            calls.append(call)
            return None, None

    world.collect(Ears())
    assert "vault.extend" in calls
    last = max(place for place, call in enumerate(calls) if call == "vault.extend")
    assert last < calls.index("vault.bring_back")


def test_a_collection_brings_back_so_many_objects_and_leaves_the_rest_for_the_next(world: World) -> None:
    """It says so, ends, and forgets nothing."""
    truth = until_hidden(world)
    world.pass_time(3)
    world.hold(truth.name.user, None)
    with patch("functions.engine.retention.collector.Acts", partial(Acts, limit=1)):
        report = collected(world)
        assert "left to be brought back" in report.refused[-1]
        assert not is_there(world, truth)
        assert fates(world, truth) == ["RESCUE"]
    assert collected(world).refused == []
    assert is_there(world, truth)
    world.restore(truth)


def test_a_limit_never_keeps_a_tag_where_it_is(world: World) -> None:
    """What is only tagged comes back, however much it is: at midnight it would be hidden."""
    for user in USERS:
        world.back_up(user, BackupType.FULL)
    truth = oldest(world)
    collected(world)
    assert truth.name in world.gone
    world.hold(truth.name.user, None)
    with patch("functions.engine.retention.collector.Acts", partial(Acts, limit=0)):
        assert collected(world).refused == []
    world.restore(truth)


def test_manifests_that_are_hidden_later_than_their_record_stay_when_it_comes_back(world: World) -> None:
    """Without it they look like segments that nobody will commit."""
    truth = oldest(world)
    collected(world)
    world.pass_time(48, lambda key: key == commit_key(*truth.name))
    world.hold(truth.name.user, truth.name.backup_id)
    collected(world)
    assert is_there(world, truth)
    world.restore(truth)
