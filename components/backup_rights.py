"""What AWS Backup may do for this stack: back tables and sources up and copy them, restore into what is new. Pure.

Taken from AWS's managed policies AWSBackupServiceRolePolicyForBackup and AWSBackupServiceRolePolicyForRestores, the
statements for DynamoDB, narrowed to this stack's tables, vaults and keys; and from their like for buckets,
AWSBackupServiceRolePolicyForS3Backup and AWSBackupServiceRolePolicyForS3Restore, narrowed to buckets and keys of the
sources (AWS Backup Developer Guide, "Managed policies for AWS Backup").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from pulumi import Input

from components.rights_policy import Statement, allow

EVERYWHERE: Final = {
    "tag:GetResources": "the tagging API knows no resource; AWS Backup asks it what the selection means",
}
"""The only action that is allowed on every resource, and why (Service Authorization Reference)."""
EVERYWHERE_FOR_BUCKETS: Final = {
    **EVERYWHERE,
    "cloudwatch:GetMetricData": "CloudWatch knows no resource for it; AWS Backup asks how large a bucket is",
    "events:ListRules": "EventBridge lists rules of the account only; AWS Backup looks for its own",
    "s3:ListAllMyBuckets": "S3 lists buckets of the account only; it says their names and nothing that is in them",
}
"""The same for the role that backs up buckets."""
TEST_TABLES: Final = "awsbackup-restore-test-*"
"""What restore tests call the tables that they make (AWS Backup Developer Guide, "Restore testing inferred metadata").
They are deleted by the role that belongs to AWS Backup itself."""
_READS: Final = ("dynamodb:DescribeTable", "dynamodb:ListTagsOfResource", "dynamodb:StartAwsBackupJob")
_WRITES: Final = (
    *("dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:DescribeTable", "dynamodb:GetItem"),
    *("dynamodb:PutItem", "dynamodb:Query", "dynamodb:RestoreTableFromAwsBackup", "dynamodb:Scan"),
    "dynamodb:UpdateItem",
)
_BUCKET_READS: Final = (
    *("s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketNotification", "s3:GetBucketTagging"),
    *("s3:GetBucketVersioning", "s3:GetInventoryConfiguration", "s3:ListBucket", "s3:ListBucketVersions"),
    *("s3:PutBucketNotification", "s3:PutInventoryConfiguration"),
)
"""The last two have S3 tell EventBridge of changes, and list what is there."""
_OBJECT_READS: Final = (
    *("s3:GetObject", "s3:GetObjectAcl", "s3:GetObjectTagging", "s3:GetObjectVersion"),
    *("s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging"),
)
_CHANGES: Final = (
    *("events:DeleteRule", "events:DescribeRule", "events:DisableRule", "events:EnableRule"),
    *("events:ListTargetsByRule", "events:PutRule", "events:PutTargets", "events:RemoveTargets"),
)
CHANGES_RULE: Final = "rule/AwsBackupManagedRule*"
"""What AWS Backup calls the rules by which it hears of changes in a bucket."""
_NEW_BUCKET: Final = (
    *("s3:GetBucketLocation", "s3:GetBucketOwnershipControls", "s3:GetBucketVersioning", "s3:ListBucket"),
    *("s3:ListBucketVersions", "s3:PutBucketOwnershipControls", "s3:PutBucketVersioning"),
)
_NEW_OBJECTS: Final = (
    *("s3:GetObject", "s3:GetObjectAcl", "s3:GetObjectTagging", "s3:GetObjectVersion", "s3:GetObjectVersionAcl"),
    *("s3:ListMultipartUploadParts", "s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectTagging"),
    "s3:PutObjectVersionAcl",
)
"""Those of AWS's policy but for `s3:DeleteObject`, which no role of this stack has: in a new bucket nothing is old."""


def backup_statements(
    tables: Sequence[Input[str]], vaults: Sequence[Input[str]], keys: Sequence[Input[str]], points: Sequence[str]
) -> list[Statement]:
    """Let AWS Backup read the tables, and put backups and copies into the vaults. Of items it reads none itself.

    `points` matches the ARNs of recovery points, whose names nobody knows before.
    """
    return [
        allow("Tables", _READS, tables),
        *_into(vaults, points),
        allow("Selection", tuple(EVERYWHERE), ["*"]),
        _through("dynamodb", "KeysOfTables", ("kms:Decrypt", "kms:GenerateDataKey"), keys),
        *_grants(keys),
    ]


def restore_statements(tables: Sequence[str], keys: Sequence[Input[str]]) -> list[Statement]:
    """Let AWS Backup restore into tables with these names only: none that the stack works with."""
    use = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo")
    return [allow("Restored", _WRITES, tables), _through("dynamodb", "KeysOfTables", use, keys), *_grants(keys)]


class Buckets(NamedTuple):
    """Buckets of this account, by their ARNs, and the keys that they are encrypted with."""

    account_id: str
    arns: Sequence[str]
    keys: Sequence[Input[str]]

    def own(self, statement: Statement) -> Statement:
        """Leave out buckets of other accounts: names of buckets are unique in the world, ARNs name no account."""
        return {**statement, "Condition": {"StringEquals": {"aws:ResourceAccount": self.account_id}}}

    @property
    def objects(self) -> list[str]:
        """What matches the ARNs of objects."""
        return [f"{arn}/*" for arn in self.arns]


def source_backup_statements(
    sources: Buckets, rule: str, vaults: Sequence[Input[str]], keys: Sequence[Input[str]], points: Sequence[str]
) -> list[Statement]:
    """Let AWS Backup read these buckets, hear of their changes, and put backups and copies into the vaults.

    `keys` are those of the vaults, `rule` matches the ARNs of AWS Backup's own rules on events.
    """
    read = ("kms:Decrypt", "kms:DescribeKey")
    return [
        sources.own(allow("Buckets", _BUCKET_READS, sources.arns)),
        sources.own(allow("Objects", _OBJECT_READS, sources.objects)),
        # IAM takes no empty list.
        *([_through("s3", "KeysOfSources", read, sources.keys)] if sources.keys else []),
        allow("Changes", _CHANGES, [rule]),
        *_into(vaults, points),
        allow("Selection", tuple(EVERYWHERE_FOR_BUCKETS), ["*"]),
        *_grants(keys),
    ]


def source_restore_statements(restored: Buckets, keys: Sequence[Input[str]]) -> list[Statement]:
    """Let AWS Backup restore into buckets with these names only: none that is a source. `keys` are the vaults'."""
    use = ("kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey")
    return [
        allow("NewBuckets", ("s3:CreateBucket",), restored.arns),
        restored.own(allow("Restored", _NEW_BUCKET, restored.arns)),
        restored.own(allow("RestoredObjects", _NEW_OBJECTS, restored.objects)),
        _through("s3", "KeysOfRestored", use, restored.keys),
        *_grants(keys),
    ]


def _into(vaults: Sequence[Input[str]], points: Sequence[str]) -> list[Statement]:
    return [
        allow("Vaults", ("backup:CopyIntoBackupVault", "backup:DescribeBackupVault"), vaults),
        allow("Copies", ("backup:CopyFromBackupVault",), [*vaults, *points]),
        allow("Tags", ("backup:TagResource",), points),
    ]


def _through(service: str, sid: str, actions: Sequence[str], keys: Sequence[Input[str]]) -> Statement:
    via = {"StringLike": {"kms:ViaService": f"{service}.*.amazonaws.com"}}
    return {**allow(sid, actions, keys), "Condition": via}


def _grants(keys: Sequence[Input[str]]) -> list[Statement]:
    """Let AWS Backup hand the keys on to the services that do the work, and to no people."""
    only_services = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    grants = {**allow("Grants", ("kms:CreateGrant",), keys), "Condition": only_services}
    return [allow("Keys", ("kms:DescribeKey",), keys), grants]
