"""Collections as the tests ask for them, in a world where the first night's backups are due."""

from __future__ import annotations

import json

from functions.contract.object_keys import (
    COLLECTIONS,
    PLAN_NAME,
    commit_key,
)
from functions.engine.retention.ports import CollectorPorts
from functions.engine.retention.settings import CollectionReport
from tests.retention.happenings import Truth
from tests.retention.world import FILES, USERS, World


def ripe_world() -> World:
    """Three nights: the first one's backups are due."""
    made = World()
    for user in USERS:
        made.put(user, FILES[2], 0)
    for night in range(3):
        made.night(night)
        made.collect()
        made.check()
        made.pass_time(24)
    return made


def ports_of(world: World) -> CollectorPorts:
    """Give the ports of a collection."""
    return CollectorPorts(world.store, world.store, world.targets, world.ids)


def collected(world: World) -> CollectionReport:
    """Do a collection that comes to its end."""
    report = world.collect()
    assert report is not None
    world.check()
    return report


def plan_of(world: World, report: CollectionReport) -> dict[str, object]:
    """Read `plan.json`."""
    document: dict[str, object] = json.loads(world.store.data(f"{COLLECTIONS}{report.collection}/{PLAN_NAME}"))
    return document


def oldest(world: World) -> Truth:
    """Give the oldest backup of the first user."""
    return min((truth for truth in world.truths.values()), key=lambda truth: truth.name)


def until_hidden(world: World) -> Truth:
    """Let the oldest backup be expired and hidden."""
    truth = oldest(world)
    collected(world)
    world.pass_time(24)
    world.check()
    assert world.store.current(commit_key(*truth.name)) is None
    return truth
