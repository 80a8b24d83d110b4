"""Compares two backups of a user, file by file: two sorted streams are merged, and nothing is held. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from functions.engine.manifest import Line
from functions.engine.model import Unreadable

Item: TypeAlias = Line | Unreadable


class ChangeKind(StrEnum):
    """What became of a file. METADATA: the bytes are the same, but not what is known of them."""

    ADDED = "added"
    CHANGED = "changed"
    METADATA = "metadata"
    REMOVED = "removed"
    UNREADABLE = "unreadable"


class Change(NamedTuple):
    """A file that differs; sizes in bytes, None where it is not, or could not be read."""

    kind: ChangeKind
    key: str
    size_before: int | None
    size_after: int | None


def changes(before: Iterable[Item], after: Iterable[Item]) -> Iterator[Change]:
    """Give what differs, in the order of keys. Both must be sorted by key."""
    for was, now in _pairs(iter(before), iter(after)):
        if now is None:
            if was is not None:
                yield Change(ChangeKind.REMOVED, was.key, _size(was), None)
        elif was is None or not _same(was, now):
            yield Change(_kind(was, now), now.key, _size(was), _size(now))


def _pairs(before: Iterator[Item], after: Iterator[Item]) -> Iterator[tuple[Item | None, Item | None]]:
    """Give each key's two items; None where it has none."""
    was, now = next(before, None), next(after, None)
    while was is not None or now is not None:
        first = min(item.key for item in (was, now) if item is not None)
        old = was if was is not None and was.key == first else None
        new = now if now is not None and now.key == first else None
        yield old, new
        was = next(before, None) if old is not None else was
        now = next(after, None) if new is not None else now


def _kind(was: Item | None, now: Item) -> ChangeKind:
    if isinstance(now, Unreadable):
        return ChangeKind.UNREADABLE
    if was is None or isinstance(was, Unreadable):
        return ChangeKind.ADDED
    return ChangeKind.METADATA if _content(was) == _content(now) else ChangeKind.CHANGED


def _same(was: Item, now: Item) -> bool:
    if isinstance(was, Unreadable) or isinstance(now, Unreadable):
        return was == now
    return was.raw == now.raw or _without_places(was) == _without_places(now)


def _content(line: Line) -> list[str]:
    return [chunk[0] for chunk in line.document["chunks"]]


def _without_places(line: Line) -> dict[str, object]:
    """Give the line without where its chunks stand: a chunk that was stored again is the same chunk."""
    return {**line.document, "chunks": _content(line)}


def _size(item: Item | None) -> int | None:
    return item.size if isinstance(item, Line) else None
