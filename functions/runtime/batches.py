"""Works on a batch of an SQS queue: all messages side by side, each with an end of its own.

Powertools' batch processor makes the partial response (`ReportBatchItemFailures`), so that only what failed comes
again. What cannot be understood goes to the dead-letter queue at once, with its reason in the log.

Who kills the process takes the response with him, and all messages of the batch are received once more. So from the
third receive on messages are suspected: one after the other is worked on, and what is done leaves the queue at once.
Their order turns round with each receive: whoever stood behind the one that kills stands before it the next time, and
at the fifth receive, the last one, it is alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Generic, Protocol, TypeVar

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from functions.contract.messages import BackupMessage, RestoreMessage
from functions.contract.metric_names import Metric
from functions.engine.errors import MessageInvalidError, StrongroomError
from functions.engine.orchestration.messages import decode
from functions.engine.orchestration.ports import Envelope, Queue
from functions.runtime.telemetry import Telemetry

M = TypeVar("M", BackupMessage, RestoreMessage)

THREADS = 10
"""Messages of one batch: an event source mapping without a batching window gives at most ten (AWS Lambda, SQS)."""
SUSPECTED: Final = 3
"""The receive from which on a message is worked on by itself."""
HEAD_START: Final = 60.0
"""Seconds that it has before the next one begins beside it: ten must fit into the 900 of an invocation."""


class LaterError(StrongroomError):
    """A message cannot be worked on now. It stays in its queue for `delay` seconds."""

    code = "LATER"
    retryable = True

    def __init__(self, message: str, delay: int) -> None:
        """Say why, and for how long."""
        super().__init__(message)
        self.delay = delay


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a message came. `owner` names this delivery among all; `sent` is when it was first put into the queue."""

    owner: str
    received: int
    sent: datetime
    seconds_left: Callable[[], float]


class Visibility(Protocol):
    """Hides a message for a while, or for good."""

    def hide(self, queue_arn: str, receipt: str, seconds: int) -> None:
        """Let the message come again after so many seconds."""
        ...

    def remove(self, queue_arn: str, receipt: str) -> None:
        """Take the message out of its queue. Lambda may do so again."""
        ...


class LambdaContext(Protocol):
    """What is needed of Lambda's context object."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Give the milliseconds until the function is ended."""
        ...


@dataclass(frozen=True, slots=True)
class BatchRunner(Generic[M]):
    """Runs `work` on each message. Whatever it raises lets the message come again; LaterError says when."""

    kind: type[M]
    dead_letters: Queue
    visibility: Visibility
    telemetry: Telemetry
    head_start: float = HEAD_START

    def run(self, event: dict[str, Any], context: LambdaContext, work: Callable[[M, Delivery], None]) -> dict[str, Any]:
        """Work on all records of the event; give Lambda's partial batch response."""
        together, one_by_one = in_order(event["Records"])
        do = self._removed if one_by_one else self._one
        with ThreadPoolExecutor(THREADS, thread_name_prefix="message") as threads:
            ends: dict[str, Future[None]] = {
                record["messageId"]: threads.submit(do, record, context, work) for record in together
            }
            for record in one_by_one:
                wait(ends.values(), self.head_start)
                ends[record["messageId"]] = threads.submit(do, record, context, work)
            processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
            response = process_partial_response(event, lambda record: ends[record["messageId"]].result(), processor)
        return dict(response)

    def _one(self, record: dict[str, Any], context: LambdaContext, work: Callable[[M, Delivery], None]) -> None:
        try:
            message = decode(record["body"], self.kind)
            work(message, _delivery(record, context))
        except MessageInvalidError as error:
            self._reject(record, error)
        except LaterError as error:
            self._hide(record, error.delay)
            raise

    def _removed(self, record: dict[str, Any], context: LambdaContext, work: Callable[[M, Delivery], None]) -> None:
        self._one(record, context, work)
        try:
            self.visibility.remove(record["eventSourceARN"], record["receiptHandle"])
        except StrongroomError as error:
            # The response says that it is done.
            self.telemetry.warning("message not removed", message_id=record["messageId"], reason=str(error))

    def _reject(self, record: dict[str, Any], error: MessageInvalidError) -> None:
        self.dead_letters.send([Envelope(record["body"], "rejected")])
        self.telemetry.error("message rejected", message_id=record["messageId"], code=error.code, reason=error.message)
        self.telemetry.count(Metric.MESSAGES_REJECTED, 1, code=error.code)

    def _hide(self, record: dict[str, Any], seconds: int) -> None:
        try:
            self.visibility.hide(record["eventSourceARN"], record["receiptHandle"], seconds)
        except StrongroomError as error:
            # It comes again when the queue's own visibility timeout has ended: later than we wished, but it comes.
            self.telemetry.warning("message not hidden", message_id=record["messageId"], reason=str(error))


def in_order(records: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Give the messages to be worked on side by side, and after them those that are suspected, in their order."""
    suspected = [record for record in records if _received(record) >= SUSPECTED]
    last = max(map(_received, suspected), default=0)
    by_name = sorted(suspected, key=lambda record: str(record["messageId"]), reverse=last % 2 == 0)
    # Who kills has been received as often as any of those whom it took along.
    return [record for record in records if _received(record) < SUSPECTED], sorted(by_name, key=_received)


def _received(record: dict[str, Any]) -> int:
    return int(record["attributes"]["ApproximateReceiveCount"])


def _delivery(record: dict[str, Any], context: LambdaContext) -> Delivery:
    attributes = record["attributes"]
    return Delivery(
        owner=f"{context.aws_request_id}/{record['messageId']}",
        received=_received(record),
        sent=datetime.fromtimestamp(int(attributes["SentTimestamp"]) / 1_000, UTC),
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1_000,
    )
