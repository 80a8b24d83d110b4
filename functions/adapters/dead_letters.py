"""The remediation's dead-letter queues on Amazon SQS, and how many messages a queue holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from functions.adapters.aws_calls import AwsCalls
from functions.adapters.sqs import SqsQueue
from functions.engine.orchestration.ports import Envelope
from functions.engine.remediation.ports import Letter

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient

_BATCH = 10
"""Messages of one request (Amazon SQS API Reference)."""
_HELD_SECONDS = 600
"""Longer than a look takes. After a crash the messages are there again by then."""
_WAIT_SECONDS = 1
"""With it SQS asks all of its servers (Amazon SQS Developer Guide, "Short and long polling")."""
LETTERS = 10_000
"""Read in one look: some 20 seconds. What is more than this is more than a remedy is for."""


class SqsDeadLetters:
    """One dead-letter queue, and the queue that it belongs to."""

    def __init__(
        self,
        client: Callable[[], SQSClient],
        url: str,
        queue: SqsQueue,
        limit: int = LETTERS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Read the queue at `url`, send to `queue`. `client` is called once, when something is first received."""
        self._url, self._queue, self._limit = url, queue, limit
        self._calls: AwsCalls[SQSClient] = AwsCalls(client, f"queue {url}", sleep)

    def receive(self) -> list[Letter]:
        """See DeadLetterQueue. A message that comes twice is held by its last receipt."""
        found: dict[str, Letter] = {}
        while len(found) < self._limit:
            messages = self._calls.call("sqs:ReceiveMessage", self._receive).get("Messages", [])
            if not messages:
                break
            found.update({item["MessageId"]: Letter(item["ReceiptHandle"], item["Body"]) for item in messages})
        return list(found.values())

    def send_on(self, letters: Sequence[Letter], envelopes: Sequence[Envelope]) -> None:
        """See DeadLetterQueue."""
        self._queue.send(envelopes)
        self._in_batches("sqs:DeleteMessage", letters, self._delete)

    def put_back(self, letters: Sequence[Letter]) -> None:
        """See DeadLetterQueue."""
        self._in_batches("sqs:ChangeMessageVisibility", letters, self._show)

    def _receive(self, client: SQSClient) -> Any:  # noqa: ANN401 - the client's own answer
        return client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=_BATCH,
            VisibilityTimeout=_HELD_SECONDS,
            WaitTimeSeconds=_WAIT_SECONDS,
        )

    def _in_batches(
        self, action: str, letters: Sequence[Letter], request: Callable[[SQSClient, list[Any]], list[Any]]
    ) -> None:
        for start in range(0, len(letters), _BATCH):
            self._calls.until_done(action, list(letters[start : start + _BATCH]), request)

    def _delete(self, client: SQSClient, letters: list[Letter]) -> list[Letter]:
        entries: Any = [{"Id": str(number), "ReceiptHandle": one.receipt} for number, one in enumerate(letters)]
        answer = client.delete_message_batch(QueueUrl=self._url, Entries=entries)
        return _again(letters, answer)

    def _show(self, client: SQSClient, letters: list[Letter]) -> list[Letter]:
        entries: Any = [
            {"Id": str(number), "ReceiptHandle": one.receipt, "VisibilityTimeout": 0}
            for number, one in enumerate(letters)
        ]
        answer = client.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
        return _again(letters, answer)


class SqsDepth:
    """How much queues hold."""

    def __init__(
        self, client: Callable[[], SQSClient], urls: Sequence[str], sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Count in the queues at `urls`."""
        self._urls = tuple(urls)
        self._calls: AwsCalls[SQSClient] = AwsCalls(client, "queues of runs", sleep)

    def __call__(self) -> int:
        """Give how many messages there are, also those that somebody works on or that wait. Approximate."""
        return sum(self._count(url) for url in self._urls)

    def _count(self, url: str) -> int:
        kinds = ("", "NotVisible", "Delayed")
        names: Any = [f"ApproximateNumberOfMessages{kind}" for kind in kinds]
        answer = self._calls.call(
            "sqs:GetQueueAttributes",
            lambda client: client.get_queue_attributes(QueueUrl=url, AttributeNames=names),
        )
        return sum(int(value) for value in answer["Attributes"].values())


def _again(letters: list[Letter], answer: Any) -> list[Letter]:  # noqa: ANN401 - the client's own answer
    """Give what SQS could not do for now. A receipt that it does not take any more is nobody's: that is left alone."""
    return [letters[int(failure["Id"])] for failure in answer.get("Failed", []) if not failure["SenderFault"]]
