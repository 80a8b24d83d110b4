"""`strongroom diff`: compare two backups of a user."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from cli import options
from cli.looking import Shelf, opened
from cli.outputs import find_place
from cli.render import show_line, size
from cli.streams import stream_columns, stream_json
from functions.engine.commit import CommitRecord
from functions.engine.difference import Change, ChangeKind, changes
from functions.engine.errors import BackupNotFoundError
from functions.engine.search import same_files

_WIDTHS = (10, 10, 10)

Before = Annotated[
    str | None, typer.Option("--before", help="Id of the backup to compare with. Default: the one before --backup.")
]
BeforeTime = Annotated[
    str | None, typer.Option("--before-as-of", help="Compare with the newest backup at this time, as --as-of.")
]


def command(
    user: options.User,
    source_name: options.OnlySource = None,
    repository: options.MaybeRepository = None,
    outputs: options.Outputs = None,
    stack: options.Stack = None,
    program: options.Program = None,
    backup_id: options.BackupId = None,
    as_of: options.AsOf = None,
    before: Before = None,
    before_as_of: BeforeTime = None,
    region: options.Region = options.DEFAULT_REGION,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    replica: options.Replica = False,
    as_json: options.Json = False,
) -> None:
    """Compare a user's backup with an earlier one: files that were added, changed and removed, with their sizes."""
    [name] = options.named_users([user])
    moment = options.one_moment(backup_id, as_of)
    if options.parse_backup_id(before, "--before") is not None:
        options.one_of(before=before, before_as_of=before_as_of)
    earlier = options.parse_time(before_as_of, "--before-as-of")
    place = find_place(repository, region, outputs, replica=replica, stack=stack, program=program)
    with opened(place, source_name, endpoint, profile) as shelf:
        new = shelf.one(name, backup_id, moment)
        old_id = before if before or earlier else _previous(shelf, new)
        _show(old := shelf.one(name, old_id, earlier), new, _changes(shelf, old, new), as_json=as_json)


def _previous(shelf: Shelf, record: CommitRecord) -> str:
    """Give the id of the backup before this one."""
    older = [name.backup_id for name in shelf.all_of(record.user) if name.backup_id < record.backup_id]
    if not older:
        raise BackupNotFoundError(
            f"{record.backup_id} is the first backup of user {record.user!r}", hint="name a later one with --backup"
        )
    return older[-1]


def _changes(shelf: Shelf, old: CommitRecord, new: CommitRecord) -> Iterator[Change]:
    if old.backup_id == new.backup_id or same_files(new, old):
        return iter(())  # by what the commit records count; no manifest is read
    return changes(shelf.repository.entries(old), shelf.repository.entries(new))


def _show(old: CommitRecord, new: CommitRecord, found: Iterator[Change], *, as_json: bool) -> None:
    counts: Counter[str] = Counter()

    def counted() -> Iterator[Change]:
        for change in found:
            counts[change.kind.value] += 1
            yield change

    if as_json:
        facts: dict[str, Any] = {"user": new.user, "before": old.backup_id, "after": new.backup_id, "counts": counts}
        stream_json("changes", (change._asdict() for change in counted()), facts)
        return
    show_line(f"{new.user or '(no folder)'}: from backup {old.backup_id} to {new.backup_id}")
    stream_columns(_WIDTHS, [("", "before", "after", "key")])
    stream_columns(_WIDTHS, ((c.kind.value, _size(c.size_before), _size(c.size_after), c.key) for c in counted()))
    show_line(", ".join(f"{counts[kind]:,} {kind.value}" for kind in ChangeKind if counts[kind]) or "no file differs")


def _size(count: int | None) -> str:
    return size(count) if count is not None else "-"
