"""The volume that commit records tell of. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from costs.volume import Volume
from functions.engine.commit import CommitRecord
from functions.engine.errors import BackupNotFoundError
from functions.engine.model import BackupType, Totals

_DAY = 86_400
_GB = 1_000_000_000
_MOST = 1_000.0


def measured(records: Iterable[CommitRecord]) -> Volume:
    """Give the volume of all users that the records are about: the newest says how much a user has.

    What changes a day is what incremental backups read, over the days that the records span; of users with one record
    nothing is known to change. How much repeats in a first backup is told by first backups; when those of most users
    are gone, nothing is taken to. BackupNotFoundError when there is no record at all.
    """
    users: dict[tuple[str, str], list[CommitRecord]] = defaultdict(list)
    for record in records:
        users[record.source, record.user].append(record)
    if not users:
        raise BackupNotFoundError("there is no backup to measure", hint="name the volume, e.g. --terabytes 1")
    for one in users.values():
        one.sort(key=lambda record: record.backup_id)
    newest = [one[-1].totals for one in users.values()]
    source = sum(totals.source for totals in newest)
    changed = sum(_read_daily(one) for one in users.values())
    first = [record.totals for one in users.values() for record in one if record.parent is None]
    later = [record.totals for one in users.values() for record in one if _changes(record)]
    known = 2 * len(first) >= len(users)
    return Volume(
        terabytes=source / _GB / 1_000,
        changed_percent=min(100.0, 100 * changed / source) if source else 0.0,
        users=len(users),
        files=sum(totals.files for totals in newest),
        dedup=_ratio(first, "read", "new") if known else 1.0,
        dedup_changes=_ratio(later, "read", "new"),
        compression=_ratio([*first, *later], "new", "stored"),
    )


def _read_daily(records: Sequence[CommitRecord]) -> float:
    """Give the bytes a day that the incremental backups of a user read. The first one's reading happened before."""
    span = (_time(records[-1]) - _time(records[0])).total_seconds()
    return sum(record.totals.read for record in records[1:] if _changes(record)) / max(span / _DAY, 1.0)


def _changes(record: CommitRecord) -> bool:
    """Say whether a backup read what had changed, and nothing else."""
    return record.parent is not None and record.type is BackupType.INCREMENTAL


def _ratio(totals: Sequence[Totals], whole: str, part: str) -> float:
    """Give how many bytes of one kind come to a byte of another; 1 where nobody knows."""
    parts = sum(getattr(one, part) for one in totals)
    return min(_MOST, max(1.0, sum(getattr(one, whole) for one in totals) / parts)) if parts else 1.0


def _time(record: CommitRecord) -> datetime:
    return datetime.fromisoformat(record.started)
