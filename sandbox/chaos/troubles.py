"""The troubles, one function each, and the time that is let pass so that nobody must wait for leases to end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

from functions.adapters.dynamo.ledger import DynamoLedger
from functions.adapters.sqs import SqsQueue
from functions.contract.tables import DedupTable, LedgerTable
from functions.engine.orchestration.messages import encode
from functions.engine.orchestration.ports import Envelope, Work
from functions.engine.orchestration.runs import RunFacts, in_order, message_for
from sandbox.chaos.switch import Switch
from sandbox.nights.stack import FaultError, Stack

QUEUES: Final = ("jobs", "priority")
_LEASES: Final = (LedgerTable.UNTIL, LedgerTable.CLOSING)
_DELETED_AT_ONCE = 25
"""Items of one BatchWriteItem (Amazon DynamoDB API Reference, BatchWriteItem)."""
_FROZEN: Final = "GLACIER"
_BACK: Final = "STANDARD"


def kill_a_worker(stack: Stack, switch: Switch) -> bool:
    """Kill a process of the worker function that is at work, without warning; say whether there was one."""
    busy = [worker for worker in switch.workers(stack.functions()["worker"]) if worker.busy]
    if not busy:
        return False
    try:
        os.kill(busy[0].pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def erase_dedup(stack: Stack) -> int:
    """Delete every item of the dedup table; give how many there were."""
    client, table = stack.client("dynamodb"), stack.state.exports["Tables"]["dedup"]
    pages = client.get_paginator("scan").paginate(TableName=table, ProjectionExpression=DedupTable.PARTITION_KEY)
    keys = iter([item for page in pages for item in page["Items"]])
    erased = 0
    while some := list(islice(keys, _DELETED_AT_ONCE)):
        client.batch_write_item(RequestItems={table: [{"DeleteRequest": {"Key": key}} for key in some]})
        erased += len(some)
    return erased


def replay(stack: Stack, run: Work) -> int:
    """Send the message of every user of a run again; give how many."""
    ledger = DynamoLedger(lambda: stack.client("dynamodb"), stack.state.exports["Tables"]["runs"])
    places = in_order((planned.task for planned in ledger.planned(run.id)), RunFacts.of(run).priority)
    for queue, later in (("priority", False), ("jobs", True)):
        envelopes = [
            Envelope(encode(message_for(run, place)), place.user or "/") for place in places if place.later is later
        ]
        SqsQueue(lambda: stack.client("sqs"), stack.state.exports["Queues"][queue]).send(envelopes)
    return len(places)


def freeze(stack: Stack, keys: Sequence[str]) -> None:
    """Move objects of the source into an archive, where nobody can read them."""
    _move(stack, keys, _FROZEN)


def thaw(stack: Stack, keys: Sequence[str]) -> None:
    """Bring them back."""
    s3, bucket = stack.client("s3"), stack.source["bucket"]
    for key in keys:
        s3.restore_object(Bucket=bucket, Key=key, RestoreRequest={"Days": 1})
    for key in keys:
        stack.wait(f"the thaw of {key}", lambda key=key: _is_thawed(s3, bucket, key) or None)  # type: ignore[misc]
    _move(stack, keys, _BACK)


def let_time_pass(stack: Stack, switch: Switch, run: Work) -> None:
    """Let leases end and hidden messages come back, if nobody is at work: what takes a quarter of an hour and more."""
    if not switch.is_idle():
        return
    client, table = stack.client("dynamodb"), stack.state.exports["Tables"]["runs"]
    now = int(time.time() * 1_000)
    query: dict[str, Any] = {
        "KeyConditionExpression": "#id = :id",
        "ExpressionAttributeNames": {"#id": LedgerTable.PARTITION_KEY},
        "ExpressionAttributeValues": {":id": {"S": run.id}},
    }
    for page in client.get_paginator("query").paginate(TableName=table, ConsistentRead=True, **query):
        for item in page["Items"]:
            for lease in _LEASES:
                if lease in item and int(item[lease]["N"]) > now:
                    _end_lease(client, table, item, lease, now)
    for name in QUEUES:
        switch.elapse(stack.state.exports["Queues"][name].rpartition("/")[2])


def drop_dead_letters(stack: Stack) -> int:
    """Delete the job messages that were given up, which a later run makes good; give how many."""
    sqs, dropped = stack.client("sqs"), 0
    for name in QUEUES:
        url = stack.state.exports["DeadLetterQueues"][name]
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                dropped += 1
    return dropped


def _end_lease(client: Any, table: str, item: dict[str, Any], lease: str, now: int) -> None:  # noqa: ANN401 - boto3's
    names = {"#lease": lease}
    values = {":now": {"N": str(now)}, ":seen": item[lease]}
    try:
        client.update_item(
            TableName=table,
            Key={name: item[name] for name in (LedgerTable.PARTITION_KEY, LedgerTable.SORT_KEY)},
            UpdateExpression="SET #lease = :now",
            ConditionExpression="#lease = :seen",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
        )
    except client.exceptions.ConditionalCheckFailedException:
        # Whoever held it has given it back meanwhile.
        return


def _move(stack: Stack, keys: Sequence[str], storage: str) -> None:
    s3, bucket = stack.client("s3"), stack.source["bucket"]
    for key in keys:
        s3.copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": key}, StorageClass=storage)
        held = s3.head_object(Bucket=bucket, Key=key).get("StorageClass", _BACK)
        if held != storage:
            raise FaultError(f"{key} lies in {held} instead of {storage}")


def _is_thawed(s3: Any, bucket: str, key: str) -> bool:  # noqa: ANN401 - boto3's
    return 'ongoing-request="false"' in s3.head_object(Bucket=bucket, Key=key).get("Restore", "")
