"""Every path of the API: what it takes, what it answers, what does it. Router and document are made from this."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from functions.contract.api_paths import user_path
from functions.runtime import api_backups, api_files, api_restores, api_runs
from functions.runtime.api_errors import (
    ApiError,
    BodyTooLargeError,
    CursorError,
    MediaTypeError,
    NoBackupError,
    SourceBusyError,
    TokenReusedError,
)
from functions.runtime.api_models import Model, Nothing, PageQuery, UserPath
from functions.runtime.api_ports import ApiPorts, Asked

READ: Final = 200
TAKEN: Final = 202


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method of one path. Names in braces are the fields of `takes`."""

    method: str
    path: str
    group: str
    act: Callable[[ApiPorts, Asked[Any, Any, Any]], Model]
    takes: type[Model] = Nothing
    query: type[Model] = Nothing
    body: type[Model] = Nothing
    gives: type[Model]
    status: int = READ
    troubles: tuple[type[ApiError], ...] = ()
    """That it may end with, beside those of every path."""

    @property
    def name(self) -> str:
        """What it is called in documents and logs."""
        return self.act.__name__

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of its path."""
        return tuple(self.path.split("/")[1:])

    def match(self, parts: tuple[str, ...]) -> dict[str, str] | None:
        """Give what a path holds in the place of the names in braces; None when it is another one."""
        if len(parts) != len(self.parts):
            return None
        found: dict[str, str] = {}
        for wanted, given in zip(self.parts, parts, strict=True):
            if wanted.startswith("{"):
                found[wanted[1:-1]] = given
            elif wanted != given:
                return None
        return found

    def all_troubles(self) -> tuple[type[ApiError], ...]:
        """Give the errors of its own: those that are named, and those that follow from what it takes."""
        of_body = (BodyTooLargeError, MediaTypeError) if self.body is not Nothing else ()
        of_query = (CursorError,) if issubclass(self.query, PageQuery) else ()
        return (*of_query, *of_body, *self.troubles)


_OF_USER = f"/{user_path('{user}', '{source}')}"
_ASKING = (SourceBusyError, TokenReusedError)

ROUTES: Final = (
    Route(
        method="GET",
        path="/runs",
        group="runs",
        act=api_runs.list_runs,
        query=api_runs.RunsQuery,
        gives=api_runs.RunPage,
    ),
    Route(
        method="POST",
        path="/runs",
        group="runs",
        act=api_runs.start_run,
        body=api_runs.RunBody,
        gives=api_runs.RunAsked,
        status=TAKEN,
        troubles=_ASKING,
    ),
    Route(
        method="GET",
        path="/runs/{run}",
        group="runs",
        act=api_runs.get_run,
        takes=api_runs.RunPath,
        gives=api_runs.Run,
    ),
    Route(
        method="GET",
        path=f"{_OF_USER}/backups",
        group="backups",
        act=api_backups.list_backups,
        takes=UserPath,
        query=api_backups.BackupsQuery,
        gives=api_backups.BackupPage,
    ),
    Route(
        method="POST",
        path=f"{_OF_USER}/backups",
        group="backups",
        act=api_backups.start_backup,
        takes=UserPath,
        body=api_backups.BackupBody,
        gives=api_runs.RunAsked,
        status=TAKEN,
        troubles=_ASKING,
    ),
    Route(
        method="GET",
        path=f"{_OF_USER}/backups/{{backup}}",
        group="backups",
        act=api_backups.get_backup,
        takes=api_backups.BackupPath,
        gives=api_backups.Backup,
        troubles=(NoBackupError,),
    ),
    Route(
        method="GET",
        path=f"{_OF_USER}/backups/{{backup}}/files",
        group="files",
        act=api_files.list_files,
        takes=api_backups.BackupPath,
        query=api_files.FilesQuery,
        gives=api_files.FilePage,
        troubles=(NoBackupError,),
    ),
    Route(
        method="GET",
        path=f"{_OF_USER}/files",
        group="files",
        act=api_files.search_files,
        takes=UserPath,
        query=api_files.SearchQuery,
        gives=api_files.FilePage,
    ),
    Route(
        method="GET",
        path=f"{_OF_USER}/restores",
        group="restores",
        act=api_restores.list_restores,
        takes=UserPath,
        query=api_restores.RestoresQuery,
        gives=api_restores.RestorePage,
    ),
    Route(
        method="POST",
        path=f"{_OF_USER}/restores",
        group="restores",
        act=api_restores.start_restore,
        takes=UserPath,
        body=api_restores.RestoreBody,
        gives=api_restores.RestoreAsked,
        status=TAKEN,
        troubles=(NoBackupError, TokenReusedError),
    ),
    Route(
        method="GET",
        path=f"{_OF_USER}/restores/{{restore}}",
        group="restores",
        act=api_restores.get_restore,
        takes=api_restores.RestorePath,
        gives=api_restores.Restore,
    ),
)
