"""An index in memory, and in a temporary file beyond: to whoever asks it is the same."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.adapters import local_index
from functions.adapters.local_index import LocalIndex
from functions.adapters.memory import MemoryIndex
from functions.engine.errors import UnavailableError
from functions.engine.model import ChunkRef

IN_MEMORY = 4


def ref(number: int, pack: int = 1) -> ChunkRef:
    """Give a chunk's place."""
    return ChunkRef(hashlib.sha256(b"%d" % number).digest(), f"{pack:032x}", number, 900, 1_000 + number)


numbers = st.integers(0, 9)
steps = st.lists(st.tuples(st.booleans(), st.lists(numbers, max_size=6), st.integers(1, 3)), max_size=12)


@given(steps)
def test_it_answers_as_a_dict_does_however_much_is_in_it(done: list[tuple[bool, list[int], int]]) -> None:
    """Before, at and after the step into the file; what came first stays."""
    index, model = LocalIndex(in_memory=IN_MEMORY), MemoryIndex()
    for record, chunks, pack in done:
        refs = [ref(number, pack) for number in chunks]
        if record:
            index.record(iter(refs))
            model.record(refs)
        asked = [place.chunk for place in refs]
        assert dict(index.lookup(asked)) == dict(model.lookup(asked))
    assert not index.unsettled({f"{1:032x}"})
    index.close()


def test_it_is_filled_once_before_the_first_look_up() -> None:
    """Also when filling takes it into the file, and whatever was recorded before."""
    filled: list[int] = []

    def fill(empty: LocalIndex) -> None:
        filled.append(len(filled))
        empty.record(ref(number) for number in range(3 * IN_MEMORY))

    index = LocalIndex(fill, in_memory=IN_MEMORY)
    index.record([ref(100)])
    assert filled == []
    wanted = [ref(0), ref(3 * IN_MEMORY - 1), ref(100)]
    for _ in range(2):
        assert list(index.lookup([place.chunk for place in wanted]).values()) == wanted
    assert filled == [0]
    index.close()


def test_it_is_not_taken_for_filled_when_that_failed() -> None:
    """It is tried again: an index that looks empty would have everything stored once more."""
    fails = [True]

    def fill(empty: LocalIndex) -> None:
        empty.record([ref(1)])
        if fails.pop():
            fails.append(False)
            raise UnavailableError("an outage")
        empty.record([ref(2)])

    index = LocalIndex(fill, in_memory=IN_MEMORY)
    with pytest.raises(UnavailableError, match="outage"):
        index.lookup([ref(1).chunk])
    assert list(index.lookup([ref(1).chunk, ref(2).chunk]).values()) == [ref(1), ref(2)]
    index.close()


def test_beyond_its_share_nothing_is_left_in_memory() -> None:
    """All of it goes into the file, not only what comes from then on."""
    index = LocalIndex(in_memory=IN_MEMORY)
    index.record([ref(number) for number in range(IN_MEMORY)])
    assert len(index._places) == IN_MEMORY
    index.record([ref(IN_MEMORY)])
    assert index._places == {}
    index.record([ref(IN_MEMORY + 1)])
    assert index._places == {}
    assert len(index.lookup([ref(number).chunk for number in range(IN_MEMORY + 5)])) == IN_MEMORY + 2
    index.close()


def test_threads_may_share_the_file() -> None:
    """One after the other; each finds what it has recorded."""
    index = LocalIndex(in_memory=IN_MEMORY)

    def work(thread: int) -> bool:
        refs = [ref(thread * 1_000 + number) for number in range(300)]
        for start in range(0, 300, 10):
            index.record(refs[start : start + 10])
        return list(index.lookup([place.chunk for place in refs]).values()) == refs

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(work, range(6)))
    index.close()


def test_a_disk_without_room_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """As any store that does not answer; the backup is not committed."""
    small = (*local_index._BEGIN[:-1], "PRAGMA max_page_count = 4", local_index._BEGIN[-1])
    monkeypatch.setattr(local_index, "_BEGIN", small)
    index = LocalIndex(in_memory=IN_MEMORY)
    with pytest.raises(UnavailableError, match="full") as caught:
        index.record([ref(number) for number in range(5_000)])
    assert "TMPDIR" in caught.value.remedy
    index.close()


def test_closed_it_is_empty_and_may_be_closed_again() -> None:
    """Whoever is late does not fail."""
    index = LocalIndex(in_memory=IN_MEMORY)
    index.record([ref(number) for number in range(2 * IN_MEMORY)])
    index.close()
    index.close()
    assert dict(index.lookup([ref(1).chunk])) == {}
