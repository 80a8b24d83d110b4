"""`strongroom release`: end a hold."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import options, retaining
from cli.outputs import find_place
from cli.render import show_facts, show_json
from functions.contract.object_keys import is_backup_id
from functions.engine.errors import ConfigurationError
from functions.engine.retention.hold_list import standing_hold
from functions.engine.retention.holds import release_hold
from functions.runtime.toolbox import now


def command(
    hold_id: Annotated[str, typer.Argument(metavar="HOLD", help="Id of the hold, as `strongroom holds` lists it.")],
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
    """End a hold, for good: the next collection decides by the rules and by erasures again."""
    if not is_backup_id(hold_id):
        raise ConfigurationError(
            f"HOLD is {hold_id!r}, must be a hold's id, e.g. 20261120T020000Z-1f3a9c20", hint="see `strongroom holds`"
        )
    who = retaining.author(by, reason)
    place = find_place(repository, region, outputs, replica=False)
    with options.open_toolbox(place.region, endpoint, profile) as tools:
        store = tools.store(place.bucket)
        hold = standing_hold(store, hold_id)
        release_hold(store, hold, who, now())
    if as_json:
        show_json({"hold": hold_id, "source": hold.source, "user": hold.user, "backup": hold.backup_id, "by": who.by})
        return
    backup = hold.backup_id or "all of them"
    show_facts(f"released {hold_id}", [("user", hold.user), ("backup", backup), ("reason", who.reason), ("by", who.by)])
