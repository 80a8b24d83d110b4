"""A user's backups: list them, look at one, ask for one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Final

from pydantic import Field

from functions.contract.states import BackupState
from functions.engine.backup import rfc3339
from functions.engine.model import BackupType
from functions.runtime.api_cursor import Place, read_cursor
from functions.runtime.api_errors import NoBackupError
from functions.runtime.api_lists import in_order, page, until_of
from functions.runtime.api_models import FIRST, BackupId, ClientToken, Model, Moment, Nothing, PageQuery, UserPath
from functions.runtime.api_ports import ApiPorts, Asked, require_source
from functions.runtime.api_runs import RunAsked, ask_for_run
from functions.runtime.stack_reading import BackupRow

COMMITTED: Final = (BackupState.COMPLETED, BackupState.PARTIAL)
"""States of backups that can be read and restored."""


class BackupPath(UserPath):
    """Which backup."""

    backup: BackupId


class BackupsQuery(PageQuery):
    """Which backups: those that were started from one time to another."""

    since: Annotated[Moment | None, Field(description="Started then or later.")] = None
    until: Annotated[Moment | None, Field(description="Started then or before.")] = None
    state: Annotated[BackupState | None, Field(description="Only those in this state.")] = None


class Backup(Model):
    """A backup as the catalog has it. Sizes in bytes."""

    backup_id: BackupId
    state: BackupState
    type: Annotated[str, Field(description="FULL, INCREMENTAL or MANUAL.")]
    started: Moment
    ended: Moment | None
    files: int
    source_bytes: Annotated[int, Field(description="Of all its files.")]
    read_bytes: Annotated[int, Field(description="Read from the source.")]
    new_bytes: Annotated[int, Field(description="That no earlier backup held.")]
    stored_bytes: Annotated[int, Field(description="What those take in the repository.")]
    unreadable: Annotated[int, Field(description="Objects that could not be read: more than 0 is PARTIAL.")]
    error_code: Annotated[str | None, Field(description="Why it FAILED.")]


class BackupPage(Model):
    """Backups, newest first."""

    backups: list[Backup]
    next_cursor: str | None


class BackupBody(Model):
    """A backup to be made now, of what has changed."""

    client_token: ClientToken


def list_backups(ports: ApiPorts, asked: Asked[UserPath, BackupsQuery, Nothing]) -> BackupPage:
    """List a user's backups, newest first, failed ones and those under way too."""
    require_source(ports, asked.path.source)
    query = asked.query
    before = read_cursor(asked.scope, query.cursor)
    rows = ports.history.latest(asked.path.source, asked.path.name, until_of(query.until, before))
    wanted = in_order([started_since(rows, query.since)], _place, before)
    wanted = (row for row in wanted if query.state in {None, row.state})
    found, cursor = page(wanted, query.limit, asked.scope, _place)
    return BackupPage(backups=[_backup(row) for row in found], next_cursor=cursor)


def get_backup(ports: ApiPorts, asked: Asked[BackupPath, Nothing, Nothing]) -> Backup:
    """Give one backup."""
    require_source(ports, asked.path.source)
    row = ports.history.get(asked.path.source, asked.path.name, asked.path.backup)
    if row is None:
        raise NoBackupError("the user has no such backup")
    return _backup(row)


def start_backup(ports: ApiPorts, asked: Asked[UserPath, Nothing, BackupBody]) -> RunAsked:
    """Ask for a backup of one user. It appears in the list of backups as soon as a worker has begun it.

    SourceBusyError while a run of the source is under way: it may be this user's backup.
    """
    name = asked.path.name
    token = f"{asked.path.source}/{asked.path.user}/{asked.body.client_token}"
    return ask_for_run(ports, asked.path.source, token, BackupType.MANUAL, [name])


def committed(ports: ApiPorts, path: UserPath, backup_id: str) -> BackupRow:
    """Give a backup that can be read. NoBackupError when there is none, or when it is not complete."""
    row = ports.history.get(path.source, path.name, backup_id)
    if row is None or row.state not in COMMITTED:
        raise NoBackupError("the user has no such backup, or it is not complete")
    return row


def newest(ports: ApiPorts, path: UserPath, moment: datetime | None) -> BackupRow:
    """Give the newest backup that can be read, started at `moment` at the latest. NoBackupError when there is none."""
    rows = ports.history.latest(path.source, path.name, until_of(moment, None))
    row = next((row for row in rows if row.state in COMMITTED), None)
    if row is None:
        raise NoBackupError("the user has no complete backup of that time")
    return row


def started_since(rows: Iterator[BackupRow], since: datetime | None) -> Iterator[BackupRow]:
    """Give backups, newest first, until one was started before `since`."""
    first = since or FIRST
    for row in rows:
        if row.started < first:
            return
        yield row


def _place(row: BackupRow) -> Place:
    return Place(rfc3339(row.started), row.backup_id)


def _backup(row: BackupRow) -> Backup:
    return Backup(
        backup_id=row.backup_id,
        state=BackupState(row.state),
        type=row.type,
        started=row.started,
        ended=row.ended,
        files=row.files,
        source_bytes=row.size,
        read_bytes=row.read,
        new_bytes=row.new,
        stored_bytes=row.stored,
        unreadable=row.unreadable,
        error_code=None if row.error is None else row.error.partition(":")[0],
    )
