"""Rules about keys, and about those who must be let to use them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from policies.model import (
    UNKNOWN,
    Finding,
    Resource,
    Rule,
    Stack,
    Statement,
    allows,
    conditions,
    covers,
    known,
    listed,
    region_of_arn,
    rows,
    services,
    statements,
)

_PUBLISH = ("kms:Decrypt", "kms:GenerateDataKey*")
_EVENTS = "events.amazonaws.com"
_SOURCES = frozenset({"aws:sourceaccount", "aws:sourcearn"})
_WINDOW = (7, 30)


def _rotates(stack: Stack) -> Iterator[Finding]:
    for key in stack.of("kms.Key"):
        if key.get("enableKeyRotation") not in {True, UNKNOWN}:
            yield Finding(key, "it is not rotated")
        window = key.get("deletionWindowInDays", default=_WINDOW[1])
        if known(window) and not _WINDOW[0] <= window <= _WINDOW[1]:
            yield Finding(key, f"its deletion cannot be taken back for {window:g} days, but for 7 to 30")


def _messages_encrypted(stack: Stack) -> Iterator[Finding]:
    for item in stack.of("sqs.Queue", "sns.Topic"):
        key = item.get("kmsMasterKeyId")
        if key is None or (known(key) and "alias/aws/" in str(key)):
            yield Finding(item, "messages are not encrypted with a key of ours")


def _tables_encrypted(stack: Stack) -> Iterator[Finding]:
    for table in stack.of("dynamodb.Table"):
        if table.get("pointInTimeRecovery", "enabled") not in {True, UNKNOWN}:
            yield Finding(table, "it cannot be brought back to a point in time")
        if not table.get("serverSideEncryption", "kmsKeyArn"):
            yield Finding(table, "it is not encrypted with a key of ours")


def _logs_encrypted(stack: Stack) -> Iterator[Finding]:
    for group in stack.of("cloudwatch.LogGroup"):
        if not group.get("retentionInDays"):
            yield Finding(group, "it is kept for ever")
        arn = group.get("kmsKeyId")
        if arn is None:
            yield Finding(group, "it is not encrypted with a key of ours")
            continue
        service = f"logs.{region_of_arn(str(arn))}.amazonaws.com"
        for says in _not_let(stack, arn, service, ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*")):
            yield Finding(group, says)


def _publishers(stack: Stack) -> Iterator[Finding]:
    for policy in stack.of("sns.TopicPolicy"):
        topic = stack.one("sns.Topic", "arn", policy.get("arn"))
        arn = topic.get("kmsMasterKeyId") if topic else None
        for statement in filter(allows, statements(policy)):
            for service in services(statement):
                for says in _not_let(stack, arn, service, _PUBLISH):
                    yield Finding(topic, says)


def _alarmed_topics(stack: Stack) -> Iterator[Finding]:
    alarms, targets = stack.of("cloudwatch.MetricAlarm"), stack.of("cloudwatch.EventTarget")
    wanted = {(arn, "cloudwatch.amazonaws.com") for alarm in alarms for arn in listed(alarm.get("alarmActions"))}
    wanted |= {(target.get("arn"), _EVENTS) for target in targets}
    for arn, service in sorted((str(arn), service) for arn, service in wanted):
        topic = stack.one("sns.Topic", "arn", arn)
        policy = stack.one("sns.TopicPolicy", "arn", arn)
        unsaid = policy is None and not stack.lacks("sns.TopicPolicy", "arn", arn)
        if topic is None or unsaid or (policy and not known(policy.get("policy"))):
            continue
        granted = [s for s in statements(policy) if allows(s) and service in services(s)] if policy else []
        if not any(covers(statement, "sns:Publish") for statement in granted):
            yield Finding(topic, f"it does not let {service} publish, which is to tell it")


def _event_conditions(stack: Stack) -> Iterator[Finding]:
    for item in stack.of("kms.Key", "sns.TopicPolicy"):
        for statement in filter(allows, statements(item)):
            if _EVENTS in services(statement) and conditions(statement) & _SOURCES:
                yield Finding(item, "EventBridge sends no source to it: every notice would be dropped in silence")


def _trail_encrypts(stack: Stack) -> Iterator[Finding]:
    for trail in stack.of("cloudtrail.Trail"):
        arn = trail.get("kmsKeyId")
        if arn is None:
            yield Finding(trail, "its files are not encrypted with a key of ours")
        actions = ("kms:GenerateDataKey*", "kms:DescribeKey")
        for says in _not_let(stack, arn, "cloudtrail.amazonaws.com", actions):
            yield Finding(trail, says)


def _not_let(stack: Stack, arn: object, service: str, actions: Sequence[str]) -> Iterator[str]:
    """Say which uses of a key of this stack a service is not let to make. Nothing is said of keys of others."""
    key = stack.one("kms.Key", "arn", arn) if known(arn) else None
    if key is None or not known(key.get("policy")):
        return
    granted = [statement for statement in statements(key) if allows(statement) and service in services(statement)]
    missing = [action for action in actions if not _granted(granted, action)]
    if missing:
        yield f"the key {key.name} does not let {service} use {', '.join(missing)}"


def _granted(granted: Sequence[Statement], action: str) -> bool:
    return any(covers(statement, action) for statement in granted)


def _protected(stack: Stack) -> Iterator[Finding]:
    for item in stack.of("s3.Bucket", "dynamodb.Table", "kms.Key"):
        environment = str(item.get("tags", "Environment", default=""))
        production = environment == "prod" or environment.startswith("prod-")
        if production and not item.protect and not _passing(stack, item):
            yield Finding(item, "Pulumi may delete it")


def _passing(stack: Stack, item: Resource) -> bool:
    """Say whether a bucket holds only what is gone in a week anyway."""
    lifecycle = stack.one("s3.BucketLifecycleConfiguration", "bucket", item.get("bucket"))
    if lifecycle is None:
        return item.kind == "s3.Bucket" and not stack.lacks(
            "s3.BucketLifecycleConfiguration", "bucket", item.get("bucket")
        )
    return any(_short(rule) for rule in rows(lifecycle.get("rules")) if (rule.get("filter") or {}).get("prefix") == "")


def _short(rule: Mapping[str, Any]) -> bool:
    days = (rule.get("expiration") or {}).get("days")
    return isinstance(days, int | float) and days <= _WINDOW[0]


RULES = (
    Rule(
        "key-rotates",
        "A key is rotated, and its deletion can be taken back for 7 to 30 days.",
        "A key that is deleted takes every backup with it.",
        _rotates,
    ),
    Rule(
        "messages-encrypted",
        "Queues and topics are encrypted with a key of ours.",
        "The policy of the keys that AWS manages cannot be changed, so alarms could never use them.",
        _messages_encrypted,
    ),
    Rule(
        "tables-recoverable",
        "Tables can be brought back to a point in time and are encrypted with a key of ours.",
        "The bucket alone is enough, but a table is back sooner.",
        _tables_encrypted,
    ),
    Rule(
        "log-groups-written",
        "A log group is kept for a time, encrypted, and its key lets CloudWatch Logs of its region use it.",
        "Without, the group is not made, and no function that logs to it is either.",
        _logs_encrypted,
    ),
    Rule(
        "topic-key-lets-publishers",
        "The key of a topic lets every service use it that the topic lets publish.",
        "Otherwise an alarm rings and nobody hears it, without an error (AWS re:Post, 'Why didn't I receive an SNS "
        "notification for my CloudWatch alarm trigger?').",
        _publishers,
    ),
    Rule(
        "topic-lets-alarms",
        "A topic lets those publish that are to tell it: CloudWatch for alarms, EventBridge for rules.",
        "The action of an alarm fails in its history, where nobody looks.",
        _alarmed_topics,
    ),
    Rule(
        "events-without-source",
        "What lets EventBridge use a key or a topic has no condition on the source.",
        "EventBridge sends none: with one every notice is dropped in silence.",
        _event_conditions,
    ),
    Rule(
        "trail-encrypts",
        "A trail is encrypted with a key that lets CloudTrail use it.",
        "Without, AWS refuses the trail, or it stops.",
        _trail_encrypts,
    ),
    Rule(
        "production-protects-data",
        "In production Pulumi deletes no bucket, table or key, but buckets whose objects live a week at most.",
        "A mistake in the program must not be the end of the backups.",
        _protected,
    ),
)
