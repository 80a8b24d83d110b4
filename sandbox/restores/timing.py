"""What a restore here took, and what that says of 1 TB."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from cli.render import rate, show_table, size
from functions.engine.orchestration.restore_estimate import task_estimate
from functions.engine.orchestration.restore_tasks import Cut, TaskLimits

WORKERS: Final = 50
"""Restore workers of a stack whose settings do not say otherwise (`workers.restoreConcurrency`)."""
_TB: Final = 1e12
_HOUR = 3_600.0


class Timing(NamedTuple):
    """One step: its name, what it took, and how much it moved, if it moved anything."""

    name: str
    seconds: float
    files: int = 0
    bytes: int = 0

    def cells(self) -> tuple[str, ...]:
        """Give the row of the table."""
        moved = (f"{self.files:,}", size(self.bytes), rate(self.bytes, self.seconds)) if self.bytes else ("", "", "")
        return (self.name, f"{self.seconds:.1f}", *moved)


def show_timings(timings: Sequence[Timing]) -> None:
    """Print a row for each step."""
    show_table("Restores", ("", "seconds", "files", "bytes", "rate"), [timing.cells() for timing in timings])


def of_a_terabyte(restore: Timing) -> str:
    """Say what 1 TB of such files would take, here and on AWS, and how that is worked out."""
    here = restore.seconds * _TB / restore.bytes / _HOUR
    files = round(restore.files * _TB / restore.bytes)
    return (
        f"1 TB of such files ({files:,} of {size(restore.bytes / restore.files)} each): {here:.1f} h at the rate of "
        f"this machine, taken times {_TB / restore.bytes:,.0f}; its few cores are the workers and the embedded AWS at "
        f"once. On AWS: {minutes_on_aws(files):.0f} minutes by {WORKERS} workers, by the formula of every restore's "
        "estimate, which rests on benchmarks and assumes the speed of Lambda's cores and network; nothing was "
        "measured on AWS. docs/scale.md simulates the same with S3's limits. Promised: 2 h."
    )


def minutes_on_aws(files: int) -> float:
    """Give the minutes that 1 TB in so many files takes by the restore function's own estimate."""
    limits = TaskLimits()
    tasks = max(math.ceil(_TB / limits.bytes), math.ceil(files / limits.files))
    one = task_estimate(Cut("", None, math.ceil(files / tasks), math.ceil(_TB / tasks)), looks=True)
    return one.minutes(1) + (one.seconds * (tasks / WORKERS - 1)) / 60
