"""A repository's bucket in memory, with versions, locks, tags and a lifecycle, and a clock that tests set.

It behaves as S3 does where the collector depends on it (Amazon S3 User Guide, "How S3 Object Lock works", "Expiring
objects", "Managing tags"): only the lifecycle deletes, it hides what carries the tag whether it is locked or not, and
it deletes no version before its lock has ended.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from functions.adapters.memory import MemoryIndex, answered
from functions.engine.errors import AccessError, BlobNotFoundError, ConflictError
from functions.engine.model import BlobInfo, Buffer, ChunkRef, PackId
from functions.engine.ports import Clock, Tail
from functions.engine.retention.ports import Version

_DAY = timedelta(days=1)


@dataclass(slots=True)
class StoredVersion:
    """One version of an object. A delete marker has no data and no lock."""

    version_id: str
    modified: datetime
    data: bytes | None
    locked_until: datetime | None = None
    expired: bool = False


class Deletion(NamedTuple):
    """What was deleted for good, when, and by whom."""

    key: str
    version_id: str
    when: datetime
    by: str


class VersionedStore:
    """A BlobStore and a Vault. `objects` holds the versions of each key, newest last; `deletions` what is gone."""

    def __init__(self, clock: Clock, *, lock: timedelta, undelete: timedelta) -> None:
        """Lock each new version for a time; keep what is hidden for a time."""
        self.objects: dict[str, list[StoredVersion]] = {}
        self.deletions: list[Deletion] = []
        self.shortenings = 0
        self._clock = clock
        self._lock_time = lock
        self._undelete = undelete
        self._count = 0
        self._lock = threading.RLock()

    # ------------------------------------------------------------------------------------- BlobStore

    def put_new(self, key: str, parts: Sequence[Buffer]) -> Future[None]:
        """See BlobStore."""
        return answered(lambda: self._put_new(key, b"".join(parts)))

    def get(self, key: str, start: int = 0, length: int | None = None) -> Future[Buffer]:
        """See BlobStore."""
        end = None if length is None else start + length
        return answered(lambda: self.data(key)[start:end])

    def get_tail(self, key: str, length: int) -> Future[Tail]:
        """See BlobStore."""
        return answered(lambda: Tail(self.data(key)[-length:], len(self.data(key))))

    def list(self, prefix: str, start_after: str = "") -> Iterator[BlobInfo]:
        """See BlobStore. A key is looked at when its turn comes, as page by page."""
        with self._lock:
            keys = sorted(key for key in self.objects if key.startswith(prefix) and key > start_after)
        for key in keys:
            version = self.current(key)
            if version is not None:
                yield BlobInfo(key, len(version.data or b""), version.modified.isoformat())

    # ----------------------------------------------------------------------------------------- Vault

    def now(self) -> datetime:
        """See Vault."""
        return self._clock()

    def expire(self, key: str) -> Future[None]:
        """See Vault."""
        return answered(lambda: self._tag(key, expired=True))

    def readmit(self, key: str) -> Future[None]:
        """See Vault."""
        return answered(lambda: self._tag(key, expired=False))

    def extend(self, key: str, until: datetime) -> Future[None]:
        """See Vault."""
        return answered(lambda: self._extend(key, until))

    def versions(self, key: str) -> Sequence[Version]:
        """See Vault."""
        with self._lock:
            return [
                Version(item.version_id, item.modified, len(item.data or b""), item.data is None, item.expired)
                for item in reversed(self.objects.get(key, []))
            ]

    def read_version(self, key: str, version_id: str) -> Future[Buffer]:
        """See Vault."""
        return answered(lambda: self._version(key, version_id))

    def bring_back(self, key: str, version_id: str) -> Future[None]:
        """See Vault."""
        return answered(lambda: self._put_new(key, self._version(key, version_id)))

    # ------------------------------------------------------------------------- what tests do and ask

    def current(self, key: str) -> StoredVersion | None:
        """Give the current version, or None when there is none or a delete marker."""
        with self._lock:
            newest = self.objects.get(key, [None])[-1]
            return newest if newest is not None and newest.data is not None else None

    def data(self, key: str) -> bytes:
        """Give the bytes of the current version; always the same object. BlobNotFoundError when there is none."""
        version = self.current(key)
        if version is None or version.data is None:
            raise BlobNotFoundError(f"{key} does not exist")
        return version.data

    def lock_for(self, lock: timedelta) -> None:
        """Lock each version that is new from now on for another time."""
        self._lock_time = lock

    def delete_version(self, key: str, version_id: str) -> None:
        """Delete a version, as somebody does who has every right but to bypass locks. AccessError when locked."""
        with self._lock:
            for version in self.objects.get(key, []):
                if version.version_id == version_id:
                    if version.locked_until is not None and version.locked_until > self._clock():
                        raise AccessError(f"{key}: the version is locked until {version.locked_until}")
                    self._delete(key, version, "api")
                    return

    def run_lifecycle(self, chosen: Callable[[str], bool] = lambda _key: True) -> None:
        """Do what the lifecycle does at this moment, which should be a midnight; for the `chosen` keys.

        Hide what is tagged and a day old; delete for good what is tagged, hidden for long enough and not locked;
        clear delete markers with nothing behind them.
        """
        now = self._clock()
        with self._lock:
            for key in [key for key in self.objects if chosen(key)]:
                versions = self.objects[key]
                if versions[-1].expired and _midnight_after(versions[-1].modified + _DAY) <= now:
                    versions.append(StoredVersion(self._next_id(), now, None))
                for version, successor in list(pairwise(versions)):
                    gone = version.expired and _midnight_after(successor.modified + self._undelete) <= now
                    if gone and (version.locked_until is None or version.locked_until <= now):
                        self._delete(key, version, "lifecycle")
                if len(versions) == 1 and versions[0].data is None:
                    del self.objects[key]

    # ------------------------------------------------------------------------------------------ inside

    def _put_new(self, key: str, data: bytes) -> None:
        with self._lock:
            if self.current(key) is not None:
                raise ConflictError(f"{key} exists")
            now = self._clock()
            version = StoredVersion(self._next_id(), now, data, now + self._lock_time)
            self.objects.setdefault(key, []).append(version)

    def _tag(self, key: str, *, expired: bool) -> None:
        self._existing(key).expired = expired

    def _extend(self, key: str, until: datetime) -> None:
        version = self._existing(key)
        if version.locked_until is not None and until < version.locked_until:
            self.shortenings += 1
            return
        version.locked_until = until

    def _existing(self, key: str) -> StoredVersion:
        version = self.current(key)
        if version is None:
            raise BlobNotFoundError(f"{key} does not exist")
        return version

    def _version(self, key: str, version_id: str) -> bytes:
        with self._lock:
            for version in self.objects.get(key, []):
                if version.version_id == version_id and version.data is not None:
                    return version.data
        raise BlobNotFoundError(f"{key} has no version {version_id}")

    def _delete(self, key: str, version: StoredVersion, by: str) -> None:
        self.objects[key].remove(version)
        self.deletions.append(Deletion(key, version.version_id, self._clock(), by))
        if not self.objects[key]:
            del self.objects[key]

    def _next_id(self) -> str:
        self._count += 1
        return f"v{self._count}"


class MemoryTargets(MemoryIndex):
    """A DedupIndex in a dict that can forget. As in the table, the newest place wins."""

    def record(self, refs: Iterable[ChunkRef]) -> None:
        """See DedupIndex."""
        self.places.update((ref.chunk, ref) for ref in refs)

    def forget(self, refs: Collection[ChunkRef]) -> None:
        """See Targets."""
        for ref in refs:
            found = self.places.get(ref.chunk)
            if found is not None and found.pack == ref.pack:
                self.places.pop(ref.chunk, None)  # another collection may have been faster

    def named(self, refs: Collection[ChunkRef]) -> AbstractSet[PackId]:
        """See Targets."""
        found = [(ref, self.places.get(ref.chunk)) for ref in refs]
        return {ref.pack for ref, place in found if place is not None and place.pack == ref.pack}


def _midnight_after(moment: datetime) -> datetime:
    """Round up to midnight, as the lifecycle does (Amazon S3 User Guide, "Lifecycle configuration elements")."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if midnight == moment else midnight + _DAY
