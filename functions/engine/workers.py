"""The threads that chunk, hash, compress, decompress and prove. The libraries they call release the lock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeAlias

from functions.engine.codec import Decoder, Encoder


class Tools:
    """What one worker thread owns: compressors are costly to make and not safe to share."""

    def __init__(self) -> None:
        """Make them."""
        self.encoder = Encoder()
        self.decoder = Decoder()


Work: TypeAlias = Callable[[Tools], None]


class WorkerPool:
    """A fixed number of threads that run work in the order in which it comes."""

    def __init__(self, count: int, on_failure: Callable[[BaseException], None]) -> None:
        """Start `count` threads. `on_failure` hears of an exception that a piece of work let out."""
        self._queue: SimpleQueue[Work | None] = SimpleQueue()
        self._on_failure = on_failure
        self._threads = [
            threading.Thread(target=self._run, name=f"engine-{number}", daemon=True) for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, work: Work) -> None:
        """Queue a piece of work."""
        self._queue.put(work)

    def close(self) -> None:
        """Finish what is queued, then end the threads."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        tools = Tools()
        while (work := self._queue.get()) is not None:
            try:
                work(tools)
            except BaseException as error:  # noqa: BLE001 - a worker must outlive any piece of work
                self._on_failure(error)


class Pending:
    """Counts what is under way, so that somebody can wait until nothing is."""

    def __init__(self) -> None:
        """Start with nothing under way."""
        self._count = 0
        self._failure: BaseException | None = None
        self._lock = threading.Condition()

    def begin(self) -> None:
        """Count one thing more."""
        with self._lock:
            self._count += 1

    def end(self) -> None:
        """Count one thing less."""
        with self._lock:
            self._count -= 1
            self._lock.notify_all()

    def fail(self, error: BaseException) -> None:
        """Let `wait` raise `error`, at once."""
        with self._lock:
            self._failure = self._failure or error
            self._lock.notify_all()

    def wait(self) -> None:
        """Return when nothing is under way. Raises the first failure."""
        with self._lock:
            self._lock.wait_for(lambda: self._failure is not None or self._count == 0)
            if self._failure is not None:
                raise self._failure
