"""Collections, one at a time: what they do, what they refuse, what they write down, and what they forgive."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from functions.adapters.faults import CrashPoint, Faults, Moment
from functions.adapters.memory_versioned import MemoryTargets
from functions.contract.object_keys import (
    COLLECTIONS,
    DONE_NAME,
    PACKS,
    PLAN_NAME,
    commit_key,
    pack_key,
)
from functions.engine.errors import (
    AccessError,
    BackupNotFoundError,
    BlobNotFoundError,
    ConfigurationError,
    FormatError,
    NotFoundError,
)
from functions.engine.model import BackupType, Buffer
from functions.engine.pack_indexes import list_packs, list_targets, read_pack_indexes
from functions.engine.retention.collector import collect
from functions.engine.retention.history import drained_packs, load_history, no_targets
from functions.engine.retention.holds import Author, read_holds, release_hold
from functions.engine.retention.plan import BACKUPS
from functions.engine.retention.plan import PACKS as PACK_LINES
from functions.engine.retention.policy import Hold
from functions.engine.retention.undelete import Undeleted, undelete_backup, undelete_object
from functions.engine.safety import DEFAULT_SAFETY, MIB, SafetyParameters
from tests.retention.collecting import collected, oldest, plan_of, ports_of, ripe_world, until_hidden
from tests.retention.world import DAY, HOUR, SOURCE, USERS, World

LATER = Author("operator", "a mistake")


@pytest.fixture
def world() -> World:
    """Give such a world."""
    return ripe_world()


def test_what_is_not_kept_goes_in_its_time_and_by_the_lifecycle_only(world: World) -> None:
    """Condemned, expired, hidden, deleted; and everything that stays can be restored."""
    assert not world.store.deletions
    world.settle()
    assert world.store.deletions
    assert {deletion.by for deletion in world.store.deletions} == {"lifecycle"}
    for truth in world.there():
        world.restore(truth)


def test_the_plan_is_there_before_anything_is_done_and_says_why(world: World) -> None:
    """With the rules, the counts and a reason for each backup and pack."""
    report = world.collect(Faults(crash=CrashPoint("vault.expire", 1, Moment.BEFORE)))
    assert report is None
    history = load_history(world.store)
    (plan,) = [
        other for other in history.others if other.collection > (history.last.collection if history.last else "")
    ]
    lines = list(plan.lines(world.store, BACKUPS))
    fates = {(line["user"], line["backup_id"]): line for line in lines}
    line = fates[oldest(world).name[1:]]
    assert line["fate"] == "EXPIRE"
    assert [rule for rule, _text in line["reasons"]] == ["days", "newest", "newest-complete"]
    assert plan.head["format"] == 1
    assert plan.head["policy"] == {"days": 2, "daily": 0, "weekly": 0, "monthly": 0, "yearly": 0}
    assert all(line["why"] for line in plan.lines(world.store, PACK_LINES))
    assert not any(blob.key.endswith(f"{plan.collection}/{DONE_NAME}") for blob in world.store.list(COLLECTIONS))
    world.check()


def test_a_dry_run_shows_everything_and_changes_nothing(world: World) -> None:
    """Not a byte, a tag, a lock or an entry."""
    before = {key: [replace(version) for version in versions] for key, versions in world.store.objects.items()}
    places = dict(world.targets.places)
    shown: list[str] = []
    world.settings = replace(world.settings, dry_run=True)
    report = collect(ports_of(world), world.settings, lambda kind, line: shown.append(f"{kind} {line['fate']}"))
    assert report.counts["backups_expire"] == len(USERS)
    assert "backups EXPIRE" in shown
    assert world.store.objects == before
    assert world.targets.places == places


def test_too_many_bytes_at_once_are_refused_and_reported(world: World) -> None:
    """Nothing goes, the report says so, and somebody may allow it for once."""
    world.pass_time(24 * 5)
    world.night(3)
    tight = replace(world.safety, expire_floor=0, expire_share=0.01)
    world.settings = replace(world.settings, safety=tight)
    for _ in range(3):
        collected(world)
        world.pass_time(24)
    report = collected(world)
    assert "of all; 1% may at once" in report.refused[0]
    assert report.counts["packs_expire"] == 0
    assert plan_of(world, report)["refused"] == report.refused
    world.settings = replace(world.settings, expire_share=1.0)
    report = collected(world)
    assert not report.refused
    assert report.counts["packs_expire"]


def test_too_many_backups_at_once_are_refused_and_reported(world: World) -> None:
    """A wrong policy, or a wrong clock, is seen before it is followed."""
    tight = replace(world.safety, expire_floor_backups=0, expire_share=0.3)
    world.settings = replace(world.settings, safety=tight)
    report = collected(world)
    assert report.refused == ["2 of 6 backups would go; 30% may at once"]
    assert report.counts["backups_expire"] == 0
    world.settings = replace(world.settings, expire_share=0.5)
    assert collected(world).counts["backups_expire"] == 2


def test_an_unreadable_commit_record_stops_everything_that_lets_go_of_packs(world: World) -> None:
    """Nobody knows what it needs; until somebody writes it off."""
    damaged = max(world.truths)
    version = world.store.current(commit_key(*damaged))
    assert version is not None
    version.data = b"{}"
    world.truths.pop(damaged)
    world.pass_time(24 * 3)
    for _ in range(4):
        report = collected(world)
        assert report.refused[-1] == "a commit record cannot be read: nobody knows what its backup needs"
        assert (report.counts["packs_condemn"], report.counts["packs_expire"]) == (0, 0)
        assert report.unreadable == ["/".join(damaged)]
        world.pass_time(24)
    world.settings = replace(world.settings, written_off=frozenset({damaged}))
    assert collected(world).counts["packs_condemn"]


def test_a_plan_of_a_newer_release_stops_the_collection(world: World) -> None:
    """It may know of waits that this one does not."""
    last = load_history(world.store).last
    assert last is not None
    version = world.store.current(f"{COLLECTIONS}{last.collection}/{PLAN_NAME}")
    assert version is not None
    assert version.data is not None
    version.data = version.data.replace(b'"format": 1', b'"format": 2')
    with pytest.raises(FormatError, match="has format 2"):
        world.collect()


def test_a_damaged_plan_makes_all_waits_begin_anew(world: World) -> None:
    """Later is safe."""
    last = load_history(world.store).last
    assert last is not None
    version = world.store.current(f"{COLLECTIONS}{last.collection}/{PLAN_NAME}")
    assert version is not None
    version.data = b"nonsense"
    report = collected(world)
    assert report.counts["backups_expire"] == 0
    world.settle()


def test_a_pack_with_a_damaged_index_that_nobody_needs_stays(world: World) -> None:
    """What leads to it cannot be forgotten, so it is named and left alone."""
    truth = oldest(world)
    (mine,) = [key for key in truth.needed if key.startswith(PACKS)][:1]
    collected(world)
    last = load_history(world.store).last
    assert last is not None
    condemned = [line["pack"] for line in last.lines(world.store, PACK_LINES) if line["fate"] == "CONDEMN"]
    if pack_key(condemned[0]) != mine:
        mine = pack_key(condemned[0])
    version = world.store.current(mine)
    assert version is not None
    version.data = b"x" * 100
    world.pass_time(24)
    report = collected(world)
    assert report.counts["packs_wait"] >= 1
    assert world.store.current(mine) is not None


def test_a_hold_keeps_and_its_release_lets_go(world: World) -> None:
    """Set before the collection that would have taken the backup."""
    truth = oldest(world)
    world.hold(truth.name.user, truth.name.backup_id)
    for _ in range(6):
        collected(world)
        world.pass_time(24)
    world.restore(truth)
    world.release(world.holds[0])
    world.settle()
    assert truth.name in world.gone


def test_a_hold_that_comes_late_brings_back_what_can_still_be_seen(world: World) -> None:
    """The collection that follows takes the tags off again."""
    truth = oldest(world)
    collected(world)
    assert truth.name in world.gone
    world.hold(truth.name.user, None)
    report = collected(world)
    assert report.counts["backups_rescue"] == 1
    assert truth.name not in world.gone
    world.restore(truth)


def test_a_hold_that_cannot_be_read_counts_for_the_whole_user(world: World) -> None:
    """Nothing of his goes until somebody looks."""
    truth = oldest(world)
    world.hold(truth.name.user, "20200101T000000Z-00000000")
    hold = world.holds[0]
    version = world.store.current(f"holds/{SOURCE}/{hold.user}/{hold.hold_id}/set.json")
    assert version is not None
    version.data = b"?"
    (read,) = read_holds(world.store).of(SOURCE, truth.name.user)
    assert read.covers(truth.name)


def test_a_hold_that_does_not_exist_cannot_be_released(world: World) -> None:
    """A misspelt name is no release."""
    ghost = Hold("20200101T000000Z-00000000", SOURCE, "nobody", None, "")
    with pytest.raises(NotFoundError, match="there is no hold"):
        release_hold(world.store, ghost, LATER, world.time)


def test_an_expired_backup_that_is_still_there_comes_back_untagged(world: World) -> None:
    """Under a hold, so that the next collection does not take it again."""
    truth = oldest(world)
    collected(world)
    world.undelete(truth.name)
    world.check()
    world.restore(truth)
    for _ in range(4):
        collected(world)
        world.pass_time(24)
    world.restore(truth)


def test_a_hidden_backup_comes_back_from_its_older_versions(world: World) -> None:
    """As new versions with the same bytes; nothing is deleted for it."""
    truth = until_hidden(world)
    deletions = len(world.store.deletions)
    world.undelete(truth.name)
    world.check()
    assert truth.name not in world.gone
    world.restore(truth)
    assert len(world.store.deletions) == deletions
    for _ in range(4):
        collected(world)
        world.pass_time(24)
    world.restore(truth)


def test_undeleting_twice_is_harmless(world: World) -> None:
    """The second time finds everything there."""
    truth = until_hidden(world)
    first = undelete_backup(ports_of(world), truth.name)
    assert first[Undeleted.BROUGHT_BACK] >= 2
    assert set(undelete_backup(ports_of(world), truth.name)) == {Undeleted.THERE}


def test_what_the_lifecycle_has_deleted_does_not_come_back(world: World) -> None:
    """And the error says where to look."""
    truth = until_hidden(world)
    world.pass_time(24 * 20)
    with pytest.raises(BackupNotFoundError, match=r"no version .* is left"):
        undelete_backup(ports_of(world), truth.name)
    with pytest.raises(BlobNotFoundError, match="no version"):
        undelete_object(world.store, "packs/00/nothing")


def test_a_missing_pack_of_a_kept_backup_is_brought_back(world: World) -> None:
    """Somebody with more rights than any of ours hid it."""
    truth = max(world.truths.values(), key=lambda item: item.name)
    key = next(key for key in truth.needed if key.startswith(PACKS))
    version = world.store.current(key)
    assert version is not None
    version.expired = True
    world.pass_time(48)
    assert world.store.current(key) is None
    report = world.collect()
    assert report is not None
    assert [text.partition(" ")[0] for text in report.missing] == [key.rpartition("/")[2]]
    world.check()
    world.restore(truth)


def test_a_condemned_pack_is_no_target_and_does_not_come_back_by_a_rebuild(world: World) -> None:
    """Until it is re-admitted."""
    collected(world)
    condemned = no_targets(world.store)
    assert condemned
    assert set(list_targets(world.store)) == set(list_packs(world.store)) - condemned
    world.lose_index()
    world.rebuild()
    assert not {ref.pack for ref in world.targets.places.values()} & condemned
    world.check()


def test_sparse_packs_are_drained_and_a_full_backup_leaves_them(world: World) -> None:
    """What little is needed of them is written again, and then they end."""
    collected(world)
    world.pass_time(24)
    report = collected(world)
    drained = drained_packs(world.store)
    assert report.counts["packs_drain"] + report.counts["packs_drained"] == len(drained) > 0
    assert not {ref.pack for ref in world.targets.places.values()} & drained
    for user in USERS:
        world.back_up(user, BackupType.FULL)
        newest = max((item for item in world.truths.values() if item.name.user == user), key=lambda item: item.name)
        assert not set(newest.record.packs) & drained
    world.settle()
    assert not set(list_packs(world.store)) & drained


def test_without_measuring_no_pack_is_called_sparse(world: World) -> None:
    """Nor when a manifest is damaged."""
    world.settings = replace(world.settings, measure=False)
    collected(world)
    world.pass_time(24)
    assert collected(world).counts["packs_drain"] == 0


def test_packs_over_the_limit_are_left_for_the_next_collection(world: World) -> None:
    """So each run has an end, and all of them get there."""
    world.pass_time(24 * 3)
    world.night(3)
    world.settings = replace(world.settings, safety=replace(world.safety, condemn_limit=1))
    collected(world)
    world.pass_time(24)
    report = collected(world)
    assert report.counts["packs_condemn"] == 1
    assert report.counts["packs_left_for_the_next"] >= 1
    world.settle()


def test_locks_follow_the_plan_in_steps(world: World) -> None:
    """One request in each step, and never a shorter lock."""
    truth = max(world.truths.values(), key=lambda item: item.name)
    key = commit_key(*truth.name)
    ends = set()
    for _ in range(10):
        collected(world)
        version = world.store.current(key)
        assert version is not None
        assert version.locked_until is not None
        assert version.locked_until - world.time >= 2 * DAY
        assert version.locked_until - world.time <= 2 * DAY + world.safety.lock_step
        ends.add(version.locked_until)
        world.pass_time(24)
    assert len(ends) <= 6
    assert not world.store.shortenings


def test_a_locked_version_cannot_be_deleted_by_anybody(world: World) -> None:
    """Nor does the lifecycle delete it, whatever its tag says."""
    truth = oldest(world)
    version = world.store.objects[commit_key(*truth.name)][0]
    version.locked_until = world.time + timedelta(days=30)
    with pytest.raises(AccessError, match="locked until"):
        world.store.delete_version(commit_key(*truth.name), version.version_id)
    collected(world)
    world.pass_time(24 * 20)
    assert version in world.store.objects[commit_key(*truth.name)]
    world.pass_time(24 * 12)
    assert commit_key(*truth.name) not in world.store.objects


def test_a_collection_that_slept_tags_nothing(world: World) -> None:
    """What it knows is too old; the next one looks again."""
    point = CrashPoint("vault.now", 2, Moment.BEFORE)
    world.interrupt_collection(point, lambda: world.pass_time(4))
    assert oldest(world).name not in world.gone
    world.check()
    assert collected(world).counts["backups_expire"] == len(USERS)


@pytest.mark.parametrize("moment", Moment)
def test_a_collection_may_die_at_any_call(moment: Moment) -> None:
    """Nothing that is kept is touched, and the next one does what this one did not."""
    faults = Faults()
    ripe_world().collect(faults)
    for number in range(1, faults.counts.total() + 1):
        world = ripe_world()
        assert world.collect(Faults(crash=CrashPoint("", number, moment))) is None
        world.check()
        report = collected(world)
        assert report.counts["backups_expire"] + report.counts["backups_gone"] in {0, len(USERS)}
        assert len(world.gone) == len(USERS)


@pytest.mark.parametrize("name", ["grace", "second_look"])
def test_waits_that_are_too_short_are_refused(name: str) -> None:
    """They must outlast the longest job and two wrong clocks."""
    least = DEFAULT_SAFETY.job_limit + 2 * DEFAULT_SAFETY.clock_skew
    fields: dict[str, Any] = {name: least}
    assert getattr(SafetyParameters(**fields), name) == least
    with pytest.raises(ConfigurationError, match=f"{name} must be at least job_limit"):
        SafetyParameters(**(fields | {name: least - HOUR}))


def test_every_default_stands_for_what_the_design_says() -> None:
    """Two days of grace, steps of ten days, a tenth at once, a third or less is sparse."""
    safety = DEFAULT_SAFETY
    assert (safety.grace, safety.second_look, safety.lock_step) == (2 * DAY, 2 * DAY, 10 * DAY)
    assert (safety.expire_share, safety.sparse_share, safety.expire_floor) == (0.1, 0.3, 1024 * MIB)


def test_targets_forget_what_they_are_told_and_know_what_leads_where(world: World) -> None:
    """An entry that names another pack by now stays."""
    found = next(item for item in read_pack_indexes(world.store, list_packs(world.store)) if item.refs)
    index = MemoryTargets()
    index.record(found.refs)
    assert index.named(found.refs) == {found.pack_id}
    moved = found.refs[0]._replace(pack="0" * 32)
    index.record([moved])
    index.forget(found.refs)
    assert index.named(found.refs) == set()
    assert index.lookup([moved.chunk]) == {moved.chunk: moved}


def test_a_backup_that_is_hidden_while_it_is_judged_is_marked_from_its_versions(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hold came late, and the lifecycle between the listing and the second look at the record."""
    truth = oldest(world)
    collected(world)
    world.hold(truth.name.user, truth.name.backup_id)
    world.pass_time(21)
    get, asked = world.store.get, 0

    def get_late(key: str, start: int = 0, length: int | None = None) -> Future[Buffer]:
        nonlocal asked
        asked += key == commit_key(*truth.name)
        if asked == 2 and world.time.hour == 22:
            world.pass_time(2)
        return get(key, start, length)

    monkeypatch.setattr(world.store, "get", get_late)
    report = collected(world)
    assert (asked >= 2, report.counts["backups_rescue"]) == (True, 1)
    world.restore(truth)
