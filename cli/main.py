"""The commands, and the only place that turns an error into a message and an exit status.

Every error is one line on stderr, `strongroom: CODE: what happened (what to do next)`, and one of the statuses in
`cli/statuses.py`. A traceback is shown with `--debug` only.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterable, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Annotated

import typer
from typer.exceptions import TyperException

from cli import interrupts
from cli.render import note
from cli.statuses import BUG, INTERRUPTED
from functions.engine.errors import ConfigurationError, StrongroomError

PANELS = MappingProxyType(
    {
        "Find and restore": ("backups", "find", "ls", "diff", "restore", "verify"),
        "See how it goes": ("status", "runs", "report", "doctor", "keys", "cost"),
        "Have it done": ("backup", "run", "resume", "drill", "round"),
        "Keep and let go": ("retention", "hold", "holds", "release", "collect", "undelete", "erase", "write-off"),
        "When something is lost": ("recover", "rebuild", "replicate-existing"),
    }
)
"""The commands, in the order in which a newcomer needs them."""

COMMANDS = tuple(name for names in PANELS.values() for name in names)
"""The modules of `cli.commands`, each with the function `command` or the `group` of several; a `-` is a `_` there."""

_PANEL_OF = {name: panel for panel, names in PANELS.items() for name in names}

_DEBUG = "--debug"


def build(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """Give the tool with the named commands. Each of them costs its imports and 10 ms."""
    app = typer.Typer(
        name="strongroom",
        help="Back up, restore and verify S3 data in a deduplicated repository.",
        pretty_exceptions_enable=False,
        add_completion=True,
    )
    app.callback(invoke_without_command=True)(options)
    for name in names:
        module = import_module(f"cli.commands.{name.replace('-', '_')}")
        if hasattr(module, "group"):
            app.add_typer(module.group, name=name, rich_help_panel=_PANEL_OF[name])
        else:
            app.command(name, rich_help_panel=_PANEL_OF[name])(module.command)
    return app


def options(
    context: typer.Context,
    *,
    debug: Annotated[bool, typer.Option(_DEBUG, help="Show the traceback of an error.")] = False,
) -> None:
    """Take what all commands share."""
    del debug  # `run` has read it: it may stand anywhere, and matters before the options are parsed
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """Run the tool and end the process with its exit status."""
    interrupts.install()
    status = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = status or INTERRUPTED
    sys.exit(status)


def run(arguments: Sequence[str]) -> int:
    """Run the tool; give its exit status."""
    debug = _DEBUG in arguments
    mentioned = [name for name in COMMANDS if name in arguments]
    try:
        tool = build(mentioned or COMMANDS)
        rest = [text for text in arguments if text != _DEBUG]
        status = tool(args=rest, prog_name="strongroom", standalone_mode=False)
    except SystemExit as end:  # Typer's own, of completion too
        if not isinstance(end.__context__, BrokenPipeError):
            raise
        return INTERRUPTED  # who reads the output has enough, such as `head`
    except KeyboardInterrupt:  # while the command is imported; Typer answers later ones itself
        status = INTERRUPTED
    except Exception as error:  # noqa: BLE001 - nothing gets past here but as one line
        return _report(error, debug=debug)
    if status == INTERRUPTED:
        _say("INTERRUPTED: stopped on request (nothing is half-written; run it again)")
    return status or 0


def _report(error: Exception, *, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
    if isinstance(error, TyperException):
        error = ConfigurationError(error.format_message().rstrip("."), hint="see strongroom --help")
    if isinstance(error, StrongroomError):
        _say(str(error))
        return error.exit_status
    remedy = "this is a bug; please report what the command printed" if debug else f"a bug; run it with {_DEBUG}"
    _say(f"BUG: {type(error).__name__}: {error} ({remedy})")
    return BUG


def _say(text: str) -> None:
    """Print one line, whatever the text holds."""
    note("strongroom: " + " ".join(text.split()))
