"""Reads the indexes of packs: a suffix range read each, many under way, in the order that was asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import NamedTuple

from functions.contract.object_keys import PACKS, pack_key, parse_pack_key
from functions.engine.errors import (
    BlobArchivedError,
    BlobNotFoundError,
    CorruptionError,
    FormatError,
    PackMissingError,
    StrongroomError,
)
from functions.engine.model import ChunkRef, PackId
from functions.engine.pack import FOOTER_SIZE, SUFFIX_READ, read_footer, read_index
from functions.engine.ports import BlobStore, DedupIndex, Tail
from functions.engine.retention.history import no_targets

_AHEAD = 32
_TOGETHER = 16
"""Indexes that a cache reads at once: of the largest packs, two thirds of what it keeps."""


class PackIndex(NamedTuple):
    """A pack's chunks, or the error that keeps them from being known."""

    pack_id: PackId
    refs: list[ChunkRef]
    error: StrongroomError | None


def list_packs(store: BlobStore) -> Iterator[PackId]:
    """Give the ids of all packs, in the order of their keys."""
    for blob in store.list(PACKS):
        pack_id = parse_pack_key(blob.key)
        if pack_id is not None:
            yield pack_id


def read_pack_indexes(store: BlobStore, pack_ids: Iterable[PackId]) -> Iterator[PackIndex]:
    """Read the index of each pack. A damaged, missing or archived pack gives its error, no end; an outage raises."""
    ahead: deque[tuple[PackId, Future[Tail]]] = deque()
    for pack_id in pack_ids:
        ahead.append((pack_id, store.get_tail(pack_key(pack_id), SUFFIX_READ)))
        if len(ahead) >= _AHEAD:
            yield _settle(store, *ahead.popleft())
    while ahead:
        yield _settle(store, *ahead.popleft())


class CachedIndex(NamedTuple):
    """A pack's chunks as a set, or the error that keeps them from being known."""

    places: frozenset[ChunkRef]
    error: StrongroomError | None


class IndexCache:
    """The indexes of the packs that were asked for last. Safe from any thread; none is read twice at once."""

    def __init__(self, store: BlobStore, keep: int = 256, chunks: int = 393_216) -> None:
        """Keep up to `keep` indexes, about 60 KiB each for packs of small files, of up to `chunks` chunks in all."""
        self._store = store
        self._keep = keep
        self._chunks = chunks
        self._held = 0
        self._kept: OrderedDict[PackId, Future[CachedIndex]] = OrderedDict()
        self._lock = threading.Lock()

    def load(self, pack_ids: Sequence[PackId]) -> None:
        """Read the indexes that are not there yet, some at once, until they are half of what is kept, or more."""
        brought = 0
        for start in range(0, min(len(pack_ids), self._keep), _TOGETHER):
            if brought > self._chunks // 2:
                return
            brought += self._load(pack_ids[start : min(start + _TOGETHER, self._keep)])

    def _load(self, pack_ids: Sequence[PackId]) -> int:
        """Read some indexes; give how many chunks they have."""
        mine = self._claim(pack_ids)
        brought = 0
        try:
            for found in map(_unless_archived, read_pack_indexes(self._store, list(mine))):
                self._settle(found.pack_id, mine.pop(found.pack_id), CachedIndex(frozenset(found.refs), found.error))
                brought += len(found.refs)
        except BaseException as error:
            with self._lock:
                for pack_id, future in mine.items():
                    if self._kept.get(pack_id) is future:
                        del self._kept[pack_id]
                    future.set_exception(error)
            raise
        return brought

    def get(self, pack_id: PackId) -> CachedIndex:
        """Give one index; read it if it is not there."""
        while True:
            with self._lock:
                future = self._kept.get(pack_id)
                if future is not None:
                    self._kept.move_to_end(pack_id)
            if future is not None:
                return future.result()
            self.load([pack_id])

    def _claim(self, pack_ids: Sequence[PackId]) -> dict[PackId, Future[CachedIndex]]:
        """Give futures for the packs that nobody has read or is reading; the caller has to end them."""
        mine: dict[PackId, Future[CachedIndex]] = {}
        with self._lock:
            for pack_id in pack_ids:
                if pack_id in self._kept:
                    self._kept.move_to_end(pack_id)
                else:
                    mine[pack_id] = self._kept[pack_id] = Future()
            while len(self._kept) > self._keep:
                self._forget(next(iter(self._kept)))
        return mine

    def _settle(self, pack_id: PackId, future: Future[CachedIndex], index: CachedIndex) -> None:
        with self._lock:
            future.set_result(index)
            if self._kept.get(pack_id) is future:
                self._held += len(index.places)
            for other, kept in list(self._kept.items()):
                if self._held <= self._chunks:
                    return
                if other != pack_id and kept.done():
                    self._forget(other)

    def _forget(self, pack_id: PackId) -> None:
        future = self._kept.pop(pack_id)
        if future.done() and future.exception() is None:
            self._held -= len(future.result().places)


def list_targets(store: BlobStore) -> Iterator[PackId]:
    """Give the packs to which a dedup index may lead: all but those that a collection has condemned or drained."""
    excluded = no_targets(store)
    return (pack_id for pack_id in list_packs(store) if pack_id not in excluded)


def fill_index(store: BlobStore, index: DedupIndex) -> int:
    """Record every chunk of every readable pack in `index`; give the number of packs.

    A damaged or archived pack is left out: its chunks count as unknown and are stored again. So is a condemned one.
    """
    packs = 0
    for found in read_pack_indexes(store, list_targets(store)):
        if found.error is None:
            index.record(found.refs)
            packs += 1
    return packs


def _unless_archived(found: PackIndex) -> PackIndex:
    """Refuse to call a pack damaged that nobody can read."""
    if isinstance(found.error, BlobArchivedError):
        raise found.error
    return found


def _settle(store: BlobStore, pack_id: PackId, future: Future[Tail]) -> PackIndex:
    try:
        return PackIndex(pack_id, _parse(store, pack_id, future.result()), None)
    except BlobNotFoundError:
        return PackIndex(pack_id, [], PackMissingError(f"pack {pack_id} does not exist"))
    except (BlobArchivedError, CorruptionError, FormatError) as error:
        return PackIndex(pack_id, [], error)


def _parse(store: BlobStore, pack_id: PackId, tail: Tail) -> list[ChunkRef]:
    footer = read_footer(pack_id, tail.data, tail.size)
    needed = footer.index_stored + FOOTER_SIZE
    data = tail.data
    if needed > len(data):
        data = store.get_tail(pack_key(pack_id), needed).result().data
    end = len(data) - FOOTER_SIZE
    return read_index(pack_id, footer, memoryview(data)[end - footer.index_stored : end])
