"""AWS Backup of the sources, for who wants a second system, of which no line is this one's. Off unless asked for.

It takes whole buckets, which must be versioned, and keeps every changed object whole, each version that has not
expired. It restores into new buckets; a single user it cannot restore (AWS Backup Developer Guide, "Amazon S3
backups"). Backups are periodic: continuous ones reach back 35 days at most, copies of them cannot be restored to a
point in time, and a lock on longer backups would refuse them. Backups of S3 have no cold storage (the same guide,
"Feature availability by resource").

The vaults are not those of the tables. CloudWatch counts jobs by vault: in one vault a table that was backed up would
hide that no bucket was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, Output, ResourceOptions

from components.backup_rights import CHANGES_RULE, Buckets, source_backup_statements, source_restore_statements
from components.refs import KeyRef, TopicRef
from components.settings import Names, Settings
from components.storage import Storage
from components.vaults import (
    PAGE,
    CopyPlace,
    RuleOf,
    VaultsArgs,
    locked_vaults,
    plan_of,
    role_for,
    selection_of,
    tell_failures,
)
from functions.engine.errors import ConfigurationError

START_MINUTES: Final = 480
COMPLETE_MINUTES: Final = 10_080
"""Both are AWS's own defaults: the first backup of a large bucket takes days, and what does not end in time has expired
(AWS re:Post, "How do I configure AWS Backup for large Amazon S3 buckets")."""


@dataclass(frozen=True, kw_only=True)
class SourceVaultArgs(VaultsArgs):
    """Which buckets are backed up, and for how long. `restored` begins the names of buckets that are restored into."""

    buckets: tuple[str, ...]
    bucket_keys: tuple[KeyRef, ...]
    """Keys of those buckets, where they are encrypted with customer managed ones. What AWS Backup cannot decrypt it
    leaves out, and calls the job completed."""
    days: int
    lock_days: int
    """The lock takes in nothing that is kept for less, as that of the repository: `days` can be lowered to it."""
    restored: str

    def __post_init__(self) -> None:
        """Refuse a bucket that a restore would write into, and what the lock would refuse."""
        super().__post_init__()
        if not self.buckets:
            raise ConfigurationError(f"vault {self.name} has no buckets to back up")
        if any(bucket.startswith(self.restored) for bucket in self.buckets):
            raise ConfigurationError(f"vault {self.name} takes no bucket whose name begins with {self.restored}")
        if self.days < self.lock_days:
            raise ConfigurationError(f"vault {self.name} is locked for {self.lock_days} days and keeps {self.days}")


def source_vault_args(settings: Settings, names: Names, storage: Storage, topic: TopicRef) -> SourceVaultArgs:
    """Say what is backed up of a stack's sources: each bucket once, whatever prefixes are protected in it."""
    copy = storage.copy
    return SourceVaultArgs(
        name=names.source_vault(),
        stack=names.stack,
        account_id=settings.account_id,
        region=settings.region,
        buckets=tuple(dict.fromkeys(source.bucket for source in settings.sources)),
        bucket_keys=tuple(KeyRef(arn) for arn in dict.fromkeys(source.key_arn for source in settings.sources) if arn),
        days=settings.retention.days,
        lock_days=settings.retention.lock_days,
        restored=names.restored(),
        key=storage.key,
        topic=topic,
        limits=settings.vault,
        copy=CopyPlace(copy.region, copy.key) if copy else None,
        compliance=settings.retention.lock_mode == "COMPLIANCE",
        protect=settings.protect,
        partition=settings.partition,
    )


class SourceVault(ComponentResource):
    """Vaults, plan, roles, and who is told. A restore test would restore everything each month: there is none."""

    name: Output[str]

    def __init__(self, name: str, args: SourceVaultArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("strongroom:index:SourceVault", name, None, opts)
        own = ResourceOptions(parent=self)
        vaults = locked_vaults("source-vault", args, args.lock_days, args.lock_days, own)
        rights = source_backup_statements(
            _buckets(args, list(args.buckets)),
            args.arn("events", CHANGES_RULE),
            vaults=[vault.arn for vault in vaults if vault is not None],
            keys=args.vault_keys,
            points=args.points,
        )
        backup = role_for(f"{name}-backup", "Backs up the sources", rights, args, own)
        restored = _buckets(args, [f"{args.restored}*"])
        # A restored bucket may have a source's key, or the stack's.
        restored = restored._replace(keys=[*restored.keys, *args.vault_keys])
        rights = source_restore_statements(restored, args.vault_keys)
        restore = role_for(f"{name}-restore", "Restores sources", rights, args, own)
        plan = plan_of("source-plan", args, [rule_of(args.days)], vaults, own)
        selection_of("sources", plan, backup, [_arn(args, bucket) for bucket in args.buckets], args, own)
        tell_failures(f"{PAGE}-sources", [backup, restore], args, own, incomplete=True)
        self.name = vaults.here.name
        self.register_outputs({"name": vaults.here.name})


def rule_of(days: int) -> RuleOf:
    """Give the one rule: daily, when the tables are backed up. Rules that meet would let first backups expire."""
    return RuleOf(
        "sources", "cron(0 5 * * ? *)", days, days, start_minutes=START_MINUTES, complete_minutes=COMPLETE_MINUTES
    )


def _buckets(args: SourceVaultArgs, names: list[str]) -> Buckets:
    keys = [Output.from_input(key.arn) for key in args.bucket_keys]
    return Buckets(args.account_id, [_arn(args, name) for name in names], keys)


def _arn(args: SourceVaultArgs, bucket: str) -> str:
    return f"arn:{args.partition}:s3:::{bucket}"
