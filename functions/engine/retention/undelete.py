"""Brings back what was expired by mistake: takes the tag off, or writes the bytes of an older version anew.

Nobody here may take away a delete marker: that is a right to delete. So an object that the lifecycle has hidden comes
back as a new version with the same bytes, under the condition that the key is still free. It is locked as any new
object is. What the lifecycle has deleted for good does not come back from this bucket.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from functions.contract.object_keys import commit_key, incomplete_key, manifest_key, pack_key
from functions.engine.commit import CommitRecord, decode_commit
from functions.engine.errors import BackupNotFoundError, BlobNotFoundError, ConflictError
from functions.engine.model import PackId
from functions.engine.repository import BackupName
from functions.engine.retention.holds import Author, set_hold
from functions.engine.retention.ports import CollectorPorts, Vault, Version


class Undeleted(StrEnum):
    """What became of an object: it was there all the time, it lost its tag, or it came back as a new version."""

    THERE = "there"
    UNTAGGED = "untagged"
    BROUGHT_BACK = "brought back"


Mapper: TypeAlias = Callable[[Callable[[str], Undeleted], Iterable[str]], Iterator[Undeleted]]
"""`map`, or something like it with several threads."""


def undelete_object(vault: Vault, key: str) -> Undeleted:
    """Make one object current and untagged. BlobNotFoundError when no version of it is left."""
    versions = vault.versions(key)
    if versions and not versions[0].marker:
        with suppress(BlobNotFoundError):
            vault.readmit(key).result()
            return Undeleted.UNTAGGED if versions[0].expired else Undeleted.THERE
        versions = vault.versions(key)  # the lifecycle has hidden it meanwhile
    if not versions:
        raise BlobNotFoundError(f"no version of {key} is left", hint="look for it in the replica")
    source = _newest(versions)
    if source is None:
        raise BlobNotFoundError(f"only delete markers of {key} are left", hint="look for it in the replica")
    try:
        vault.bring_back(key, source.version_id).result()
    except ConflictError:  # somebody else brought it back at the same moment
        vault.readmit(key).result()
    return Undeleted.BROUGHT_BACK


def undelete_pack(vault: Vault, pack: PackId) -> Undeleted:
    """Bring back one pack."""
    return undelete_object(vault, pack_key(pack))


def undelete_backup(ports: CollectorPorts, name: BackupName, mapper: Mapper = map) -> Counter[Undeleted]:
    """Bring back a backup: its packs, its manifests, and its commit record last; count what became of them.

    `mapper` may do several of them at once, and show how far it is.
    Retention may let it go again: `hold_and_undelete` does not. BackupNotFoundError when its commit record is gone for
    good, BlobNotFoundError when something that it needs is; then what could be brought back has been.
    """
    record = record_in_versions(ports.vault, name)
    counts = Counter(mapper(lambda key: undelete_object(ports.vault, key), needed_keys(record)))
    with suppress(BlobNotFoundError):  # hardly any backup has such a note
        undelete_object(ports.vault, incomplete_key(*name))
    counts[undelete_object(ports.vault, commit_key(*name))] += 1
    ports.shelf.brought_back(name)
    return counts


def needed_keys(record: CommitRecord) -> list[str]:
    """Give the keys of everything that a backup needs but its commit record: packs, then manifests."""
    keys = [pack_key(pack) for pack in record.packs]
    name = BackupName(record.source, record.user, record.backup_id)
    return keys + [manifest_key(*name, segment.number) for segment in record.segments]


def hold_and_undelete(
    ports: CollectorPorts, name: BackupName, author: Author, now: datetime, mapper: Mapper = map
) -> Counter[Undeleted]:
    """Put a hold on a backup, so that no collection takes it again, and bring it back."""
    set_hold(ports.store, name.source, name.user, name.backup_id, author, now, ports.ids)
    return undelete_backup(ports, name, mapper)


def record_in_versions(vault: Vault, name: BackupName) -> CommitRecord:
    """Read the newest version of a commit record, hidden or not. BackupNotFoundError when none is left."""
    key = commit_key(*name)
    version = _newest(vault.versions(key))
    if version is None:
        raise BackupNotFoundError(f"no version of {key} is left", hint="look for it in the replica")
    return decode_commit(vault.read_version(key, version.version_id).result(), key)


def _newest(versions: Sequence[Version]) -> Version | None:
    return next((version for version in versions if not version.marker), None)
