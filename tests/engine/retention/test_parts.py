"""The parts of a collection: keys, locks, plans, the table of packs, and the limit of a job."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from functions.adapters.memory import MemoryBlobStore
from functions.contract.object_keys import (
    HOLD_SET_NAME,
    PLAN_NAME,
    CollectionKey,
    HoldKey,
    collection_key,
    commit_key,
    hold_key,
    pack_key,
    parse_collection_key,
    parse_hold_key,
    plan_part_key,
)
from functions.engine.errors import BackupTooOldError, ConfigurationError, CorruptionError
from functions.engine.model import BlobInfo
from functions.engine.retention.locks import lock_plan
from functions.engine.retention.pack_table import Fate, PackFacts, PackTable, Past
from functions.engine.retention.plan import BACKUPS, DRAINED, PACKS, PART_LINES, PlanWriter, read_plan, write_done
from functions.engine.retention.verdicts import verdict_as_before
from functions.engine.safety import DEFAULT_SAFETY
from tests.engine.kit import World
from tests.strategies import pack_ids, texts

BORN = datetime(2026, 11, 20, 2, tzinfo=UTC)
DAY = timedelta(days=1)
COLLECTION = "20261120T020000Z-1f3a9c20"


@given(texts, texts)
def test_keys_of_holds_come_back(source: str, user: str) -> None:
    """Whatever the names hold."""
    key = hold_key(source, user, COLLECTION, HOLD_SET_NAME)
    assert parse_hold_key(key) == HoldKey(source, user, COLLECTION, HOLD_SET_NAME)


def test_keys_that_are_not_ours_are_not_taken_for_ours() -> None:
    """Other folders, other files, other spellings."""
    assert parse_collection_key(collection_key(COLLECTION, PLAN_NAME)) == CollectionKey(COLLECTION, PLAN_NAME)
    assert parse_collection_key(plan_part_key(COLLECTION, 7)) == CollectionKey(COLLECTION, "00007.jsonl.zst")
    for key in (f"gc/2026/{PLAN_NAME}", f"gx/{COLLECTION}/{PLAN_NAME}", f"gc/{COLLECTION}/a/b", "gc/"):
        assert parse_collection_key(key) is None
    for key in ("holds/", f"holds/s/u/{COLLECTION}/other", f"holds/s/a.b/{COLLECTION}/set.json", "packs/00/0"):
        assert parse_hold_key(key) is None


@given(
    days=st.integers(1, 400),
    age=st.timedeltas(timedelta(), 4_000 * DAY),
    gap=st.timedeltas(timedelta(), 30 * DAY),
)
@example(days=1, age=DAY, gap=DAY)
def test_a_lock_reaches_over_the_horizon_and_no_further_than_the_bucket_allows(
    days: int, age: timedelta, gap: timedelta
) -> None:
    """It never shrinks, and what was asked for before is not asked for again."""
    plan, now = lock_plan(days, DEFAULT_SAFETY), BORN + age
    end = plan.end(BORN, now)
    reach = (end or BORN + plan.birth) - now
    assert reach >= plan.horizon
    assert end is None or reach <= (days + 10) * DAY
    before = plan.end(BORN, now - gap)
    assert before is None or (end is not None and end >= before)
    assert plan.extension(BORN, now, None) == end
    assert plan.extension(BORN, now, now - gap) == (None if end == before else end)


def test_a_lock_costs_one_request_in_ten_days() -> None:
    """Looked at every day for a year."""
    plan = lock_plan(30, DEFAULT_SAFETY)
    asked = [plan.extension(BORN, BORN + day * DAY, BORN + (day - 1) * DAY if day else None) for day in range(365)]
    assert len([end for end in asked if end is not None]) == 35


def test_a_bucket_without_locks_is_refused() -> None:
    """A lock of no days is none."""
    with pytest.raises(ConfigurationError, match="locked for 0 days"):
        lock_plan(0, DEFAULT_SAFETY)


def test_a_plan_is_written_in_parts_and_read_back_in_order() -> None:
    """By kind; the head names each part."""
    store = MemoryBlobStore()
    writer = PlanWriter(store, COLLECTION)
    for number in range(PART_LINES + 1):
        writer.add(PACKS, {"pack": number})
        if number % 50_000 == 0:
            writer.add(BACKUPS, {"user": f"é{number}"})
    writer.add(DRAINED, {"pack": "x"})
    writer.finish({"began": "now"})
    plan = read_plan(store, COLLECTION, done=False)
    assert [part["lines"] for part in plan.head["parts"] if part["kind"] == PACKS] == [PART_LINES, 1]
    assert [line["pack"] for line in plan.lines(store, PACKS)] == list(range(PART_LINES + 1))
    assert [line["user"] for line in plan.lines(store, BACKUPS)] == ["é0", "é50000", "é100000"]
    assert list(plan.lines(store, DRAINED)) == [{"pack": "x"}]
    write_done(store, COLLECTION, {"finished": "later"})
    assert read_plan(store, COLLECTION, done=True).done == {"format": 1, "finished": "later"}


def test_a_part_that_was_changed_is_found() -> None:
    """Its SHA-256 stands in the plan."""
    store = MemoryBlobStore()
    writer = PlanWriter(store, COLLECTION)
    writer.add(PACKS, {"pack": "x"})
    writer.finish({})
    store.blobs[plan_part_key(COLLECTION, 0)] += b"x"
    with pytest.raises(CorruptionError, match="does not have the SHA-256"):
        list(read_plan(store, COLLECTION, done=False).lines(store, PACKS))


@given(st.sets(pack_ids, max_size=60))
def test_the_table_finds_every_pack_and_no_other(packs: set[str]) -> None:
    """Whatever their ids are."""
    table = PackTable(BlobInfo(pack_key(pack), 5, "2026-11-20T02:00:00.000Z") for pack in sorted(packs))
    assert len(table) == len(packs)
    assert [table.pack(position) for position in range(len(table))] == sorted(packs)
    for pack in packs:
        position = table.find(bytes.fromhex(pack))
        assert position is not None
        assert table.pack(position) == pack
    other = hashlib.sha256(repr(packs).encode()).digest()[:16]
    assert table.find(other) is None


@given(st.lists(st.tuples(st.integers(0, 9_000), st.integers(1, 3_000)), max_size=10))
def test_what_is_needed_of_a_pack_is_never_measured_too_small(ranges: list[tuple[int, int]]) -> None:
    """And it is too large by two 256ths for each range at most."""
    pack, size = "0f" * 16, 12_000
    table = PackTable([BlobInfo(pack_key(pack), size, "2026-11-20T02:00:00Z")], measured=True)
    needed: set[int] = set()
    for offset, stored in ranges:
        table.cover(pack, offset, stored)
        needed |= set(range(offset, offset + stored))
    assert len(needed) / size <= table.needed_share(0) <= len(needed) / size + 2 * len(ranges) / 256


def test_a_listing_that_is_not_sorted_is_refused() -> None:
    """Looking up depends on the order; what is no pack is left out."""
    blobs = [BlobInfo(pack_key(number * 32), 5, "2026-11-20T02:00:00Z") for number in "21"]
    with pytest.raises(CorruptionError, match="not sorted"):
        PackTable(blobs)
    assert len(PackTable([BlobInfo("packs/ab/README", 1, "2026-11-20T02:00:00Z")])) == 0


def test_the_table_keeps_what_it_is_told() -> None:
    """Past, wait, tag and fate of a pack."""
    table = PackTable([BlobInfo(pack_key("ab" * 16), 5, "2026-11-20T02:00:00Z")])
    table.remember(0, Past.CONDEMNED, BORN + DAY)
    table.remember_tag(0)
    table.decide(0, Fate.WAIT)
    assert table.facts(0) == ("ab" * 16, BORN, 5, False, Past.CONDEMNED, BORN + DAY, True)
    assert (list(table.with_fate(Fate.WAIT)), table.fate(0), table.needed_share(0)) == ([0], Fate.WAIT, 1.0)


def test_a_backup_that_began_too_long_ago_is_not_committed(world: World) -> None:
    """Its segments stay orphans; the next backup succeeds."""
    world.source.put("alice/a", b"some bytes")
    job = world.job()
    with world.session() as session:
        written = session.write_segments(job, COLLECTION)
        began = world.clock()
        world.clock.now += DEFAULT_SAFETY.job_limit
        with pytest.raises(BackupTooOldError, match="more than 1 day, 16:00:00 ago"):
            session.commit(job, COLLECTION, began, written.segments)
    assert commit_key(job.source, job.user, COLLECTION) not in world.store.blobs
    assert world.back_up().record.totals.files == 1


def test_a_session_that_began_too_long_ago_commits_no_more(world: World) -> None:
    """The parents were chosen when it began, and its index may have been filled then."""
    world.source.put("alice/a", b"some bytes")
    world.source.put("bob/a", b"other bytes")
    with world.session() as session:
        session.backup(world.job("alice"))
        world.clock.now += DEFAULT_SAFETY.job_limit + timedelta(seconds=1)
        with pytest.raises(BackupTooOldError):
            session.backup(world.job("bob"))
    assert world.back_up("bob").record.user == "bob"


@pytest.mark.parametrize(
    ("past", "tagged", "fate"),
    [
        (Past.NOTHING, False, Fate.KEEP),
        (Past.NOTHING, True, Fate.GONE),
        (Past.CONDEMNED, True, Fate.WAIT),
        (Past.EXPIRED, False, Fate.GONE),
        (Past.DRAINED, False, Fate.DRAINED),
    ],
)
def test_a_pack_that_is_left_as_it_was_keeps_what_is_known_of_it(past: Past, fate: Fate, *, tagged: bool) -> None:
    """Above all that it carries the tag."""
    pack = PackFacts("ab" * 16, BORN, 5, live=False, past=past, since=BORN, tagged=tagged)
    assert verdict_as_before(pack, "why") == (fate, "why")
