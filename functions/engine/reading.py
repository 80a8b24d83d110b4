"""Turns objects of the source into manifest entries: small ones in batches, large ones in parts.

Fetches are futures; when what they wait for is complete, the work goes to the pool. Results come back through
a callback, out of order.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from functions.engine.budget import Budget
from functions.engine.chunker import Chunker
from functions.engine.codec import Encoder
from functions.engine.dedup import Deduplicator, Piece, Stored
from functions.engine.errors import (
    SourceChangedError,
    SourceObjectError,
    SourceTooLargeError,
    SourceVanishedError,
    UnavailableError,
)
from functions.engine.manifest import Line, encode_entry, encode_unreadable
from functions.engine.model import ChunkId, ChunkRef, FileEntry, ObjectRead, PackId, SourceObject, Unreadable
from functions.engine.ports import Progress, Source
from functions.engine.safety import SafetyParameters
from functions.engine.workers import Tools, WorkerPool


class RepositoryFailedError(Exception):
    """Carries an error of the repository past the code that settles objects: no object is to blame for it."""

    def __init__(self, error: BaseException) -> None:
        """Keep the error."""
        super().__init__(str(error))
        self.error = error


class Outcome(NamedTuple):
    """What became of one object: a line for the manifest, or nothing when it is gone, and what it cost."""

    sequence: int
    line: bytes = b""
    key: str = ""
    packs: frozenset[PackId] = frozenset()
    size: int = 0
    read: int = 0
    new: int = 0
    stored: int = 0
    unreadable: Unreadable | None = None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One object to read. `done` takes its outcome, or those of several objects, from any thread."""

    sequence: int
    item: SourceObject
    parent: Line | None
    done: Callable[[list[Outcome]], None]

    def known(self) -> dict[ChunkId, ChunkRef]:
        """Give the places that the parent's line has for this object's chunks."""
        if self.parent is None:
            return {}
        return {ref.chunk: ref for ref in self.parent.entry().chunks}

    def failed(self, error: BaseException) -> Outcome:
        """Give the outcome of an object that cannot be read: gone, unreadable, or the end of the whole backup."""
        if isinstance(error, RepositoryFailedError):
            return Outcome(self.sequence, error=error.error)
        if isinstance(error, SourceVanishedError):
            return Outcome(self.sequence)
        if isinstance(error, SourceObjectError | UnavailableError):
            unreadable = Unreadable(self.item.key, error.code, error.message)
            line = encode_unreadable(unreadable)
            return Outcome(self.sequence, line, self.item.key, size=self.item.size, unreadable=unreadable)
        return Outcome(self.sequence, error=error)


@dataclass(frozen=True, slots=True)
class Shop:
    """What all readers of a session share."""

    source: Source
    dedup: Deduplicator
    pool: WorkerPool
    budget: Budget
    safety: SafetyParameters
    progress: Progress
    avoid: AbstractSet[PackId] = frozenset()

    def known(self, task: Task) -> dict[ChunkId, ChunkRef]:
        """Give the places that the parent has for an object's chunks, but for those in packs to avoid."""
        known = task.known()
        if not self.avoid:
            return known
        return {chunk: ref for chunk, ref in known.items() if ref.pack not in self.avoid}

    def store(self, pieces: Sequence[Piece], known: Mapping[ChunkId, ChunkRef], encoder: Encoder) -> Stored:
        """Store chunks. Raises RepositoryFailedError, whatever goes wrong."""
        try:
            return self.dedup.store(pieces, known, encoder)
        except BaseException as error:
            raise RepositoryFailedError(error) from error

    def done(self, task: Task, outcomes: list[Outcome]) -> None:
        """Report what was read, and give the outcomes to whoever waits for this task and those beside it."""
        files = sum(1 for outcome in outcomes if outcome.line and outcome.unreadable is None)
        read, new, stored = (sum(counts) for counts in zip(*((o.read, o.new, o.stored) for o in outcomes), strict=True))
        try:
            self.progress.advance(files=files, read=read, new=new, stored=stored)
        except BaseException as error:  # noqa: BLE001 - the backup that waits for these objects must hear of it
            outcomes.append(Outcome(task.sequence, error=error))
        task.done(outcomes)

    def outcome(
        self, task: Task, read: ObjectRead, chunks: Sequence[ChunkRef], fresh: dict[ChunkId, ChunkRef]
    ) -> Outcome:
        """Give the outcome of an object that was read. What is new is taken out of `fresh`: it counts once."""
        new = stored = 0
        for ref in chunks:
            if fresh.pop(ref.chunk, None) is not None:
                new += ref.length
                stored += ref.stored
        entry = FileEntry(
            task.item.key, read.size, read.etag, read.modified, tuple(chunks), read.version, read.properties
        )
        packs = frozenset([ref.pack for ref in chunks])
        return Outcome(task.sequence, encode_entry(entry), task.item.key, packs, read.size, read.size, new, stored)


@dataclass(slots=True)
class _Batch:
    tasks: list[Task] = field(default_factory=list)
    reads: list[Future[ObjectRead]] = field(default_factory=list)
    size: int = 0


class Reader:
    """Reads the objects of one backup. `submit` and `flush` are called by one thread."""

    def __init__(self, shop: Shop) -> None:
        """Share pool, index and memory budget with the other readers of the session."""
        self._shop = shop
        self._batch = _Batch()

    def submit(self, task: Task) -> None:
        """Start to read an object. Blocks while the memory budget is used up."""
        safety = self._shop.safety
        if safety.object_limit is not None and task.item.size > safety.object_limit:
            error = SourceTooLargeError(f"{task.item.key!r} has {task.item.size:,} bytes, over {safety.object_limit:,}")
            self._shop.done(task, [task.failed(error)])
            return
        if task.item.size > safety.part_size:
            read_in_parts(self._shop, task, self.reserve)
            return
        self.reserve(task.item.size)
        batch = self._batch
        batch.size += task.item.size
        batch.tasks.append(task)
        batch.reads.append(self._shop.source.read(task.item))
        if batch.size >= safety.batch_bytes or len(batch.tasks) >= safety.batch_files:
            self.flush()

    def flush(self) -> None:
        """Hand the open batch on, however small it is."""
        batch, self._batch = self._batch, _Batch()
        if batch.tasks:
            after_all(
                batch.reads,
                lambda: self._shop.pool.submit(lambda tools: _store_batch(self._shop, batch, tools)),
            )

    def reserve(self, amount: int) -> None:
        """Take bytes from the budget. The open batch goes on first: it must not hold what others wait for."""
        if not self._shop.budget.try_acquire(amount):
            self.flush()
            self._shop.budget.acquire(amount)


def after_all(futures: Sequence[Future[Any]], then: Callable[[], None]) -> None:
    """Call `then` once, when all futures have ended, in the thread that ended the last one; at once for none."""
    remaining = len(futures)
    if not remaining:
        then()
    lock = threading.Lock()

    def one_less(_done: Future[Any]) -> None:
        nonlocal remaining
        with lock:
            remaining -= 1
            if remaining:
                return
        then()

    for future in futures:
        future.add_done_callback(one_less)


def _cause(error: BaseException) -> BaseException:
    return error.error if isinstance(error, RepositoryFailedError) else error


def _store_batch(shop: Shop, batch: _Batch, tools: Tools) -> None:
    outcomes: list[Outcome] = []
    try:
        _read_batch(shop, batch, tools, outcomes)
    except BaseException as error:  # noqa: BLE001 - the backup that waits for these objects must hear of it
        outcomes.append(Outcome(batch.tasks[0].sequence, error=_cause(error)))
    finally:
        batch.reads.clear()  # the futures refer to the batch: without this only the garbage collector frees the bytes
        shop.budget.release(batch.size)
    shop.done(batch.tasks[0], outcomes)


def _read_batch(shop: Shop, batch: _Batch, tools: Tools, outcomes: list[Outcome]) -> None:
    found: list[tuple[Task, ObjectRead, list[Piece]]] = []
    known: dict[ChunkId, ChunkRef] = {}
    for task, future in zip(batch.tasks, batch.reads, strict=True):
        # Not raised here: a traceback would keep this frame, and all that was read, until the garbage collector comes.
        error = future.exception() or _misread(task.item, read := future.result())
        if error is None:
            found.append((task, read, hash_pieces(Chunker().feed(read.data, last=True))))
            known.update(shop.known(task))
        elif isinstance(error, SourceChangedError):
            outcomes.append(read_again(shop, task, tools))
        else:
            outcomes.append(task.failed(error))
    result = shop.store([piece for _, _, owned in found for piece in owned], known, tools.encoder)
    for task, read, owned in found:
        outcomes.append(shop.outcome(task, read, [result.places[piece.chunk] for piece in owned], result.fresh))


def _misread(item: SourceObject, read: ObjectRead) -> SourceChangedError | None:
    if len(read.data) == read.size == item.size:
        return None
    return SourceChangedError(f"{item.key!r} gave {len(read.data)} bytes instead of {item.size}")


def hash_pieces(chunks: Iterable[memoryview]) -> list[Piece]:
    """Name each chunk by its SHA-256."""
    return [Piece(hashlib.sha256(chunk).digest(), chunk) for chunk in chunks]


def read_again(shop: Shop, task: Task, tools: Tools) -> Outcome:
    """Read an object that changed under the first read: its newest version, one part after the other."""
    error: SourceObjectError = SourceChangedError(f"{task.item.key!r} changed each time it was read")
    for _attempt in range(shop.safety.read_attempts):
        try:
            return _read_serially(shop, task, shop.source.stat(task.item.key).result(), tools)
        except SourceChangedError as changed:
            error = changed
        except (SourceObjectError, UnavailableError) as other:
            return task.failed(other)
    return task.failed(error)


def _read_serially(shop: Shop, task: Task, item: SourceObject, tools: Tools) -> Outcome:
    chunker = Chunker()
    refs: list[ChunkRef] = []
    fresh: dict[ChunkId, ChunkRef] = {}
    first: ObjectRead | None = None
    for start, length in part_ranges(item.size, shop.safety.part_size):
        read = shop.source.read(item, start, length if item.size else None).result()
        first = first or read._replace(data=b"", modified=item.modified, size=item.size)
        if len(read.data) != length or read.size != item.size:
            raise SourceChangedError(f"{item.key!r} gave {len(read.data)} bytes instead of {length}")
        pieces = hash_pieces(chunker.feed(read.data, last=start + length == item.size))
        result = shop.store(pieces, shop.known(task), tools.encoder)
        refs.extend(result.places[piece.chunk] for piece in pieces)
        fresh.update(result.fresh)
    if first is None:
        raise SourceChangedError(f"{item.key!r} gave nothing")
    return shop.outcome(task, first, refs, fresh)


def part_ranges(size: int, part_size: int) -> Iterator[tuple[int, int]]:
    """Give start and length of each part of an object; one empty part for an empty object."""
    yield 0, min(size, part_size)
    for start in range(part_size, size, part_size):
        yield start, min(part_size, size - start)


def read_in_parts(shop: Shop, task: Task, reserve: Callable[[int], None]) -> None:
    """Start to read a large object: many parts under way, each chunked in its turn as soon as it is there."""
    ranges = list(part_ranges(task.item.size, shop.safety.part_size))
    large = _LargeRead(shop, task, len(ranges))
    for number, (start, length) in enumerate(ranges):
        reserve(length)
        future = shop.source.read(task.item, start, length)
        future.add_done_callback(large.arrival(number, length))


class _LargeRead:
    """The parts of one object. Cutting goes in order; hashing and packing of different parts run side by side."""

    def __init__(self, shop: Shop, task: Task, parts: int) -> None:
        self._shop = shop
        self._task = task
        self._parts = parts
        self._lock = threading.Lock()
        self._chunker = Chunker()
        self._arrived: dict[int, ObjectRead] = {}
        self._cut = 0
        self._ended = 0
        self._slots: list[ChunkRef | None] = []
        self._fresh: dict[ChunkId, ChunkRef] = {}
        self._first: ObjectRead | None = None
        self._error: BaseException | None = None
        self._known = shop.known(task)

    def arrival(self, number: int, length: int) -> Callable[[Future[ObjectRead]], None]:
        """Give the callback for one part: it sends the work to the pool."""
        return lambda future: self._shop.pool.submit(lambda tools: self._take(number, length, future, tools))

    def _take(self, number: int, length: int, future: Future[ObjectRead], tools: Tools) -> None:
        error = future.exception()
        with self._lock:
            if error is None and (len(future.result().data), future.result().size) == (length, self._task.item.size):
                self._arrived[number] = future.result()
            else:
                self._error = self._error or error or SourceChangedError(f"part {number} is cut short")
            cut = self._cut_next()
        try:
            for first_slot, pieces in cut:
                self._store(first_slot, pieces, tools)
        except BaseException as failure:  # noqa: BLE001 - the backup hears of it when the last part has ended
            self._error = self._error or failure
        finally:
            self._shop.budget.release(length)
        with self._lock:
            self._ended += 1
            last = self._ended == self._parts
        if last:
            self._conclude(tools)

    def _cut_next(self) -> list[tuple[int, list[memoryview]]]:
        """Cut all parts whose turn has come; give the chunks and the slot of the first. Holds the lock."""
        result: list[tuple[int, list[memoryview]]] = []
        while self._error is None and (read := self._arrived.pop(self._cut, None)) is not None:
            if self._cut == 0:
                self._first = read._replace(data=b"")
            self._cut += 1
            chunks = self._chunker.feed(read.data, last=self._cut == self._parts)
            result.append((len(self._slots), chunks))
            self._slots.extend([None] * len(chunks))
        return result

    def _store(self, first_slot: int, chunks: list[memoryview], tools: Tools) -> None:
        pieces = hash_pieces(chunks)
        result = self._shop.store(pieces, self._known, tools.encoder)
        with self._lock:
            for slot, piece in enumerate(pieces, first_slot):
                self._slots[slot] = result.places[piece.chunk]
            self._fresh.update(result.fresh)

    def _conclude(self, tools: Tools) -> None:
        try:
            outcome = self._outcome(tools)
        except BaseException as error:  # noqa: BLE001 - the backup that waits for this object must hear of it
            outcome = Outcome(self._task.sequence, error=_cause(error))
        self._shop.done(self._task, [outcome])

    def _outcome(self, tools: Tools) -> Outcome:
        refs = [ref for ref in self._slots if ref is not None]
        if isinstance(self._error, SourceChangedError):
            return read_again(self._shop, self._task, tools)
        if self._error is not None:
            return self._task.failed(self._error)
        if self._first is None or sum(ref.length for ref in refs) != self._task.item.size:
            return read_again(self._shop, self._task, tools)
        return self._shop.outcome(self._task, self._first, refs, self._fresh)
