"""What is protected, and where it may be restored to."""

from __future__ import annotations

from pydantic import Field

from components.settings.section import Section
from components.settings.values import AccountId, BucketName, KeyArn, SourceName, SourcePrefix, UserPattern


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
    """Who outside this account may restore."""

    trusted_accounts: tuple[AccountId, ...] = Field(
        (),
        max_length=50,
        description="Accounts whose administrators may assume the restore role, each session for one user's prefix.",
        examples=[["210987654321"]],
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
