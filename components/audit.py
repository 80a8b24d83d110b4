"""The audit trail: who touched which object of the repository and its replica, provably complete, for seven years.

The files are the proof. For a year the same stands in a log group too, where a question at night is answered within
seconds; a topic tells whoever collects files of trails that another one is there.

Access logs beside it show what a trail does not: what lifecycle deletes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi_aws as aws
from pulumi import ComponentResource, Input, Output, ResourceOptions

from components.bucket import Bucket, BucketArgs
from components.bucket_policy import Lock
from components.lifecycle import ByAge
from components.policy import document, trust
from components.refs import BucketRef, KeyRef
from components.rights_policy import Statement, allow
from components.topic import TRAILS, Topic, TopicArgs
from functions.engine.errors import ConfigurationError

LOG_GROUPS: Final = "/aws/cloudtrail/"
"""What the log group's name begins with; the key's policy must let CloudWatch Logs use the key for it."""
LOG_DAYS: Final = 365


@dataclass(frozen=True)
class AuditArgs:
    """The trail. The key's policy must let it encrypt: `key_policy.cloudtrail`, with the same ARN.

    It must also let CloudTrail publish: `key_policy.publisher`.
    """

    trail_name: str
    trail_arn: str
    bucket_name: str
    bucket_arn: str
    """Known before the bucket is: its policy names the trail, and the trail the bucket."""
    buckets: Sequence[BucketRef]
    """Whose objects are watched, in whatever region."""
    key: KeyRef
    topic_name: str
    """Of the topic that hears of every file. Nobody listens until somebody collects them."""
    region: str
    account_id: str
    retention_days: int = 2_555
    lock: Lock | None = None
    """Default: none. Files under a lock can be validated and kept, and the bucket cannot go before they do."""
    log_target: BucketRef | None = None
    protect: bool = True
    break_glass: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Refuse a trail that watches nothing, and locks that outlive what they lock."""
        if not self.buckets:
            raise ConfigurationError("the trail has no bucket to watch")
        if self.lock is not None and self.lock.days > self.retention_days:
            raise ConfigurationError(
                f"the trail is kept for {self.retention_days} days, but locked for {self.lock.days}"
            )


class Audit(ComponentResource):
    """A trail of all regions, and the bucket of its files."""

    ref: BucketRef
    trail_arn: Output[str]

    def __init__(self, name: str, args: AuditArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("strongroom:index:Audit", name, None, opts)
        bucket = Bucket(
            f"{name}-files",
            BucketArgs(
                name=args.bucket_name,
                kind="trail",
                region=args.region,
                account_id=args.account_id,
                lifecycle=ByAge(args.retention_days),
                key=args.key,
                lock=args.lock,
                log_target=args.log_target,
                protect=args.protect,
                break_glass=args.break_glass,
                statements=delivery_statements(args),
            ),
            ResourceOptions(parent=self),
        )
        group, role, rights = self._log(name, args)
        listeners = TopicArgs(args.topic_name, args.key, args.account_id, args.region, publishers=(TRAILS,))
        topic = Topic(f"{name}-topic", listeners, ResourceOptions(parent=self))
        trail = aws.cloudtrail.Trail(
            f"{name}-trail",
            name=args.trail_name,
            s3_bucket_name=bucket.ref.name,
            kms_key_id=args.key.arn,
            cloud_watch_logs_group_arn=Output.concat(group.arn, ":*"),
            cloud_watch_logs_role_arn=role.arn,
            sns_topic_name=topic.ref.name,
            enable_log_file_validation=True,
            enable_logging=True,
            include_global_service_events=True,
            # The replica is in another region.
            is_multi_region_trail=True,
            advanced_event_selectors=[_objects_of(args.buckets), _changes()],
            region=args.region,
            # CloudTrail tries bucket, topic and role when a trail is made.
            opts=ResourceOptions(parent=self, depends_on=[bucket, topic, rights]),
        )
        self.ref, self.trail_arn = bucket.ref, trail.arn
        self.register_outputs({"trail_arn": trail.arn, "bucket": bucket.ref.name})

    def _log(self, name: str, args: AuditArgs) -> tuple[aws.cloudwatch.LogGroup, aws.iam.Role, aws.iam.RolePolicy]:
        """Make the log group, and the role by which CloudTrail writes to it."""
        mine = ResourceOptions(parent=self)
        group = aws.cloudwatch.LogGroup(
            f"{name}-log",
            name=f"{LOG_GROUPS}{args.trail_name}",
            retention_in_days=LOG_DAYS,
            kms_key_id=args.key.arn,
            region=args.region,
            opts=mine,
        )
        condition = {"StringEquals": {"aws:SourceArn": args.trail_arn}}
        role = aws.iam.Role(
            f"{name}-log",
            description="Writes the trail to its log group",
            assume_role_policy=trust(TRAILS, condition),
            opts=mine,
        )
        # The only stream that CloudTrail writes (AWS CloudTrail User Guide, "Role policy document for CloudTrail").
        stream = Output.concat(group.arn, f":log-stream:{args.account_id}_CloudTrail_{args.region}*")
        write = allow("TrailLog", ("logs:CreateLogStream", "logs:PutLogEvents"), [stream])
        rights = aws.iam.RolePolicy(f"{name}-log", role=role.id, policy=document([write]), opts=mine)
        return group, role, rights


def delivery_statements(args: AuditArgs) -> list[Statement]:
    """Let this one trail look at the bucket and write its files.

    AWS CloudTrail User Guide, "Amazon S3 bucket policy for CloudTrail".
    """
    principal = {"Service": TRAILS}
    from_trail = {"aws:SourceArn": args.trail_arn}
    return [
        {
            "Sid": "TrailLooks",
            "Effect": "Allow",
            "Principal": principal,
            "Action": "s3:GetBucketAcl",
            "Resource": args.bucket_arn,
            "Condition": {"StringEquals": from_trail},
        },
        {
            "Sid": "TrailWrites",
            "Effect": "Allow",
            "Principal": principal,
            "Action": "s3:PutObject",
            "Resource": f"{args.bucket_arn}/AWSLogs/{args.account_id}/*",
            "Condition": {"StringEquals": {**from_trail, "s3:x-amz-acl": "bucket-owner-full-control"}},
        },
    ]


def _objects_of(buckets: Sequence[BucketRef]) -> aws.cloudtrail.TrailAdvancedEventSelectorArgs:
    """Select every read and write of an object."""
    prefixes: list[Input[str]] = [Output.concat(bucket.arn, "/") for bucket in buckets]
    return aws.cloudtrail.TrailAdvancedEventSelectorArgs(
        name="Objects of the repository",
        field_selectors=[
            _field("eventCategory", ["Data"]),
            _field("resources.type", ["AWS::S3::Object"]),
            aws.cloudtrail.TrailAdvancedEventSelectorFieldSelectorArgs(field="resources.ARN", starts_withs=prefixes),
        ],
    )


def _changes() -> aws.cloudtrail.TrailAdvancedEventSelectorArgs:
    """Select what changes the account: policies, lifecycles, keys. Reads would be most of the volume."""
    return aws.cloudtrail.TrailAdvancedEventSelectorArgs(
        name="Changes of the account",
        field_selectors=[_field("eventCategory", ["Management"]), _field("readOnly", ["false"])],
    )


def _field(name: str, equals: list[str]) -> aws.cloudtrail.TrailAdvancedEventSelectorFieldSelectorArgs:
    return aws.cloudtrail.TrailAdvancedEventSelectorFieldSelectorArgs(field=name, equals=equals)
