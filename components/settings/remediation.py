"""What is mended without a person, and how often."""

from __future__ import annotations

from pydantic import Field

from components.settings.section import Section


class Remediation(Section):
    """What the remediator may do by itself. Whatever it does or gives up is told, and is an alarm."""

    enabled: bool = Field(default=True, description="Mends by itself what is listed here; else people do.")
    memory_ceiling_mb: int = Field(
        3_008,
        ge=512,
        le=10_240,
        description="A function that ran out of memory gets half as much again, never more than this. As much as "
        "`workers.memoryMb`: never.",
    )
    redrives_per_day: int = Field(
        3, ge=0, le=24, description="Times that a dead-letter queue is redriven in 24 hours; each run or restore once."
    )
    reruns_per_day: int = Field(
        2, ge=0, le=24, description="Times that users of a source without a backup are tried again in 24 hours."
    )
    backoff_minutes: int = Field(
        15, ge=1, le=720, description="Time until then; twice as long for each redrive of the queue in the last day."
    )
    pause_after_failures: int = Field(
        3,
        ge=0,
        le=30,
        description="Runs without any backup after which the schedule of a source is paused; 0: never.",
    )
