"""`strongroom resume`: end the pause of a source's schedule."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import asking, options
from cli.render import note, show_facts, show_json
from functions.contract.messages import RemediateEvent
from functions.engine.remediation.model import PauseState

Source = Annotated[str, typer.Option("--source-name", help="Name of the source in the stack's settings.")]


def command(
    source_name: Source,
    outputs: options.Outputs = None,
    stack: options.Stack = None,
    program: options.Program = None,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    as_json: options.Json = False,
) -> None:
    """Let the schedule of a source start runs again, before the pause that the remediator set has ended."""
    said = asking.stack_outputs(outputs, stack, program)
    function = asking.function_of(said, "remediator")
    with options.open_toolbox(asking.region_of(said), endpoint, profile) as tools:
        state = asking.answer_of(tools, function, {RemediateEvent.RESUME: source_name})["state"]
    if as_json:
        show_json({"function": function, "source": source_name, "state": state})
    else:
        show_facts(source_name, [("state", state), ("next run", "at the time of its schedule")])
    if state != PauseState.RESUMED:
        note(f"the schedule of {source_name} was not paused: nothing was changed")
