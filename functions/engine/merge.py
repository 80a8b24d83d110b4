"""Decides, object by object, what a backup must read: listing of the source against the parent's manifest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from functions.engine.errors import ManifestCorruptError
from functions.engine.manifest import Line
from functions.engine.model import BackupType, SourceObject, Unreadable


class Carry(NamedTuple):
    """The object is unchanged: its line goes over as it stands."""

    line: Line


class Read(NamedTuple):
    """The object is new or changed, or the backup is FULL; `parent` is its line in the parent, if any."""

    item: SourceObject
    parent: Line | None


def merge(
    listing: Iterable[SourceObject], parent: Iterable[Line | Unreadable], backup_type: BackupType
) -> Iterator[Carry | Read]:
    """Give one decision an object of the listing, in key order. Both inputs are sorted by key, and streamed.

    Unchanged means: same key, size, etag and time. The time tells a copy in place, which may change metadata and
    leave the etag as it was; tags have no time, a FULL backup finds those. What only the parent holds was deleted
    and is left out; what the parent could not read is read again.
    """
    lines = _files(parent)
    line = next(lines, None)
    for item in listing:
        while line is not None and line.key < item.key:
            line = next(lines, None)
        known = line if line is not None and line.key == item.key else None
        if known is not None and backup_type is not BackupType.FULL and _unchanged(item, known):
            yield Carry(known)
        else:
            yield Read(item, known)


def _unchanged(item: SourceObject, line: Line) -> bool:
    return (item.size, item.etag, item.modified) == (line.size, line.etag, line.document.get("modified"))


def _files(lines: Iterable[Line | Unreadable]) -> Iterator[Line]:
    last = ""
    for line in lines:
        if line.key < last:
            raise ManifestCorruptError(f"the parent's manifest is not sorted: {line.key!r} comes after {last!r}")
        last = line.key
        if isinstance(line, Line):
            yield line
