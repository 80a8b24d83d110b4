"""Erasure: the order, what it covers, what is counted of a user, and by when it is gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.adapters.memory import MemoryBlobStore
from functions.contract.object_keys import (
    ERASURE_WITHDRAWN_NAME,
    ORDER_NAME,
    erasure_key,
    pack_key,
    parse_erasure_key,
    parse_write_off_key,
    write_off_key,
)
from functions.engine.errors import ConflictError, CorruptionError, NotFoundError
from functions.engine.retention.decide import decide
from functions.engine.retention.erasure import (
    erased_users,
    find_erasure,
    is_withdrawn,
    order_erasure,
    parent_of,
    read_erasures,
    report_of,
    withdraw_erasure,
)
from functions.engine.retention.erasure_dates import Protection, Timetable
from functions.engine.retention.erasure_report import State, state_of
from functions.engine.retention.erasure_survey import Share, survey_user
from functions.engine.retention.expired import expired_backups
from functions.engine.retention.holds import Author
from functions.engine.retention.policy import Candidate, Erasure, RetentionPolicy, Rule
from functions.engine.retention.ports import Version
from tests.engine.kit import World
from tests.engine.retention.test_retention import HOUR, candidate

NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)
DAY = timedelta(days=1)
ORDER = Erasure("20261119T120000Z-0000000e", "s", "ünï/çode", "article 17")
AUTHOR = Author("ann", "article 17")
_names = st.text(min_size=1, max_size=20)


@given(_names, _names)
def test_keys_of_orders_are_read_back(source: str, user: str) -> None:
    """Whatever the names are; and no other key is one."""
    try:
        source.encode(), user.encode()
    except UnicodeEncodeError:
        return
    key = erasure_key(source, user, ORDER.erasure_id, ORDER_NAME)
    assert parse_erasure_key(key) == (source, user, ORDER.erasure_id, ORDER_NAME)
    assert parse_erasure_key(key + "x") is None
    assert parse_erasure_key(key.replace("erasures/", "holds/")) is None
    written_off = write_off_key(source, user, ORDER.erasure_id)
    assert parse_write_off_key(written_off) == (source, user, ORDER.erasure_id, ORDER_NAME)
    assert parse_write_off_key(key) is None


def test_an_order_is_read_until_it_is_withdrawn() -> None:
    """Its report is there before it; a withdrawal is for good."""
    store = MemoryBlobStore()
    order_erasure(store, ORDER, AUTHOR, {"found": 7})
    assert read_erasures(store).of("s", "ünï/çode") == [ORDER]
    assert read_erasures(store).of("s", "other") == ()
    assert (find_erasure(store, ORDER.erasure_id), report_of(store, ORDER)["found"]) == (ORDER, 7)
    assert not is_withdrawn(store, ORDER)
    withdraw_erasure(store, ORDER, AUTHOR, NOW)
    assert read_erasures(store).by_user == {}
    assert is_withdrawn(store, ORDER)
    assert erased_users(store, "s") == ["ünï/çode"]
    with pytest.raises(ConflictError, match="was withdrawn before"):
        withdraw_erasure(store, ORDER, AUTHOR, NOW)
    with pytest.raises(NotFoundError, match="there is no erasure"):
        withdraw_erasure(store, Erasure(ORDER.erasure_id, "s", "bob", ""), AUTHOR, NOW)
    with pytest.raises(NotFoundError, match="there is no erasure"):
        find_erasure(store, "20261119T120000Z-00000001")


def test_an_order_without_a_report_is_none() -> None:
    """Whoever died between the two has ordered nothing."""
    store = MemoryBlobStore()
    order_erasure(store, ORDER, AUTHOR, {})
    store.blobs.pop(erasure_key(ORDER.source, ORDER.user, ORDER.erasure_id, ORDER_NAME))
    assert read_erasures(store).by_user == {}


@pytest.mark.parametrize("data", [b"?", b"{}", b"[]", b'{"format": 2, "reason": "x"}', b'{"format": 1}'])
def test_an_order_that_cannot_be_read_erases_nothing_and_is_named(data: bytes) -> None:
    """What is kept by mistake can be let go later; the other way round it cannot be undone."""
    store = MemoryBlobStore()
    order_erasure(store, ORDER, AUTHOR, {})
    store.blobs[erasure_key(ORDER.source, ORDER.user, ORDER.erasure_id, ORDER_NAME)] = data
    assert read_erasures(store) == ({}, [ORDER.erasure_id])
    if data != b'{"format": 1}':
        with pytest.raises(CorruptionError, match="cannot be read"):
            find_erasure(store, ORDER.erasure_id)


def test_several_orders_of_several_users_are_told_apart() -> None:
    """One is withdrawn, the others stand."""
    store = MemoryBlobStore()
    orders = [Erasure(f"2026111{n}T120000Z-0000000e", "s", user, "x") for user in ("a", "b") for n in range(3)]
    for order in orders:
        order_erasure(store, order, AUTHOR, {})
    withdraw_erasure(store, orders[1], AUTHOR, NOW)
    found = read_erasures(store)
    assert [order.erasure_id for order in found.of("s", "a")] == [orders[0].erasure_id, orders[2].erasure_id]
    assert found.of("s", "b") == orders[3:]
    assert erasure_key("s", "a", orders[1].erasure_id, ERASURE_WITHDRAWN_NAME) in store.blobs


_backups = st.lists(
    st.builds(
        candidate,
        st.timedeltas(-2 * DAY, 400 * DAY),
        st.integers(0, 2**32 - 1),
        complete=st.booleans(),
        readable=st.booleans(),
    ),
    max_size=20,
    unique_by=lambda item: item.backup.backup_id,
)


@given(_backups, st.integers(1, 100), st.integers(0, 5))
def test_nothing_that_is_erased_is_kept_and_nothing_else_is_touched(
    backups: list[Candidate], days: int, weekly: int
) -> None:
    """What is not covered is decided as if the rest had never been."""
    policy = RetentionPolicy(days, weekly=weekly)
    order = Erasure("20261110T000000Z-00000000", "s", "u", "x")
    found = decide(backups, policy, [], NOW, HOUR, [order])
    erased = [item for item in found if Rule.ERASURE in item.rules]
    assert {item.candidate for item in erased} == {item for item in backups if order.covers(item.taken, item.written)}
    assert not any(item.keep for item in erased)
    others = [item.candidate for item in found if Rule.ERASURE not in item.rules]
    assert [item for item in found if Rule.ERASURE not in item.rules] == decide(others, policy, [], NOW, HOUR)


def test_nobody_builds_on_what_was_ever_erased(world: World) -> None:
    """Not even when the order was withdrawn: a collection may have followed it meanwhile."""
    world.source.put("alice/a", b"some bytes")
    first = world.back_up("alice").record
    job = world.job("alice")
    assert parent_of(world.store, job.source, "alice") == (job.source, "alice", first.backup_id)
    order = Erasure(f"{world.clock():%Y%m%dT%H%M%SZ}-0000000e", job.source, "alice", "x")
    order_erasure(world.store, order, AUTHOR, {})
    assert parent_of(world.store, job.source, "alice") is None
    assert expired_backups(world.store) == {(job.source, "alice", first.backup_id)}
    withdraw_erasure(world.store, order, AUTHOR, NOW)
    assert expired_backups(world.store) == frozenset()
    assert parent_of(world.store, job.source, "alice") is None
    assert parent_of(world.store, job.source, "bob") is None


def test_a_survey_tells_his_chunks_from_those_of_others(world: World) -> None:
    """Users of one run share packs, and some of the bytes."""
    world.source.put("alice/own", b"only alice has this")
    world.source.put("alice/both", b"everybody has this")
    world.source.put("bob/both", b"everybody has this")
    world.source.put("bob/own", b"only bob has this")
    with world.session() as session:
        session.backup(world.job("alice"))
        session.backup(world.job("bob"))
    seen: list[int] = []
    source = world.job("alice").source
    found = survey_user(world.store, source, "alice", seen.append)
    assert [name.user for name in found.backups] == ["alice"]
    assert {share.value: amount.number for share, amount in found.chunks.items()} == {
        "alone": found.chunks[Share.ALONE].number,
        "beside others": 1 - found.chunks[Share.ALONE].number,
        "shared": 1,
    }
    assert set(found.packs) == set(found.own) | found.mixed
    assert (found.damaged, bool(seen)) == ([], True)
    assert survey_user(world.store, source, "alice", seen.append, chunks=False).chunks == {}
    assert survey_user(world.store, source, "nobody", seen.append).backups == []


def test_a_survey_names_what_it_cannot_read(world: World) -> None:
    """It counts the rest."""
    world.source.put("alice/own", b"only alice has this")
    record = world.back_up("alice").record
    key = next(key for key in world.store.blobs if key.endswith(".jsonl.zst"))
    world.store.blobs[key] = b"x"
    found = survey_user(world.store, record.source, "alice", lambda _count: None)
    assert len(found.damaged) == 1
    assert set(found.packs) == set(record.packs)
    assert all(pack_key(pack) in world.store.blobs for pack in found.own)


def test_the_dates_come_one_after_the_other_and_no_lock_outlasts_them() -> None:
    """A lock that was extended every ten days while the object waited is the last to end."""
    for lock_days, undelete in ((1, 1), (30, 14), (60, 60)):
        table = Timetable(NOW, Protection("COMPLIANCE", lock_days, undelete))
        steps = [NOW, table.condemned, table.backups_let_go, table.packs_let_go, table.hidden]
        assert all(before < after for before, after in pairwise(steps))
        for age in range(0, 200, 7):
            gone = table.packs_gone([NOW - age * DAY])
            assert gone is not None
            assert gone >= table.hidden + undelete * DAY
            assert gone >= NOW - age * DAY + lock_days * DAY
        assert table.packs_gone([]) is not None


def test_without_a_lifecycle_there_is_no_day_and_without_a_lock_no_wait_for_it() -> None:
    """What the bucket does not have is not assumed."""
    assert Timetable(NOW, Protection("GOVERNANCE", 30, None)).packs_gone([NOW]) is None
    unlocked = Timetable(NOW, Protection(None, 0, 14))
    assert unlocked.packs_gone([NOW]) == unlocked.packs_gone([NOW - 100 * DAY])


@pytest.mark.parametrize(
    ("versions", "state"),
    [
        ([], State.GONE),
        ([Version("1", NOW, 0, marker=True)], State.GONE),
        ([Version("2", NOW, 0, marker=True), Version("1", NOW, 5, expired=True)], State.HIDDEN),
        ([Version("1", NOW, 5, expired=True)], State.LET_GO),
        ([Version("2", NOW, 5), Version("1", NOW, 5, expired=True)], State.THERE),
    ],
)
def test_what_is_left_follows_from_the_versions(versions: list[Version], state: State) -> None:
    """Hidden is not gone."""
    assert state_of(versions) is state
