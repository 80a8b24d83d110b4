"""How a chunk's bytes stand in a pack: raw, or one zstd frame that states its plain size."""

from __future__ import annotations

import hashlib

import zstandard

from functions.engine.errors import ChunkCorruptError
from functions.engine.model import Buffer, ChunkRef

RAW = 0
ZSTD = 1
LEVEL = 3


class Encoder:
    """Compresses chunks. One instance a thread."""

    def __init__(self) -> None:
        """Keep one compressor: making one a chunk costs 5 to 10 % on small chunks."""
        self._compressor = zstandard.ZstdCompressor(level=LEVEL, write_content_size=True, write_checksum=False)

    def encode(self, plain: Buffer) -> Buffer:
        """Give the zstd frame of `plain` when it is smaller, else `plain` itself."""
        frame = self._compressor.compress(plain)
        return frame if len(frame) < len(plain) else plain


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


def _corrupt(ref: ChunkRef, what: str) -> ChunkCorruptError:
    return ChunkCorruptError(f"chunk {ref.chunk.hex()} in pack {ref.pack} at {ref.offset}: {what}")
