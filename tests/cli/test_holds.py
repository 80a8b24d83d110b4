"""Holds: set, listed, released; and backups that are written off. One clear line for whatever makes no sense."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from functions.engine.retention.holds import read_holds
from functions.runtime.toolbox import Connection, Toolbox
from tests.cli.keeping import Office, make_office
from tests.cli.kit import World

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

REASON = ("--reason", "case 7")
ID = "20010101T000000Z-00000000"


@pytest.fixture
def office(s3: "S3Client", world: World, make_bucket: Callable[..., str]) -> Office:
    """A repository with three users."""
    return make_office(s3, world, make_bucket)


def test_a_hold_is_set_listed_and_released(office: Office) -> None:
    """Who and why stand beside it; what is released is listed on request only."""
    backup = office.backup_of("alice")
    one = office.about("hold", "alice", "--backup", backup, *REASON, "--by", "ann", "--json").document
    everything = office.about("hold", "alice", *REASON)
    assert everything.status == 0
    assert f"was held already: {one['hold']}" not in everything.err
    listed = {hold["hold"]: hold for hold in office("holds", "--json").document["holds"]}
    assert len(listed) == 2
    assert [listed[one["hold"]][name] for name in ("user", "backup", "by")] == ["alice", backup, "ann"]
    assert office("release", one["hold"], "--reason", "settled").status == 0
    assert len(office("holds", "--json").document["holds"]) == 1
    ended = [hold for hold in office("holds", "--released", "--json").document["holds"] if hold["released"]]
    assert [(hold["hold"], hold["released_reason"]) for hold in ended] == [(one["hold"], "settled")]
    assert "2 holds" in office("holds", "--released").out


def test_a_collection_heeds_what_the_tool_set(office: Office) -> None:
    """The objects are those that the engine reads."""
    office.about("hold", "bob", *REASON)
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    with Toolbox(Connection(endpoint=office.world.tool.endpoint), keys) as tools:
        [hold] = read_holds(tools.store(office.world.repository)).of(office.world.source, "bob")
    assert (hold.backup_id, hold.reason) == (None, "case 7")


def test_a_second_hold_says_that_there_is_one(office: Office) -> None:
    """Two cases may both need it, and each is released by itself."""
    first = office.about("hold", "alice", *REASON, "--json").document["hold"]
    again = office.about("hold", "alice", "--reason", "case 8")
    assert again.status == 0
    assert f"was held already: {first}: case 7. Each hold has to be released" in again.err


def test_what_does_not_exist_is_not_held(office: Office) -> None:
    """A hold on a misspelt name would keep nothing, and nobody would know."""
    for user, more in (("Alice", ()), ("alice", ("--backup", ID))):
        done = office.about("hold", user, *REASON, *more)
        assert (done.status, done.code) == (3, "BACKUP_NOT_FOUND")
    assert office("holds", "--json").document["holds"] == []


def test_a_hold_is_released_once(office: Office) -> None:
    """The second time says so, and an unknown one is no release."""
    hold = office.about("hold", "alice", *REASON, "--json").document["hold"]
    assert office("release", hold, *REASON).status == 0
    again = office("release", hold, *REASON)
    assert (again.status, again.code) == (8, "ALREADY_EXISTS")
    unknown = office("release", ID, *REASON)
    assert (unknown.status, unknown.code) == (3, "NOT_FOUND")
    assert "`strongroom holds` lists them" in unknown.err


def test_a_damaged_backup_is_written_off_once_and_a_good_one_never(office: Office) -> None:
    """A collection that waited for it lets go of packs again."""
    backup = office.backup_of("carol")
    good = office.about("write-off", "carol", backup, *REASON)
    assert (good.status, good.code) == (2, "CONFIG_INVALID")
    assert "can be read: there is nothing to write off" in good.err
    [key] = [key for key in office.world.commits() if "/carol/" in key]
    office.world.rewrite(key, lambda _: b"{}")
    blocked = office("collect", "plan", "--stack", "dev", "--json")
    assert blocked.status == 9
    assert "a commit record cannot be read" in blocked.document["refused"][0]
    assert office.about("write-off", "carol", backup, *REASON).status == 0
    assert office("collect", "plan", "--stack", "dev", "--json").status == 0
    again = office.about("write-off", "carol", backup, *REASON)
    assert (again.status, again.code) == (8, "ALREADY_EXISTS")
    none = office.about("write-off", "carol", ID, *REASON)
    assert (none.status, none.code) == (3, "BACKUP_NOT_FOUND")
