"""The nouns of the engine: plain, immutable data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, TypeAlias

ChunkId: TypeAlias = bytes
"""The SHA-256 of a chunk's plain bytes: 32 bytes."""

PackId: TypeAlias = str
"""128 random bits in lower-case hexadecimal: 32 characters. Never derived from content, never used twice."""

Buffer: TypeAlias = bytes | bytearray | memoryview


class ChunkRef(NamedTuple):
    """A chunk and its place. `stored == length` means the bytes stand raw, `stored < length` a zstd frame."""

    chunk: ChunkId
    pack: PackId
    offset: int
    stored: int
    length: int


class SourceObject(NamedTuple):
    """An object as a listing of the source shows it. `size` in bytes, `modified` in RFC 3339, UTC."""

    key: str
    size: int
    etag: str
    modified: str
    storage_class: str = "STANDARD"


class BlobInfo(NamedTuple):
    """An object of the repository as a listing shows it."""

    key: str
    size: int
    modified: str


@dataclass(frozen=True, slots=True)
class Properties:
    """What an object carries beside its bytes.

    `system` holds HTTP headers by lower-case name (content-type, cache-control, ...), `user` the user metadata
    without its `x-amz-meta-` prefix, `tags` the object's tags.
    """

    system: dict[str, str] = field(default_factory=dict)
    user: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


class ObjectRead(NamedTuple):
    """The answer to a read of a source object: bytes and everything that must come back with them."""

    data: Buffer
    etag: str
    version: str | None
    modified: str
    size: int
    properties: Properties


class FileEntry(NamedTuple):
    """One file of a backup, as its manifest line says it."""

    key: str
    size: int
    etag: str
    modified: str
    chunks: tuple[ChunkRef, ...]
    version: str | None = None
    properties: Properties = Properties()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """One object that a backup could not read, as its manifest line says it."""

    key: str
    code: str
    reason: str


class BackupType(StrEnum):
    """How a backup decides what to read: FULL reads every byte again, INCREMENTAL and MANUAL what changed."""

    FULL = "FULL"
    INCREMENTAL = "INCREMENTAL"
    MANUAL = "MANUAL"


class BackupStatus(StrEnum):
    """How a committed backup ended. A FAILED backup has no commit record."""

    COMPLETED = "COMPLETED"
    PARTIAL = "PARTIAL"


class Totals(NamedTuple):
    """Counts and bytes of a segment or a backup.

    `source` is what the source holds, `read` what was fetched, `new` the plain bytes that no earlier backup
    held, `stored` what those take in packs.
    """

    files: int = 0
    unreadable: int = 0
    source: int = 0
    read: int = 0
    new: int = 0
    stored: int = 0

    def plus(self, other: Totals) -> Totals:
        """Add two totals, field by field."""
        return Totals(
            self.files + other.files,
            self.unreadable + other.unreadable,
            self.source + other.source,
            self.read + other.read,
            self.new + other.new,
            self.stored + other.stored,
        )


@dataclass(frozen=True, slots=True)
class Segment:
    """A written segment: its manifest's number and SHA-256, what it counts, the packs it needs, its key range.

    `unreadable` names some of the objects that could not be read; the manifest names all.
    """

    number: int
    sha256: str
    totals: Totals
    packs: frozenset[PackId]
    first_key: str = ""
    last_key: str = ""
    unreadable: tuple[Unreadable, ...] = ()
