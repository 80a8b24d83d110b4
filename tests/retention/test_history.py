"""Plans that did not arrive whole, or are damaged: an older one counts, people are told, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from functions.contract.object_keys import COLLECTIONS, DONE_NAME, PLAN_NAME, collection_key, plan_part_key
from functions.engine.retention.expired import expired_backups
from functions.engine.retention.history import drained_packs, load_history, no_targets
from functions.engine.retention.pack_table import Fate, PackTable
from functions.engine.retention.plan import BACKUPS, KINDS, PACKS, Plan
from functions.engine.retention.verdicts import pack_verdict
from tests.retention.collecting import collected, ripe_world
from tests.retention.world import USERS, World

Harm = Callable[[World, Plan], object]


def newest(world: World) -> Plan:
    """Give the plan that counts."""
    plan = load_history(world.store).last
    assert plan is not None
    return plan


@pytest.fixture
def world() -> World:
    """Three nights, each with its collection; the last one condemned the backups of the first night."""
    return ripe_world()


def lose(world: World, plan: Plan, name: str) -> None:
    """Let an object of a plan never have come."""
    del world.store.objects[collection_key(plan.collection, name)]


def part_of(world: World, plan: Plan, kind: str) -> str:
    """Give the key of a part."""
    number = next(part["number"] for part in plan.head["parts"] if part["kind"] == kind)
    key = plan_part_key(plan.collection, number)
    assert world.store.current(key) is not None
    return key


def damage(world: World, key: str) -> None:
    """Let an object be another one."""
    world.store.objects[key][-1].data = b"damaged"


def damage_parts(world: World, plan: Plan) -> None:
    """Damage what is said of backups and of packs."""
    for kind in (BACKUPS, PACKS):
        damage(world, part_of(world, plan, kind))


HARMS: dict[str, Harm] = {
    "a part is missing": lambda world, plan: world.store.objects.pop(part_of(world, plan, BACKUPS)),
    "parts are damaged": damage_parts,
    "its head is missing": lambda world, plan: lose(world, plan, PLAN_NAME),
    "its head is damaged": lambda world, plan: damage(world, collection_key(plan.collection, PLAN_NAME)),
    "its end is damaged": lambda world, plan: damage(world, collection_key(plan.collection, DONE_NAME)),
}


@pytest.mark.parametrize("harm", HARMS)
def test_an_older_plan_counts_and_people_are_told(world: World, harm: str) -> None:
    """The collection goes on, lets go of nothing before all waits are over again, and says so."""
    before = newest(world)
    collected(world)
    broken = newest(world)
    HARMS[harm](world, broken)
    history = load_history(world.store)
    assert history.last == before
    assert [item.collection for item in history.unusable] == [broken.collection]
    world.pass_time(24)
    report = collected(world)
    (said,) = report.refused
    assert said.startswith(f"the plan of collection {broken.collection} cannot be followed (")
    assert said.endswith("an older one counts, and all waits begin anew")
    assert (report.counts["backups_expire"], report.counts["packs_expire"]) == (0, 0)
    assert newest(world).collection == report.collection
    world.settle()


@pytest.mark.parametrize("harm", HARMS)
def test_whoever_fills_tables_goes_on_with_an_older_plan(world: World, harm: str) -> None:
    """What that one let go is offered to nobody, and no index leads to what it condemned."""
    collected(world)
    world.pass_time(24)
    gone, condemned = expired_backups(world.store), no_targets(world.store)
    assert len(gone) == len(USERS)
    drained = drained_packs(world.store)
    collected(world)
    HARMS[harm](world, newest(world))
    assert expired_backups(world.store) == gone
    assert no_targets(world.store) >= condemned
    assert drained_packs(world.store) >= drained


def test_what_a_lost_plan_had_tagged_is_untagged_when_it_is_kept(world: World) -> None:
    """A hold comes, and nobody knows any more that its backup was expired."""
    truth = min(world.truths.values(), key=lambda item: item.name)
    collected(world)
    assert truth.name in world.gone
    world.store.objects.pop(part_of(world, newest(world), BACKUPS))
    world.hold(truth.name.user, truth.name.backup_id)
    report = collected(world)
    assert report.counts["backups_rescue"] == 1
    assert truth.name not in world.gone
    world.restore(truth)


def test_packs_that_a_lost_plan_may_have_tagged_count_as_tagged(world: World) -> None:
    """Those that the plan before it had condemned, and no others; they wait anew."""
    collected(world)
    condemned = {line["pack"] for line in newest(world).lines(world.store, PACKS) if line["fate"] == "CONDEMN"}
    world.pass_time(24)
    collected(world)
    assert condemned
    lose(world, newest(world), PLAN_NAME)
    table = PackTable.list(world.store)
    load_history(world.store).enter_packs(world.store, table)
    facts = [table.facts(position) for position in range(len(table))]
    assert {item.pack for item in facts if item.tagged} == condemned
    for item in facts:
        if item.tagged:
            assert pack_verdict(item._replace(live=True), 1.0, world.time, world.safety).fate is Fate.RESCUE
            assert pack_verdict(item, 1.0, world.time, world.safety).fate is Fate.CONDEMN


def test_two_broken_plans_in_a_row_leave_the_one_before(world: World) -> None:
    """And without any that can be followed, everything begins anew."""
    before = newest(world)
    for _ in range(2):
        collected(world)
        world.store.objects.pop(part_of(world, newest(world), BACKUPS))
        world.pass_time(1)
    history = load_history(world.store)
    assert history.last == before
    assert len(history.unusable) == 2
    for key in [key for key in world.store.objects if key.startswith(COLLECTIONS)]:
        damage(world, key)
    assert load_history(world.store).last is None
    report = collected(world)
    assert report.counts["backups_expire"] == 0
    assert len(report.refused) > 2
    world.settle()


def test_a_collection_that_died_before_its_plan_was_there_is_no_trouble(world: World) -> None:
    """It did nothing, so nobody is told, and no wait begins anew."""
    collected(world)
    world.pass_time(1)
    collected(world)
    broken = newest(world)
    lose(world, broken, PLAN_NAME)
    lose(world, broken, DONE_NAME)
    history = load_history(world.store)
    assert (history.unusable, history.doubtful) == ((), False)


def test_only_parts_that_are_asked_for_are_read(world: World) -> None:
    """Workers ask for drained packs every hour."""
    damage(world, part_of(world, newest(world), BACKUPS))
    assert load_history(world.store, ()).unusable == ()
    assert load_history(world.store, (BACKUPS,)).unusable
    assert load_history(world.store, KINDS).unusable
