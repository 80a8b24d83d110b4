"""Compares what a drill restored with what the backup says, and with the source's bytes. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from functions.engine.model import Buffer, ChunkRef, FileEntry, Properties

_SET_BY_S3 = frozenset({"content-type"})
"""S3 gives every object a content type, asked for or not."""

_KEPT = 10
"""Differences of one file's bytes that are told."""


class Comparison:
    """One restored object against its manifest entry. Its bytes come in order, in parts of any size."""

    def __init__(self, entry: FileEntry) -> None:
        """Expect the bytes of `entry`."""
        self._entry = entry
        self._chunks = iter(entry.chunks)
        self._chunk: ChunkRef | None = next(self._chunks, None)
        self._digest = hashlib.sha256()
        self._filled = 0
        self._length = 0
        self._beyond = 0
        self._found: list[str] = []

    def take(self, data: Buffer, original: Buffer | None = None) -> None:
        """Take the next bytes, and the source's at the same place if it still has what was backed up."""
        view = memoryview(data)
        if original is not None and data != original:
            self._note(f"differs from the source within the {len(view):,} bytes from {self._length:,}")
        while view and self._chunk is not None:
            piece = view[: self._chunk.length - self._filled]
            self._digest.update(piece)
            self._filled += len(piece)
            self._length += len(piece)
            view = view[len(piece) :]
            self._end_chunk(self._chunk)
        self._length += len(view)
        self._beyond += len(view)

    def end(self, properties: Properties) -> list[str]:
        """Say what differs, the object's properties included; nothing when it is proven."""
        if self._length != self._entry.size:
            self._found.append(f"has {self._length:,} bytes instead of {self._entry.size:,}")
        elif self._chunk is not None:
            self._found.append(f"ends within chunk {self._chunk.chunk.hex()}")
        elif self._beyond:
            self._found.append(f"has {self._beyond:,} bytes at its end that no chunk names")
        return [*self._found, *property_differences(self._entry.properties, properties)]

    def _note(self, difference: str) -> None:
        if len(self._found) < _KEPT:
            self._found.append(difference)

    def _end_chunk(self, chunk: ChunkRef) -> None:
        if self._filled < chunk.length:
            return
        if self._digest.digest() != chunk.chunk:
            start = self._length - chunk.length
            self._note(f"does not hold chunk {chunk.chunk.hex()} (of pack {chunk.pack}) at byte {start:,}")
        self._chunk = next(self._chunks, None)
        self._digest = hashlib.sha256()
        self._filled = 0


def property_differences(expected: Properties, found: Properties) -> Iterator[str]:
    """Say which system metadata, user metadata and tags differ. Names only: values are the users' own."""
    system = {name: value for name, value in found.system.items() if name in expected.system or name not in _SET_BY_S3}
    for kind, before, after in (
        ("system metadata", expected.system, system),
        ("user metadata", expected.user, found.user),
        ("tag", expected.tags, found.tags),
    ):
        yield from _differences(kind, before, after)


def _differences(kind: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            yield f"lacks the {kind} {name!r}"
        elif name not in before:
            yield f"has the {kind} {name!r}, which the backup does not"
        elif before[name] != after[name]:
            yield f"has another value of the {kind} {name!r}"
