"""A deployment of the verifier on an embedded AWS, and a look at it from outside."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3

from functions.adapters.dynamo.users import DynamoUsers
from functions.contract.object_keys import PACKS
from functions.engine.backup import Ports
from functions.engine.commit import CommitRecord
from functions.runtime.local_run import RunRequest, back_up
from functions.runtime.toolbox import Connection, Toolbox, now, random_hex
from functions.runtime.verifying import VerifyService
from tests.strategies import noise, prose
from tests.tables import everything, make_drills, make_users

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
FILES = {
    "clients/alice/a": b"alice",
    "clients/bob/2026/report": prose("report", 30_000),
    "clients/bob/empty": b"",
    "clients/bob/large": noise("large", 9 * 1024 * 1024),
    "clients/bob/ünï code+%": b"odd",
}
SPECIAL = "clients/bob/2026/report"


@dataclass
class Context:
    """Lambda's context."""

    aws_request_id: str = "request-1"
    left: int = 900_000

    def get_remaining_time_in_millis(self) -> int:
        """Give what is left."""
        return self.left


@dataclass
class Stack:
    """What a deployment makes, with two users in the source."""

    endpoint: str
    s3: S3Client
    make_bucket: Callable[..., str]
    source: str = field(init=False)
    vault: str = field(init=False)
    scratch: str = field(init=False)

    def __post_init__(self) -> None:
        """Make it."""
        self.source, self.vault, self.scratch = (self.make_bucket(versioned=True) for _ in range(3))
        self.dynamodb = boto3.client("dynamodb", endpoint_url=self.endpoint)
        self.users = make_users(self.dynamodb)
        self.drills = make_drills(self.dynamodb)
        self.sqs = boto3.client("sqs", endpoint_url=self.endpoint)
        sns = boto3.client("sns", endpoint_url=self.endpoint)
        name = f"notices-{uuid.uuid4().hex}"
        self.queue = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        self.topic = sns.create_topic(Name=name)["TopicArn"]
        asked = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])
        sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=asked["Attributes"]["QueueArn"])
        for key, data in FILES.items():
            self.s3.put_object(Bucket=self.source, Key=key, Body=data)
        self.s3.put_object(
            Bucket=self.source,
            Key=SPECIAL,
            Body=FILES[SPECIAL],
            ContentType="text/x-report",
            CacheControl="no-store",
            Metadata={"owner": "ada"},
            Tagging="class=secret&empty=",
        )

    def back_up(self) -> list[CommitRecord]:
        """Back all users up, and note it in the table."""
        with Toolbox(Connection(endpoint=self.endpoint), CREDENTIALS) as tools:
            store = tools.store(self.vault)
            ports = Ports(tools.source(self.source), store, tools.index(store, None), now, random_hex)
            report = back_up(ports, RunRequest("reports", "clients/"), workers=2)
        records = [outcome.result.record for outcome in report.outcomes if outcome.result is not None]
        users = DynamoUsers(lambda: self.dynamodb, self.users)
        for record in records:
            users.backed_up(record)
        return records

    def variables(self, **changes: str) -> dict[str, str]:
        """Give the function's environment."""
        sources = [{"name": "reports", "bucket": self.source, "prefix": "clients/"}]
        return {
            **CREDENTIALS,
            "STACK": "test",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.endpoint,
            "TOPIC_ARN": self.topic,
            "SOURCES": json.dumps(sources),
            "REPOSITORY_BUCKET": self.vault,
            "USERS_TABLE": self.users,
            "DRILLS_TABLE": self.drills,
            "SCRATCH_BUCKET": self.scratch,
            "SCRATCH_PREFIX": "drills/",
            "AWS_LAMBDA_FUNCTION_NAME": "verifier",
            "SAMPLE_PERCENT": "100",
            **changes,
        }

    def verify(self, event: Mapping[str, Any], **changes: str) -> dict[str, Any]:
        """Do one invocation in a new execution environment."""
        service = VerifyService.from_variables(self.variables(**changes))
        try:
            return service.run(event, Context())
        finally:
            service.close()

    def results(self) -> dict[str, str]:
        """Give the recorded drills: user and status."""
        return {str(item["userId"]): str(item["status"]) for item in everything(self.dynamodb, self.drills)}

    def notices(self) -> list[tuple[str, str]]:
        """Give subject and body of what was published since somebody last asked."""
        answer = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
        notices = [json.loads(message["Body"]) for message in answer.get("Messages", [])]
        return [(notice["Subject"], notice["Message"]) for notice in notices]

    def damage_pack(self) -> str:
        """Turn a byte in the middle of the largest pack, which holds most of the large file; give its id."""
        packs = self.s3.list_objects_v2(Bucket=self.vault, Prefix=PACKS)["Contents"]
        key = max(packs, key=lambda item: item["Size"])["Key"]
        data = bytearray(self.s3.get_object(Bucket=self.vault, Key=key)["Body"].read())
        data[len(data) // 2] ^= 1
        self.s3.put_object(Bucket=self.vault, Key=key, Body=bytes(data))
        return key.rpartition("/")[2]
