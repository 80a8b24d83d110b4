"""One role a function, with exactly the rights that the contract names for it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from functions.contract.object_keys import COLLECTIONS, PACKS, SNAPSHOTS
from functions.contract.rights import ASKED, RIGHTS
from sandbox.lambdas.names import ACCOUNT, INDEXED_TABLES, JOBS_DLQ, QUEUES, REGION, RESTORES_DLQ, TABLES, Names

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient

_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}
_ALSO_ASKED = {
    "sqs:SendMessage": "sqs:SendMessageBatch",
    "sqs:DeleteMessage": "sqs:DeleteMessageBatch",
    "sqs:ChangeMessageVisibility": "sqs:ChangeMessageVisibilityBatch",
}
"""The embedded AWS asks for actions that AWS does not have: there, a batch needs the right to the single call."""
_KEYS = (
    "source_key",
    "repository_key",
    "queue_key",
    "topic_key",
    "table_key",
    "environment_key",
    "restore_key",
    "scratch_key",
)
SOURCE, REPOSITORY, RESTORED, SCRATCH = "source", "repository", "restored", "scratch"


def make_role(iam: IAMClient, names: Names, function: str, key_arn: str) -> str:
    """Make the role of a function; gives its ARN."""
    role = names.of(function)
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(_TRUST))
    policy = json.dumps(policy_of(function, resources(names, function, key_arn)))
    iam.put_role_policy(RoleName=role, PolicyName="rights", PolicyDocument=policy)
    return names.role_arn(function)


def policy_of(function: str, arns: Mapping[str, list[str]]) -> dict[str, Any]:
    """Write a function's rights as a policy: one statement a right."""
    statements = [
        {"Effect": "Allow", "Action": _asked(right.actions), "Resource": arns[right.resource]}
        for right in RIGHTS[function]
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _asked(actions: Iterable[str]) -> list[str]:
    return [name for action in actions for name in (action, _ALSO_ASKED.get(action)) if name]


def resources(names: Names, function: str, key_arn: str) -> dict[str, list[str]]:
    """Say what the resources that rights name are in this stack, as `function` sees them."""
    tables = {table: [names.table_arn(table)] for table in TABLES}
    for table in INDEXED_TABLES:
        tables[table].append(f"{names.table_arn(table)}/index/*")
    log_group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{names.of(function)}"
    return {
        **tables,
        **{queue: [names.queue_arn(queue)] for queue in QUEUES},
        **{key: [key_arn] for key in _KEYS},
        "dead_letter_queue": [names.queue_arn(RESTORES_DLQ if function == "restore_worker" else JOBS_DLQ)],
        "sources": [names.bucket_arn(SOURCE)],
        "source_objects": [f"{names.bucket_arn(SOURCE)}/*"],
        "repository": [names.bucket_arn(REPOSITORY)],
        "repository_objects": [f"{names.bucket_arn(REPOSITORY)}/*"],
        "repository_backups": [f"{names.bucket_arn(REPOSITORY)}/{folder}*" for folder in (PACKS, SNAPSHOTS)],
        "repository_snapshots": [f"{names.bucket_arn(REPOSITORY)}/{SNAPSHOTS}*"],
        "repository_plans": [f"{names.bucket_arn(REPOSITORY)}/{COLLECTIONS}*"],
        "restore_buckets": [names.bucket_arn(RESTORED)],
        "restore_objects": [f"{names.bucket_arn(RESTORED)}/*"],
        "scratch": [names.bucket_arn(SCRATCH)],
        "scratch_objects": [f"{names.bucket_arn(SCRATCH)}/*"],
        "self": [names.function_arn(function)],
        "dead_letters": [names.queue_arn(queue) for queue in (JOBS_DLQ, RESTORES_DLQ)],
        "initiator": [names.function_arn("initiator")],
        "sized_functions": [names.function_arn(sized) for sized in RIGHTS],
        "sized_aliases": [f"{names.function_arn(sized)}:*" for sized in RIGHTS],
        "asked_functions": [names.function_arn(asked) for asked in ASKED],
        "topic": [names.topic_arn],
        "logs": [log_group, f"{log_group}:*"],
        "xray": ["*"],
    }
