"""Who is told what, from which value on."""

from __future__ import annotations

from pydantic import Field

from components.settings.section import Section
from components.settings.values import Email


class Notifications(Section):
    """Who is told."""

    email: Email | None = Field(None, description="Gets notices and alarms, after confirming the subscription once.")


class Alarms(Section):
    """When somebody is told. A value at or above its threshold is an alarm."""

    run_window_minutes: int = Field(240, ge=15, le=1_200, description="Time that a run may take.")
    rpo_hours: int = Field(24, ge=1, le=168, description="Age of its last good backup that a user must not exceed.")
    failed_users: int = Field(1, ge=1, le=1_000_000, description="Users of a run whose backup failed.")
    partial_users: int = Field(1, ge=1, le=1_000_000, description="Users of a run with unreadable objects.")
    dead_letters: int = Field(1, ge=1, le=1_000_000, description="Messages in a dead-letter queue.")
    oldest_message_minutes: int = Field(180, ge=5, le=20_160, description="Age of the oldest message of a queue.")
    function_errors: int = Field(1, ge=1, le=1_000_000, description="Errors of a function in 5 minutes.")
    throttles: int = Field(1, ge=1, le=1_000_000, description="Throttled invocations of a function in 5 minutes.")
    duration_percent: int = Field(
        95, ge=50, le=100, description="Duration, of its timeout, of a function that hands on its work before the end."
    )
    single_duration_percent: int = Field(
        80, ge=10, le=100, description="Duration, of its timeout, of a function that does not."
    )
    replication_latency_minutes: int = Field(60, ge=15, le=1_440, description="How far the replica is behind.")
    catalog_throttles: int = Field(1, ge=1, le=1_000_000, description="Throttled requests to a table in 5 minutes.")
    silence_hours: int = Field(
        26,
        ge=3,
        le=168,
        description="Hours without a look of the watchdog, an ended drill, a sample verification, or a backup by AWS "
        "Backup (of sources: twice as many).",
    )
    collection_hours: int = Field(
        50, ge=3, le=168, description="Hours without an ended collection. Locks end a week after the last one."
    )
    drill_age_days: int = Field(100, ge=1, le=3_650, description="Since the proof of the user proven longest ago.")
    storage_growth_gb: int = Field(100, ge=1, le=1_000_000, description="Growth of the repository in a day.")
    repository_gb: int = Field(5_000, ge=1, le=100_000_000, description="Size of the repository, all versions counted.")


class Budget(Section):
    """What it may cost."""

    monthly_usd: float = Field(
        500.0, ge=1, le=1_000_000, allow_inf_nan=False, description="Cost a month. Told when spent, and when forecast."
    )
    warn_percent: int = Field(80, ge=1, le=99, description="Percent of it that is told of before.")
