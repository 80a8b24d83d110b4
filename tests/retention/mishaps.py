"""What happens to a repository from outside: a copy to which not all came, and settings that are changed."""

from __future__ import annotations

from dataclasses import replace

from functions.contract.object_keys import COLLECTIONS, incomplete_key
from functions.engine.arrival import Incomplete
from functions.engine.arrival import note_incomplete as note
from tests.retention.world import DAY, World


def note_incomplete(world: World, user: str) -> None:
    """Note of a user's newest backup that it did not arrive whole, as whoever takes a copy over does."""
    mine = [truth for truth in world.there() if truth.name.user == user]
    if mine:
        truth = max(mine, key=lambda item: item.name)
        note(world.store, Incomplete(truth.name, 1, 0, noted=False))
        key = incomplete_key(*truth.name)
        truth.needed[key] = world.store.data(key)
        world.noted.add(truth.name)


def lose_plan(world: World, number: int) -> None:
    """Lose an object of the newest plan, as a copy does to which it never came."""
    keys = [key for key in world.store.objects if key.startswith(COLLECTIONS)]
    newest = sorted(key for key in keys if key.rpartition("/")[0] == max(keys).rpartition("/")[0])
    if newest:
        del world.store.objects[newest[number % len(newest)]]
        world.departures.forgotten = world.lost_plan
        world.lost_plan = True


def change_lock(world: World, days: int) -> None:
    """Let the bucket lock what is new for so many days from now on."""
    world.locked_shorter |= days < world.lock_days
    world.lock_days = days
    world.store.lock_for(days * DAY)
    world.settings = replace(world.settings, lock_days=days)
