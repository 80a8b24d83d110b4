"""The remediator on an embedded AWS that checks policies: it mends, once, and its rights are enough and all needed."""

from __future__ import annotations

import io
import itertools
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import boto3
import pytest

from functions.adapters import dead_letters, function_memory
from functions.adapters.dynamo.ledger import DynamoLedger
from functions.contract.environment import SourceSetting
from functions.contract.rights import ALIAS, RIGHTS
from functions.contract.states import RestoreState, RunState
from functions.engine.errors import AccessError
from functions.engine.orchestration.ports import Planned, Work
from functions.engine.orchestration.runs import StartRequest, new_run
from functions.handlers import remediator
from functions.runtime import remediation_service
from functions.runtime.toolbox import random_hex
from sandbox.ministack import MiniStack
from tests.listening import Listening
from tests.remediation.desk import alarm, body, restore_body
from tests.runtime.run_kit import START, Clock
from tests.runtime.verifier_stack import Context
from tests.tables import make_ledger

STACK, REGION, ACCOUNT = "test", "us-east-1", "000000000000"
BASE = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{STACK}-"
QUEUES = ("job", "priority", "restore")
UNUSED_HERE = {"kms:Decrypt", "kms:GenerateDataKey"}
"""Nothing is encrypted with a key here."""
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}},
    ],
}


class Right(NamedTuple):
    """An action on a resource."""

    resource: str
    action: str


LOOKED_AT = [
    Right(right.resource, action)
    for right in RIGHTS["remediator"]
    for action in right.actions
    if action not in UNUSED_HERE and right.resource not in {"logs", "xray"}
]

NOT_ASKED = {Right("sized_aliases", "lambda:GetFunctionConfiguration")}
"""The embedded AWS takes it for a look at the function itself."""


class Plane:
    """What a deployment makes for the remediator, and the functions that it may size."""

    def __init__(self, endpoint: str) -> None:
        """Make what all tests share, with rights to everything."""
        self.endpoint, self.numbers = endpoint, itertools.count()
        client: Any = partial(boto3.client, endpoint_url=endpoint)
        self.dynamodb, self.sqs, self.iam, self.functions = map(client, ("dynamodb", "sqs", "iam", "lambda"))
        self.topic = client("sns").create_topic(Name="notices")["TopicArn"]
        self.role = self.iam.create_role(RoleName="sized", AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"]["Arn"]
        self._function("initiator", 512)
        # Lambda needs a while for each, and nobody waits for one that was made long before it is wanted.
        self._ready = [self._function(f"worker-{number}", 1_500) for number in range(len(LOOKED_AT) + 3)]
        while self.called(self._ready[-1]).get("LastUpdateStatus") != "Successful":
            time.sleep(0.05)

    def function(self) -> str:
        """Give the name of a function that no test has had yet, of 1,500 MB."""
        return self._ready.pop()

    def _function(self, name: str, megabytes: int) -> str:
        made = self.functions.create_function(
            FunctionName=f"{STACK}-{name}",
            Runtime="python3.11",
            Role=self.role,
            Handler="empty.handle",
            Code={"ZipFile": _archive()},
            MemorySize=megabytes,
            Environment={"Variables": {"KEPT": "yes"}},
            Publish=True,
        )
        self.functions.create_alias(FunctionName=f"{STACK}-{name}", Name=ALIAS, FunctionVersion=made["Version"])
        return name

    def called(self, name: str) -> Any:  # noqa: ANN401 - the client's own answer
        """Give the configuration of what the alias calls."""
        return self.functions.get_function_configuration(FunctionName=f"{STACK}-{name}", Qualifier=ALIAS)

    def variables(self, sized: str) -> dict[str, str]:
        """Give an environment with fresh tables and queues, and one function that may be sized."""
        number = next(self.numbers)
        urls = {}
        for kind in QUEUES:
            urls[f"{kind}_queue"] = self.sqs.create_queue(QueueName=f"{kind}-{number}")["QueueUrl"]
            urls[f"{kind}_dead_letters"] = self.sqs.create_queue(QueueName=f"{kind}-{number}-dead")["QueueUrl"]
        return {
            "STACK": STACK,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
            "TOPIC_ARN": self.topic,
            "SOURCE_NAMES": json.dumps(["one", "two"]),
            "RUNS_TABLE": make_ledger(self.dynamodb),
            "RESTORES_TABLE": make_ledger(self.dynamodb),
            "INITIATOR_ARN": f"{BASE}initiator:{ALIAS}",
            "FUNCTION_ARNS": json.dumps([f"{BASE}{sized}"]),
            "REMEDIATION_ENABLED": "true",
            "MEMORY_CEILING_MB": "2000",
            "REDRIVES_PER_DAY": "3",
            "RERUNS_PER_DAY": "2",
            "PAUSE_AFTER_FAILURES": "3",
            **{f"{name.upper()}_URL": url for name, url in urls.items()},
        }

    def arns(self, variables: dict[str, str]) -> dict[str, list[str]]:
        """Give what the contract's rights speak of."""
        table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/"
        queue = {kind: f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self._name(variables, kind)}" for kind in QUEUES}
        return {
            "runs_table": [f"{table}{variables['RUNS_TABLE']}", f"{table}{variables['RUNS_TABLE']}/index/StatusIndex"],
            "restores_table": [f"{table}{variables['RESTORES_TABLE']}"],
            "dead_letters": [f"{arn}-dead" for arn in queue.values()],
            **{f"{kind}_queue": [arn] for kind, arn in queue.items()},
            "initiator": [variables["INITIATOR_ARN"]],
            "sized_functions": json.loads(variables["FUNCTION_ARNS"]),
            "sized_aliases": [f"{arn}:{ALIAS}" for arn in json.loads(variables["FUNCTION_ARNS"])],
            "topic": [self.topic],
        }

    def put(self, variables: dict[str, str], kind: str, *bodies: str) -> None:
        """Let messages lie in a dead-letter queue."""
        for text in bodies:
            self.sqs.send_message(QueueUrl=variables[f"{kind.upper()}_DEAD_LETTERS_URL"], MessageBody=text)

    def take(self, url: str) -> set[str]:
        """Take all messages out of a queue."""
        found = set()
        while messages := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            for item in messages:
                found.add(item["Body"])
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=item["ReceiptHandle"])
        return found

    @staticmethod
    def _name(variables: dict[str, str], kind: str) -> str:
        return variables[f"{kind.upper()}_QUEUE_URL"].rpartition("/")[2]


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
def clock() -> Clock:
    """A clock that a test lets go by."""
    return Clock()


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Iterator[Listening]:
    """Hear what the function says; it waits for no message that is not there."""
    listening = Listening()
    monkeypatch.setattr(remediation_service, "Telemetry", lambda *_: listening)
    monkeypatch.setattr(remediation_service, "now", clock)
    monkeypatch.setattr(dead_letters, "_WAIT_SECONDS", 0)
    monkeypatch.setattr(function_memory, "_PAUSE_SECONDS", 0.05)
    remediator.service.cache_clear()
    yield listening
    remediator.service.cache_clear()


def run(ledger: DynamoLedger, source: str, started: datetime, *users: str) -> str:
    """Write a scheduled run of users, all of them sent."""
    request = StartRequest(scheduled=started.isoformat())
    work = new_run(f"{source}-run", SourceSetting(source, "clients"), request, started, timedelta(hours=4))
    ledger.open(work, started + timedelta(days=30))
    ledger.plan(work.id, (Planned(user, {}) for user in users), started + timedelta(days=30))
    ledger.seal(work.id)
    ledger.change(work.id, [RunState.DISPATCHING], RunState.RUNNING)
    return work.id


def become(plane: Plane, variables: dict[str, str], without: Right | None, patch: pytest.MonkeyPatch) -> None:
    """Take the function's environment and its rights, all but one."""
    arns = plane.arns(variables)
    statements = [
        {"Effect": "Allow", "Action": [right.action], "Resource": arns[right.resource]}
        for right in LOOKED_AT
        if right != without
    ]
    name = f"remediator-{next(plane.numbers)}-{random_hex(2)}"
    plane.iam.create_user(UserName=name)
    policy = {"Version": "2012-10-17", "Statement": statements}
    plane.iam.put_user_policy(UserName=name, PolicyName="rights", PolicyDocument=json.dumps(policy))
    key = plane.iam.create_access_key(UserName=name)["AccessKey"]
    keys = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    for variable, value in {**variables, **keys}.items():
        patch.setenv(variable, value)


Act = Callable[[Right | None], None]


@pytest.fixture
def night(plane: Plane, heard: Listening, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Act:
    """A night with every trouble that can be mended; two looks mend it, and a third has nothing to do."""

    def act(without: Right | None) -> None:
        sized = plane.function()
        variables = plane.variables(sized)
        ledger = DynamoLedger(lambda: plane.dynamodb, variables["RUNS_TABLE"])
        restores = DynamoLedger(lambda: plane.dynamodb, variables["RESTORES_TABLE"])
        failed = run(ledger, "one", START - timedelta(hours=1), "alice")
        ledger.finish(failed, "alice", "FAILED: UNAVAILABLE: no answer", {"failed": 1})
        ledger.change(failed, [RunState.RUNNING], RunState.FAILED)
        late = run(ledger, "two", START - timedelta(hours=6), "bob", "carol", "dave")
        ledger.change(late, [RunState.RUNNING], RunState.RUNNING, {**ledger.get(late).facts, "overdue": "yes"})
        restores.open(Work("restore", RestoreState.RUNNING, START), START + timedelta(days=30))
        plane.put(variables, "job", body(late, "bob", "two"))
        plane.put(variables, "priority", body(late, "carol", "two"), "no message")
        plane.put(variables, "restore", restore_body("restore", "0"))
        ring = alarm(sized, account=ACCOUNT)
        become(plane, variables, without, monkeypatch)
        remediator.service.cache_clear()
        first = remediator.handle({}, Context("r1"))
        assert len(first["waiting"]) == 5
        clock.pass_by(minutes=15)
        second = remediator.handle(ring, Context("r2"))
        assert len(second["acted"]) == 6
        assert [line["reason"] for line in heard.lines("remedy failed")] == []
        clock.pass_by(hours=1)
        third = remediator.handle(ring, Context("r3"))
        assert third["acted"] == []
        assert plane.take(variables["JOB_QUEUE_URL"]) == {body(late, "bob", "two"), body(late, "dave", "two")}
        assert plane.take(variables["PRIORITY_QUEUE_URL"]) == {body(late, "carol", "two")}
        assert plane.take(variables["RESTORE_QUEUE_URL"]) == {restore_body("restore", "0")}
        assert plane.take(variables["PRIORITY_DEAD_LETTERS_URL"]) == {"no message"}
        assert plane.called(sized)["MemorySize"] == 2_000
        if heard.lines("notice not published"):
            raise AccessError("people were not told")

    return act


def test_the_rights_are_enough(night: Act, heard: Listening) -> None:
    """For everything that can be mended; what cannot is told once."""
    night(None)
    assert len(heard.lines("remedied")) == 6
    assert len(heard.lines("remedy refused")) == 2


@pytest.mark.parametrize("right", [right for right in LOOKED_AT if right not in NOT_ASKED], ids="-".join)
def test_every_right_is_needed(right: Right, night: Act) -> None:
    """Without it something is not mended, or nobody is told."""
    with pytest.raises((AccessError, AssertionError)):
        night(right)


@pytest.mark.usefixtures("heard")
def test_a_message_that_comes_back_stays(plane: Plane, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redriven once; the second time it is refused, and lies there at once for whoever looks."""
    variables = plane.variables("worker")
    ledger = DynamoLedger(lambda: plane.dynamodb, variables["RUNS_TABLE"])
    late = run(ledger, "one", START, "bob")
    become(plane, variables, None, monkeypatch)
    plane.put(variables, "job", body(late, "bob"))
    remediator.handle({}, Context("r1"))
    clock.pass_by(minutes=15)
    assert remediator.handle({}, Context("r2"))["acted"] == [f"redrive/jobs/{late}"]
    assert plane.take(variables["JOB_QUEUE_URL"]) == {body(late, "bob")}
    plane.put(variables, "job", body(late, "bob"))
    clock.pass_by(hours=1)
    assert remediator.handle({}, Context("r3"))["refused"] == [f"redrive/jobs/{late}"]
    assert plane.take(variables["JOB_QUEUE_URL"]) == set()
    assert plane.take(variables["JOB_DEAD_LETTERS_URL"]) == {body(late, "bob")}


@pytest.mark.usefixtures("heard")
def test_memory_stops_at_the_ceiling_and_nothing_else_changes(
    plane: Plane, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new version with the same code and variables; a day later it has what it may have, and no more."""
    sized = plane.function()
    before = plane.called(sized)
    become(plane, plane.variables(sized), None, monkeypatch)
    assert remediator.handle(alarm(sized, account=ACCOUNT), Context("r1"))["acted"] == [f"memory/{sized}/1500"]
    after = plane.called(sized)
    assert after["MemorySize"] == 2_000
    assert after["Version"] != before["Version"]
    assert all(after[name] == before[name] for name in ("CodeSha256", "Environment", "Timeout", "Role", "Handler"))
    clock.pass_by(days=2)
    assert remediator.handle(alarm(sized, account=ACCOUNT), Context("r2"))["refused"] == [f"memory/{sized}/2000"]
    assert plane.called(sized)["Version"] == after["Version"]


@pytest.mark.usefixtures("heard")
def test_what_somebody_left_unpublished_is_not_published(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment in the middle, or a version that was rolled back: hands off."""
    sized = plane.function()
    plane.functions.update_function_configuration(FunctionName=f"{STACK}-{sized}", Timeout=77)
    become(plane, plane.variables(sized), None, monkeypatch)
    assert remediator.handle(alarm(sized, account=ACCOUNT), Context("r1"))["refused"] == [f"memory/{sized}/1500"]
    assert plane.called(sized)["MemorySize"] == 1_500
