"""Replication of the repository to the second region.

What S3 allows together with Object Lock, and what it does not (Amazon S3 User Guide, "Object Lock considerations",
"What does Amazon S3 replicate?"):

- Both buckets need versioning, and the replica needs Object Lock as well, or nothing arrives (failure reason
  `DstBucketObjectLockConfigMissing`). No token of AWS Support is needed: both are born with the lock.
- A copy takes over the lock of its source, so the role must read retention and legal hold. The replica's default
  retention counts only for what has no lock. A change of the lock's end is replicated as other metadata is; that it
  is has not been seen on AWS by us (docs/design.md, "Proven, and not yet").
- Neither delete markers nor deletions of versions nor what lifecycle does is replicated. The tag of expired objects
  is: the replica's own lifecycle lets them go.
- What was there before the rule is not replicated: that takes S3 Batch Replication, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pulumi_aws as aws
from pulumi import ComponentResource, Input, Output, ResourceOptions

from components.policy import document, trust
from components.refs import BucketRef, KeyRef
from components.rights_policy import Statement

RULE: Final = "everything"
"""The id of the rule: a dimension of its metrics."""
_TIME_CONTROL_MINUTES: Final = 15
"""The only value that S3 takes (Amazon S3 API Reference, ReplicationTimeValue)."""


@dataclass(frozen=True)
class ReplicationArgs:
    """From where to where. Objects are encrypted anew, with the key of the replica's region."""

    source: BucketRef
    source_key: KeyRef
    source_region: str
    replica: BucketRef
    replica_key: KeyRef
    replica_region: str
    account_id: str
    time_control: bool = False
    """Promises 15 minutes for 99.99 % of the objects, for more money."""
    storage_class: str = "STANDARD_IA"


class Replication(ComponentResource):
    """The rule and the role that S3 copies with."""

    rule: str
    role_arn: Output[str]

    def __init__(self, name: str, args: ReplicationArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("strongroom:index:Replication", name, None, opts)
        self._args = args
        role = aws.iam.Role(
            f"{name}-role",
            description="S3 copies the repository to the second region",
            assume_role_policy=trust("s3.amazonaws.com", _from_source(args)),
            opts=ResourceOptions(parent=self),
        )
        rights = aws.iam.RolePolicy(
            f"{name}-role",
            role=role.name,
            policy=document(role_statements(args)),
            opts=ResourceOptions(parent=self),
        )
        aws.s3.BucketReplicationConfig(
            f"{name}-rule",
            bucket=args.source.name,
            role=role.arn,
            rules=[self._rule()],
            region=args.source_region,
            # What is written before the role may copy it stays behind.
            opts=ResourceOptions(parent=self, depends_on=[rights]),
        )
        self.rule, self.role_arn = RULE, role.arn
        self.register_outputs({"role_arn": role.arn, "rule": RULE})

    def _rule(self) -> aws.s3.BucketReplicationConfigRuleArgs:
        encrypted = aws.s3.BucketReplicationConfigRuleSourceSelectionCriteriaSseKmsEncryptedObjectsArgs(
            status="Enabled"
        )
        return aws.s3.BucketReplicationConfigRuleArgs(
            id=RULE,
            status="Enabled",
            priority=0,
            filter=aws.s3.BucketReplicationConfigRuleFilterArgs(prefix=""),
            delete_marker_replication=aws.s3.BucketReplicationConfigRuleDeleteMarkerReplicationArgs(status="Disabled"),
            source_selection_criteria=aws.s3.BucketReplicationConfigRuleSourceSelectionCriteriaArgs(
                sse_kms_encrypted_objects=encrypted
            ),
            destination=self._destination(),
        )

    def _destination(self) -> aws.s3.BucketReplicationConfigRuleDestinationArgs:
        args = self._args
        return aws.s3.BucketReplicationConfigRuleDestinationArgs(
            bucket=args.replica.arn,
            storage_class=args.storage_class,
            encryption_configuration=aws.s3.BucketReplicationConfigRuleDestinationEncryptionConfigurationArgs(
                replica_kms_key_id=args.replica_key.arn
            ),
            metrics=_metrics(time_control=args.time_control),
            replication_time=_time_control() if args.time_control else None,
        )


def role_statements(args: ReplicationArgs) -> list[Statement]:
    """Give what the role may: read versions and their locks here, write copies there, nothing else.

    A replica's key is also decrypted with: S3 proves the bucket key with it before it uses it (Amazon S3 User Guide,
    "Using an S3 Bucket Key with replication").
    """
    read = (
        "s3:GetObjectVersionForReplication",
        "s3:GetObjectVersionAcl",
        "s3:GetObjectVersionTagging",
        "s3:GetObjectRetention",
        "s3:GetObjectLegalHold",
    )
    objects, copies = Output.concat(args.source.arn, "/*"), Output.concat(args.replica.arn, "/*")
    return [
        _allow("Source", ("s3:GetReplicationConfiguration", "s3:ListBucket"), args.source.arn),
        _allow("SourceObjects", read, objects),
        _allow("Copies", ("s3:ReplicateObject", "s3:ReplicateTags"), copies),
        {
            **_allow("SourceKey", ("kms:Decrypt",), args.source_key.arn),
            "Condition": _through_s3(args.source_region, args.source.arn),
        },
        {
            **_allow("ReplicaKey", ("kms:Encrypt", "kms:GenerateDataKey", "kms:Decrypt"), args.replica_key.arn),
            "Condition": _through_s3(args.replica_region, args.replica.arn),
        },
    ]


def _from_source(args: ReplicationArgs) -> dict[str, object]:
    return {
        "StringEquals": {"aws:SourceAccount": args.account_id},
        "ArnEquals": {"aws:SourceArn": args.source.arn},
    }


def _allow(sid: str, actions: tuple[str, ...], resource: Input[str]) -> Statement:
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resource}


def _through_s3(region: str, bucket_arn: Input[str]) -> dict[str, object]:
    """Give the condition for objects of one bucket: with a bucket key, the context is the bucket, not the object."""
    service = f"s3.{region}.amazonaws.com"
    return {"StringEquals": {"kms:ViaService": service, "kms:EncryptionContext:aws:s3:arn": bucket_arn}}


def _metrics(*, time_control: bool) -> aws.s3.BucketReplicationConfigRuleDestinationMetricsArgs:
    """Give metrics in any case. A threshold for events comes with time control only."""
    threshold = aws.s3.BucketReplicationConfigRuleDestinationMetricsEventThresholdArgs(minutes=_TIME_CONTROL_MINUTES)
    return aws.s3.BucketReplicationConfigRuleDestinationMetricsArgs(
        status="Enabled", event_threshold=threshold if time_control else None
    )


def _time_control() -> aws.s3.BucketReplicationConfigRuleDestinationReplicationTimeArgs:
    return aws.s3.BucketReplicationConfigRuleDestinationReplicationTimeArgs(
        status="Enabled",
        time=aws.s3.BucketReplicationConfigRuleDestinationReplicationTimeTimeArgs(minutes=_TIME_CONTROL_MINUTES),
    )
