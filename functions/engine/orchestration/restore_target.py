"""A Destination that does with each file what was decided before, and keeps one file's trouble from the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import TypeVar

from functions.engine.errors import DestinationExistsError, RequestError, StrongroomError
from functions.engine.model import Buffer, Properties
from functions.engine.orchestration.restore_conflicts import Lister, Naming, Verdict, standing_size
from functions.engine.ports import Destination, LargeWrite, Target
from functions.engine.restore_work import Failure, RestoreReport

T = TypeVar("T")

KEY_BYTES = 1024
"""The longest key that S3 takes (Amazon S3 User Guide, "Naming Amazon S3 objects")."""

_FAILURES_KEPT = 1_000


class DecidedDestination:
    """Wraps a destination that overwrites nothing, unless that is the policy.

    A file that the destination refuses, for its name, its tags or whatever else is its own, is reported and left out;
    a right that is missing, or a store that does not answer, ends the restore. `check` raises when time is up.
    """

    def __init__(
        self,
        inner: Destination,
        naming: Naming,
        decided: Mapping[str, Verdict],
        sizes: Mapping[str, int],
        check: Callable[[], None],
    ) -> None:
        """Do with a key what `decided` says, else write it; `sizes` are those of the keys decided on."""
        self._inner = inner
        self._naming = naming
        self._decided = decided
        self._sizes = sizes
        self._check = check
        self._done: dict[str, int] = {}
        self._refused: dict[str, Failure] = {}
        self._found: dict[str, int] = {}
        self._lock = threading.Lock()

    def place(self, key: str) -> Target | None:
        """See Destination."""
        self._check()
        verdict = self._decided.get(key, Verdict.WRITE)
        if verdict is Verdict.SKIP:
            return None
        if verdict is Verdict.DONE:
            self._done[key] = self._sizes[key]
            return None
        name = self._naming.beside(key) if verdict is Verdict.RENAME else self._naming.plain(key)
        if len(name.encode()) > KEY_BYTES:
            self._refuse(key, RequestError(f"its new name has more than {KEY_BYTES:,} bytes"))
            return None
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
        self._check()
        return self.settled(target, self._inner.write(target, parts, properties, modified, sha256))

    def begin(self, target: Target, size: int, properties: Properties, modified: str) -> LargeWrite:
        """See Destination."""
        try:
            inner = self._inner.begin(target, size, properties, modified)
        except RequestError as error:
            return _Refused(self._refuse(target.key, error))
        return _Large(self, inner, target, size)

    def finish(self) -> None:
        """See Destination."""
        self._inner.finish()

    def check(self) -> None:
        """Raise when time is up."""
        self._check()

    def settled(self, target: Target, future: Future[T], size: int | None = None) -> Future[T]:
        """Give a future that ends as this one, but for what concerns this one file only.

        A large file of `size` bytes that stands there already may be the work of another attempt: `report` looks.
        """
        settled: Future[T] = Future()

        def settle(done: Future[T]) -> None:
            error = done.exception()
            if error is None:
                settled.set_result(done.result())
                return
            if isinstance(error, RequestError):
                error = self._refuse(target.key, error)
            elif isinstance(error, DestinationExistsError) and size is not None:
                with self._lock:
                    self._found[target.name] = size
            settled.set_exception(error)

        future.add_done_callback(settle)
        return settled

    def report(self, report: RestoreReport, lister: Lister) -> RestoreReport:
        """Give a Restorer's report with what it cannot know: it calls everything skipped that it was told to leave."""
        ours = [size for name, size in self._found.items() if standing_size(lister, name) == size]
        done = [*self._done.values(), *ours]
        return RestoreReport(
            restored=report.restored + len(done),
            bytes=report.bytes + sum(done),
            skipped=report.skipped - len(done) - len(self._refused),
            failed=report.failed + len(self._refused),
            failures=[*report.failures, *self._refused.values()][:_FAILURES_KEPT],
        )

    def _refuse(self, key: str, error: StrongroomError) -> DestinationExistsError:
        """Note that a file cannot be written; give the error that the Restorer passes over."""
        with self._lock:
            self._refused.setdefault(key, Failure(key, error.code, error.message))
        return DestinationExistsError(error.message)


class _Large:
    """A large file under way."""

    def __init__(self, destination: DecidedDestination, inner: LargeWrite, target: Target, size: int) -> None:
        self._destination = destination
        self._inner = inner
        self._target = target
        self._size = size

    def write(self, number: int, offset: int, parts: Sequence[Buffer]) -> Future[None]:
        self._destination.check()
        return self._destination.settled(self._target, self._inner.write(number, offset, parts))

    def complete(self) -> Future[str]:
        return self._destination.settled(self._target, self._inner.complete(), self._size)

    def abort(self) -> None:
        self._inner.abort()


class _Refused:
    """A large file that could not even be begun."""

    def __init__(self, error: DestinationExistsError) -> None:
        self._error = error

    def write(self, number: int, offset: int, parts: Sequence[Buffer]) -> Future[None]:  # noqa: ARG002
        done: Future[None] = Future()
        done.set_exception(self._error)
        return done

    def complete(self) -> Future[str]:
        done: Future[str] = Future()
        done.set_exception(self._error)
        return done

    def abort(self) -> None:
        """Nothing was begun."""
