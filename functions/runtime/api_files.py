"""Files in a user's backups: list those of one, find versions in all. Manifests are read, never a file's bytes.

A search takes the time that a request has and then gives a page, however little stands on it, with the cursor of where
it came to. So it ends, however much there is to look through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Annotated, Final, NamedTuple

from pydantic import Field

from functions.engine.backup import rfc3339
from functions.engine.commit import CommitRecord
from functions.engine.errors import NotFoundError
from functions.engine.manifest import Line
from functions.engine.model import Unreadable
from functions.engine.repository import BackupName, Repository
from functions.engine.search import FileQuery, same_files
from functions.runtime.api_backups import COMMITTED, BackupPath, committed, started_since
from functions.runtime.api_cursor import Place, read_cursor, write_cursor
from functions.runtime.api_errors import CursorError, NoBackupError
from functions.runtime.api_lists import in_order, until_of
from functions.runtime.api_models import BackupId, Model, Moment, Nothing, PageQuery, UserPath, read_moment
from functions.runtime.api_ports import ApiPorts, Asked, require_source
from functions.runtime.stack_reading import BackupRow

RESERVE_S: Final = 12.0
"""Seconds that must be left of an invocation's 29 for a search to go on: a manifest takes less than one."""
_EVERY: Final = 4_096
"""So many lines that are not looked for may pass unread before one is read, to see how far the search is."""
_NO_BACKUP: Final = "-"
_BEHIND: Final = "\U0010ffff"


class FilesQuery(PageQuery):
    """Which files: all conditions at once."""

    prefix: Annotated[
        str, Field(max_length=1_024, description="How the key begins, the source's own prefix included.")
    ] = ""
    contains: Annotated[
        str, Field(max_length=1_024, description="What the key holds, capital letters as they are.")
    ] = ""
    modified_since: Annotated[Moment | None, Field(description="Changed then or later.")] = None
    modified_until: Annotated[Moment | None, Field(description="Changed then or before.")] = None


class SearchQuery(FilesQuery):
    """Which files, and in which backups."""

    since: Annotated[Moment | None, Field(description="In backups that were started then or later.")] = None
    until: Annotated[Moment | None, Field(description="In backups that were started then or before.")] = None


class File(Model):
    """A version of a file."""

    key: str
    size: Annotated[int, Field(description="Bytes.")]
    modified: Moment
    backup_id: Annotated[BackupId, Field(description="The newest backup that holds this version.")]


class FilePage(Model):
    """Files. A page may hold few, or none, and still have a next one."""

    files: list[File]
    next_cursor: str | None


class _Stand(NamedTuple):
    """Where a search is: in which backup, what the one after it is, and the last key that was looked at."""

    backup_id: str
    newer: str
    key: str


@dataclass(slots=True)
class _Search:
    """One page of a search."""

    repository: Repository
    query: FilesQuery
    seconds_left: Callable[[], float]

    def files(self, record: CommitRecord, newer: CommitRecord | None, after: str) -> Iterator[File | str]:
        """Give the files of a backup whose version the one after it does not hold; and now and then a key only."""
        wanted = self._wanted()
        others = self._lines(newer, after) if newer is not None else iter(())
        other = next(others, None)
        for line in self._lines(record, after):
            while other is not None and other.key < line.key:
                other = next(others, None)
            again = isinstance(other, Line) and isinstance(line, Line) and _version(other) == _version(line)
            if isinstance(line, Line) and not again and wanted(line):
                modified = read_moment(line.document["modified"])
                yield File(key=line.key, size=line.size, modified=modified, backup_id=record.backup_id)
            else:
                yield line.key

    def _lines(self, record: CommitRecord, after: str) -> Iterator[Line | Unreadable]:
        prefix = self.query.prefix
        start = max(after, prefix[:-1])
        return self.repository.entries(record, after=start, until=prefix + _BEHIND, skip=self._skip())

    def _skip(self) -> Callable[[bytes], bool] | None:
        unwanted = FileQuery(self.query.contains or self.query.prefix).skipper()
        if unwanted is None:
            return None
        number = count(1)
        return lambda raw: unwanted(raw) and next(number) % _EVERY != 0

    def _wanted(self) -> Callable[[Line], bool]:
        query = self.query
        changed = FileQuery(changed_after=query.modified_since, changed_before=query.modified_until).matcher()
        return lambda line: line.key.startswith(query.prefix) and query.contains in line.key and changed(line)

    @property
    def over(self) -> bool:
        """Whether the time is nearly up."""
        return self.seconds_left() < RESERVE_S


def list_files(ports: ApiPorts, asked: Asked[BackupPath, FilesQuery, Nothing]) -> FilePage:
    """List the files of one backup, in the order of their keys."""
    require_source(ports, asked.path.source)
    row = committed(ports, asked.path, asked.path.backup)
    place = read_cursor(asked.scope, asked.query.cursor)
    search = _Search(Repository(ports.store), asked.query, asked.seconds_left)
    record = _record(search.repository, row)
    found: list[File] = []
    for item in search.files(record, None, place.name if place else ""):
        key = item if isinstance(item, str) else item.key
        if isinstance(item, File):
            found.append(item)
        if len(found) >= asked.query.limit or search.over:
            return FilePage(files=found, next_cursor=write_cursor(asked.scope, Place("", key)))
    return FilePage(files=found, next_cursor=None)


def search_files(ports: ApiPorts, asked: Asked[UserPath, SearchQuery, Nothing]) -> FilePage:
    """Find versions of files in a user's backups: from the newest backup back, each by the newest that holds it."""
    require_source(ports, asked.path.source)
    place = read_cursor(asked.scope, asked.query.cursor)
    stand = _stand(place)
    search = _Search(Repository(ports.store), asked.query, asked.seconds_left)
    found: list[File] = []
    newer = _newer(search.repository, asked.path, stand)
    for row in _rows(ports, asked, place, stand):
        record = _record(search.repository, row)
        after = stand.key if stand and stand.backup_id == row.backup_id else ""
        known = newer is not None and same_files(newer, record)
        for item in () if known else search.files(record, newer, after):
            if isinstance(item, File):
                found.append(item)
            if len(found) >= asked.query.limit or search.over:
                key = item if isinstance(item, str) else item.key
                at = _Stand(row.backup_id, newer.backup_id if newer else _NO_BACKUP, key)
                return FilePage(files=found, next_cursor=_cursor(asked.scope, row, at))
        newer = record
    return FilePage(files=found, next_cursor=None)


def _rows(
    ports: ApiPorts, asked: Asked[UserPath, SearchQuery, Nothing], place: Place | None, stand: _Stand | None
) -> Iterator[BackupRow]:
    """Give the backups to look through, newest first, from where the page before ended."""
    path, query = asked.path, asked.query
    rows = ports.history.latest(path.source, path.name, until_of(query.until, place))
    for row in in_order([started_since(rows, query.since)], _place, None):
        behind = stand is None or place is None or _place(row) <= Place(place.order, stand.backup_id)
        if behind and row.state in COMMITTED:
            yield row


def _stand(place: Place | None) -> _Stand | None:
    if place is None:
        return None
    parts = place.name.split("/", 2)
    if len(parts) != len(_Stand._fields):
        raise CursorError("the cursor cannot be read")
    return _Stand(*parts)


def _cursor(scope: str, row: BackupRow, stand: _Stand) -> str:
    return write_cursor(scope, Place(_place(row).order, "/".join(stand)))


def _newer(repository: Repository, path: UserPath, stand: _Stand | None) -> CommitRecord | None:
    """Give the backup after the one where the search goes on. Without it, its versions are given once more."""
    if stand is None or stand.newer == _NO_BACKUP:
        return None
    try:
        return repository.commit(BackupName(path.source, path.name, stand.newer))
    except NotFoundError:
        return None


def _record(repository: Repository, row: BackupRow) -> CommitRecord:
    try:
        return repository.commit(BackupName(row.source, row.user, row.backup_id))
    except NotFoundError as error:
        raise NoBackupError("the backup is not there any more") from error


def _place(row: BackupRow) -> Place:
    return Place(rfc3339(row.started), row.backup_id)


def _version(line: Line) -> tuple[str, int, str, str]:
    return line.key, line.size, line.etag, line.document["modified"]
