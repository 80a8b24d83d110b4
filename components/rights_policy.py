"""The statements of a function's policy: the contract's rights, on this stack's ARNs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from components.resources import Resources, own_arns, shared_arns
from functions.contract.rights import RIGHTS, Right

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
    "source_key": "s3",
    "repository_key": "s3",
    "scratch_key": "s3",
    "restore_key": "s3",
}
"""The service by which alone a key may be used (AWS KMS Developer Guide, "kms:ViaService")."""
_TO_SEND = ("kms:Decrypt", "kms:GenerateDataKey")
"""What whoever sends to an encrypted queue or topic needs (SNS and SQS guides, "Configuring AWS KMS permissions")."""
_INTERFACES = (
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
)


class Access(NamedTuple):
    """What the functions together do with one service."""

    actions: tuple[str, ...]
    resources: tuple[Input[str], ...]


def statements(function: str, resources: Resources) -> list[Statement]:
    """Give the statements for what a function calls, and for the keys of the tables and the topic that it calls.

    What is not there, such as keys of sources that have none, is left out: IAM takes no empty list.
    """
    arns = {**shared_arns(resources), **own_arns(resources, function)}
    granted = [_statement(right, arns[right.resource], resources) for right in RIGHTS[function] if arns[right.resource]]
    return [*granted, *_implied(function, resources)]


def on_failure_statements(queue_arn: Input[str], key_arn: Input[str], region: str) -> list[Statement]:
    """Let Lambda, as the function, put events that failed for good into a queue."""
    return [
        allow("OnFailure", ("sqs:SendMessage",), [queue_arn]),
        {**allow("OnFailureKey", _TO_SEND, [key_arn]), "Condition": _via("sqs", region)},
    ]


def environment_statement(function_arn: str, key_arn: Input[str]) -> Statement:
    """Let a function read its own environment variables, and nothing else that was encrypted for a function."""
    condition = {"StringEquals": {"kms:EncryptionContext:aws:lambda:FunctionArn": function_arn}}
    return {**allow("EnvironmentKey", ("kms:Decrypt",), [key_arn]), "Condition": condition}


def network_statements(function_arn: str) -> list[Statement]:
    """Let Lambda, as the function, join a network, and the function's own code not.

    One interface cannot be named here: a role that may delete only named ones does not work (AWS Lambda Developer
    Guide, "Giving Lambda functions access to resources in an Amazon VPC").
    """
    partition, account = function_arn.split(":")[1], ":".join(function_arn.split(":")[3:5])
    describe = tuple(action for action in EVERYWHERE if action.startswith("ec2:"))
    own_code = {"ArnEquals": {"lambda:SourceFunctionArn": function_arn}}
    deny = {"Sid": "NoInterfacesByCode", "Effect": "Deny", "Action": [*_INTERFACES, *describe], "Resource": "*"}
    return [
        allow("Interfaces", _INTERFACES, [f"arn:{partition}:ec2:{account}:*/*"]),
        allow("InterfacesSeen", describe, ["*"]),
        {**deny, "Condition": own_code},
    ]


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


def _statement(right: Right, arns: Sequence[Input[str]], resources: Resources) -> Statement:
    statement = allow(right.resource.title().replace("_", ""), right.actions, arns)
    service = _VIA.get(right.resource)
    return {**statement, "Condition": _via(service, resources.region)} if service else statement


def _implied(function: str, resources: Resources) -> list[Statement]:
    """An encrypted table or topic asks the caller for its key, which is no call of the function's."""
    kinds = {right.resource for right in RIGHTS[function]}
    key = [resources.key.arn]
    implied = []
    if "topic" in kinds:
        implied.append({**allow("TopicKey", _TO_SEND, key), "Condition": _via("sns", resources.region)})
    if any(kind.endswith("_table") for kind in kinds):
        implied.append({**allow("TableKey", ("kms:Decrypt",), key), "Condition": _via("dynamodb", resources.region)})
    return implied


def _via(service: str, region: str) -> dict[str, dict[str, str]]:
    return {"StringEquals": {"kms:ViaService": f"{service}.{region}.amazonaws.com"}}
