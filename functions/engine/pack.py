"""Packs: chunks back to back, then an index of them, then a fixed footer. `docs/format.md` has the byte table.

A pack says itself what it holds: one suffix range read gets footer and index, and the dedup index can be
rebuilt from packs alone.
"""

from __future__ import annotations

import hashlib
import struct
from typing import NamedTuple

import zstandard

from functions.engine import codec
from functions.engine.errors import FormatError, PackCorruptError
from functions.engine.model import Buffer, ChunkId, ChunkRef, PackId

MAGIC = b"STRGROOM"
VERSION = 1
_RECORD = struct.Struct(">32sIIIBB")
_FOOTER = struct.Struct(">8sHHIQII32s")
FOOTER_SIZE = _FOOTER.size
RECORD_SIZE = _RECORD.size
SUFFIX_READ = 64 * 1024
"""One suffix read of this many bytes gets footer and index of all but packs of very many small chunks."""


class Footer(NamedTuple):
    """The last 64 bytes of a pack. Offsets and lengths in bytes."""

    chunks: int
    index_offset: int
    index_stored: int
    index_length: int
    index_sha256: bytes


class SealedPack(NamedTuple):
    """A finished pack: its bytes in parts, in order, and the places of its chunks."""

    pack_id: PackId
    parts: list[Buffer]
    size: int
    refs: list[ChunkRef]


class PackBuilder:
    """Collects stored chunks until the pack is sealed. Not safe for concurrent use."""

    def __init__(self, pack_id: PackId) -> None:
        """Open an empty pack."""
        self.pack_id = pack_id
        self._end = 0
        self._parts: list[Buffer] = []
        self._refs: list[ChunkRef] = []

    @property
    def size(self) -> int:
        """Say what the pack takes so far; its index counts too, for a record is larger than a tiny chunk."""
        return self._end + len(self._refs) * RECORD_SIZE

    @property
    def chunks(self) -> int:
        """Say how many it holds so far."""
        return len(self._refs)

    def add(self, chunk: ChunkId, stored: Buffer, length: int) -> ChunkRef:
        """Append a chunk's stored bytes, whose plain length is `length`, and give its place."""
        ref = ChunkRef(chunk, self.pack_id, self._end, len(stored), length)
        self._parts.append(stored)
        self._refs.append(ref)
        self._end += len(stored)
        return ref

    def seal(self) -> SealedPack:
        """Close the pack: append index and footer."""
        records = encode_index(self._refs)
        index = zstandard.ZstdCompressor(level=codec.LEVEL).compress(records)
        footer = _FOOTER.pack(
            MAGIC,
            VERSION,
            0,
            len(self._refs),
            self._end,
            len(index),
            len(records),
            hashlib.sha256(index).digest(),
        )
        parts = [*self._parts, index, footer]
        return SealedPack(self.pack_id, parts, self._end + len(index) + len(footer), self._refs)


def encode_index(refs: list[ChunkRef]) -> bytes:
    """Give the plain index: one record a chunk, in the order of their offsets."""
    return b"".join(
        _RECORD.pack(
            ref.chunk,
            ref.offset,
            ref.stored,
            ref.length,
            codec.RAW if ref.stored == ref.length else codec.ZSTD,
            0,
        )
        for ref in refs
    )


def read_footer(pack_id: PackId, tail: Buffer, size: int) -> Footer:
    """Parse the footer at the end of `tail`, the last bytes of a pack of `size` bytes.

    Raises PackCorruptError for bytes that are no footer and FormatError for a newer version.
    """
    if size < FOOTER_SIZE or len(tail) < FOOTER_SIZE:
        raise _corrupt(pack_id, f"{size} bytes are too few for a pack")
    magic, version, flags, chunks, offset, stored, length, digest = _FOOTER.unpack(memoryview(tail)[-FOOTER_SIZE:])
    if magic != MAGIC or version == 0:
        raise _corrupt(pack_id, "the footer does not start with the magic bytes and a version")
    if version > VERSION:
        raise FormatError(f"pack {pack_id} has format {version}, this release reads up to {VERSION}")
    if flags:
        raise FormatError(f"pack {pack_id} has flags {flags:#06x}, this release knows none")
    footer = Footer(chunks, offset, stored, length, digest)
    if footer.index_offset + footer.index_stored + FOOTER_SIZE != size:
        raise _corrupt(pack_id, "the footer's lengths do not add up to the pack's size")
    if footer.chunks * RECORD_SIZE != footer.index_length:
        raise _corrupt(pack_id, "the index length does not fit the number of chunks")
    return footer


def read_index(pack_id: PackId, footer: Footer, stored: Buffer) -> list[ChunkRef]:
    """Parse the stored index of a pack, or raise PackCorruptError."""
    if hashlib.sha256(stored).digest() != footer.index_sha256:
        raise _corrupt(pack_id, "the index does not have the SHA-256 that the footer states")
    try:
        if zstandard.frame_content_size(stored) != footer.index_length:
            raise _corrupt(pack_id, "the index does not have the length that the footer states")
        records = zstandard.ZstdDecompressor().decompress(stored)
    except zstandard.ZstdError as error:
        raise _corrupt(pack_id, f"the index cannot be decompressed: {error}") from error
    refs = [
        ChunkRef(chunk, pack_id, offset, length_stored, length)
        for chunk, offset, length_stored, length, _codec, _key in _RECORD.iter_unpack(records)
    ]
    _check_places(pack_id, refs, footer.index_offset)
    return refs


def _check_places(pack_id: PackId, refs: list[ChunkRef], end: int) -> None:
    position = 0
    for ref in refs:
        if ref.offset != position or ref.stored > ref.length:
            raise _corrupt(pack_id, f"chunk {ref.chunk.hex()} does not follow the chunk before it")
        position += ref.stored
    if position != end:
        raise _corrupt(pack_id, "the chunks do not fill the pack up to its index")


def _corrupt(pack_id: PackId, what: str) -> PackCorruptError:
    return PackCorruptError(f"pack {pack_id}: {what}")
