"""A stack that is up, as somebody sees it who may do everything: its runs, notices, queues and functions."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, TypeVar

from functions.adapters.dynamo.ledger import DynamoLedger
from functions.contract.states import RUN_STEPS, RunState
from functions.engine.orchestration.ports import Work
from sandbox import schedules
from sandbox.aws import Clients
from sandbox.errors import SandboxError
from sandbox.state import State

T = TypeVar("T")

FUNCTION: Final = "aws:lambda/function:Function"
PATIENCE_S: Final = 240.0
"""A run of a large folder on a slow machine takes its time; a lost one must not hold up whoever waits for ever."""
_POLL_S = 0.2
_RECEIVED_AT_ONCE = 10
_ENDED: Final = frozenset(state for state, steps in RUN_STEPS.items() if not steps)
_BEGINNING: Final = datetime(2000, 1, 1, tzinfo=UTC)


class FaultError(SandboxError):
    """Something in the sandbox did not do what it must."""

    code = "SANDBOX_FAULT"
    exit_status = 7
    hint = "this is what the sandbox is for: find out why before anything is deployed"


class Notice(NamedTuple):
    """A notification as it reaches people."""

    subject: str
    body: str


class Stack:
    """What the commands need of a sandbox that is up."""

    def __init__(self, state: State) -> None:
        """Nothing is asked yet."""
        self.state = state
        self.clients = Clients(state.endpoint)
        self._runs = DynamoLedger(lambda: self.client("dynamodb"), state.exports["Tables"]["runs"])

    def client(self, service: str, region: str | None = None) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        """Give a client of somebody who may do everything, in the stack's own region unless another is named."""
        return self.clients.get(service, region or self.state.region)

    @property
    def source(self) -> Mapping[str, Any]:
        """The first source: `name`, `bucket` and `prefix`."""
        return self.state.sources[0]

    def invoke(self, function: str, event: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whatever it answers
        """Call a function as a person would, by its alias. FaultError with its message if it raises."""
        name = self.state.exports["Functions"][function]
        answer = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
        payload = json.loads(answer["Payload"].read())
        if answer.get("FunctionError"):
            raise FaultError(f"{function} failed: {payload.get('errorType')}: {payload.get('errorMessage')}")
        return payload

    def due(self, schedule: str) -> AbstractContextManager[None]:
        """Let the scheduler start what a schedule starts, once, while the block runs."""
        return schedules.due(self.state, schedule)

    def runs(self) -> list[Work]:
        """Give all runs, oldest first."""
        found = {work.id: work for state in RunState for work in self._runs.with_status(state, _BEGINNING)}
        return sorted(found.values(), key=lambda work: (work.started, work.id))

    def run_ids(self) -> frozenset[str]:
        """Give the ids of all runs. They tell new ones from old ones: two may begin within one second."""
        return frozenset(run.id for run in self.runs())

    def new_runs(self, before: Collection[str]) -> list[Work]:
        """Give the runs that were not there before, oldest first."""
        return [run for run in self.runs() if run.id not in before]

    def wait_for_run(self, before: Collection[str]) -> Work:
        """Give a run that was not there before, as soon as there is one; it need not have ended."""
        return self.wait("a run", lambda: next(iter(self.new_runs(before)), None))

    def wait_for_end(self, run_id: str, tell: Callable[[Work], None]) -> Work:
        """Give a run when it has ended; `tell` is told how it stands meanwhile."""

        def ended() -> Work | None:
            work = self._runs.get(run_id)
            tell(work)
            return work if work.status in _ENDED else None

        return self.wait(f"the end of run {run_id}", ended)

    def wait(self, what: str, find: Callable[[], T | None], seconds: float = PATIENCE_S) -> T:
        """Give what `find` finds, as soon as it does. FaultError after `seconds`, with what waits in the queues."""
        deadline = time.monotonic() + seconds
        while (found := find()) is None:
            if time.monotonic() > deadline:
                raise FaultError(f"waited {seconds:g} s for {what} in vain; messages: {self.depths()}")
            time.sleep(_POLL_S)
        return found

    def depths(self) -> dict[str, int]:
        """Say how many messages each queue holds, on their way included."""
        urls = {**self.state.exports["Queues"], **_named_dead(self.state.exports["DeadLetterQueues"])}
        return {name: self._depth(url) for name, url in sorted(urls.items())}

    def dead_letters(self) -> dict[str, int]:
        """Say which queues hold messages that were given up, and how many."""
        urls = _named_dead(self.state.exports["DeadLetterQueues"])
        found = {name: self._depth(url) for name, url in urls.items()}
        return {name: count for name, count in found.items() if count}

    def notices(self) -> list[Notice]:
        """Take the notices that were published since the last call."""
        sqs, url = self.client("sqs"), self.state.notices_queue
        taken = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=_RECEIVED_AT_ONCE).get("Messages"):
            for message in messages:
                body = json.loads(message["Body"])
                taken.append(Notice(body.get("Subject", ""), body["Message"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return taken

    def functions(self) -> dict[str, str]:
        """Give the names of the functions at AWS, by the names of their modules."""
        return {
            str(item.inputs["handler"]).split(".")[-2]: str(item.inputs["name"]) for item in self.state.of(FUNCTION)
        }

    def _depth(self, url: str) -> int:
        attributes = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return sum(int(value) for name, value in attributes.items() if name.startswith("Approximate"))


def _named_dead(urls: Mapping[str, str]) -> dict[str, str]:
    return {name if name == "failures" else f"{name} (dead letters)": url for name, url in urls.items()}
