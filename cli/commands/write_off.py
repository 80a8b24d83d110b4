"""`strongroom write-off`: give up a backup whose commit record is damaged for good."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import options, retaining
from cli.outputs import find_place
from cli.render import show_facts, show_json
from functions.engine.repository import BackupName
from functions.engine.retention.write_offs import write_off
from functions.runtime.toolbox import now


def command(
    backup_id: Annotated[str, typer.Argument(metavar="BACKUP", help="Id of the backup.")],
    source_name: options.SourceName,
    user: retaining.User,
    reason: retaining.Reason,
    repository: options.MaybeRepository = None,
    outputs: options.Outputs = None,
    by: retaining.By = None,
    region: options.Region = options.DEFAULT_REGION,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    as_json: options.Json = False,
) -> None:
    """Give up a backup whose commit record cannot be read, so that collections let go of packs again.

    What only this backup needs is let go with the rest. Look for its record in the replica first.
    """
    options.parse_backup_id(backup_id)
    [name] = options.named_users([user])
    who = retaining.author(by, reason)
    place = find_place(repository, region, outputs, replica=False)
    with options.open_toolbox(place.region, endpoint, profile) as tools:
        write_off(tools.store(place.bucket), BackupName(source_name, name, backup_id), who, now())
    if as_json:
        show_json({"backup": backup_id, "source": source_name, "user": name, "by": who.by})
        return
    show_facts(f"written off {backup_id}", [("user", name), ("reason", who.reason), ("by", who.by)])
