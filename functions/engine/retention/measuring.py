"""How much of each pack is needed, read from the manifests of the backups that stay."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from functions.engine.checked_lines import CheckedLines
from functions.engine.commit import CommitRecord
from functions.engine.errors import CorruptionError, OutOfTimeError
from functions.engine.manifest import Line
from functions.engine.model import Unreadable
from functions.engine.repository import Repository
from functions.engine.retention.pack_table import PackTable
from functions.engine.timed_store import TimeLeft, check_time

_AHEAD = 16
"""Backups whose first manifest is asked for before its turn comes: manifests have 8 MiB at most."""
_LOOK = 4_096
"""Lines between two looks at the clock."""
_NO_PACKS: frozenset[str] = frozenset()


class Measuring:
    """Notes the ranges of packs that manifests name. Once a part of it is not known, all the rest is left out.

    The backups of a user come one after the other and mostly hold the same lines: those are not decoded again.
    """

    def __init__(self, repository: Repository, table: PackTable, time_left: TimeLeft | None) -> None:
        """Note in `table`. `time_left` gives the seconds that are left; None is no limit."""
        self.failure = ""
        """Why not everything that is needed could be measured."""
        self._repository = repository
        self._table = table
        self._time_left = time_left
        self._known = CheckedLines()
        self._lines = 0
        self._begun: deque[Iterator[Line | Unreadable]] = deque()

    def add(self, record: CommitRecord) -> None:
        """Take a backup that stays."""
        if self.failure:
            return
        self._begun.append(self._repository.entries(record, skip=self._is_known))
        if len(self._begun) >= _AHEAD:
            self._read(self._begun.popleft())

    def finish(self) -> None:
        """Read what is left."""
        while self._begun and not self.failure:
            self._read(self._begun.popleft())
        self._begun.clear()

    def _read(self, lines: Iterator[Line | Unreadable]) -> None:
        try:
            self._check_time()
            for line in lines:
                if isinstance(line, Line):
                    for _chunk, pack, offset, stored, _length in line.document["chunks"]:
                        self._table.cover(pack, offset, stored)
                    self._known.add(line.raw, ())
        except CorruptionError:
            self.failure = "a manifest is damaged"
        except OutOfTimeError:
            self.failure = "there was no time to read all manifests"

    def _is_known(self, raw: bytes) -> bool:
        self._lines += 1
        if self._lines % _LOOK == 0:
            self._check_time()
        return self._known.holds(raw, _NO_PACKS)

    def _check_time(self) -> None:
        if self._time_left is not None:
            check_time(self._time_left, "all manifests were read")
