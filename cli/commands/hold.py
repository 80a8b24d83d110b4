"""`strongroom hold`: keep a backup, or all of a user's, until the hold is released."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import options, retaining
from cli.outputs import find_place
from cli.render import note, show_facts, show_json
from functions.engine.retention.holds import read_holds, set_hold
from functions.runtime.toolbox import now, random_hex


def command(
    source_name: options.SourceName,
    user: retaining.User,
    reason: retaining.Reason,
    repository: options.MaybeRepository = None,
    outputs: options.Outputs = None,
    backup_id: Annotated[
        str | None, typer.Option("--backup", help="Id of one backup. Default: all of the user, those to come too.")
    ] = None,
    by: retaining.By = None,
    region: options.Region = options.DEFAULT_REGION,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    as_json: options.Json = False,
) -> None:
    """Keep a backup, or everything of a user, whatever rules and erasures say. What was let go a day ago comes back."""
    [name] = options.named_users([user])
    options.parse_backup_id(backup_id)
    who = retaining.author(by, reason)
    place = find_place(repository, region, outputs, replica=False)
    with options.open_toolbox(place.region, endpoint, profile) as tools:
        store = tools.store(place.bucket)
        retaining.require_backup(store, source_name, name, backup_id)
        before = [held for held in read_holds(store).of(source_name, name) if held.backup_id in {None, backup_id}]
        hold = set_hold(store, source_name, name, backup_id, who, now(), random_hex)
    for held in before:
        note(f"was held already: {held.hold_id}: {held.reason}. Each hold has to be released")
    if as_json:
        show_json({"hold": hold.hold_id, "source": source_name, "user": name, "backup": backup_id, "by": who.by})
        return
    show_facts(
        f"hold {hold.hold_id}",
        [("user", name), ("backup", backup_id or "all of them"), ("reason", who.reason), ("by", who.by)],
    )
