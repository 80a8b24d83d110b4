"""The statements of a function's policy: the contract's rights, on this stack's ARNs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from components.resources import Resources, own_arns, shared_arns
from functions.contract.rights import FAILURES, NETWORK, RIGHTS, Right

if TYPE_CHECKING:
    from pulumi import Input

Statement: TypeAlias = dict[str, Any]
"""One statement of a policy, as IAM writes it; ARNs may be outputs."""

EVERYWHERE: Final = {
    "xray:PutTraceSegments": "X-Ray knows no resource for traces that are sent",
    "xray:PutTelemetryRecords": "X-Ray knows no resource for traces that are sent",
    "ec2:DescribeNetworkInterfaces": "EC2 takes no resource for it, and Lambda asks for it before it joins a network",
    "ec2:DescribeSubnets": "EC2 takes no resource for it, and Lambda asks for it before it joins a network",
}
"""The only actions of a function that are allowed on every resource, and why (Service Authorization Reference)."""

WITHOUT_ENDPOINT: Final = {
    "kms": "S3, SQS, SNS and DynamoDB call it for the function; nothing is encrypted by the function itself",
    "logs": "Lambda ships what a function prints",
    "xray": "Lambda sends the traces; the functions add no segments of their own",
}
"""Services that functions have rights for and never connect to, and why."""

_VIA = {
    "queue_key": "sqs",
    "topic_key": "sns",
    "table_key": "dynamodb",
    "source_key": "s3",
    "repository_key": "s3",
    "scratch_key": "s3",
    "restore_key": "s3",
    "failures_key": "sqs",
}
"""The service by which alone a key may be used (AWS KMS Developer Guide, "kms:ViaService")."""


class Access(NamedTuple):
    """What the functions together do with one service."""

    actions: tuple[str, ...]
    resources: tuple[Input[str], ...]


def statements(function: str, resources: Resources) -> list[Statement]:
    """Give the statements for what a function calls.

    What is not there, such as keys of sources that have none, is left out: IAM takes no empty list.
    """
    arns = {**shared_arns(resources), **own_arns(resources, function)}
    own = resources.function_arn(function)
    return [_statement(right, arns[right.resource], own) for right in RIGHTS[function] if arns[right.resource]]


def on_failure_statements(function_arn: str, queue_arn: Input[str], key_arn: Input[str]) -> list[Statement]:
    """Let Lambda, as the function, put events that failed for good into a queue."""
    arns = {"failures": queue_arn, "failures_key": key_arn}
    return [_statement(right, [arns[right.resource]], function_arn) for right in FAILURES]


def network_statements(function_arn: str) -> list[Statement]:
    """Let Lambda, as the function, join a network, and the function's own code not.

    One interface cannot be named here: a role that may delete only named ones does not work (AWS Lambda Developer
    Guide, "Giving Lambda functions access to resources in an Amazon VPC").
    """
    partition, account = function_arn.split(":")[1], ":".join(function_arn.split(":")[3:5])
    arns = {"interfaces": f"arn:{partition}:ec2:{account}:*/*", "interfaces_seen": "*"}
    actions = [action for right in NETWORK for action in right.actions]
    own_code = {"ArnEquals": {"lambda:SourceFunctionArn": function_arn}}
    deny = {"Sid": "NoInterfacesByCode", "Effect": "Deny", "Action": actions, "Resource": "*", "Condition": own_code}
    return [*(_statement(right, [arns[right.resource]], function_arn) for right in NETWORK), deny]


def endpoint_access(resources: Resources) -> dict[str, Access]:
    """Give the services that functions connect to, with all that any of them does there."""
    shared = shared_arns(resources)
    actions: dict[str, dict[str, None]] = {}
    arns: dict[str, dict[object, Input[str]]] = {}
    for function, rights in RIGHTS.items():
        known = {**shared, **own_arns(resources, function)}
        for right in rights:
            service = right.actions[0].partition(":")[0]
            if service not in WITHOUT_ENDPOINT and known[right.resource]:
                actions.setdefault(service, {}).update(dict.fromkeys(right.actions))
                # Outputs are what they are, not what they will be.
                named: dict[object, Input[str]] = {
                    arn if isinstance(arn, str) else id(arn): arn for arn in known[right.resource]
                }
                arns.setdefault(service, {}).update(named)
    return {service: Access(tuple(actions[service]), tuple(arns[service].values())) for service in sorted(actions)}


def allow(sid: str, actions: Sequence[str], resources: Sequence[Input[str]]) -> Statement:
    """Write a statement that allows something."""
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


def _statement(right: Right, arns: Sequence[Input[str]], function_arn: str) -> Statement:
    statement = allow(right.resource.title().replace("_", ""), right.actions, arns)
    condition = _condition(right.resource, function_arn)
    return {**statement, "Condition": {"StringEquals": condition}} if condition else statement


def _condition(resource: str, function_arn: str) -> dict[str, str]:
    """Bind the use of a key to the service that asks for it, or to the function whose variables it opens."""
    if resource == "environment_key":
        return {"kms:EncryptionContext:aws:lambda:FunctionArn": function_arn}
    service, region = _VIA.get(resource), function_arn.split(":")[3]
    return {"kms:ViaService": f"{service}.{region}.amazonaws.com"} if service else {}
