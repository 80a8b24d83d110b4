"""The orchestration's Queue on Amazon SQS: standard queues, made fair by the message group."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from functions.adapters.aws_calls import AwsCalls
from functions.contract.object_keys import encode_name
from functions.engine.errors import NotFoundError, RequestError
from functions.engine.orchestration.ports import Envelope

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient

_BATCH = 10
_BATCH_BYTES = 1_048_576
"""Messages and bytes of one SendMessageBatch (Amazon SQS API Reference)."""
_GROUP_LENGTH = 128
"""Characters of a message group's id: letters, digits, punctuation (Amazon SQS Developer Guide, "Message quotas")."""
_DELAY_LIMIT = 900
"""Seconds (Amazon SQS API Reference)."""
_VISIBILITY_LIMIT = 43_200
"""Seconds (Amazon SQS API Reference)."""
_ACTION = "sqs:SendMessage"


class SqsQueue:
    """One queue."""

    def __init__(self, client: Callable[[], SQSClient], url: str, sleep: Callable[[float], None] = time.sleep) -> None:
        """Send to the queue at `url`. `client` is called once, when something is first sent."""
        self._url = url
        self._calls: AwsCalls[SQSClient] = AwsCalls(client, f"queue {url}", sleep)

    def send(self, messages: Sequence[Envelope], *, delay: int = 0) -> None:
        """See Queue. A delay beyond the 900 s that SQS allows becomes 900 s.

        RequestError when SQS calls a message itself at fault.
        """
        entries = [_entry(message, min(delay, _DELAY_LIMIT)) for message in messages]
        for batch in _batches(entries):
            self._calls.until_done(_ACTION, batch, self._send)

    def _send(self, client: SQSClient, entries: list[Any]) -> list[Any]:
        """Send a batch; give what was refused for now."""
        numbered = [{**entry, "Id": str(number)} for number, entry in enumerate(entries)]
        answer: Any = client.send_message_batch(QueueUrl=self._url, Entries=numbered)  # type: ignore[arg-type]
        failed = answer.get("Failed", [])
        at_fault = [failure for failure in failed if failure["SenderFault"]]
        if at_fault:
            reason = at_fault[0]
            raise RequestError(
                f"{_ACTION} on queue {self._url}: {len(at_fault)} of {len(entries)} messages are refused:"
                f" {reason['Code']}: {reason.get('Message', '')}"
            )
        return [entries[int(failure["Id"])] for failure in failed]


class SqsVisibility:
    """Hides received messages of a function's queues for a while, or for good."""

    def __init__(
        self, client: Callable[[], SQSClient], urls: Sequence[str], sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Know the queues at `urls`; a message says which of them it came from by the queue's name."""
        self._urls = {url.rpartition("/")[2]: url for url in urls}
        self._calls: AwsCalls[SQSClient] = AwsCalls(client, "queues of the function", sleep)

    def hide(self, queue_arn: str, receipt: str, seconds: int) -> None:
        """Let a message come again after so many seconds. NotFoundError when the queue is not one of ours."""
        url = self._url_of(queue_arn)
        self._calls.call(
            "sqs:ChangeMessageVisibility",
            lambda client: client.change_message_visibility(
                QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=min(seconds, _VISIBILITY_LIMIT)
            ),
        )

    def remove(self, queue_arn: str, receipt: str) -> None:
        """Take a received message out of its queue. NotFoundError when the queue is not one of ours."""
        url = self._url_of(queue_arn)
        self._calls.call("sqs:DeleteMessage", lambda client: client.delete_message(QueueUrl=url, ReceiptHandle=receipt))

    def _url_of(self, queue_arn: str) -> str:
        url = self._urls.get(queue_arn.rpartition(":")[2])
        if url is None:
            raise NotFoundError(f"queue {queue_arn} is not one that this function knows")
        return url


def _entry(message: Envelope, delay: int) -> dict[str, Any]:
    entry: dict[str, Any] = {"MessageBody": message.body, "MessageGroupId": _group_id(message.group)}
    return {**entry, "DelaySeconds": delay} if delay > 0 else entry


def _group_id(group: str) -> str:
    """Give a group's name as SQS takes it: encoded as in object keys, or its digest when that is too long."""
    name = encode_name(group)
    return name if len(name) <= _GROUP_LENGTH else hashlib.sha256(group.encode()).hexdigest()


def _batches(entries: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Cut entries into as few batches as SQS allows. One that is too large by itself comes alone, to be refused."""
    batch: list[dict[str, Any]] = []
    room = _BATCH_BYTES
    for entry in entries:
        size = len(entry["MessageBody"].encode())
        if batch and (len(batch) == _BATCH or size > room):
            yield batch
            batch, room = [], _BATCH_BYTES
        batch.append(entry)
        room -= size
    if batch:
        yield batch
