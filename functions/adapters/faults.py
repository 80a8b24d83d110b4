"""Wraps the engine's ports so that they die, fail or lie on command: how the promises of the engine are tested.

One `Faults` plan is shared by all ports of a job. It counts every call by name, such as `store.put_new`, and can
end the process at one of them, refuse some of them as a store without answer does, and damage what they give.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import NamedTuple, TypeVar

from functions.engine.errors import BlobNotFoundError, SourceVanishedError, StrongroomError, UnavailableError
from functions.engine.model import BlobInfo, Buffer, ChunkId, ChunkRef, ObjectRead, PackId, Properties, SourceObject
from functions.engine.ports import BlobStore, DedupIndex, Destination, LargeWrite, Source, Tail, Target

T = TypeVar("T")


class SimulatedCrash(BaseException):
    """The process ended here. Not an Exception: nothing may catch it and go on."""


class Moment(StrEnum):
    """When a call meets its fault: before it has changed anything, or after, with the answer lost."""

    BEFORE = "before"
    AFTER = "after"


class CrashPoint(NamedTuple):
    """The `number`-th call, from 1, of the port call named `call`; of any call when that is empty."""

    call: str
    number: int
    moment: Moment


@dataclass(frozen=True, slots=True)
class Failures:
    """Refuse each call of `calls`, or of any port when that is empty, with probability `rate`.

    Unless `moment` says which, a refused call has had its effect in half of the cases: the answer to it was lost.
    """

    rate: float
    error: Callable[[str], StrongroomError] = UnavailableError
    calls: frozenset[str] = frozenset()
    moment: Moment | None = None


class Damage(StrEnum):
    """What a corrupted answer looks like: one wrong byte, the second half missing, or nothing there at all."""

    FLIP = "flip"
    TRUNCATE = "truncate"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Corruption:
    """Damage what is read under the keys that are `wanted`, with probability `rate`."""

    damage: Damage
    wanted: Callable[[str], bool]
    rate: float = 1.0


class Faults:
    """The plan that all wrapped ports of a job share. Without arguments it only counts. Safe from any thread."""

    def __init__(
        self,
        *,
        crash: CrashPoint | None = None,
        failures: Failures | None = None,
        corruption: Corruption | None = None,
        seed: int = 0,
    ) -> None:
        """Crash, refuse and corrupt as told; `seed` makes the choice of refused and damaged calls repeatable."""
        self.counts: Counter[str] = Counter()
        self.dead = False
        self._crash = crash
        self._failures = failures
        self._corruption = corruption
        self._random = Random(seed)  # noqa: S311 - a repeatable choice, not a secret
        self._lock = threading.Lock()

    def run(self, call: str, effect: Callable[[], T]) -> T:
        """Do a call that answers at once. Raises what the plan has for it."""
        crash, failure = self._enter(call)
        if Moment.BEFORE in (crash, failure):
            raise self._stop(call, crash)
        result = effect()
        if Moment.AFTER in (crash, failure):
            raise self._stop(call, crash)
        return result

    def start(self, call: str, effect: Callable[[], Future[T]]) -> Future[T]:
        """Do a call that gives a future. A crash is raised here, a refusal stands in the future."""
        crash, failure = self._enter(call)
        if crash is Moment.BEFORE:
            raise self._stop(call, crash)
        if failure is Moment.BEFORE:
            return _failed(self._stop(call, None))
        future = effect()
        if crash is Moment.AFTER:
            future.exception()  # waits: the effect is complete
            raise self._stop(call, crash)
        if failure is Moment.AFTER:
            return _mapped(future, lambda _result: self._raise(call))
        return future

    def walk(self, call: str, effect: Callable[[], Iterator[T]]) -> Iterator[T]:
        """Do a listing: the call itself, then one call named `<call>.next` an item."""
        items = self.run(call, effect)
        return self._steps(f"{call}.next", items)

    def damages(self, key: str) -> Damage | None:
        """Say what is done to the answer to a read of `key`."""
        plan = self._corruption
        if plan is None or not plan.wanted(key):
            return None
        with self._lock:
            return plan.damage if self._random.random() < plan.rate else None

    def damaged(self, data: Buffer) -> Buffer:
        """Give `data` as a FLIP leaves it: one bit, somewhere, is another one."""
        if not len(data):
            return data
        with self._lock:
            position = self._random.randrange(len(data))
        wrong = bytearray(data)
        wrong[position] ^= 0x10
        return bytes(wrong)

    def _steps(self, call: str, items: Iterator[T]) -> Iterator[T]:
        for item in items:
            self.run(call, lambda: None)
            yield item

    def _enter(self, call: str) -> tuple[Moment | None, Moment | None]:
        """Count the call; give the moments at which it crashes and at which it is refused."""
        with self._lock:
            if self.dead:
                raise SimulatedCrash(f"{call} after the end of the process")
            self.counts[call] += 1
            return self._crash_moment(call), self._failure_moment(call)

    def _crash_moment(self, call: str) -> Moment | None:
        point = self._crash
        if point is None or point.call not in ("", call):
            return None
        reached = self.counts[call] if point.call else self.counts.total()
        return point.moment if reached == point.number else None

    def _failure_moment(self, call: str) -> Moment | None:
        plan = self._failures
        if plan is None or (plan.calls and call not in plan.calls) or self._random.random() >= plan.rate:
            return None
        return plan.moment or self._random.choice((Moment.BEFORE, Moment.AFTER))

    def _stop(self, call: str, crash: Moment | None) -> BaseException:
        """Give what the call raises; after a crash nothing else is done."""
        if crash is None:
            return self._refusal(call)
        self.dead = True
        return SimulatedCrash(f"{crash} {call}")

    def _refusal(self, call: str) -> StrongroomError:
        error = self._failures.error if self._failures is not None else UnavailableError
        return error(f"{call} was refused on purpose")

    def _raise(self, call: str) -> T:  # type: ignore[type-var]
        raise self._refusal(call)


class FaultyBlobStore:
    """A BlobStore that follows a plan."""

    def __init__(self, inner: BlobStore, faults: Faults) -> None:
        """Wrap `inner`."""
        self._inner = inner
        self._faults = faults

    def put_new(self, key: str, parts: Sequence[Buffer]) -> Future[None]:
        """See BlobStore."""
        return self._faults.start("store.put_new", lambda: self._inner.put_new(key, parts))

    def get(self, key: str, start: int = 0, length: int | None = None) -> Future[Buffer]:
        """See BlobStore."""
        future = self._faults.start("store.get", lambda: self._inner.get(key, start, length))
        return _mapped(future, lambda data: self._damaged(key, data))

    def get_tail(self, key: str, length: int) -> Future[Tail]:
        """See BlobStore."""
        future = self._faults.start("store.get_tail", lambda: self._inner.get_tail(key, length))
        return _mapped(future, lambda tail: tail._replace(data=self._damaged(key, tail.data)))

    def list(self, prefix: str, start_after: str = "") -> Iterator[BlobInfo]:
        """See BlobStore."""
        return self._faults.walk("store.list", lambda: self._inner.list(prefix, start_after))

    def _damaged(self, key: str, data: Buffer) -> Buffer:
        match self._faults.damages(key):
            case Damage.MISSING:
                raise BlobNotFoundError(f"{key} is missing on purpose")
            case Damage.TRUNCATE:
                return data[: len(data) // 2]
            case Damage.FLIP:
                return self._faults.damaged(data)
        return data


class FaultySource:
    """A Source that follows a plan."""

    def __init__(self, inner: Source, faults: Faults) -> None:
        """Wrap `inner`."""
        self._inner = inner
        self._faults = faults

    def users(self, prefix: str) -> Iterator[str]:
        """See Source."""
        return self._faults.walk("source.users", lambda: self._inner.users(prefix))

    def list(self, prefix: str, start_after: str = "", *, recursive: bool = True) -> Iterator[SourceObject]:
        """See Source."""
        return self._faults.walk("source.list", lambda: self._inner.list(prefix, start_after, recursive=recursive))

    def read(self, item: SourceObject, start: int = 0, length: int | None = None) -> Future[ObjectRead]:
        """See Source."""
        future = self._faults.start("source.read", lambda: self._inner.read(item, start, length))
        return _mapped(future, lambda read: self._damaged(item.key, read))

    def stat(self, key: str) -> Future[SourceObject]:
        """See Source."""
        return self._faults.start("source.stat", lambda: self._inner.stat(key))

    def _damaged(self, key: str, read: ObjectRead) -> ObjectRead:
        match self._faults.damages(key):
            case Damage.MISSING:
                raise SourceVanishedError(f"{key} is missing on purpose")
            case Damage.TRUNCATE:
                return read._replace(data=read.data[: len(read.data) // 2])
            case Damage.FLIP:
                return read._replace(data=self._faults.damaged(read.data))
        return read


class FaultyIndex:
    """A DedupIndex that follows a plan."""

    def __init__(self, inner: DedupIndex, faults: Faults) -> None:
        """Wrap `inner`."""
        self._inner = inner
        self._faults = faults

    def lookup(self, chunks: Sequence[ChunkId]) -> Mapping[ChunkId, ChunkRef]:
        """See DedupIndex."""
        return self._faults.run("index.lookup", lambda: self._inner.lookup(chunks))

    def record(self, refs: Iterable[ChunkRef]) -> None:
        """See DedupIndex."""
        self._faults.run("index.record", lambda: self._inner.record(refs))

    def announce(self, refs: Sequence[ChunkRef]) -> None:
        """See DedupIndex."""
        self._faults.run("index.announce", lambda: self._inner.announce(refs))

    def withdraw(self, packs: AbstractSet[PackId], error: BaseException) -> None:
        """See DedupIndex. It must not raise, and changes nothing that outlives the process: no place for a fault."""
        self._inner.withdraw(packs, error)

    def unsettled(self, packs: AbstractSet[PackId]) -> bool:
        """See DedupIndex."""
        return self._faults.run("index.unsettled", lambda: self._inner.unsettled(packs))


class FaultyDestination:
    """A Destination that follows a plan."""

    def __init__(self, inner: Destination, faults: Faults) -> None:
        """Wrap `inner`."""
        self._inner = inner
        self._faults = faults

    def place(self, key: str) -> Target | None:
        """See Destination."""
        return self._faults.run("destination.place", lambda: self._inner.place(key))

    def write(
        self,
        target: Target,
        parts: Sequence[Buffer],
        properties: Properties,
        modified: str,
        sha256: bytes | None = None,
    ) -> Future[str]:
        """See Destination."""
        return self._faults.start(
            "destination.write", lambda: self._inner.write(target, parts, properties, modified, sha256)
        )

    def begin(self, target: Target, size: int, properties: Properties, modified: str) -> LargeWrite:
        """See Destination."""
        begun = self._faults.run("destination.begin", lambda: self._inner.begin(target, size, properties, modified))
        return FaultyLargeWrite(begun, self._faults)

    def finish(self) -> None:
        """See Destination."""
        self._faults.run("destination.finish", self._inner.finish)


class FaultyLargeWrite:
    """A LargeWrite that follows a plan. A refused `abort` does not raise, as the port promises."""

    def __init__(self, inner: LargeWrite, faults: Faults) -> None:
        """Wrap `inner`."""
        self._inner = inner
        self._faults = faults

    def write(self, number: int, offset: int, parts: Sequence[Buffer]) -> Future[None]:
        """See LargeWrite."""
        return self._faults.start("large.write", lambda: self._inner.write(number, offset, parts))

    def complete(self) -> Future[str]:
        """See LargeWrite."""
        return self._faults.start("large.complete", self._inner.complete)

    def abort(self) -> None:
        """See LargeWrite."""
        with suppress(StrongroomError):
            self._faults.run("large.abort", self._inner.abort)


def _failed(error: BaseException) -> Future[T]:
    future: Future[T] = Future()
    future.set_exception(error)
    return future


def _mapped(future: Future[T], change: Callable[[T], T]) -> Future[T]:
    """Give a future of what `change` makes of the result, or raises."""
    changed: Future[T] = Future()

    def settle(done: Future[T]) -> None:
        try:
            result = change(done.result())
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits for the future
            changed.set_exception(error)
        else:
            changed.set_result(result)

    future.add_done_callback(settle)
    return changed
