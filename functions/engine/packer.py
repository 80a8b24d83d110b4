"""Packs chunks of all backups of a session together, uploads full packs, and says when they are durable.

A pack is shared by everything that runs in the session, as a group commit shares a log write: it is closed when
it is full, or when every backup of the session waits for it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple

from functions.contract.object_keys import pack_key
from functions.engine.errors import ConflictError
from functions.engine.model import Buffer, ChunkId, ChunkRef, PackId
from functions.engine.pack import PackBuilder
from functions.engine.ports import BlobStore, DedupIndex, Ids
from functions.engine.safety import SafetyParameters

_PACK_ID_BYTES = 16


class StoredChunk(NamedTuple):
    """A chunk as it will stand in a pack: id, stored bytes, plain length."""

    chunk: ChunkId
    stored: Buffer
    length: int


class Packer:
    """The open pack, the uploads under way, and who waits for them. Safe from any thread."""

    def __init__(self, store: BlobStore, index: DedupIndex, ids: Ids, safety: SafetyParameters) -> None:
        """Open nothing yet: a session without new chunks writes no pack."""
        self._store = store
        self._index = index
        self._ids = ids
        self._safety = safety
        self._lock = threading.Condition()
        self._open: PackBuilder | None = None
        self._unsafe: set[PackId] = set()
        self._places: dict[ChunkId, ChunkRef] = {}
        self._producers = 0
        self._waiting = 0
        self._failure: BaseException | None = None
        self._slots = threading.BoundedSemaphore(safety.packs_in_flight)
        self._finishers = ThreadPoolExecutor(safety.packs_in_flight, thread_name_prefix="pack-finish")

    def find(self, chunks: Iterable[ChunkId]) -> dict[ChunkId, ChunkRef]:
        """Give those of `chunks` that stand in a pack which is not durable yet."""
        with self._lock:
            places = self._places
            return {chunk: places[chunk] for chunk in chunks if chunk in places}

    def add(self, chunks: Sequence[StoredChunk]) -> list[ChunkRef]:
        """Append chunks and give their places. Blocks while too many packs are being uploaded."""
        refs: list[ChunkRef] = []
        for item in chunks:
            full: PackBuilder | None = None
            with self._lock:
                self._check()
                if self._open is None:
                    self._open = PackBuilder(self._ids(_PACK_ID_BYTES))
                    self._unsafe.add(self._open.pack_id)
                ref = self._open.add(*item)
                self._places[item.chunk] = ref
                refs.append(ref)
                if self._open.size >= self._safety.pack_target or self._open.chunks >= self._safety.pack_chunks:
                    full, self._open = self._open, None
            if full is not None:
                self._upload(full)
        if refs:
            self._index.announce(refs)
        return refs

    def register(self) -> None:
        """Announce a backup that may add chunks."""
        with self._lock:
            self._producers += 1

    def unregister(self) -> None:
        """Say that a backup adds no more: those that wait may be the only ones left."""
        with self._lock:
            self._producers -= 1
            last = self._take_if_all_wait()
        if last is not None:
            self._upload(last)

    def await_durable(self, packs: frozenset[PackId] | set[PackId]) -> None:
        """Return when all of `packs` are stored and indexed. Called by a registered backup. Raises what failed."""
        with self._lock:
            self._check()
            safe = not (packs & self._unsafe)
        if safe and not self._index.unsettled(packs):
            return
        with self._lock:
            self._waiting += 1
            last = self._take_if_all_wait()
        try:
            if last is not None:
                self._upload(last)
            with self._lock:
                self._lock.wait_for(lambda: self._failure is not None or not (packs & self._unsafe))
                self._check()
            while self._index.unsettled(packs):
                with self._lock:
                    self._check()
        finally:
            with self._lock:
                self._waiting -= 1

    def close(self) -> None:
        """End the threads. Chunks in an open pack are forgotten: nobody refers to them."""
        self._finishers.shutdown(wait=True)

    def fail(self, error: BaseException) -> None:
        """Wake everybody who waits and let them, and all who add, end with `error`."""
        with self._lock:
            first, self._failure = self._failure is None, self._failure or error
            lost = frozenset(self._unsafe)
            self._lock.notify_all()
        if first and lost:
            self._index.withdraw(lost, error)

    def _take_if_all_wait(self) -> PackBuilder | None:
        if self._open is None or self._waiting < self._producers:
            return None
        last, self._open = self._open, None
        return last

    def _upload(self, builder: PackBuilder) -> None:
        self._slots.acquire()
        try:
            sealed = builder.seal()
            future = self._store.put_new(pack_key(sealed.pack_id), sealed.parts)
            self._finishers.submit(self._finish, sealed.pack_id, sealed.refs, future)
        except BaseException as error:
            self._slots.release()
            self.fail(error)
            raise

    def _finish(self, pack: PackId, refs: list[ChunkRef], future: Future[None]) -> None:
        try:
            with suppress(ConflictError):  # the id is random: what is there is what an earlier attempt wrote
                future.result()
            self._index.record(refs)
        except BaseException as error:  # noqa: BLE001 - every backup of the session must hear of it
            self.fail(error)
        else:
            self._mark_durable(pack, refs)
        finally:
            self._slots.release()

    def _mark_durable(self, pack: PackId, refs: list[ChunkRef]) -> None:
        with self._lock:
            self._unsafe.discard(pack)
            for ref in refs:
                if self._places.get(ref.chunk) is ref:
                    del self._places[ref.chunk]
            self._lock.notify_all()

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure
