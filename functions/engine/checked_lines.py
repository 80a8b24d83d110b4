"""Remembers manifest lines that were checked: a user's backups mostly hold the same lines, byte for byte."""

from __future__ import annotations

import threading

from functions.engine.model import PackId

_KEEP = 16 * 1024 * 1024
_OVERHEAD = 100
"""What the interpreter takes for a line, and for each name of a pack, beside the bytes of the line."""


class CheckedLines:
    """The lines that were checked last, and the packs that each needs. Safe from any thread.

    Two generations: when the younger one is full the older one is forgotten, so memory stays within twice `keep`.
    """

    def __init__(self, keep: int = _KEEP) -> None:
        """Keep at least the last `keep` bytes of lines, all told."""
        self._keep = keep
        self._room = keep
        self._young: dict[bytes, tuple[PackId, ...]] = {}
        self._old: dict[bytes, tuple[PackId, ...]] = {}
        self._lock = threading.Lock()

    def holds(self, line: bytes, declared: frozenset[PackId]) -> bool:
        """Say whether the line was checked, and needs packs only that this backup, too, has `declared`."""
        packs = self._young.get(line)
        if packs is None:
            packs = self._old.get(line)
            if packs is None:
                return False
            self.add(line, packs)
        return declared.issuperset(packs)

    def add(self, line: bytes, packs: tuple[PackId, ...]) -> None:
        """Remember a line that needs `packs`."""
        weight = len(line) + _OVERHEAD * (1 + len(packs))
        if weight > self._keep:
            return
        with self._lock:
            if self._room < weight:
                self._young, self._old = {}, self._young
                self._room = self._keep
            self._young[line] = packs
            self._room -= weight
