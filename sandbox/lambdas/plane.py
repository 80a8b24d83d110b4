"""The data plane, deployed: start functions, read notices, wait for runs."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
from botocore.config import Config

from functions.contract.environment import ENVIRONMENTS, SourceSetting
from functions.contract.states import RUN_STEPS, RunState
from functions.contract.tables import STATUS, STATUS_INDEX, TIMESTAMP, LedgerTable
from sandbox.lambdas.environments import LOCK_DAYS, environment_of, variables_of
from sandbox.lambdas.functions import Archives, Sizing, feed_functions, make_function, publish_layer
from sandbox.lambdas.names import CAPTURE, QUEUES, REGION, Names
from sandbox.lambdas.queues import make_queues, make_topic
from sandbox.lambdas.roles import REPOSITORY, RESTORED, SCRATCH, SOURCE, make_role
from sandbox.lambdas.tables import make_tables

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_iam import IAMClient
    from types_boto3_kms import KMSClient
    from types_boto3_lambda import LambdaClient
    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_s3 import S3Client
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient

_POLL_S = 0.1
_RECEIVED_AT_ONCE = 10
_STREAMS_AT_ONCE = 50
_ENDED = tuple(state for state, steps in RUN_STEPS.items() if not steps)


class FunctionFailedError(RuntimeError):
    """A function that was invoked raised; the message is what it raised."""


class Notice(NamedTuple):
    """A notification as it reaches people."""

    subject: str
    body: str


class Run(NamedTuple):
    """A run as the runs table has it: its numbers are attributes whose names begin with `n_`."""

    started: str
    """RFC 3339."""
    run_id: str
    status: RunState
    facts: Mapping[str, Any]
    counts: Mapping[str, int]


class DataPlane:
    """The tables, queues, topic, buckets, roles and functions of one stack on an embedded AWS."""

    def __init__(self, endpoint: str, stack: str) -> None:
        """Name them; `deploy` makes them."""
        self.endpoint = endpoint
        self.names = Names(stack)

    def deploy(
        self,
        archives: Archives,
        *,
        sources: tuple[SourceSetting, ...] = (),
        priority: tuple[str, ...] = (),
        sizing: Sizing | None = None,
        changes: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Make everything. Without `sources` there is one, `reports`, the whole source bucket, with `priority` users.

        `changes` are fields of a function's environment that differ from the stack's, by function. Sources must lie
        in the stack's source bucket: the roles can read no other.
        """
        names, size = self.names, sizing or Sizing()
        self._make_buckets()
        make_tables(self.dynamodb, names)
        make_queues(self.sqs, names, size.visibility_s)
        make_topic(self._sns, self.sqs, names)
        key = self._kms.create_key(Description=names.stack)["KeyMetadata"]["Arn"]
        layer = publish_layer(self._lambda, names, archives)
        whole = (SourceSetting("reports", names.of(SOURCE), priority=priority),)
        for function in ENVIRONMENTS:
            make_role(self._iam, names, function, key)
            environment = environment_of(
                names, function, self.endpoint, sources or whole, (changes or {}).get(function, {})
            )
            variables = variables_of(environment)
            make_function(
                self._lambda, names, function, code=archives.code, layer=layer, sizing=size, variables=variables
            )
        feed_functions(self._lambda, names, size)

    def _make_buckets(self) -> None:
        for purpose in (SOURCE, REPOSITORY, RESTORED, SCRATCH):
            self.s3.create_bucket(Bucket=self.names.of(purpose), ObjectLockEnabledForBucket=purpose == REPOSITORY)
        self.s3.put_object_lock_configuration(
            Bucket=self.names.of(REPOSITORY),
            ObjectLockConfiguration={
                "ObjectLockEnabled": "Enabled",
                "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": LOCK_DAYS}},
            },
        )

    def invoke(self, function: str, event: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- whatever the handler answers
        """Call a function and wait for its answer. FunctionFailedError with its message if it raises."""
        answer = self._lambda.invoke(FunctionName=self.names.of(function), Payload=json.dumps(event))
        payload = json.loads(answer["Payload"].read())
        if answer.get("FunctionError"):
            raise FunctionFailedError(f"{function}: {payload.get('errorType')}: {payload.get('errorMessage')}")
        return payload

    def change_variables(self, function: str, variables: Mapping[str, str]) -> None:
        """Give a function other environment variables: exactly these."""
        name = self.names.of(function)
        self._lambda.update_function_configuration(FunctionName=name, Environment={"Variables": variables})

    def notifications(self) -> list[Notice]:
        """Take the notices published since the last call."""
        url = self.names.queue_url(self.endpoint, CAPTURE)
        notices = []
        while messages := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=_RECEIVED_AT_ONCE).get("Messages"):
            for message in messages:
                body = json.loads(message["Body"])
                notices.append(Notice(body.get("Subject", ""), body["Message"]))
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return notices

    def runs(self, source: str) -> list[Run]:
        """Give the runs of a source, the oldest first."""
        pages = self.dynamodb.get_paginator("query")
        found = []
        for status in RunState:
            answer = pages.paginate(
                TableName=self.names.of("runs_table"),
                IndexName=STATUS_INDEX,
                KeyConditionExpression="#status = :status",
                ExpressionAttributeNames={"#status": STATUS},
                ExpressionAttributeValues={":status": {"S": status}},
            )
            found += [_run_of(item) for page in answer for item in page["Items"]]
        return sorted((run for run in found if run.facts["source"] == source), key=lambda run: run.started)

    def wait_for_run(self, source: str, seconds: float = 120.0) -> Run:
        """Give the newest run of a source once it has ended. TimeoutError after `seconds`, with what is known of it."""
        deadline = time.monotonic() + seconds
        newest = self._newest(source)
        while newest is None or newest.status not in _ENDED:
            if time.monotonic() > deadline:
                state = newest or "there is no run"
                raise TimeoutError(f"no run of {source} ended within {seconds:g} s: {state}; queues: {self.depths()}")
            time.sleep(_POLL_S)
            newest = self._again(newest) if newest else self._newest(source)
        return newest

    def _newest(self, source: str) -> Run | None:
        return next(reversed(self.runs(source)), None)

    def _again(self, run: Run) -> Run:
        key = {LedgerTable.PARTITION_KEY: {"S": run.run_id}, LedgerTable.SORT_KEY: {"S": LedgerTable.WORK}}
        return _run_of(self.dynamodb.get_item(TableName=self.names.of("runs_table"), Key=key)["Item"])

    def log(self, function: str, since: datetime | None = None) -> list[str]:
        """Give what a function has written, line by line, with Lambda's own lines; `since` leaves out what is older."""
        group = f"/aws/lambda/{self.names.of(function)}"
        if not self._logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            return []
        pages = self._logs.get_paginator("describe_log_streams").paginate(logGroupName=group)
        streams = [stream["logStreamName"] for page in pages for stream in page["logStreams"]]
        start = int(since.timestamp() * 1_000) if since else 0
        lines = []
        # The embedded AWS cuts an answer at 10,000 lines and does not say so: ask for few streams at a time.
        for first in range(0, len(streams), _STREAMS_AT_ONCE):
            some = streams[first : first + _STREAMS_AT_ONCE]
            answer = self._logs.filter_log_events(logGroupName=group, logStreamNames=some, startTime=start)
            lines += [event["message"] for event in answer["events"]]
        return lines

    def depths(self) -> dict[str, int]:
        """Say how many messages each queue holds, on their way included."""
        depths = {}
        for queue in (*QUEUES, "dead_letter_jobs", "dead_letter_restores"):
            url = self.names.queue_url(self.endpoint, queue)
            attributes = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            depths[queue] = sum(int(value) for name, value in attributes.items() if name.startswith("Approximate"))
        return depths

    @cached_property
    def s3(self) -> S3Client:
        """A client that may do everything, as all of these."""
        return _session().client("s3", endpoint_url=self.endpoint, config=Config(max_pool_connections=32))

    @cached_property
    def sqs(self) -> SQSClient:
        """Queues."""
        return _session().client("sqs", endpoint_url=self.endpoint)

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        """Tables."""
        return _session().client("dynamodb", endpoint_url=self.endpoint)

    @cached_property
    def _lambda(self) -> LambdaClient:
        patient = Config(read_timeout=900, retries={"total_max_attempts": 1})
        return _session().client("lambda", endpoint_url=self.endpoint, config=patient)

    @cached_property
    def _logs(self) -> CloudWatchLogsClient:
        return _session().client("logs", endpoint_url=self.endpoint)

    @cached_property
    def _sns(self) -> SNSClient:
        return _session().client("sns", endpoint_url=self.endpoint)

    @cached_property
    def _iam(self) -> IAMClient:
        return _session().client("iam", endpoint_url=self.endpoint)

    @cached_property
    def _kms(self) -> KMSClient:
        return _session().client("kms", endpoint_url=self.endpoint)


def _session() -> boto3.Session:
    return boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)  # noqa: S106 -- the embedded AWS's


def _run_of(item: Mapping[str, Any]) -> Run:
    counts = {
        name.removeprefix(LedgerTable.COUNT_PREFIX): int(value["N"])
        for name, value in item.items()
        if name.startswith(LedgerTable.COUNT_PREFIX)
    }
    facts = json.loads(item[LedgerTable.FACTS]["S"])
    run_id = item[LedgerTable.PARTITION_KEY]["S"]
    return Run(item[TIMESTAMP]["S"], run_id, RunState(item[STATUS]["S"]), facts, counts)
