"""`strongroom backups`: list the backups of a source."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import typer

from cli import options
from cli.looking import FromBucket, Shelf, opened, table_of
from cli.outputs import find_place
from cli.render import show_table, size
from cli.streams import stream_json
from functions.engine.commit import CommitRecord

Every = Annotated[bool, typer.Option("--every", help="Every backup of every user, not only the newest of each.")]


def command(
    source_name: options.OnlySource = None,
    repository: options.MaybeRepository = None,
    outputs: options.Outputs = None,
    stack: options.Stack = None,
    program: options.Program = None,
    user: options.Users = None,
    as_of: options.AsOf = None,
    region: options.Region = options.DEFAULT_REGION,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    every: Every = False,
    replica: options.Replica = False,
    from_bucket: FromBucket = False,
    as_json: options.Json = False,
) -> None:
    """List every backup of the users that are named, or the newest of each user, oldest first.

    With --as-of, what a restore of that time would take: each user's newest backup by then. Who has the newest backups
    is asked of the users table, if the outputs name one; what it names is read, and who has none of the last 36 hours
    there is looked up in the bucket.
    """
    moment = options.parse_time(as_of, "--as-of")
    options.not_without("--every", every or None, "leaving out --as-of", given=moment is None)
    place = find_place(repository, region, outputs, replica=replica, stack=stack, program=program)
    users = options.named_users(user)
    table = table_of(place, replica=replica, from_bucket=from_bucket)
    with opened(place, source_name, endpoint, profile, table) as shelf:
        if moment is None and users:
            records = shelf.read([name for one in users for name in shelf.all_of(one)])
        elif every:
            records = shelf.read(list(shelf.repository.backups(shelf.source)))
        else:
            records = shelf.newest(users, moment)
        _show(shelf, records, as_json=as_json)
        if not (users or every):
            shelf.say_where()


def _show(shelf: Shelf, records: Iterable[CommitRecord], *, as_json: bool) -> None:
    if as_json:
        stream_json("backups", map(_row, records), {"source": shelf.source, "looked_up_in": shelf.looked_up_in})
        return
    show_table(
        f"backups of {shelf.source}",
        ("user", "backup", "type", "status", "files", "source", "new", "stored"),
        [
            (
                record.user or "(no folder)",
                record.backup_id,
                record.type.value,
                record.status.value,
                f"{record.totals.files:,}",
                size(record.totals.source),
                size(record.totals.new),
                size(record.totals.stored),
            )
            for record in records
        ],
    )


def _row(record: CommitRecord) -> dict[str, Any]:
    return {
        "user": record.user,
        "backup": record.backup_id,
        "type": record.type.value,
        "status": record.status.value,
        **record.totals._asdict(),
        "started": record.started,
        "finished": record.finished,
        "run": record.run_id,
    }
