"""A source with users, the ports of runs in memory, and initiators, closers and watchdogs that share them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from functions.adapters.faults import Faults, FaultySource
from functions.adapters.faults_ledger import FaultyLedger, FaultyNotifier, FaultyQueue, FaultyUsers
from functions.adapters.memory import MemorySource
from functions.adapters.memory_ledger import MemoryLedger, MemoryNotifier, MemoryQueue, MemoryUsers
from functions.contract.environment import SourceSetting
from functions.contract.messages import BackupMessage
from functions.engine.backup import rfc3339
from functions.engine.commit import CommitRecord
from functions.engine.model import BackupStatus, BackupType, Totals
from functions.engine.orchestration.messages import decode
from functions.engine.orchestration.ports import Work
from functions.engine.ports import Source
from functions.runtime.closing import RunCloser
from functions.runtime.initiator import Initiator, InitiatorPorts, InitiatorSettings
from functions.runtime.watchdog import Watchdog, WatchdogPorts, WatchdogSettings
from tests.engine.kit import Ids
from tests.listening import Listening

START = datetime(2026, 11, 20, 2, tzinfo=UTC)
REPORTS = SourceSetting("reports", "acme", "clients/")
NIGHTLY = {"backup_type": "INCREMENTAL", "scheduled_time": "2026-11-20T02:00:00Z"}
ALL_DAY = 900.0


class Clock:
    """A clock that stands still until a test lets time go by."""

    def __init__(self) -> None:
        """Start at two in the morning."""
        self.now = START

    def __call__(self) -> datetime:
        """Give the time."""
        return self.now

    def pass_by(self, **span: float) -> None:
        """Let time go by."""
        self.now += timedelta(**span)


def countdown(*seconds: float) -> Callable[[], float]:
    """Give a `seconds_left` that answers with each in turn, then with the last for ever."""
    answers = list(seconds)
    return lambda: answers.pop(0) if len(answers) > 1 else answers[0]


@dataclass
class Site:
    """What outlives an invocation. `sources` are by bucket; `invoked` holds the events of self-invocations."""

    settings: tuple[SourceSetting, ...] = (REPORTS,)
    sources: dict[str, Source] = field(default_factory=dict)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    users: MemoryUsers = field(default_factory=MemoryUsers)
    notifier: MemoryNotifier = field(default_factory=MemoryNotifier)
    jobs: MemoryQueue = field(default_factory=MemoryQueue)
    urgent: MemoryQueue = field(default_factory=MemoryQueue)
    invoked: list[dict[str, Any]] = field(default_factory=list)
    heard: Listening = field(default_factory=Listening)
    clock: Clock = field(default_factory=Clock)
    ids: Ids = field(default_factory=Ids)

    def fill(self, *users: str, setting: SourceSetting = REPORTS) -> MemorySource:
        """Give each user one file."""
        keys = (f"{setting.prefix}file" if not user else f"{setting.prefix}{user}/file" for user in users)
        source = MemorySource(dict.fromkeys(keys, b"x"))
        self.sources[setting.bucket] = source
        return source

    def start(
        self,
        event: object = NIGHTLY,
        *,
        request: str = "request-1",
        left: Callable[[], float] = lambda: ALL_DAY,
        faults: Faults | None = None,
    ) -> dict[str, Any]:
        """Invoke the initiator once."""
        plan = faults or Faults()
        ledger, users = FaultyLedger(self.ledger, plan), FaultyUsers(self.users, plan)
        notifier = FaultyNotifier(self.notifier, plan)
        ports = InitiatorPorts(
            source=lambda setting: FaultySource(self.sources[setting.bucket], plan),
            ledger=ledger,
            users=users,
            queues={True: FaultyQueue(self.urgent, plan), False: FaultyQueue(self.jobs, plan)},
            notifier=notifier,
            closer=RunCloser(ledger, users, notifier, self.heard, self.clock, "prod"),
            invoke_self=lambda event: plan.run("invoke_self", lambda: self.invoked.append(dict(event))),
            telemetry=self.heard,
            clock=self.clock,
            ids=self.ids,
        )
        initiator = Initiator(ports, InitiatorSettings(stack="prod", sources=self.settings))
        with self.heard.invocation(request):
            return initiator.start(event, request, left)

    def go_on(self, **options: Any) -> int:  # noqa: ANN401 - what `start` takes
        """Invoke the initiator with what it has sent itself, until it sends nothing; say how often."""
        hops = 0
        while self.invoked:
            event = self.invoked.pop(0)
            self.start(event, request=f"hop-{hops}", **options)
            hops += 1
        return hops

    def look(self, faults: Faults | None = None) -> dict[str, Any]:
        """Invoke the watchdog once."""
        plan = faults or Faults()
        ledger, users = FaultyLedger(self.ledger, plan), FaultyUsers(self.users, plan)
        notifier = FaultyNotifier(self.notifier, plan)
        closer = RunCloser(ledger, users, notifier, self.heard, self.clock, "prod")
        ports = WatchdogPorts(ledger, users, notifier, closer, self.heard, self.clock)
        with self.heard.invocation("look"):
            return Watchdog(ports, WatchdogSettings(stack="prod", sources=self.settings)).look()

    def closer(self, faults: Faults | None = None) -> RunCloser:
        """Give what closes runs."""
        plan = faults or Faults()
        ledger, users = FaultyLedger(self.ledger, plan), FaultyUsers(self.users, plan)
        return RunCloser(ledger, users, FaultyNotifier(self.notifier, plan), self.heard, self.clock, "prod")

    def messages(self) -> list[BackupMessage]:
        """Give all messages that were sent, those of the priority queue first."""
        return [decode(envelope.body, BackupMessage) for envelope in [*self.urgent.sent, *self.jobs.sent]]

    def jobs_of(self, run_id: str) -> set[str]:
        """Give the users whom a run's messages name."""
        return {message.user for message in self.messages() if message.run_id == run_id}

    def finish(self, run_id: str, users: Iterable[str], outcome: str = "COMPLETED", **counts: int) -> Work:
        """Do what the worker does at the end of each of these users' jobs, but for closing the run."""
        for user in users:
            state = outcome.partition(":")[0].lower()
            self.ledger.finish(run_id, user, outcome, {state: 1, **counts})
        return self.ledger.get(run_id)

    def back_up(
        self, user: str, *, files: int = 1, source: SourceSetting = REPORTS, age: timedelta = timedelta()
    ) -> None:
        """Note a good backup of a user that was started so long ago."""
        self.users.backed_up(record_of(source, user, self.clock() - age, files))

    @property
    def subjects(self) -> list[str]:
        """Give the subjects of all notices."""
        return [notice.subject for notice in self.notifier.sent]


def record_of(source: SourceSetting, user: str, started: datetime, files: int) -> CommitRecord:
    """Give the commit record of a backup with so many files."""
    stamp = f"{started:%Y%m%dT%H%M%SZ}"
    return CommitRecord(
        source=source.name,
        user=user,
        backup_id=f"{stamp}-00000000",
        type=BackupType.INCREMENTAL,
        status=BackupStatus.COMPLETED,
        engine="test",
        run_id=f"{stamp}-00000000",
        prefix=source.prefix,
        started=rfc3339(started),
        finished=rfc3339(started),
        totals=Totals(files=files),
        segments=(),
        packs=(),
    )


def run_id(answer: Mapping[str, Any], source: str = "reports") -> str:
    """Give the run of a source, as the initiator answered."""
    return str(answer[source]["run_id"])
