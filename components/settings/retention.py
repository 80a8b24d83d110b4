"""How long backups are kept, where, and in which storage class."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from pydantic import Field

from components.settings.section import Section
from components.settings.values import Environment, Region

StorageClass: TypeAlias = Literal[
    "STANDARD", "INTELLIGENT_TIERING", "STANDARD_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"
]
"""One Zone-IA is left out: a backup must survive the loss of a zone."""
ReplicaClass: TypeAlias = Literal["STANDARD", "INTELLIGENT_TIERING", "STANDARD_IA", "GLACIER_IR"]
"""A replica that must be thawed is none when the first region is gone."""

MAX_DAYS: Final = 36_500
"""The longest retention of Object Lock, 100 years (Amazon S3 User Guide, "Object Lock considerations")."""
EXTENSION_DAYS: Final = 10
"""The step in which locks are extended."""
MAX_LOCK_DAYS: Final = MAX_DAYS - EXTENSION_DAYS


class Replica(Section):
    """The copy in a second region."""

    region: Region = Field(description="Region of the copy. Another one than the stack's, in the same partition.")
    time_control: bool = Field(
        default=False, description="S3 Replication Time Control: 15 minutes, promised by AWS, for 0.015 USD a GB."
    )
    storage_class: ReplicaClass = Field("STANDARD_IA", description="Storage class of the copies.")
    promoted_as: Environment | None = Field(
        default=None,
        description="`environment` of the stack that is to take the copy over one day (`promote`): its collector may "
        "then let objects of it expire.",
    )
    backfill: bool = Field(
        default=False, description="Makes the role with which `strongroom replicate-existing` copies what was there."
    )


class Retention(Section):
    """How long what is kept, and what nobody may delete meanwhile."""

    days: int = Field(60, ge=1, le=MAX_DAYS, description="Days that a backup is kept.")
    daily: int = Field(
        0,
        ge=0,
        le=MAX_DAYS,
        description="Beyond `days`, one backup of a user is kept for each of the last so many days that have one.",
    )
    weekly: int = Field(0, ge=0, le=MAX_DAYS, description="The same for weeks, from Monday on (ISO 8601).")
    monthly: int = Field(0, ge=0, le=MAX_DAYS, description="The same for months.")
    yearly: int = Field(0, ge=0, le=MAX_DAYS, description="The same for years.")
    expire_share: float = Field(
        0.1,
        ge=0.001,
        le=1,
        allow_inf_nan=False,
        description="Part of all bytes, or of all backups, that one collection may let go. More is an alarm.",
    )
    undelete_days: int = Field(
        14, ge=1, le=MAX_DAYS, description="Days that what was deleted can be brought back. At most `days`."
    )
    lock_mode: Literal["GOVERNANCE", "COMPLIANCE"] = Field(
        "GOVERNANCE", description="Object Lock. COMPLIANCE cannot be lifted or shortened by anybody, AWS included."
    )
    lock_days: int = Field(
        30, ge=1, le=MAX_LOCK_DAYS, description="Days that an object is locked at birth. At most `days`."
    )
    audit_days: int = Field(
        2_555, ge=90, le=MAX_DAYS, description="Days that the trail and the access logs are kept: seven years."
    )
    audit_lock_days: int = Field(
        2_555,
        ge=1,
        le=MAX_DAYS,
        description="Days that files of the trail are locked, in `lockMode`. At most `auditDays`.",
    )


class Tier(Section):
    """The storage class of packs. Commit records and manifests are small and stay in STANDARD."""

    storage_class: StorageClass = Field(
        "STANDARD", description="Class that packs move to as soon as S3 allows: on day 30 to STANDARD_IA, else at once."
    )
    accept_slow_restore: bool = Field(
        default=False,
        description="Allows GLACIER and DEEP_ARCHIVE, from which no restore ends within the RTO of 2 hours, and from "
        "which collections let nothing go.",
    )
