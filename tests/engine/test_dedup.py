"""Deduplication: each chunk is stored once, whoever meets it, and every meeting gets a place."""

import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.adapters.memory import MemoryBlobStore, MemoryIndex
from functions.engine.codec import Encoder
from functions.engine.dedup import Deduplicator, Piece, _owned
from functions.engine.errors import UnavailableError
from functions.engine.model import ChunkId, ChunkRef
from functions.engine.packer import Packer
from functions.engine.safety import KIB, SafetyParameters
from tests.engine.kit import Ids
from tests.strategies import noise

PATIENCE = 10.0


class WatchedIndex(MemoryIndex):
    """Notes what it is asked; waits at `gate` when there is one; fails while `down`."""

    def __init__(self) -> None:
        """Start empty, open and running."""
        super().__init__()
        self.asked: list[ChunkId] = []
        self.reached = threading.Event()
        self.gate: threading.Barrier | None = None
        self.down = False

    def lookup(self, chunks: Sequence[ChunkId]) -> Mapping[ChunkId, ChunkRef]:
        """See DedupIndex."""
        self.asked += chunks
        self.reached.set()
        if self.gate is not None:
            self.gate.wait()
        if self.down:
            raise UnavailableError("the table is down")
        return super().lookup(chunks)


class Shelf:
    """A deduplicator over a packer on memory."""

    def __init__(self, pack_target: int = 16 * KIB) -> None:
        """Start with nothing stored."""
        self.store = MemoryBlobStore()
        self.index = WatchedIndex()
        self.packer = Packer(self.store, self.index, Ids(), SafetyParameters(pack_target=pack_target))
        self.dedup = Deduplicator(self.index, self.packer)


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    """An empty shelf, closed at the end."""
    made = Shelf()
    yield made
    made.packer.close()


def pieces_of(*plains: bytes) -> list[Piece]:
    """Name chunks."""
    return [Piece(hashlib.sha256(plain).digest(), plain) for plain in plains]


def test_a_new_chunk_is_stored_and_told_as_fresh(shelf: Shelf) -> None:
    """Its place is the same in both answers."""
    (piece,) = pieces_of(noise(1, 100))
    stored = shelf.dedup.store([piece], {}, Encoder())
    assert stored.places == stored.fresh
    assert stored.places[piece.chunk].length == 100


def test_a_chunk_that_occurs_twice_in_one_call_is_stored_once(shelf: Shelf) -> None:
    """Two files of a batch may be the same."""
    pieces = pieces_of(*[noise(1, 100)] * 3)
    stored = shelf.dedup.store(pieces, {}, Encoder())
    assert len(stored.places) == len(stored.fresh) == 1
    assert shelf.index.asked == [pieces[0].chunk]


def test_a_chunk_of_the_open_pack_is_found_there(shelf: Shelf) -> None:
    """The index does not know it yet, and is not asked."""
    pieces = pieces_of(noise(1, 100))
    first = shelf.dedup.store(pieces, {}, Encoder())
    second = shelf.dedup.store(pieces, {}, Encoder())
    assert second.places == first.places
    assert second.fresh == {}
    assert len(shelf.index.asked) == 1


def test_a_chunk_of_an_earlier_backup_is_found_in_the_index(shelf: Shelf) -> None:
    """Nothing is stored for it."""
    (piece,) = pieces_of(noise(1, 100))
    place = ChunkRef(piece.chunk, "f" * 32, 5, 100, 100)
    shelf.index.record([place])
    assert shelf.dedup.store([piece], {}, Encoder()) == ({piece.chunk: place}, {})


def test_a_chunk_that_the_parent_knows_is_taken_from_there(shelf: Shelf) -> None:
    """The index is not asked."""
    (piece,) = pieces_of(noise(1, 100))
    place = ChunkRef(piece.chunk, "f" * 32, 5, 100, 100)
    assert shelf.dedup.store([piece], {piece.chunk: place}, Encoder()) == ({piece.chunk: place}, {})
    assert shelf.index.asked == []


@given(st.lists(st.lists(st.integers(0, 12), max_size=6), min_size=1, max_size=8))
def test_threads_that_meet_the_same_chunks_store_each_once(batches: list[list[int]]) -> None:
    """Every thread gets a place for each of its chunks; all places of a chunk are one; it is fresh for one thread."""
    shelf = Shelf(pack_target=500)
    plains = {number: noise(number, 150) for number in range(13)}
    try:
        with ThreadPoolExecutor(len(batches)) as threads:
            calls = [
                threads.submit(shelf.dedup.store, pieces_of(*map(plains.__getitem__, batch)), {}, Encoder())
                for batch in batches
            ]
            answers = [call.result(PATIENCE) for call in calls]
    finally:
        shelf.packer.close()
    places: dict[ChunkId, set[ChunkRef]] = {}
    for batch, answer in zip(batches, answers, strict=True):
        assert set(answer.places) == {piece.chunk for piece in pieces_of(*map(plains.__getitem__, batch))}
        for chunk, ref in answer.places.items():
            places.setdefault(chunk, set()).add(ref)
    assert all(len(refs) == 1 for refs in places.values())
    fresh = [chunk for answer in answers for chunk in answer.fresh]
    assert sorted(fresh) == sorted(places)


def test_who_meets_a_chunk_that_another_thread_stores_waits_for_its_place(shelf: Shelf) -> None:
    """The second thread neither stores it again nor asks the index while the first is at it."""
    (piece,) = pieces_of(noise(1, 100))
    shelf.index.gate = threading.Barrier(2, timeout=PATIENCE)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(shelf.dedup.store, [piece], {}, Encoder())
        assert shelf.index.reached.wait(PATIENCE)
        second = threads.submit(shelf.dedup.store, [piece], {}, Encoder())
        assert not second.done()
        shelf.index.gate.wait()
        assert second.result(PATIENCE).places == first.result(PATIENCE).places
    assert second.result().fresh == {}
    assert len(shelf.index.asked) == 1


def test_a_chunk_whose_storing_failed_is_free_for_the_next(shelf: Shelf) -> None:
    """An index that was down for a moment does not lock its chunks for ever."""
    pieces = pieces_of(noise(1, 100), noise(2, 100))
    shelf.index.down = True
    with pytest.raises(UnavailableError):
        shelf.dedup.store(pieces, {}, Encoder())
    shelf.index.down = False
    assert len(shelf.dedup.store(pieces, {}, Encoder()).fresh) == 2


def test_stored_bytes_do_not_hold_on_to_the_file_that_they_came_from(shelf: Shelf) -> None:
    """A raw chunk is copied out of the buffer that was read, so the buffer can be given back."""
    buffer = bytearray(noise(1, 100))
    (piece,) = pieces_of(bytes(buffer))
    shelf.dedup.store([Piece(piece.chunk, memoryview(buffer))], {}, Encoder())
    buffer.clear()  # would raise BufferError if somebody still looked at it
    assert len(buffer) == 0


def test_an_object_that_is_one_raw_chunk_is_not_copied() -> None:
    """Its bytes are the chunk's bytes; a part of an object is copied, so that the rest can be given back."""
    whole = noise(1, 100)
    assert _owned(memoryview(whole)) is whole
    assert _owned(memoryview(whole)[:50]) == whole[:50]
    assert _owned(whole) is whole
