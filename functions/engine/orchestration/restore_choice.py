"""Decides which backups a restore takes, a page at a time, so that every attempt to plan it takes the same ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from functions.contract.object_keys import COMMIT_NAME, parse_snapshot_key, source_prefix, user_prefix
from functions.engine.errors import BackupNotFoundError
from functions.engine.orchestration.ports import Facts
from functions.engine.orchestration.restore_requests import RestoreRequest
from functions.engine.ports import BlobStore
from functions.engine.repository import BackupName, Repository

PAGE = 50
"""Backups a page: even names of a thousand bytes that JSON must escape fit into one item of the ledger."""

_AFTER_ALL = "~"
"""Sorts after every backup id."""
_NAMED = 10


class Chosen(NamedTuple):
    """A user and the backup that is restored."""

    user: str
    backup_id: str


@dataclass(frozen=True, slots=True)
class ChoicePage:
    """Some of the chosen backups, and whether they are the last ones."""

    backups: tuple[Chosen, ...]
    last: bool

    def facts(self) -> dict[str, Any]:
        """Give the page as the ledger keeps it."""
        return {"backups": [list(chosen) for chosen in self.backups], "last": self.last}

    @staticmethod
    def from_facts(facts: Facts) -> ChoicePage:
        """Undo `facts`."""
        return ChoicePage(tuple(Chosen(*pair) for pair in facts["backups"]), facts["last"])


def choose_page(store: BlobStore, request: RestoreRequest, page: int, before: ChoicePage | None) -> ChoicePage:
    """Choose the backups of a page; `before` is the page before it, None for the first.

    BackupNotFoundError when users that were named have none, or when there is none at all.
    """
    if request.users:
        users = request.users[page * PAGE : (page + 1) * PAGE]
        return ChoicePage(tuple(_named(store, request, users)), (page + 1) * PAGE >= len(request.users))
    after = before.backups[-1].user if before is not None and before.backups else None
    found = newest_backups(store, request.source, request.as_of, after)
    backups = tuple(islice(found, PAGE))
    if not backups and before is None:
        raise BackupNotFoundError(f"source {request.source!r} has no backup{_when(request.as_of)}")
    return ChoicePage(backups, next(found, None) is None)


def newest_backups(
    store: BlobStore, source: str, as_of: datetime | None = None, after: str | None = None
) -> Iterator[Chosen]:
    """Stream each user's newest backup, started at `as_of` at the latest, in the order of the keys.

    Begins behind the user `after`. One user is held in memory at a time.
    """
    limit = f"{as_of:%Y%m%dT%H%M%SZ}~" if as_of is not None else _AFTER_ALL
    start = user_prefix(source, after) + _AFTER_ALL if after is not None else ""
    newest: Chosen | None = None
    for blob in store.list(source_prefix(source), start):
        parsed = parse_snapshot_key(blob.key)
        if parsed is None or parsed.name != COMMIT_NAME or parsed.backup_id >= limit:
            continue
        if newest is not None and newest.user != parsed.user:
            yield newest
        newest = Chosen(parsed.user, parsed.backup_id)
    if newest is not None:
        yield newest


def _named(store: BlobStore, request: RestoreRequest, users: Sequence[str]) -> Iterable[Chosen]:
    repository = Repository(store)
    missing: list[str] = []
    found: list[Chosen] = []
    for user in users:
        try:
            found.append(Chosen(user, _backup_of(repository, request, user)))
        except BackupNotFoundError:
            missing.append(user)
    if missing:
        names = ", ".join(repr(user) for user in missing[:_NAMED])
        more = f" and {len(missing) - _NAMED} more users" if len(missing) > _NAMED else ""
        what = f"backup {request.backup_id}" if request.backup_id else f"backup{_when(request.as_of)}"
        raise BackupNotFoundError(
            f"{names}{more} of source {request.source!r} have no {what}",
            hint="check the names, capital letters count; `strongroom backups` lists what there is",
        )
    return found


def _backup_of(repository: Repository, request: RestoreRequest, user: str) -> str:
    if request.backup_id is None:
        return repository.newest_of(request.source, user, request.as_of).backup_id
    name = BackupName(request.source, user, request.backup_id)
    if name not in repository.backups(request.source, user):
        raise BackupNotFoundError(f"user {user!r} has no backup {request.backup_id}")
    return request.backup_id


def _when(as_of: datetime | None) -> str:
    return f" at {as_of:%Y-%m-%d %H:%M:%S} UTC" if as_of is not None else ""
