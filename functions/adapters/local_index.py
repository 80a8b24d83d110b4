"""A DedupIndex of one machine, for whoever has no table: in memory while it is small, in a temporary file beyond.

A chunk takes half a kilobyte in a dict, so a repository of 1 TB would take 2 GB. In the file it takes 75 bytes, and of
the file no more than the cache is in memory. SQLite keeps it: a temporary database, which the system removes when it
is closed, however that comes (sqlite.org, "Temporary Files Used By SQLite").
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from functions.engine.errors import UnavailableError
from functions.engine.model import ChunkId, ChunkRef, PackId

if TYPE_CHECKING:
    from sqlite3 import Connection

IN_MEMORY = 50_000
"""Chunks that are held in memory, about 25 MB of them."""

_BEGIN = (
    "PRAGMA journal_mode = OFF",  # nobody needs what a crash leaves
    "PRAGMA cache_size = -8192",  # KiB
    "CREATE TABLE places (chunk BLOB PRIMARY KEY, pack BLOB, at INT, stored INT, length INT) WITHOUT ROWID",
    "BEGIN",  # and never end: else what was recorded would be written at once
)
_RECORD = "INSERT OR IGNORE INTO places VALUES (?, ?, ?, ?, ?)"
_LOOK_UP = "SELECT pack, at, stored, length FROM places WHERE chunk = ?"


class LocalIndex:
    """Shared by the threads of this process alone. `fill` is called before the first look-up, until it ends well."""

    def __init__(self, fill: Callable[[LocalIndex], object] | None = None, *, in_memory: int = IN_MEMORY) -> None:
        """Start empty, in memory."""
        self._fill = fill
        self._in_memory = in_memory
        self._places: dict[ChunkId, ChunkRef] = {}
        self._file: _File | None = None
        self._lock = threading.RLock()

    def lookup(self, chunks: Sequence[ChunkId]) -> Mapping[ChunkId, ChunkRef]:
        """See DedupIndex."""
        with self._lock:
            if self._fill is not None:
                self._fill(self)
                self._fill = None  # not before: who asks after a fill that failed must not find the index empty
            if self._file is not None:
                return self._file.lookup(chunks)
            return {chunk: self._places[chunk] for chunk in chunks if chunk in self._places}

    def record(self, refs: Iterable[ChunkRef]) -> None:
        """See DedupIndex."""
        with self._lock:
            if self._file is None:
                for ref in refs:
                    self._places.setdefault(ref.chunk, ref)
                if len(self._places) <= self._in_memory:
                    return
                self._file = _File()
                refs, self._places = self._places.values(), {}
            self._file.record(refs)

    def announce(self, refs: Sequence[ChunkRef]) -> None:
        """See DedupIndex. Nobody shares this index before its packs are durable."""

    def withdraw(self, packs: AbstractSet[PackId], error: BaseException) -> None:
        """See DedupIndex. Nobody was told of them."""

    def unsettled(self, packs: AbstractSet[PackId]) -> bool:  # noqa: ARG002
        """See DedupIndex. Every place that `lookup` names is durable."""
        return False

    def close(self) -> None:
        """Forget everything, and remove the file. What is recorded afterwards is in memory again."""
        with self._lock:
            self._places = {}
            file, self._file = self._file, None
        if file is not None:
            file.close()


class _File:
    """Places in a temporary database. Used by one thread at a time."""

    def __init__(self) -> None:
        import sqlite3  # noqa: PLC0415 - 5 ms that most backups do not need

        self._error: type[Exception] = sqlite3.Error
        try:
            self._database: Connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
            for statement in _BEGIN:
                self._database.execute(statement)
        except self._error as error:
            raise _unusable(error) from error

    def record(self, refs: Iterable[ChunkRef]) -> None:
        rows = ((ref.chunk, bytes.fromhex(ref.pack), ref.offset, ref.stored, ref.length) for ref in refs)
        try:
            self._database.executemany(_RECORD, rows)
        except self._error as error:
            raise _unusable(error) from error

    def lookup(self, chunks: Sequence[ChunkId]) -> dict[ChunkId, ChunkRef]:
        try:
            rows = ((chunk, self._database.execute(_LOOK_UP, (chunk,)).fetchone()) for chunk in chunks)
            return {chunk: ChunkRef(chunk, row[0].hex(), *row[1:]) for chunk, row in rows if row is not None}
        except self._error as error:
            raise _unusable(error) from error

    def close(self) -> None:
        self._database.close()


def _unusable(error: Exception) -> UnavailableError:
    return UnavailableError(
        f"the index of chunks cannot be kept in a temporary file: {error}",
        hint="make room where temporary files go (TMPDIR names it), or name a table of chunks",
    )
