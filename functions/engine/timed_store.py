"""Ends a job in good time: a store that starts no read when the time is up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future

from functions.engine.errors import OutOfTimeError
from functions.engine.model import BlobInfo, Buffer
from functions.engine.ports import BlobStore, Tail

TimeLeft = Callable[[], float]
"""Gives the seconds that are left; none or fewer when the time is up."""


class TimedStore:
    """A BlobStore whose reads raise OutOfTimeError at once when no time is left. What is under way goes on."""

    def __init__(self, store: BlobStore, time_left: TimeLeft) -> None:
        """Pass everything on to `store`."""
        self._store = store
        self._time_left = time_left

    def put_new(self, key: str, parts: Sequence[Buffer]) -> Future[None]:
        """See BlobStore."""
        return self._store.put_new(key, parts)

    def get(self, key: str, start: int = 0, length: int | None = None) -> Future[Buffer]:
        """See BlobStore."""
        check_time(self._time_left, f"{key} was read")
        return self._store.get(key, start, length)

    def get_tail(self, key: str, length: int) -> Future[Tail]:
        """See BlobStore."""
        check_time(self._time_left, f"{key} was read")
        return self._store.get_tail(key, length)

    def list(self, prefix: str, start_after: str = "") -> Iterator[BlobInfo]:
        """See BlobStore."""
        return self._store.list(prefix, start_after)


def check_time(time_left: TimeLeft, what: str) -> None:
    """Raise OutOfTimeError, saying that the time ended before `what`, when it did."""
    if time_left() <= 0:
        raise OutOfTimeError(f"the time ended before {what}")
