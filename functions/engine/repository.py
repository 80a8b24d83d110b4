"""Reads a repository: which backups exist, their commit records and their entries. Needs the bucket only."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from datetime import datetime
from typing import NamedTuple

from functions.contract.object_keys import (
    COMMIT_NAME,
    commit_key,
    manifest_key,
    parse_snapshot_key,
    source_prefix,
    user_prefix,
)
from functions.engine.commit import CommitRecord, SegmentRef, decode_commit
from functions.engine.errors import (
    BackupNotFoundError,
    BlobNotFoundError,
    CommitCorruptError,
    ManifestCorruptError,
)
from functions.engine.manifest import Line, ManifestReader, check_digest
from functions.engine.model import Buffer, Unreadable
from functions.engine.ports import BlobStore


class BackupName(NamedTuple):
    """Which backup: its source, user and id. Sorts by source, user, time."""

    source: str
    user: str
    backup_id: str


class Repository:
    """A read-only view of the snapshots in a bucket."""

    def __init__(self, store: BlobStore) -> None:
        """Look at `store`."""
        self._store = store

    def backups(self, source: str, user: str | None = None) -> Iterator[BackupName]:
        """Give the committed backups of a source, or of one of its users, oldest first for each user."""
        prefix = source_prefix(source) if user is None else user_prefix(source, user)
        for blob in self._store.list(prefix):
            parsed = parse_snapshot_key(blob.key)
            if parsed is not None and parsed.name == COMMIT_NAME:
                yield BackupName(parsed.source, parsed.user, parsed.backup_id)

    def newest(self, source: str, as_of: datetime | None = None) -> dict[str, BackupName]:
        """Give each user's newest backup, started at `as_of` at the latest."""
        limit = f"{as_of:%Y%m%dT%H%M%SZ}~" if as_of is not None else "~"
        return {name.user: name for name in self.backups(source) if name.backup_id < limit}

    def newest_of(self, source: str, user: str, as_of: datetime | None = None) -> BackupName:
        """Give one user's newest backup, or raise BackupNotFoundError."""
        limit = f"{as_of:%Y%m%dT%H%M%SZ}~" if as_of is not None else "~"
        found = [name for name in self.backups(source, user) if name.backup_id < limit]
        if not found:
            when = f" at {as_of:%Y-%m-%d %H:%M:%S} UTC" if as_of is not None else ""
            raise BackupNotFoundError(f"user {user!r} of source {source!r} has no backup{when}")
        return found[-1]

    def commit(self, name: BackupName) -> CommitRecord:
        """Read a commit record, or raise BackupNotFoundError. CommitCorruptError when it is not this backup's."""
        key = commit_key(*name)
        try:
            data = self._store.get(key).result()
        except BlobNotFoundError as error:
            raise BackupNotFoundError(f"{key} does not exist") from error
        record = decode_commit(data, key)
        found = BackupName(record.source, record.user, record.backup_id)
        if found != name:
            raise CommitCorruptError(f"commit record {key} belongs to another backup: {found}")
        return record

    def entries(self, record: CommitRecord) -> Iterator[Line | Unreadable]:
        """Stream a backup's lines in key order. Each manifest is checked against the commit record first."""
        name = BackupName(record.source, record.user, record.backup_id)
        pending: Future[Buffer] | None = None
        for position, segment in enumerate(record.segments):
            current = pending or self._fetch(name, segment)
            following = record.segments[position + 1 : position + 2]
            pending = self._fetch(name, following[0]) if following else None
            yield from self._lines(name, segment, current)

    def _fetch(self, name: BackupName, segment: SegmentRef) -> Future[Buffer]:
        return self._store.get(manifest_key(*name, segment.number))

    def _lines(self, name: BackupName, segment: SegmentRef, fetched: Future[Buffer]) -> Iterator[Line | Unreadable]:
        key = manifest_key(*name, segment.number)
        try:
            data = fetched.result()
        except BlobNotFoundError as error:
            raise ManifestCorruptError(f"manifest {key} does not exist") from error
        check_digest(data, segment.sha256, key)
        reader = ManifestReader(data, key)
        if reader.header != (name.source, name.user, name.backup_id, segment.number):
            raise ManifestCorruptError(f"manifest {key} belongs to another backup: {reader.header}")
        yield from reader.lines()
