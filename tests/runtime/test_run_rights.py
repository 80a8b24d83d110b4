"""Initiator and watchdog on an embedded AWS that checks policies: their rights are enough, and each is needed."""

from __future__ import annotations

import io
import itertools
import json
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

import boto3
import pytest

from functions.adapters.dynamo.ledger import DynamoLedger
from functions.contract.environment import SourceSetting
from functions.contract.messages import BackupMessage
from functions.contract.rights import RIGHTS
from functions.contract.states import RunState
from functions.engine.errors import AccessError, ConfigurationError
from functions.engine.orchestration.messages import decode
from functions.engine.orchestration.runs import StartRequest, new_run
from functions.handlers import initiator, watchdog
from functions.runtime import initiator_service, watchdog_service
from functions.runtime.toolbox import now, random_hex
from sandbox.ministack import MiniStack
from tests.listening import Listening
from tests.runtime.verifier_stack import Context
from tests.tables import make_ledger, make_users

UNUSED_HERE = {"kms:Decrypt", "kms:GenerateDataKey"}
"""Nothing is encrypted with a key here."""


ALSO = {"sqs:SendMessage": ["sqs:SendMessageBatch"]}
"""At AWS, sqs:SendMessage is the right for both calls (Amazon SQS Developer Guide, "Amazon SQS API permissions")."""

_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}},
    ],
}


class Right(NamedTuple):
    """An action of a function on a resource."""

    function: str
    resource: str
    action: str


LOOKED_AT = [
    Right(function, right.resource, action)
    for function in ("initiator", "watchdog")
    for right in RIGHTS[function]
    for action in right.actions
    if action not in UNUSED_HERE and right.resource not in {"logs", "xray"}
]


class Plane:
    """What a deployment makes for the two functions, with two users in the source."""

    def __init__(self, endpoint: str) -> None:
        """Make it all with rights to everything."""
        self.endpoint = endpoint
        self.numbers = itertools.count()
        client: Any = partial(boto3.client, endpoint_url=endpoint)
        s3, sns, functions = client("s3"), client("sns"), client("lambda")
        self.dynamodb, self.sqs, self.iam = client("dynamodb"), client("sqs"), client("iam")
        s3.create_bucket(Bucket="clients")
        for user in ("alice", "board"):
            s3.put_object(Bucket="clients", Key=f"all/{user}/file", Body=b"x")
        self.queues = [self.sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("jobs", "urgent")]
        self.topic = sns.create_topic(Name="notices")["TopicArn"]
        role = self.iam.create_role(RoleName="starter", AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"]["Arn"]
        self.function = functions.create_function(
            FunctionName="starter",
            Runtime="python3.11",
            Role=role,
            Handler="empty.handle",
            Code={"ZipFile": _archive()},
        )["FunctionArn"]

    def variables(self) -> dict[str, str]:
        """Give an environment with fresh tables and two sources that share a bucket."""
        source = {"bucket": "clients", "prefix": "all/", "priority": ["board"]}
        return {
            "STACK": "test",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.endpoint,
            "TOPIC_ARN": self.topic,
            "SOURCES": json.dumps([{"name": "one", **source}, {"name": "two", **source}]),
            "RUNS_TABLE": make_ledger(self.dynamodb),
            "USERS_TABLE": make_users(self.dynamodb),
            "JOB_QUEUE_URL": self.queues[0],
            "PRIORITY_QUEUE_URL": self.queues[1],
            "AWS_LAMBDA_FUNCTION_NAME": "starter",
        }

    def statements(self, function: str, variables: dict[str, str], without: Right | None) -> list[dict[str, Any]]:
        """Write a function's rights as a policy, all but one."""
        tables = "arn:aws:dynamodb:us-east-1:000000000000:table"
        arns: dict[str, list[str]] = {
            "sources": ["arn:aws:s3:::clients"],
            "runs_table": [f"{tables}/{variables['RUNS_TABLE']}", f"{tables}/{variables['RUNS_TABLE']}/index/*"],
            "users_table": [f"{tables}/{variables['USERS_TABLE']}"],
            "job_queue": ["arn:aws:sqs:us-east-1:000000000000:jobs"],
            "priority_queue": ["arn:aws:sqs:us-east-1:000000000000:urgent"],
            "topic": [self.topic],
            "self": [self.function],
        }
        return [
            {"Effect": "Allow", "Action": [right.action, *ALSO.get(right.action, [])], "Resource": arns[right.resource]}
            for right in LOOKED_AT
            if right.function == function and right != without
        ]

    def received(self) -> list[BackupMessage]:
        """Take the messages that were sent, those of the priority queue first."""
        found = []
        for url in reversed(self.queues):
            while bodies := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
                for item in bodies:
                    found.append(decode(item["Body"], BackupMessage))
                    self.sqs.delete_message(QueueUrl=url, ReceiptHandle=item["ReceiptHandle"])
        return found


def _archive() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("empty.py", "def handle(event, context):\n    return None\n")
    return data.getvalue()


@pytest.fixture(scope="module")
def plane(_closed_network: None) -> Iterator[Plane]:
    """An embedded AWS that checks signatures and policies."""
    with MiniStack(auth=True) as running:
        yield Plane(running.endpoint)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Listening:
    """Hear what both functions say; each test gets execution environments of its own."""
    listening = Listening()
    for module in (initiator_service, watchdog_service):
        monkeypatch.setattr(module, "Telemetry", lambda *_: listening)
    for handler in (initiator, watchdog):
        handler.service.cache_clear()
    return listening


Act = Callable[[Right | None], None]


@pytest.fixture
def night(plane: Plane, heard: Listening, monkeypatch: pytest.MonkeyPatch) -> Act:
    """Start two sources in an invocation that has time for one, skip it, and look for an overdue run."""

    def act(without: Right | None) -> None:
        variables = plane.variables()
        ledger = DynamoLedger(lambda: plane.dynamodb, variables["RUNS_TABLE"])
        _become(plane, "initiator", variables, without, monkeypatch)
        try:
            begun = initiator.handle({}, Context("r1", left=1_000))
            assert (begun["one"]["state"], begun["two"]["state"]) == ("RUNNING", "HANDED_ON")
            assert initiator.handle({"source": "one"}, Context("r2"))["one"]["state"] == "SKIPPED"
        finally:
            initiator.service.cache_clear()
        assert [(message.user, message.priority) for message in plane.received()] == [("board", True), ("alice", False)]
        started = now() - timedelta(hours=5)
        late = new_run("late", SourceSetting("two", "clients", "all/"), StartRequest(), started, timedelta(hours=4))
        ledger.open(late, now() + timedelta(days=1))
        _become(plane, "watchdog", variables, without, monkeypatch)
        try:
            assert watchdog.handle({}, Context("r3"))["two"]["overdue"] == 1
        finally:
            watchdog.service.cache_clear()
        assert ledger.get("late").facts["overdue"]
        assert ledger.get(begun["one"]["run_id"]).status == RunState.RUNNING
        if heard.lines("notice not published"):
            raise AccessError("people were not told")

    return act


def _become(
    plane: Plane, function: str, variables: dict[str, str], without: Right | None, patch: pytest.MonkeyPatch
) -> None:
    """Take a function's environment and its rights."""
    name = f"{function}-{next(plane.numbers)}-{random_hex(2)}"
    plane.iam.create_user(UserName=name)
    policy = {"Version": "2012-10-17", "Statement": plane.statements(function, variables, without)}
    plane.iam.put_user_policy(UserName=name, PolicyName="rights", PolicyDocument=json.dumps(policy))
    key = plane.iam.create_access_key(UserName=name)["AccessKey"]
    keys = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    for variable, value in {**variables, **keys}.items():
        patch.setenv(variable, value)


def test_the_rights_are_enough(night: Act, heard: Listening) -> None:
    """For a start, a start that is handed on, one that is skipped, and a look at an overdue run."""
    night(None)
    assert len(heard.lines("run dispatched")) == 1
    assert heard.total("RunOverdue", "two") == 1


@pytest.mark.parametrize("right", LOOKED_AT, ids="-".join)
def test_every_right_is_needed(right: Right, night: Act, plane: Plane) -> None:
    """Nothing is held that is not used."""
    with pytest.raises(AccessError):
        night(right)
    plane.received()


@pytest.mark.parametrize("handler", [initiator, watchdog])
@pytest.mark.usefixtures("heard")
def test_an_environment_that_cannot_be_used_is_said_at_the_first_invocation(handler: Any) -> None:  # noqa: ANN401
    """All of it at once, and again at the next one. Importing the handler has said nothing."""
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=r"(?s)STACK is missing.*SOURCES is missing"):
            handler.handle({}, Context())
