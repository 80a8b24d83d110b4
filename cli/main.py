"""The commands, and the only place that turns an error into a message and an exit status.

Every error is one line on stderr, `strongroom: CODE: what happened (what to do next)`, and one of the statuses in
`cli/statuses.py`. A traceback is shown with `--debug` only.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Annotated

import typer
from typer.exceptions import TyperException

from cli import interrupts
from cli.render import note
from cli.statuses import BUG, INTERRUPTED
from functions.engine.errors import ConfigurationError, StrongroomError

COMMANDS = (
    "backup",
    "backups",
    "collect",
    "cost",
    "erase",
    "hold",
    "holds",
    "rebuild",
    "recover",
    "release",
    "replicate-existing",
    "report",
    "restore",
    "retention",
    "status",
    "undelete",
    "verify",
    "write-off",
)
"""The modules of `cli.commands`, each with the function `command` or the `group` of several; a `-` is a `_` there."""

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
            app.add_typer(module.group, name=name)
        else:
            app.command(name)(module.command)
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
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run the tool; give its exit status."""
    debug = _DEBUG in arguments
    mentioned = [name for name in COMMANDS if name in arguments]
    try:
        tool = build(mentioned or COMMANDS)
        rest = [text for text in arguments if text != _DEBUG]
        status = tool(args=rest, prog_name="strongroom", standalone_mode=False)
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
