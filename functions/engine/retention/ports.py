"""What the collector needs from outside, and what each port must guarantee.

It lists and reads through `engine.ports.BlobStore`, and writes its plans there. These ports are what it needs beside
that. Each raises, or puts into its futures, errors from `engine.errors` only, has done its own retries, and may be
called from any thread. Every call may be made twice, by this collection, by the next one, or by two at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from functions.engine.model import Buffer, ChunkRef, PackId
from functions.engine.ports import BlobStore, Ids
from functions.engine.repository import BackupName


class Version(NamedTuple):
    """A version of an object. A delete marker is one too; `expired` says whether it carries the tag."""

    version_id: str
    modified: datetime
    size: int
    marker: bool = False
    expired: bool = False


class Vault(Protocol):
    """The repository's bucket, seen as a place from which things are let go, and where they are locked.

    Guarantees: nothing here deletes a version, shortens a lock or changes bytes. The lifecycle is the only one that
    deletes, it takes only what carries the tag, and no version before its lock has ended.
    """

    def now(self) -> datetime:
        """Give the bucket's own time, such as the date of an answer: ages in a listing are by the same clock."""
        ...

    def expire(self, key: str) -> Future[None]:
        """Tag the current version as expired. BlobNotFoundError when there is none."""
        ...

    def readmit(self, key: str) -> Future[None]:
        """Take that tag off the current version, if it has it. BlobNotFoundError when there is none."""
        ...

    def extend(self, key: str, until: datetime) -> Future[None]:
        """Let the lock of the current version end at `until`, or later if it does already.

        BlobNotFoundError when there is none.
        """
        ...

    def versions(self, key: str) -> Sequence[Version]:
        """Give all versions of exactly this key, newest first, delete markers included."""
        ...

    def read_version(self, key: str, version_id: str) -> Future[Buffer]:
        """Give the bytes of a version. BlobNotFoundError when it is gone."""
        ...

    def bring_back(self, key: str, version_id: str) -> Future[None]:
        """Write a version's bytes as the new current version, without tags, and locked as any new object is.

        ConflictError when the key has a current version that is no delete marker; then nothing changed.
        BlobNotFoundError when the version is gone.
        """
        ...


class Targets(Protocol):
    """The dedup index, seen as what may lead a backup to a pack.

    Guarantees: strongly consistent. It may forget more than it is told to, never less.
    """

    def forget(self, refs: Collection[ChunkRef]) -> None:
        """Forget these places. Afterwards no look-up gives one of them, unless somebody records it anew.

        A chunk whose entry names another pack by now may stay or go. Waits until it is done.
        """
        ...

    def named(self, refs: Collection[ChunkRef]) -> AbstractSet[PackId]:
        """Give the packs among these places to which an entry leads at this moment."""
        ...

    def record(self, refs: Iterable[ChunkRef]) -> None:
        """See DedupIndex."""
        ...


class Shelf(Protocol):
    """The catalog, as far as it shows which backups there are. It decides nothing, and may be rebuilt."""

    def let_go(self, backup: BackupName) -> None:
        """Note that a backup was expired: nobody should be offered it."""
        ...

    def brought_back(self, backup: BackupName) -> None:
        """Note that a backup is there again."""
        ...


class NoShelf:
    """A Shelf where there is no catalog."""

    def let_go(self, backup: BackupName) -> None:
        """Do nothing."""

    def brought_back(self, backup: BackupName) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class CollectorPorts:
    """Everything a collection needs from outside. Ids are random: they tell two collections of one second apart."""

    store: BlobStore
    vault: Vault
    targets: Targets
    ids: Ids
    shelf: Shelf = field(default_factory=NoShelf)
