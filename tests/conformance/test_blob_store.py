"""BlobStore: every adapter keeps the port's promises."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from functions.engine.errors import BlobNotFoundError, ConflictError
from functions.engine.ports import BlobStore
from tests.conformance.keys import EXOTIC_KEYS, in_order

WAIT = 30
CROWD = 1_100
DATA = bytes(range(256)) * 5


@pytest.fixture
def store(make_store: Callable[[], BlobStore]) -> BlobStore:
    """Give an empty store."""
    return make_store()


@pytest.fixture(scope="session")
def crowded(make_store: Callable[[], BlobStore]) -> BlobStore:
    """Give a store with more objects than one page of a listing holds. Nobody adds to it."""
    store = make_store()
    puts = [store.put_new(f"crowd/{number:04}", [b"%d" % number]) for number in range(CROWD)]
    puts += [store.put_new(key, [b"x"]) for key in ("after", "crow", "crowd", "crowe")]
    for put in puts:
        put.result(WAIT)
    return store


@pytest.fixture(scope="session")
def exotic(make_store: Callable[[], BlobStore]) -> BlobStore:
    """Give a store with an object under each exotic key; each holds its key. Nobody adds to it."""
    store = make_store()
    for put in [store.put_new(key, [key.encode()]) for key in EXOTIC_KEYS]:
        put.result(WAIT)
    return store


def test_what_was_put_comes_back(store: BlobStore) -> None:
    """The parts, whatever kind of buffer they are, come back as one run of bytes."""
    store.put_new("a/b", [b"one", bytearray(b" two"), memoryview(b" three"), b""]).result(WAIT)
    assert bytes(store.get("a/b").result(WAIT)) == b"one two three"


@pytest.mark.parametrize("parts", [[], [b""]])
def test_an_object_may_be_empty(store: BlobStore, parts: list[bytes]) -> None:
    """No bytes are an object too, and not the same as no object."""
    store.put_new("empty", parts).result(WAIT)
    assert bytes(store.get("empty").result(WAIT)) == b""
    assert [blob.size for blob in store.list("")] == [0]


def test_the_first_put_of_a_key_wins(store: BlobStore) -> None:
    """A second put is refused, and the first bytes stay."""
    store.put_new("key", [b"first"]).result(WAIT)
    with pytest.raises(ConflictError):
        store.put_new("key", [b"second, and longer"]).result(WAIT)
    assert bytes(store.get("key").result(WAIT)) == b"first"
    assert [(blob.key, blob.size) for blob in store.list("")] == [("key", 5)]


def test_the_same_bytes_again_are_refused_too(store: BlobStore) -> None:
    """Whether that is an error is for the caller to say."""
    store.put_new("key", [b"same"]).result(WAIT)
    with pytest.raises(ConflictError):
        store.put_new("key", [b"same"]).result(WAIT)


def test_of_puts_at_once_exactly_one_wins(store: BlobStore) -> None:
    """Many writers race for one key: one succeeds, all others are told, and the object is whole."""
    contents = [bytes([number]) * 100_000 for number in range(16)]
    with ThreadPoolExecutor(8) as threads:
        puts = list(threads.map(lambda data: store.put_new("raced", [data]), contents))
    errors = [put.exception(WAIT) for put in puts]
    assert [type(error) for error in errors if error is not None] == [ConflictError] * 15
    assert bytes(store.get("raced").result(WAIT)) == contents[errors.index(None)]


@pytest.mark.parametrize("size", [1, 65_536, 5_000_001])
def test_a_put_is_seen_by_every_get_that_begins_after_it(store: BlobStore, size: int) -> None:
    """As soon as the future is done, the object is there in full, and listed."""
    data = (b"0123456789" * (size // 10 + 1))[:size]
    store.put_new("key", [data]).result(WAIT)
    assert bytes(store.get("key").result(WAIT)) == data
    assert [(blob.key, blob.size) for blob in store.list("")] == [("key", size)]


@pytest.mark.parametrize(
    ("start", "length"),
    [(0, 1), (0, 1280), (0, 5000), (1, 1), (255, 2), (1279, 1), (1279, 10), (700, None), (0, None), (1279, None)],
)
def test_a_range_is_exactly_what_was_asked_for(store: BlobStore, start: int, length: int | None) -> None:
    """A range that goes beyond the end gives what there is."""
    store.put_new("key", [DATA]).result(WAIT)
    expected = DATA[start:] if length is None else DATA[start : start + length]
    assert bytes(store.get("key", start, length).result(WAIT)) == expected


@pytest.mark.parametrize("length", [1, 64, 1279, 1280, 1281, 65_536])
def test_a_tail_is_the_end_and_says_how_large_the_object_is(store: BlobStore, length: int) -> None:
    """The size comes along, and an object shorter than the tail comes whole."""
    store.put_new("key", [DATA]).result(WAIT)
    tail = store.get_tail("key", length).result(WAIT)
    assert (bytes(tail.data), tail.size) == (DATA[-length:], len(DATA))


def test_the_tail_of_an_empty_object_is_empty(store: BlobStore) -> None:
    """There are fewer bytes than were asked for: none."""
    store.put_new("empty", []).result(WAIT)
    tail = store.get_tail("empty", 64).result(WAIT)
    assert (bytes(tail.data), tail.size) == (b"", 0)


def test_an_absent_object_is_an_error_of_its_own(store: BlobStore) -> None:
    """However it is read; also when its key is the beginning of others, or a folder of theirs."""
    store.put_new("folder/file", [b"x"]).result(WAIT)
    for key in ("nothing", "folder", "folder/", "folder/fil"):
        for read in (store.get(key), store.get(key, 5, 5), store.get_tail(key, 5)):
            assert isinstance(read.exception(WAIT), BlobNotFoundError)


def test_many_requests_may_be_under_way_from_many_threads(store: BlobStore) -> None:
    """Nothing gets mixed up."""
    with ThreadPoolExecutor(8) as threads:
        puts = list(threads.map(lambda n: store.put_new(f"{n:03}", [b"%03d" % n * 1000]), range(200)))
        for put in puts:
            put.result(WAIT)
        gets = list(threads.map(lambda n: store.get(f"{n:03}", 3 * n, 3), range(200)))
    assert [bytes(get.result(WAIT)) for get in gets] == [b"%03d" % number for number in range(200)]


@pytest.mark.parametrize("key", EXOTIC_KEYS)
def test_any_key_that_s3_allows_is_a_key(exotic: BlobStore, key: str) -> None:
    """It holds its own bytes, and a listing from just below it finds it."""
    assert bytes(exotic.get(key).result(WAIT)) == key.encode()
    assert next(blob.key for blob in exotic.list(key)) == key


def test_a_listing_is_sorted_by_the_bytes_of_the_keys(exotic: BlobStore) -> None:
    """Not by UTF-16, not by case, not by folders; composed and decomposed letters stay apart."""
    found = [(blob.key, blob.size) for blob in exotic.list("")]
    assert found == [(key, len(key.encode())) for key in in_order(EXOTIC_KEYS)]


@pytest.mark.parametrize("after", EXOTIC_KEYS)
def test_a_listing_may_start_after_any_key(exotic: BlobStore, after: str) -> None:
    """The key itself is left out, everything greater is given."""
    expected = [key for key in in_order(EXOTIC_KEYS) if key.encode() > after.encode()]
    assert [blob.key for blob in exotic.list("", after)] == expected


@pytest.mark.parametrize("prefix", ["a", "a/", "a//", ".", "/", "//", "per%", "\u00e9", "e", "sp ", "nothing", "x/."])
def test_a_listing_gives_what_begins_with_the_prefix(exotic: BlobStore, prefix: str) -> None:
    """A prefix is a beginning of keys, not a folder."""
    expected = [key for key in in_order(EXOTIC_KEYS) if key.startswith(prefix)]
    assert [blob.key for blob in exotic.list(prefix)] == expected


def test_a_listing_goes_on_beyond_a_thousand_objects(crowded: BlobStore) -> None:
    """All pages are read, none twice."""
    assert [blob.key for blob in crowded.list("crowd/")] == [f"crowd/{number:04}" for number in range(CROWD)]


@pytest.mark.parametrize(
    ("after", "first"),
    [("crowd/0049", "crowd/0050"), ("crowd/0049~", "crowd/0050"), ("a", "crowd/0000"), ("crowd/1098", "crowd/1099")],
)
def test_a_listing_of_many_pages_may_start_anywhere(crowded: BlobStore, after: str, first: str) -> None:
    """`start_after` need not exist and may lie before the prefix."""
    found = [blob.key for blob in crowded.list("crowd/", after)]
    assert (found[0], found[-1]) == (first, "crowd/1099")
    assert len(found) == CROWD - int(first[-4:])


def test_a_listing_after_the_last_key_is_empty(crowded: BlobStore) -> None:
    """Also when other keys, outside the prefix, are greater."""
    assert list(crowded.list("crowd/", "crowd/1099")) == []
    assert list(crowded.list("crowd/", "crowe")) == []


def test_a_listing_can_be_left_in_the_middle(crowded: BlobStore) -> None:
    """Who has found what he looked for just stops."""
    listing = crowded.list("")
    assert [next(listing).key, next(listing).key] == ["after", "crow"]


def test_a_listing_says_when_each_object_was_written(store: BlobStore) -> None:
    """In RFC 3339, UTC."""
    store.put_new("key", [b"x"]).result(WAIT)
    [blob] = store.list("")
    assert blob.modified.endswith("Z")
    assert blob.modified[:2] == "20"
