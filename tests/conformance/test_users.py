"""Users and Drills: every adapter keeps the ports' promises, also when calls are throttled and answers are lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from functions.contract.object_keys import encode_name
from functions.contract.states import DrillState
from functions.engine.orchestration.ports import DrillResult, Users, UserState
from tests.conformance.records import EXPIRES, LATER, NAMES, NOW, DrillsView, commit

SOURCE = "sales.reports"
DAY = timedelta(days=1)


def test_a_source_without_users_has_none(users: Users) -> None:
    """Nor does it see those of another."""
    users.backed_up(replace(commit(), source="other"))
    assert list(users.all(SOURCE)) == []


def test_the_last_backup_of_a_user_is_known(users: Users) -> None:
    """Noted twice it is the same; the first one that was noted stays known too."""
    for _ in range(2):
        users.backed_up(commit())
    first = UserState("alice", commit().backup_id, NOW, 3, "clients/", first=NOW)
    assert list(users.all(SOURCE)) == [first]
    newer = commit(number=2, started=NOW + DAY)
    users.backed_up(newer)
    assert list(users.all(SOURCE)) == [replace(first, backup_id=newer.backup_id, good=NOW + DAY)]


def test_nothing_goes_back_in_time(users: Users) -> None:
    """A message that comes late changes nothing."""
    users.backed_up(commit(number=2, started=NOW + DAY))
    users.proven(SOURCE, "alice", NOW + DAY)
    before = list(users.all(SOURCE))
    users.backed_up(commit(number=1))
    users.backed_up(commit(number=3, started=NOW + DAY))
    users.proven(SOURCE, "alice", NOW)
    assert list(users.all(SOURCE)) == before
    assert (before[0].good, before[0].proven) == (NOW + DAY, NOW + DAY)


def test_proof_and_backup_do_not_touch_each_other(users: Users) -> None:
    """In either order."""
    users.proven(SOURCE, "alice", LATER)
    assert list(users.all(SOURCE)) == [UserState("alice", proven=LATER)]
    users.backed_up(commit())
    state = UserState("alice", commit().backup_id, NOW, 3, "clients/", LATER, NOW)
    assert list(users.all(SOURCE)) == [state]
    users.proven(SOURCE, "alice", LATER + DAY)
    assert list(users.all(SOURCE)) == [replace(state, proven=LATER + DAY)]


def test_users_are_given_in_the_order_of_their_encoded_names(users: Users) -> None:
    """Whatever their names are."""
    for name in NAMES:
        users.backed_up(commit(name))
    assert [state.user for state in users.all(SOURCE)] == sorted(NAMES, key=encode_name)


def test_a_drill_is_kept_for_the_auditor(drills: DrillsView) -> None:
    """Recorded twice it is one; an error is cut to what a person reads."""
    proven = DrillResult(SOURCE, "alice", commit().backup_id, NOW, DrillState.PROVEN, 3, 2**40)
    failed = replace(proven, when=LATER, state=DrillState.FAILED, error="x" * 500_000)
    for result in (proven, failed, proven, failed):
        drills.port.record(result, EXPIRES)
    first, second = sorted(drills.seen(), key=lambda item: str(item["timestamp"]))
    assert first == {
        "userId": "sales%2Ereports/alice",
        "timestamp": "2026-11-20T02:00:00Z",
        "backupId": "20261120T020000Z-00000001",
        "status": "PROVEN",
        "fileCount": 3,
        "totalSize": 2**40,
        "expirationTime": int(EXPIRES.timestamp()),
    }
    assert (second["status"], len(str(second["error"]))) == ("FAILED", 4_000)
