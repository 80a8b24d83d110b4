"""The machinery: a heap of events, processes, quotas as token buckets, a queue with workers.

Nothing is random here and nothing reads a clock: the same processes give the same times, always.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Generator, Iterable
from typing import Any, Generic, TypeAlias, TypeVar

Item = TypeVar("Item")

Process: TypeAlias = "Generator[float | Queue[Any], None, None]"
"""Yields the time at which it goes on, or the queue in which it waits for an item."""

NEVER = float("inf")


class Simulation:
    """Runs processes in the order of their times; of equal times, in the order in which they were asked for."""

    def __init__(self) -> None:
        self.now = 0.0
        self.events = 0
        self._heap: list[tuple[float, int, Process]] = []
        self._order = 0

    def start(self, process: Process, at: float | None = None) -> None:
        """Let a process begin, or go on, at a time; now if none is given."""
        self._order += 1
        heapq.heappush(self._heap, (self.now if at is None else max(at, self.now), self._order, process))

    def run(self) -> float:
        """Run until nothing happens any more; give the time of the last event."""
        while self._heap:
            self.now, _, process = heapq.heappop(self._heap)
            self.events += 1
            until = next(process, None)
            if isinstance(until, Queue):
                until.wait(process)
            elif until is not None:
                self.start(process, until)
        return self.now


PAUSES = 0.1
"""Of the time after which a quota doubles, how much it may have been idle."""


class Bucket:
    """A quota of so many tokens a second, served in the order in which they are asked for.

    A quota that is used for `doubling` seconds, almost without a pause, doubles, up to `top`: so S3 splits a prefix
    and so an on-demand table grows.
    """

    def __init__(self, rate: float, top: float | None = None, doubling: float = NEVER) -> None:
        self.rate = rate
        self._top = rate if top is None else max(top, rate)
        self._doubling = doubling
        self._free = 0.0
        self._grows = doubling
        self._idle = 0.0

    def take(self, now: float, tokens: float) -> float:
        """Take tokens; give the time at which the last of them is there."""
        if tokens <= 0:
            return now
        if self._free < now:
            self._pause(now)
        while self.rate < self._top and tokens > (room := (self._grows - self._free) * self.rate):
            tokens -= room
            self._free = self._grows
            self._grows, self._idle = self._grows + self._doubling, 0.0
            self.rate = min(2 * self.rate, self._top)
        self._free += tokens / self.rate
        return self._free

    def _pause(self, now: float) -> None:
        """Note that nobody asked for a while; begin to wait for more anew when that is too much."""
        self._idle += now - self._free
        self._free = now
        if self._idle > PAUSES * self._doubling or now > self._grows:
            self._grows, self._idle = now + self._doubling, 0.0


class Queue(Generic[Item]):
    """Items in order, and the workers that wait for one."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._items: deque[Item] = deque()
        self._idle: deque[Process] = deque()

    def __len__(self) -> int:
        return len(self._items)

    def put(self, items: Iterable[Item]) -> None:
        """Add items, and wake a waiting worker for each."""
        for item in items:
            self._items.append(item)
            if self._idle:
                self._simulation.start(self._idle.popleft())

    def get(self) -> Item | None:
        """Give the first item, or None when there is none."""
        return self._items.popleft() if self._items else None

    def wait(self, worker: Process) -> None:
        """Wake the worker when there is an item for it: at once if there is."""
        if self._items:
            self._simulation.start(worker)
        else:
            self._idle.append(worker)
