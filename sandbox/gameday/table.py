"""What each step took, and what that means for 1 TB: 1,000 users, 1,000,000 objects, 60 days of backups.

What depends on AWS is worked out and not measured: by the simulation of docs/scale.md, by the estimate of every
restore, or by counting requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cli.render import show_table, size
from functions.engine.chunker import FORMAT_1
from functions.engine.orchestration.restore_estimate import task_estimate
from functions.engine.orchestration.restore_tasks import Cut

_BYTES: Final = 10**12
_USERS: Final = 1_000
_FILES: Final = 1_000_000
_BACKUPS: Final = 60 * _USERS
_OBJECTS_A_BACKUP: Final = 2
_LISTED: Final = 1_000
"""Keys that one request lists (Amazon S3 API Reference, ListObjectsV2)."""
_LIST_S: Final = 0.1
_READS_S: Final = 1_000
"""Small objects that one machine reads a second: 64 at once, each within some 60 ms."""
_NEW_TABLE_WRITES: Final = 4_000
"""A second, of a new table on demand (Amazon DynamoDB Developer Guide, "On-demand capacity mode")."""
_MINUTE: Final = 60

MADE_BEFORE: Final = "the same, and made beforehand"
FIRST_FULL: Final = "15 min (docs/scale.md)"
"""Every byte is read. What is restored somewhere else is read again, and nearly nothing of it is stored again."""
RESTORE: Final = "6 min of the 120 promised (docs/scale.md)"


@dataclass(slots=True)
class Step:
    """One step: what was done, the seconds it took, what it moved, and what it would take with 1 TB."""

    name: str
    at_scale: str = ""
    seconds: float = 0.0
    files: int = 0
    bytes: int = 0

    def cells(self) -> tuple[str, ...]:
        """Give the row of the table."""
        moved = f"{self.files:,} files, {size(self.bytes)}" if self.bytes else ""
        return (self.name, f"{self.seconds:.1f}", moved, self.at_scale)


def show_steps(steps: Sequence[Step]) -> None:
    """Print a row for each step."""
    show_table("Game day", ("", "seconds", "moved", "1 TB on AWS, not measured"), [step.cells() for step in steps])


def look_at_scale() -> str:
    """Say how long the listing of all backups takes."""
    requests = _BACKUPS * _OBJECTS_A_BACKUP // _LISTED
    return f"{requests * _LIST_S:.0f} s: {requests} requests"


def list_at_scale() -> str:
    """Say how long the reading of all commit records takes."""
    return f"{_BACKUPS / _READS_S / _MINUTE:.0f} min: {_BACKUPS:,} records"


def one_user_at_scale() -> str:
    """Say how long a user takes who has a thousandth of it, by one worker."""
    cut = Cut("", None, _FILES // _USERS, _BYTES // _USERS)
    return f"{task_estimate(cut, looks=True).seconds / _MINUTE:.1f} min: 1 GB by one worker"


def fill_at_scale() -> str:
    """Say how long the writing of all chunks into a new table takes."""
    chunks = _BYTES / FORMAT_1.average
    return f"{chunks / _NEW_TABLE_WRITES / _MINUTE:.0f} min: {chunks / 1e6:.1f} million chunks"
