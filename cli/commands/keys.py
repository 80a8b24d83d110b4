"""`strongroom keys`: show the keys of a stack."""

from __future__ import annotations

from datetime import datetime

import typer

from cli import options
from cli.outputs import read_said
from cli.render import note, show_json, show_line, show_table
from cli.stack_keys import StackKey, in_danger, keys_of, meaning
from cli.statuses import DONE, PARTIAL, TROUBLE
from functions.engine.errors import ConfigurationError, StrongroomError
from functions.runtime.key_reading import KeyState, read_key


def command(
    outputs: options.Outputs = None,
    stack: options.Stack = None,
    program: options.Program = None,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    as_json: options.Json = False,
) -> None:
    """Show the keys of a stack in both regions: state, rotation, what each encrypts, and what breaks when.

    Ends with 10 when a key is disabled or to be deleted, and with 9 when one could not be asked for.
    """
    said = read_said(outputs, stack, program)
    keys = keys_of(said.document) if said is not None else []
    if not keys:
        raise ConfigurationError("no key was named", hint="--outputs FILE or --stack NAME of a stack that has keys")
    found = [(key, _read(key, endpoint, profile)) for key in keys]
    if as_json:
        show_json({"keys": [_row(key, state) for key, state in found]})
    else:
        _show(found)
    errors = [state for _key, state in found if isinstance(state, StrongroomError)]
    if len(errors) == len(found):
        raise errors[0]
    danger = any(isinstance(state, KeyState) and in_danger(state) for _key, state in found)
    raise typer.Exit(TROUBLE if danger else PARTIAL if errors else DONE)


def _read(key: StackKey, endpoint: str | None, profile: str | None) -> KeyState | StrongroomError:
    try:
        with options.open_toolbox(key.region, endpoint, profile) as tools:
            return read_key(tools.cloud(), key.arn)
    except StrongroomError as error:
        return error


def _show(found: list[tuple[StackKey, KeyState | StrongroomError]]) -> None:
    show_table(
        "keys",
        ("key", "region", "is that of", "state", "rotates", "next rotation", "deleted on"),
        [(key.key_id, key.region, ", ".join(key.roles), *_cells(state)) for key, state in found],
    )
    for key, state in found:
        if isinstance(state, StrongroomError):
            note(f"{key.key_id}: {state}")
        else:
            show_line(f"{key.key_id}: {meaning(key, state)}")


def _cells(state: KeyState | StrongroomError) -> tuple[str, str, str, str]:
    if isinstance(state, StrongroomError):
        return "not known", "", "", ""
    rotates = "" if state.rotates is None else f"every {state.period_days or 365} days" if state.rotates else "no"
    return state.state, rotates, _day(state.next_rotation), _day(state.deleted_on)


def _row(key: StackKey, state: KeyState | StrongroomError) -> dict[str, object]:
    named = {"arn": key.arn, "region": key.region, "roles": list(key.roles), "used_by": key.used_by}
    if isinstance(state, StrongroomError):
        return {**named, "error": str(state)}
    return {
        **named,
        "state": state.state,
        "deleted_on": _time(state.deleted_on),
        "rotates": state.rotates,
        "rotation_days": state.period_days,
        "next_rotation": _time(state.next_rotation),
        "rotating_since": _time(state.rotating_since),
        "meaning": meaning(key, state),
    }


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment is not None else ""


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
