"""`strongroom round`: have the verifier do now what its schedules have it do."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import asking, options
from cli.render import show_facts, show_json
from functions.contract.messages import VerifyEvent
from functions.engine.orchestration.verify_request import Kind

What = Annotated[
    Kind,
    typer.Argument(
        metavar="KIND", help="drill: the day's restore drills; sample: the day's packs; structure: all newest backups."
    ),
]


def command(
    kind: What,
    outputs: options.Outputs = None,
    stack: options.Stack = None,
    program: options.Program = None,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    as_json: options.Json = False,
) -> None:
    """Start a round of the verifier now, as its schedule does. It tells people what it finds, and ends the alarm."""
    said = asking.stack_outputs(outputs, stack, program)
    function = asking.function_of(said, "verifier")
    with options.open_toolbox(asking.region_of(said), endpoint, profile) as tools:
        asking.hand_over(tools, function, {VerifyEvent.VERIFY: kind.value})
    if as_json:
        show_json({"function": function, "round": kind.value})
    else:
        show_facts("asked for", [("function", function), ("round", kind.value)])
