"""A bound on bytes in memory, shared by threads."""

from __future__ import annotations

import threading
from collections import deque


class _Waiter:
    """Somebody who waits for bytes. `ready` is locked until they are his, or until the budget has failed."""

    __slots__ = ("amount", "ready")

    def __init__(self, amount: int) -> None:
        self.amount = amount
        self.ready = threading.Lock()
        self.ready.acquire()


class Budget:
    """Hands out bytes up to a capacity, first come, first served.

    A larger request than the capacity waits until nothing else is out. Bytes that come back go straight to those
    who waited longest: waking everybody, to let one win, would cost more than the work they wait to do.
    """

    def __init__(self, capacity: int) -> None:
        """Start with everything available."""
        self._capacity = capacity
        self._used = 0
        self._lock = threading.Lock()
        self._waiters: deque[_Waiter] = deque()
        self._failure: BaseException | None = None

    def try_acquire(self, amount: int) -> bool:
        """Take `amount` bytes if that is possible without waiting."""
        with self._lock:
            self._check()
            if self._waiters or not self._fits(amount):
                return False
            self._used += amount
            return True

    def acquire(self, amount: int) -> None:
        """Take `amount` bytes; wait for them when need be."""
        with self._lock:
            self._check()
            if not self._waiters and self._fits(amount):
                self._used += amount
                return
            waiter = _Waiter(amount)
            self._waiters.append(waiter)
        waiter.ready.acquire()
        self._check()

    def release(self, amount: int) -> None:
        """Give bytes back."""
        with self._lock:
            self._used -= amount
            while self._waiters and self._fits(self._waiters[0].amount):
                waiter = self._waiters.popleft()
                self._used += waiter.amount
                waiter.ready.release()

    def fail(self, error: BaseException) -> None:
        """Let everybody who waits, or comes, end with `error`."""
        with self._lock:
            self._failure = self._failure or error
            while self._waiters:
                self._waiters.popleft().ready.release()

    def _fits(self, amount: int) -> bool:
        return not self._used or self._used + amount <= self._capacity

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure
