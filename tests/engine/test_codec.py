"""The codec: what was stored comes back, and what is not what its id names does not."""

import hashlib
import itertools

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from functions.engine.codec import Decoder, Encoder
from functions.engine.errors import ChunkCorruptError
from functions.engine.model import ChunkRef
from functions.engine.safety import KIB, MIB
from tests.engine.kit import flip
from tests.strategies import noise, prose

PACK = "0" * 32


def ref_of(plain: bytes, stored: bytes) -> ChunkRef:
    """Give the place of a chunk that stands alone in a pack."""
    return ChunkRef(hashlib.sha256(plain).digest(), PACK, 0, len(stored), len(plain))


@given(st.binary(max_size=3_000) | st.builds(prose, st.integers(0, 99), st.integers(1, 30_000)))
def test_what_was_encoded_decodes_to_itself(plain: bytes) -> None:
    """Encoding and decoding are inverse for any bytes."""
    stored = bytes(Encoder().encode(plain))
    assert bytes(Decoder().decode(stored, ref_of(plain, stored))) == plain


@given(st.binary(max_size=3_000) | st.builds(noise, st.integers(0, 99), st.integers(1, 3_000)))
def test_a_chunk_never_takes_more_than_its_own_size(plain: bytes) -> None:
    """The length tells raw from compressed, so a frame is stored only when it is smaller."""
    assert len(Encoder().encode(plain)) <= len(plain)


def test_incompressible_bytes_are_stored_as_they_are() -> None:
    """A frame that would not be smaller is not made."""
    plain = noise(1, 100_000)
    assert Encoder().encode(plain) is plain


def test_compressible_bytes_are_stored_as_a_frame_that_states_its_size() -> None:
    """The frame says how many bytes it holds, so a decoder never has to guess."""
    plain = prose(1, 100_000)
    stored = Encoder().encode(plain)
    assert len(stored) < len(plain) // 4
    assert zstandard.frame_content_size(stored) == len(plain)


def test_a_chunk_that_does_not_shrink_in_two_places_still_loses_what_repeats() -> None:
    """The fast level is for what hardly shrinks; a block that comes twice is found by it, too."""
    plain = noise(7, 60_000) * 2
    stored = bytes(Encoder().encode(plain))
    assert len(stored) < 61_000
    assert bytes(Decoder().decode(stored, ref_of(plain, stored))) == plain


@pytest.mark.parametrize("place", [0, 40_000, 80_000])
def test_a_chunk_of_which_a_third_shrinks_is_stored_smaller(place: int) -> None:
    """Wherever the third lies, seen by the sample or not, most of what it can lose is lost."""
    plain = bytearray(noise(8, 120_000))
    plain[place : place + 40_000] = prose(8, 40_000)
    stored = bytes(Encoder().encode(plain))
    assert len(stored) < 92_000
    assert bytes(Decoder().decode(stored, ref_of(bytes(plain), stored))) == plain


@pytest.mark.parametrize("size", [0, 1, 16 * KIB - 1, 16 * KIB, 16 * KIB + 1, MIB])
def test_the_sample_fits_every_size(size: int) -> None:
    """Nothing is too small to be encoded, or of a size that the sample reaches beyond."""
    for plain in (noise(9, size), prose(9, size)):
        stored = bytes(Encoder().encode(memoryview(plain)))
        assert bytes(Decoder().decode(stored, ref_of(plain, stored))) == plain


def test_every_flipped_bit_of_a_raw_chunk_is_detected() -> None:
    """A raw chunk is its plain bytes, so each of its bits counts."""
    plain = noise(2, 200)
    decoder = Decoder()
    for position, bit in itertools.product(range(len(plain)), range(8)):
        with pytest.raises(ChunkCorruptError):
            decoder.decode(flip(plain, position, bit), ref_of(plain, plain))


def test_no_flipped_bit_of_a_frame_gives_other_bytes() -> None:
    """The few bits of a frame that mean nothing may turn; damage to any other is detected."""
    plain = prose(2, 2_000)
    stored = bytes(Encoder().encode(plain))
    decoder = Decoder()
    harmless = 0
    for position, bit in itertools.product(range(len(stored)), range(8)):
        try:
            assert decoder.decode(flip(stored, position, bit), ref_of(plain, stored)) == plain
        except ChunkCorruptError:
            continue
        harmless += 1
    assert harmless < len(stored) * 8 // 100


@pytest.mark.parametrize("stored", [b"", prose(3, 5_000), noise(3, 10)])
def test_stored_bytes_of_another_length_are_refused(stored: bytes) -> None:
    """A range read that gave too much or too little is no chunk."""
    plain = prose(3, 10_000)
    ref = ref_of(plain, bytes(Encoder().encode(plain)))
    with pytest.raises(ChunkCorruptError, match="stored bytes instead of"):
        Decoder().decode(stored, ref)


def test_the_error_names_chunk_pack_and_place() -> None:
    """Whoever reads the message can find the damage."""
    plain = noise(4, 100)
    ref = ChunkRef(hashlib.sha256(b"another").digest(), "ab" * 16, 4_711, 100, 100)
    with pytest.raises(ChunkCorruptError) as caught:
        Decoder().decode(plain, ref)
    assert ref.chunk.hex() in str(caught.value)
    assert "ab" * 16 in str(caught.value)
    assert "4711" in str(caught.value)


def test_a_frame_that_holds_more_than_it_should_is_not_expanded() -> None:
    """A decompression bomb is refused by the size in its header, before a byte of it is made."""
    bomb = zstandard.ZstdCompressor(level=19).compress(bytes(256 * MIB))
    ref = ChunkRef(hashlib.sha256(b"").digest(), PACK, 0, len(bomb), len(bomb) + 1)
    with pytest.raises(ChunkCorruptError, match="does not hold"):
        Decoder().decode(bomb, ref)


def test_a_frame_that_hides_its_size_is_not_expanded() -> None:
    """A frame without a size in its header could be of any size."""
    compressor = zstandard.ZstdCompressor(write_content_size=False)
    plain = prose(5, 10_000)
    stored = compressor.compress(plain)
    with pytest.raises(ChunkCorruptError, match="does not hold"):
        Decoder().decode(stored, ref_of(plain, stored))


def test_a_frame_that_lies_about_its_size_is_not_believed() -> None:
    """A header that states the size of the reference over a larger body does not get past the limit."""
    stored = bytearray(zstandard.ZstdCompressor().compress(prose(6, 60_000)))
    position = stored.index((60_000 - 256).to_bytes(2, "little"))
    stored[position : position + 2] = (50_000 - 256).to_bytes(2, "little")
    ref = ChunkRef(hashlib.sha256(prose(6, 50_000)).digest(), PACK, 0, len(stored), 50_000)
    with pytest.raises(ChunkCorruptError):
        Decoder().decode(bytes(stored), ref)
