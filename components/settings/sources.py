"""What is protected, and where it may be restored to."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from components.settings.section import Section
from components.settings.values import AccountId, BucketName, KeyArn, RoleArn, SourceName, SourcePrefix, UserPattern

MOST_TRUSTED: Final = 40
"""A trust policy has at most 2,048 characters (AWS IAM User Guide, "IAM and AWS STS quotas")."""
MOST_SHARED: Final = 25
"""Sources that trusted accounts may restore from: the policies in a role have at most 10,240 characters (the same
page), and a source takes up to 300 of them."""
_MOST_ROLES: Final = 10


class Source(Section):
    """A bucket and prefix to protect. Each first-level folder below it is a user."""

    name: SourceName = Field(description="Stands in object keys, metrics and notices. Never change it.")
    bucket: BucketName = Field(description="Bucket to protect, in the stack's region.")
    prefix: SourcePrefix = Field("", description="Folder to protect; empty for the whole bucket.")
    priority: tuple[UserPattern, ...] = Field(
        (), description="Users that go first: names, or beginnings of names followed by `*`.", examples=[["board"]]
    )
    key_arn: KeyArn | None = Field(
        None, description="KMS key of the bucket, when it is encrypted with a customer managed one."
    )


class Access(Section):
    """Who may do what the functions do not: restore from outside, delete, let go."""

    trusted_accounts: tuple[AccountId, ...] = Field(
        (),
        max_length=MOST_TRUSTED,
        description="Accounts whose administrators may assume the restore role, each session for one user's prefix.",
        examples=[["210987654321"]],
    )
    break_glass_roles: tuple[RoleArn, ...] = Field(
        (),
        max_length=_MOST_ROLES,
        description="Roles for emergencies: the only ones that the buckets let delete. Without any, nobody.",
        examples=[["arn:aws:iam::123456789012:role/break-glass"]],
    )
    expirer_roles: tuple[RoleArn, ...] = Field(
        (),
        max_length=_MOST_ROLES,
        description="Roles beside the collector's own that may tag objects of the repository, and so let them expire "
        "or bring them back; and that may order a user's erasure, write backups off, release holds, and collect.",
        examples=[["arn:aws:iam::123456789012:role/collector"]],
    )


class Restore(Section):
    """What may be restored into. The role of the restore workers can write to no other bucket."""

    buckets: tuple[BucketName, ...] = Field(
        (), description="Buckets that may be restored into, in the stack's region.", examples=[["acme-restored"]]
    )
    key_arns: tuple[KeyArn, ...] = Field(
        (),
        description="KMS keys of those buckets, where they are encrypted with customer managed ones.",
        examples=[["arn:aws:kms:us-east-1:123456789012:key/1b2c3d4e-5f60-4718-8293-a4b5c6d7e8f9"]],
    )
