"""The statements of key policies: who may use a key besides the roles of its own account. Pure.

Without its statement a service fails in silence: the alarm fires and no mail comes. Sources: Amazon SNS Developer
Guide, "Managing Amazon SNS encryption keys and costs"; AWS CloudTrail User Guide, "Configure AWS KMS key policies for
CloudTrail"; Amazon CloudWatch Logs User Guide, "Encrypt log data in CloudWatch Logs using AWS KMS".

Services that need none: SQS, SNS, DynamoDB, Lambda and S3 Replication use a key with the rights of the role on whose
behalf they act; EventBridge Scheduler sends as the schedule's role.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from components.rights_policy import Statement

if TYPE_CHECKING:
    from pulumi import Input

USE = ("kms:Decrypt", "kms:GenerateDataKey*")
"""What it takes to put a message on an encrypted topic or queue."""
EVENTS = "events.amazonaws.com"


def own_account(account_id: str, partition: str = "aws") -> Statement:
    """Let the account's own policies decide: without it nobody could ever change the key again."""
    return {
        "Sid": "OwnAccount",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{partition}:iam::{account_id}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }


def publisher(service: str, account_id: str, actions: Sequence[str] = USE, resource: Input[str] = "*") -> Statement:
    """Let a service send to topics and queues under the key: `cloudwatch.amazonaws.com` for alarms, and so on.

    With other actions and another resource it is a statement of the topic's own policy.

    EventBridge gives no source with what it sends: under a condition every notice would be dropped in silence (AWS
    Knowledge Center, "Why isn't my SNS topic receiving EventBridge notifications?").
    """
    statement: Statement = {
        "Sid": f"Publish{service.partition('.')[0].title()}",
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": list(actions),
        "Resource": resource,
    }
    if service == EVENTS:
        return statement
    return {**statement, "Condition": {"StringEquals": {"aws:SourceAccount": account_id}}}


def log_groups(region: str, account_id: str, prefix: str, partition: str = "aws") -> Statement:
    """Let CloudWatch Logs encrypt the log groups whose names begin with `prefix`."""
    arn = f"arn:{partition}:logs:{region}:{account_id}:log-group:{prefix}*"
    return {
        "Sid": "LogGroups",
        "Effect": "Allow",
        "Principal": {"Service": f"logs.{region}.amazonaws.com"},
        "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
        "Resource": "*",
        "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": arn}},
    }


def cloudtrail(account_id: str, trail_arn: str, partition: str = "aws") -> list[Statement]:
    """Let the trail encrypt its files. Its bucket has a bucket key, so it must also decrypt."""
    trails = f"arn:{partition}:cloudtrail:*:{account_id}:trail/*"
    principal = {"Service": "cloudtrail.amazonaws.com"}
    from_trail = {"StringEquals": {"aws:SourceArn": trail_arn}}
    return [
        {
            "Sid": "TrailEncrypts",
            "Effect": "Allow",
            "Principal": principal,
            "Action": "kms:GenerateDataKey*",
            "Resource": "*",
            "Condition": {**from_trail, "StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": trails}},
        },
        {
            "Sid": "TrailUsesBucketKey",
            "Effect": "Allow",
            "Principal": principal,
            "Action": ["kms:DescribeKey", "kms:Decrypt"],
            "Resource": "*",
            "Condition": from_trail,
        },
    ]


def trusted_accounts(
    account_ids: Sequence[str], region: str, bucket_arn: Input[str], partition: str = "aws"
) -> list[Statement]:
    """Let each trusted account read objects of one bucket, through S3 only. Without accounts there is no statement.

    With a bucket key the encryption context is the bucket (Amazon S3 User Guide, "Reducing the cost of SSE-KMS with
    Amazon S3 Bucket Keys"): nothing else under the key, not even in another bucket, opens for them.
    """
    if not account_ids:
        return []
    return [
        {
            "Sid": "TrustedAccounts",
            "Effect": "Allow",
            "Principal": {"AWS": [f"arn:{partition}:iam::{account_id}:root" for account_id in account_ids]},
            "Action": "kms:Decrypt",
            "Resource": "*",
            "Condition": {
                "StringEquals": {
                    "kms:ViaService": f"s3.{region}.amazonaws.com",
                    "kms:EncryptionContext:aws:s3:arn": bucket_arn,
                }
            },
        }
    ]
