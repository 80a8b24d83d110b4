"""What has arrived of a repository that was replicated, and is written to when the first region is lost.

Replication keeps no order: a commit record may be there before its manifests and packs, and they may never come. Such
a backup restores in part, which every restore says. But the next backup must not build on it: it would carry over
places in packs that are not there. So a note is put beside the record, and all that is older counts as no parent
either: by the rules of retention only the newest one is sure to be kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from functions.contract.object_keys import (
    COMMIT_NAME,
    INCOMPLETE_NAME,
    SNAPSHOTS,
    incomplete_key,
    manifest_key,
    parse_snapshot_key,
    source_prefix,
)
from functions.engine.commit import CommitRecord
from functions.engine.errors import StrongroomError
from functions.engine.pack_indexes import list_packs
from functions.engine.ports import BlobStore
from functions.engine.repository import BackupName, Repository
from functions.engine.segments import put_once

VERSION = 1


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A user's newest backup, and how many of its packs and manifests are not there."""

    name: BackupName
    packs: int
    manifests: int
    noted: bool
    """Whether the note was there already."""


@dataclass(slots=True)
class _Newest:
    name: BackupName
    beside: set[str] = field(default_factory=set)
    """Names of the objects in its folder."""


def incomplete_backups(store: BlobStore) -> list[Incomplete]:
    """Give the newest backups of users that have not arrived whole. Lists everything, reads a record of each user.

    A record that cannot be read counts as one without anything.
    """
    newest = list(_newest(store))
    packs = frozenset(list_packs(store)) if newest else frozenset()
    records = Repository(store).commits([one.name for one in newest])
    found = (_looked_at(one, record, packs) for one, (_, record) in zip(newest, records, strict=True))
    return [one for one in found if one.packs or one.manifests]


def note_incomplete(store: BlobStore, found: Incomplete) -> None:
    """Keep the next backup from building on this one. Twice is once, also when more of it has arrived meanwhile."""
    put_once(store, incomplete_key(*found.name), json.dumps({"format": VERSION}).encode())


def parents(store: BlobStore, source: str) -> dict[str, BackupName]:
    """Give each user's newest backup, unless it is noted that it has not arrived whole."""
    found: dict[str, BackupName] = {}
    for blob in store.list(source_prefix(source)):
        parsed = parse_snapshot_key(blob.key)
        if parsed is not None and parsed.name == COMMIT_NAME:
            found[parsed.user] = BackupName(parsed.source, parsed.user, parsed.backup_id)
        elif parsed is not None and parsed.name == INCOMPLETE_NAME:
            found.pop(parsed.user, None)
    return found


def _newest(store: BlobStore) -> Iterator[_Newest]:
    """Give each user's newest backup, with what lies beside its record, in the order of keys."""
    current: _Newest | None = None
    beside: set[str] = set()
    folder: BackupName | None = None
    for blob in store.list(SNAPSHOTS):
        parsed = parse_snapshot_key(blob.key)
        if parsed is None:
            continue
        name = BackupName(*parsed[:3])
        if current is not None and name[:2] != current.name[:2]:
            yield current
            current = None
        if name != folder:
            folder, beside = name, set()
        beside.add(parsed.name)
        if parsed.name == COMMIT_NAME:
            current = _Newest(name, beside)
    if current is not None:
        yield current


def _looked_at(one: _Newest, record: CommitRecord | StrongroomError, packs: frozenset[str]) -> Incomplete:
    noted = INCOMPLETE_NAME in one.beside
    if isinstance(record, StrongroomError):
        return Incomplete(one.name, 0, 1, noted)
    wanted = [manifest_key(*one.name, segment.number).rpartition("/")[2] for segment in record.segments]
    return Incomplete(one.name, len(set(record.packs) - packs), len(set(wanted) - one.beside), noted)
