"""The chunker: identity, stability, and the exact boundaries that the repository format depends on."""

import hashlib
import itertools

import pyfastcdc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.engine.chunker import FORMAT_1, Chunker, ChunkerParameters, require_native
from functions.engine.errors import ConfigurationError
from functions.engine.safety import KIB, MIB
from tests.strategies import noise, prose

SMALL = ChunkerParameters(minimum=64, average=256, maximum=1024)
files = st.one_of(
    st.builds(noise, st.integers(0, 10_000), st.integers(0, 12_000)),
    st.builds(prose, st.integers(0, 10_000), st.integers(0, 12_000)),
    st.binary(max_size=600),
    st.builds(bytes, st.integers(0, 5_000)),
)


def cut(data: bytes, parameters: ChunkerParameters = SMALL, at: list[int] | None = None) -> list[bytes]:
    """Chunk `data`, fed in pieces that end at the positions `at`."""
    chunker = Chunker(parameters)
    bounds = [0, *sorted(at or []), len(data)]
    pieces = [data[start:end] for start, end in itertools.pairwise(bounds)]
    chunks = [bytes(chunk) for piece in pieces[:-1] for chunk in chunker.feed(piece)]
    return chunks + [bytes(chunk) for chunk in chunker.feed(pieces[-1], last=True)]


def ends(chunks: list[bytes]) -> list[int]:
    """Give the position at which each chunk ends."""
    return list(itertools.accumulate(map(len, chunks)))


@given(files)
def test_chunks_joined_are_the_file(data: bytes) -> None:
    """Nothing is lost, doubled or moved by cutting."""
    assert b"".join(cut(data)) == data


@given(st.builds(prose, st.integers(0, 1_000), st.integers(0, 3 * MIB)))
def test_chunks_of_the_formats_own_sizes_joined_are_the_file(data: bytes) -> None:
    """The identity holds for the parameters that repositories use."""
    assert b"".join(cut(data, FORMAT_1)) == data


@given(files)
def test_every_chunk_keeps_to_the_sizes(data: bytes) -> None:
    """No chunk is larger than the maximum, none but the last is smaller than the minimum, none is empty."""
    sizes = list(map(len, cut(data)))
    assert all(0 < size <= SMALL.maximum for size in sizes)
    assert all(size >= SMALL.minimum for size in sizes[:-1])


@given(files.filter(len), st.data())
def test_chunks_do_not_depend_on_how_the_file_is_fed(data: bytes, draw: st.DataObject) -> None:
    """Pieces of any sizes, empty ones too, give the chunks of the whole."""
    at = draw.draw(st.lists(st.integers(0, len(data)), max_size=20))
    assert cut(data, at=at) == cut(data)


@pytest.mark.parametrize("make", [noise, prose])
def test_a_file_fed_byte_by_byte_gives_the_same_chunks(make: object) -> None:
    """The smallest pieces there are change nothing."""
    data = noise(1, 6_000) if make is noise else prose(1, 6_000)
    assert cut(data, at=list(range(1, len(data)))) == cut(data)


@pytest.mark.parametrize("part", [64 * KIB, 1 * MIB, 1 * MIB + 1, 8 * MIB])
def test_large_files_fed_in_parts_give_the_same_chunks(part: int) -> None:
    """The part size of a large read is free: it is no part of the format."""
    data = noise(2, 5 * MIB)
    assert cut(data, FORMAT_1, list(range(part, len(data), part))) == cut(data, FORMAT_1)


@pytest.mark.parametrize("size", [1, SMALL.minimum - 1, SMALL.minimum])
def test_a_file_of_at_most_the_minimum_is_one_chunk(size: int) -> None:
    """Small files are never cut."""
    assert list(map(len, cut(noise(3, size)))) == [size]


def test_an_empty_file_has_no_chunk() -> None:
    """Zero bytes need no place in a pack."""
    assert cut(b"") == []


def test_a_chunker_holds_back_only_what_may_still_grow() -> None:
    """Chunks come as soon as they are certain; the rest stays until more bytes or the end come."""
    chunker = Chunker(SMALL)
    early = chunker.feed(noise(4, 10_000))
    late = chunker.feed(b"", last=True)
    assert sum(map(len, early)) >= 10_000 - SMALL.maximum
    assert len(late) == 1


@given(st.integers(0, 60_000), st.integers(1, 50), st.integers(0, 100))
def test_an_insertion_moves_only_nearby_boundaries(position: int, length: int, seed: int) -> None:
    """Behind an insertion the old boundaries return within a few chunks and stay; before it nothing changes."""
    data = noise(seed, 60_000)
    before = ends(cut(data))
    after = ends(cut(data[:position] + noise("new", length) + data[position:]))
    assert [end for end in before if end <= position - SMALL.maximum] == [
        end for end in after if end <= position - SMALL.maximum
    ]
    shifted = {end + length for end in before if end > position}
    behind = [end for end in after if end > position + length]
    resync = next((number for number, end in enumerate(behind) if end in shifted), len(behind))
    assert all(end in shifted for end in behind[resync:])
    assert resync <= 20
    assert len(shifted) - len(behind[resync:]) <= 20


def test_most_chunks_of_a_file_survive_an_insertion() -> None:
    """A byte put into the middle of a file costs the chunk that it falls into, and hardly more."""
    data = noise(5, 16 * MIB)
    middle = len(data) // 2
    before = {hashlib.sha256(chunk).digest() for chunk in cut(data, FORMAT_1)}
    after = [hashlib.sha256(chunk).digest() for chunk in cut(data[:middle] + b"!" + data[middle:], FORMAT_1)]
    assert sum(chunk not in before for chunk in after) <= 2
    assert len(after) > 40


GOLDEN = {
    "noise": (
        noise("golden", 3 * MIB),
        [417_810, 273_728, 405_785, 327_091, 322_792, 294_096, 416_563, 279_359, 313_365, 95_139],
    ),
    "prose": (
        prose("golden", 2 * MIB),
        [336_870, 300_699, 567_263, 360_978, 94_276, 281_913, 155_153],
    ),
    "zeros": (bytes(2 * MIB + 5), [1_048_576, 1_048_576, 5]),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_boundaries_of_known_data_are_pinned(name: str) -> None:
    """A library that cuts elsewhere would restore, but find none of the chunks that exist: it must not pass."""
    data, sizes = GOLDEN[name]
    assert list(map(len, cut(data, FORMAT_1))) == sizes


def test_the_parameters_of_the_format_are_pinned() -> None:
    """Other values would make every stored chunk unknown."""
    assert ChunkerParameters(65_536, 262_144, 1_048_576, 2) == FORMAT_1


def test_the_compiled_cutter_is_loaded() -> None:
    """The environment that runs the tests has the fast cutter."""
    require_native()


def test_a_slow_cutter_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pure Python cutter is named, with what to install instead."""
    monkeypatch.setattr(pyfastcdc, "FastCDC", type("FastCDC", (), {"__module__": "pyfastcdc.py.fastcdc"}))
    with pytest.raises(ConfigurationError, match=r"pyfastcdc\.py\.fastcdc.*install the pyfastcdc wheel"):
        require_native()
