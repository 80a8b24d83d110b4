"""Segments: lines in the order of keys whatever order outcomes come in, and manifests of bounded size."""

import hashlib
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.adapters.memory import MemoryBlobStore, MemoryIndex
from functions.contract.object_keys import SNAPSHOTS, manifest_key
from functions.engine.commit import SAMPLE
from functions.engine.errors import ConflictError, UnavailableError
from functions.engine.manifest import Header, Line, ManifestReader, encode_entry, encode_unreadable
from functions.engine.model import FileEntry, Segment, Totals, Unreadable
from functions.engine.packer import Packer, StoredChunk
from functions.engine.reading import Outcome
from functions.engine.safety import SafetyParameters
from functions.engine.segments import SegmentWriter, put_once
from tests.engine.kit import Ids
from tests.strategies import noise

HEADER = Header("reports", "alice", "20261120T020000Z-1f3a9c20", 0)


class Desk:
    """A segment writer over memory."""

    def __init__(self, header: Header = HEADER, **limits: int) -> None:
        """Start before the first outcome."""
        self.header = header
        fields: dict[str, Any] = {**limits}
        self.safety = SafetyParameters(**fields)
        self.store = MemoryBlobStore()
        self.packer = Packer(self.store, MemoryIndex(), Ids(), self.safety)
        self.writer = SegmentWriter(self.store, self.packer, header, self.safety)

    def manifest(self, segment: Segment) -> ManifestReader:
        """Open a written manifest; its bytes are those that the segment states."""
        header = self.header
        data = self.store.blobs[manifest_key(header.source, header.user, header.backup_id, segment.number)]
        assert hashlib.sha256(data).hexdigest() == segment.sha256
        return ManifestReader(data, "m")

    def keys(self, segments: list[Segment]) -> list[list[str]]:
        """Give the keys of each segment's lines."""
        return [[line.key for line in self.manifest(segment).lines()] for segment in segments]


@pytest.fixture
def desk() -> Iterator[Desk]:
    """A desk with the limits of a real backup."""
    made = Desk()
    yield made
    made.packer.close()


def file_outcome(sequence: int, key: str | None = None, size: int = 10) -> Outcome:
    """Give the outcome of a file that was read."""
    name = key or f"k{sequence:04}"
    line = encode_entry(FileEntry(name, size, noise(sequence, 16).hex(), "t", ()))
    return Outcome(sequence, line, name, frozenset(), size, size, 4, 2)


def unreadable_outcome(sequence: int, code: str = "OBJECT_ARCHIVED") -> Outcome:
    """Give the outcome of an object that could not be read."""
    item = Unreadable(f"k{sequence:04}", code, "no")
    return Outcome(sequence, encode_unreadable(item), item.key, size=7, unreadable=item)


@given(st.integers(0, 40).flatmap(lambda count: st.permutations(range(count))), st.integers(1, 9))
def test_lines_stand_in_order_whatever_order_outcomes_come_in(order: list[int], limit: int) -> None:
    """Each segment is full before the next begins, and together they hold every line once, in order."""
    desk = Desk(segment_entries=limit)
    for sequence in order:
        desk.writer.add(file_outcome(sequence))
    segments = desk.writer.finish()
    desk.packer.close()
    assert desk.writer.settled == len(order)
    expected = [f"k{number:04}" for number in range(len(order))]
    parts = [expected[start : start + limit] for start in range(0, len(expected), limit)]
    assert desk.keys(segments) == (parts or [[]])


def test_a_backup_of_nothing_has_one_empty_segment(desk: Desk) -> None:
    """The commit record has something to name."""
    (segment,) = desk.writer.finish()
    assert (segment.number, segment.totals, segment.packs) == (0, Totals(), frozenset())
    assert (segment.first_key, segment.last_key) == ("", "")
    assert list(desk.manifest(segment).lines()) == []


def test_an_object_that_vanished_leaves_no_line(desk: Desk) -> None:
    """Its turn passes."""
    desk.writer.add(Outcome(0))
    desk.writer.add(file_outcome(1))
    assert desk.writer.settled == 2
    assert desk.keys(desk.writer.finish()) == [["k0001"]]


def test_a_segment_is_closed_at_its_size() -> None:
    """Compressed bytes count, as they leave the compressor."""
    desk = Desk(segment_bytes=30_000)
    for sequence in range(6_000):
        desk.writer.add(file_outcome(sequence))
    segments = desk.writer.finish()
    desk.packer.close()
    assert len(segments) > 2
    assert list(itertools.chain.from_iterable(desk.keys(segments))) == [f"k{number:04}" for number in range(6_000)]


def test_a_segment_says_what_it_counts_and_which_keys_it_spans() -> None:
    """In its trailer too, so that a backup can be committed from its manifests alone."""
    desk = Desk(segment_entries=3)
    for outcome in (file_outcome(0), unreadable_outcome(1), file_outcome(2), file_outcome(3)):
        desk.writer.add(outcome)
    first, second = desk.writer.finish()
    desk.packer.close()
    assert first.totals == Totals(files=2, unreadable=1, source=27, read=20, new=8, stored=4)
    assert (first.first_key, first.last_key) == ("k0000", "k0002")
    assert first.unreadable == (Unreadable("k0001", "OBJECT_ARCHIVED", "no"),)
    assert (second.number, second.totals.files, second.unreadable) == (1, 1, ())
    reader = desk.manifest(first)
    list(reader.lines())
    assert reader.trailer == (first.totals, first.packs)


def test_segments_go_on_with_the_number_that_they_are_given() -> None:
    """A continuation writes beside the segments of the invocation before it."""
    desk = Desk(HEADER._replace(segment=7), segment_entries=1)
    for sequence in range(2):
        desk.writer.add(file_outcome(sequence))
    segments = desk.writer.finish()
    desk.packer.close()
    assert [segment.number for segment in segments] == [7, 8]
    assert [desk.manifest(segment).header.segment for segment in segments] == [7, 8]


def test_a_segment_names_some_of_very_many_unreadable_objects(desk: Desk) -> None:
    """Its manifest names all."""
    for sequence in range(SAMPLE + 20):
        desk.writer.add(unreadable_outcome(sequence))
    (segment,) = desk.writer.finish()
    assert segment.totals.unreadable == SAMPLE + 20
    assert len(segment.unreadable) == SAMPLE
    assert len(list(desk.manifest(segment).lines())) == SAMPLE + 20


def test_an_outcomes_error_is_raised(desk: Desk) -> None:
    """Even before its turn has come: there is nothing to wait for any more."""
    with pytest.raises(UnavailableError, match="down"):
        desk.writer.add(Outcome(5, error=UnavailableError("down")))


def test_a_manifest_is_written_after_the_packs_that_it_names(desk: Desk) -> None:
    """Nothing refers to what is not there yet."""
    desk.packer.register()
    (ref,) = desk.packer.add([StoredChunk(b"c" * 32, noise(1, 50), 50)])
    line = encode_entry(FileEntry("k", 50, "e", "t", (ref,)))
    desk.writer.add(Outcome(0, line, "k", frozenset([ref.pack]), 50, 50, 50, 50))
    (segment,) = desk.writer.finish()
    assert [key.partition("/")[0] for key in desk.store.blobs] == ["packs", "snapshots"]
    assert segment.packs == {ref.pack}


def test_a_pack_that_fails_leaves_no_manifest(desk: Desk) -> None:
    """The backup ends before it says anything wrong."""
    desk.packer.register()
    (ref,) = desk.packer.add([StoredChunk(b"c" * 32, noise(1, 50), 50)])
    desk.writer.add(Outcome(0, encode_entry(FileEntry("k", 50, "e", "t", (ref,))), "k", frozenset([ref.pack])))
    desk.packer.fail(UnavailableError("down"))
    with pytest.raises(UnavailableError):
        desk.writer.finish()
    assert [key for key in desk.store.blobs if key.startswith(SNAPSHOTS)] == []


def test_writing_the_same_object_again_is_success() -> None:
    """An answer that was lost is no reason to fail."""
    store = MemoryBlobStore()
    put_once(store, "k", b"data")
    put_once(store, "k", b"data")
    assert store.blobs == {"k": b"data"}


def test_another_object_of_that_name_is_a_conflict() -> None:
    """What exists stays."""
    store = MemoryBlobStore()
    put_once(store, "k", b"data")
    with pytest.raises(ConflictError):
        put_once(store, "k", b"other")
    assert store.blobs == {"k": b"data"}


def test_lines_are_files_or_unreadable_objects(desk: Desk) -> None:
    """Both stand in one manifest, in the order of their keys."""
    desk.writer.add(file_outcome(0))
    desk.writer.add(unreadable_outcome(1))
    (segment,) = desk.writer.finish()
    assert [type(line) for line in desk.manifest(segment).lines()] == [Line, Unreadable]
