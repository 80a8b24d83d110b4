"""The whole stack on one machine: real questions, asked through the AWS API."""

from __future__ import annotations

import json
import time
from base64 import b64decode
from collections.abc import Callable
from functools import partial
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError

from bundle.code import functions_archive
from bundle.paths import BUILD, ROOT
from functions.contract.object_keys import COLLECTIONS
from functions.contract.rights import ALIAS
from functions.contract.states import RUN_STEPS, RunState
from sandbox.aws import Clients
from sandbox.differences import CHANGED, NOT_PROVED, RECORDED_ONLY
from sandbox.program.graph import Resource
from sandbox.schedules import SCHEDULE, due
from sandbox.state import State
from tests.program.kit import recorded

FUNCTION = "aws:lambda/function:Function"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
PATIENCE_S = 60.0
ENDED = {state for state, steps in RUN_STEPS.items() if not steps}


def test_everything_that_the_program_registers_is_there_or_listed(sandbox_stack: State) -> None:
    """The sandbox knows of exactly the resources that the program registers for anybody."""
    wanted = {(item.type, item.name) for item in recorded("local").resources}
    assert {(item.type, item.name) for item in sandbox_stack.graph} == wanted
    for item in sandbox_stack.graph:
        assert not item.type.startswith("aws:") or item.id or RECORDED_ONLY[item.type].reason == item.recorded_only


def test_up_says_what_it_made_and_what_is_otherwise(up_output: str, sandbox_stack: State) -> None:
    """Nothing is hidden: counts by type, what is recorded only, and what differs."""
    assert f"{len(sandbox_stack.of(FUNCTION)):4} {FUNCTION}" in up_output
    assert "Recorded only" in up_output
    for words in (*CHANGED.values(), *NOT_PROVED.values()):
        assert words in up_output
    for item in sandbox_stack.recorded_only:
        assert f"{item.name}: {item.recorded_only}" in up_output
    assert f"Up at {sandbox_stack.endpoint}" in up_output


def test_the_graph_hangs_together(sandbox_stack: State) -> None:
    """Parents and dependencies are resources of the graph, and dependencies were there first."""
    place = {item.urn: number for number, item in enumerate(sandbox_stack.graph)}
    assert len(place) == len(sandbox_stack.graph)
    for item in sandbox_stack.graph:
        assert not item.parent or item.parent in place
        assert all(place[urn] < place[item.urn] for urn in item.dependencies)


def region_of(resource: Resource, state: State) -> str:
    """Where it is: where it says, or in the stack's own region."""
    return str(resource.inputs.get("region") or state.region)


def named(resource: Resource) -> str:
    """What a resource says it is called."""
    return str(resource.inputs.get("name") or resource.inputs.get("bucket") or resource.outputs.get("name"))


LISTS: dict[str, Callable[[Clients, str], list[str]]] = {
    "aws:s3/bucket:Bucket": lambda c, r: [
        one["Name"]
        for one in c.get("s3", r).list_buckets()["Buckets"]
        if (c.get("s3", r).get_bucket_location(Bucket=one["Name"])["LocationConstraint"] or "us-east-1") == r
    ],
    "aws:dynamodb/table:Table": lambda c, r: c.get("dynamodb", r).list_tables()["TableNames"],
    "aws:sqs/queue:Queue": lambda c, r: [
        url.rsplit("/", 1)[1] for url in c.get("sqs", r).list_queues().get("QueueUrls", [])
    ],
    "aws:sns/topic:Topic": lambda c, r: [
        one["TopicArn"].rsplit(":", 1)[1] for one in c.get("sns", r).list_topics()["Topics"]
    ],
    FUNCTION: lambda c, r: [one["FunctionName"] for one in c.get("lambda", r).list_functions()["Functions"]],
    "aws:iam/role:Role": lambda c, r: [one["RoleName"] for one in c.get("iam", r).list_roles()["Roles"]],
    "aws:kms/alias:Alias": lambda c, r: [one["AliasName"] for one in c.get("kms", r).list_aliases()["Aliases"]],
    SCHEDULE: lambda c, r: [one["Name"] for one in c.get("scheduler", r).list_schedules()["Schedules"]],
    ALARM: lambda c, r: [
        one["AlarmName"]
        for page in c.get("cloudwatch", r).get_paginator("describe_alarms").paginate()
        for one in page["MetricAlarms"]
    ],
    "aws:cloudwatch/eventRule:EventRule": lambda c, r: [
        one["Name"] for one in c.get("events", r).list_rules()["Rules"]
    ],
    "aws:cloudwatch/logGroup:LogGroup": lambda c, r: [
        one["logGroupName"] for one in c.get("logs", r).describe_log_groups()["logGroups"]
    ],
    "aws:cloudtrail/trail:Trail": lambda c, r: [
        one["Name"] for one in c.get("cloudtrail", r).describe_trails()["trailList"]
    ],
    "aws:budgets/budget:Budget": lambda c, r: [
        one["BudgetName"] for one in c.get("budgets", r).describe_budgets(AccountId="000000000000")["Budgets"]
    ],
}
BESIDE = {"sandbox-notices"}
GLOBAL = {"aws:iam/role:Role", "aws:budgets/budget:Budget", "aws:cloudtrail/trail:Trail"}
"""Seen from every region."""


@pytest.mark.parametrize("type_", LISTS)
def test_aws_lists_exactly_what_was_registered(type_: str, sandbox_stack: State, clients: Clients) -> None:
    """In each of the two regions, but for what stands beside the program."""
    assert sandbox_stack.replica_region is not None
    regions = [sandbox_stack.region] if type_ in GLOBAL else [sandbox_stack.region, sandbox_stack.replica_region]
    for region in regions:
        mine = [one for one in sandbox_stack.created if one.type == type_ and region_of(one, sandbox_stack) == region]
        wanted = {named(one) for one in mine}
        if type_ == "aws:dynamodb/table:Table" and region == sandbox_stack.replica_region:
            copied = {one.id.split(":")[0] for one in sandbox_stack.of("aws:dynamodb/tableReplica:TableReplica")}
            wanted |= copied
        found = {name for name in LISTS[type_](clients, region) if not name.startswith("alias/aws/")}
        assert found - BESIDE - set(sandbox_stack.buckets) == wanted


def test_an_alarm_that_was_made_is_what_the_program_says(sandbox_stack: State, clients: Clients) -> None:
    """All of it: the embedded AWS forgets nothing of those that are not recorded only."""
    pages = clients.get("cloudwatch", sandbox_stack.region).get_paginator("describe_alarms").paginate()
    found = {one["AlarmName"]: one for page in pages for one in page["MetricAlarms"]}
    for resource in sandbox_stack.created:
        if resource.type != ALARM or region_of(resource, sandbox_stack) != sandbox_stack.region:
            continue
        held = {name.lower(): value for name, value in found[resource.id].items()}
        given = {name: value for name, value in resource.inputs.items() if name not in {"name", "tags", "region"}}
        pairs = [{"Name": name, "Value": value} for name, value in given.pop("dimensions", {}).items()]
        assert sorted(held["dimensions"], key=str) == sorted(pairs, key=str)
        assert {name: held[name.lower()] for name in given} == given


def function(state: State, name: str) -> Resource:
    """A function, by the name of its module."""
    return next(one for one in state.of(FUNCTION) if one.inputs["handler"] == f"functions.handlers.{name}.handle")


def call(clients: Clients, state: State, name: str, event: dict[str, Any]) -> Any:  # noqa: ANN401 - as it answers
    """Call a function by its alias and give its answer."""
    answer = clients.get("lambda", state.region).invoke(
        FunctionName=state.exports["Functions"][name], Payload=json.dumps(event)
    )
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    return payload


def test_functions_are_the_archive_that_would_be_deployed(sandbox_stack: State, clients: Clients) -> None:
    """Byte for byte, with the environment that the program says, under the role that it made."""
    wanted = functions_archive(ROOT, BUILD).code_sha256
    for resource in sandbox_stack.of(FUNCTION):
        found = clients.get("lambda", sandbox_stack.region).get_function(FunctionName=resource.id)["Configuration"]
        assert b64decode(found["CodeSha256"]) == b64decode(wanted)
        assert found["Environment"]["Variables"] == resource.inputs["environment"]["variables"]
        assert found["Role"] == resource.inputs["role"]
        assert [layer["Arn"] for layer in found["Layers"]] == resource.inputs["layers"]


def test_a_function_runs_with_its_environment_under_its_role(sandbox_stack: State, clients: Clients) -> None:
    """The watchdog reads the names of its tables and its topic, and is denied nothing."""
    call(clients, sandbox_stack, "watchdog", {})
    mine = [one for one in decisions(sandbox_stack) if "-watchdog-" in one["principal"]]
    runs = f"table/{sandbox_stack.exports['Tables']['runs']}"
    assert any(one["action"] == "dynamodb:Query" and runs in one["resource"] for one in mine)
    assert all(one["allowed"] for one in mine)


def decisions(state: State) -> list[dict[str, Any]]:
    """Every decision about the rights of roles so far."""
    address = urlsplit(state.endpoint)
    connection = HTTPConnection(str(address.hostname), address.port, timeout=5)
    try:
        connection.request("GET", "/_sandbox/decisions")
        found: list[dict[str, Any]] = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return found


@pytest.fixture
def as_function(sandbox_stack: State, clients: Clients) -> Callable[[str, str], Any]:
    """Clients with the rights of a function: `as_function("worker", "s3")`."""

    def client(name: str, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        role = function(sandbox_stack, name).inputs["role"]
        answer = clients.get("sts", sandbox_stack.region).assume_role(RoleArn=role, RoleSessionName="test")
        keys = answer["Credentials"]
        make: Any = boto3.Session(
            keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=sandbox_stack.region
        )
        return make.client(service, endpoint_url=sandbox_stack.endpoint)

    return client


def test_a_role_may_do_what_it_was_given_and_nothing_else(
    sandbox_stack: State, as_function: Callable[[str, str], Any]
) -> None:
    """The initiator lists the source, and neither reads it nor writes the repository."""
    s3, (source, *_) = as_function("initiator", "s3"), sandbox_stack.buckets
    repository = sandbox_stack.exports["BackupBucketName"]
    s3.list_objects_v2(Bucket=source)
    attempts: list[Callable[[], object]] = [
        lambda: s3.get_object(Bucket=source, Key="clients/a/b"),
        lambda: s3.put_object(Bucket=repository, Key="packs/x", Body=b"x"),
        lambda: as_function("initiator", "dynamodb").scan(TableName=sandbox_stack.exports["Tables"]["dedup"]),
    ]
    for denied in attempts:
        with pytest.raises(ClientError, match="AccessDenied"):
            denied()
    refused = {one["action"] for one in decisions(sandbox_stack) if not one["allowed"]}
    assert {"s3:GetObject", "s3:PutObject", "dynamodb:Scan"} <= refused


def test_a_batch_of_messages_needs_the_right_to_one(
    sandbox_stack: State, clients: Clients, as_function: Callable[[str, str], Any]
) -> None:
    """As on AWS: the policies need not name actions that exist in the embedded AWS only."""
    sqs, entries = as_function("worker", "sqs"), [{"Id": "a", "MessageBody": "not a job"}]
    dead, jobs = sandbox_stack.exports["DeadLetterQueues"]["jobs"], sandbox_stack.exports["Queues"]["jobs"]
    assert len(sqs.send_message_batch(QueueUrl=dead, Entries=entries)["Successful"]) == 1
    with pytest.raises(ClientError, match="AccessDenied"):
        sqs.send_message_batch(QueueUrl=sandbox_stack.exports["Queues"]["restores"], Entries=entries)
    clients.get("sqs", sandbox_stack.region).purge_queue(QueueUrl=dead)
    assert "sqs:SendMessageBatch" not in json.dumps(
        [one.inputs for one in sandbox_stack.of("aws:iam/rolePolicy:RolePolicy")]
    )
    assert jobs != dead


def test_nobody_deletes_from_the_repository(
    sandbox_stack: State, clients: Clients, as_function: Callable[[str, str], Any]
) -> None:
    """The bucket's policy says no, and its refusal of plain HTTP does not stand in the way of the rest."""
    repository = sandbox_stack.exports["BackupBucketName"]
    clients.get("s3", sandbox_stack.region).put_object(Bucket=repository, Key="sandbox-test/kept", Body=b"kept")
    s3 = as_function("worker", "s3")
    assert s3.get_object(Bucket=repository, Key="sandbox-test/kept")["Body"].read() == b"kept"
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=repository, Key="sandbox-test/kept")
    forget(clients, sandbox_stack, "sandbox-test/kept")


def test_only_the_collector_writes_plans_whatever_a_role_may_do(
    sandbox_stack: State, clients: Clients, as_function: Callable[[str, str], Any]
) -> None:
    """A session counts by its role, as on AWS: the bucket's policy names roles."""
    plan = {"Bucket": sandbox_stack.exports["BackupBucketName"], "Key": f"{COLLECTIONS}sandbox-test", "Body": b"{}"}
    as_function("collector", "s3").put_object(**plan, IfNoneMatch="*")
    forget(clients, sandbox_stack, plan["Key"])
    iam = clients.get("iam", sandbox_stack.region)
    more = {"RoleName": function(sandbox_stack, "worker").inputs["role"].rpartition("/")[2], "PolicyName": "everything"}
    everything = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    iam.put_role_policy(**more, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": everything}))
    try:
        with pytest.raises(ClientError, match="AccessDenied"):
            as_function("worker", "s3").put_object(**plan, IfNoneMatch="*")
    finally:
        iam.delete_role_policy(**more)


def test_a_look_at_one_alias_needs_the_right_to_it(
    sandbox_stack: State, as_function: Callable[[str, str], Any]
) -> None:
    """As on AWS, and not the right to list them."""
    lambdas, name = as_function("remediator", "lambda"), function(sandbox_stack, "worker").inputs["name"]
    assert lambdas.get_alias(FunctionName=name, Name=ALIAS)["Name"] == ALIAS
    with pytest.raises(ClientError, match="ListAliases"):
        lambdas.list_aliases(FunctionName=name)


def forget(clients: Clients, state: State, key: str) -> None:
    """Delete an object and its copy for good: others use this stack too, and whoever may do everything may do that."""
    for name, region in (("BackupBucketName", state.region), ("ReplicationBucketName", state.replica_region)):
        s3, bucket = clients.get("s3", str(region)), state.exports[name]
        for version in s3.list_object_versions(Bucket=bucket, Prefix=key).get("Versions", []):
            s3.delete_object(Bucket=bucket, Key=key, VersionId=version["VersionId"], BypassGovernanceRetention=True)


def test_what_is_written_is_in_the_second_region_too(sandbox_stack: State, clients: Clients) -> None:
    """With the key of the second region, and under its lock."""
    region, there = sandbox_stack.region, sandbox_stack.replica_region
    assert there is not None
    exports = sandbox_stack.exports
    clients.get("s3", region).put_object(Bucket=exports["BackupBucketName"], Key="sandbox-test/copied", Body=b"copied")
    copy = clients.get("s3", there).get_object(Bucket=exports["ReplicationBucketName"], Key="sandbox-test/copied")
    assert copy["Body"].read() == b"copied"
    assert copy["ReplicationStatus"] == "REPLICA"
    assert copy["SSEKMSKeyId"].split(":")[3] == there
    assert copy["ObjectLockMode"] == "GOVERNANCE"
    forget(clients, sandbox_stack, "sandbox-test/copied")
    table = exports["Tables"]["users"]
    item = {"source": {"S": "test"}, "userId": {"S": "alice"}}
    clients.get("dynamodb", region).put_item(TableName=table, Item=item)
    assert clients.get("dynamodb", there).get_item(TableName=table, Key=item)["Item"] == item
    clients.get("dynamodb", region).delete_item(TableName=table, Key=item)
    for place in (region, there):
        described = clients.get("dynamodb", place).describe_table(TableName=table)["Table"]
        assert described["SSEDescription"]["KMSMasterKeyArn"].split(":")[3] == place


def test_schedules_are_as_the_program_says_and_paused(sandbox_stack: State, clients: Clients) -> None:
    """None starts anything by the clock."""
    scheduler = clients.get("scheduler", sandbox_stack.region)
    for resource in sandbox_stack.of(SCHEDULE):
        found = scheduler.get_schedule(Name=resource.inputs["name"], GroupName=resource.inputs["groupName"])
        assert found["ScheduleExpression"] == resource.inputs["scheduleExpression"]
        assert found["Target"]["Input"] == resource.inputs["target"]["input"]
        assert found["Target"]["Arn"] in sandbox_stack.exports["Functions"].values()
        assert found["State"] == "DISABLED"


def test_the_scheduler_starts_a_run_when_a_schedule_comes_due(sandbox_stack: State, clients: Clients) -> None:
    """Twice, each time once, with the time in its payload; afterwards the schedule is as it was."""
    runs = sandbox_stack.exports["Tables"]["runs"]
    scheduler, dynamodb = clients.get("scheduler", sandbox_stack.region), clients.get("dynamodb", sandbox_stack.region)
    resource = next(one for one in sandbox_stack.of(SCHEDULE) if one.inputs["name"] == "incremental")
    before = len(run_states(dynamodb, runs))

    def has_runs(number: int) -> bool:
        states = run_states(dynamodb, runs)
        return len(states) == before + number and ENDED.issuperset(states)

    for number in (1, 2):
        with due(sandbox_stack, "incremental"):
            wait_until(partial(has_runs, number))
    found = scheduler.get_schedule(Name="incremental", GroupName=resource.inputs["groupName"])
    assert (found["ScheduleExpression"], found["State"]) == (resource.inputs["scheduleExpression"], "DISABLED")
    assert has_runs(2)


def run_states(dynamodb: Any, table: str) -> list[str]:  # noqa: ANN401 - boto3 makes its clients at run time
    """Give the states of the runs that have begun. The table holds what the watchdog knows as well."""
    states = [item["status"]["S"] for item in dynamodb.scan(TableName=table)["Items"] if "status" in item]
    return [state for state in states if state in set(RunState)]


def wait_until(happened: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline, f"nothing happened within {PATIENCE_S:g} s"
        time.sleep(0.1)


def test_what_people_are_told_is_kept(sandbox_stack: State, clients: Clients) -> None:
    """A notice on the topic ends in the queue beside the program."""
    topic, region = sandbox_stack.exports["NotificationTopicArn"], sandbox_stack.region
    clients.get("sns", region).publish(TopicArn=topic, Subject="a test", Message="of notices")
    sqs = clients.get("sqs", region)
    subjects: list[str] = []

    def told() -> bool:
        answer = sqs.receive_message(QueueUrl=sandbox_stack.notices_queue, MaxNumberOfMessages=10)
        subjects.extend(json.loads(one["Body"])["Subject"] for one in answer.get("Messages", []))
        return "a test" in subjects

    wait_until(told)
