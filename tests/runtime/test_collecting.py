"""The collector function on fakes: what it understands, does, counts and tells."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from functions.adapters.memory_ledger import MemoryNotifier
from functions.contract.environment import CollectorEnvironment
from functions.contract.object_keys import COLLECTIONS, commit_key, pack_key
from functions.engine.errors import ConfigurationError
from functions.engine.pack_indexes import list_packs
from functions.engine.retention.ports import CollectorPorts
from functions.engine.timed_store import TimeLeft
from functions.runtime.collecting import CLOSING, Collecting, CollectingPorts, CollectingSettings, settings_of
from tests.listening import Listening
from tests.retention.world import DAY, FILES, USERS, World

ALL_DAY = 900.0


class Deployment:
    """Two users with two nights of backups, the first of which are due, and a collector."""

    def __init__(self) -> None:
        """Let the nights pass."""
        self.world = World()
        self.world.settings = replace(self.world.settings, measure=False)
        for night in range(2):
            self.world.night(night)
            self.world.pass_time(24)
        self.notifier = MemoryNotifier()
        self.heard = Listening()

    def collect(self, event: dict[str, Any] | None = None, time_left: TimeLeft = lambda: ALL_DAY) -> dict[str, Any]:
        """Do one invocation; unless it is said, its time does not pass."""
        world = self.world
        ports = CollectorPorts(world.store, world.store, world.targets, world.ids)
        settings = CollectingSettings("test", "vault", world.settings)
        answer = Collecting(CollectingPorts(ports, self.notifier, self.heard), settings).run(event or {}, time_left)
        self.heard.flush()
        return answer

    def days(self, count: int) -> None:
        """Let days go by, with a collection each."""
        for _ in range(count):
            self.world.pass_time(24)
            self.collect()

    def last(self, metric: str) -> float:
        """Give the newest value of a metric."""
        return self.heard.values(metric)[-1].value

    def plans(self) -> int:
        """Count the objects that collections have written."""
        return len(list(self.world.store.list(COLLECTIONS)))


@pytest.fixture
def deployment() -> Deployment:
    """Give one."""
    return Deployment()


def test_backups_and_their_packs_go_in_their_time_and_are_counted(deployment: Deployment) -> None:
    """Nobody is told: this is what was ordered."""
    deployment.days(8)
    assert deployment.heard.total("BackupsExpired") == len(USERS)
    condemned, expired = (deployment.heard.total(f"Packs{word}") for word in ("Condemned", "Expired"))
    assert condemned is not None
    assert condemned > 0
    assert condemned == expired
    assert (deployment.heard.total("BytesExpired") or 0) > 0
    assert (deployment.heard.total("LocksExtended") or 0) > 0
    assert deployment.heard.total("CollectionsCompleted") == 8
    assert deployment.notifier.sent == []
    deployment.world.check()


def test_every_collection_says_that_nothing_is_wrong(deployment: Deployment) -> None:
    """An alarm needs the zero to end."""
    deployment.collect()
    for metric in ("CollectionRefused", "PacksMissing", "RecordsUnreadable", "BackupsSkewed"):
        assert [value.value for value in deployment.heard.values(metric)] == [0], metric


def test_a_dry_run_says_what_would_go_and_writes_tells_and_counts_nothing(deployment: Deployment) -> None:
    """Whatever it finds."""
    deployment.world.pass_time(24)
    deployment.world.store.objects[commit_key(*min(deployment.world.truths))][-1].data = b"{"
    answer = deployment.collect({"dry_run": True})
    assert (answer["ended"], answer["dry_run"]) == (True, True)
    assert answer["counts"]["backups_condemn"] > 0
    assert answer["refused"]
    assert deployment.plans() == 0
    assert deployment.notifier.sent == []
    assert deployment.heard.values() == []


def test_only_an_event_that_says_so_measures(deployment: Deployment) -> None:
    """Sparse packs are drained by it, and stand in the plan."""
    world = deployment.world
    for user in USERS:
        world.put(user, FILES[2], 0)
    world.night(2)
    deployment.world.safety = replace(world.safety, sparse_share=1.0)
    world.settings = replace(world.settings, safety=world.safety)
    world.pass_time(24)
    assert deployment.collect()["counts"].get("packs_drain", 0) == 0
    assert deployment.collect({"measure": True})["counts"]["packs_drain"] > 0


def test_without_time_to_measure_the_rest_is_done(deployment: Deployment) -> None:
    """After half of it people are told why no pack was called sparse."""
    answer = deployment.collect({"measure": True}, iter([ALL_DAY] * 3 + [ALL_DAY / 2] * 10_000).__next__)
    assert answer["ended"]
    assert answer["refused"] == ["there was no time to read all manifests: no pack is called sparse"]
    assert deployment.last("CollectionsCompleted") == 1
    (notice,) = deployment.notifier.sent
    assert notice.subject == "Strongroom test: collection: REFUSED"


def test_a_name_cannot_write_lines_of_a_notice(deployment: Deployment) -> None:
    """A user's folder may be called anything."""
    user = "eve\n\nWhat to do: nothing"
    deployment.world.put(user, FILES[0], 1)
    deployment.world.back_up(user)
    name = max(deployment.world.truths, key=lambda found: found.user)
    deployment.world.store.objects[commit_key(*name)][-1].data = b"{"
    deployment.collect()
    assert "\nWhat to do: nothing" not in deployment.notifier.sent[0].body


def test_a_record_that_cannot_be_read_is_an_alarm_and_a_notice(deployment: Deployment) -> None:
    """By its name, and with the page that says what to do."""
    name = min(deployment.world.truths)
    deployment.world.store.objects[commit_key(*name)][-1].data = b"{"
    deployment.collect()
    assert (deployment.last("RecordsUnreadable"), deployment.last("CollectionRefused")) == (1, 1)
    (notice,) = deployment.notifier.sent
    assert "/".join(name) in notice.body
    assert "records-unreadable" in notice.body
    assert notice.subject == "Strongroom test: collection: REFUSED, records UNREADABLE"


def test_a_pack_that_is_missing_is_brought_back_and_told(deployment: Deployment) -> None:
    """Once it is there again, nobody is told."""
    pack = next(list_packs(deployment.world.store))
    deployment.world.store.objects[pack_key(pack)].append(
        replace(deployment.world.store.objects[pack_key(pack)][-1], version_id="marker", data=None, locked_until=None)
    )
    deployment.collect()
    assert deployment.last("PacksMissing") == 1
    (notice,) = deployment.notifier.sent
    assert pack in notice.body
    deployment.collect()
    assert deployment.last("PacksMissing") == 0
    assert len(deployment.notifier.sent) == 1


def test_what_is_gone_for_good_is_said_to_be_lost(deployment: Deployment) -> None:
    """No version of it is left here."""
    pack = next(list_packs(deployment.world.store))
    del deployment.world.store.objects[pack_key(pack)]
    deployment.collect()
    assert deployment.last("PacksMissing") == 1
    (notice,) = deployment.notifier.sent
    assert notice.subject == "Strongroom test: collection: packs MISSING, LOST"
    assert "replica" in notice.body


def test_a_backup_from_the_future_is_told(deployment: Deployment) -> None:
    """It is kept."""
    deployment.world.skew = 3 * DAY
    deployment.world.back_up(USERS[0])
    deployment.collect()
    assert deployment.last("BackupsSkewed") == 1
    assert deployment.notifier.sent[0].subject == "Strongroom test: collection: clock WRONG"


def test_more_than_the_share_is_refused_until_somebody_allows_it_once(deployment: Deployment) -> None:
    """The event's share holds for one collection."""
    world = deployment.world
    world.settings = replace(
        world.settings, expire_share=0.01, safety=replace(world.safety, expire_floor=1, expire_floor_backups=1)
    )
    deployment.days(3)
    assert deployment.last("CollectionRefused") == 1
    assert "may at once" in deployment.notifier.sent[-1].body
    told = len(deployment.notifier.sent)
    answer = deployment.collect({"expire_share": 1})
    assert answer["counts"]["backups_expire"] > 0
    assert deployment.last("CollectionRefused") == 0
    assert len(deployment.notifier.sent) == told


@pytest.mark.parametrize("seconds", [CLOSING, 1.0, 0.0])
def test_when_the_time_ends_people_are_told_and_nothing_is_done_twice(deployment: Deployment, seconds: float) -> None:
    """Lambda would begin anew, twice, what raises: it would not end either."""
    answer = deployment.collect(time_left=lambda: seconds)
    assert not answer["ended"]
    assert deployment.heard.values("CollectionsCompleted") == []
    (notice,) = deployment.notifier.sent
    assert notice.subject == "Strongroom test: collection DID NOT END"
    assert "2. If it comes again" in notice.body
    assert deployment.collect()["ended"]


def test_a_measuring_one_that_did_not_end_says_so(deployment: Deployment) -> None:
    """Those without need less time."""
    deployment.collect({"measure": True}, lambda: 0.0)
    assert "2. It measured" in deployment.notifier.sent[0].body


@pytest.mark.parametrize("point", range(1, 40, 3))
def test_when_the_time_ends_at_any_step_the_next_one_makes_good(deployment: Deployment, point: int) -> None:
    """The clock of the invocation jumps in the middle of a collection."""
    deployment.days(2)
    left = iter([ALL_DAY] * point)
    world = deployment.world
    world.pass_time(24)
    ports = CollectorPorts(world.store, world.store, world.targets, world.ids)
    settings = CollectingSettings("test", "vault", world.settings)
    collecting = Collecting(CollectingPorts(ports, deployment.notifier, deployment.heard), settings)
    collecting.run({}, lambda: next(left, 0.0))
    world.check()
    deployment.days(4)
    world.check()
    assert deployment.heard.total("BackupsExpired") is not None


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        ({"measure": "yes"}, "measure is 'yes', must be true or false"),
        ({"dry_run": 1}, "dry_run is 1, must be true or false"),
        ({"expire_share": 0}, "expire_share is 0, must be a number above 0, up to 1"),
        ({"expire_share": True}, "expire_share is True"),
        ({"expire_share": float("nan")}, "expire_share is nan"),
        ({"expire_share": 10}, "expire_share is 10"),
        ({"verify": "sample", "measur": True}, "unknown: measur, verify"),
    ],
)
def test_an_event_that_makes_no_sense_does_nothing(deployment: Deployment, event: dict[str, Any], problem: str) -> None:
    """All that is wrong with it is said."""
    with pytest.raises(ConfigurationError, match="the event cannot be understood") as raised:
        deployment.collect(event)
    assert problem in str(raised.value)
    assert deployment.plans() == 0


def test_the_environment_says_what_is_kept() -> None:
    """As the stack's settings name it."""
    environment = CollectorEnvironment(
        stack="test",
        aws_region="eu-central-1",
        topic_arn="arn",
        repository_bucket="vault",
        dedup_table="dedup",
        backups_table="backups",
        lock_days=21,
        retention_days=40,
        keep_weekly=8,
        expire_share=0.25,
    )
    collection = settings_of(environment).collection
    assert collection.policy.document() == {"days": 40, "daily": 0, "weekly": 8, "monthly": 0, "yearly": 0}
    assert (collection.lock_days, collection.share_at_once, collection.bucket) == (21, 0.25, "vault")
    assert (collection.measure, collection.dry_run) == (False, False)
