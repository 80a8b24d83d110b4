"""Decides how the backup of one user is done: under which id, upon which parent, in which parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from functions.contract.object_keys import user_objects
from functions.engine.backup import new_backup_id
from functions.engine.commit import CommitRecord
from functions.engine.orchestration.ports import Facts
from functions.engine.ports import Ids
from functions.engine.repository import BackupName

SEGMENTS_A_PART = 1_000
"""Segments are numbered in five digits: a hundred parts with so many each."""

PARTS = 100

_FIRST_WAIT, _LONGEST_WAIT = 60, 2_400
"""Seconds. SQS hides a message for up to 12 hours (Amazon SQS Developer Guide, "Amazon SQS visibility timeout")."""


class KeyRange(NamedTuple):
    """Keys greater than `after`, and at most `until` (None: to the end)."""

    after: str = ""
    until: str | None = None


WHOLE = (KeyRange(),)


@dataclass(frozen=True, slots=True)
class JobPlan:
    """What the first worker of a job decides, for all who come after it."""

    backup_id: str
    started: datetime
    parent: str | None = None
    parts: tuple[KeyRange, ...] = WHOLE

    def facts(self) -> Facts:
        """Give it as plain JSON values."""
        return {
            "backup_id": self.backup_id,
            "started": self.started.isoformat(),
            "parent": self.parent,
            "parts": [list(part) for part in self.parts],
        }

    @classmethod
    def from_facts(cls, facts: Facts) -> JobPlan:
        """Undo `facts`."""
        parts = tuple(KeyRange(after, until) for after, until in facts["parts"])
        return cls(facts["backup_id"], datetime.fromisoformat(facts["started"]), facts["parent"], parts)


def plan_job(now: datetime, ids: Ids, parent: BackupName | None, parts: tuple[KeyRange, ...] = WHOLE) -> JobPlan:
    """Choose the id of a backup and say what it is made of."""
    return JobPlan(new_backup_id(now, ids, parent), now, parent.backup_id if parent else None, parts)


def split_by_parent(parent: CommitRecord, split_files: int) -> tuple[KeyRange, ...]:
    """Cut a user's keys where the parent's segments end, when the parent has more than `split_files` files.

    A part gets about `split_files` files, but there are never more than a hundred parts.
    """
    files = parent.totals.files
    ends = [segment.last_key for segment in parent.segments if segment.last_key]
    if files <= split_files:
        return WHOLE
    return ranges_between(every(ends[:-1], min(PARTS, -(-files // split_files)) - 1))


def split_by_folders(source_prefix: str, user: str, folders: Sequence[str]) -> tuple[KeyRange, ...]:
    """Cut a user's keys between folders: of a first backup nothing else is known."""
    prefix, recursive = user_objects(source_prefix, user)
    if not recursive:
        return WHOLE
    # A range ends before a folder: at its name, which sorts before all that is in it.
    fences = sorted(f"{prefix}{folder}" for folder in folders if folder not in {"", "/"})
    return ranges_between(every(fences[1:], PARTS - 1))


def every(fences: Sequence[str], count: int) -> list[str]:
    """Give at most `count` of the fences, evenly spread."""
    if count <= 0:
        return []
    if len(fences) <= count:
        return list(fences)
    step = (len(fences) + 1) / (count + 1)
    return [fences[round(step * number) - 1] for number in range(1, count + 1)]


def ranges_between(fences: Sequence[str]) -> tuple[KeyRange, ...]:
    """Give the ranges that sorted, distinct fences cut: the first is open to the left, the last to the right."""
    starts = ["", *fences]
    ends: list[str | None] = [*fences, None]
    return tuple(KeyRange(after, until) for after, until in zip(starts, ends, strict=True))


def outcome_of(record: CommitRecord) -> str:
    """Say how a committed backup ended, for people."""
    unreadable = record.totals.unreadable
    if not unreadable:
        return record.status.value
    objects = "1 object" if unreadable == 1 else f"{unreadable:,} objects"
    return f"{record.status.value}: {objects} could not be read"


def counts_of(record: CommitRecord) -> dict[str, int]:
    """Give what a committed backup adds to its run's counts."""
    return {record.status.value.lower(): 1, **record.totals._asdict()}


def commit_facts(record: CommitRecord) -> dict[str, str | int]:
    """Give what a log line says of a committed backup, beside the ids that it is bound to."""
    totals = record.totals
    return {
        "status": record.status.value,
        "files": totals.files,
        "unreadable": totals.unreadable,
        "bytes_source": totals.source,
        "bytes_read": totals.read,
        "bytes_new": totals.new,
        "bytes_stored": totals.stored,
    }


def retry_delay(received: int) -> int:
    """Give the seconds to wait before a job that failed for now is tried again: 1, 4, 16 and then 40 minutes.

    With five receives a job outlasts an hour in which S3 or DynamoDB does not answer, and still ends within the four
    hours of a run, also when each of the five attempts takes 15 minutes.
    """
    return int(min(_LONGEST_WAIT, _FIRST_WAIT * 4 ** max(0, received - 1)))
