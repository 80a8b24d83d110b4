"""The engine's ports in memory: for tests of the engine, and the dedup index of a tool that runs without tables."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import TypeVar

from functions.engine.errors import BlobNotFoundError, ConflictError
from functions.engine.model import BlobInfo, Buffer, ChunkId, ChunkRef
from functions.engine.ports import Tail

T = TypeVar("T")


def answered(call: Callable[[], T]) -> Future[T]:
    """Give a finished future with what `call` gives or raises."""
    future: Future[T] = Future()
    try:
        future.set_result(call())
    except Exception as error:  # noqa: BLE001 - it belongs to whoever waits for the future
        future.set_exception(error)
    return future


class MemoryBlobStore:
    """A BlobStore in a dict. `blobs` is open to tests that damage it."""

    def __init__(self) -> None:
        """Start empty."""
        self.blobs: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def put_new(self, key: str, parts: Sequence[Buffer]) -> Future[None]:
        """See BlobStore."""
        return answered(lambda: self._put(key, b"".join(parts)))

    def get(self, key: str, start: int = 0, length: int | None = None) -> Future[Buffer]:
        """See BlobStore."""
        end = None if length is None else start + length
        return answered(lambda: self._find(key)[start:end])

    def get_tail(self, key: str, length: int) -> Future[Tail]:
        """See BlobStore."""
        return answered(lambda: Tail(self._find(key)[-length:], len(self._find(key))))

    def list(self, prefix: str, start_after: str = "") -> Iterator[BlobInfo]:
        """See BlobStore."""
        with self._lock:
            keys = sorted(key for key in self.blobs if key.startswith(prefix) and key > start_after)
        for key in keys:
            yield BlobInfo(key, len(self.blobs[key]), "2026-11-20T02:00:00.000Z")

    def _put(self, key: str, data: bytes) -> None:
        with self._lock:
            if key in self.blobs:
                raise ConflictError(f"{key} exists")
            self.blobs[key] = data

    def _find(self, key: str) -> bytes:
        try:
            return self.blobs[key]
        except KeyError:
            raise BlobNotFoundError(f"{key} does not exist") from None


class MemoryIndex:
    """A DedupIndex in a dict, filled on first use when `fill` is given."""

    def __init__(self, fill: Callable[[MemoryIndex], object] | None = None) -> None:
        """Start empty; `fill` is called once, before the first look-up."""
        self.places: dict[ChunkId, ChunkRef] = {}
        self._fill = fill
        self._lock = threading.Lock()

    def lookup(self, chunks: Sequence[ChunkId]) -> Mapping[ChunkId, ChunkRef]:
        """See DedupIndex."""
        if self._fill is not None:
            with self._lock:
                fill, self._fill = self._fill, None
                if fill is not None:
                    fill(self)
        places = self.places
        return {chunk: places[chunk] for chunk in chunks if chunk in places}

    def record(self, refs: Iterable[ChunkRef]) -> None:
        """See DedupIndex."""
        for ref in refs:
            self.places.setdefault(ref.chunk, ref)
