"""A whole night on in-memory ports: users, a run, a queue that repeats itself, and workers that may be killed."""

from __future__ import annotations

import io
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from functions.adapters.faults import (
    CrashPoint,
    Faults,
    FaultyBlobStore,
    FaultyIndex,
    FaultySource,
    SimulatedCrash,
)
from functions.adapters.faults_ledger import FaultyCatalog, FaultyLedger, FaultyNotifier, FaultyQueue, FaultyUsers
from functions.adapters.memory import MemoryBlobStore, MemoryDestination, MemoryIndex, MemorySource
from functions.adapters.memory_ledger import (
    MemoryCatalog,
    MemoryLedger,
    MemoryNotifier,
    MemoryQueue,
    MemoryUsers,
)
from functions.contract.environment import SourceSetting
from functions.contract.messages import BackupMessage
from functions.contract.states import RunState
from functions.engine.backup import BackupSession, Ports
from functions.engine.commit import CommitRecord
from functions.engine.model import BackupType, Buffer
from functions.engine.orchestration.messages import encode
from functions.engine.orchestration.ports import Envelope, Planned, Work
from functions.engine.repository import Repository
from functions.engine.restore import Restorer
from functions.engine.safety import SafetyParameters
from functions.engine.verify import Verifier
from functions.engine.verify_report import Depth, VerifyReport
from functions.runtime.backup_worker import BackupWorker, WorkerPorts, WorkerSettings
from functions.runtime.batches import BatchRunner
from functions.runtime.closing import RunCloser
from functions.runtime.initiator import Initiator, InitiatorPorts, InitiatorSettings
from functions.runtime.telemetry import Telemetry
from tests.engine.kit import SMALL_SAFETY, Ids
from tests.passing_clock import PassingClock

SETTING = SourceSetting("reports", "clients", "clients/")
START = datetime(2026, 11, 20, 2, tzinfo=UTC)
TINY = replace(SMALL_SAFETY, segment_entries=2)


class Watched(MemoryBlobStore):
    """A store that tells once, before an object whose key ends so is written."""

    def __init__(self) -> None:
        """Watch nothing."""
        super().__init__()
        self._hooks: dict[str, Callable[[], object]] = {}

    def before(self, ending: str, act: Callable[[], object]) -> None:
        """Do something before the next write of such an object goes on."""
        self._hooks[ending] = act

    def put_new(self, key: str, parts: Sequence[Buffer]) -> Future[None]:
        """See BlobStore."""
        for ending in [ending for ending in self._hooks if key.endswith(ending)]:
            self._hooks.pop(ending)()
        return super().put_new(key, parts)


@dataclass
class Context:
    """Lambda's context: so many milliseconds are left, and fewer each time somebody asks."""

    aws_request_id: str
    left: float = 900_000
    each: float = 0

    def get_remaining_time_in_millis(self) -> int:
        """Give what is left."""
        self.left -= self.each
        return int(self.left)


class Pending(NamedTuple):
    """A message in the queue."""

    id: str
    body: str
    sent: datetime
    received: int = 0


@dataclass
class Night:
    """What outlives a worker, and the deliveries of messages to workers."""

    source: MemorySource = field(default_factory=MemorySource)
    store: Watched = field(default_factory=Watched)
    index: MemoryIndex = field(default_factory=MemoryIndex)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    catalog: MemoryCatalog = field(default_factory=MemoryCatalog)
    users: MemoryUsers = field(default_factory=MemoryUsers)
    notifier: MemoryNotifier = field(default_factory=MemoryNotifier)
    queue: MemoryQueue = field(default_factory=MemoryQueue)
    dead: MemoryQueue = field(default_factory=MemoryQueue)
    clock: PassingClock = field(default_factory=lambda: PassingClock(START))
    ids: Ids = field(default_factory=Ids)
    safety: SafetyParameters = TINY
    split_files: int = 4
    telemetry: Telemetry = field(default_factory=lambda: Telemetry("night", "test", stream=io.StringIO()))
    max_receive_count: int = 1_000
    pending: list[Pending] = field(default_factory=list)
    hidden: dict[str, int] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start_run(self, run_id: str, kind: BackupType, users: Iterable[str]) -> Work:
        """Start a run, as the initiator does."""
        now = self.clock()
        until = now + timedelta(hours=22)
        names = list(users)
        self.ledger.acquire(SETTING.name, run_id, run_id, now, until)
        facts = {
            "source": SETTING.name,
            "prefix": SETTING.prefix,
            "type": kind.value,
            "trigger": "schedule",
            "selected": "",
            "window_end": (now + timedelta(hours=4)).isoformat(),
        }
        self.ledger.open(Work(run_id, RunState.DISPATCHING, now, facts), until)
        self.ledger.plan(run_id, [Planned(name, {}) for name in names], until)
        for name in names:
            message = BackupMessage(run_id=run_id, source=SETTING.name, user=name, type=kind.value, trigger="schedule")
            self.queue.send([Envelope(encode(message), name or "/")])
        self.ledger.change(run_id, [RunState.DISPATCHING], RunState.RUNNING)
        return self.ledger.seal(run_id)

    def initiate(self, event: dict[str, Any], request: str, faults: Faults | None = None) -> bool:
        """Let the initiator start a run; say whether it lived."""
        plan = faults or Faults()
        ledger = FaultyLedger(self.ledger, plan)
        users = FaultyUsers(self.users, plan)
        notifier = FaultyNotifier(self.notifier, plan)
        queue = FaultyQueue(self.queue, plan)
        ports = InitiatorPorts(
            source=lambda _setting: FaultySource(self.source, plan),
            ledger=ledger,
            users=users,
            queues={True: queue, False: queue},
            notifier=notifier,
            closer=RunCloser(ledger, users, notifier, self.telemetry, self.clock, "test"),
            invoke_self=lambda _event: None,
            telemetry=self.telemetry,
            clock=self.clock,
            ids=self.ids,
        )
        initiator = Initiator(ports, InitiatorSettings(stack="test", sources=[SETTING]))
        try:
            initiator.start(event, request, lambda: 900.0)
        except SimulatedCrash:
            return False
        return True

    def collect(self) -> list[Pending]:
        """Give the messages that wait, those just sent too."""
        with self._lock:
            sent, self.queue.sent[:] = list(self.queue.sent), []
            now = self.clock()
            self.pending.extend(Pending(f"m{next(self._numbers)}", envelope.body, now) for envelope in sent)
            return list(self.pending)

    def deliver(
        self, *messages: Pending, faults: Faults | None = None, context: Context | None = None, keep: bool = False
    ) -> bool:
        """Give a batch to a worker; say whether the worker lived. What it has done leaves the queue, unless `keep`."""
        plan = faults or Faults()
        context = context or Context(f"request-{next(self._numbers)}")
        event = {"Records": [_record(message._replace(received=message.received + 1)) for message in messages]}
        ids = {message.id for message in messages}
        with self._lock:
            self.pending = [
                item._replace(received=item.received + 1) if item.id in ids else item for item in self.pending
            ]
        try:
            with self._worker(plan) as (runner, worker):
                response = runner.run(event, context, worker.work)
        except SimulatedCrash:
            return False
        failed = {item["itemIdentifier"] for item in response["batchItemFailures"]}
        if not keep:
            with self._lock:
                self.pending = [item for item in self.pending if item.id not in ids - failed]
        return True

    def drain(self, limit: int = 3_000) -> None:
        """Deliver everything, one after the other, until nothing is left."""
        for _ in range(limit):
            waiting = self.collect()
            if not waiting:
                return
            self.clock.pass_by(minutes=20)
            self.deliver(waiting[0])
        raise AssertionError(f"the queue is never empty: {self.pending[:3]}")

    def records(self, run_id: str | None = None) -> dict[str, list[CommitRecord]]:
        """Give the committed backups by user, oldest first, of one run or of all."""
        repository = Repository(self.store)
        found: dict[str, list[CommitRecord]] = {}
        for name in repository.backups(SETTING.name):
            record = repository.commit(name)
            if run_id in (None, record.run_id):
                found.setdefault(name.user, []).append(record)
        return found

    def restored(self, record: CommitRecord) -> dict[str, bytes]:
        """Give what a backup restores to."""
        destination = MemoryDestination()
        with Restorer(self.store, destination, workers=1, safety=self.safety) as restorer:
            report = restorer.restore([record])
        assert not report.failed, report.failures
        return {name: file.data for name, file in destination.files.items()}

    def verified(self) -> VerifyReport:
        """Verify every byte of every backup."""
        with Verifier(self.store, workers=1, safety=self.safety) as verifier:
            return verifier.verify(Repository(self.store).backups(SETTING.name), Depth.FULL)

    @contextmanager
    def _worker(self, plan: Faults) -> Iterator[tuple[BatchRunner[BackupMessage], BackupWorker]]:
        ledger = FaultyLedger(self.ledger, plan)
        users = FaultyUsers(self.users, plan)
        notifier = FaultyNotifier(self.notifier, plan)
        queue = FaultyQueue(self.queue, plan)
        store, source = FaultyBlobStore(self.store, plan), FaultySource(self.source, plan)
        closer = RunCloser(ledger, users, notifier, self.telemetry, self.clock, "test")
        ports = WorkerPorts(
            store=store,
            source=lambda _setting: source,
            ledger=ledger,
            catalog=FaultyCatalog(self.catalog, plan),
            users=users,
            queues={False: queue, True: queue},
            closer=closer,
            telemetry=self.telemetry,
            clock=self.clock,
            ids=self.ids,
        )
        settings = WorkerSettings({SETTING.name: SETTING}, self.max_receive_count, timedelta(days=60), self.split_files)
        engine = Ports(source, store, FaultyIndex(self.index, plan), self.clock, self.ids)
        runner = BatchRunner(BackupMessage, FaultyQueue(self.dead, plan), self, self.telemetry)
        with BackupSession(engine, workers=1, safety=self.safety) as session:
            yield runner, BackupWorker(ports, settings, lambda _setting: session)

    def hide(self, queue_arn: str, receipt: str, seconds: int) -> None:
        """See Visibility: note how long a message was hidden for."""
        self.hidden[receipt] = seconds

    def remove(self, queue_arn: str, receipt: str) -> None:
        """See Visibility: leave it to whoever reads the response."""


def crash_at(number: int, moment: Any) -> Faults:  # noqa: ANN401 - a Moment
    """Give a plan that ends the worker at its `number`-th call of any port."""
    return Faults(crash=CrashPoint("", number, moment))


def _record(message: Pending) -> dict[str, Any]:
    return {
        "messageId": message.id,
        "receiptHandle": f"{message.id}/{message.received}",
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": str(message.received),
            "SentTimestamp": str(int(message.sent.timestamp() * 1_000)),
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:jobs",
        "awsRegion": "us-east-1",
    }
