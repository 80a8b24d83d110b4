"""Somebody who may reach the second region and nothing of the first: the proof that nothing of the first is needed."""

from __future__ import annotations

import contextlib
import json
from typing import Final

from sandbox.aws import ACCOUNT
from sandbox.nights.stack import Stack

ROLE: Final = "sandbox-second-region"
_ANYBODY: Final = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
_TRUST: Final = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": _ANYBODY, "Action": "sts:AssumeRole"}],
}


def visit(stack: Stack, target: str) -> dict[str, str]:
    """Give credentials, as environment variables: read the replica, write tables there and the bucket `target`."""
    iam = stack.client("iam")
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(_TRUST))
    iam.put_role_policy(RoleName=ROLE, PolicyName="rights", PolicyDocument=json.dumps(_rights(stack, target)))
    arn = f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"
    answer = stack.client("sts").assume_role(RoleArn=arn, RoleSessionName="operator")["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": answer["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": answer["SecretAccessKey"],
        "AWS_SESSION_TOKEN": answer["SessionToken"],
    }


def _rights(stack: Stack, target: str) -> dict[str, object]:
    exports, region = stack.state.exports, stack.state.replica_region
    replica = f"arn:aws:s3:::{exports['ReplicationBucketName']}"
    restored = f"arn:aws:s3:::{target}"
    tables = f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/*"
    allowed = [
        (["s3:GetObject", "s3:GetObjectTagging", "s3:ListBucket"], [replica, f"{replica}/*"]),
        (["s3:GetObject", "s3:PutObject", "s3:PutObjectTagging", "s3:ListBucket"], [restored, f"{restored}/*"]),
        (["dynamodb:*"], [tables]),
        (["kms:Decrypt", "kms:GenerateDataKey"], [exports["ReplicationKeyArn"]]),
    ]
    statements = [{"Effect": "Allow", "Action": actions, "Resource": things} for actions, things in allowed]
    return {"Version": "2012-10-17", "Statement": statements}
