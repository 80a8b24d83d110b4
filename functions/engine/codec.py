"""How a chunk's bytes stand in a pack: raw, or one zstd frame that states its plain size."""

from __future__ import annotations

import hashlib

import zstandard

from functions.engine.errors import ChunkCorruptError
from functions.engine.model import Buffer, ChunkRef
from functions.engine.safety import KIB

RAW = 0
ZSTD = 1
LEVEL = 3
MIDDLE_LEVEL = 1
"""For a chunk that shrinks little, or is little: two thirds of LEVEL's time for 1 % more of its bytes."""
FAST_LEVEL = -3
"""For a chunk that will hardly shrink: half the time of MIDDLE_LEVEL, and long repeats are found all the same."""

_PROBE_LEVEL = -1
_SAMPLE = 2 * KIB
_SAMPLED = 16 * KIB
_SHRINKS_WELL = 0.9


class Encoder:
    """Compresses chunks. One instance a thread."""

    def __init__(self) -> None:
        """Keep the compressors: making one a chunk costs 5 to 10 % on small chunks."""
        self._thorough = _compressor(LEVEL)
        self._middle = _compressor(MIDDLE_LEVEL)
        self._fast = _compressor(FAST_LEVEL)
        self._probe = _compressor(_PROBE_LEVEL)

    def encode(self, plain: Buffer) -> Buffer:
        """Give the zstd frame of `plain` when it is smaller, else `plain` itself."""
        frame = self._compressor_for(plain).compress(plain)
        return frame if len(frame) < len(plain) else plain

    def _compressor_for(self, plain: Buffer) -> zstandard.ZstdCompressor:
        """Choose by how far a sample from two places shrinks, as so the chunk may (ADR 0014)."""
        if len(plain) < _SAMPLED:
            return self._middle
        third = len(plain) // 3
        sample = b"".join((plain[third : third + _SAMPLE], plain[2 * third : 2 * third + _SAMPLE]))
        shrunk = len(self._probe.compress(sample))
        if shrunk < _SHRINKS_WELL * len(sample):
            return self._thorough
        return self._middle if shrunk < len(sample) else self._fast


class Decoder:
    """Decompresses and proves chunks. One instance a thread."""

    def __init__(self) -> None:
        """Keep one decompressor."""
        self._decompressor = zstandard.ZstdDecompressor()

    def decode(self, stored: Buffer, ref: ChunkRef) -> Buffer:
        """Give the plain bytes of `ref`, or raise ChunkCorruptError when they are not what its id names."""
        if len(stored) != ref.stored:
            raise _corrupt(ref, f"{len(stored)} stored bytes instead of {ref.stored}")
        plain = stored if ref.stored == ref.length else self._expand(stored, ref)
        if hashlib.sha256(plain).digest() != ref.chunk:
            raise _corrupt(ref, "its SHA-256 differs")
        return plain

    def _expand(self, stored: Buffer, ref: ChunkRef) -> bytes:
        try:
            if zstandard.frame_content_size(stored) != ref.length:
                raise _corrupt(ref, f"its frame does not hold {ref.length} bytes")
            return self._decompressor.decompress(stored)
        except zstandard.ZstdError as error:
            raise _corrupt(ref, str(error)) from error


def _compressor(level: int) -> zstandard.ZstdCompressor:
    return zstandard.ZstdCompressor(level=level, write_content_size=True, write_checksum=False)


def _corrupt(ref: ChunkRef, what: str) -> ChunkCorruptError:
    return ChunkCorruptError(f"chunk {ref.chunk.hex()} in pack {ref.pack} at {ref.offset}: {what}")
