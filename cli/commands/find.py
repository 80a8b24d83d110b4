"""`strongroom find`: find files, and which backups hold which versions of them."""

from __future__ import annotations

import glob
import shlex
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, NamedTuple

import typer

from cli import options
from cli.looking import FromBucket, Shelf, opened, table_of
from cli.outputs import find_place
from cli.render import note, show_json, show_lines, show_table, size
from cli.streams import stream_columns, stream_json
from functions.contract.object_keys import user_objects
from functions.engine.search import FileQuery, Found, Version, find_files, find_versions

_WIDTHS = (10, 20, 25)

Pattern = Annotated[
    str, typer.Argument(help="Part of the key, such as report; or, with * or ?, all of it, such as 'alice/*.pdf'.")
]
Since = Annotated[str | None, typer.Option("--since", help="Only backups since this time: ISO 8601, or 30d ago.")]
Until = Annotated[str | None, typer.Option("--until", help="Only backups until this time, as --since.")]
ChangedAfter = Annotated[
    str | None, typer.Option("--changed-after", help="Only versions that were written since then, as --since.")
]
ChangedBefore = Annotated[
    str | None, typer.Option("--changed-before", help="Only versions that were written until then, as --since.")
]
MinSize = Annotated[str | None, typer.Option("--min-size", help="Only files of at least this size, e.g. 10MB.")]
MaxSize = Annotated[str | None, typer.Option("--max-size", help="Only files of at most this size.")]


class _Looked(NamedTuple):
    """What was found in the backups of a user."""

    user: str
    backups: list[str]
    found: Found


def command(
    pattern: Pattern,
    source_name: options.OnlySource = None,
    repository: options.MaybeRepository = None,
    outputs: options.Outputs = None,
    stack: options.Stack = None,
    program: options.Program = None,
    user: options.Users = None,
    since: Since = None,
    until: Until = None,
    changed_after: ChangedAfter = None,
    changed_before: ChangedBefore = None,
    min_size: MinSize = None,
    max_size: MaxSize = None,
    region: options.Region = options.DEFAULT_REGION,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    replica: options.Replica = False,
    from_bucket: FromBucket = False,
    as_json: options.Json = False,
) -> None:
    """Find files by key, size and time: with --user, every version in every backup, and which backups hold it.

    Without --user the newest backup of everybody is looked through; --until then says as of when. Which it is
    is asked of the users table, as by `backups`.
    """
    query = FileQuery(
        pattern,
        options.parse_size(min_size, "--min-size") or 0,
        options.parse_size(max_size, "--max-size"),
        options.parse_time(changed_after, "--changed-after"),
        options.parse_time(changed_before, "--changed-before"),
    )
    users = options.named_users(user)
    options.not_without("--since", since, "--user", given=bool(users))
    first, last = options.parse_time(since, "--since"), options.parse_time(until, "--until")
    place = find_place(repository, region, outputs, replica=replica, stack=stack, program=program)
    table = table_of(place, replica=replica, from_bucket=from_bucket)
    with opened(place, source_name, endpoint, profile, table) as shelf:
        if not users:
            _show_newest(shelf, query, last, as_json=as_json)
            return
        looked = [_look(shelf, one, query, first, last) for one in users]
    if as_json:
        _show_versions_as_json(shelf, looked)
        return
    named = {"repository": repository, "outputs": outputs, "stack": stack, "program": program}
    where = [f"--{name}={value}" for name, value in named.items() if value is not None]
    _show_versions(shelf, looked, [*where, *(["--replica"] if replica else [])])


def _look(shelf: Shelf, user: str, query: FileQuery, since: datetime | None, until: datetime | None) -> _Looked:
    names = shelf.all_of(user, since, until)
    found = find_versions(shelf.repository, list(shelf.read(names)), query)
    return _Looked(user, [name.backup_id for name in names], found)


def _show_versions_as_json(shelf: Shelf, looked: list[_Looked]) -> None:
    rows = [
        {"user": one.user, **kept.version._asdict(), "backups": kept.backups}
        for one in looked
        for kept in one.found.kept
    ]
    manifests = {"read": sum(one.found.read for one in looked), "of": sum(one.found.manifests for one in looked)}
    backups = sum(len(one.backups) for one in looked)
    facts = {"source": shelf.source, "looked_up_in": shelf.looked_up_in, "backups": backups, "manifests": manifests}
    show_json({**facts, "versions": rows})


def _show_versions(shelf: Shelf, looked: list[_Looked], where: list[str]) -> None:
    for one in looked:
        kept = one.found.kept
        files = len({item.version.key for item in kept})
        show_table(
            f"{one.user or '(no folder)'}: {len(kept):,} versions of {files:,} files in {len(one.backups):,} backups; "
            f"{one.found.read:,} of {one.found.manifests:,} manifests read",
            ("key", "changed", "size", "backups", "first backup", "last backup", "now"),
            [
                (
                    item.version.key,
                    _seconds(item.version.modified),
                    size(item.version.size),
                    f"{len(item.backups):,}",
                    item.backups[0],
                    item.backups[-1],
                    "yes" if item.backups[-1] == one.backups[-1] else "no",
                )
                for item in kept
            ],
        )
        if kept:
            last = kept[-1]
            command = _restore(shelf.source, one.user, last.backups[-1], last.version.key, where)
            show_lines(["", f"To restore the last one: {command}"])


def _show_newest(shelf: Shelf, query: FileQuery, as_of: datetime | None, *, as_json: bool) -> None:
    keys = query.keys()
    records = (record for record in shelf.newest([], as_of) if keys.meets(user_objects(record.prefix, record.user)[0]))
    looked: dict[str, Any] = {"backups": 0, "looked_up_in": shelf.looked_up_in}

    def found() -> Iterator[tuple[str, str, Version]]:
        for record, versions in find_files(shelf.repository, records, query):
            looked["backups"] += 1
            for version in versions:
                yield record.user, record.backup_id, version

    if as_json:
        rows: Iterator[dict[str, Any]] = (
            {"user": user, "backup": backup, **version._asdict()} for user, backup, version in found()
        )
        stream_json("files", rows, looked)
        shelf.say_where()
        return
    stream_columns(_WIDTHS, [("size", "changed", "backup", "key")])
    stream_columns(
        _WIDTHS,
        ((size(version.size), _seconds(version.modified), backup, version.key) for _user, backup, version in found()),
    )
    note(f"{looked['backups']:,} backups were looked through, the newest of each user; --user NAME shows all versions")
    shelf.say_where()


def _restore(source: str, user: str, backup: str, key: str, where: list[str]) -> str:
    """Give the command that brings a version back."""
    named = ["--source-name", source, "--user", user, "--backup", backup, "--pattern", glob.escape(key)]
    return shlex.join(["strongroom", "restore", *where, *named, "--to-directory", "DIRECTORY"])


def _seconds(modified: str) -> str:
    return f"{modified[:19]}Z"
