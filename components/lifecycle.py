"""What a bucket's lifecycle does. Pure.

Lifecycle counts from an object's birth, and an old pack can serve today's backup. So in a repository only a tag lets
an object go, never its age (design, "Retention and garbage collection"). The noncurrent versions of what has no such
tag stay for ever: who overwrites or hides a good object cannot have it deleted by waiting.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import pulumi_aws as aws

from functions.contract.object_keys import PACKS
from functions.contract.object_tags import EXPIRED, STATE
from functions.engine.errors import ConfigurationError

Rule: TypeAlias = aws.s3.BucketLifecycleConfigurationRuleArgs

ABORT_DAYS: Final = 7
"""An upload in parts that was not ended by then never will be: no function lives longer than 15 minutes."""
_FIRST_IA_DAY: Final = 30
"""Before it nothing moves to an infrequent access class (Amazon S3 User Guide, "Transitioning objects using Amazon S3
Lifecycle"). Objects of less than 128 KiB never move, which is S3's default and saves money."""


@dataclass(frozen=True)
class ByTag:
    """Of a repository. What was tagged as expired can be brought back for `undelete_days`."""

    undelete_days: int
    pack_class: str = "STANDARD"
    """All packs go there as soon as S3 allows, whatever their age. Manifests and commit records stay."""

    def __post_init__(self) -> None:
        """Refuse what would leave no way back."""
        if self.undelete_days < 1:
            raise ConfigurationError(
                f"what was deleted cannot be brought back for {self.undelete_days} days: 1 or more"
            )


@dataclass(frozen=True)
class ByAge:
    """Of logs and of scratch. Never of packs."""

    days: int
    noncurrent_days: int = 1

    def __post_init__(self) -> None:
        """Refuse what S3 would refuse."""
        if self.days < 1 or self.noncurrent_days < 1:
            raise ConfigurationError(
                f"objects cannot be kept for {self.days} and {self.noncurrent_days} days: 1 or more"
            )


Lifecycle: TypeAlias = ByTag | ByAge


def rules_of(lifecycle: Lifecycle) -> list[Rule]:
    """Give the rules. What is left of deleted objects and of uploads that broke off is cleared in every bucket."""
    if isinstance(lifecycle, ByAge):
        return [_by_age(lifecycle), _leavings()]
    tier = [] if lifecycle.pack_class == "STANDARD" else [_tier(lifecycle.pack_class)]
    return [_by_tag(lifecycle), *tier, _leavings()]


def _by_tag(lifecycle: ByTag) -> Rule:
    tag = aws.s3.BucketLifecycleConfigurationRuleFilterTagArgs(key=STATE, value=EXPIRED)
    return Rule(
        id="expired",
        status="Enabled",
        filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(tag=tag),
        expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=1),
        noncurrent_version_expiration=_noncurrent(lifecycle.undelete_days),
    )


def _by_age(lifecycle: ByAge) -> Rule:
    return Rule(
        id="age",
        status="Enabled",
        filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
        expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=lifecycle.days),
        noncurrent_version_expiration=_noncurrent(lifecycle.noncurrent_days),
    )


def _tier(storage_class: str) -> Rule:
    days = _FIRST_IA_DAY if storage_class == "STANDARD_IA" else 0
    move = aws.s3.BucketLifecycleConfigurationRuleTransitionArgs(days=days, storage_class=storage_class)
    return Rule(
        id="tier",
        status="Enabled",
        filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=PACKS),
        transitions=[move],
    )


def _leavings() -> Rule:
    """Clear delete markers with nothing behind them and broken uploads. S3 takes neither together with a tag."""
    return Rule(
        id="leavings",
        status="Enabled",
        filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
        expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(expired_object_delete_marker=True),
        abort_incomplete_multipart_upload=aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
            days_after_initiation=ABORT_DAYS
        ),
    )


def _noncurrent(days: int) -> aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs:
    return aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(noncurrent_days=days)
