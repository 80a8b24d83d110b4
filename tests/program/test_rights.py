"""Who may do what in the whole program: roles, keys, topics, endpoints."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from components.backup_rights import EVERYWHERE
from components.schedules import TARGETS
from functions.contract.rights import FAILURES, NETWORK, RIGHTS, Right
from tests.components.policies import Request, decide
from tests.program.kit import ROOT, Program, Registration, read_config, recorded
from tests.program.reading import (
    ALL_STACKS,
    FUNCTION,
    KEY,
    ROLE,
    ROLE_POLICY,
    TOPIC,
    VAULT,
    Policy,
    account_of,
    arn,
    beside,
    is_isolated,
    keys,
    listed,
    policies,
    policy_of,
    region_of,
    replica_region,
)

ENDPOINT: Final = "aws:ec2/vpcEndpoint:VpcEndpoint"
HELD: Final = ("packs", "snapshots")
"""Folders of the repository in which the collector lets go."""
ANY_RESOURCE: Final = {
    "xray:PutTraceSegments": "X-Ray knows no resource for it",
    "xray:PutTelemetryRecords": "X-Ray knows no resource for it",
    "ec2:DescribeNetworkInterfaces": "EC2 takes no resource for it",
    "ec2:DescribeSubnets": "EC2 takes no resource for it",
    "ec2:CreateNetworkInterface": "Lambda names no interface before there is one; the function's own code is denied it",
    "ec2:DeleteNetworkInterface": "the name of the interface is not known; the function's own code is denied it",
    "ec2:AssignPrivateIpAddresses": "the name of the interface is not known; the function's own code is denied it",
    "ec2:UnassignPrivateIpAddresses": "the name of the interface is not known; the function's own code is denied it",
    **EVERYWHERE,
}
"""Actions that may be allowed on every resource of a service, and why (Service Authorization Reference)."""
WILDCARD_ACTIONS: Final = {
    (
        "aws:kms/key:Key",
        "kms:*",
    ): "the account's own root, in its own key: without it nobody could change the key again",
    ("aws:kms/key:Key", "kms:GenerateDataKey*"): "as the guides of CloudWatch Logs, CloudTrail and SNS have it",
    ("aws:kms/key:Key", "kms:ReEncrypt*"): "as the guide of CloudWatch Logs has it",
}
"""Wildcards in actions that are allowed, where, and why."""
UNNAMED: Final = {
    "kms": "S3, SQS, SNS, DynamoDB and Lambda call it for the function",
    "logs": "Lambda ships what a function prints",
    "xray": "Lambda sends the traces",
    "ec2": "Lambda joins the network as the function",
}
"""Services that functions have rights for and need no endpoint for, and why."""
OPTIONAL: Final = {"source_key": "sources", "restore_key": "restore"}
"""Rights whose resource a stack may not have, and the setting that names it: no stack here does."""
PUBLISHERS: Final = {
    "aws:cloudwatch/metricAlarm:MetricAlarm": "cloudwatch.amazonaws.com",
    "aws:cloudwatch/eventTarget:EventTarget": "events.amazonaws.com",
    "aws:budgets/budget:Budget": "budgets.amazonaws.com",
    "aws:cloudtrail/trail:Trail": "cloudtrail.amazonaws.com",
}
IAM_NAMES: Final = {
    "apigatewayv2": "apigateway",
    "vpc": "ec2",
    "aws:cloudwatch/eventRule:EventRule": "events",
    "aws:cloudwatch/eventTarget:EventTarget": "events",
    "aws:cloudwatch/logGroup:LogGroup": "logs",
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": "logs",
}
"""What IAM calls the service of a kind of resource, or of Pulumi's module, where that is another name."""
every_stack = pytest.mark.parametrize("stack", ALL_STACKS)


def service_of(kind: str) -> str:
    """Give Pulumi's module of a kind of resource: `s3` of `aws:s3/bucket:Bucket`."""
    return kind.removeprefix("aws:").partition("/")[0]


def allowed(program: Program) -> Iterator[tuple[Policy, dict[str, Any]]]:
    """Give everything that any policy allows."""
    for policy in policies(program):
        for statement in policy.statements:
            if statement["Effect"] == "Allow":
                yield policy, statement


def functions(program: Program) -> dict[str, Registration]:
    """Give the functions, by the names of their modules."""
    found = {item.inputs["handler"].split(".")[2]: item for item in program.of(FUNCTION)}
    assert found.keys() == RIGHTS.keys()
    return found


def role_statements(program: Program, function: Registration) -> list[dict[str, Any]]:
    """Give all statements of a function's role."""
    (role,), (policy,) = beside(program, function, ROLE), beside(program, function, ROLE_POLICY)
    assert str(function.inputs["role"]).endswith(f":{role.name}")
    assert policy.inputs["role"] == f"{role.name}-id"
    statements: list[dict[str, Any]] = json.loads(policy.inputs["policy"])["Statement"]
    return statements


def declared(stack: str, function: str) -> list[Right]:
    """Give what the contract grants a function of a stack."""
    config = read_config(stack)
    assert not any("keyArn" in config[f"strongroom:{name}"] for name in OPTIONAL.values())
    rights = [right for right in RIGHTS[function] if right.resource not in OPTIONAL]
    return [*rights, *FAILURES, *(NETWORK if is_isolated(stack) else ())]


@every_stack
def test_a_role_holds_exactly_what_the_contract_declares(stack: str) -> None:
    """Right by right; a handler's tests run under the same rights."""
    program = recorded(stack)
    for name, function in functions(program).items():
        granted = [one for one in role_statements(program, function) if one["Effect"] == "Allow"]
        wanted = Counter(tuple(right.actions) for right in declared(stack, name))
        assert Counter(tuple(statement["Action"]) for statement in granted) == wanted, name
        assert len(granted) > 5


def test_the_page_of_pipelines_lets_the_deploying_role_use_every_service_of_the_program() -> None:
    """IAM's names differ from Pulumi's."""
    page = (ROOT / "docs/pipelines.md").read_text(encoding="utf-8")
    found = re.search(r"what the program makes \((.+?)\), the state", page, re.DOTALL)
    assert found
    named = set(re.findall(r"`([a-z0-9]+)`", found[1]))
    kinds = {item.type for stack in ALL_STACKS for item in recorded(stack).resources if item.type.startswith("aws:")}
    assert named == {IAM_NAMES.get(kind) or IAM_NAMES.get(service_of(kind)) or service_of(kind) for kind in kinds}


@every_stack
def test_no_two_functions_share_a_role(stack: str) -> None:
    """And no other service may take one on."""
    program = recorded(stack)
    roles = {str(function.inputs["role"]) for function in functions(program).values()}
    assert len(roles) == len(RIGHTS)
    for function in functions(program).values():
        (role,) = beside(program, function, ROLE)
        (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
        assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}


@every_stack
def test_no_action_is_a_wildcard(stack: str) -> None:
    """But those on the list; each of the list is there, or it would not be needed."""
    found = {
        (policy.owner.type, action)
        for policy, statement in allowed(recorded(stack))
        for action in listed(statement["Action"])
        if "*" in action
    }
    assert found == WILDCARD_ACTIONS.keys()


@every_stack
def test_no_resource_is_a_wildcard(stack: str) -> None:
    """But for actions on the list. In a key's own policy `*` is the key."""
    found: set[str] = set()
    for policy, statement in allowed(recorded(stack)):
        wide = [one for one in listed(statement.get("Resource", [])) if one == "*" or one.split(":", 5)[5][0] == "*"]
        if wide and policy.owner.type != KEY:
            found |= set(listed(statement["Action"]))
    there = {"xray": True, "ec2": is_isolated(stack), "tag": bool(recorded(stack).of(VAULT))}
    assert found == {action for action in ANY_RESOURCE if there[action.partition(":")[0]]}


@every_stack
def test_nothing_is_open_to_everybody(stack: str) -> None:
    """Who is meant by everybody is said by a condition; only policies of endpoints need that."""
    looked_at = 0
    for policy, statement in allowed(recorded(stack)):
        if "*" in listed(statement.get("Principal", [])):
            assert policy.owner.type == ENDPOINT
            assert statement["Condition"]["StringEquals"]["aws:PrincipalAccount"] == account_of(stack)
            assert statement["Condition"]["ArnLike"]["aws:PrincipalArn"]
        looked_at += 1
    assert looked_at > 50


@every_stack
def test_no_role_of_ours_may_delete_objects(stack: str) -> None:
    """Nor lift a lock; only the collector tags what holds backups, which lets it go, and it tags nothing else."""
    program = recorded(stack)
    repository = f"arn:aws:s3:::{program.outputs['BackupBucketName']}"
    forbidden = ("s3:Delete", "s3:Bypass", "s3:PutBucket", "s3:PutLifecycle", "kms:ScheduleKeyDeletion", "iam:")
    looked_at = 0
    for policy, statement in allowed(program):
        if policy.owner.type == ROLE_POLICY:
            for action in listed(statement["Action"]):
                assert not action.startswith(forbidden), (policy.owner.name, action)
                tags = "Tagging" in action and action.startswith("s3:Put")
                if tags and any(str(one).startswith(repository) for one in listed(statement["Resource"])):
                    assert policy.owner.name.endswith("-collector-rights")
                    assert set(listed(statement["Resource"])) == {f"{repository}/{part}/*" for part in HELD}
                looked_at += 1
    assert looked_at > 100


@every_stack
def test_everybody_who_uses_a_topic_may_publish_on_it_and_use_its_key(stack: str) -> None:
    """Else alarms ring and nobody hears them: a topic under a key of ours fails in silence."""
    program = recorded(stack)
    topics = {arn("sns", stack, topic): topic for topic in program.of(TOPIC)}
    assert len(topics) == (3 if replica_region(stack) else 2)
    used: Counter[str] = Counter()
    for kind, service in PUBLISHERS.items():
        for user in program.of(kind):
            for target in topics_of(user, topics):
                topic = topics[target]
                if "budgets" not in kind:
                    assert region_of(stack, topic) == region_of(stack, user), user.name
                context = {"aws:SourceAccount": account_of(stack), "aws:SecureTransport": "true"}
                if kind.endswith("EventTarget"):
                    context = {"aws:SecureTransport": "true"}  # EventBridge says nothing of where events come from.
                statements = policy_of(program, "aws:sns/topicPolicy:TopicPolicy", "arn", target)
                assert decide(statements, Request("sns:Publish", target, service, context)) == "allowed"
                key = keys(program, stack)[topic.inputs["kmsMasterKeyId"]]
                for action in ("kms:Decrypt", "kms:GenerateDataKey"):
                    assert decide(key, Request(action, principal=service, context=context)) == "allowed"
                used[kind] += 1
    assert used.keys() == PUBLISHERS.keys()


def topics_of(user: Registration, topics: Mapping[str, Registration]) -> set[str]:
    """Give the topics that an alarm, a rule's target or a budget tells; a trail tells one by its name."""
    notifications = user.inputs.get("notifications", ())
    told = [*user.inputs.get("alarmActions", ()), *user.inputs.get("okActions", ())]
    told += [one for each in notifications for one in each["subscriberSnsTopicArns"]]
    told += [user.inputs["arn"]] if ":sns:" in user.inputs.get("arn", "") else []
    told += [name for name, topic in topics.items() if topic.inputs["name"] == user.inputs.get("snsTopicName")]
    return set(told)


@every_stack
def test_functions_may_publish_on_the_topic_that_they_are_told_of(stack: str) -> None:
    """By their own roles, with the topic's key. The API answers who asks, and tells nobody else."""
    program = recorded(stack)
    for name, function in functions(program).items():
        topic = function.inputs["environment"]["variables"]["TOPIC_ARN"]
        statements = role_statements(program, function)
        if name == "api":
            assert decide(statements, Request("sns:Publish", topic)) == "not allowed"
            continue
        assert decide(statements, Request("sns:Publish", topic)) == "allowed"
        (at,) = [item for item in program.of(TOPIC) if arn("sns", stack, item) == topic]
        via = {"kms:ViaService": f"sns.{region_of(stack, at)}.amazonaws.com"}
        for action in ("kms:Decrypt", "kms:GenerateDataKey"):
            assert decide(statements, Request(action, at.inputs["kmsMasterKeyId"], context=via)) == "allowed"
        loose = Request("kms:Decrypt", at.inputs["kmsMasterKeyId"])
        assert decide(statements, loose) == "not allowed"


@pytest.mark.parametrize("stack", ["prod", "dev"])
def test_an_isolated_function_reaches_everything_that_it_may_do(stack: str) -> None:
    """Each action of its role, on each of its resources, through an endpoint in its own subnets.

    Into the queue of failed events Lambda itself writes, from outside.
    """
    program, account = recorded(stack), account_of(stack)
    events = program.of("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig")
    (failures,) = {item.inputs["destinationConfig"]["onFailure"]["destination"] for item in events}
    endpoints = {item.inputs["serviceName"].rpartition(".")[2]: item for item in program.of(ENDPOINT)}
    looked_at: set[str] = set()
    for name, function in functions(program).items():
        network = function.inputs["vpcConfig"]
        principal = f"arn:aws:iam::{account}:role/{function.inputs['name']}-1a2b3c4"
        for statement in role_statements(program, function):
            service = statement["Action"][0].partition(":")[0]
            if statement["Effect"] == "Deny" or service in UNNAMED or statement["Resource"] == [failures]:
                continue
            endpoint = endpoints[service]
            if endpoint.inputs["vpcEndpointType"] == "Interface":
                assert set(network["subnetIds"]) <= set(endpoint.inputs["subnetIds"])
                assert set(network["securityGroupIds"]) <= set(endpoint.inputs["securityGroupIds"])
                assert endpoint.inputs["privateDnsEnabled"] is True
            opened = json.loads(endpoint.inputs["policy"])["Statement"]
            for action in statement["Action"]:
                for resource in statement["Resource"]:
                    asked = Request(action, resource.replace("*", "x"), principal, {"aws:PrincipalAccount": account})
                    assert decide(opened, asked) == "allowed", (name, action, resource)
                    stranger = Request(action, asked.resource, f"arn:aws:iam::{account}:role/x", asked.context)
                    assert decide(opened, stranger) == "not allowed"
            looked_at.add(service)
    assert looked_at == endpoints.keys() == {"s3", "dynamodb", "sqs", "sns", "lambda"}


@pytest.mark.parametrize("stack", ["prod", "dev"])
def test_an_isolated_function_has_no_other_way_out(stack: str) -> None:
    """No internet gateway, no NAT, no route, and a group that opens 443 to endpoints only."""
    program = recorded(stack)
    assert {item.type for item in program.resources if item.type.startswith("aws:ec2/")} == {
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        "aws:ec2/flowLog:FlowLog",
        "aws:ec2/routeTable:RouteTable",
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        "aws:ec2/securityGroup:SecurityGroup",
        "aws:ec2/subnet:Subnet",
        "aws:ec2/vpc:Vpc",
        ENDPOINT,
    }
    rules = program.of("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")
    assert len(rules) == 3
    for rule in rules:
        assert (rule.inputs["fromPort"], rule.inputs["toPort"]) == (443, 443)
        assert not {"cidrIpv4", "cidrIpv6"} & rule.inputs.keys()
    assert all("routes" not in table.inputs for table in program.of("aws:ec2/routeTable:RouteTable"))


@pytest.mark.parametrize("stack", ["alone", "local"])
def test_a_function_that_is_not_isolated_needs_no_endpoint(stack: str) -> None:
    """A network without endpoints would cut it off."""
    program = recorded(stack)
    assert not any("vpcConfig" in function.inputs for function in functions(program).values())
    assert program.of(ENDPOINT) == []


@every_stack
def test_schedules_start_functions_that_their_role_may_start(stack: str) -> None:
    """By the alias; what cannot be started lies in a queue that they may write to."""
    program = recorded(stack)
    schedules = program.of("aws:scheduler/schedule:Schedule")
    assert len(schedules) == len(TARGETS)
    aliases = set(program.outputs["Functions"].values())
    queues = {arn("sqs", stack, queue): queue for queue in program.of("aws:sqs/queue:Queue")}
    for schedule in schedules:
        target = schedule.inputs["target"]
        (policy,) = beside(program, schedule, ROLE_POLICY)
        statements = json.loads(policy.inputs["policy"])["Statement"]
        dead = target["deadLetterConfig"]["arn"]
        assert target["arn"] in aliases
        assert target["retryPolicy"] == {"maximumEventAgeInSeconds": 3_600, "maximumRetryAttempts": 3}
        assert decide(statements, Request("lambda:InvokeFunction", target["arn"])) == "allowed"
        assert decide(statements, Request("sqs:SendMessage", dead)) == "allowed"
        assert decide(statements, Request("kms:GenerateDataKey", queues[dead].inputs["kmsMasterKeyId"])) == "allowed"
