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
FAST_LEVEL = -1
"""For a chunk that will hardly shrink: half the time of LEVEL, and repeats are found all the same."""

_SAMPLE = 2 * KIB
_SAMPLED = 16 * KIB


class Encoder:
    """Compresses chunks. One instance a thread."""

    def __init__(self) -> None:
        """Keep the compressors: making one a chunk costs 5 to 10 % on small chunks."""
        self._thorough = _compressor(LEVEL)
        self._fast = _compressor(FAST_LEVEL)

    def encode(self, plain: Buffer) -> Buffer:
        """Give the zstd frame of `plain` when it is smaller, else `plain` itself."""
        compressor = self._thorough if self._promises(plain) else self._fast
        frame = compressor.compress(plain)
        return frame if len(frame) < len(plain) else plain

    def _promises(self, plain: Buffer) -> bool:
        """Say whether a sample from two places shrinks, as then more of the chunk may (ADR 0014)."""
        if len(plain) < _SAMPLED:
            return True
        third = len(plain) // 3
        sample = b"".join((plain[third : third + _SAMPLE], plain[2 * third : 2 * third + _SAMPLE]))
        return len(self._fast.compress(sample)) < len(sample)


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
