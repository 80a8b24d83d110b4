"""The queue, its workers and the quotas they share: the same for a run and for a restore."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from benchmarks.simulation.clock import Process, Queue, Simulation
from benchmarks.simulation.demand import Demand, Quota, buckets
from benchmarks.simulation.limits import Limits
from benchmarks.simulation.prices import MEMORY_GB, usd

UNITS = 1_000
"""About so many batches are simulated one by one. Of more, one stands for several workers that go in step."""

LANES = 5
"""... but never for so many that fewer than this go at once."""

STEP = 100.0
"""Seconds of work that are one event at most."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of messages, or what an invocation left of it."""

    opening: Demand
    content: Demand
    closing: Demand
    left: float = 1.0
    """The part of `content` that is still to be done."""


@dataclass(slots=True)
class Outcome:
    """How it ended. Seconds; `used` is what AWS bills."""

    seconds: float = 0.0
    concurrency: float = 0.0
    worked: float = 0.0
    """Seconds of all workers."""
    held_up: float = 0.0
    """Of these, seconds in which a quota held them up."""
    invocations: float = 0.0
    used: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    events: int = 0

    @property
    def usd(self) -> float:
        """The price of the requests and of the time."""
        return usd(self.used)

    @property
    def throttled(self) -> float:
        """The share of the workers' time in which they waited for a quota."""
        return self.held_up / self.worked if self.worked else 0.0


def gang(batches: float, limits: Limits) -> float:
    """Say for how many workers one simulated worker stands, so that all of them are as many as may be."""
    lanes = max(LANES, int(limits.concurrency / max(1.0, batches / UNITS)))
    return max(1.0, limits.concurrency / lanes)


class World:
    """A queue that workers empty while somebody fills it."""

    def __init__(self, limits: Limits, workers_in_step: float) -> None:
        self.limits = limits
        self.gang = workers_in_step
        self.simulation = Simulation()
        self.queue: Queue[Batch] = Queue(self.simulation)
        self.outcome = Outcome()
        self._quotas = buckets(limits)
        self._busy = 0

    def run(self, sender: Process) -> Outcome:
        """Let `sender` fill the queue and workers empty it; say how it went."""
        self.simulation.start(sender)
        self.simulation.start(self._open_workers())
        self.simulation.run()
        self.outcome.events = self.simulation.events
        used = self.outcome.used
        used["gb_seconds"] += self.outcome.worked * MEMORY_GB
        used["invocations"] += self.outcome.invocations
        return self.outcome

    def spend(self, demand: Demand, workers: float) -> tuple[float, float]:
        """Do what is asked for by so many workers at once; say when it ends and when it would without quotas."""
        now = self.simulation.now
        end = free = now + demand.seconds(self.limits)
        for quota, tokens in demand.quotas.items():
            end = max(end, self._quotas[quota].take(now, tokens * workers))
        kms = demand.s3_requests() * self.limits.kms_share * workers
        return max(end, self._quotas[Quota.KMS].take(now, kms)), free

    def bill(self, demand: Demand, workers: float) -> None:
        """Note what AWS bills for the requests of so many workers."""
        for name, amount in demand.bill().items():
            self.outcome.used[name] += amount * workers
        self.outcome.used["kms"] += demand.s3_requests() * self.limits.kms_share * workers

    def put(self, batches: Iterable[Batch], messages: float) -> None:
        """Send batches. Every ten messages are three billed requests: sent, received, deleted."""
        self.outcome.used["messages"] += 3 * max(1.0, messages / 10)
        self.queue.put(batches)

    def _open_workers(self) -> Process:
        """Open workers while there is something for them, as fast and as many as may be."""
        for opened in range(max(1, round(self.limits.concurrency / self.gang))):
            yield self.limits.opens(opened * self.gang + 1)
            while not len(self.queue):
                yield self.queue
            self.simulation.start(self._worker())

    def _worker(self) -> Process:
        """Take one batch after the other. The first invocation of a worker starts cold."""
        start = self.limits.cold_start
        while True:
            batch = self.queue.get()
            if batch is None:
                yield self.queue
                continue
            self._busy += 1
            self.outcome.concurrency = max(self.outcome.concurrency, self._busy * self.gang)
            yield from self._invocation(batch, start)
            self._busy -= 1
            start = 0.0

    def _invocation(self, batch: Batch, start: float) -> Process:
        """Work on a batch until it is done or time is up; what is left goes back to the queue."""
        began = self.simulation.now
        yield self._step(batch.opening, start)
        whole = batch.content.seconds(self.limits) * batch.left
        steps, done = max(1, math.ceil(whole / STEP)), 0
        piece = batch.content.share(batch.left / steps)
        while done < steps:
            if done and self.simulation.now - began + whole / steps > self.limits.working_time:
                break
            yield self._step(piece)
            done += 1
        self.bill(batch.opening, self.gang)
        self.bill(piece, done * self.gang)
        if done == steps:
            yield self._step(batch.closing)
            self.bill(batch.closing, self.gang)
        else:
            self.put([replace(batch, left=batch.left * (1 - done / steps))], self.gang)
        self.outcome.worked += (self.simulation.now - began) * self.gang
        self.outcome.invocations += self.gang
        self.outcome.seconds = max(self.outcome.seconds, self.simulation.now)

    def _step(self, demand: Demand, start: float = 0.0) -> float:
        end, free = self.spend(demand, self.gang)
        self.outcome.held_up += (end - free) * self.gang
        return end + start
