"""Buckets: versioned, encrypted, closed to the public, over TLS only, and nobody deletes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import pulumi_aws as aws
from pulumi import ComponentResource, Input, ResourceOptions

from components import bucket_policy
from components.bucket_policy import Lock
from components.lifecycle import ByAge, ByTag, Lifecycle, rules_of
from components.policy import document
from components.refs import BucketRef, KeyRef
from components.rights_policy import Statement
from functions.engine.errors import ConfigurationError

Kind: TypeAlias = Literal["repository", "replica", "logs", "trail", "scratch"]
HOLDS_BACKUPS: tuple[Kind, ...] = ("repository", "replica")


@dataclass(frozen=True)
class BucketArgs:
    """A bucket. The kind decides which of the others it must have, and which it must not.

    `logs` is where S3 delivers access logs: that works with S3's own encryption only, without Object Lock, in the
    region of the buckets it logs, and its own requests are logged nowhere, which would never end (Amazon S3 User
    Guide, "Enabling Amazon S3 server access logging").
    """

    name: str
    kind: Kind
    region: str
    account_id: str
    lifecycle: Lifecycle
    key: KeyRef | None = None
    lock: Lock | None = None
    log_target: BucketRef | None = None
    log_sources: Sequence[Input[str]] = ()
    """ARNs of the buckets that a bucket of kind `logs` takes the logs of."""
    protect: bool = True
    """Refuses to destroy the bucket, and leaves it when it goes out of the program."""
    break_glass: Sequence[str] = ()
    """ARNs of the roles that may delete. Default: nobody."""
    expirers: Sequence[str] = ()
    """ARNs of the roles that may tag what holds backups, and so let it go. Default: nobody."""
    statements: Sequence[Statement] = ()
    """More statements of its policy."""

    def __post_init__(self) -> None:
        """Refuse what would lose data or logs, all at once."""
        if problems := list(_problems(self)):
            raise ConfigurationError(f"bucket {self.name}, of kind {self.kind}: {'; '.join(problems)}")


def _problems(args: BucketArgs) -> Iterator[str]:
    if args.kind in HOLDS_BACKUPS:
        if isinstance(args.lifecycle, ByAge):
            yield "its objects must not expire by age: an old pack can serve today's backup"
        if args.lock is None:
            yield "it needs Object Lock"
    elif isinstance(args.lifecycle, ByTag):
        yield "nobody tags its objects, so they must expire by age"
    if args.kind == "logs":
        if args.key is not None or args.lock is not None or args.log_target is not None:
            yield "S3 delivers access logs only without a KMS key and Object Lock; its own requests must not be logged"
        if not args.log_sources:
            yield "it needs the buckets whose logs it takes"
    elif args.key is None:
        yield "it needs a KMS key"
    if args.kind == "scratch" and args.lock is not None:
        yield "what is only tried out must not be locked"


class Bucket(ComponentResource):
    """A bucket and all its settings."""

    ref: BucketRef

    def __init__(self, name: str, args: BucketArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("strongroom:index:Bucket", name, None, opts)
        self._name, self._args = name, args
        self._bucket = aws.s3.Bucket(
            f"{name}-bucket",
            bucket=args.name,
            object_lock_enabled=args.lock is not None,
            # The stack's tag says that everything is under keys of the customer.
            tags=None if args.key else {"Encryption": "S3Managed"},
            # Else `pulumi destroy` stops at the first bucket that holds something.
            force_destroy=None if args.protect else True,
            region=args.region,
            opts=ResourceOptions(parent=self, protect=args.protect, retain_on_delete=args.protect),
        )
        versioning = self._versioning()
        self._encryption()
        self._lifecycle(versioning)
        self._events()
        if args.lock is not None:
            self._lock(args.lock, versioning)
        if args.log_target is not None:
            self._logging(args.log_target)
        self._policy(self._closed_to_the_public())
        # By way of versioning: replication is refused as long as one of its buckets has none.
        self.ref = BucketRef(versioning.bucket, self._bucket.arn)
        self.register_outputs({"name": self.ref.name, "arn": self.ref.arn})

    def _versioning(self) -> aws.s3.BucketVersioning:
        return aws.s3.BucketVersioning(
            f"{self._name}-versioning",
            bucket=self._bucket.id,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            region=self._args.region,
            opts=ResourceOptions(parent=self),
        )

    def _encryption(self) -> None:
        key = self._args.key
        default = aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
            sse_algorithm="aws:kms" if key else "AES256", kms_master_key_id=key.arn if key else None
        )
        rule = aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
            apply_server_side_encryption_by_default=default, bucket_key_enabled=True if key else None
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            f"{self._name}-encryption",
            bucket=self._bucket.id,
            rules=[rule],
            region=self._args.region,
            opts=ResourceOptions(parent=self),
        )

    def _lifecycle(self, versioning: aws.s3.BucketVersioning) -> None:
        aws.s3.BucketLifecycleConfiguration(
            f"{self._name}-lifecycle",
            bucket=versioning.bucket,
            rules=rules_of(self._args.lifecycle),
            region=self._args.region,
            opts=ResourceOptions(parent=self),
        )

    def _lock(self, lock: Lock, versioning: aws.s3.BucketVersioning) -> None:
        retention = aws.s3.BucketObjectLockConfigurationRuleDefaultRetentionArgs(mode=lock.mode, days=lock.days)
        aws.s3.BucketObjectLockConfiguration(
            f"{self._name}-lock",
            bucket=versioning.bucket,
            rule=aws.s3.BucketObjectLockConfigurationRuleArgs(default_retention=retention),
            region=self._args.region,
            opts=ResourceOptions(parent=self),
        )

    def _logging(self, target: BucketRef) -> None:
        aws.s3.BucketLogging(
            f"{self._name}-logging",
            bucket=self._bucket.id,
            target_bucket=target.name,
            target_prefix=f"{self._args.name}/",
            region=self._args.region,
            opts=ResourceOptions(parent=self),
        )

    def _events(self) -> None:
        """Tell the account's event bus what happens: who watches the account needs no change here."""
        aws.s3.BucketNotification(
            f"{self._name}-events",
            bucket=self._bucket.id,
            eventbridge=True,
            region=self._args.region,
            opts=ResourceOptions(parent=self),
        )

    def _closed_to_the_public(self) -> aws.s3.BucketPublicAccessBlock:
        aws.s3.BucketOwnershipControls(
            f"{self._name}-ownership",
            bucket=self._bucket.id,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            region=self._args.region,
            opts=ResourceOptions(parent=self),
        )
        return aws.s3.BucketPublicAccessBlock(
            f"{self._name}-public-access",
            bucket=self._bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            region=self._args.region,
            opts=ResourceOptions(parent=self),
        )

    def _policy(self, public_access: aws.s3.BucketPublicAccessBlock) -> None:
        aws.s3.BucketPolicy(
            f"{self._name}-policy",
            # By way of the public access block: S3 refuses two changes of a bucket's access at once.
            bucket=public_access.bucket,
            policy=document(policy_statements(self._args, self._bucket.arn)),
            region=self._args.region,
            opts=ResourceOptions(parent=self),
        )


def policy_statements(args: BucketArgs, arn: Input[str]) -> list[Statement]:
    """Give the statements of the bucket's policy."""
    delivery = bucket_policy.log_delivery(arn, args.account_id, args.log_sources) if args.kind == "logs" else []
    statements = [*delivery, *bucket_policy.tls_only(arn), *bucket_policy.no_deletes(arn, args.break_glass)]
    if args.key is not None and args.kind != "trail":
        # CloudTrail encrypts its digest files with S3's own key: refused, the trail could not be validated.
        statements += bucket_policy.own_key_only(arn, args.key.arn)
    if args.kind in HOLDS_BACKUPS:
        statements += bucket_policy.no_overwrites(arn, args.break_glass)
        statements += bucket_policy.no_tagging(arn, args.expirers)
        statements += bucket_policy.no_orders(arn, args.expirers)
    if args.lock is not None:
        statements += bucket_policy.bounded_lock(arn, args.lock)
    return [*statements, *args.statements]
