"""The statements of bucket policies. Pure.

They bind everybody, administrators of the account included. Who may change the policy itself can lift them, which the
trail shows; what is under Object Lock is safe from him too. A lifecycle rule is bound by no bucket policy (Amazon S3
User Guide, "Managing the lifecycle of objects").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from pulumi import Input, Output

from components.rights_policy import Statement
from components.settings.retention import EXTENSION_DAYS, MAX_DAYS
from functions.contract.object_keys import COLLECTIONS, ERASURES, HOLD_RELEASED_NAME, HOLDS, WRITE_OFFS
from functions.engine.errors import ConfigurationError

MIN_TLS: Final = "1.2"
_DELETES: Final = (
    "s3:DeleteBucket",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:ReplicateDelete",
    "s3:BypassGovernanceRetention",
)
_TAGGING: Final = (
    "s3:PutObjectTagging",
    "s3:PutObjectVersionTagging",
    "s3:DeleteObjectTagging",
    "s3:DeleteObjectVersionTagging",
)
_SSE: Final = "s3:x-amz-server-side-encryption"


@dataclass(frozen=True)
class Lock:
    """Object Lock at birth, in days, and the longest that a lock may still run after it was extended.

    The bound is there because a lock cannot be taken back: who may extend locks could keep junk for a hundred years.
    """

    mode: Literal["GOVERNANCE", "COMPLIANCE"]
    days: int
    extension_days: int = EXTENSION_DAYS
    """Days that an extended lock may have more than one at birth."""

    def __post_init__(self) -> None:
        """Refuse a bound that would forbid what every upload does."""
        if not 1 <= self.days <= self.longest <= MAX_DAYS:
            raise ConfigurationError(
                f"a lock of {self.days} days, at most {self.longest}, is not from 1 to {MAX_DAYS}, in this order"
            )

    @property
    def longest(self) -> int:
        """Days that a lock may run at most."""
        return self.days + self.extension_days


def tls_only(arn: Input[str]) -> list[Statement]:
    """Refuse plain HTTP, and TLS older than 1.2."""
    return [
        _deny("TlsOnly", "s3:*", _all(arn), {"Bool": {"aws:SecureTransport": "false"}}),
        _deny("ModernTlsOnly", "s3:*", _all(arn), {"NumericLessThan": {"s3:TlsVersion": MIN_TLS}}),
    ]


def own_key_only(arn: Input[str], key_arn: Input[str]) -> list[Statement]:
    """Refuse uploads that name another key or another encryption. Who names none gets the bucket's key.

    `aws:kms` without a key would mean the key that AWS manages (Amazon S3 API Reference, PutObject). A condition that
    a header differs is also true when there is none, hence the second half of each.
    """
    named, key = f"{_SSE}-aws-kms-key-id", "s3:PutObject"
    customer = f"{_SSE}-customer-algorithm"
    objects = _objects(arn)
    return [
        _deny("NoOtherEncryption", key, objects, {"StringNotEquals": {_SSE: "aws:kms"}, "Null": {_SSE: "false"}}),
        _deny("NoOtherKey", key, objects, {"StringNotEquals": {named: key_arn}, "Null": {named: "false"}}),
        _deny("NoManagedKey", key, objects, {"Null": {_SSE: "false", named: "true"}}),
        _deny("NoCustomerKey", key, objects, {"Null": {customer: "false"}}),
    ]


def no_deletes(arn: Input[str], break_glass: Sequence[str]) -> list[Statement]:
    """Refuse every deletion, of markers and versions, to everybody but the break-glass roles."""
    return [_deny("NoDeletes", list(_DELETES), _all(arn), _unless(break_glass))]


def no_overwrites(arn: Input[str], break_glass: Sequence[str]) -> list[Statement]:
    """Refuse uploads that do not ask for a free key, to everybody but the break-glass roles, who repair.

    A new version over a commit record could name fewer packs, and the others would be let go. The second condition
    leaves out the requests that begin an upload in parts and carry no object yet (Amazon S3 User Guide, "Enforce
    conditional writes on Amazon S3 buckets"). So nobody copies into the bucket, either; replication does, by
    `s3:ReplicateObject`.
    """
    blind = {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}}
    return [_deny("NoOverwrites", "s3:PutObject", _objects(arn), {**blind, **_unless(break_glass)})]


def no_tagging(arn: Input[str], expirers: Sequence[str]) -> list[Statement]:
    """Refuse tags to everybody but the named roles: one tag makes the lifecycle delete."""
    return [_deny("NoTagging", list(_TAGGING), _objects(arn), _unless(expirers))]


def no_orders(arn: Input[str], expirers: Sequence[str]) -> list[Statement]:
    """Refuse erasures, the writing off of backups, releases of holds and plans to everybody but the named roles.

    One such object has backups let go by the next collection, as a tag has one object deleted; collections believe
    what plans say of earlier ones. To set a hold, which only keeps, no more is needed than to write.
    """
    keys = (f"{ERASURES}*", f"{WRITE_OFFS}*", f"{HOLDS}*/{HOLD_RELEASED_NAME}", f"{COLLECTIONS}*")
    orders: list[Input[str]] = [Output.concat(arn, f"/{key}") for key in keys]
    return [_deny("NoOrders", "s3:PutObject", orders, _unless(expirers))]


def bounded_lock(arn: Input[str], lock: Lock) -> list[Statement]:
    """Refuse locks beyond the bound, of another mode, and legal holds, which no time ends.

    `s3:ReplicateObject` is not bound: the source is, and when the bound is lowered one day, what is locked for longer
    must still be replicated.
    """
    too_long = {"NumericGreaterThan": {"s3:object-lock-remaining-retention-days": str(lock.longest)}}
    mode = "s3:object-lock-mode"
    other_mode = {"StringNotEquals": {mode: lock.mode}, "Null": {mode: "false"}}
    return [
        _deny("BoundedLock", "s3:PutObjectRetention", _objects(arn), too_long),
        _deny("NoOtherLockMode", "s3:PutObjectRetention", _objects(arn), other_mode),
        _deny("NoLegalHold", "s3:PutObjectLegalHold", _objects(arn), {}),
    ]


def log_delivery(arn: Input[str], account_id: str, sources: Sequence[Input[str]]) -> list[Statement]:
    """Let S3 deliver access logs of the buckets `sources` (ARNs), without access control lists."""
    return [
        {
            "Sid": "AccessLogs",
            "Effect": "Allow",
            "Principal": {"Service": "logging.s3.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": _objects(arn),
            "Condition": {
                "StringEquals": {"aws:SourceAccount": account_id},
                "ArnEquals": {"aws:SourceArn": list(sources)},
            },
        }
    ]


def _deny(sid: str, actions: str | list[str], resources: object, condition: Mapping[str, object]) -> Statement:
    statement: Statement = {"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": actions, "Resource": resources}
    return {**statement, "Condition": condition} if condition else statement


def _unless(role_arns: Sequence[str]) -> dict[str, object]:
    return {"ArnNotEquals": {"aws:PrincipalArn": list(role_arns)}} if role_arns else {}


def _objects(arn: Input[str]) -> Output[str]:
    return Output.concat(arn, "/*")


def _all(arn: Input[str]) -> list[Input[str]]:
    return [arn, _objects(arn)]
