"""What the engine needs from outside, and what each port must guarantee.

Calls that wait for a network give a `concurrent.futures.Future`, so that one thread can have many requests
under way; an adapter that answers at once gives a finished future. Every port raises, or puts into its futures,
errors from `engine.errors` only, has done its own retries, and may be called from any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future
from datetime import datetime
from typing import NamedTuple, Protocol, TypeAlias

from functions.engine.model import (
    BlobInfo,
    Buffer,
    ChunkId,
    ChunkRef,
    ObjectRead,
    PackId,
    Properties,
    SourceObject,
)

Clock: TypeAlias = Callable[[], datetime]
"""Gives the present time with a time zone. Used for names and records, never to decide what is safe."""

Ids: TypeAlias = Callable[[int], str]
"""Gives that many random bytes in lower-case hexadecimal, never the same twice."""


class Tail(NamedTuple):
    """The end of an object, and the size of the whole."""

    data: Buffer
    size: int


class BlobStore(Protocol):
    """The repository's bucket: a flat, strongly consistent store of immutable objects.

    Guarantees: a put is atomic (an object is whole or absent), durable when its future is done, and checked
    against a checksum by the store; a get sees every put that ended before it began; a listing is sorted by
    the UTF-8 bytes of the keys. There is no way to delete or overwrite.
    """

    def put_new(self, key: str, parts: Sequence[Buffer]) -> Future[None]:
        """Write the parts, joined, as a new object. ConflictError when the key exists; then nothing changed."""
        ...

    def get(self, key: str, start: int = 0, length: int | None = None) -> Future[Buffer]:
        """Give the object's bytes, or `length` of them from `start`. BlobNotFoundError when it is absent."""
        ...

    def get_tail(self, key: str, length: int) -> Future[Tail]:
        """Give the last `length` bytes, or all when there are fewer. BlobNotFoundError when it is absent."""
        ...

    def list(self, prefix: str, start_after: str = "") -> Iterator[BlobInfo]:
        """Give the objects below `prefix` whose key is greater than `start_after`, page by page."""
        ...


class Source(Protocol):
    """A bucket to protect, read only.

    Guarantees: a listing is sorted by the UTF-8 bytes of the keys; a read gives bytes of exactly the version
    whose etag was named, all of it, with its metadata and tags.
    """

    def users(self, prefix: str) -> Iterator[str]:
        """Give the users below `prefix`, in the order of their keys; the root user first, if it owns anything."""
        ...

    def list(self, prefix: str, start_after: str = "", *, recursive: bool = True) -> Iterator[SourceObject]:
        """Give the objects below `prefix` after `start_after`; not those below a further `/` unless `recursive`."""
        ...

    def read(self, item: SourceObject, start: int = 0, length: int | None = None) -> Future[ObjectRead]:
        """Read an object, or a range of it, on condition that it still has `item.etag`.

        SourceChangedError when it has another, SourceVanishedError when it is gone, SourceArchivedError or
        SourceDeniedError when it may not be read, UnavailableError when it could not be read now.
        """
        ...

    def stat(self, key: str) -> Future[SourceObject]:
        """Give the object as it is now. SourceVanishedError when it is gone."""
        ...


class DedupIndex(Protocol):
    """Chunk -> place. A cache of what the packs say: it may forget, it must never name a place that is not there.

    Guarantees: `lookup` answers with places whose packs are not condemned, and durable; or, where several workers
    share the index, announced by one of them, and then `unsettled` says so until they are durable.
    """

    def lookup(self, chunks: Sequence[ChunkId]) -> Mapping[ChunkId, ChunkRef]:
        """Give the known ones among `chunks`. Waits for the answer."""
        ...

    def record(self, refs: Iterable[ChunkRef]) -> None:
        """Remember the chunks of a durable pack. Waits until they are remembered. Doing it twice is harmless."""
        ...

    def announce(self, refs: Sequence[ChunkRef]) -> None:
        """Tell those who share the index of chunks in a pack that is not durable yet. May do nothing."""
        ...

    def withdraw(self, packs: AbstractSet[PackId], error: BaseException) -> None:
        """Tell them that announced packs will never be durable, and why. Must not raise."""
        ...

    def unsettled(self, packs: AbstractSet[PackId]) -> bool:
        """Say whether `lookup` named one of `packs` that is not durable yet. Waits a moment before it says yes.

        Raises the error of a pack that was withdrawn.
        """
        ...


class Target(NamedTuple):
    """Where a restored file goes: its name at the destination, and the key that it had in the source."""

    name: str
    key: str


class LargeWrite(Protocol):
    """A large file under way at the destination. Nobody sees it before `complete` has ended."""

    def write(self, number: int, offset: int, parts: Sequence[Buffer]) -> Future[None]:
        """Write part `number`, counted from 0, whose first byte stands at `offset`. Parts come in any order."""
        ...

    def complete(self) -> Future[str]:
        """Make the file visible with all its properties; give the name that it got."""
        ...

    def abort(self) -> None:
        """Forget what was written. Never raises."""
        ...


class Destination(Protocol):
    """Where a restore writes to.

    Guarantees: a file is visible whole or not at all; what exists is overwritten only if the destination was
    made with the conflict policy `overwrite`; content, properties and tags become visible together.
    """

    def place(self, key: str) -> Target | None:
        """Give the target of `key`, or None when the file exists and the policy is to skip it.

        Called once a file, in key order, from one thread.
        """
        ...

    def write(
        self,
        target: Target,
        parts: Sequence[Buffer],
        properties: Properties,
        modified: str,
        sha256: bytes | None = None,
    ) -> Future[str]:
        """Write a whole file; give the name that it got. DestinationExistsError when it exists and must stay.

        `sha256`, when given, is that of the content: a destination that sends it along need not compute it.
        """
        ...

    def begin(self, target: Target, size: int, properties: Properties, modified: str) -> LargeWrite:
        """Start a file that is written in parts."""
        ...

    def finish(self) -> None:
        """Make everything that was written durable and leave no scratch behind."""
        ...


class Progress(Protocol):
    """Is told what a job has done. Must be quick, and must not raise."""

    def advance(self, *, files: int = 0, read: int = 0, new: int = 0, stored: int = 0) -> None:
        """Add to what is done; bytes are plain, but `stored`."""
        ...


class Silence:
    """A Progress that tells nobody."""

    def advance(self, *, files: int = 0, read: int = 0, new: int = 0, stored: int = 0) -> None:
        """Do nothing."""
