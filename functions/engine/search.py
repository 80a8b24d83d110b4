"""Finds files in backups by key, size and time: which versions there are, and which backups hold each.

No more manifests are read than may hold what is asked for. A pattern whose beginning is plain text chooses the segments
with such keys. A backup that read nothing, and counts the same files and bytes as the one before it, holds the same
files; only a file of no bytes could have come for another one unseen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import translate
from typing import NamedTuple

from functions.engine.commit import CommitRecord
from functions.engine.manifest import Line
from functions.engine.model import BackupStatus, BackupType
from functions.engine.repository import Repository, look_ahead, segments_within

_MANIFESTS = 64
"""Manifests under way at once, to hide the wait for each: 512 MiB if all were as large as a segment may be."""
_LAST = 0x10FFFF
_WILD = re.compile(r"[*?\[]")
_PLAIN = re.compile(r'[^*?"\\\x00-\x1f\x7f]+')
"""Text that stands in a line of a manifest as it stands in the key."""
_FILE = b'{"key":'


class KeyRange(NamedTuple):
    """Keys greater than `after`, and at most `until`."""

    after: str = ""
    until: str | None = None

    def meets(self, folder: str) -> bool:
        """Say whether a key below `folder` may be in it."""
        last = _following(folder)
        return (self.until is None or folder <= self.until) and (last is None or last > self.after)


def keys_below(beginning: str) -> KeyRange:
    """Give a range that holds all keys with this beginning, and hardly any other."""
    return KeyRange(_before(beginning), _following(beginning)) if beginning else KeyRange()


@dataclass(frozen=True, slots=True)
class FileQuery:
    """What is looked for. `pattern` is a shell pattern for the whole key, or else a part of it; sizes in bytes."""

    pattern: str = "*"
    smallest: int = 0
    largest: int | None = None
    changed_after: datetime | None = None
    changed_before: datetime | None = None

    def keys(self) -> KeyRange:
        """Give the keys that the pattern may match."""
        wild = _WILD.search(self.pattern)
        return keys_below(self.pattern[: wild.start()]) if wild else KeyRange()

    def matcher(self) -> Callable[[Line], bool]:
        """Say of lines whether they are looked for."""
        pattern = self.pattern if _WILD.search(self.pattern) else f"*{self.pattern}*"
        match = re.compile(translate(pattern)).match
        return lambda line: match(line.key) is not None and self._fits(line)

    def skipper(self) -> Callable[[bytes], bool] | None:
        """Say of a line's bytes whether it need not be decoded; None when that cannot be said of any."""
        plain = max(_PLAIN.findall(self.pattern.partition("[")[0]), key=len, default="")
        if not plain:
            return None
        needle = plain.encode("utf-8", "surrogatepass")
        return lambda raw: needle not in raw and raw.startswith(_FILE)

    def _fits(self, line: Line) -> bool:
        if line.size < self.smallest or (self.largest is not None and line.size > self.largest):
            return False
        if self.changed_after is None and self.changed_before is None:
            return True
        changed = datetime.fromisoformat(line.document["modified"])
        too_old = self.changed_after is not None and changed < self.changed_after
        return not too_old and (self.changed_before is None or changed <= self.changed_before)


class Version(NamedTuple):
    """A content of a file: the same key, size, etag and time of its last change is the same version."""

    key: str
    size: int
    modified: str
    etag: str


@dataclass(slots=True)
class Kept:
    """A version, and the ids of the backups that hold it, oldest first."""

    version: Version
    backups: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Found:
    """Versions in the order of keys and of the backups that first held them; manifests that were read, of how many."""

    kept: list[Kept]
    read: int
    manifests: int


def find_versions(repository: Repository, records: Sequence[CommitRecord], query: FileQuery) -> Found:
    """Look through all backups of one user, given oldest first. Holds what was found, and 64 manifests."""
    kept: dict[Version, Kept] = {}
    current: list[Kept] = []
    read = 0

    def begin(number: int) -> tuple[CommitRecord, Iterator[Version] | None]:
        record = records[number]
        known = number > 0 and same_files(record, records[number - 1])
        return record, None if known else _versions(repository, record, query)

    for record, versions in look_ahead(begin, range(len(records)), _MANIFESTS):
        if versions is not None:
            read += manifests_of(record, query)
            current = [kept.setdefault(version, Kept(version)) for version in versions]
        for item in current:
            item.backups.append(record.backup_id)
    ordered = sorted(kept.values(), key=lambda item: (item.version.key, item.backups[0]))
    return Found(ordered, read, sum(len(record.segments) for record in records))


def find_files(
    repository: Repository, records: Iterable[CommitRecord], query: FileQuery
) -> Iterator[tuple[CommitRecord, Iterator[Version]]]:
    """Give the files of each backup that are looked for; many manifests are under way at once."""
    return look_ahead(lambda record: (record, _versions(repository, record, query)), records, _MANIFESTS)


def manifests_of(record: CommitRecord, query: FileQuery) -> int:
    """Say how many of a backup's manifests may hold what is looked for."""
    return len(segments_within(record, *query.keys()))


def same_files(record: CommitRecord, before: CommitRecord) -> bool:
    """Say whether a backup holds the files of the one before it, by what the two commit records count."""
    if record.parent != before.backup_id or record.type is BackupType.FULL or record.totals.read:
        return False
    complete = record.status is BackupStatus.COMPLETED and before.status is BackupStatus.COMPLETED
    return complete and _counted(record) == _counted(before)


def _counted(record: CommitRecord) -> tuple[str, int, int]:
    return record.prefix, record.totals.files, record.totals.source


def _versions(repository: Repository, record: CommitRecord, query: FileQuery) -> Iterator[Version]:
    """Ask for the first manifest at once, for the others as they are needed."""
    after, until = query.keys()
    wanted = query.matcher()
    lines = repository.entries(record, after=after, until=until, skip=query.skipper())
    return (
        Version(line.key, line.size, line.document["modified"], line.etag)
        for line in lines
        if isinstance(line, Line) and wanted(line)
    )


def _before(text: str) -> str:
    """Give a text that stands before all that begin with `text`, and after nearly all others that do."""
    last = ord(text[-1])
    return f"{text[:-1]}{chr(last - 1)}{chr(_LAST)}" if last else text[:-1]


def _following(text: str) -> str | None:
    """Give the first text after all that begin with `text`; None when there is none."""
    kept = text.rstrip(chr(_LAST))
    return f"{kept[:-1]}{chr(ord(kept[-1]) + 1)}" if kept else None
