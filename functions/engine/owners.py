"""Finds who has backups, and each one's newest, without listing them all: the cost goes with users, not with days."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import NamedTuple

from functions.contract.object_keys import (
    COMMIT_NAME,
    SNAPSHOTS,
    decode_name,
    encode_name,
    is_backup_id,
    parse_snapshot_key,
    source_prefix,
    user_prefix,
)
from functions.engine.ports import BlobStore, Source
from functions.engine.repository import BackupName

_LISTERS = 64
"""Listings under way at once: enough to hide the wait for each."""
_RECENT = timedelta(days=4)
"""Who is backed up every night has something as young as this; for the others all is listed."""
_BELIEVED = timedelta(hours=36)
"""A table may have missed what came since: nobody is told of a backup older than this by a table alone."""


class Moment(NamedTuple):
    """A time, as ids of backups spell it: those below `limit` had begun by then, those above `recent` lately."""

    limit: str
    recent: str


def moment_of(as_of: datetime | None, now: datetime) -> Moment:
    """Give the moment for a time in UTC; None is now, whatever the clocks of those who named backups said."""
    if as_of is None:
        return Moment("~", _spelled(now - _RECENT))
    earliest = datetime.min.replace(tzinfo=as_of.tzinfo) + _RECENT
    return Moment(f"{_spelled(as_of)}~", _spelled(max(as_of, earliest) - _RECENT))


def believed(claims: Mapping[str, str], moment: Moment, now: datetime) -> dict[str, str]:
    """Give of what a table says, user by encoded user, the ids that may be taken for the newest ones at a moment.

    They are no older than 36 hours: who has an older one is looked up in the bucket, in case the table has stood still.
    What was begun after the moment says nothing of what was the newest then.
    """
    first = _spelled(now - _BELIEVED)
    return {user: told for user, told in claims.items() if is_backup_id(told) and first <= told < moment.limit}


def may_believe(as_of: datetime | None, now: datetime) -> bool:
    """Say whether a table can know anything of a time in UTC; None is now."""
    return as_of is None or as_of >= now - _BELIEVED


def begun_since(since: datetime | None) -> str:
    """Give the least id of a backup that was begun at a time in UTC or later; None is ever."""
    return _spelled(since) if since is not None else ""


def source_names(folders: Source) -> list[str]:
    """Give the sources that have something in a repository: one request for each 1,000."""
    return list(_names(folders, SNAPSHOTS))


def user_names(folders: Source, source: str) -> list[str]:
    """Give the users of a source that have something in a repository, finished or not: one request for each 1,000."""
    return list(_names(folders, source_prefix(source)))


def backup_at(store: BlobStore, source: str, user: str, moment: Moment) -> BackupName | None:
    """Give a user's newest committed backup at a moment: one request, two for who was not backed up lately."""
    prefix = user_prefix(source, user)
    for start in (f"{prefix}{moment.recent}", prefix):
        newest: BackupName | None = None
        for blob in store.list(prefix, start):
            parsed = parse_snapshot_key(blob.key)
            if parsed is None:
                continue
            if parsed.backup_id >= moment.limit:
                break
            if parsed.name == COMMIT_NAME:
                newest = BackupName(source, user, parsed.backup_id)
        if newest is not None:
            return newest
    return None


def backups_at(
    store: BlobStore, source: str, users: Iterable[str], moment: Moment, known: Mapping[str, str] | None = None
) -> Iterator[BackupName]:
    """Give the newest backup at a moment of each user who has one, in the order of `users`, many asked for at once.

    Nobody is asked for whose backup is `known`: ids by encoded users.
    """
    told = known or {}

    def find(user: str) -> BackupName | None:
        backup_id = told.get(encode_name(user))
        return BackupName(source, user, backup_id) if backup_id else backup_at(store, source, user, moment)

    with ThreadPoolExecutor(_LISTERS, thread_name_prefix="list") as pool:
        yield from (name for name in pool.map(find, users) if name is not None)


def _names(folders: Source, prefix: str) -> Iterator[str]:
    for segment in folders.users(prefix):
        try:
            name = decode_name(segment)
        except UnicodeDecodeError:
            continue
        if encode_name(name) == segment:  # what is spelled otherwise is not ours
            yield name


def _spelled(moment: datetime) -> str:
    return f"{moment.year:04}{moment:%m%dT%H%M%SZ}"  # %Y gives fewer digits before the year 1000
