"""`strongroom backups`: list the backups of a source."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import options
from cli.render import show_json, show_table, size
from functions.engine.repository import Repository


def command(
    repository: options.Repository,
    source_name: Annotated[str, typer.Option("--source-name", help="Name of the source in the repository.")],
    user: options.Users = None,
    region: options.Region = options.DEFAULT_REGION,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    as_json: options.Json = False,
) -> None:
    """List the committed backups of a source, oldest first for each user."""
    with options.open_toolbox(region, endpoint, profile) as tools:
        snapshots = Repository(tools.store(repository))
        records = [snapshots.commit(name) for name in snapshots.backups(source_name) if not user or name.user in user]
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
