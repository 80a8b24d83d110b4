"""A bound on bytes in memory, shared by threads."""

from __future__ import annotations

import threading


class Budget:
    """Hands out bytes up to a capacity. A larger request than the capacity waits until nothing else is out."""

    def __init__(self, capacity: int) -> None:
        """Start with everything available."""
        self._capacity = capacity
        self._used = 0
        self._lock = threading.Condition()
        self._failure: BaseException | None = None

    def try_acquire(self, amount: int) -> bool:
        """Take `amount` bytes if that is possible without waiting."""
        with self._lock:
            self._check()
            return self._take(amount)

    def acquire(self, amount: int) -> None:
        """Take `amount` bytes; wait for them when need be."""
        with self._lock:
            self._lock.wait_for(lambda: self._failure is not None or self._take(amount))
            self._check()

    def release(self, amount: int) -> None:
        """Give bytes back."""
        with self._lock:
            self._used -= amount
            self._lock.notify_all()

    def fail(self, error: BaseException) -> None:
        """Let everybody who waits, or comes, end with `error`."""
        with self._lock:
            self._failure = self._failure or error
            self._lock.notify_all()

    def _take(self, amount: int) -> bool:
        if self._used and self._used + amount > self._capacity:
            return False
        self._used += amount
        return True

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure
