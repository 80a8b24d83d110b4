"""`strongroom ls`: list the files of a backup."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import typer

from cli import options
from cli.looking import opened
from cli.outputs import find_place
from cli.render import show_line, size
from cli.streams import stream_columns, stream_json
from functions.contract.object_keys import user_objects
from functions.engine.commit import CommitRecord
from functions.engine.model import Unreadable
from functions.engine.search import keys_below
from functions.engine.tree import Folder, Node, nodes

_WIDTHS = (10, 10, 20)

Path = Annotated[
    str, typer.Argument(help="Key to begin with, such as 'alice/2026/', or what follows the user's folder.")
]
Recursive = Annotated[bool, typer.Option("--recursive", "-r", help="Every file below, instead of folders.")]


def command(
    user: options.User,
    path: Path = "",
    source_name: options.OnlySource = None,
    repository: options.MaybeRepository = None,
    outputs: options.Outputs = None,
    stack: options.Stack = None,
    program: options.Program = None,
    backup_id: options.BackupId = None,
    as_of: options.AsOf = None,
    region: options.Region = options.DEFAULT_REGION,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    recursive: Recursive = False,
    replica: options.Replica = False,
    as_json: options.Json = False,
) -> None:
    """List the files of a user's backup as `ls -l` would: folders with their sums, and files. Default: the newest."""
    [name] = options.named_users([user])
    moment = options.one_moment(backup_id, as_of)
    place = find_place(repository, region, outputs, replica=replica, stack=stack, program=program)
    with opened(place, source_name, endpoint, profile) as shelf:
        record = shelf.one(name, backup_id, moment)
        prefix = _prefix(record, path)
        after, until = keys_below(prefix)
        items = shelf.repository.entries(record, after=after, until=until)
        below = (item for item in items if item.key.startswith(prefix))
        _show(record, prefix, below if recursive else nodes(below, prefix), as_json=as_json)


def _prefix(record: CommitRecord, path: str) -> str:
    """Give what keys begin with: a path that is not in the user's folder follows it."""
    folder = user_objects(record.prefix, record.user)[0]
    return path if path.startswith(folder) else f"{folder}{path.removeprefix('/')}"


def _show(record: CommitRecord, prefix: str, found: Iterable[Node], *, as_json: bool) -> None:
    if as_json:
        facts = {"source": record.source, "user": record.user, "backup": record.backup_id, "prefix": prefix}
        stream_json("entries", map(_row, found), facts | {"status": record.status.value})
        return
    show_line(f"{prefix or record.user or 'all'} in backup {record.backup_id}, {record.status.value}")
    stream_columns(_WIDTHS, [("files", "size", "changed", "key")])
    stream_columns(_WIDTHS, map(_columns, found))


def _columns(node: Node) -> tuple[str, ...]:
    if isinstance(node, Unreadable):
        return "", "", node.code, node.key
    if isinstance(node, Folder):
        missing = f"  ({node.unreadable:,} could not be read)" if node.unreadable else ""
        return f"{node.files:,}", size(node.size), _seconds(node.modified), f"{node.key}{missing}"
    return "", size(node.size), _seconds(node.document["modified"]), node.key


def _row(node: Node) -> dict[str, Any]:
    if isinstance(node, Unreadable):
        return {"key": node.key, "unreadable": {"code": node.code, "reason": node.reason}}
    if isinstance(node, Folder):
        sums = {"files": node.files, "size": node.size, "modified": node.modified, "unreadable": node.unreadable}
        return {"folder": node.key, **sums}
    known = ("modified", "etag", "version", "system", "user", "tags")
    return {"key": node.key, "size": node.size, **{name: v for name in known if (v := node.document.get(name))}}


def _seconds(modified: str) -> str:
    return f"{modified[:19]}Z" if modified else ""
