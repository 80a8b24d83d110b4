"""What AWS Backup may do for this stack: back these tables up and copy them, restore into tables of its own. Pure.

Taken from AWS's managed policies AWSBackupServiceRolePolicyForBackup and AWSBackupServiceRolePolicyForRestores, the
statements for DynamoDB, narrowed to this stack's tables, vaults and keys (AWS Backup Developer Guide, "Managed
policies for AWS Backup").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pulumi import Input

from components.rights_policy import Statement, allow

EVERYWHERE: Final = {
    "tag:GetResources": "the tagging API knows no resource; AWS Backup asks it what the selection means",
}
"""The only action that is allowed on every resource, and why (Service Authorization Reference)."""
TEST_TABLES: Final = "awsbackup-restore-test-*"
"""What restore tests call the tables that they make (AWS Backup Developer Guide, "Restore testing inferred metadata").
They are deleted by the role that belongs to AWS Backup itself."""
_READS: Final = ("dynamodb:DescribeTable", "dynamodb:ListTagsOfResource", "dynamodb:StartAwsBackupJob")
_WRITES: Final = (
    *("dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:DescribeTable", "dynamodb:GetItem"),
    *("dynamodb:PutItem", "dynamodb:Query", "dynamodb:RestoreTableFromAwsBackup", "dynamodb:Scan"),
    "dynamodb:UpdateItem",
)


def backup_statements(
    tables: Sequence[Input[str]], vaults: Sequence[Input[str]], keys: Sequence[Input[str]], points: Sequence[str]
) -> list[Statement]:
    """Let AWS Backup read the tables, and put backups and copies into the vaults. Of items it reads none itself.

    `points` matches the ARNs of recovery points, whose names nobody knows before.
    """
    return [
        allow("Tables", _READS, tables),
        allow("Vaults", ("backup:CopyIntoBackupVault", "backup:DescribeBackupVault"), vaults),
        allow("Copies", ("backup:CopyFromBackupVault",), [*vaults, *points]),
        allow("Tags", ("backup:TagResource",), points),
        allow("Selection", tuple(EVERYWHERE), ["*"]),
        _through_dynamodb(("kms:Decrypt", "kms:GenerateDataKey"), keys),
        *_grants(keys),
    ]


def restore_statements(tables: Sequence[str], keys: Sequence[Input[str]]) -> list[Statement]:
    """Let AWS Backup restore into tables with these names only: none that the stack works with."""
    use = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo")
    return [allow("Restored", _WRITES, tables), _through_dynamodb(use, keys), *_grants(keys)]


def _through_dynamodb(actions: Sequence[str], keys: Sequence[Input[str]]) -> Statement:
    via = {"StringLike": {"kms:ViaService": "dynamodb.*.amazonaws.com"}}
    return {**allow("KeysOfTables", actions, keys), "Condition": via}


def _grants(keys: Sequence[Input[str]]) -> list[Statement]:
    """Let AWS Backup hand the keys on to the services that do the work, and to no people."""
    only_services = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    grants = {**allow("Grants", ("kms:CreateGrant",), keys), "Condition": only_services}
    return [allow("Keys", ("kms:DescribeKey",), keys), grants]
