"""Stores each chunk once: asks who has it, and compresses and packs only what nobody has."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from functions.engine.codec import Encoder
from functions.engine.model import Buffer, ChunkId, ChunkRef
from functions.engine.packer import Packer, StoredChunk
from functions.engine.ports import DedupIndex


class Piece(NamedTuple):
    """A chunk's id and its plain bytes."""

    chunk: ChunkId
    plain: Buffer


class Stored(NamedTuple):
    """Places of all pieces that were asked for, and those among them that were stored just now."""

    places: dict[ChunkId, ChunkRef]
    fresh: dict[ChunkId, ChunkRef]


class Deduplicator:
    """Shared by the workers of a session. A chunk that two of them meet at once is stored by one of them."""

    def __init__(self, index: DedupIndex, packer: Packer) -> None:
        """Look chunks up in `packer`'s unfinished packs first, then in `index`."""
        self._index = index
        self._packer = packer
        self._claimed: set[ChunkId] = set()
        self._lock = threading.Condition()

    def store(self, pieces: Sequence[Piece], known: Mapping[ChunkId, ChunkRef], encoder: Encoder) -> Stored:
        """Give a place for every piece; those in `known` are taken as they are, the rest looked up or packed."""
        places: dict[ChunkId, ChunkRef] = {}
        wanted: dict[ChunkId, Buffer] = {}
        for piece in pieces:
            ref = known.get(piece.chunk)
            if ref is None:
                wanted[piece.chunk] = piece.plain
            else:
                places[piece.chunk] = ref
        fresh: dict[ChunkId, ChunkRef] = {}
        while wanted:
            mine, theirs = self._claim(wanted)
            try:
                found = self._packer.find(mine)
                found.update(self._look_up([chunk for chunk in mine if chunk not in found]))
                encoded = [_encode(encoder, chunk, wanted[chunk]) for chunk in mine if chunk not in found]
                added = {ref.chunk: ref for ref in self._packer.add(encoded)}
            finally:
                self._release(mine)
            fresh.update(added)
            places.update(found)
            places.update(added)
            self._wait_for(theirs)
            wanted = {chunk: wanted[chunk] for chunk in theirs}
        return Stored(places, fresh)

    def _look_up(self, chunks: list[ChunkId]) -> Mapping[ChunkId, ChunkRef]:
        return self._index.lookup(chunks) if chunks else {}

    def _claim(self, wanted: Mapping[ChunkId, Buffer]) -> tuple[list[ChunkId], list[ChunkId]]:
        mine: list[ChunkId] = []
        theirs: list[ChunkId] = []
        with self._lock:
            for chunk in wanted:
                (theirs if chunk in self._claimed else mine).append(chunk)
            self._claimed.update(mine)
        return mine, theirs

    def _release(self, mine: Sequence[ChunkId]) -> None:
        with self._lock:
            self._claimed.difference_update(mine)
            self._lock.notify_all()

    def _wait_for(self, theirs: Sequence[ChunkId]) -> None:
        if not theirs:
            return
        with self._lock:
            self._lock.wait_for(lambda: not any(chunk in self._claimed for chunk in theirs))


def _encode(encoder: Encoder, chunk: ChunkId, plain: Buffer) -> StoredChunk:
    stored = encoder.encode(plain)
    return StoredChunk(chunk, _owned(plain) if stored is plain else stored, len(plain))


def _owned(plain: Buffer) -> bytes:
    """Give bytes that keep nothing else in memory: a whole object's as they are, a part's as a copy."""
    if isinstance(plain, memoryview) and isinstance(plain.obj, bytes) and len(plain.obj) == len(plain):
        return plain.obj
    return bytes(plain)
