"""A restore on in-memory ports: a repository with backups, a bucket to restore into, a queue, and workers that die."""

from __future__ import annotations

import io
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from functions.adapters.faults import Faults, FaultyBlobStore, FaultyDestination, SimulatedCrash
from functions.adapters.faults_ledger import FaultyLedger, FaultyNotifier, FaultyQueue
from functions.adapters.memory import MemoryDestination, MemoryFile, answered
from functions.adapters.memory_archive import MemoryArchive
from functions.adapters.memory_ledger import MemoryLedger, MemoryNotifier, MemoryQueue
from functions.contract.messages import RestoreMessage
from functions.engine.conflict import Conflict
from functions.engine.errors import DestinationExistsError
from functions.engine.model import Buffer, Properties, SourceObject
from functions.engine.orchestration.messages import decode
from functions.engine.orchestration.ports import Facts, Planned, Work
from functions.engine.orchestration.restore_conflicts import Lister
from functions.engine.orchestration.restore_tasks import TaskLimits
from functions.engine.ports import Destination, Target
from functions.runtime.batches import Delivery
from functions.runtime.restore_closing import RestoreCloser
from functions.runtime.restore_planning import RestorePlanner
from functions.runtime.restore_worker import RestoreWorker, RestoreWorkerPorts, RestoreWorkerSettings
from functions.runtime.restores import RestorePorts, Restores, RestoreSettings
from functions.runtime.telemetry import Telemetry
from functions.runtime.toolbox import RestoreNames
from tests.engine.kit import SOURCE, World
from tests.passing_clock import PassingClock
from tests.strategies import noise

START = datetime(2026, 11, 21, 9, tzinfo=UTC)
BUCKET = "restored"
ID = "ticket-4711"
EXISTING = Properties({}, {"whose": "somebody else's"})
FEW = TaskLimits(bytes=200_000, files=3, file=2_000_000)
"""So small that every user makes several tasks."""


class Bucket:
    """A bucket to restore into. `files` holds what is visible, `writes` counts how often each name was written."""

    def __init__(self) -> None:
        """Start empty."""
        self.files: dict[str, MemoryFile] = {}
        self.writes: dict[str, int] = {}
        self.listings = 0
        self.lock = threading.Lock()

    def put(self, name: str, data: bytes) -> None:
        """Let something stand there already."""
        self.files[name] = MemoryFile(data, EXISTING, "2026-11-20T00:00:00Z", name)

    def open(self, names: RestoreNames, conflict: Conflict) -> BucketDestination:
        """Give the bucket as a destination."""
        made = BucketDestination(cut=names.cut, prefix=names.prefix, conflict=conflict, label=names.label)
        made.attach(self)
        return made

    def list(self, prefix: str, start_after: str) -> Iterator[SourceObject]:
        """List it as S3 does: by pages, each as it is when somebody gets there."""
        self.listings += 1
        while True:
            with self.lock:
                names = sorted(name for name in self.files if name.startswith(prefix) and name > start_after)[:10]
                page = [SourceObject(name, len(self.files[name].data), "", "2026-11-21T09:00:00Z") for name in names]
            if not page:
                return
            yield from page
            start_after = page[-1].key

    def contents(self) -> dict[str, tuple[bytes, Properties]]:
        """Give what is visible."""
        return {name: (file.data, file.properties) for name, file in self.files.items()}


class BucketDestination(MemoryDestination):
    """One worker's view of a bucket. As on S3, a small file that stands there with the same bytes counts as written."""

    def attach(self, bucket: Bucket) -> None:
        """Write to `bucket`."""
        self.files = bucket.files
        self._lock = bucket.lock
        self._bucket = bucket

    def write(
        self,
        target: Target,
        parts: Sequence[Buffer],
        properties: Properties,
        modified: str,
        sha256: bytes | None = None,
    ) -> Future[str]:
        """See Destination."""
        future = super().write(target, parts, properties, modified, sha256)
        exists = isinstance(future.exception(), DestinationExistsError)
        same = exists and self.files[target.name].data == b"".join(parts)
        return answered(lambda: target.name) if same else future

    def publish(self, target: Target, file: MemoryFile) -> str:
        """Make a file visible, and count it."""
        name = super().publish(target, file)
        self._bucket.writes[name] = self._bucket.writes.get(name, 0) + 1
        return name


@dataclass
class Recovery:
    """What outlives an invocation, and a call for each thing that happens."""

    world: World = field(default_factory=World)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    notifier: MemoryNotifier = field(default_factory=MemoryNotifier)
    queue: MemoryQueue = field(default_factory=MemoryQueue)
    bucket: Bucket = field(default_factory=Bucket)
    clock: PassingClock = field(default_factory=lambda: PassingClock(START))
    limits: TaskLimits = FEW
    log: io.StringIO = field(default_factory=io.StringIO)
    invoked: list[Facts] = field(default_factory=list)
    left: float = 900.0
    max_receive_count: int = 5
    buckets: tuple[str, ...] = (BUCKET, "other")
    _requests: int = 0

    def __post_init__(self) -> None:
        """Make what depends on the rest."""
        self.archive = MemoryArchive(self.world.store)
        self.telemetry = Telemetry("restore", "test", stream=self.log)

    def ask(
        self,
        event: object,
        faults: Faults | None = None,
        *,
        owner: str | None = None,
        left: Callable[[], float] | None = None,
    ) -> dict[str, Any]:
        """Give the restore function an event."""
        self._requests += 1
        restores = self.restores(faults or Faults())
        return restores.handle(event, owner or f"request-{self._requests}", left or (lambda: self.left))

    def request(self, **more: object) -> dict[str, Any]:
        """Ask for a restore of everybody, unless `more` says something else."""
        return self.ask(self.event(**more))

    def event(self, **more: object) -> dict[str, object]:
        """Give the event that asks for it."""
        return {"source": SOURCE, "users": "all", "destination_bucket": BUCKET, **more}

    def restores(self, plan: Faults) -> Restores:
        """Give the restore function's work."""
        ledger = FaultyLedger(self.ledger, plan)
        store = FaultyBlobStore(self.world.store, plan)
        planner = RestorePlanner(store, self.archive, ledger, self.clock, limits=self.limits, safety=self.world.safety)
        ports = RestorePorts(
            archive=self.archive,
            ledger=ledger,
            queue=FaultyQueue(self.queue, plan),
            notifier=FaultyNotifier(self.notifier, plan),
            planner=planner,
            closer=self.closer(plan),
            invoke=lambda event: plan.run("invoke", lambda: self.invoked.append(event)),
            telemetry=self.telemetry,
            clock=self.clock,
        )
        return Restores(ports, RestoreSettings(self.buckets, concurrency=10))

    def closer(self, plan: Faults) -> RestoreCloser:
        """Give what closes restores."""
        ledger = FaultyLedger(self.ledger, plan)
        return RestoreCloser(ledger, FaultyNotifier(self.notifier, plan), self.telemetry, self.clock)

    def worker(self, plan: Faults | None = None) -> RestoreWorker:
        """Give a worker."""
        plan = plan or Faults()

        def destination(_bucket: str, names: RestoreNames, conflict: Conflict) -> Destination:
            return FaultyDestination(self.bucket.open(names, conflict), plan)

        def lister(_bucket: str) -> Lister:
            return lambda prefix, after: plan.walk("bucket.list", lambda: self.bucket.list(prefix, after))

        ports = RestoreWorkerPorts(
            store=FaultyBlobStore(self.world.store, plan),
            destination=destination,
            lister=lister,
            ledger=FaultyLedger(self.ledger, plan),
            closer=self.closer(plan),
            telemetry=self.telemetry,
            clock=self.clock,
        )
        settings = RestoreWorkerSettings(self.buckets, self.max_receive_count, safety=self.world.safety)
        return RestoreWorker(ports, settings)

    def delivery(self, received: int = 1, left: Callable[[], float] | None = None, owner: str = "") -> Delivery:
        """Give a delivery of its own."""
        self._requests += 1
        return Delivery(owner or f"delivery-{self._requests}", received, self.clock(), left or (lambda: self.left))

    def messages(self) -> list[RestoreMessage]:
        """Take the messages that were sent."""
        sent, self.queue.sent[:] = list(self.queue.sent), []
        return [decode(envelope.body, RestoreMessage) for envelope in sent]

    def lives(self, message: RestoreMessage, faults: Faults, delivery: Delivery | None = None) -> bool:
        """Deliver a message once; say whether the worker lived to say that it was done."""
        try:
            self.worker(faults).work(message, delivery or self.delivery())
        except (SimulatedCrash, Exception):  # noqa: BLE001 - either way the message comes again
            self.clock.pass_by(minutes=20)
            return False
        return True

    def work(self, messages: Iterable[RestoreMessage] | None = None) -> None:
        """Do what was sent, or what is given."""
        for message in self.messages() if messages is None else messages:
            self.worker().work(message, self.delivery())

    def go_on(self, limit: int = 1_000) -> int:
        """Let the function start itself as often as it wants to; give how often that was."""
        for count in range(limit):
            if not self.invoked:
                return count
            self.ask(self.invoked.pop(0))
        raise AssertionError("it starts itself for ever")

    def finished(self, **more: object) -> Work:
        """Ask for a restore and do all of it; give how it ended."""
        restore_id = self.request(**more)["restore_id"]
        self.go_on()
        self.work()
        return self.ledger.get(restore_id)


def filled(users: int = 3, files: int = 5) -> Recovery:
    """Give a repository with backups of some users."""
    recovery = Recovery()
    for user in range(users):
        for number in range(files):
            recovery.world.source.put(f"user{user}/{number}", noise((user, number), 20_000))
        recovery.world.back_up(f"user{user}")
    return recovery


def plan_of(recovery: Recovery, restore_id: str = ID) -> list[Planned]:
    """Give the tasks of a restore."""
    return list(recovery.ledger.planned(restore_id))


def contents(recovery: Recovery) -> dict[str, bytes]:
    """Give the bytes of what stands in the bucket."""
    return {name: file.data for name, file in recovery.bucket.files.items()}


def little_after(calls: int) -> Callable[[], float]:
    """Give a `seconds_left` that has time for so many looks at it, and then a minute."""
    asked = itertools.count()
    return lambda: 900.0 if next(asked) < calls else 60.0
