"""Restores that need packs from an archive class: thawed first, waited for, and gone on with."""

from __future__ import annotations

from datetime import timedelta

import pytest

from functions.engine.orchestration.archive import Tier
from tests.runtime.restore_kit import ID, Recovery, contents, filled, little_after


def frozen(place: str = "GLACIER") -> Recovery:
    """Give a repository with some packs in an archive class."""
    recovery = filled()
    for pack in recovery.world.packs()[:2]:
        recovery.archive.frozen[pack] = place
    return recovery


@pytest.mark.parametrize(
    ("place", "tier", "hours"),
    [("GLACIER", Tier.STANDARD, 5), ("DEEP_ARCHIVE", Tier.STANDARD, 12), ("DEEP_ARCHIVE", Tier.BULK, 48)],
)
def test_archived_packs_are_thawed_first(place: str, tier: Tier, hours: int) -> None:
    """Nothing is sent before they can be read; the answer says when that may be."""
    recovery = frozen(place)
    told = recovery.request(request_id=ID, thaw_tier=tier.value)
    assert told["status"] == "THAWING"
    assert told["estimate"]["archived_packs"] == 2
    assert told["estimate"]["thaw_hours"] == hours
    assert told["eta"] >= (recovery.clock() + timedelta(hours=hours)).isoformat()[:16]
    assert {(pack, given) for pack, given, _ in recovery.archive.asked} == {
        (pack, tier) for pack in recovery.archive.frozen
    }
    recovery.ask({"poll": True})
    assert (recovery.queue.sent, recovery.ledger.get(ID).status) == ([], "THAWING")
    recovery.archive.finish()
    recovery.ask({"poll": True})
    assert recovery.ledger.get(ID).status == "RUNNING"
    recovery.work()
    assert contents(recovery) == recovery.world.content()


def test_a_dry_run_thaws_nothing() -> None:
    """It says what it would take."""
    recovery = frozen()
    told = recovery.request(dry_run=True)
    assert told["estimate"]["archived_packs"] == 2
    assert recovery.archive.asked == []


def test_only_what_is_wanted_is_thawed() -> None:
    """Another user's packs stay where they are."""
    recovery = frozen()
    assert recovery.request(users=["user2"])["status"] == "RUNNING"
    assert recovery.archive.asked == []


def test_one_pack_that_still_thaws_keeps_the_restore_waiting() -> None:
    """A worker would meet a pack that cannot be read."""
    recovery = frozen()
    recovery.request(request_id=ID)
    for pack in recovery.archive.frozen:
        assert recovery.ledger.get(ID).status == "THAWING"
        recovery.archive.finish([pack])
        recovery.ask({"poll": True})
    assert recovery.ledger.get(ID).status == "RUNNING"


def test_a_copy_that_vanished_is_asked_for_again() -> None:
    """Thawed copies last for some days, and a restore may wait for others."""
    recovery = frozen()
    recovery.request(request_id=ID)
    recovery.archive.forget()
    recovery.ask({"poll": True})
    assert recovery.ledger.get(ID).status == "THAWING"
    assert len(recovery.archive.asked) > 2
    while recovery.ledger.get(ID).status == "THAWING":
        recovery.archive.finish()
        recovery.ask({"poll": True})
    recovery.work()
    assert recovery.ledger.get(ID).status == "COMPLETED"


def test_thawing_goes_on_by_itself_when_the_time_is_up() -> None:
    """Asking for the packs, and looking at them later."""
    recovery = frozen()
    recovery.left = 60.0
    recovery.request(request_id=ID)
    recovery.go_on()
    assert recovery.ledger.get(ID).status == "THAWING"
    assert len(recovery.archive.asked) == 2
    recovery.archive.finish()
    recovery.clock.pass_by(hours=5)
    recovery.ask({"poll": True}, left=little_after(2))
    assert recovery.go_on() >= 2
    assert recovery.ledger.get(ID).status == "RUNNING"
