"""Measure the CPU of calls to DynamoDB and SQS: `python -m benchmarks.simulation.calls`.

The answer is ready, so what counts is what the client does: check, sign, write JSON and read it. Sockets come on top.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

CALLS = 300
_HEX = "0123456789abcdef" * 2


class Body:
    """The bytes of an answer, as botocore reads them."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self._bytes = json.dumps(answer).encode()

    def stream(self) -> Iterator[bytes]:
        """Give all of them."""
        yield self._bytes


class Answers:
    """Stands where a request would leave, and gives the answer that is due."""

    def __init__(self) -> None:
        self.body: Mapping[str, Any] = {}

    def __call__(self, request: Any, **_: Any) -> AWSResponse:  # noqa: ANN401 - botocore's own hook
        """Answer a request."""
        return AWSResponse(request.url, 200, HTTPHeaders(), Body(self.body))


def cpu_ms(call: Callable[[], object]) -> float:
    """Give the CPU of one call in milliseconds."""
    call()
    began = time.process_time()
    for _ in range(CALLS):
        call()
    return (time.process_time() - began) / CALLS * 1e3


def item(number: int, *, answered: bool = False) -> dict[str, Any]:
    """Give an item of the dedup table, as it is sent or as it is answered."""
    chunk: Any = bytes([number % 256]) * 32
    chunk = base64.b64encode(chunk).decode() if answered else chunk
    return {"chunk": {"B": chunk}, "pack": {"S": _HEX}, "offset": {"N": "123456"}, "stored": {"N": "98765"}}


def clients(answers: Answers) -> tuple[Any, Any]:
    """Make clients of DynamoDB and SQS that never reach a network."""
    session = boto3.Session("a", "b", region_name="us-east-1")
    made: tuple[Any, Any] = session.client("dynamodb"), session.client("sqs")
    for client in made:
        client.meta.events.register("before-send", answers)
    return made


def main() -> None:
    """Measure and print."""
    answers = Answers()
    table, queue = clients(answers)
    keys = {"t": {"Keys": [{"chunk": {"B": bytes([number]) * 32}} for number in range(100)]}}
    puts = {"t": [{"PutRequest": {"Item": item(number)}} for number in range(25)]}
    writes = [{"Put": {"TableName": "t", "Item": item(number)}} for number in range(2)]
    message = {"MessageBody": "x" * 400, "MessageGroupId": "user"}
    sent = {"QueueUrl": "https://localhost/queue", "Entries": [{"Id": str(n), **message} for n in range(10)]}
    known = {"Responses": {"t": [item(n, answered=True) for n in range(50)]}, "UnprocessedKeys": {}}
    measured: list[tuple[str, Mapping[str, Any], Callable[[], object]]] = [
        ("BatchGetItem, 100, half of them known", known, lambda: table.batch_get_item(RequestItems=keys)),
        ("BatchWriteItem, 25", {"UnprocessedItems": {}}, lambda: table.batch_write_item(RequestItems=puts)),
        ("PutItem", {}, lambda: table.put_item(TableName="t", Item=item(1))),
        ("TransactWriteItems, 2", {}, lambda: table.transact_write_items(TransactItems=writes)),
        ("SendMessageBatch, 10", {"Successful": [], "Failed": []}, lambda: queue.send_message_batch(**sent)),
    ]
    for name, body, call in measured:
        answers.body = body
        print(f"{name}: {cpu_ms(call):.2f} ms")


if __name__ == "__main__":
    main()
