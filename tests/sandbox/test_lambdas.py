"""The data plane's deployment: environments, rights and feeds, with stand-ins for the functions' own code."""

import io
import json
from collections.abc import Iterator
from typing import Any
from zipfile import ZipFile

import pytest

from bundle.layer import layer_archive
from bundle.paths import BUILD, LOCK
from bundle.target import this_machine
from functions.contract.environment import ENVIRONMENTS, SourceSetting
from functions.contract.rights import RIGHTS
from functions.runtime.environment import read_environment
from sandbox.lambdas.environments import environment_of, variables_of
from sandbox.lambdas.functions import Archives
from sandbox.lambdas.names import REGION, Names
from sandbox.lambdas.plane import DataPlane, FunctionFailedError
from sandbox.lambdas.roles import policy_of, resources
from sandbox.ministack import MiniStack

NAMES = Names("test")
SOURCES = (
    SourceSetting("reports", "test-source", "clients/", ("board", "legal-*")),
    SourceSetting("drafts", "test-source", "ä/"),
)

# Calls what it is told to call and answers with the error codes.
_CALLER = """
import boto3
from botocore.exceptions import ClientError

def handle(event, context):
    if "calls" not in event:
        raise ValueError("nothing to call")
    return [call(*arguments) for arguments in event["calls"]]

def call(service, operation, parameters):
    try:
        getattr(boto3.client(service), operation)(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "OK"
"""


@pytest.fixture(scope="module")
def plane() -> Iterator[DataPlane]:
    """A deployed stack whose rights are enforced and whose functions call what they are told to."""
    code = io.BytesIO()
    with ZipFile(code, "w") as archive:
        for function in ENVIRONMENTS:
            archive.writestr(f"functions/handlers/{function}.py", _CALLER)
    layer = layer_archive(LOCK, this_machine(), BUILD)
    with MiniStack(auth=True) as ministack:
        plane = DataPlane(ministack.endpoint, NAMES.stack)
        plane.deploy(Archives(code.getvalue(), layer.path.read_bytes()))
        yield plane


@pytest.mark.parametrize("function", ENVIRONMENTS)
def test_what_is_written_into_an_environment_is_what_the_function_reads(function: str) -> None:
    """With numbers, truths, sources and what Lambda sets itself."""
    written = environment_of(NAMES, function, "http://127.0.0.1:4566", SOURCES, {"log_level": "DEBUG"})
    variables = variables_of(written)
    assert not [name for name in variables if name.startswith("AWS_")]
    by_lambda = {"AWS_REGION": REGION, "AWS_LAMBDA_FUNCTION_NAME": NAMES.of(function)}
    assert read_environment(type(written), {**variables, **by_lambda}) == written


@pytest.mark.parametrize("function", ENVIRONMENTS)
def test_a_role_has_every_right_of_the_contract_on_named_resources(function: str) -> None:
    """Only traces, which have no resource, are allowed everywhere."""
    policy = policy_of(function, resources(NAMES, function, "arn:aws:kms:us-east-1:000000000000:key/k"))
    granted = {action for statement in policy["Statement"] for action in statement["Action"]}
    assert granted >= {action for right in RIGHTS[function] for action in right.actions}
    everywhere = [statement for statement in policy["Statement"] if "*" in statement["Resource"]]
    assert [statement["Action"][0].split(":")[0] for statement in everywhere] == ["xray"]


def test_a_function_may_do_what_its_rights_say_and_nothing_else(plane: DataPlane) -> None:
    """The worker reads the source and writes the repository; nothing of ours deletes."""
    names = plane.names
    plane.s3.put_object(Bucket=names.of("source"), Key="user/file", Body=b"content")
    source, repository = {"Bucket": names.of("source")}, {"Bucket": names.of("repository"), "Key": "packs/a"}
    job = {"QueueUrl": names.queue_url(plane.endpoint, "job_queue")}
    restore = {"QueueUrl": names.queue_url(plane.endpoint, "restore_queue"), "MessageBody": "{}"}
    ledger = {"TableName": names.of("runs_table"), "Key": {"id": {"S": "a"}, "item": {"S": "b"}}}
    expected: list[tuple[str, str, dict[str, Any], str]] = [
        ("s3", "get_object", {**source, "Key": "user/file"}, "OK"),
        ("s3", "put_object", {**source, "Key": "user/file", "Body": ""}, "AccessDenied"),
        ("s3", "put_object", {**repository, "Body": ""}, "OK"),
        ("s3", "delete_object", repository, "AccessDenied"),
        ("dynamodb", "get_item", ledger, "OK"),
        ("dynamodb", "delete_item", ledger, "AccessDeniedException"),
        ("dynamodb", "scan", {"TableName": names.of("runs_table")}, "AccessDeniedException"),
        ("sqs", "send_message_batch", {**job, "Entries": [{"Id": "1", "MessageBody": '{"calls": []}'}]}, "OK"),
        ("sqs", "send_message", restore, "AccessDenied"),
        ("sns", "publish", {"TopicArn": names.topic_arn, "Message": "m"}, "OK"),
    ]
    answers = plane.invoke("worker", {"calls": [call[:3] for call in expected]})
    assert [(*call[:2], answer) for call, answer in zip(expected, answers, strict=True)] == [
        (service, operation, answer) for service, operation, _, answer in expected
    ]


def test_a_function_may_invoke_itself_and_no_other(plane: DataPlane) -> None:
    """The initiator continues itself; it starts no worker by hand."""
    calls = [
        (
            "lambda",
            "invoke",
            {"FunctionName": plane.names.of(name), "InvocationType": "Event", "Payload": '{"calls":[]}'},
        )
        for name in ("initiator", "worker")
    ]
    assert plane.invoke("initiator", {"calls": calls}) == ["OK", "AccessDeniedException"]


def test_what_is_published_can_be_read_once(plane: DataPlane) -> None:
    """The capture queue stands for the mailbox of whoever is on duty."""
    plane.notifications()
    notice = {"TopicArn": plane.names.topic_arn, "Subject": "Backup skipped", "Message": "Why."}
    plane.invoke("watchdog", {"calls": [("sns", "publish", notice)]})
    assert plane.notifications() == [("Backup skipped", "Why.")]
    assert plane.notifications() == []


def test_a_function_that_raises_fails_the_call_with_its_reason(plane: DataPlane) -> None:
    """What went wrong is in the message, not in a log that has to be found."""
    with pytest.raises(FunctionFailedError, match=r"watchdog.*nothing to call"):
        plane.invoke("watchdog", json.loads("{}"))


def test_waiting_for_a_run_that_never_starts_says_what_is_known() -> None:
    """The message names the source and what is in the queues."""
    with MiniStack() as ministack:
        plane = DataPlane(ministack.endpoint, NAMES.stack)
        plane.deploy(Archives(_empty(), _empty()))
        with pytest.raises(TimeoutError, match=r"reports.*there is no run.*job_queue"):
            plane.wait_for_run("reports", seconds=0.1)


def _empty() -> bytes:
    archive = io.BytesIO()
    ZipFile(archive, "w").close()
    return archive.getvalue()
