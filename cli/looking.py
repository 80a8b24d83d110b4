"""What the commands that look into backups share: the repository, its source, and who has which backup."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import chain, islice
from typing import Annotated, TypeAlias

import typer

from cli import options
from cli.outputs import Place
from cli.render import aside, note
from functions.contract.object_keys import encode_name
from functions.engine.commit import CommitRecord
from functions.engine.errors import BackupNotFoundError, ConfigurationError, StrongroomError
from functions.engine.owners import (
    Moment,
    backup_at,
    backups_at,
    begun_since,
    believed,
    may_believe,
    moment_of,
    source_names,
    user_names,
)
from functions.engine.ports import BlobStore, Source
from functions.engine.repository import BackupName, Repository
from functions.runtime.stack_reading import StackReader
from functions.runtime.toolbox import now

FromBucket: TypeAlias = Annotated[
    bool,
    typer.Option("--from-bucket", help="Look for everybody's newest backup in the bucket, not in the users table."),
]

_SHOWN = 10
_TABLE, _BUCKET = "table", "bucket"


@dataclass(frozen=True, slots=True)
class Shelf:
    """The backups of one source in a repository."""

    store: BlobStore
    folders: Source
    source: str
    told: Callable[[str], Mapping[str, str]] | None = None
    """What a table says is the newest backup of each user of a source, by encoded users."""
    looked_up_in: dict[str, int] = field(default_factory=lambda: {_TABLE: 0, _BUCKET: 0})
    """How many of the backups that were read so far the table named, and how many the bucket."""

    @property
    def repository(self) -> Repository:
        """The reader of what is committed."""
        return Repository(self.store)

    def users(self, named: Sequence[str]) -> list[str]:
        """Give the users that were named, or all. BackupNotFoundError when there is none."""
        found = list(named) or user_names(self.folders, self.source)
        if not found:
            known = source_names(self.folders)
            more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
            hint = f"it has backups of {', '.join(known[:_SHOWN])}{more}" if known else _nothing()
            raise BackupNotFoundError(f"source {self.source!r} has no backup", hint=hint)
        return found

    def newest(self, named: Sequence[str], as_of: datetime | None) -> Iterator[CommitRecord]:
        """Give the newest backup at a time of each user, or of those who were named.

        BackupNotFoundError for who was named and had none by then, or when nobody had.
        """
        moment, users = moment_of(as_of, now()), self.users(named)
        known = {} if named else self._told(as_of, moment)
        found = backups_at(self.store, self.source, users, moment, known)
        names = list(found) if named else [*islice(found, 1)]
        missing = {*named} - {name.user for name in names}
        if missing or not names:
            who = f"user {min(missing)!r} of source {self.source!r}" if missing else f"source {self.source!r}"
            raise BackupNotFoundError(f"{who} has no backup{_when(as_of)}", hint=self._known(named))
        return self._checked(chain(names, found), known, moment)

    def one(self, user: str, backup_id: str | None, as_of: datetime | None) -> CommitRecord:
        """Give the backup that was named by its id or by a time; else the newest."""
        if backup_id is not None:
            return self.repository.commit(BackupName(self.source, user, backup_id))
        found = backup_at(self.store, self.source, user, moment_of(as_of, now()))
        if found is None:
            who = f"user {user!r} of source {self.source!r}"
            raise BackupNotFoundError(f"{who} has no backup{_when(as_of)}", hint=self._known([user]))
        return self.repository.commit(found)

    def all_of(self, user: str, since: datetime | None = None, until: datetime | None = None) -> list[BackupName]:
        """Give a user's backups that were begun in a time, oldest first. BackupNotFoundError when there is none."""
        first, limit = begun_since(since), moment_of(until, now()).limit
        found = self.repository.backups(self.source, user)
        names = [name for name in found if first <= name.backup_id < limit]
        if not names:
            when = " in that time" if since or until else ""
            raise BackupNotFoundError(
                f"user {user!r} of source {self.source!r} has no backup{when}", hint=self._known([user])
            )
        return names

    def read(self, names: Iterable[BackupName]) -> Iterator[CommitRecord]:
        """Read commit records, many at once, in their order. Raises the error of the first that cannot be read."""
        for _, found in self.repository.commits(names):
            if isinstance(found, StrongroomError):
                raise found
            self.looked_up_in[_BUCKET] += 1
            yield found

    def say_where(self) -> None:
        """Say beside the output where everybody's newest backups were looked up, if a table was to be asked."""
        if self.told is None:
            return
        told, listed = self.looked_up_in[_TABLE], self.looked_up_in[_BUCKET]
        if told:
            rest = f", {listed:,} in the bucket" if listed else ""
            aside(f"{told:,} looked up in the users table{rest}; --from-bucket asks nothing but the bucket")
        else:
            aside("looked up in the bucket")

    def _told(self, as_of: datetime | None, moment: Moment) -> dict[str, str]:
        """Give what the table says and may be believed. Nothing when it cannot be read: the bucket knows it all."""
        if self.told is None or not may_believe(as_of, now()):
            return {}
        try:
            return believed(self.told(self.source), moment, now())
        except StrongroomError as error:
            note(f"warning: {error}; each user is looked up in the bucket, which takes longer")
            return {}

    def _checked(self, names: Iterable[BackupName], known: Mapping[str, str], moment: Moment) -> Iterator[CommitRecord]:
        """Read the records as `read`. Who does not have the backup that the table names comes last, from the bucket."""
        gone = []
        for name, found in self.repository.commits(names):
            told = known.get(encode_name(name.user)) == name.backup_id
            if told and isinstance(found, BackupNotFoundError):
                gone.append(name.user)
                continue
            if isinstance(found, StrongroomError):
                raise found
            self.looked_up_in[_TABLE if told else _BUCKET] += 1
            yield found
        yield from self.read(backups_at(self.store, self.source, gone, moment))

    def _known(self, named: Sequence[str]) -> str:
        users = user_names(self.folders, self.source)
        if not users:
            return f"check the source's name: it is one of {', '.join(source_names(self.folders)[:_SHOWN])}"
        strangers = [user for user in named if user not in users]
        if strangers:
            return "`strongroom backups` lists the users; capital letters count"
        return "`strongroom backups --user NAME` lists all backups of a user"


@contextmanager
def opened(
    place: Place, source: str | None, endpoint: str | None, profile: str | None, table: str | None = None
) -> Iterator[Shelf]:
    """Open a repository; `table` is asked for newest backups. ConfigurationError when it holds sources, none named."""
    with options.open_toolbox(place.region, endpoint, profile) as tools:
        folders = tools.source(place.bucket)
        told = partial(StackReader(tools.cloud()).newest, table) if table is not None else None
        yield Shelf(tools.store(place.bucket), folders, source if source is not None else _only(folders), told)


def table_of(place: Place, *, replica: bool, from_bucket: bool) -> str | None:
    """Give the table of the users to ask. None for a replica: what it holds may be behind what the table says."""
    return None if replica or from_bucket else place.tables.get("users") or None


def _only(folders: Source) -> str:
    names = source_names(folders)
    if not names:
        raise BackupNotFoundError("the repository has no backup", hint=_nothing())
    if len(names) > 1:
        more = " ..." if len(names) > _SHOWN else ""
        raise ConfigurationError(
            "the repository holds several sources",
            hint=f"name one with --source-name: {', '.join(names[:_SHOWN])}{more}",
        )
    return names[0]


def _nothing() -> str:
    return "nothing has been backed up into this bucket yet"


def _when(as_of: datetime | None) -> str:
    return f" at {as_of:%Y-%m-%d %H:%M:%S} UTC" if as_of is not None else ""
