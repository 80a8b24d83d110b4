"""Doctor reads an embedded AWS that checks rights: a stack with faults put in, and people who see only a part."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest

from cli.doctor.expected import SCHEDULES
from cli.main import run
from functions.adapters.dynamo.users import DynamoUsers
from functions.contract.tables import LedgerTable, UsersTable
from functions.engine.commit import CommitRecord
from sandbox.ministack import MiniStack
from tests.runtime.run_kit import REPORTS, record_of

ACCOUNT = "000000000000"
REGION = "us-east-1"
STACK = "strongroom-sick"
BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


class Sick(NamedTuple):
    """A stack, its outputs in a file, and where it is."""

    outputs: Path
    endpoint: str
    key: str


def client(service: str, endpoint: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    """Give a client of somebody who may do everything."""
    make: Any = boto3.client
    return make(service, endpoint_url=endpoint, region_name=REGION)


@pytest.fixture(scope="module")
def guarded(_closed_network: None) -> Iterator[MiniStack]:
    """An embedded AWS that checks signatures and policies."""
    with MiniStack(auth=True) as stack:
        yield stack


@pytest.fixture(scope="module")
def sick(guarded: MiniStack, tmp_path_factory: pytest.TempPathFactory) -> Sick:
    """A stack with a fault of each kind that can be put into it."""
    endpoint = guarded.endpoint
    key = client("kms", endpoint).create_key()["KeyMetadata"]["Arn"]
    doomed = client("kms", endpoint).create_key()["KeyMetadata"]["Arn"]
    client("kms", endpoint).enable_key_rotation(KeyId=key)
    client("kms", endpoint).schedule_key_deletion(KeyId=doomed, PendingWindowInDays=7)
    _bucket(endpoint, "sick-primary", key)
    client("s3", endpoint).create_bucket(Bucket="sick-scratch")
    client("s3", endpoint).delete_public_access_block(Bucket="sick-scratch")
    tables = {purpose: f"{STACK}-{purpose}" for purpose in ("runs", "users")}
    _tables(endpoint, tables)
    topic = client("sns", endpoint).create_topic(Name=f"{STACK}-notices")["TopicArn"]
    dead = client("sqs", endpoint).create_queue(QueueName=f"{STACK}-jobs-dead")["QueueUrl"]
    client("sqs", endpoint).send_message(QueueUrl=dead, MessageBody="lost")
    _alarm(endpoint)
    outputs = {
        "Stack": STACK,
        "AccountId": ACCOUNT,
        "Region": REGION,
        "BackupBucketName": "sick-primary",
        "ScratchBucketName": "sick-scratch",
        "AuditBucketName": "sick-nowhere",
        "EncryptionKeyArn": doomed,
        "RepositoryKeyArn": key,
        "Tables": tables,
        "DeadLetterQueues": {"jobs": dead},
        "Functions": {"worker": _worker(endpoint)},
        "ScheduleGroup": _schedules(endpoint),
        "NotificationTopicArn": topic,
        "SystemCapabilities": json.dumps(
            {"objectLock": "GOVERNANCE, 30 days", "backupWorkers": 4, "restoreWorkers": 2}
        ),
    }
    path = tmp_path_factory.mktemp("sick") / "outputs.json"
    path.write_text(json.dumps(outputs))
    return Sick(path, endpoint, key)


def _bucket(endpoint: str, name: str, key: str) -> None:
    s3 = client("s3", endpoint)
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    lock = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 30}}}
    s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=lock)
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration=rules)
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(BLOCKS, True))


def _tables(endpoint: str, tables: dict[str, str]) -> None:
    dynamodb = client("dynamodb", endpoint)
    for name, keys in (
        (tables["runs"], (LedgerTable.PARTITION_KEY, LedgerTable.SORT_KEY)),
        (tables["users"], (UsersTable.PARTITION_KEY, UsersTable.SORT_KEY)),
    ):
        dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": item, "AttributeType": "S"} for item in keys],
            KeySchema=[
                {"AttributeName": item, "KeyType": kind} for item, kind in zip(keys, ("HASH", "RANGE"), strict=True)
            ],
        )
    recovery = {"PointInTimeRecoveryEnabled": True}
    dynamodb.update_continuous_backups(TableName=tables["users"], PointInTimeRecoverySpecification=recovery)
    old: CommitRecord = record_of(REPORTS, "bob", datetime(2026, 1, 1, tzinfo=UTC), 3)
    DynamoUsers(lambda: dynamodb, tables["users"]).backed_up(old)


def _alarm(endpoint: str) -> None:
    cloudwatch = client("cloudwatch", endpoint)
    cloudwatch.put_metric_alarm(
        AlarmName=f"{STACK}-rpo",
        AlarmDescription="Too old. What to do: docs/runbooks/rpo-age.md",
        Namespace="x",
        MetricName="y",
        Statistic="Sum",
        Period=300,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName=f"{STACK}-rpo", StateValue="ALARM", StateReason="a test")


def _worker(endpoint: str) -> str:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("worker.py", "def handle(event, context): ...\n")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = client("iam", endpoint).create_role(RoleName="worker", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    made = client("lambda", endpoint).create_function(
        FunctionName=f"{STACK}-worker",
        Runtime="python3.13",
        Handler="worker.handle",
        Role=role,
        Code={"ZipFile": package.getvalue()},
    )
    client("lambda", endpoint).get_waiter("function_active_v2").wait(FunctionName=f"{STACK}-worker")
    return str(made["FunctionArn"])


def _schedules(endpoint: str) -> str:
    scheduler, group = client("scheduler", endpoint), f"{STACK}-schedules"
    scheduler.create_schedule_group(Name=group)
    for name in SCHEDULES:
        if name != "full":
            scheduler.create_schedule(
                Name=name,
                GroupName=group,
                ScheduleExpression="rate(365 days)",
                State="DISABLED" if name == "drill" else "ENABLED",
                FlexibleTimeWindow={"Mode": "OFF"},
                Target={"Arn": "arn:aws:lambda:us-east-1:0:function:x", "RoleArn": "arn:aws:iam::0:role/x"},
            )
    return group


def examined(capsys: pytest.CaptureFixture[str], sick: Sick, *arguments: str) -> tuple[int, list[dict[str, str]]]:
    """Run doctor; give its status and findings."""
    status = run(["doctor", "--outputs", str(sick.outputs), "--endpoint", sick.endpoint, "--json", *arguments])
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    findings: list[dict[str, str]] = json.loads(printed.out)["findings"]
    assert all(finding["remedy"] for finding in findings)
    return status, findings


def test_every_fault_is_found_and_nothing_else(sick: Sick, capsys: pytest.CaptureFixture[str]) -> None:
    """Each by a check of its own; what is well is not mentioned."""
    status, findings = examined(capsys, sick)
    assert status == 10
    assert {(one["level"], one["check"], one["what"].partition(":")[0][:44]) for one in findings} == {
        ("ERROR", "alarms", "rings since 0 h"),
        ("ERROR", "alarms", f"{STACK}-rpo would tell nobody"[:44]),
        ("ERROR", "backups", "1 of 1 users have no good backup of the last"),
        ("ERROR", "bucket", "is not there"),
        ("ERROR", "bucket", "new objects are encrypted with AES256 instea"),
        ("ERROR", "bucket", "public access is not blocked as a whole"),
        ("ERROR", "bucket", "versioning is off"),
        ("ERROR", "function", "0 of 2 queues feed it"),
        ("ERROR", "key", f"is deleted on {findings_day(findings)}"),
        ("ERROR", "people", "nobody is told anything"),
        ("ERROR", "queues", "1 messages were given up"),
        ("ERROR", "schedules", "are not there"),
        ("ERROR", "schedules", "are switched off"),
        ("NOTE", "drift", "memory, timeouts and concurrency of the func"),
        ("WARNING", "table", "cannot be taken back to an earlier second"),
    }


def findings_day(findings: list[dict[str, str]]) -> str:
    """Give the day on which the key is deleted, as it was found."""
    return next(one["what"].split()[3].rstrip(":") for one in findings if one["check"] == "key")


def test_what_a_person_may_not_see_names_the_action_that_it_needs(
    sick: Sick, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each refusal is a finding; what may be seen is seen all the same."""
    iam = client("iam", sick.endpoint)
    iam.create_user(UserName="half-blind")
    allowed = {"Effect": "Allow", "Action": ["s3:*", "sqs:*"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName="half-blind", PolicyName="rights", PolicyDocument=policy)
    key = iam.create_access_key(UserName="half-blind")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    status, findings = examined(capsys, sick)
    unseen = " ".join(one["remedy"] for one in findings if one["level"] == "UNSEEN")
    assert status == 10
    for action in (
        "kms:DescribeKey",
        "lambda:GetFunctionConfiguration",
        "scheduler:ListSchedules",
        "cloudwatch:DescribeAlarms",
        "sns:ListSubscriptionsByTopic",
        "dynamodb:DescribeTable",
        "dynamodb:Scan",
        "iam:SimulatePrincipalPolicy",
    ):
        assert f"grant {action} on" in unseen
    assert "1 messages were given up" in [one["what"] for one in findings]


def test_rights_are_told_command_by_command(
    sick: Sick, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the policies of whoever asks: he may read, and set holds, and no more."""
    iam = client("iam", sick.endpoint)
    iam.create_user(UserName="clerk")
    looks = ["iam:*", "kms:*", "sns:*", "sqs:*", "scheduler:*", "cloudwatch:*", "dynamodb:Describe*", "dynamodb:Scan"]
    reads = ["s3:Get*", "s3:ListBucket", "lambda:Get*", "lambda:List*"]
    statements = [
        {"Effect": "Allow", "Action": [*looks, *reads], "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::sick-primary/holds/*"},
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName="clerk", PolicyName="rights", PolicyDocument=policy)
    key = iam.create_access_key(UserName="clerk")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    _status, findings = examined(capsys, sick)
    notes = {one["what"].split("`")[1]: one["what"] for one in findings if one["check"] == "rights"}
    assert "hold, release" not in notes
    assert "backups, verify, restore" not in notes
    assert "s3:PutObject" in notes["erase, erase --withdraw"]


def test_the_findings_are_shown_to_people_with_their_remedies(sick: Sick, capsys: pytest.CaptureFixture[str]) -> None:
    """The worst first, and a count of all."""
    assert run(["doctor", "--outputs", str(sick.outputs), "--endpoint", sick.endpoint]) == 10
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{STACK} in us-east-1, account {ACCOUNT}, seen by arn:aws:iam::")
    assert lines[2].startswith("ERROR    ")
    assert lines[4].startswith("         -> ")
    assert "13 errors, 1 warnings, 1 notes" in lines[-1]
