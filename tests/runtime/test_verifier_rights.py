"""The rights that the contract names for the verifier are enough, and without any one of them something is missing."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from functions.contract.rights import RIGHTS
from functions.engine.errors import AccessError
from functions.runtime import verifying
from sandbox.ministack import MiniStack
from tests.listening import Listening
from tests.runtime.verifier_stack import Stack

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

EVENTS = ("drill", "structure", "sample")
UNUSED_HERE = {"kms:Decrypt", "kms:GenerateDataKey", "s3:AbortMultipartUpload", "lambda:InvokeFunction"}
"""Nothing is encrypted with a key here, no upload is given up, and all ends within one invocation."""
LOOKED_AT = [
    (right.resource, action)
    for right in RIGHTS["verifier"]
    for action in right.actions
    if action not in UNUSED_HERE and right.resource not in {"logs", "xray"}
]
ONLY_AT_AWS = {"s3:GetObjectTagging", "s3:PutObjectTagging"}
"""S3 says how many tags an object has to whom may read them, and lets set tags with a put who may; here all may."""

Right = tuple[str, str]
Verify = Callable[[Right | None], set[str]]


@pytest.fixture(scope="module")
def guarded(_closed_network: None) -> Iterator[MiniStack]:
    """An embedded AWS that checks signatures and policies."""
    with MiniStack(auth=True) as running:
        yield running


@pytest.fixture(scope="module")
def stack(guarded: MiniStack) -> Stack:
    """A deployment whose users are backed up."""
    s3: S3Client = boto3.client("s3", endpoint_url=guarded.endpoint)
    numbers = itertools.count()

    def make(*, versioned: bool) -> str:
        name = f"guarded-{next(numbers)}"
        s3.create_bucket(Bucket=name)
        if versioned:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    made = Stack(guarded.endpoint, s3, make)
    made.back_up()
    return made


def statements(stack: Stack, without: Right | None) -> list[dict[str, Any]]:
    """Write the verifier's rights as a policy, all but one."""
    tables = "arn:aws:dynamodb:us-east-1:000000000000:table"
    arns: Mapping[str, str] = {
        "source_objects": f"arn:aws:s3:::{stack.source}/*",
        "repository": f"arn:aws:s3:::{stack.vault}",
        "repository_objects": f"arn:aws:s3:::{stack.vault}/*",
        "scratch": f"arn:aws:s3:::{stack.scratch}",
        "scratch_objects": f"arn:aws:s3:::{stack.scratch}/*",
        "users_table": f"{tables}/{stack.users}",
        "drills_table": f"{tables}/{stack.drills}",
        "topic": stack.topic,
    }
    return [
        {"Effect": "Allow", "Action": action, "Resource": arns[resource]}
        for resource, action in LOOKED_AT
        if (resource, action) != without
    ]


@pytest.fixture
def verify(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Verify:
    """Do all verifications without one right; give what went other than it should."""
    iam = boto3.client("iam", endpoint_url=stack.endpoint)

    def run(without: Right | None) -> set[str]:
        name = f"verifier-{len(iam.list_users()['Users'])}"
        iam.create_user(UserName=name)
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements(stack, without)})
        iam.put_user_policy(UserName=name, PolicyName="rights", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        credentials = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        for variable, value in credentials.items():
            monkeypatch.setenv(variable, value)
        silent = without is not None and without[0] == "topic"
        if silent:
            stack.damage_pack()  # somebody must be told
        try:
            return {problem for event in EVENTS for problem in _problems(stack, event, credentials, monkeypatch)}
        finally:
            if silent:
                stack.damage_pack()  # turns the same bit back

    return run


def _problems(stack: Stack, event: str, credentials: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    heard = Listening()
    monkeypatch.setattr(verifying, "Telemetry", lambda *_: heard)
    try:
        answer = stack.verify({"verify": event}, **credentials)
    except AccessError:
        yield f"{event} is denied"
        return
    if answer.get("failed"):
        yield "drills fail"
    seen = [(line["files"], line["beside_source"]) for line in heard.lines("drill proved the backup")]
    if any(files != beside for files, beside in seen):
        yield "the source is not compared"


def test_the_rights_are_enough(verify: Verify) -> None:
    """For drills beside the source, the check of structure and the sample."""
    assert verify(None) == set()


@pytest.mark.parametrize(
    "right", [right for right in LOOKED_AT if right[1] not in ONLY_AT_AWS], ids=lambda right: f"{right[0]}-{right[1]}"
)
def test_every_right_is_needed(right: Right, verify: Verify) -> None:
    """Nothing is held that is not used."""
    assert verify(right), f"{right[1]} on {right[0]} is not needed"


def test_all_rights_are_looked_at() -> None:
    """So that one that somebody adds is."""
    assert len(LOOKED_AT) == 15
    actions = {action for right in RIGHTS["verifier"] for action in right.actions}
    assert {action for _resource, action in LOOKED_AT} >= ONLY_AT_AWS
    assert actions >= UNUSED_HERE
