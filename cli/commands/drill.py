"""`strongroom drill`: restore some users now, to prove that it can be done."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from cli import asking, options
from cli.progress import shown
from cli.render import note, show_facts, show_json, show_table, size
from cli.statuses import PARTIAL
from functions.contract.messages import VerifyEvent
from functions.contract.states import DrillState
from functions.engine.errors import BackupNotFoundError, DrillFailedError
from functions.engine.orchestration.verify_request import NAMED_AT_MOST, Kind
from functions.runtime.drill_round import NOT_REACHED, UNKNOWN

Users = Annotated[
    list[str], typer.Option("--user", help=f"A user to restore. Repeat for more, up to {NAMED_AT_MOST} at once.")
]


def command(
    user: Users,
    outputs: options.Outputs = None,
    stack: options.Stack = None,
    program: options.Program = None,
    source_name: asking.SourceName = None,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    wait: asking.Wait = False,
    as_json: options.Json = False,
) -> None:
    """Have users' newest backups restored to the scratch bucket and compared, byte by byte, by the verifier."""
    users = asking.users_to_name(user, NAMED_AT_MOST)
    said = asking.stack_outputs(outputs, stack, program)
    function = asking.function_of(said, "verifier")
    event: dict[str, Any] = {VerifyEvent.VERIFY: Kind.DRILL.value, VerifyEvent.USERS: users}
    if source_name is not None:
        event[VerifyEvent.SOURCE] = source_name
    with options.open_toolbox(asking.region_of(said), endpoint, profile) as tools:
        if not wait:
            asking.hand_over(tools, function, event)
            _show_asked(function, users, as_json=as_json)
            return
        started = time.monotonic()
        with shown("drill", says=lambda _counter, _seconds: f"{len(users):,} users"):
            answer = asking.answer_of(tools, function, event)
    _show(answer["drills"], time.monotonic() - started, as_json=as_json)
    _end(answer["drills"])


def _show_asked(function: str, users: list[str], *, as_json: bool) -> None:
    if as_json:
        show_json({"function": function, "users": users, "drills": None})
    else:
        show_facts("asked for", [("function", function), ("users", f"{len(users):,}"), ("see", "strongroom status")])


def _show(drills: list[dict[str, Any]], seconds: float, *, as_json: bool) -> None:
    if as_json:
        show_json({"seconds": round(seconds, 3), "drills": drills})
        return
    show_table(
        "restore drills",
        ("user", "source", "result", "backup", "files", "bytes", "also compared with the source"),
        [
            (
                str(drill["user"]) or "(no folder)",
                str(drill["source"] or "any"),
                str(drill["state"]),
                str(drill.get("backup", "-")),
                f"{drill.get('files', 0):,}",
                size(drill.get("bytes", 0)),
                f"{drill.get('beside_source', 0):,}",
            )
            for drill in drills
        ],
    )


def _end(drills: list[dict[str, Any]]) -> None:
    """Say what was not proven, and end with a status that says so."""
    failed = [drill for drill in drills if drill["state"] == DrillState.FAILED]
    unknown = [drill["user"] for drill in drills if drill["state"] == UNKNOWN]
    left = [drill["user"] for drill in drills if drill["state"] == NOT_REACHED]
    for drill in failed:
        note(f"{drill['user']}: {drill['error']}")
    for name in left:
        note(f"{name}: the time of the function ended before his turn came; ask for him alone")
    if failed:
        raise DrillFailedError(f"{len(failed):,} of {len(drills):,} users were not proven: {failed[0]['user']!r}")
    if unknown:
        raise BackupNotFoundError(f"user {unknown[0]!r} has no backup", hint="check the name: capital letters count")
    if left:
        raise typer.Exit(PARTIAL)
