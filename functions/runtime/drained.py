"""Which packs a backup should leave nothing in: read from the newest collection's plan, and remembered for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from functions.engine.errors import CorruptionError, FormatError, NotFoundError
from functions.engine.model import PackId
from functions.engine.ports import BlobStore
from functions.engine.retention.history import drained_packs

KEPT_SECONDS = 3_600.0
"""Packs are drained once a week, before a FULL run: an hour of yesterday's answer costs nothing but space."""
_NONE: frozenset[PackId] = frozenset()


def packs_to_avoid(store: BlobStore) -> frozenset[PackId]:
    """Give the drained packs: a listing of the collections, and a few small reads when there was one.

    None when the plan cannot be read. Whoever avoids none stores what he would have stored anyway: no backup may fail
    for this.
    """
    try:
        return drained_packs(store)
    except (CorruptionError, FormatError, NotFoundError):
        return _NONE


class DrainedPacks:
    """The drained packs for all invocations of an execution environment. Safe from any thread."""

    def __init__(self, store: BlobStore, seconds: Callable[[], float] = time.monotonic) -> None:
        """Nothing is read yet."""
        self._store = store
        self._seconds = seconds
        self._known = _NONE
        self._until: float | None = None
        self._lock = threading.Lock()

    def known(self) -> frozenset[PackId]:
        """Give them as they were an hour ago or later."""
        with self._lock:
            now = self._seconds()
            if self._until is None or now >= self._until:
                self._known = packs_to_avoid(self._store)
                self._until = now + KEPT_SECONDS
            return self._known
