"""Packs: what they say about themselves is complete, and no damage to it passes."""

import hashlib
import itertools

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from functions.engine.codec import Decoder
from functions.engine.errors import FormatError, PackCorruptError
from functions.engine.model import ChunkRef
from functions.engine.pack import (
    FOOTER_SIZE,
    MAGIC,
    RECORD_SIZE,
    Footer,
    PackBuilder,
    encode_index,
    read_footer,
    read_index,
)
from tests.engine.kit import flip, joined, make_pack
from tests.strategies import noise, prose

PACK = "5a" * 16
PLAINS = [noise(1, 300), prose(1, 3_000), b"x", noise(2, 50)]


def parse(data: bytes) -> list[ChunkRef]:
    """Read a whole pack's index by its footer."""
    footer = read_footer(PACK, data, len(data))
    return read_index(PACK, footer, data[footer.index_offset : len(data) - FOOTER_SIZE])


def forge(refs: list[ChunkRef], *, offset: int, **changes: int) -> bytes:
    """Give index and footer over `refs` as a writer with a bug would: the digest is right, the places are not."""
    index = zstandard.ZstdCompressor().compress(encode_index(refs))
    length = changes.get("index_length", len(refs) * RECORD_SIZE)
    footer = (
        MAGIC
        + changes.get("version", 1).to_bytes(2, "big")
        + changes.get("flags", 0).to_bytes(2, "big")
        + changes.get("chunks", len(refs)).to_bytes(4, "big")
        + offset.to_bytes(8, "big")
        + len(index).to_bytes(4, "big")
        + length.to_bytes(4, "big")
        + hashlib.sha256(index).digest()
    )
    return index + footer


@given(st.lists(st.binary(min_size=1, max_size=2_000), max_size=12))
def test_a_pack_says_itself_what_it_holds(plains: list[bytes]) -> None:
    """Footer and index give the place of every chunk, and every chunk decodes from its place."""
    sealed = make_pack(PACK, plains)
    data = joined(sealed.parts)
    assert len(data) == sealed.size
    refs = parse(data)
    assert refs == sealed.refs
    decoder = Decoder()
    assert [bytes(decoder.decode(data[ref.offset : ref.offset + ref.stored], ref)) for ref in refs] == plains


def test_places_are_given_as_chunks_are_added() -> None:
    """A chunk's place is known before the pack is sealed."""
    builder = PackBuilder(PACK)
    first = builder.add(b"a" * 32, b"stored", 100)
    second = builder.add(b"b" * 32, b"more", 4)
    assert first == (b"a" * 32, PACK, 0, 6, 100)
    assert second == (b"b" * 32, PACK, 6, 4, 4)
    assert builder.size == 10 + 2 * RECORD_SIZE


def test_a_suffix_is_enough_to_read_footer_and_index() -> None:
    """Nobody has to read the chunks to know which there are."""
    sealed = make_pack(PACK, PLAINS)
    data = joined(sealed.parts)
    tail = data[sealed.refs[-1].offset :]
    footer = read_footer(PACK, tail, len(data))
    assert read_index(PACK, footer, tail[-FOOTER_SIZE - footer.index_stored : -FOOTER_SIZE]) == sealed.refs


def test_every_flipped_bit_of_footer_or_index_is_detected() -> None:
    """Not one bit of what a pack says about itself can turn without being noticed."""
    sealed = make_pack(PACK, PLAINS)
    data = joined(sealed.parts)
    start = sum(ref.stored for ref in sealed.refs)
    for position, bit in itertools.product(range(start, len(data)), range(8)):
        with pytest.raises((PackCorruptError, FormatError)):
            parse(flip(data, position, bit))


def test_a_pack_cut_short_anywhere_is_detected() -> None:
    """A pack that lost its end, or its beginning, is refused."""
    data = joined(make_pack(PACK, PLAINS).parts)
    for length in range(len(data)):
        with pytest.raises(PackCorruptError):
            parse(data[:length])
    for start in range(1, len(data), 7):
        with pytest.raises(PackCorruptError):
            parse(data[start:])


def test_a_pack_with_bytes_behind_its_footer_is_detected() -> None:
    """The footer is the end."""
    with pytest.raises(PackCorruptError):
        parse(joined(make_pack(PACK, PLAINS).parts) + b"\0")


def test_a_pack_of_a_newer_version_is_refused_by_name() -> None:
    """A release that does not know a format says so instead of guessing."""
    with pytest.raises(FormatError, match=f"pack {PACK} has format 2, this release reads up to 1"):
        parse(forge([], offset=0, version=2))


def test_a_pack_of_version_0_is_damaged() -> None:
    """There never was a version 0."""
    with pytest.raises(PackCorruptError, match="version"):
        parse(forge([], offset=0, version=0))


def test_a_pack_with_unknown_flags_is_refused() -> None:
    """A flag that this release does not know may change what the bytes mean."""
    with pytest.raises(FormatError, match="flags"):
        parse(forge([], offset=0, flags=1))


A, B = (ChunkRef(bytes([number]) * 32, PACK, number * 10, 10, 10) for number in range(2))


@pytest.mark.parametrize(
    ("refs", "offset"),
    [
        ([B], 20),
        ([A, A], 20),
        ([A, B._replace(offset=11)], 21),
        ([A, B._replace(stored=9)], 20),
        ([A._replace(stored=11, offset=0), B._replace(offset=11)], 21),
        ([A, B], 25),
    ],
    ids=["gap before", "overlap", "gap between", "gap behind", "larger than plain", "index further on"],
)
def test_places_that_do_not_fill_the_pack_are_refused(refs: list[ChunkRef], offset: int) -> None:
    """Chunks stand back to back from the first byte to the index, and none is larger than its plain bytes."""
    data = bytes(offset) + forge(refs, offset=offset)
    with pytest.raises(PackCorruptError):
        parse(data)


@pytest.mark.parametrize("changes", [{"chunks": 3}, {"index_length": 57}, {"chunks": 1, "index_length": RECORD_SIZE}])
def test_counts_that_do_not_fit_the_index_are_refused(changes: dict[str, int]) -> None:
    """The number of chunks, the length of the index and the index itself must agree."""
    data = bytes(20) + forge([A, B], offset=20, **changes)
    with pytest.raises(PackCorruptError):
        parse(data)


def test_an_index_that_is_no_zstd_frame_is_refused() -> None:
    """A digest over rubbish does not make it an index."""
    rubbish = b"not a frame"
    footer = Footer(0, 0, len(rubbish), 0, hashlib.sha256(rubbish).digest())
    with pytest.raises(PackCorruptError, match="index"):
        read_index(PACK, footer, rubbish)


def test_an_index_whose_frame_breaks_off_is_refused() -> None:
    """A frame whose header is whole but whose body is not cannot be decompressed."""
    frame = zstandard.ZstdCompressor().compress(encode_index([A, B]))[:-4]
    footer = Footer(2, 20, len(frame), 2 * RECORD_SIZE, hashlib.sha256(frame).digest())
    with pytest.raises(PackCorruptError, match="cannot be decompressed"):
        read_index(PACK, footer, frame)


def test_errors_name_the_pack() -> None:
    """Whoever reads the message knows which object to look at."""
    with pytest.raises(PackCorruptError, match=PACK):
        read_footer(PACK, b"", 0)
