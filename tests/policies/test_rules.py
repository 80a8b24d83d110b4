"""Each rule finds what it is there for: production with one thing changed, as somebody might change it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import pytest

from policies.model import Resource, Stack
from policies.rules import RULES
from tests.policies.kit import allow, judged, of_program, policy, resource, stack

Change = Callable[[dict[str, Any]], object]


@dataclass(frozen=True)
class Case:
    """A rule, which resources are changed and how, and what the rule says then. `drop` takes them away."""

    rule: str
    kind: str
    says: str
    change: Change = dict.copy
    named: str = ""
    drop: bool = False
    protect: bool | None = None


def put(*path: str | int, value: object) -> Change:
    """Change what stands at a path."""

    def change(props: dict[str, Any]) -> None:
        holder: Any = props
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = value

    return change


def without(*path: str | int) -> Change:
    """Take away what stands at a path."""

    def change(props: dict[str, Any]) -> None:
        holder: Any = props
        for step in path[:-1]:
            holder = holder[step]
        del holder[path[-1]]

    return change


def granting(*statements: Mapping[str, Any], name: str = "policy") -> Change:
    """Add statements to a policy."""

    def change(props: dict[str, Any]) -> None:
        document = json.loads(props[name])
        document["Statement"] += statements
        props[name] = json.dumps(document)

    return change


def revoking(service: str, name: str = "policy") -> Change:
    """Take away what a policy says of a service."""

    def change(props: dict[str, Any]) -> None:
        document = json.loads(props[name])
        document["Statement"] = [
            one
            for one in document["Statement"]
            if not (isinstance(one["Principal"], dict) and one["Principal"].get("Service") == service)
        ]
        props[name] = json.dumps(document)

    return change


ANYBODY = allow("s3:GetObject", "*", Principal="*")
NAMED_SOURCE = allow(
    ["kms:Decrypt", "kms:GenerateDataKey*"],
    "*",
    Principal={"Service": "events.amazonaws.com"},
    Condition={"StringEquals": {"aws:SourceAccount": "123456789012"}},
)
BY_AGE = {"id": "age", "status": "Enabled", "filter": {"prefix": ""}, "expiration": {"days": 60}}
BY_AGE_NONCURRENT = {"id": "old", "filter": {"prefix": ""}, "noncurrentVersionExpiration": {"noncurrentDays": 60}}
EARLY = {
    "id": "ia",
    "filter": {"prefix": ""},
    "noncurrentVersionTransitions": [{"noncurrentDays": 7, "storageClass": "STANDARD_IA"}],
}
EARLY_CURRENT = {"id": "ia", "filter": {"prefix": ""}, "transitions": [{"days": 29, "storageClass": "STANDARD_IA"}]}
OURS = "aws:kms"

CASES = [
    Case("bucket-complete", "s3.BucketVersioning", "no BucketVersioning", named="repository", drop=True),
    Case("bucket-complete", "s3.BucketLifecycleConfiguration", "no BucketLifecycle", named="logs", drop=True),
    Case(
        "bucket-complete",
        "s3.BucketVersioning",
        "not kept",
        put("versioningConfiguration", "status", value="Suspended"),
    ),
    Case("bucket-complete", "s3.BucketPublicAccessBlock", "made public", put("blockPublicPolicy", value=False)),
    Case(
        "bucket-complete",
        "s3.BucketOwnershipControls",
        "who wrote",
        put("rule", "objectOwnership", value="ObjectWriter"),
    ),
    Case("bucket-complete", "s3.BucketPolicy", "without TLS", put("policy", value=policy(allow("s3:GetObject")))),
    Case(
        "bucket-encrypted-with-our-key",
        "s3.BucketServerSideEncryptionConfiguration",
        "not encrypted with a key of ours",
        put("rules", 0, "applyServerSideEncryptionByDefault", value={"sseAlgorithm": "AES256"}),
        named="repository",
    ),
    Case(
        "bucket-encrypted-with-our-key",
        "s3.BucketServerSideEncryptionConfiguration",
        "its key is in us-east-1, it is in us-west-2",
        put(
            "rules",
            0,
            "applyServerSideEncryptionByDefault",
            "kmsMasterKeyId",
            value="arn:aws:kms:us-east-1:123456789012:primary-key",
        ),
        named="replica",
    ),
    Case(
        "bucket-encrypted-with-our-key",
        "s3.BucketServerSideEncryptionConfiguration",
        "no bucket key",
        put("rules", 0, "bucketKeyEnabled", value=False),
        named="repository",
    ),
    Case(
        "access-logs-arrive",
        "s3.BucketServerSideEncryptionConfiguration",
        "SSE-S3",
        put("rules", 0, "applyServerSideEncryptionByDefault", "sseAlgorithm", value=OURS),
        named="logs-us-east-1",
    ),
    Case(
        "access-logs-arrive", "s3.Bucket", "Object Lock", put("objectLockEnabled", value=True), named="logs-us-east-1"
    ),
    Case("access-logs-arrive", "s3.BucketLogging", "not of this stack", put("targetBucket", value="elsewhere")),
    Case(
        "access-logs-arrive",
        "s3.BucketLogging",
        "its target is in us-east-1, it is in us-west-2",
        put("targetBucket", value="strongroom-prod-logs-123456789012-us-east-1"),
        named="replica",
    ),
    Case(
        "access-logs-arrive",
        "s3.BucketLogging",
        "for ever",
        put("bucket", value="strongroom-prod-logs-123456789012-us-east-1"),
        named="repository",
    ),
    Case(
        "repository-lets-go-by-tag",
        "s3.BucketLifecycleConfiguration",
        "by their age",
        put("rules", value=[BY_AGE]),
        "rep",
    ),
    Case(
        "repository-lets-go-by-tag",
        "s3.BucketLifecycleConfiguration",
        "by their age",
        put("rules", value=[BY_AGE_NONCURRENT]),
        "rep",
    ),
    Case(
        "locked-bucket-is-cleared", "s3.BucketLifecycleConfiguration", "grows for ever", put("rules", value=[]), "rep"
    ),
    Case("infrequent-access-after-30-days", "s3.BucketLifecycleConfiguration", "on day 7", put("rules", value=[EARLY])),
    Case(
        "infrequent-access-after-30-days",
        "s3.BucketLifecycleConfiguration",
        "on day 29",
        put("rules", value=[EARLY_CURRENT]),
    ),
    Case(
        "replication-arrives",
        "s3.BucketReplicationConfig",
        "encrypted with a key of ours are not replicated",
        without("rules", 0, "sourceSelectionCriteria"),
    ),
    Case(
        "replication-arrives",
        "s3.BucketReplicationConfig",
        "no key of the other region",
        without("rules", 0, "destination", "encryptionConfiguration"),
    ),
    Case(
        "replication-arrives", "s3.BucketReplicationConfig", "how late", without("rules", 0, "destination", "metrics")
    ),
    Case(
        "replication-arrives",
        "s3.BucketReplicationConfig",
        "hides its copy",
        put("rules", 0, "deleteMarkerReplication", "status", value="Enabled"),
    ),
    Case(
        "replication-arrives",
        "s3.BucketReplicationConfig",
        "not of this stack",
        put("rules", 0, "destination", "bucket", value="arn:aws:s3:::elsewhere"),
    ),
    Case("replication-arrives", "s3.BucketVersioning", "has no versions", named="replica", drop=True),
    Case("replication-arrives", "s3.BucketObjectLockConfiguration", "nothing arrives", named="replica", drop=True),
    Case("replication-arrives", "s3.BucketLifecycleConfiguration", "stays there", named="replica", drop=True),
    Case(
        "trail-is-written", "cloudtrail.Trail", "enableLogFileValidation", put("enableLogFileValidation", value=False)
    ),
    Case("trail-is-written", "s3.BucketPolicy", "CloudTrail write", revoking("cloudtrail.amazonaws.com"), "audit"),
    Case("trail-is-written", "s3.BucketPolicy", "nobody write", named="audit", drop=True),
    Case("key-rotates", "kms.Key", "not rotated", put("enableKeyRotation", value=False)),
    Case("key-rotates", "kms.Key", "for 3 days", put("deletionWindowInDays", value=3)),
    Case("messages-encrypted", "sqs.Queue", "not encrypted", without("kmsMasterKeyId")),
    Case("messages-encrypted", "sns.Topic", "not encrypted", put("kmsMasterKeyId", value="alias/aws/sns")),
    Case("tables-recoverable", "dynamodb.Table", "point in time", put("pointInTimeRecovery", "enabled", value=False)),
    Case("tables-recoverable", "dynamodb.Table", "not encrypted", without("serverSideEncryption", "kmsKeyArn")),
    Case("log-groups-written", "cloudwatch.LogGroup", "for ever", put("retentionInDays", value=0)),
    Case("log-groups-written", "cloudwatch.LogGroup", "not encrypted", without("kmsKeyId")),
    Case("log-groups-written", "kms.Key", "logs.us-east-1", revoking("logs.us-east-1.amazonaws.com"), "primary"),
    Case("topic-key-lets-publishers", "kms.Key", "cloudwatch", revoking("cloudwatch.amazonaws.com"), "primary"),
    Case("topic-key-lets-publishers", "kms.Key", "budgets", revoking("budgets.amazonaws.com"), "primary"),
    Case("topic-lets-alarms", "sns.TopicPolicy", "cloudwatch", revoking("cloudwatch.amazonaws.com")),
    Case("topic-lets-alarms", "sns.TopicPolicy", "events", revoking("events.amazonaws.com")),
    Case("topic-lets-alarms", "sns.TopicPolicy", "does not let", drop=True),
    Case("events-without-source", "kms.Key", "in silence", granting(NAMED_SOURCE)),
    Case("trail-encrypts", "kms.Key", "cloudtrail", revoking("cloudtrail.amazonaws.com"), "primary"),
    Case("trail-encrypts", "cloudtrail.Trail", "not encrypted", without("kmsKeyId")),
    Case("production-protects-data", "kms.Key", "may delete", protect=False),
    Case("production-protects-data", "s3.Bucket", "may delete", protect=False, named="repository"),
    Case("production-protects-data", "dynamodb.Table", "may delete", protect=False),
    Case("function-environment-encrypted", "lambda.Function", "environment", without("kmsKeyArn")),
    Case("role-allows-what-is-needed", "iam.RolePolicy", "allows *", granting(allow("*"))),
    Case("role-allows-what-is-needed", "iam.RolePolicy", "s3:*", granting(allow("s3:*"))),
    Case(
        "role-allows-what-is-needed",
        "iam.RolePolicy",
        "every resource",
        granting(allow("lambda:UpdateFunctionCode", "*")),
    ),
    Case(
        "role-allows-what-is-needed",
        "iam.RolePolicy",
        "all but something",
        granting({"Effect": "Allow", "NotAction": "iam:*", "Resource": "arn:x"}),
    ),
    Case("role-deletes-nothing", "iam.RolePolicy", "s3:DeleteObject", granting(allow("s3:DeleteObject*"))),
    Case("role-deletes-nothing", "iam.RolePolicy", "Lifecycle", granting(allow("s3:Put*"))),
    Case("role-deletes-nothing", "iam.RolePolicy", "Bypass", granting(allow("S3:BYPASSGOVERNANCERETENTION"))),
    Case("role-trusts-somebody", "iam.Role", "anybody", granting(ANYBODY, name="assumeRolePolicy")),
    Case("nothing-public", "s3.BucketPolicy", "anybody", granting(ANYBODY)),
    Case("nothing-public", "sqs.QueuePolicy", "anybody", granting(ANYBODY)),
    Case("nothing-public", "kms.Key", "anybody", granting(allow("kms:Decrypt", "*", Principal={"AWS": ["*"]}))),
    Case(
        "role-of-its-own", "lambda.Function", "shares its role", put("role", value="arn:aws:iam::123456789012:role/all")
    ),
    Case("batches-in-parts", "lambda.EventSourceMapping", "whole batch", put("functionResponseTypes", value=[])),
    Case("batches-in-parts", "lambda.EventSourceMapping", "a batch of 100", put("batchSize", value=100)),
    Case(
        "queue-hides-long-enough", "sqs.Queue", "comes again", put("visibilityTimeoutSeconds", value=900), "jobs-queue"
    ),
    Case("queue-hides-long-enough", "lambda.Function", "comes again", put("timeout", value=901), "functions-worker"),
    Case("queue-hides-long-enough", "sqs.Queue", "no dead-letter queue", without("redrivePolicy"), "jobs-queue"),
    Case(
        "queue-hides-long-enough",
        "sqs.Queue",
        "given up after 3",
        put("redrivePolicy", value=json.dumps({"maxReceiveCount": 3, "deadLetterTargetArn": "arn:x"})),
        "jobs-queue",
    ),
    Case("dead-letters-live-longer", "sqs.Queue", "from when", put("messageRetentionSeconds", value=60), "jobs-dead"),
    Case("dead-letters-watched", "cloudwatch.MetricAlarm", "nobody is told", named="dead-letters", drop=True),
    Case("alarm-is-heard", "cloudwatch.MetricAlarm", "tells nobody", put("alarmActions", value=[])),
    Case("alarm-is-heard", "cloudwatch.MetricAlarm", "no runbook", put("alarmDescription", value="It broke.")),
    Case("alarm-is-heard", "cloudwatch.MetricAlarm", "its silence", without("treatMissingData")),
    Case(
        "alarm-is-heard",
        "cloudwatch.MetricAlarm",
        "it is in us-west-2 and its topic in us-east-1",
        put("alarmActions", value=["arn:aws:sns:us-east-1:123456789012:strongroom-prod-notices"]),
        "replication-late",
    ),
    Case(
        "alarm-is-heard",
        "cloudwatch.MetricAlarm",
        "no metric ApproximateNumberOfMessages:",
        put("metricName", value="ApproximateNumberOfMessages"),
        "dead-letters-jobs",
    ),
    Case("endpoint-for-every-call", "ec2.VpcEndpoint", "it calls sns", named="sns", drop=True),
    Case("endpoint-for-every-call", "iam.RolePolicy", "it calls states", granting(allow("states:StartExecution"))),
    Case("cost-is-watched", "budgets.Budget", "nobody is told", drop=True),
    Case("cost-is-watched", "budgets.Budget", "nobody is told", put("notifications", value=[])),
]


def changed(case: Case) -> Stack:
    """Give production with the case's change."""
    resources: list[Resource] = []
    for item in of_program("prod").resources:
        if item.kind != case.kind or case.named not in item.name:
            resources.append(item)
        elif not case.drop:
            props = deepcopy({key: value for key, value in item.props.items() if key != "code"})
            case.change(props)
            resources.append(replace(item, props=props, protect=item.protect if case.protect is None else case.protect))
    assert resources != list(of_program("prod").resources), "the case changes nothing"
    return Stack(tuple(resources))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}: {case.says}")
def test_a_rule_finds_what_it_is_there_for(case: Case) -> None:
    """Production keeps to it, and with this change it does not."""
    assert judged(case.rule, of_program("prod")) == []
    found = judged(case.rule, changed(case))
    assert [says for says in found if case.says in says], found


def test_every_rule_has_a_case() -> None:
    """A rule that never found anything may look at nothing."""
    hand_made = {"role-without-aws-policies"}
    assert {case.rule for case in CASES} | hand_made == {rule.name for rule in RULES}


def test_a_policy_of_aws_is_found() -> None:
    """The program has none, so the case is made by hand. One of our own is fine."""
    ours = resource("iam.RolePolicyAttachment", policyArn="arn:aws:iam::123456789012:policy/ours")
    backup = resource(
        "iam.RolePolicyAttachment", policyArn="arn:aws:iam::aws:policy/AWSBackupServiceRolePolicyForS3Backup"
    )
    assert judged("role-without-aws-policies", stack(ours)) == []
    (says,) = judged("role-without-aws-policies", stack(backup))
    assert "AWSBackupServiceRolePolicyForS3Backup" in says


def test_a_bucket_that_expires_within_a_week_needs_no_protection() -> None:
    """What drills write is gone in two days."""
    tags = {"Environment": "prod"}
    bucket = resource("s3.Bucket", bucket="scratch", tags=tags)
    week, month = (
        resource(
            "s3.BucketLifecycleConfiguration",
            bucket="scratch",
            rules=[{"filter": {"prefix": ""}, "expiration": {"days": days}}],
        )
        for days in (7, 30)
    )
    assert judged("production-protects-data", stack(bucket, week)) == []
    assert judged("production-protects-data", stack(bucket, month)) == ["Pulumi may delete it"]
    dev = replace(bucket, props={**bucket.props, "tags": {"Environment": "dev"}})
    assert judged("production-protects-data", stack(dev, month)) == []


def test_an_empty_stack_breaks_no_rule() -> None:
    """Nothing is there to be wrong."""
    assert [says for rule in RULES for says in judged(rule.name, stack())] == []
