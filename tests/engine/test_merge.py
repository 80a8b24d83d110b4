"""The merge: which objects are carried over and which are read, against a naive computation on sets."""

from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.engine.errors import ManifestCorruptError
from functions.engine.manifest import Line
from functions.engine.merge import Carry, Read, merge
from functions.engine.model import BackupType, SourceObject, Unreadable

KEYS = ["a", "a!", "a/", "a/b", "a//b", "b", "é", "日本", "\U0001f600", "\uffff"]
states = st.tuples(st.integers(0, 1), st.sampled_from(["e1", "e2"]), st.sampled_from(["t1", "t2"]))
listings = st.dictionaries(st.sampled_from(KEYS), states, max_size=8)
parents = st.dictionaries(st.sampled_from(KEYS), st.one_of(states, st.none()), max_size=8)


def listing_of(objects: dict[str, tuple[int, str, str]]) -> list[SourceObject]:
    """Give a listing in the order of keys."""
    return [SourceObject(key, *objects[key]) for key in by_bytes(objects)]


def parent_of(files: dict[str, tuple[int, str, str] | None]) -> list[Line | Unreadable]:
    """Give a parent's lines in the order of keys; None stands for an object that could not be read."""
    return [line_of(key, files[key]) for key in by_bytes(files)]


def line_of(key: str, state: tuple[int, str, str] | None) -> Line | Unreadable:
    """Give one line."""
    if state is None:
        return Unreadable(key, "OBJECT_DENIED", "no")
    size, etag, modified = state
    return Line(key.encode(), key, size, etag, {"modified": modified})


def by_bytes(objects: Iterable[str]) -> list[str]:
    """Give the keys in the order of their UTF-8 bytes, as S3 lists them."""
    return sorted(objects, key=str.encode)


@given(listings, parents, st.sampled_from(BackupType))
def test_the_merge_is_the_naive_computation(
    listing: dict[str, tuple[int, str, str]],
    parent: dict[str, tuple[int, str, str] | None],
    kind: BackupType,
) -> None:
    """One decision an object of the listing, in its order: unchanged ones are carried over, the rest is read."""
    known = {line.key: line for line in parent_of(parent) if isinstance(line, Line)}
    expected: list[Carry | Read] = []
    for item in listing_of(listing):
        line = known.get(item.key)
        same = parent.get(item.key) == listing[item.key]
        carry = line is not None and same and kind is not BackupType.FULL
        expected.append(Carry(line) if carry and line is not None else Read(item, line))
    assert list(merge(listing_of(listing), parent_of(parent), kind)) == expected


@pytest.mark.parametrize("state", [(2, "e", "t"), (1, "f", "t"), (1, "e", "u")], ids=["size", "etag", "time"])
def test_an_object_that_changed_in_any_way_is_read_again(state: tuple[int, str, str]) -> None:
    """Size, etag and time must all be the same; the parent's line goes along for its chunks."""
    (decision,) = merge(listing_of({"k": state}), parent_of({"k": (1, "e", "t")}), BackupType.INCREMENTAL)
    assert isinstance(decision, Read)
    assert decision.parent is not None


def test_a_full_backup_reads_everything() -> None:
    """Unchanged objects too."""
    (decision,) = merge(listing_of({"k": (1, "e", "t")}), parent_of({"k": (1, "e", "t")}), BackupType.FULL)
    assert isinstance(decision, Read)


def test_what_the_parent_could_not_read_is_read_again() -> None:
    """An unreadable object never carries over."""
    (decision,) = merge(listing_of({"k": (1, "e", "t")}), parent_of({"k": None}), BackupType.INCREMENTAL)
    assert decision == Read(SourceObject("k", 1, "e", "t"), None)


def test_a_parent_out_of_order_is_damaged() -> None:
    """Merging it would silently read too much, or carry over what is gone."""
    lines = [line_of("b", (1, "e", "t")), line_of("a", (1, "e", "t"))]
    with pytest.raises(ManifestCorruptError, match="not sorted: 'a' comes after 'b'"):
        list(merge(listing_of({"c": (1, "e", "t")}), lines, BackupType.INCREMENTAL))


def test_both_sides_are_streamed() -> None:
    """A decision needs no more of either side than what stands up to its key."""
    taken: list[str] = []

    def watched(items: list[SourceObject]) -> Iterator[SourceObject]:
        for item in items:
            taken.append(item.key)
            yield item

    states_by_key = dict.fromkeys("abcd", (1, "e", "t"))
    decisions = merge(watched(listing_of(states_by_key)), parent_of({**states_by_key}), BackupType.FULL)
    next(decisions)
    assert taken == ["a"]
