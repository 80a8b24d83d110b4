"""Looks up what a person named, so that a name that means nothing is an error and not an empty result."""

from __future__ import annotations

from collections.abc import Sequence

from functions.contract.object_keys import COMMIT_NAME, SNAPSHOTS, parse_snapshot_key, user_objects
from functions.engine.commit import CommitRecord
from functions.engine.errors import BackupNotFoundError, NotFoundError, StrongroomError
from functions.engine.ports import BlobStore, Source
from functions.engine.repository import BackupName, Repository

_SHOWN = 10


def require_users(origin: Source, store: BlobStore, source: str, prefix: str, users: Sequence[str]) -> None:
    """Raise NotFoundError for a user who owns nothing in the source and has no backup either.

    Who has backups, and nothing in the source any more, is backed up: the new backup says that all is deleted.
    """
    snapshots = Repository(store)
    for user in users:
        folder, recursive = user_objects(prefix, user)
        if any(True for _ in origin.list(folder, recursive=recursive)):
            continue
        if not any(True for _ in snapshots.backups(source, user)):
            raise NotFoundError(
                f"user {user!r} owns nothing in source {source!r} and has no backup",
                hint="check the name: capital letters count",
            )


def find_backups(store: BlobStore, source: str | None, users: Sequence[str]) -> list[BackupName]:
    """Give the backups of a source, or of all; only those of `users`, if any are named.

    Raises BackupNotFoundError for a source or a user without backups.
    """
    names = list(Repository(store).backups(source)) if source is not None else _all_backups(store)
    if not names:
        what = "the repository" if source is None else f"source {source!r}"
        raise BackupNotFoundError(f"{what} has no backup", hint=_sources(store))
    missing = [user for user in users if user not in {name.user for name in names}]
    if missing:
        raise BackupNotFoundError(f"user {missing[0]!r} of source {source!r} has no backup")
    return [name for name in names if not users or name.user in users]


def read_commits(store: BlobStore, names: Sequence[BackupName]) -> list[CommitRecord]:
    """Read commit records, many at once, in the order of `names`."""
    records: list[CommitRecord] = []
    for _, found in Repository(store).commits(names):
        if isinstance(found, StrongroomError):
            raise found
        records.append(found)
    return records


def _all_backups(store: BlobStore) -> list[BackupName]:
    found = (parse_snapshot_key(blob.key) for blob in store.list(SNAPSHOTS))
    return [BackupName(item.source, item.user, item.backup_id) for item in found if item and item.name == COMMIT_NAME]


def _sources(store: BlobStore) -> str:
    names = sorted({name.source for name in _all_backups(store)})
    if not names:
        return "nothing has been backed up into this bucket yet"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"it has backups of {', '.join(names[:_SHOWN])}{more}"
