"""`strongroom run`: start a backup run now, by the stack's own functions, and follow it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli import asking, options
from cli.following import Followed, follow
from cli.render import note, show_json, show_table, size
from cli.statuses import PARTIAL
from functions.contract.messages import StartEvent
from functions.contract.states import RunState
from functions.engine.errors import (
    ConfigurationError,
    NotFoundError,
    RunActiveError,
    RunFailedError,
    StrongroomError,
)
from functions.engine.model import BackupType
from functions.engine.orchestration.runs import NAMED_AT_MOST
from functions.runtime.people import ledger_of

_SKIPPED = "SKIPPED"
_SHOWN = 10

Users = Annotated[
    list[str] | None,
    typer.Option("--user", help="A user: a first-level folder of the source. Repeat for more. Default: every user."),
]


def command(
    outputs: options.Outputs = None,
    stack: options.Stack = None,
    program: options.Program = None,
    source_name: asking.SourceName = None,
    user: Users = None,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    full: Annotated[bool, typer.Option("--full", help="Read every byte again, and trust no etag.")] = False,
    wait: asking.Wait = False,
    as_json: options.Json = False,
) -> None:
    """Start a backup run of every user, or of those that are named, by the initiator. It needs no right to any data."""
    users = asking.users_to_name(user, NAMED_AT_MOST)
    options.not_without("--user", users or None, "--source-name", given=source_name is not None)
    said = asking.stack_outputs(outputs, stack, program)
    function = asking.function_of(said, "initiator")
    table = said.tables.get("runs")
    if wait and table is None:
        raise ConfigurationError("--wait: the outputs name no table runs", hint="save the outputs of the stack again")
    with options.open_toolbox(asking.region_of(said), endpoint, profile) as tools:
        answers = asking.answer_of(tools, function, _event(source_name, users, full=full))
        ledger = ledger_of(tools.cloud(), table) if table is not None and wait else None
        found = [follow(ledger, source, answer, users) for source, answer in answers.items()]
    if as_json:
        show_json({"function": function, "runs": [one.document() for one in found]})
    else:
        _show(found)
    _end(found)


def _event(source: str | None, users: list[str], *, full: bool) -> dict[str, Any]:
    """Give the event as the runbooks show it."""
    event: dict[str, Any] = {StartEvent.TYPE: (BackupType.FULL if full else BackupType.MANUAL).value}
    if source is not None:
        event[StartEvent.SOURCE] = source
    return {**event, StartEvent.USERS: users} if users else event


def _show(found: list[Followed]) -> None:
    show_table(
        "runs",
        ("source", "run", "state", "done", "users", "read", "new", "stored"),
        [
            (
                one.source,
                one.run or "-",
                one.state,
                f"{one.done:,}",
                "?" if one.users is None else f"{one.users:,}",
                *(size(one.counts.get(name, 0)) for name in ("read", "new", "stored")),
            )
            for one in found
        ],
    )


def _end(found: list[Followed]) -> None:
    """Say what was not backed up, and end with a status that says so: the worst of all sources."""
    errors = [error for one in found if (error := _error_of(one)) is not None]
    for one in found:
        for name, outcome in one.troubles[:_SHOWN]:
            note(f"{one.source}: {name}: {outcome}")
        if len(one.troubles) > _SHOWN:
            note(f"{one.source}: and {len(one.troubles) - _SHOWN:,} more; `strongroom runs` shows all")
    if errors:
        raise max(errors, key=lambda error: error.exit_status)
    if any(one.state == RunState.PARTIAL or one.unknown for one in found):
        raise typer.Exit(PARTIAL)


def _error_of(one: Followed) -> StrongroomError | None:
    if one.state == _SKIPPED:
        return RunActiveError(f"source {one.source} has a run already: {one.run}")
    if one.state == RunState.EXPIRED:
        return RunFailedError(f"run {one.run} of {one.source} was taken over by another")
    if one.state == RunState.FAILED:
        return RunFailedError(f"run {one.run} of {one.source} backed up none of {one.users or 0:,} users")
    if one.users == 0 and one.unknown:
        hint = "check the name: capital letters count"
        return NotFoundError(f"user {one.unknown[0]!r} owns nothing in source {one.source}", hint=hint)
    return None
