"""The restore functions as Lambda calls them: environment, SQS, SNS, DynamoDB and S3 of the embedded AWS."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from functions.adapters.memory import MemoryIndex
from functions.engine.backup import BackupJob, BackupSession, Ports
from functions.engine.errors import ConfigurationError
from functions.engine.model import BackupType
from functions.handlers import restore, restore_worker
from functions.runtime.toolbox import Connection, Toolbox, now, random_hex
from sandbox.ministack import MiniStack
from tests.tables import make_ledger

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_sqs.client import SQSClient


@dataclass
class Context:
    """Lambda's context."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Give what is left."""
        return 900_000


@pytest.fixture
def sqs(ministack: MiniStack) -> SQSClient:
    """A client of the embedded SQS."""
    return boto3.client("sqs", endpoint_url=ministack.endpoint)


@pytest.fixture
def variables(
    ministack: MiniStack, sqs: SQSClient, make_bucket: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """Give the environment of both functions, with queues, a topic, a table and buckets behind it."""
    dynamo = boto3.client("dynamodb", endpoint_url=ministack.endpoint)
    sns = boto3.client("sns", endpoint_url=ministack.endpoint)
    made = {
        "STACK": "test",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": ministack.endpoint,
        "AWS_LAMBDA_FUNCTION_NAME": "restore",
        "TOPIC_ARN": sns.create_topic(Name=f"notices-{uuid.uuid4().hex}")["TopicArn"],
        "REPOSITORY_BUCKET": make_bucket(),
        "RESTORES_TABLE": make_ledger(dynamo),
        "RESTORE_QUEUE_URL": sqs.create_queue(QueueName=f"restores-{uuid.uuid4().hex}")["QueueUrl"],
        "DEAD_LETTER_QUEUE_URL": sqs.create_queue(QueueName=f"dead-{uuid.uuid4().hex}")["QueueUrl"],
        "RESTORE_BUCKETS": json.dumps([make_bucket()]),
    }
    for name, value in made.items():
        monkeypatch.setenv(name, value)
    restore.service.cache_clear()
    restore_worker.service.cache_clear()
    return made


def back_up(variables: dict[str, str], source: str) -> None:
    """Back up one user."""
    with Toolbox(Connection("us-east-1", variables["AWS_ENDPOINT_URL"]), os.environ) as tools:
        store = tools.store(variables["REPOSITORY_BUCKET"])
        ports = Ports(tools.source(source), store, MemoryIndex(), now, random_hex)
        with BackupSession(ports, workers=1) as session:
            session.backup(BackupJob("clients", "ada", "", BackupType.FULL, "run"))


def records(sqs: SQSClient, url: str) -> list[dict[str, Any]]:
    """Receive what is in a queue, as Lambda hands it to a function."""
    found = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"], VisibilityTimeout=30
    ).get("Messages", [])
    return [
        {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:{url.rpartition('/')[2]}",
            "awsRegion": "us-east-1",
        }
        for message in found
    ]


def test_a_restore_from_the_request_to_the_end(
    variables: dict[str, str], s3: S3Client, sqs: SQSClient, make_bucket: Callable[..., str]
) -> None:
    """Each function through its handler, each message through the queue; the metrics are written."""
    source, (target,) = make_bucket(), json.loads(variables["RESTORE_BUCKETS"])
    for number in range(3):
        s3.put_object(Bucket=source, Key=f"ada/{number}", Body=b"%d" % number)
    back_up(variables, source)
    event = {"source": "clients", "users": ["ada"], "destination_bucket": target}
    told = restore.handle(event, Context("request-1"))
    assert (told["restore_id"], told["status"]) == ("request-1", "RUNNING")
    batch = records(sqs, variables["RESTORE_QUEUE_URL"])
    malformed = {**batch[0], "messageId": "malformed", "body": '{"version": 9}'}
    answer = restore_worker.handle({"Records": [*batch, malformed]}, Context("request-2"))
    assert answer == {"batchItemFailures": []}
    assert [record["body"] for record in records(sqs, variables["DEAD_LETTER_QUEUE_URL"])] == ['{"version": 9}']
    told = restore.handle({"restore_id": "request-1"}, Context("request-3"))
    assert (told["status"], told["files"]["restored"]) == ("COMPLETED", 3)
    assert restore.handle({"poll": True}, Context("request-4")) == {"polled": 0}
    assert s3.get_object(Bucket=target, Key="ada/2")["Body"].read() == b"2"
    json.dumps(told)


def test_a_message_about_nothing_goes_to_the_dead_letters(variables: dict[str, str], sqs: SQSClient) -> None:
    """It is not received five times in silence."""
    body = '{"version": 1, "kind": "restore", "restore_id": "none", "task": "none"}'
    sqs.send_message(QueueUrl=variables["RESTORE_QUEUE_URL"], MessageBody=body)
    batch = records(sqs, variables["RESTORE_QUEUE_URL"])
    assert restore_worker.handle({"Records": batch}, Context("request-1")) == {"batchItemFailures": []}
    assert [record["body"] for record in records(sqs, variables["DEAD_LETTER_QUEUE_URL"])] == [body]


def test_what_is_missing_in_the_environment_is_told_at_once(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it, at the first invocation."""
    for name in ("RESTORES_TABLE", "RESTORE_QUEUE_URL"):
        monkeypatch.delenv(name)
    for handler in (restore, restore_worker):
        with pytest.raises(ConfigurationError) as caught:
            handler.handle({}, Context("request-1"))
        assert "RESTORES_TABLE is missing" in caught.value.message
        assert "RESTORE_QUEUE_URL is missing" in caught.value.message
