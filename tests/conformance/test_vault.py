"""Vault: every adapter keeps the port's promises."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.contract.object_keys import commit_key
from functions.engine.errors import BlobNotFoundError, ConflictError
from functions.engine.retention.ports import Version
from functions.engine.retention.undelete import Undeleted, undelete_object
from tests.conformance.safes import LOCK, MemorySafe, S3Safe, Safe

WAIT = 30
MOMENT = timedelta(seconds=5)
KEYS = ("plain", "a b", "per%25cent", "plus+", 'am&p"<', "é", "日本語", commit_key("sales.reports", "a/ü", "x"))


@pytest.fixture(params=["memory", "faulty", "s3"])
def safe(request: pytest.FixtureRequest) -> Safe:
    """Give an empty bucket with versions and locks."""
    if request.param != "s3":
        return MemorySafe(faulty=request.param == "faulty")
    bucket = request.getfixturevalue("make_bucket")(object_lock=True)
    return S3Safe(request.getfixturevalue("s3"), bucket, request.getfixturevalue("client_of")(bucket))


def put(safe: Safe, key: str, data: bytes = b"data") -> str:
    """Write an object; give the id of its version."""
    safe.store.put_new(key, [data]).result(WAIT)
    return safe.vault.versions(key)[0].version_id


def hidden(safe: Safe, key: str, data: bytes = b"data") -> str:
    """Write an object and put a delete marker over it; give the id of its version."""
    version_id = put(safe, key, data)
    safe.hide(key)
    return version_id


def read(safe: Safe, key: str) -> bytes:
    """Give what a restore would get."""
    return bytes(safe.store.get(key).result(WAIT))


def raised(future: Future[Any]) -> type[BaseException] | None:
    """Give the kind of error with which a request ended."""
    error = future.exception(WAIT)
    return type(error) if error is not None else None


def test_the_time_is_that_of_the_bucket(safe: Safe) -> None:
    """By the same clock an object that was just written is just as old."""
    put(safe, "key")
    now, [version] = safe.vault.now(), safe.vault.versions("key")
    assert now.utcoffset() == timedelta()
    assert abs(now - version.modified) < MOMENT
    assert abs(now - datetime.now(UTC)) < MOMENT


def test_a_new_object_is_one_version_without_the_tag(safe: Safe) -> None:
    """With its size, and locked."""
    put(safe, "key", b"12345")
    [version] = safe.vault.versions("key")
    assert version[2:] == (5, False, False)
    assert abs(safe.locked_until("key") - LOCK - version.modified) < MOMENT


@pytest.mark.parametrize("key", KEYS)
def test_the_tag_comes_and_goes_as_often_as_one_likes(safe: Safe, key: str) -> None:
    """Whatever the key; and the object stays as it is."""
    version_id = put(safe, key)
    for expired in (True, True, False, False, True):
        (safe.vault.expire if expired else safe.vault.readmit)(key).result(WAIT)
        [version] = safe.vault.versions(key)
        assert (version.version_id, version.expired) == (version_id, expired)
    assert read(safe, key) == b"data"


def test_what_is_not_there_can_be_neither_tagged_nor_locked(safe: Safe) -> None:
    """Nor what is hidden; nor a folder, or the beginning of a key."""
    put(safe, "folder/file")
    hidden(safe, "hidden")
    for key in ("nothing", "folder", "folder/", "folder/fil", "hidden"):
        assert raised(safe.vault.expire(key)) is BlobNotFoundError
        assert raised(safe.vault.readmit(key)) is BlobNotFoundError
        assert raised(safe.vault.extend(key, datetime.now(UTC) + LOCK)) is BlobNotFoundError
    assert not safe.vault.versions("folder/file")[0].expired


@pytest.mark.parametrize("key", KEYS)
def test_a_lock_is_extended_to_the_moment_that_was_asked_for(safe: Safe, key: str) -> None:
    """Again to the same one is harmless, and an earlier one changes nothing."""
    put(safe, key)
    first = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    last = first + timedelta(days=10)
    for until, end in ((first, first), (first, first), (last, last), (first, last), (last - MOMENT, last)):
        safe.vault.extend(key, until).result(WAIT)
        assert safe.locked_until(key) == end


def test_a_lock_never_ends_earlier_than_that_of_its_birth(safe: Safe) -> None:
    """Whatever somebody asks for."""
    put(safe, "key")
    born = safe.locked_until("key")
    safe.vault.extend("key", datetime.now(UTC) + timedelta(hours=1)).result(WAIT)
    assert safe.locked_until("key") == born


def test_the_versions_are_those_of_exactly_this_key(safe: Safe) -> None:
    """Other keys that begin with it are others."""
    for key in ("a", "a/b", "a.b", "ab", "a-", "b"):
        put(safe, key, key.encode())
    for key in ("a", "a/b"):
        [version] = safe.vault.versions(key)
        assert bytes(safe.vault.read_version(key, version.version_id).result(WAIT)) == key.encode()
    for key in ("", "c", "a/", "aa"):
        assert list(safe.vault.versions(key)) == []


def test_versions_come_newest_first_and_markers_are_among_them(safe: Safe) -> None:
    """Each has its own size; what is older comes later."""
    for number in (1, 2, 3):
        hidden(safe, "key", b"x" * number)
    found = safe.vault.versions("key")
    assert [(version.marker, version.size) for version in found] == [
        (True, 0),
        (False, 3),
        (True, 0),
        (False, 2),
        (True, 0),
        (False, 1),
    ]
    assert len({version.version_id for version in found}) == 6
    moments = [version.modified for version in found]
    assert moments == sorted(moments, reverse=True)


def test_any_version_can_be_read_until_it_is_gone(safe: Safe) -> None:
    """A delete marker has nothing to read."""
    older = hidden(safe, "key", b"older")
    marker = safe.vault.versions("key")[0].version_id
    newer = put(safe, "key", b"newer")
    assert bytes(safe.vault.read_version("key", older).result(WAIT)) == b"older"
    assert bytes(safe.vault.read_version("key", newer).result(WAIT)) == b"newer"
    assert raised(safe.vault.read_version("key", marker)) is BlobNotFoundError
    safe.remove("key", older)
    assert raised(safe.vault.read_version("key", older)) is BlobNotFoundError


@pytest.mark.parametrize("key", KEYS)
def test_what_is_hidden_comes_back_as_a_new_version(safe: Safe, key: str) -> None:
    """The same bytes, untagged, and locked as any new object is."""
    put(safe, key, b"precious" * 40_000)
    safe.vault.expire(key).result(WAIT)
    safe.hide(key)
    before = safe.vault.versions(key)
    safe.vault.bring_back(key, before[-1].version_id).result(WAIT)
    assert read(safe, key) == b"precious" * 40_000
    newest, *others = safe.vault.versions(key)
    assert (newest.marker, newest.expired, newest.size) == (False, False, 320_000)
    assert _ids(others) == _ids(before)
    assert abs(safe.locked_until(key) - LOCK - newest.modified) < MOMENT


def _ids(versions: list[Version] | Any) -> list[str]:  # noqa: ANN401 - any sequence of them
    return [version.version_id for version in versions]


def test_nothing_comes_back_over_what_is_there(safe: Safe) -> None:
    """Not even the same bytes; and nothing has changed."""
    older = hidden(safe, "key", b"older")
    put(safe, "key", b"newer")
    before = safe.vault.versions("key")
    assert raised(safe.vault.bring_back("key", older)) is ConflictError
    assert safe.vault.versions("key") == before
    assert read(safe, "key") == b"newer"


def test_what_is_gone_does_not_come_back(safe: Safe) -> None:
    """The key stays free."""
    older = hidden(safe, "key")
    newer = hidden(safe, "key")
    safe.remove("key", older)
    assert raised(safe.vault.bring_back("key", older)) is BlobNotFoundError
    assert safe.vault.versions("key")[0].marker
    safe.vault.bring_back("key", newer).result(WAIT)


def test_of_two_who_bring_it_back_at_once_one_does(safe: Safe) -> None:
    """The other one is told."""
    version_id = hidden(safe, "key", b"x" * 100_000)
    with ThreadPoolExecutor(4) as threads:
        asked = list(threads.map(lambda _: safe.vault.bring_back("key", version_id), range(4)))
    assert sorted(map(raised, asked), key=str) == sorted([None, *[ConflictError] * 3], key=str)
    assert [version.marker for version in safe.vault.versions("key")] == [False, True, False]


def test_many_requests_may_be_under_way_from_many_threads(safe: Safe) -> None:
    """Nothing gets mixed up."""
    keys = [f"{number:03}" for number in range(60)]
    for write in [safe.store.put_new(key, [key.encode()]) for key in keys]:
        write.result(WAIT)
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=5)
    with ThreadPoolExecutor(8) as threads:
        asked = [safe.vault.expire(key) for key in keys[::2]]
        asked += threads.map(lambda key: safe.vault.extend(key, until + int(key) * MOMENT), keys)
        asked += threads.map(safe.vault.readmit, keys[1::2])
    for request in asked:
        request.result(WAIT)
    assert [safe.vault.versions(key)[0].expired for key in keys] == [True, False] * 30
    assert [safe.locked_until(key) for key in keys] == [until + number * MOMENT for number in range(60)]


def test_undelete_finds_its_way_from_wherever_an_object_is(safe: Safe) -> None:
    """There, tagged, hidden once or more often, or gone."""
    put(safe, "key")
    assert undelete_object(safe.vault, "key") is Undeleted.THERE
    safe.vault.expire("key").result(WAIT)
    assert undelete_object(safe.vault, "key") is Undeleted.UNTAGGED
    for _ in range(2):
        safe.hide("key")
    assert undelete_object(safe.vault, "key") is Undeleted.BROUGHT_BACK
    assert undelete_object(safe.vault, "key") is Undeleted.THERE
    assert read(safe, "key") == b"data"
    version_id = hidden(safe, "gone")
    safe.remove("gone", version_id)
    with pytest.raises(BlobNotFoundError, match="only delete markers"):
        undelete_object(safe.vault, "gone")
