"""DedupIndex: every adapter keeps the port's promises."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from functions.engine.model import ChunkRef
from functions.engine.ports import DedupIndex

LARGEST = 2**32 - 1


def ref(number: int, pack: int = 1) -> ChunkRef:
    """Give a chunk's place; each number is another chunk."""
    chunk = hashlib.sha256(str(number).encode()).digest()
    return ChunkRef(chunk, f"{pack:032x}", 1000 * number, 900, 1000 + number)


def test_an_unknown_chunk_is_not_in_the_answer(index: DedupIndex) -> None:
    """Nor is it an error."""
    index.record([ref(1)])
    assert dict(index.lookup([ref(2).chunk])) == {}
    assert dict(index.lookup([])) == {}


def test_what_was_recorded_is_found_at_its_place(index: DedupIndex) -> None:
    """Every field comes back, the known ones among what was asked."""
    index.record([ref(1), ref(2), ref(3)])
    asked = [ref(number).chunk for number in (3, 4, 1)]
    assert dict(index.lookup(asked)) == {ref(1).chunk: ref(1), ref(3).chunk: ref(3)}


@pytest.mark.parametrize("offset", [0, 1, LARGEST])
@pytest.mark.parametrize("stored", [1, LARGEST])
def test_places_may_be_as_small_and_as_large_as_a_pack_allows(index: DedupIndex, offset: int, stored: int) -> None:
    """Nothing is rounded."""
    place = ChunkRef(b"\x00" * 32, "00" * 16, offset, stored, LARGEST)
    index.record([place])
    assert dict(index.lookup([place.chunk])) == {place.chunk: place}


def test_recording_nothing_is_nothing(index: DedupIndex) -> None:
    """An empty pack is not written, but nobody has to know that."""
    index.record([])
    assert dict(index.lookup([ref(1).chunk])) == {}


def test_recording_twice_is_harmless(index: DedupIndex) -> None:
    """A finished upload may be reported again."""
    index.record([ref(1), ref(2)])
    index.record([ref(1), ref(2)])
    assert dict(index.lookup([ref(1).chunk, ref(2).chunk])) == {ref(1).chunk: ref(1), ref(2).chunk: ref(2)}


def test_a_chunk_in_two_packs_is_found_in_one_of_them(index: DedupIndex) -> None:
    """Whichever it is, it is whole: pack, offset and lengths belong together."""
    first, second = ref(1, pack=1), ref(1, pack=2)._replace(offset=7, stored=11)
    index.record([first])
    index.record([second])
    assert index.lookup([first.chunk])[first.chunk] in (first, second)


def test_a_chunk_may_be_recorded_and_asked_for_several_times_in_one_call(index: DedupIndex) -> None:
    """A file that repeats itself does that."""
    index.record([ref(1), ref(2), ref(1), ref(1)])
    assert dict(index.lookup([ref(1).chunk] * 3 + [ref(2).chunk] * 2)) == {ref(1).chunk: ref(1), ref(2).chunk: ref(2)}


@pytest.mark.parametrize("count", [25, 26, 100, 101, 250])
def test_any_number_may_be_recorded_and_asked_for_at_once(index: DedupIndex, count: int) -> None:
    """More than one request of the service takes."""
    refs = [ref(number) for number in range(count)]
    index.record(iter(refs))
    found = index.lookup([place.chunk for place in refs] + [ref(number).chunk for number in range(-50, 0)])
    assert dict(found) == {place.chunk: place for place in refs}


def test_a_place_that_was_announced_is_not_taken_for_a_durable_one(index: DedupIndex) -> None:
    """Until its pack is recorded, whoever finds the place is told that it is unsettled."""
    place = ref(1)
    assert not index.unsettled({place.pack})
    index.announce([place])
    assert bool(index.lookup([place.chunk])) is index.unsettled({place.pack})
    index.record([place])
    assert dict(index.lookup([place.chunk])) == {place.chunk: place}
    assert not index.unsettled({place.pack})


def test_announcing_nothing_is_nothing(index: DedupIndex) -> None:
    """Nobody has to wait for it."""
    index.announce([])
    assert not index.unsettled(set())


def test_many_threads_may_use_it(index: DedupIndex) -> None:
    """Each sees what it recorded itself."""

    def work(worker: int) -> bool:
        mine = [ref(1000 * worker + number) for number in range(60)]
        index.record(mine)
        return dict(index.lookup([place.chunk for place in mine])) == {place.chunk: place for place in mine}

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(work, range(8)))
