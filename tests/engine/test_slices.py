"""What lets a verification be done in slices: the stream of newest backups, a clock on the store, packs listed once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.adapters.memory import MemoryBlobStore
from functions.contract.object_keys import COMMIT_NAME, backup_prefix, commit_key, pack_key
from functions.engine.errors import OutOfTimeError
from functions.engine.known_packs import KnownPacks
from functions.engine.model import BlobInfo
from functions.engine.newest import all_backups, newest_backups
from functions.engine.pack_indexes import list_packs
from functions.engine.ports import BlobStore
from functions.engine.repository import BackupName, Repository
from functions.engine.timed_store import TimedStore
from functions.engine.verify import Verifier
from functions.engine.verify_report import Depth
from tests.engine.kit import SOURCE, WORKERS, World, name_of
from tests.strategies import texts

IDS = [f"2026112{day}T020000Z-{day:08x}" for day in range(6)]
users_and_backups = st.dictionaries(texts, st.sets(st.sampled_from(IDS), min_size=1), max_size=8)


def repository_of(backups: dict[str, set[str]]) -> MemoryBlobStore:
    """Give a store with commit records, and unfinished backups that are newer."""
    store = MemoryBlobStore()
    for user, ids in backups.items():
        store.blobs |= {commit_key(SOURCE, user, backup_id): b"" for backup_id in ids}
        store.blobs[f"{backup_prefix(SOURCE, user, '20261130T020000Z-00000000')}00000.jsonl.zst"] = b""
    store.blobs[commit_key(f"{SOURCE}2", "other", IDS[0])] = b""
    return store


@given(users_and_backups)
def test_every_user_s_newest_committed_backup_is_found(backups: dict[str, set[str]]) -> None:
    """As the repository finds them when it holds all names at once."""
    store = repository_of(backups)
    found = list(newest_backups(store, SOURCE))
    assert {name.user: name for name in found} == Repository(store).newest(SOURCE)
    assert len(found) == len(backups)


@given(users_and_backups)
def test_it_goes_on_after_any_user(backups: dict[str, set[str]]) -> None:
    """With exactly those who come after him."""
    store = repository_of(backups)
    found = list(newest_backups(store, SOURCE))
    for position, name in enumerate(found):
        assert list(newest_backups(store, SOURCE, name.user)) == found[position + 1 :]


def test_a_user_whose_backups_are_in_the_way_is_passed_over() -> None:
    """Names that begin alike are different users, and what is not ours is nobody."""
    store = repository_of({"a": {IDS[0]}, "a-b": {IDS[1]}, "a b": {IDS[2]}})
    store.blobs[f"snapshots/{SOURCE}/a/{IDS[0]}/x/{COMMIT_NAME}"] = b""
    assert {name.user for name in newest_backups(store, SOURCE)} == {"a", "a-b", "a b"}
    assert list(newest_backups(store, "nobody")) == []


def test_all_backups_of_all_sources_are_found() -> None:
    """Those of sources that nobody names any more, too."""
    store = repository_of({"a": {IDS[0], IDS[1]}})
    assert list(all_backups(store, "snapshots/")) == [
        *(BackupName(SOURCE, "a", backup_id) for backup_id in IDS[:2]),
        BackupName(f"{SOURCE}2", "other", IDS[0]),
    ]


@pytest.mark.parametrize(
    "read", [lambda store: store.get("k"), lambda store: store.get_tail("k", 1)], ids=["get", "get_tail"]
)
def test_no_read_begins_when_the_time_is_up(read: Callable[[BlobStore], object]) -> None:
    """Everything before that goes through."""
    inner = MemoryBlobStore()
    left = 1.0
    store = TimedStore(inner, lambda: left)
    store.put_new("k", [b"data"]).result()
    assert store.get("k", 1, 2).result() == b"at"
    assert store.get_tail("k", 1).result() == (b"a", 4)
    left = 0.0
    with pytest.raises(OutOfTimeError, match="before k was read"):
        read(store)
    assert [blob.key for blob in store.list("")] == ["k"]


def test_packs_are_listed_once(world: World) -> None:
    """However many verifications ask; those that came meanwhile are not needed by older backups."""

    class Counting(MemoryBlobStore):
        lists = 0

        def list(self, prefix: str, start_after: str = "") -> Iterator[BlobInfo]:
            self.lists += 1
            return super().list(prefix, start_after)

    inner = Counting()
    world.store = inner
    for user in ("alice", "bob"):
        world.source.put(f"{user}/a", user.encode())
    results = [world.back_up("alice"), world.back_up("bob")]
    known = KnownPacks(inner)
    before = list(list_packs(known))
    inner.lists = 0
    inner.blobs[pack_key("0f" * 16)] = b""
    for result in results:
        with Verifier(known, workers=WORKERS) as verifier:
            assert verifier.verify([name_of(result)], Depth.STRUCTURE).damages == []
    assert list(list_packs(known)) == before == [pack for pack in list_packs(inner) if pack != "0f" * 16]
    assert inner.lists == 1
    whole = inner.blobs[pack_key(before[0])]
    assert known.get_tail(pack_key(before[0]), 8).result() == (whole[-8:], len(whole))


def test_other_listings_pass_through() -> None:
    """Of snapshots, and of packs from somewhere on."""
    inner = MemoryBlobStore()
    known = KnownPacks(inner)
    known.put_new(pack_key("0f" * 16), [b"x"]).result()
    known.put_new("snapshots/x", [b"y"]).result()
    assert [blob.key for blob in known.list("snapshots/")] == ["snapshots/x"]
    assert [blob.key for blob in known.list("packs/", pack_key("00" * 16))] == [pack_key("0f" * 16)]
    assert [blob.size for blob in islice(known.list("packs/"), 5)] == [0]
    assert known.get("snapshots/x").result() == b"y"
