"""The orchestration's Archive in memory: for tests of restores from archive classes."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator

from functions.adapters.memory import MemoryBlobStore
from functions.contract.object_keys import pack_key
from functions.engine.model import PackId
from functions.engine.orchestration.archive import PackState, StoredPack, Tier


class MemoryArchive:
    """Packs of a MemoryBlobStore. `frozen` says in which place those lie that are not in S3 Standard.

    `asked` holds what was asked to be thawed, with tier and days; `finish` ends the thawing.
    """

    def __init__(self, store: MemoryBlobStore) -> None:
        """Start with nothing frozen."""
        self.frozen: dict[PackId, str] = {}
        self.asked: list[tuple[PackId, Tier, int]] = []
        self._store = store
        self._states: dict[PackId, PackState] = {}
        self._lock = threading.Lock()

    def states(self, packs: Iterable[PackId]) -> Iterator[StoredPack]:
        """See Archive."""
        for pack in packs:
            data = self._store.blobs.get(pack_key(pack))
            if data is None:
                yield StoredPack(pack, PackState.READY, "", 0)
                continue
            place = self.frozen.get(pack, "STANDARD")
            thawed = self._states.get(pack, PackState.ARCHIVED)
            yield StoredPack(pack, thawed if pack in self.frozen else PackState.READY, place, len(data))

    def thaw(self, packs: Iterable[StoredPack], tier: Tier, days: int) -> None:
        """See Archive."""
        for stored in packs:
            with self._lock:
                if self._states.get(stored.pack, PackState.ARCHIVED) is PackState.ARCHIVED:
                    self.asked.append((stored.pack, tier, days))
                    self._states[stored.pack] = PackState.THAWING

    def finish(self, packs: Iterable[PackId] | None = None) -> None:
        """Let packs that are being thawed become readable; all of them unless some are named."""
        with self._lock:
            for pack in list(self._states) if packs is None else packs:
                self._states[pack] = PackState.READY

    def forget(self) -> None:
        """Let all thawed copies vanish, and all requests for them."""
        with self._lock:
            self._states.clear()
