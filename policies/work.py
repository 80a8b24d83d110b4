"""Rules about functions, their rights, queues, endpoints, and who is told when they fail."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from policies.model import (
    UNKNOWN,
    Finding,
    Resource,
    Rule,
    Stack,
    allows,
    conditions,
    covers,
    known,
    listed,
    region_of_arn,
    rows,
    statements,
)

ANY_RESOURCE = frozenset(
    {
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:CreateNetworkInterface",
        "cloudwatch:PutMetricData",
        "cloudwatch:GetMetricData",
        "events:ListRules",
        "s3:ListAllMyBuckets",
        "tag:GetResources",
    }
)
"""Actions that no resource can be named for (Service Authorization Reference)."""
NEVER = ("s3:DeleteObject", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention", "s3:PutLifecycleConfiguration")
"""What no role of ours may do: only the lifecycle of what is tagged ever deletes."""
ENDPOINTLESS = frozenset({"kms", "logs", "xray", "ec2", "sts"})
"""Services that AWS calls for a function, or that no function connects to."""
QUEUE_METRICS = frozenset(
    {
        "ApproximateAgeOfOldestMessage",
        "ApproximateNumberOfMessagesDelayed",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesVisible",
        "NumberOfEmptyReceives",
        "NumberOfMessagesDeleted",
        "NumberOfMessagesReceived",
        "NumberOfMessagesSent",
        "SentMessageSize",
    }
)
"""Amazon SQS Developer Guide, "Available CloudWatch metrics for Amazon SQS"."""
_KEPT_BY_DEFAULT = 345_600
_RECEIVES = 5
_TIMEOUTS = 6
_LARGE_BATCH = 10
_OURS = frozenset(
    {"aws:principalaccount", "aws:principalarn", "aws:sourceaccount", "aws:sourcearn", "aws:principalorgid"}
)
_POLICIES = ("s3.BucketPolicy", "sqs.QueuePolicy", "sns.TopicPolicy", "kms.Key", "ec2.VpcEndpoint")


def _environment_encrypted(stack: Stack) -> Iterator[Finding]:
    for function in stack.of("lambda.Function"):
        if function.get("environment", "variables") and not function.get("kmsKeyArn"):
            yield Finding(function, "its environment is not encrypted with a key of ours")


def _narrow(stack: Stack) -> Iterator[Finding]:
    for policy in stack.of("iam.RolePolicy", "iam.Policy"):
        for statement in filter(allows, statements(policy)):
            if "NotAction" in statement or "NotResource" in statement:
                yield Finding(policy, "it allows all but something")
            actions = [str(action) for action in listed(statement.get("Action"))]
            for action in actions:
                if action == "*" or action.endswith(":*"):
                    yield Finding(policy, f"it allows {action}")
            if "*" in listed(statement.get("Resource")):
                for action in sorted(set(actions) - ANY_RESOURCE):
                    yield Finding(policy, f"it allows {action} on every resource")


def _deletes_nothing(stack: Stack) -> Iterator[Finding]:
    for policy in stack.of("iam.RolePolicy", "iam.Policy"):
        for statement in filter(allows, statements(policy)):
            for action in NEVER:
                if covers(statement, action):
                    yield Finding(policy, f"it allows {action}")


def _managed(stack: Stack) -> Iterator[Finding]:
    for item in stack.of("iam.RolePolicyAttachment"):
        arn = str(item.get("policyArn", default=""))
        if arn.startswith("arn:") and ":iam::aws:policy/" in arn:
            yield Finding(item, f"{arn.rpartition('/')[2]} is made for everybody, so it allows more than one needs")


def _trust(stack: Stack) -> Iterator[Finding]:
    for role in stack.of("iam.Role"):
        for statement in filter(allows, statements(role, "assumeRolePolicy")):
            if _anybody(statement.get("Principal")):
                yield Finding(role, "anybody may assume it")


def _not_public(stack: Stack) -> Iterator[Finding]:
    for item in stack.of(*_POLICIES):
        for statement in filter(allows, statements(item)):
            if _anybody(statement.get("Principal")) and not conditions(statement) & _OURS:
                yield Finding(item, "it allows something to anybody")


def _anybody(principal: object) -> bool:
    named = principal.values() if isinstance(principal, dict) else [principal]
    return any("*" in listed(one) for one in named)


def _own_roles(stack: Stack) -> Iterator[Finding]:
    roles = [(function, function.get("role")) for function in stack.of("lambda.Function")]
    shared = Counter(role for _, role in roles if known(role))
    for function, role in roles:
        if shared[role] > 1:
            yield Finding(function, "it shares its role: what one may do, all may")


def _batches(stack: Stack) -> Iterator[Finding]:
    for mapping in stack.of("lambda.EventSourceMapping"):
        types = listed(mapping.get("functionResponseTypes"))
        if not {"ReportBatchItemFailures", UNKNOWN} & set(types):
            yield Finding(mapping, "one failed message brings its whole batch back")
        size, window = mapping.get("batchSize", default=1), mapping.get("maximumBatchingWindowInSeconds", default=0)
        if known(size, window) and size > _LARGE_BATCH and window < 1:
            yield Finding(mapping, f"Lambda refuses a batch of {size:g} without a second of waiting")


def _hidden(stack: Stack) -> Iterator[Finding]:
    for mapping in stack.of("lambda.EventSourceMapping"):
        queue = stack.one("sqs.Queue", "arn", mapping.get("eventSourceArn"))
        function = _function_of(stack, mapping)
        if queue is None:
            continue
        timeout = function.get("timeout", default=3) if function else UNKNOWN
        hidden = queue.get("visibilityTimeoutSeconds", default=30)
        if known(timeout, hidden) and hidden < _TIMEOUTS * timeout:
            yield Finding(queue, f"a message comes again after {hidden:g} s, while a worker of {timeout:g} s has it")
        redrive = _json(queue.get("redrivePolicy"))
        if queue.get("redrivePolicy") is None:
            yield Finding(queue, "messages that fail come again until they expire: it has no dead-letter queue")
        elif redrive and int(redrive.get("maxReceiveCount", 0)) < _RECEIVES:
            yield Finding(queue, f"a throttled message is given up after {redrive.get('maxReceiveCount')} receives")


def _dead_letters(stack: Stack) -> Iterator[Finding]:
    for queue in stack.of("sqs.Queue"):
        dead = stack.one("sqs.Queue", "arn", _json(queue.get("redrivePolicy")).get("deadLetterTargetArn"))
        if dead is None:
            continue
        kept, longer = (item.get("messageRetentionSeconds", default=_KEPT_BY_DEFAULT) for item in (queue, dead))
        if known(kept, longer) and longer <= kept:
            yield Finding(dead, f"it keeps a message {longer:g} s from when it was first sent, {queue.name} {kept:g}")


def _dead_letters_watched(stack: Stack) -> Iterator[Finding]:
    watched = {name for alarm in stack.of("cloudwatch.MetricAlarm") for name in _visible_of(alarm)}
    for arn in sorted(_dead_letter_arns(stack)):
        queue = stack.one("sqs.Queue", "arn", arn)
        if queue and known(queue.get("name")) and queue.get("name") not in watched:
            yield Finding(queue, "nobody is told of what lies in it")


def _dead_letter_arns(stack: Stack) -> set[str]:
    found = {_json(queue.get("redrivePolicy")).get("deadLetterTargetArn") for queue in stack.of("sqs.Queue")}
    for config in stack.of("lambda.FunctionEventInvokeConfig"):
        found.add(config.get("destinationConfig", "onFailure", "destination"))
    for schedule in stack.of("scheduler.Schedule"):
        found.add(schedule.get("target", "deadLetterConfig", "arn"))
    return {str(arn) for arn in found if known(arn)}


def _metrics(alarm: Resource) -> Iterator[tuple[Any, Any, Any]]:
    """Give namespace, name and dimensions of each metric that an alarm looks at."""
    if alarm.get("metricName"):
        yield alarm.get("namespace"), alarm.get("metricName"), alarm.get("dimensions", default={})
    for query in rows(alarm.get("metricQueries")):
        if metric := query.get("metric"):
            yield metric.get("namespace"), metric.get("metricName"), metric.get("dimensions") or {}


def _visible_of(alarm: Resource) -> Iterator[str]:
    for space, name, dimensions in _metrics(alarm):
        if space == "AWS/SQS" and name == "ApproximateNumberOfMessagesVisible" and isinstance(dimensions, dict):
            yield str(dimensions.get("QueueName"))


def _alarms(stack: Stack) -> Iterator[Finding]:
    for alarm in stack.of("cloudwatch.MetricAlarm"):
        actions = listed(alarm.get("alarmActions"))
        if not actions:
            yield Finding(alarm, "it tells nobody")
        says = str(alarm.get("alarmDescription", default=""))
        if "docs/runbooks/" not in says and says != UNKNOWN:
            yield Finding(alarm, "it names no runbook")
        if alarm.get("treatMissingData") is None:
            yield Finding(alarm, "nobody has thought of what its silence means")
        here = alarm.get("region")
        for arn in filter(known, actions):
            if known(here) and region_of_arn(str(arn)) not in {here, None}:
                yield Finding(alarm, f"it is in {here} and its topic in {region_of_arn(str(arn))}")
        for space, name, _ in _metrics(alarm):
            if space == "AWS/SQS" and name not in QUEUE_METRICS | {UNKNOWN}:
                yield Finding(alarm, f"SQS has no metric {name}: it would never ring")


def _endpoints(stack: Stack) -> Iterator[Finding]:
    there = {str(item.get("serviceName")).rpartition(".")[2] for item in stack.of("ec2.VpcEndpoint")}
    for function in stack.of("lambda.Function"):
        if not function.get("vpcConfig", "subnetIds") or not there:
            continue
        for service in sorted(_called(stack, function) - ENDPOINTLESS - there):
            yield Finding(function, f"it calls {service} from a network without an endpoint for it, and would hang")


def _called(stack: Stack, function: Resource) -> set[str]:
    """Give the services that a function's role allows it to call."""
    role = stack.one("iam.Role", "arn", function.get("role"))
    if role is None:
        return set()
    names = {role.get("name"), role.get("id")} - {None, UNKNOWN}
    own = [policy for policy in stack.of("iam.RolePolicy") if policy.get("role") in names]
    actions = [str(a) for policy in own for s in filter(allows, statements(policy)) for a in listed(s.get("Action"))]
    return {action.partition(":")[0] for action in actions}


def _budget(stack: Stack) -> Iterator[Finding]:
    told = any(
        listed(note.get("subscriberEmailAddresses")) or listed(note.get("subscriberSnsTopicArns"))
        for budget in stack.of("budgets.Budget")
        for note in rows(budget.get("notifications"))
    )
    if not told and stack.of("lambda.Function", "s3.Bucket"):
        yield Finding(None, "nobody is told of what it costs")


def _function_of(stack: Stack, mapping: Resource) -> Resource | None:
    """Give the function that a mapping feeds: by name, or by an ARN that may end with an alias."""
    name = mapping.get("functionName")
    if not known(name):
        return None
    parts = str(name).split(":")
    plain = parts[6] if len(parts) > 6 else name  # noqa: PLR2004 - the seventh part of a function's ARN
    return stack.one("lambda.Function", "name", plain)


def _json(text: object) -> dict[str, Any]:
    """Read a policy that SQS takes as text. Nothing where it is not known."""
    read = json.loads(str(text)) if known(text) else {}
    return read if isinstance(read, dict) else {}


RULES = (
    Rule(
        "function-environment-encrypted",
        "A function with an environment encrypts it with a key of ours.",
        "Names of buckets and tables are what an attacker looks for first.",
        _environment_encrypted,
    ),
    Rule(
        "role-allows-what-is-needed",
        "A role allows no wildcard action, and every resource only where AWS knows no narrower one.",
        "What is stolen with a role is what it allows.",
        _narrow,
    ),
    Rule(
        "role-deletes-nothing",
        "No role may delete objects, lift a lock, or change a lifecycle.",
        "Only the lifecycle of what is tagged as expired ever deletes.",
        _deletes_nothing,
    ),
    Rule(
        "role-without-aws-policies",
        "No role has a policy that AWS manages.",
        "They are made for everybody: those of AWS Backup cover every bucket and every key.",
        _managed,
    ),
    Rule("role-trusts-somebody", "No role may be assumed by anybody.", "Anybody is everybody.", _trust),
    Rule(
        "nothing-public",
        "No policy of a bucket, queue, topic, key or endpoint allows anybody anything, unless a condition says who.",
        "A gateway endpoint takes no principal but everybody, so conditions count.",
        _not_public,
    ),
    Rule(
        "role-of-its-own",
        "Each function has a role of its own.",
        "A shared role gives each of them the rights of all.",
        _own_roles,
    ),
    Rule(
        "batches-in-parts",
        "A mapping reports which messages of a batch failed, and waits a second for batches above ten.",
        "Otherwise one bad message runs its whole batch again, or Lambda refuses the mapping.",
        _batches,
    ),
    Rule(
        "queue-hides-long-enough",
        "A queue hides a message for six timeouts of its function and gives it up after five receives or more.",
        "A message that comes back early is worked on twice; throttling alone can take three receives.",
        _hidden,
    ),
    Rule(
        "dead-letters-live-longer",
        "A dead-letter queue keeps messages longer than the queue before it.",
        "Their age counts from when they were first sent: they would expire on arrival.",
        _dead_letters,
    ),
    Rule(
        "dead-letters-watched",
        "Every dead-letter queue has an alarm on the messages that lie in it.",
        "A queue that nobody looks at is a place to lose things.",
        _dead_letters_watched,
    ),
    Rule(
        "alarm-is-heard",
        "An alarm tells a topic of its own region, names a runbook, says what silence means, and looks at a metric "
        "that exists.",
        "One that looked at ApproximateNumberOfMessages was green for ever: SQS has no such metric.",
        _alarms,
    ),
    Rule(
        "endpoint-for-every-call",
        "Where functions run in a network, every service that their roles allow has an endpoint.",
        "A missing one is no error but a function that hangs until its timeout.",
        _endpoints,
    ),
    Rule("cost-is-watched", "A budget tells somebody.", "A loop is found by its bill, or not at all.", _budget),
)
