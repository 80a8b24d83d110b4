"""Finds every user's newest backup by streaming the listing: nothing is held, and it can go on anywhere."""

from __future__ import annotations

from collections.abc import Iterator

from functions.contract.object_keys import COMMIT_NAME, parse_snapshot_key, source_prefix, user_prefix
from functions.engine.ports import BlobStore
from functions.engine.repository import BackupName

_BEHIND = "~"
"""Sorts after every character of a key of ours."""


def newest_backups(store: BlobStore, source: str, after_user: str | None = None) -> Iterator[BackupName]:
    """Give each user's newest committed backup in the order of their keys, those after `after_user` if one is named."""
    start = f"{user_prefix(source, after_user)}{_BEHIND}" if after_user is not None else ""
    newest: BackupName | None = None
    for blob in store.list(source_prefix(source), start):
        parsed = parse_snapshot_key(blob.key)
        if parsed is None or parsed.name != COMMIT_NAME:
            continue
        found = BackupName(parsed.source, parsed.user, parsed.backup_id)
        if newest is not None and newest.user != found.user:
            yield newest
        newest = found
    if newest is not None:
        yield newest


def all_backups(store: BlobStore, prefix: str) -> Iterator[BackupName]:
    """Give every committed backup below a prefix of the bucket, in the order of their keys."""
    for blob in store.list(prefix):
        parsed = parse_snapshot_key(blob.key)
        if parsed is not None and parsed.name == COMMIT_NAME:
            yield BackupName(parsed.source, parsed.user, parsed.backup_id)
