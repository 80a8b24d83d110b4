"""Reads a repository: which backups exist, their commit records and their entries. Needs the bucket only."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import NamedTuple, TypeVar

from functions.contract.object_keys import (
    COMMIT_NAME,
    MANIFEST_SUFFIX,
    backup_prefix,
    commit_key,
    manifest_key,
    parse_snapshot_key,
    source_prefix,
    user_prefix,
)
from functions.engine.commit import SAMPLE, CommitRecord, SegmentRef, decode_commit
from functions.engine.errors import (
    BackupNotFoundError,
    BlobNotFoundError,
    CommitCorruptError,
    CorruptionError,
    FormatError,
    ManifestCorruptError,
    NotFoundError,
    StrongroomError,
)
from functions.engine.manifest import Line, ManifestReader, Trailer, check_digest
from functions.engine.model import Buffer, Segment, Totals, Unreadable
from functions.engine.ports import BlobStore

T = TypeVar("T")
R = TypeVar("R")

_AHEAD = 64
"""Commit records under way at once: small, so what counts is to hide the wait for each."""


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
        return _decode(name, self._ask(name))

    def commits(self, names: Iterable[BackupName]) -> Iterator[tuple[BackupName, CommitRecord | StrongroomError]]:
        """Read commit records, many under way at once; give each, or the error that keeps it from being read."""
        for name, answer in look_ahead(lambda name: (name, self._ask(name)), names, _AHEAD):
            try:
                yield name, _decode(name, answer)
            except (CorruptionError, FormatError, NotFoundError) as error:
                yield name, error

    def entries(
        self,
        record: CommitRecord,
        *,
        after: str = "",
        until: str | None = None,
        skip: Callable[[bytes], bool] | None = None,
    ) -> Iterator[Line | Unreadable]:
        """Stream a backup's lines in key order: those whose key is greater than `after`, and at most `until`.

        Each manifest is checked against the commit record first; one that holds no such key is not read. Lines whose
        bytes `skip` wants to hear no more of are left out, and not decoded. The first manifest is asked for at once.
        """
        name = BackupName(record.source, record.user, record.backup_id)
        segments = segments_within(record, after, until)
        first = self._fetch(name, segments[0]) if segments else None
        lines = self._stream(name, segments, first, skip)
        return (line for line in lines if line.key > after and (until is None or line.key <= until))

    def segments(self, name: BackupName) -> Iterator[int]:
        """Give the numbers of the manifests that a backup has so far, committed or not, in order."""
        for blob in self._store.list(backup_prefix(*name)):
            parsed = parse_snapshot_key(blob.key)
            number = parsed.name.removesuffix(MANIFEST_SUFFIX) if parsed is not None else ""
            if number.isascii() and number.isdigit() and blob.key == manifest_key(*name, int(number)):
                yield int(number)

    def segment(self, name: BackupName, number: int) -> Segment:
        """Read a segment that another invocation wrote, as it described it then. Raises when it is damaged."""
        key = manifest_key(*name, number)
        data = self._store.get(key).result()
        sha256 = hashlib.sha256(data).hexdigest()
        keys: list[str] = []
        unreadable: list[Unreadable] = []
        reader = self._open(name, number, data)
        for line in reader.lines():
            keys[1:] = [line.key]
            if isinstance(line, Unreadable) and len(unreadable) < SAMPLE:
                unreadable.append(line)
        totals, packs = reader.trailer or Trailer(Totals(), frozenset())
        first, last = (keys[0], keys[-1]) if keys else ("", "")
        return Segment(number, sha256, totals, packs, first, last, tuple(unreadable))

    def _ask(self, name: BackupName) -> Future[Buffer]:
        return self._store.get(commit_key(*name))

    def _stream(
        self,
        name: BackupName,
        segments: Sequence[SegmentRef],
        pending: Future[Buffer] | None,
        skip: Callable[[bytes], bool] | None,
    ) -> Iterator[Line | Unreadable]:
        for position, segment in enumerate(segments):
            current = pending or self._fetch(name, segment)
            following = segments[position + 1 : position + 2]
            pending = self._fetch(name, following[0]) if following else None
            yield from self._lines(name, segment, current, skip)

    def _fetch(self, name: BackupName, segment: SegmentRef) -> Future[Buffer]:
        return self._store.get(manifest_key(*name, segment.number))

    def _lines(
        self,
        name: BackupName,
        segment: SegmentRef,
        fetched: Future[Buffer],
        skip: Callable[[bytes], bool] | None,
    ) -> Iterator[Line | Unreadable]:
        key = manifest_key(*name, segment.number)
        try:
            data = fetched.result()
        except BlobNotFoundError as error:
            raise ManifestCorruptError(f"manifest {key} does not exist") from error
        check_digest(data, segment.sha256, key)
        yield from self._open(name, segment.number, data).lines(skip)

    def _open(self, name: BackupName, number: int, data: Buffer) -> ManifestReader:
        key = manifest_key(*name, number)
        reader = ManifestReader(data, key)
        if reader.header != (*name, number):
            raise ManifestCorruptError(f"manifest {key} belongs to another backup: {reader.header}")
        return reader


def look_ahead(begin: Callable[[T], R], items: Iterable[T], count: int) -> Iterator[R]:
    """Give what `begin` gives for each item, in order; `count` items are begun before the first result is given."""
    ahead: deque[R] = deque()
    for item in items:
        ahead.append(begin(item))
        if len(ahead) >= count:
            yield ahead.popleft()
    while ahead:
        yield ahead.popleft()


def _decode(name: BackupName, answer: Future[Buffer]) -> CommitRecord:
    key = commit_key(*name)
    try:
        data = answer.result()
    except BlobNotFoundError as error:
        raise BackupNotFoundError(f"{key} does not exist") from error
    record = decode_commit(data, key)
    found = BackupName(record.source, record.user, record.backup_id)
    if found != name:
        raise CommitCorruptError(f"commit record {key} belongs to another backup: {found}")
    return record


def segments_within(record: CommitRecord, after: str = "", until: str | None = None) -> list[SegmentRef]:
    """Give the segments that may hold keys greater than `after`, and at most `until`."""
    return [segment for segment in record.segments if _overlaps(segment, after, until)]


def _overlaps(segment: SegmentRef, after: str, until: str | None) -> bool:
    if not segment.last_key:
        return True  # nothing is said of its keys
    return segment.last_key > after and (until is None or segment.first_key <= until)
