"""Asks AWS how a stack is. Each reading is one method, needs the rights that it names, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cli.doctor.facts import (
    AlarmState,
    Bucket,
    Function,
    Identity,
    Key,
    Quota,
    Subscription,
    TableState,
)
from functions.engine.errors import RequestError, StrongroomError
from functions.runtime.cloud import Cloud
from functions.runtime.looking import Looking

_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_ABSENT = (
    "NoSuchPublicAccessBlockConfiguration",
    "ObjectLockConfigurationNotFoundError",
    "ReplicationConfigurationNotFoundError",
    "ServerSideEncryptionConfigurationNotFoundError",
)
"""What S3 answers when a bucket does not have a setting."""
_PENDING = "PendingConfirmation"
_YEAR = 365


class Reader:
    """Reads in one region. Safe from any thread; every error is one of the tree, and comes soon."""

    def __init__(self, cloud: Cloud) -> None:
        """Read through the clients of `cloud`. Nothing is sent yet."""
        self._look = Looking(cloud)

    def identity(self) -> Identity:
        """Say who asks. It needs no right."""
        found = self._look.call("sts", "GetCallerIdentity", "identity of the caller")
        return Identity(str(found["Account"]), str(found["Arn"]))

    def refused(self, role: str, actions: Sequence[str], arns: Sequence[str]) -> list[str]:
        """Give the actions that the policies of an identity do not allow. Needs iam:SimulatePrincipalPolicy."""
        asked: Any = {"PolicySourceArn": role, "ActionNames": list(actions), "ResourceArns": list(arns)}
        found = self._look.call("iam", "SimulatePrincipalPolicy", f"identity {role}", **asked)
        results = found["EvaluationResults"]
        return sorted({str(one["EvalActionName"]) for one in results if one["EvalDecision"] != "allowed"})

    def bucket(self, name: str) -> Bucket:
        """Read a bucket's settings. Needs five s3:Get rights on it, which a refusal names."""
        what = f"bucket {name}"
        versioning = self._look.call("s3", "GetBucketVersioning", what, Bucket=name)
        lock = self._setting("GetObjectLockConfiguration", "s3:GetBucketObjectLockConfiguration", name)
        retention = lock.get("ObjectLockConfiguration", {}).get("Rule", {}).get("DefaultRetention", {})
        rules = self._setting("GetBucketEncryption", "s3:GetEncryptionConfiguration", name)
        default = _first(rules.get("ServerSideEncryptionConfiguration", {}).get("Rules", ()))
        encryption = default.get("ApplyServerSideEncryptionByDefault", {})
        public = self._setting("GetPublicAccessBlock", "s3:GetBucketPublicAccessBlock", name)
        blocks = public.get("PublicAccessBlockConfiguration", {})
        copied = self._setting("GetBucketReplication", "s3:GetReplicationConfiguration", name)
        days = retention.get("Days") or retention.get("Years", 0) * _YEAR
        return Bucket(
            versioning=versioning.get("Status"),
            lock_mode=retention.get("Mode"),
            lock_days=days or None,
            encryption=encryption.get("SSEAlgorithm"),
            key_arn=encryption.get("KMSMasterKeyID"),
            closed=all(blocks.get(block) for block in _BLOCKS),
            replicates_to=tuple(_targets(copied.get("ReplicationConfiguration", {}).get("Rules", ()))),
        )

    def key(self, arn: str) -> Key:
        """Read a key's state. Needs kms:DescribeKey and kms:GetKeyRotationStatus on it."""
        found = self._look.call("kms", "DescribeKey", f"key {arn}", KeyId=arn)["KeyMetadata"]
        state, gone = str(found["KeyState"]), found.get("DeletionDate")
        if gone is not None:  # KMS says nothing about the rotation of a key that goes
            return Key(state, rotates=False, deleted_on=gone)
        rotation = self._look.call("kms", "GetKeyRotationStatus", f"key {arn}", KeyId=arn)
        return Key(state, bool(rotation.get("KeyRotationEnabled")))

    def function(self, arn: str) -> Function:
        """Read a function as its alias calls it. Needs three lambda: rights, which a refusal names."""
        name = arn.rpartition(":")[0] if arn.count(":") > 6 else arn  # noqa: PLR2004 - an ARN with an alias
        found = self._look.call("lambda", "GetFunctionConfiguration", f"function {arn}", FunctionName=arn)
        kept = self._look.call("lambda", "GetFunctionConcurrency", f"function {arn}", FunctionName=name)
        feeds = self._look.pages(
            "lambda", "ListEventSourceMappings", f"function {arn}", "EventSourceMappings", FunctionName=arn
        )
        return Function(
            state=str(found.get("State", "Active")),
            updated=str(found.get("LastUpdateStatus", "Successful")),
            memory_mb=int(found["MemorySize"]),
            timeout_seconds=int(found["Timeout"]),
            reserved=kept.get("ReservedConcurrentExecutions"),
            network=found.get("VpcConfig", {}).get("VpcId") or None,
            feeds={str(feed["EventSourceArn"]).rpartition(":")[2]: str(feed["State"]) for feed in feeds},
        )

    def quota(self) -> Quota:
        """Read how much may run at once. Needs lambda:GetAccountSettings."""
        found = self._look.call("lambda", "GetAccountSettings", "quota of Lambda")["AccountLimit"]
        return Quota(int(found["ConcurrentExecutions"]), int(found["UnreservedConcurrentExecutions"]))

    def endpoints(self, network: str) -> dict[str, str]:
        """Give the endpoints of a VPC by service name, and their states. Needs ec2:DescribeVpcEndpoints."""
        filters = [{"Name": "vpc-id", "Values": [network]}]
        found = self._look.pages("ec2", "DescribeVpcEndpoints", f"network {network}", "VpcEndpoints", Filters=filters)
        return {str(one["ServiceName"]): str(one["State"]) for one in found}

    def schedules(self, group: str) -> dict[str, str]:
        """Give the schedules of a group, and their states. Needs scheduler:ListSchedules."""
        found = self._look.pages("scheduler", "ListSchedules", f"group {group}", "Schedules", GroupName=group)
        return {str(one["Name"]): str(one["State"]) for one in found}

    def alarms(self, prefix: str) -> list[AlarmState]:
        """Give the alarms whose names begin so. Needs cloudwatch:DescribeAlarms."""
        what = f"alarms {prefix}*"
        found = self._look.pages("cloudwatch", "DescribeAlarms", what, "MetricAlarms", AlarmNamePrefix=prefix)
        return [
            AlarmState(
                str(one["AlarmName"]),
                str(one["StateValue"]),
                one["StateUpdatedTimestamp"],
                bool(one["ActionsEnabled"] and one["AlarmActions"]),
                str(one.get("AlarmDescription", "")),
            )
            for one in found
        ]

    def subscriptions(self, topic: str) -> list[Subscription]:
        """Give who is told. Needs sns:ListSubscriptionsByTopic."""
        found = self._look.pages("sns", "ListSubscriptionsByTopic", f"topic {topic}", "Subscriptions", TopicArn=topic)
        return [
            Subscription(str(one["Protocol"]), str(one["Endpoint"]), one["SubscriptionArn"] != _PENDING)
            for one in found
        ]

    def table(self, name: str) -> TableState:
        """Read a table's state. Needs dynamodb:DescribeTable and dynamodb:DescribeContinuousBackups."""
        found = self._look.call("dynamodb", "DescribeTable", f"table {name}", TableName=name)["Table"]
        kept = self._look.call("dynamodb", "DescribeContinuousBackups", f"table {name}", TableName=name)
        recovery = kept["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
        return TableState(
            status=str(found["TableStatus"]),
            recoverable=recovery.get("PointInTimeRecoveryStatus") == "ENABLED",
            protected=bool(found.get("DeletionProtectionEnabled")),
            copies={
                str(copy["RegionName"]): str(copy.get("ReplicaStatus", "ACTIVE")) for copy in found.get("Replicas", ())
            },
        )

    def _setting(self, operation: str, action: str, bucket: str) -> Mapping[str, Any]:
        """Give a setting of a bucket; nothing when the bucket has none."""
        try:
            found: Mapping[str, Any] = self._look.call("s3", operation, f"bucket {bucket}", action, Bucket=bucket)
        except StrongroomError as error:
            if isinstance(error, RequestError) and any(code in error.message for code in _ABSENT):
                return {}
            raise
        return found


def _first(items: Iterable[Any]) -> Mapping[str, Any]:
    return next(iter(items), {})


def _targets(rules: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for rule in rules:
        if rule.get("Status") == "Enabled":
            yield str(rule["Destination"]["Bucket"]).rpartition(":")[2]
