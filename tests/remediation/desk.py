"""A remediator on ports in memory: nights in a ledger, dead letters in boxes, functions with memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any

from functions.adapters.memory_ledger import MemoryQueue
from functions.contract.messages import BackupMessage, RestoreMessage
from functions.engine.errors import StrongroomError
from functions.engine.orchestration.messages import decode, encode
from functions.engine.orchestration.ports import Envelope, Work
from functions.engine.remediation.model import Policy
from functions.engine.remediation.ports import Letter, Memory
from functions.engine.remediation.requests import Known
from functions.runtime.remediation import Remediator, RemediatorPorts
from functions.runtime.remediation_sight import Box
from tests.remediation.world import FUNCTIONS, QUEUES
from tests.runtime.run_kit import NIGHTLY, Site, run_id

ACCOUNT, REGION = "123456789012", "us-east-1"
POLICY = Policy(functions=FUNCTIONS, queues=QUEUES, sources=("reports",))
KNOWN = Known(ACCOUNT, REGION, {f"test-function-memory-{name}": name for name in FUNCTIONS}, ("reports",))


@dataclass
class Boxed:
    """A dead-letter queue in memory. What is received is held until it is put back or sent on."""

    queue: MemoryQueue
    lying: dict[str, str] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    trouble: StrongroomError | None = None

    def put(self, *bodies: str) -> None:
        """Let messages lie here."""
        for body in bodies:
            self.lying[f"receipt-{len(self.lying) + len(self.held)}"] = body

    def receive(self) -> list[Letter]:
        """Hold all that lies here."""
        self.held, self.lying = {**self.held, **self.lying}, {}
        return [Letter(receipt, body) for receipt, body in self.held.items()]

    def send_on(self, letters: Sequence[Letter], envelopes: Sequence[Envelope]) -> None:
        """Send, then forget."""
        if self.trouble is not None:
            raise self.trouble
        self.queue.send(envelopes)
        for letter in letters:
            del self.held[letter.receipt]

    def put_back(self, letters: Sequence[Letter]) -> None:
        """Let go."""
        for letter in letters:
            self.lying[letter.receipt] = self.held.pop(letter.receipt)


@dataclass
class Sized:
    """Functions with memory; `killed` ends the process that gives some."""

    megabytes: dict[str, int]
    stable: bool = True
    killed: BaseException | None = None

    def look(self, arn: str) -> Memory:
        """Give what a function has."""
        return Memory(self.megabytes[arn], self.stable)

    def step(self, arn: str, megabytes: int) -> str:
        """Give a function more."""
        if self.killed is not None:
            raise self.killed
        self.megabytes[arn] = megabytes
        return "8"


class Desk:
    """What the remediator works on. `asked` are the events that the initiator was given."""

    def __init__(self, policy: Policy = POLICY) -> None:
        """Begin with three users."""
        self.site = Site()
        self.site.fill("alice", "bob", "carol")
        self.box = Boxed(self.site.jobs)
        self.sized = Sized(dict.fromkeys(FUNCTIONS.values(), 1_769))
        self.asked: list[dict[str, Any]] = []
        self.waiting = 0
        self.policy = policy

    def look(self, event: object = None) -> dict[str, Any]:
        """Invoke the remediator once."""
        site = self.site
        ports = RemediatorPorts(
            ledger=site.ledger,
            boxes={"jobs": Box(self.box, QUEUES["jobs"], site.ledger, partial(decode, kind=BackupMessage))},
            queues={True: site.urgent, False: site.jobs},
            waiting=lambda: self.waiting,
            functions=self.sized,
            start=lambda event: self.asked.append(dict(event)),
            notifier=site.notifier,
            telemetry=site.heard,
            clock=site.clock,
            ids=site.ids,
        )
        with site.heard.invocation("look"):
            return Remediator(ports, self.policy, KNOWN, "test").run({} if event is None else event)

    def night(self, **outcomes: str) -> str:
        """Let the schedule start a run, end its users so, and close it when all have ended; give the run."""
        moment = self.site.clock().isoformat()
        run = run_id(self.site.start({**NIGHTLY, "scheduled_time": moment}, request=moment))
        self.site.jobs.sent.clear()
        for user, outcome in outcomes.items():
            self.site.finish(run, [user], outcome)
        self.site.closer().close_if_complete(self.site.ledger.get(run))
        return run

    def failing_night(self) -> str:
        """Let everybody fail, and a day go by."""
        run = self.night(**dict.fromkeys(("alice", "bob", "carol"), "FAILED: ACCESS_DENIED: no"))
        self.site.clock.pass_by(days=1)
        return run

    def work(self, run: str) -> Work:
        """Give a run."""
        return self.site.ledger.get(run)

    @property
    def told(self) -> list[str]:
        """Give the subjects of the remediator's notices."""
        return [subject for subject in self.site.subjects if "Remediation" in subject]


def alarm(function: str = "worker", **changes: object) -> dict[str, object]:
    """Give what EventBridge sends when an alarm rings."""
    detail = {"alarmName": f"test-function-memory-{function}", "state": {"value": "ALARM"}}
    event = {"source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm State Change", "detail": detail}
    return {**event, "account": ACCOUNT, "region": REGION, **changes}


def body(run: str, user: str, source: str = "reports") -> str:
    """Give the message of a user's backup."""
    message = BackupMessage(run_id=run, source=source, user=user, type="INCREMENTAL", trigger="schedule")
    return encode(message)


def restore_body(restore: str, task: str) -> str:
    """Give the message of a restore's task."""
    return encode(RestoreMessage(restore_id=restore, task=task))


def with_policy(**changes: Any) -> Desk:  # noqa: ANN401 - fields of any type
    """Give a desk with another policy."""
    return Desk(replace(POLICY, **changes))


QUARTER = timedelta(minutes=16)
