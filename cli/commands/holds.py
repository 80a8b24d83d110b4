"""`strongroom holds`: list the holds."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import options
from cli.outputs import find_place
from cli.render import show_json, show_table
from functions.engine.retention.hold_list import all_holds


def command(
    repository: options.MaybeRepository = None,
    outputs: options.Outputs = None,
    region: options.Region = options.DEFAULT_REGION,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    released: Annotated[bool, typer.Option("--released", help="Those that were released, too.")] = False,
    replica: options.Replica = False,
    as_json: options.Json = False,
) -> None:
    """List the holds that stand, oldest first, with who set them and why."""
    place = find_place(repository, region, outputs, replica=replica)
    with options.open_toolbox(place.region, endpoint, profile) as tools:
        found = [story for story in all_holds(tools.store(place.bucket)) if released or story.released is None]
    if as_json:
        show_json({"holds": [story.document() for story in found]})
        return
    show_table(
        f"{len(found):,} holds",
        ("hold", "source", "user", "backup", "by", "released", "reason"),
        [
            (
                story.hold.hold_id,
                story.hold.source,
                story.hold.user or "(no folder)",
                story.hold.backup_id or "all",
                str(story.set.get("by", "?")),
                str(story.released.get("time", "yes")) if story.released is not None else "",
                story.hold.reason,
            )
            for story in found
        ],
    )
