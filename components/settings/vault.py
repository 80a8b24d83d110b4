"""What AWS Backup keeps of the tables, beside what the bucket can give back; and of the sources, if it is to."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from components.settings.retention import MAX_DAYS
from components.settings.section import Section
from components.settings.values import Schedule

LEAST_COLD_DAYS: Final = 90
"""Days that a backup must stay in cold storage, once it is there (AWS Backup API Reference, Lifecycle)."""
LEAST_GRACE_DAYS: Final = 3
"""Of a lock that nobody can lift afterwards (AWS Backup API Reference, PutBackupVaultLockConfiguration)."""


class Vault(Section):
    """Backups of the tables, at 05:00 UTC each day, each Saturday, and on the first of each month."""

    enabled: bool = Field(default=True, description="Whether the tables are backed up by AWS Backup.")
    sources: bool = Field(
        default=False,
        description="Whether AWS Backup keeps the buckets of `sources` as well, whole, for `retention.days` here and "
        "in the second region. They must be versioned, and of the stack's account.",
    )
    daily_days: int = Field(35, ge=1, le=MAX_DAYS, description="Days that a daily backup is kept.")
    weekly_days: int = Field(90, ge=0, le=MAX_DAYS, description="Days that a weekly backup is kept; 0 makes none.")
    monthly_days: int = Field(
        1_825, ge=0, le=MAX_DAYS, description="Days that a monthly backup is kept, five years; 0 makes none."
    )
    cold_days: int = Field(
        90, ge=0, le=MAX_DAYS, description="Days after which a monthly backup moves to cold storage; 0 for never."
    )
    copy_days: int = Field(
        70, ge=1, le=MAX_DAYS, description="Days that the copy of a daily backup is kept in the second region."
    )
    grace_days: int = Field(
        LEAST_GRACE_DAYS,
        ge=LEAST_GRACE_DAYS,
        le=MAX_DAYS,
        description="Days in which the vault's lock can still be lifted. Counts with `retention.lockMode` COMPLIANCE.",
    )
    restore_test: Schedule = Field(
        "cron(0 9 2 * ? *)",
        description="When a backup of each table is restored, compared by nobody, and deleted. A cron expression, UTC.",
    )
