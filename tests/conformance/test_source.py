"""Source: every adapter keeps the port's promises."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from functions.engine.errors import SourceArchivedError, SourceChangedError, SourceVanishedError
from functions.engine.model import Properties, SourceObject
from tests.conformance.keys import EXOTIC_KEYS, in_order
from tests.conformance.owners import Owner

WAIT = 30
DATA = bytes(range(256)) * 5
RICH = Properties(
    {
        "cache-control": "no-store, max-age=0",
        "content-disposition": 'attachment; filename="two  spaces.txt"',
        "content-encoding": "gzip",
        "content-language": "de-DE",
        "content-type": "text/plain; charset=utf-8",
        "expires": "Thu, 01 Dec 2044 16:00:00 GMT",
        "x-amz-website-redirect-location": "/another/page?x=1",
    },
    {"owner": "Ada", "note": "a: b, c; d = e", "empty": "", "spaces": "two  inside"},
    {"class": "secret", "with space": "plus+and=equals&and", "empty": "", "\u00fcml\u00e4ut": "\u00df"},
)
TYPED = Properties({"content-type": "text/plain"})


def listed(owner: Owner, key: str) -> SourceObject:
    """Find an object by a listing, as a backup does."""
    return next(item for item in owner.port.list(key) if item.key == key)


def test_a_listing_says_key_size_etag_time_and_class(owner: Owner) -> None:
    """What a backup decides by."""
    owner.put("key", b"hello")
    [item] = owner.port.list("")
    assert (item.key, item.size, item.storage_class) == ("key", 5, "STANDARD")
    assert item.etag == "5d41402abc4b2a76b9719d911017c592"
    assert item.modified[:2] == "20"
    assert item.modified.endswith("Z")


def test_a_read_gives_the_bytes_and_everything_beside_them(owner: Owner) -> None:
    """System headers, user metadata and tags are exact; gzip as a content encoding is the owner's, not decoded."""
    owner.put("key", DATA, RICH)
    item = listed(owner, "key")
    read = owner.port.read(item).result(WAIT)
    assert bytes(read.data) == DATA
    assert (read.etag, read.size, read.modified, read.version) == (item.etag, len(DATA), item.modified, None)
    assert read.properties == RICH


def test_what_has_no_properties_gets_none(owner: Owner) -> None:
    """No header of the answer's own, such as its length or its etag, is taken for the object's."""
    owner.put("key", DATA, TYPED)
    assert owner.port.read(listed(owner, "key")).result(WAIT).properties == TYPED


def test_an_empty_object_is_read_with_its_properties(owner: Owner) -> None:
    """Zero bytes, all metadata."""
    owner.put("empty", b"", RICH)
    read = owner.port.read(listed(owner, "empty")).result(WAIT)
    assert (bytes(read.data), read.size, read.properties) == (b"", 0, RICH)


@pytest.mark.parametrize(("start", "length"), [(0, 1), (0, 100), (100, 1), (100, 500), (1279, 1), (1000, 280)])
def test_a_range_is_exactly_what_was_asked_for(owner: Owner, start: int, length: int) -> None:
    """The size that comes along is the whole object's."""
    owner.put("key", DATA)
    read = owner.port.read(listed(owner, "key"), start, length).result(WAIT)
    assert (bytes(read.data), read.size) == (DATA[start : start + length], len(DATA))


def test_the_first_range_comes_with_the_properties(owner: Owner) -> None:
    """A large object is read in parts, and its first part tells the rest."""
    owner.put("key", DATA, RICH)
    assert owner.port.read(listed(owner, "key"), 0, 10).result(WAIT).properties == RICH


@pytest.mark.parametrize(("start", "length"), [(0, None), (0, 3), (2, 3)])
def test_an_object_that_changed_is_not_read(owner: Owner, start: int, length: int | None) -> None:
    """The listed etag is no longer its own: bytes of another version never come."""
    owner.put("key", b"first")
    item = listed(owner, "key")
    owner.put("key", b"other")
    assert isinstance(owner.port.read(item, start, length).exception(WAIT), SourceChangedError)


def test_a_range_beyond_an_object_that_shrank_is_a_change(owner: Owner) -> None:
    """Not a request that cannot be satisfied."""
    owner.put("key", b"a long first version")
    item = listed(owner, "key")
    owner.put("key", b"short")
    assert isinstance(owner.port.read(item, 10, 5).exception(WAIT), SourceChangedError)


def test_an_object_that_was_written_again_unchanged_is_read(owner: Owner) -> None:
    """The same bytes have the same etag."""
    owner.put("key", b"same")
    item = listed(owner, "key")
    owner.put("key", b"same")
    assert bytes(owner.port.read(item).result(WAIT).data) == b"same"


def test_an_object_that_vanished_is_an_error_of_its_own(owner: Owner) -> None:
    """Whether it is read or looked up."""
    owner.put("key", b"x")
    owner.put("key2", b"y")
    item = listed(owner, "key")
    owner.delete("key")
    assert isinstance(owner.port.read(item).exception(WAIT), SourceVanishedError)
    assert isinstance(owner.port.read(item, 5, 5).exception(WAIT), SourceVanishedError)
    assert isinstance(owner.port.stat("key").exception(WAIT), SourceVanishedError)


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
def test_an_archived_object_is_listed_with_its_class_and_not_read(owner: Owner, storage_class: str) -> None:
    """It would have to be thawed first."""
    owner.put("key", b"cold", storage_class=storage_class)
    item = listed(owner, "key")
    assert (item.size, item.storage_class) == (4, storage_class)
    assert isinstance(owner.port.read(item).exception(WAIT), SourceArchivedError)


@pytest.mark.parametrize("storage_class", ["STANDARD_IA", "INTELLIGENT_TIERING", "GLACIER_IR"])
def test_other_classes_are_read(owner: Owner, storage_class: str) -> None:
    """Only what has to be thawed is archived."""
    owner.put("key", b"cool", storage_class=storage_class)
    item = listed(owner, "key")
    assert item.storage_class == storage_class
    assert bytes(owner.port.read(item).result(WAIT).data) == b"cool"


def test_stat_gives_what_a_listing_would(owner: Owner) -> None:
    """Of exactly that key, though others begin with it."""
    for key in ("key", "key/", "key/below", "key2"):
        owner.put(key, key.encode())
    for item in list(owner.port.list("")):
        assert owner.port.stat(item.key).result(WAIT) == item
    assert isinstance(owner.port.stat("ke").exception(WAIT), SourceVanishedError)


def test_versions_have_ids_and_only_the_newest_is_listed(make_owner: Callable[..., Owner]) -> None:
    """The id of the version that was read comes along."""
    owner = make_owner(versioned=True)
    first = owner.put("key", b"first", RICH)
    second = owner.put("key", b"second", RICH)
    assert first
    assert first != second
    [item] = owner.port.list("")
    read = owner.port.read(item).result(WAIT)
    assert (bytes(read.data), read.version, read.properties) == (b"second", second, RICH)


def test_a_delete_marker_is_not_an_object(make_owner: Callable[..., Owner]) -> None:
    """What was deleted in a bucket with versions is gone for a backup."""
    owner = make_owner(versioned=True)
    owner.put("key", b"x")
    item = listed(owner, "key")
    owner.delete("key")
    assert list(owner.port.list("")) == []
    assert isinstance(owner.port.read(item).exception(WAIT), SourceVanishedError)


def test_any_key_that_s3_allows_is_listed_in_order_and_read(owner: Owner) -> None:
    """Each with its own bytes."""
    for key in EXOTIC_KEYS:
        owner.put(key, key.encode(), TYPED)
    items = list(owner.port.list(""))
    assert [item.key for item in items] == in_order(EXOTIC_KEYS)
    reads = [owner.port.read(item).result(WAIT) for item in items]
    assert [bytes(read.data).decode() for read in reads] == in_order(EXOTIC_KEYS)
    assert [owner.port.stat(item.key).result(WAIT) for item in items] == items


def test_a_listing_may_start_after_any_key(owner: Owner) -> None:
    """With folders or without."""
    for key in ("p/a", "p/b", "p/b/c", "p/b/d", "p/c", "q"):
        owner.put(key, b"x")
    assert [item.key for item in owner.port.list("p/", "p/b")] == ["p/b/c", "p/b/d", "p/c"]
    assert [item.key for item in owner.port.list("p/", "p/b/c")] == ["p/b/d", "p/c"]
    assert [item.key for item in owner.port.list("p/", "p/a", recursive=False)] == ["p/b", "p/c"]
    assert [item.key for item in owner.port.list("p/", "a")] == ["p/a", "p/b", "p/b/c", "p/b/d", "p/c"]


def test_a_listing_that_is_not_recursive_leaves_out_what_lies_deeper(owner: Owner) -> None:
    """Objects of the prefix itself, its own marker among them."""
    for key in ("p/", "p/a", "p/b/", "p/b/c", "p//d", "pq", "a"):
        owner.put(key, b"x")
    assert [item.key for item in owner.port.list("p/", recursive=False)] == ["p/", "p/a"]
    assert [item.key for item in owner.port.list("", recursive=False)] == ["a", "pq"]


def test_users_are_the_first_folders_and_the_root(owner: Owner) -> None:
    """The root user first, if it owns anything; the folder without a name is the user `/`."""
    for key in ("p/readme", "p/ada/x", "p/bob/deep/er/y", "p//nameless", "p/\u00e9/z", "p/a b+c%/z", "other/x", "top"):
        owner.put(key, b"x")
    assert list(owner.port.users("p/")) == ["", "/", "a b+c%", "ada", "bob", "\u00e9"]
    assert list(owner.port.users("")) == ["", "other", "p"]
    assert list(owner.port.users("p/bob/deep/er/")) == [""]


def test_without_objects_of_its_own_the_root_is_no_user(owner: Owner) -> None:
    """A source of folders only has its folders' users."""
    owner.put("p/ada/x", b"x")
    assert list(owner.port.users("p/")) == ["ada"]
    assert list(owner.port.users("nothing/")) == []


def test_the_marker_of_the_prefix_belongs_to_the_root_user(owner: Owner) -> None:
    """Consoles make such an empty object when somebody makes a folder."""
    owner.put("p/", b"")
    owner.put("p/ada/", b"")
    assert list(owner.port.users("p/")) == ["", "ada"]


def test_the_root_user_comes_first_however_many_folders_there_are(owner: Owner) -> None:
    """Also when its only object lies behind the first page of the listing."""
    for number in range(1_001):
        owner.put(f"p/{number:04}/x", b"")
    owner.put("p/z", b"")
    assert list(owner.port.users("p/")) == ["", *(f"{number:04}" for number in range(1_001))]


def test_a_listing_goes_on_beyond_a_thousand_objects(owner: Owner) -> None:
    """All pages, none twice, from anywhere."""
    for number in range(1_010):
        owner.put(f"{number:04}", b"")
    assert [item.key for item in owner.port.list("")] == [f"{number:04}" for number in range(1_010)]
    assert [item.key for item in owner.port.list("", "0004")] == [f"{number:04}" for number in range(5, 1_010)]
