"""`strongroom backups`: list the backups of a source."""

from __future__ import annotations

from cli import options
from cli.lookup import find_backups, read_commits
from cli.outputs import find_place
from cli.render import show_json, show_table, size


def command(
    source_name: options.SourceName,
    repository: options.MaybeRepository = None,
    outputs: options.Outputs = None,
    user: options.Users = None,
    region: options.Region = options.DEFAULT_REGION,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    replica: options.Replica = False,
    as_json: options.Json = False,
) -> None:
    """List the committed backups of a source, oldest first for each user."""
    place = find_place(repository, region, outputs, replica=replica)
    users = options.named_users(user)
    with options.open_toolbox(place.region, endpoint, profile) as tools:
        store = tools.store(place.bucket)
        records = read_commits(store, find_backups(store, source_name, users))
    if as_json:
        rows = [
            {"user": r.user, "backup": r.backup_id, "type": r.type, "status": r.status, **r.totals._asdict()}
            for r in records
        ]
        show_json({"backups": rows})
        return
    show_table(
        f"backups of {source_name}",
        ("user", "backup", "type", "status", "files", "source", "new", "stored"),
        [
            (
                r.user,
                r.backup_id,
                r.type.value,
                r.status.value,
                f"{r.totals.files:,}",
                size(r.totals.source),
                size(r.totals.new),
                size(r.totals.stored),
            )
            for r in records
        ],
    )
