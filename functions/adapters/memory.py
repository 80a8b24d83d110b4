"""The engine's ports in memory: for tests of the engine, and the dedup index of a tool that runs without tables."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeVar

from functions.contract.object_keys import ROOT_USER
from functions.engine.conflict import Conflict, renamed
from functions.engine.errors import (
    BlobNotFoundError,
    ConflictError,
    DestinationExistsError,
    RequestError,
    SourceArchivedError,
    SourceChangedError,
    SourceDeniedError,
    SourceVanishedError,
)
from functions.engine.model import BlobInfo, Buffer, ChunkId, ChunkRef, ObjectRead, PackId, Properties, SourceObject
from functions.engine.ports import Tail, Target

T = TypeVar("T")

ARCHIVE_CLASSES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
_FIRST_TIME = datetime(2026, 11, 19, tzinfo=UTC)


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
    """A DedupIndex in a dict."""

    def __init__(self) -> None:
        """Start empty."""
        self.places: dict[ChunkId, ChunkRef] = {}

    def lookup(self, chunks: Sequence[ChunkId]) -> Mapping[ChunkId, ChunkRef]:
        """See DedupIndex."""
        places = self.places
        return {chunk: places[chunk] for chunk in chunks if chunk in places}

    def record(self, refs: Iterable[ChunkRef]) -> None:
        """See DedupIndex."""
        for ref in refs:
            self.places.setdefault(ref.chunk, ref)

    def announce(self, refs: Sequence[ChunkRef]) -> None:
        """See DedupIndex. Nobody shares this index before its packs are durable."""

    def withdraw(self, packs: AbstractSet[PackId], error: BaseException) -> None:
        """See DedupIndex. Nobody was told of them."""

    def unsettled(self, packs: AbstractSet[PackId]) -> bool:  # noqa: ARG002
        """See DedupIndex. Every place that `lookup` names is durable."""
        return False


@dataclass(frozen=True, slots=True)
class MemoryObject:
    """One object of a MemorySource, as its newest version stands."""

    data: bytes
    etag: str
    modified: str
    version: str | None
    storage_class: str = "STANDARD"
    properties: Properties = field(default_factory=Properties)


class MemorySource:
    """A Source in a dict. Every put gets a later time, and a version id when the source is `versioned`.

    `before_read` is called before each read, so that a test can change the object between listing and read;
    `denied` names keys that may not be read; `reads` counts the reads of each key.
    """

    def __init__(self, objects: Mapping[str, bytes] | None = None, *, versioned: bool = False) -> None:
        """Start with `objects`: keys and bytes."""
        self.objects: dict[str, MemoryObject] = {}
        self.denied: set[str] = set()
        self.reads: dict[str, int] = {}
        self.before_read: Callable[[SourceObject], object] = lambda _item: None
        self._versioned = versioned
        self._puts = 0
        self._lock = threading.Lock()
        for key, data in (objects or {}).items():
            self.put(key, data)

    def put(
        self, key: str, data: bytes, *, properties: Properties | None = None, storage_class: str = "STANDARD"
    ) -> None:
        """Write an object, as a person or a program of the source's owner does. The same bytes get the same etag."""
        with self._lock:
            self._puts += 1
            modified = (_FIRST_TIME + timedelta(seconds=self._puts)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
            version = f"v{self._puts}" if self._versioned else None
            etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
            self.objects[key] = MemoryObject(data, etag, modified, version, storage_class, properties or Properties())

    def delete(self, key: str) -> None:
        """Take an object away."""
        with self._lock:
            del self.objects[key]

    def users(self, prefix: str) -> Iterator[str]:
        """See Source."""
        names = [key[len(prefix) :].partition("/") for key in self._keys(prefix)]
        if any(not slash for _name, slash, _rest in names):
            yield ROOT_USER
        for name in dict.fromkeys(name for name, slash, _rest in names if slash):
            yield name or "/"

    def list(self, prefix: str, start_after: str = "", *, recursive: bool = True) -> Iterator[SourceObject]:
        """See Source."""
        for key in self._keys(prefix):
            found = self.objects.get(key)
            if found is not None and key > start_after and (recursive or "/" not in key[len(prefix) :]):
                yield _listed(key, found)

    def read(self, item: SourceObject, start: int = 0, length: int | None = None) -> Future[ObjectRead]:
        """See Source."""
        return answered(lambda: self._read(item, start, length))

    def stat(self, key: str) -> Future[SourceObject]:
        """See Source."""
        return answered(lambda: _listed(key, self._find(key)))

    def _read(self, item: SourceObject, start: int, length: int | None) -> ObjectRead:
        self.before_read(item)
        with self._lock:
            self.reads[item.key] = self.reads.get(item.key, 0) + 1
        if item.key in self.denied:
            raise SourceDeniedError(f"{item.key!r} may not be read")
        found = self._find(item.key)
        if found.etag != item.etag:
            raise SourceChangedError(f"{item.key!r} changed since it was listed")
        if found.storage_class in ARCHIVE_CLASSES:
            raise SourceArchivedError(f"{item.key!r} is in {found.storage_class}")
        data = found.data[start:] if length is None else found.data[start : start + length]
        return ObjectRead(data, found.etag, found.version, found.modified, len(found.data), found.properties)

    def _find(self, key: str) -> MemoryObject:
        try:
            return self.objects[key]
        except KeyError:
            raise SourceVanishedError(f"{key!r} was deleted since it was listed") from None

    def _keys(self, prefix: str) -> Sequence[str]:
        with self._lock:
            return sorted(key for key in self.objects if key.startswith(prefix))


def _listed(key: str, found: MemoryObject) -> SourceObject:
    return SourceObject(key, len(found.data), found.etag, found.modified, found.storage_class)


class MemoryFile(NamedTuple):
    """One visible file of a MemoryDestination."""

    data: bytes
    properties: Properties
    modified: str
    key: str


class MemoryDestination:
    """A Destination in a dict: `files` holds what is visible, `unfinished` counts large files under way."""

    def __init__(
        self,
        *,
        cut: str = "",
        prefix: str = "",
        conflict: Conflict = Conflict.SKIP,
        label: str = "restored",
    ) -> None:
        """Take `cut` off the keys and put `prefix` in front of them; `label` goes into renamed files."""
        self.files: dict[str, MemoryFile] = {}
        self.unfinished = 0
        self.finished = False
        self._cut = cut
        self._prefix = prefix
        self._conflict = conflict
        self._label = label
        self._lock = threading.Lock()

    def place(self, key: str) -> Target | None:
        """See Destination."""
        name = self._prefix + key.removeprefix(self._cut)
        if self._conflict is not Conflict.OVERWRITE and name in self.files:
            if self._conflict is Conflict.SKIP:
                return None
            name = renamed(name, self._label)
        return Target(name, key)

    def write(
        self,
        target: Target,
        parts: Sequence[Buffer],
        properties: Properties,
        modified: str,
        sha256: bytes | None = None,
    ) -> Future[str]:
        """See Destination."""
        return answered(lambda: self._write(target, b"".join(parts), properties, modified, sha256))

    def begin(self, target: Target, size: int, properties: Properties, modified: str) -> MemoryLargeWrite:
        """See Destination."""
        with self._lock:
            self.unfinished += 1
        return MemoryLargeWrite(self, target, size, properties, modified)

    def finish(self) -> None:
        """See Destination."""
        self.finished = True

    def publish(self, target: Target, file: MemoryFile) -> str:
        """Make a whole file visible, unless it exists and must stay."""
        with self._lock:
            if self._conflict is not Conflict.OVERWRITE and target.name in self.files:
                raise DestinationExistsError(f"{target.name} exists")
            self.files[target.name] = file
        return target.name

    def forget_one(self) -> None:
        """Count a large file that is no longer under way."""
        with self._lock:
            self.unfinished -= 1

    def _write(self, target: Target, data: bytes, properties: Properties, modified: str, sha256: bytes | None) -> str:
        if sha256 is not None and hashlib.sha256(data).digest() != sha256:
            raise RequestError(f"write {target.name}: the SHA-256 that came along is not that of the content")
        return self.publish(target, MemoryFile(data, properties, modified, target.key))


class MemoryLargeWrite:
    """A file that is written in parts, in a bytearray that nobody sees."""

    def __init__(
        self, destination: MemoryDestination, target: Target, size: int, properties: Properties, modified: str
    ) -> None:
        """Expect `size` bytes."""
        self._destination = destination
        self._target = target
        self._properties = properties
        self._modified = modified
        self._data = bytearray(size)
        self._ended = False

    def write(self, number: int, offset: int, parts: Sequence[Buffer]) -> Future[None]:  # noqa: ARG002
        """See LargeWrite."""
        data = b"".join(parts)
        self._data[offset : offset + len(data)] = data
        return answered(lambda: None)

    def complete(self) -> Future[str]:
        """See LargeWrite."""
        self._end()
        file = MemoryFile(bytes(self._data), self._properties, self._modified, self._target.key)
        return answered(lambda: self._destination.publish(self._target, file))

    def abort(self) -> None:
        """See LargeWrite."""
        self._end()

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._destination.forget_one()
