"""Shows the files of a backup as folders, as a file system would. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from functions.engine.manifest import Line
from functions.engine.model import Unreadable

_SEPARATOR = "/"


@dataclass(slots=True)
class Folder:
    """A folder, and what lies anywhere below it: files, their bytes, the last change, objects that were unreadable."""

    key: str
    files: int = 0
    size: int = 0
    modified: str = ""
    unreadable: int = 0

    def add(self, item: Line | Unreadable) -> None:
        """Count what lies below."""
        if isinstance(item, Unreadable):
            self.unreadable += 1
            return
        self.files += 1
        self.size += item.size
        self.modified = max(self.modified, item.document["modified"])


Node: TypeAlias = Folder | Line | Unreadable


def nodes(items: Iterable[Line | Unreadable], prefix: str) -> Iterator[Node]:
    """Give what lies directly below a prefix, in the order of keys: folders with their sums, and files.

    `items` must be sorted by key and begin with `prefix`; so what is in one folder comes one after the other.
    """
    folder: Folder | None = None
    for item in items:
        name, separator, _ = item.key[len(prefix) :].partition(_SEPARATOR)
        below = f"{prefix}{name}{separator}" if separator else None
        if folder is not None and folder.key != below:
            yield folder
            folder = None
        if below is None:
            yield item
            continue
        folder = folder or Folder(below)
        folder.add(item)
    if folder is not None:
        yield folder
