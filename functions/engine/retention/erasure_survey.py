"""What a repository holds of one user: his backups, his packs, and which of his chunks others need too. Read only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from functions.contract.object_keys import PACKS, SNAPSHOTS, parse_pack_key, user_prefix
from functions.engine.commit import CommitRecord
from functions.engine.errors import CorruptionError, NotFoundError
from functions.engine.manifest import Line
from functions.engine.model import BlobInfo, PackId
from functions.engine.ports import BlobStore
from functions.engine.repository import BackupName, Repository
from functions.engine.retention.walk import StoredBackup, Walk, modified, stored_users

Progress = Callable[[int], None]
"""Hears of backups that were read."""


class Share(StrEnum):
    """Whose a chunk is."""

    ALONE = "alone"
    """Only he needs it, and the pack that it stands in: it goes."""
    BESIDE_OTHERS = "beside others"
    """Only he needs it, but others need its pack: nobody finds it any more, and it goes when the pack does."""
    SHARED = "shared"
    """Others have the same bytes: it stays, as theirs."""


class Amount(NamedTuple):
    """How many, and how many bytes as they are stored."""

    number: int = 0
    bytes: int = 0

    def plus(self, size: int) -> Amount:
        """Give it with one more."""
        return Amount(self.number + 1, self.bytes + size)

    def document(self) -> dict[str, int]:
        """Give it as plain JSON values."""
        return {"count": self.number, "bytes": self.bytes}


@dataclass(slots=True)
class Survey:
    """What there is of a user. `packs` are the sizes and births of his packs; those of `mixed` others need too."""

    backups: list[BackupName] = field(default_factory=list)
    blobs: list[BlobInfo] = field(default_factory=list)
    packs: dict[PackId, BlobInfo] = field(default_factory=dict)
    mixed: set[PackId] = field(default_factory=set)
    chunks: dict[Share, Amount] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)
    """What of this cannot be read, so that it is in no count."""

    @property
    def own(self) -> list[PackId]:
        """The packs that only he needs."""
        return [pack for pack in self.packs if pack not in self.mixed]

    def amount(self, packs: Iterator[PackId]) -> Amount:
        """Count packs."""
        sizes = [self.packs[pack].size for pack in packs]
        return Amount(len(sizes), sum(sizes))

    def births(self) -> Iterator[datetime]:
        """Give when the packs were written that only he needs."""
        return (modified(self.packs[pack]) for pack in self.own)


def survey_user(store: BlobStore, source: str, user: str, progress: Progress, *, chunks: bool = True) -> Survey:
    """Look at everything of a user, and at everybody else's backups as far as they need packs of his.

    Takes 150 bytes for each different chunk of his; with `chunks` off none is counted, and no manifest read.
    """
    found = Survey()
    records = list(_own_records(store, source, user, found, progress))
    wanted = {pack for record in records for pack in record.packs}
    found.packs = _listed(store, wanted)
    mine = _chunks_of(store, records, found, progress) if chunks else {}
    theirs = _look_at_others(store, (source, user), wanted, mine, found, progress)
    if chunks:
        found.chunks = dict.fromkeys(Share, Amount())
    for chunk, (pack, stored) in mine.items():
        share = Share.ALONE if pack not in found.mixed else Share.BESIDE_OTHERS
        share = Share.SHARED if chunk in theirs else share
        found.chunks[share] = found.chunks[share].plus(stored)
    return found


def stored_of(store: BlobStore, source: str, user: str) -> Mapping[str, StoredBackup]:
    """Give the objects of a user's backups, finished or not, by backup id."""
    users = list(stored_users(store, user_prefix(source, user)))
    return users[0].backups if users else {}


def _own_records(store: BlobStore, source: str, user: str, found: Survey, progress: Progress) -> Iterator[CommitRecord]:
    for stored, records in Walk(store, user_prefix(source, user)):
        found.blobs = [blob for backup in stored.backups.values() for blob in backup.blobs]
        for backup, record in records:
            progress(1)
            found.backups.append(backup.name)
            if isinstance(record, CommitRecord):
                yield record
            else:
                found.damaged.append("/".join(backup.name))


def _listed(store: BlobStore, wanted: set[PackId]) -> dict[PackId, BlobInfo]:
    listed: dict[PackId, BlobInfo] = {}
    for blob in store.list(PACKS) if wanted else ():
        pack = parse_pack_key(blob.key)
        if pack in wanted:
            listed[pack] = blob
    return listed


def _chunks_of(
    store: BlobStore, records: list[CommitRecord], found: Survey, progress: Progress
) -> dict[bytes, tuple[PackId, int]]:
    chunks: dict[bytes, tuple[PackId, int]] = {}
    repository, seen = Repository(store), _Seen()
    for record in records:
        progress(1)
        for chunk, pack, _offset, stored, _length in _places(repository, record, seen, found):
            chunks[bytes.fromhex(chunk)] = (pack, stored)
    return chunks


def _look_at_others(
    store: BlobStore,
    owner: tuple[str, str],
    wanted: AbstractSet[PackId],
    mine: Mapping[bytes, tuple[PackId, int]],
    found: Survey,
    progress: Progress,
) -> set[bytes]:
    """Note which packs of his others need; give the chunks of his that stand in their manifests."""
    shared: set[bytes] = set()
    repository = Repository(store)
    for stored, records in Walk(store, SNAPSHOTS):
        seen = _Seen()
        for backup, record in records:
            if (stored.source, stored.user) == owner:
                continue
            progress(1)
            if isinstance(record, CommitRecord) and (both := wanted & set(record.packs)):
                found.mixed |= both
                places = _places(repository, record, seen, found) if mine else ()
                shared.update(chunk for place in places if (chunk := bytes.fromhex(place[0])) in mine)
            elif not isinstance(record, CommitRecord | NotFoundError):
                found.damaged.append("/".join(backup.name))
    return shared


class _Seen:
    """Lines of one user that were read: his backups mostly hold the same ones, byte for byte."""

    def __init__(self) -> None:
        """Nothing was."""
        self._lines: set[int] = set()

    def add(self, line: bytes) -> None:
        """Note a line of a file. No other may be skipped: the last one proves that a manifest is whole."""
        self._lines.add(hash(line))

    def __call__(self, line: bytes) -> bool:
        """Say whether a line was read before."""
        return hash(line) in self._lines


def _places(repository: Repository, record: CommitRecord, seen: _Seen, found: Survey) -> Iterator[list[Any]]:
    try:
        for line in repository.entries(record, skip=seen):
            if isinstance(line, Line):
                seen.add(line.raw)
                yield from line.document["chunks"]
    except CorruptionError as error:
        found.damaged.append(str(error.message))
