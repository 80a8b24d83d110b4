"""Locks where what is known of them is wrong: other days, another bucket, a refusal. Nothing runs out for it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from functions.adapters.memory import answered
from functions.contract.object_keys import PACKS, commit_key
from functions.engine.errors import AccessError, CredentialsError, StrongroomError
from functions.engine.retention.history import load_history
from functions.engine.retention.locks import lock_plan
from functions.engine.safety import DEFAULT_SAFETY
from tests.retention.collecting import collected, ripe_world
from tests.retention.world import DAY, LOCK_DAYS, USERS, World

BORN = datetime(2026, 11, 20, 2, tzinfo=UTC)
Extend = Callable[[str, datetime], Future[None]]


@pytest.fixture
def world() -> World:
    """Two nights, each with its collection, and half a day more: a collection would extend nothing."""
    made = World()
    made.settings = replace(made.settings, bucket="repository")
    for night in range(2):
        made.night(night)
        collected(made)
        made.pass_time(12)
    return made


def kept(world: World) -> set[str]:
    """Give the keys of whatever the backups that are there need."""
    return {key for truth in world.there() for key in truth.needed}


def shortest(world: World) -> timedelta:
    """Give how long the shortest lock of them still runs."""
    versions = [world.store.current(key) for key in kept(world)]
    ends = [version.locked_until for version in versions if version is not None]
    return min(end for end in ends if end is not None) - world.time


def refusing(extend: Extend, key: str, error: StrongroomError) -> Extend:
    """Give what refuses the lock of one object."""

    def fail() -> None:
        raise error

    return lambda asked, until: answered(fail) if asked == key else extend(asked, until)


def test_more_days_of_lock_reach_what_was_born_before(world: World) -> None:
    """In the next collection, once. What it was born with is not what the new setting says."""
    days = LOCK_DAYS + 20
    world.store._lock_time = days * DAY
    world.settings = replace(world.settings, lock_days=days)
    assert shortest(world) < LOCK_DAYS * DAY
    report = collected(world)
    assert report.counts["locks_extended"] >= len(kept(world))
    for key in kept(world):
        version = world.store.current(key)
        assert version is not None
        assert version.locked_until is not None
        assert version.locked_until >= version.modified + days * DAY
    assert collected(world).counts["locks_extended"] == 0


def test_the_first_collection_in_a_copy_asks_for_all_locks(world: World) -> None:
    """The plan that came with the copy speaks of the original. Nothing goes before it has waited here."""
    collected(world)
    assert collected(world).counts["locks_extended"] == 0
    for key in kept(world):
        version = world.store.current(key)
        assert version is not None
        version.locked_until = world.time
    world.settings = replace(world.settings, bucket="copy")
    report = collected(world)
    assert report.counts["locks_extended"] >= len(kept(world))
    assert shortest(world) >= DAY
    assert collected(world).counts["locks_extended"] == 0


def test_in_a_copy_all_waits_begin_anew() -> None:
    """Who knows what was done meanwhile where it came from."""
    world = ripe_world()
    world.settings = replace(world.settings, bucket="copy")
    report = collected(world)
    assert report.refused == []
    assert report.counts["backups_expire"] == 0
    assert report.counts["backups_condemn"] >= len(USERS)
    world.pass_time(24)
    assert collected(world).counts["backups_expire"] == report.counts["backups_condemn"]
    world.settle()


@pytest.mark.parametrize("what", ["a pack", "a commit record"])
def test_a_lock_that_is_refused_is_counted_and_the_others_are_extended(
    world: World, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Somebody is told, and every collection asks again until it is granted."""
    name = max(world.truths)
    packs = [key for key in world.truths[name].needed if key.startswith(PACKS)]
    key = packs[0] if what == "a pack" else commit_key(*name)
    world.pass_time(26)
    world.night(2)
    with monkeypatch.context() as patched:
        denied = AccessError(f"lock {key}: refused")
        patched.setattr(world.store, "extend", refusing(world.store.extend, key, denied))
        for least in (1, len(kept(world)) - 1):
            report = world.collect()
            assert report is not None
            assert report.refused == [f"1 locks could not be extended: lock {key}: refused"]
            assert report.counts["locks_refused"] == 1
            assert report.counts["locks_extended"] >= least
        history = load_history(world.store)
        assert history.last is not None
        assert history.last.done is not None
        assert history.last.done["locks_refused"] == 1
    report = collected(world)
    assert (report.refused, report.counts["locks_refused"]) == ([], 0)
    version = world.store.current(key)
    assert version is not None
    assert version.locked_until is not None
    assert version.locked_until > world.time + DAY
    assert collected(world).counts["locks_extended"] == 0


def test_credentials_that_have_ended_end_a_collection(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else would be granted either."""
    key = next(key for key in kept(world) if key.startswith(PACKS))
    world.pass_time(26)
    monkeypatch.setattr(world.store, "extend", refusing(world.store.extend, key, CredentialsError("expired")))
    with pytest.raises(CredentialsError):
        world.collect()


@pytest.mark.parametrize(("age", "days"), [(0, 30), (5, 30), (23, 30), (24, 40), (33, 40), (34, 50)])
def test_the_full_end_is_that_of_birth_or_the_step_that_is_due(age: int, days: int) -> None:
    """Thirty days at birth, then ten more whenever less than a week is left."""
    plan = lock_plan(30, DEFAULT_SAFETY)
    assert plan.full(BORN, BORN + age * DAY) == BORN + days * DAY
