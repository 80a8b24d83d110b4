"""Decides what becomes of each file of a task, so that a task that is done twice gives the same files as once.

The first attempt looks which of the task's names are taken and notes it. Every later one goes by that note, not by
what it finds, because what it finds may be its own: `skip` skips and `rename` renames the same files each time, and
what an earlier attempt wrote counts as restored and is not read again.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, TypeAlias

from functions.engine.conflict import Conflict, renamed
from functions.engine.model import SourceObject

Lister: TypeAlias = Callable[[str, str], Iterator[SourceObject]]
"""Gives the objects below a prefix that come after a key, in the order of the keys."""

_PAGE = 1_000


class Wanted(NamedTuple):
    """A file that a task restores."""

    key: str
    size: int


@dataclass(frozen=True, slots=True)
class Naming:
    """How files are named: `cut` off each key, `prefix` before it, `label` into renamed ones."""

    cut: str
    prefix: str
    label: str

    def plain(self, key: str) -> str:
        """Give the name that a file has when nothing stands in its way."""
        return self.prefix + key.removeprefix(self.cut)

    def beside(self, key: str) -> str:
        """Give the name that it has when something does and the policy is to rename."""
        return renamed(self.plain(key), self.label)


class Verdict(Enum):
    """What to do with a file: write it, write it beside what stands there, leave it, or nothing: it is done."""

    WRITE = "write"
    RENAME = "rename"
    SKIP = "skip"
    DONE = "done"


class Standing:
    """Says what stands at the destination. Asked in the order of names, it reads each page of the listing once."""

    def __init__(self, lister: Lister, prefix: str) -> None:
        """Look below `prefix`."""
        self._lister = lister
        self._prefix = prefix
        self._items: Iterator[SourceObject] = iter(())
        self._next: SourceObject | None = None
        self._asked: str | None = None

    def size(self, name: str) -> int | None:
        """Give the size of what stands there under this name, or None."""
        if self._asked is None or name < self._asked or not self._reach(name):
            self._open(name)
        if not self._reach(name):  # more than a page of names stands between
            self._asked = None
            return standing_size(self._lister, name)
        self._asked = name
        found = self._next
        return found.size if found is not None and found.key == name else None

    def _open(self, name: str) -> None:
        self._items = self._lister(self._prefix, name[:-1])
        self._next = next(self._items, None)

    def _reach(self, name: str) -> bool:
        """Go on to `name` or to what comes after it; say whether it was near enough."""
        for _ in range(_PAGE):
            if self._next is None or self._next.key >= name:
                return True
            self._next = next(self._items, None)
        return False


def standing_size(lister: Lister, name: str) -> int | None:
    """Give the size of what stands under one name, or None: no key that begins with it sorts before it."""
    found = next(lister(name, ""), None)
    return found.size if found is not None and found.key == name else None


def taken_names(files: Iterable[Wanted], naming: Naming, lister: Lister) -> str:
    """Say which names are taken, as text with one bit a file: 20,000 files take 3 KB at most."""
    standing = Standing(lister, naming.prefix)
    bits = bytearray()
    for position, file in enumerate(files):
        if position % 8 == 0:
            bits.append(0)
        bits[-1] |= (standing.size(naming.plain(file.key)) is not None) << position % 8
    return base64.b64encode(zlib.compress(bits)).decode()


def read_taken(text: str) -> Callable[[int], bool]:
    """Undo `taken_names`: give what says of a file, by its position, whether its name was taken."""
    bits = zlib.decompress(base64.b64decode(text))
    return lambda position: position // 8 < len(bits) and bool(bits[position // 8] >> position % 8 & 1)


def decide(conflict: Conflict, *, taken: bool, size: int, plain: int | None, beside: int | None) -> Verdict:
    """Decide what to do with a file of `size` bytes.

    `taken` says whether its name was, before the restore began; `plain` and `beside` are the sizes of what stands now
    under its name and under the name beside it, None for nothing.
    """
    if conflict is Conflict.OVERWRITE:
        return Verdict.WRITE
    if taken and conflict is Conflict.SKIP:
        return Verdict.SKIP
    if taken:
        return Verdict.DONE if beside == size else Verdict.RENAME
    if plain is None:
        return Verdict.WRITE
    # It was not there before: an earlier attempt wrote it or, if the size is another, somebody else.
    return Verdict.DONE if plain == size else Verdict.SKIP


def verdicts(
    files: Sequence[Wanted], conflict: Conflict, naming: Naming, taken: str, lister: Lister
) -> dict[str, Verdict]:
    """Decide on the files of an attempt, given in key order; those that are simply written are left out."""
    was_taken = read_taken(taken)
    plain, beside = Standing(lister, naming.prefix), Standing(lister, naming.prefix)
    found: dict[str, Verdict] = {}
    for position, file in enumerate(files):
        was = was_taken(position)
        now = None if was else plain.size(naming.plain(file.key))
        other = beside.size(naming.beside(file.key)) if was and conflict is Conflict.RENAME else None
        verdict = decide(conflict, taken=was, size=file.size, plain=now, beside=other)
        if verdict is not Verdict.WRITE:
            found[file.key] = verdict
    return found
