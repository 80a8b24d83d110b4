"""Walks through all backups of a repository in one listing, a user at a time, and reads their commit records ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias

from functions.contract.object_keys import (
    COMMIT_NAME,
    INCOMPLETE_NAME,
    SNAPSHOTS,
    manifest_key,
    parse_snapshot_key,
)
from functions.engine.commit import CommitRecord
from functions.engine.errors import StrongroomError
from functions.engine.model import BackupStatus, BlobInfo
from functions.engine.ports import BlobStore
from functions.engine.repository import BackupName, Repository
from functions.engine.retention.policy import Candidate


@dataclass(slots=True)
class StoredBackup:
    """The objects of one backup: its commit record, if it has one, and all others below its prefix."""

    name: BackupName
    commit: BlobInfo | None = None
    others: list[BlobInfo] = field(default_factory=list)

    @property
    def arrived(self) -> bool:
        """Whether nobody has noted that it did not arrive whole: see engine.arrival."""
        return not any(blob.key.endswith(f"/{INCOMPLETE_NAME}") for blob in self.others)

    def lacks_manifests(self, record: CommitRecord) -> bool:
        """Say whether its record names a manifest that was not listed."""
        listed = {blob.key for blob in self.others}
        return any(manifest_key(*self.name, segment.number) not in listed for segment in record.segments)

    @property
    def blobs(self) -> list[BlobInfo]:
        """All objects, the commit record first."""
        return [*([self.commit] if self.commit is not None else []), *self.others]


@dataclass(frozen=True, slots=True)
class StoredUser:
    """The backups of one user by id, finished or not, in the order of their ids."""

    source: str
    user: str
    backups: Mapping[str, StoredBackup]

    @property
    def committed(self) -> Iterator[StoredBackup]:
        """The backups that exist."""
        return (backup for backup in self.backups.values() if backup.commit is not None)


Answer: TypeAlias = CommitRecord | StrongroomError
Found: TypeAlias = tuple[StoredBackup, Answer]
"""A committed backup and its commit record, or what keeps it from being read."""


def stored_users(store: BlobStore, prefix: str = SNAPSHOTS) -> Iterator[StoredUser]:
    """List everything below `prefix`; give a user when his last object has come. Holds one user's keys."""
    current: StoredUser | None = None
    found: dict[str, StoredBackup] = {}
    for blob in store.list(prefix):
        parsed = parse_snapshot_key(blob.key)
        if parsed is None:
            continue
        if current is None or (current.source, current.user) != parsed[:2]:
            if current is not None:
                yield current
            found = {}
            current = StoredUser(parsed.source, parsed.user, found)
        backup = found.setdefault(parsed.backup_id, StoredBackup(BackupName(*parsed[:3])))
        if parsed.name == COMMIT_NAME:
            backup.commit = blob
        else:
            backup.others.append(blob)
    if current is not None:
        yield current


class Walk:
    """One pass over all users. `records` gives commit records as they come, `users` whoever is complete by then."""

    def __init__(self, store: BlobStore, prefix: str = SNAPSHOTS) -> None:
        """Nothing is asked yet. `prefix` may be that of a source or of a user."""
        self._store = store
        self._prefix = prefix
        self._ahead: deque[StoredUser] = deque()

    def __iter__(self) -> Iterator[tuple[StoredUser, Iterator[Found]]]:
        """Give each user with the commit records of his backups; those must be taken before the next user is."""
        records = Repository(self._store).commits(self._names())
        waiting: deque[tuple[BackupName, Answer]] = deque()
        while True:
            if not self._ahead:
                following = next(records, None)
                if following is not None:
                    waiting.append(following)
            if not self._ahead:
                return
            user = self._ahead.popleft()
            yield user, self._records_of(user, waiting, records)

    def _names(self) -> Iterator[BackupName]:
        for user in stored_users(self._store, self._prefix):
            self._ahead.append(user)
            yield from (backup.name for backup in user.committed)

    def _records_of(
        self,
        user: StoredUser,
        waiting: deque[tuple[BackupName, Answer]],
        records: Iterator[tuple[BackupName, Answer]],
    ) -> Iterator[Found]:
        for backup in user.committed:
            name, record = waiting.popleft() if waiting else next(records)
            if name != backup.name:
                raise AssertionError(f"the record of {name} came in the place of {backup.name}")
            yield backup, record


def candidate_of(backup: StoredBackup, record: Answer) -> Candidate:
    """Give a committed backup as retention sees it."""
    written = modified(backup.commit) if backup.commit is not None else datetime.min.replace(tzinfo=UTC)
    try:
        taken = datetime.strptime(backup.name.backup_id.partition("-")[0], "%Y%m%dT%H%M%S%z")
    except ValueError:
        return Candidate(backup.name, written, written, complete=False, readable=False)
    if isinstance(record, StrongroomError):
        return Candidate(backup.name, taken, written, complete=False, readable=False)
    complete = record.status is BackupStatus.COMPLETED and backup.arrived
    empty = not record.totals.files and not record.totals.unreadable
    return Candidate(backup.name, taken, written, complete, empty=empty)


def modified(blob: BlobInfo) -> datetime:
    """Give when the bucket got an object."""
    return datetime.fromisoformat(blob.modified)
