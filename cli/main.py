"""The commands, and the only place that turns an error into a message and an exit status.

Exit statuses: 0 done; 1 a bug; 2 a value cannot be used; 3 something named does not exist; 4 a right or the
credentials are missing; 5 a service does not answer or refuses; 6 a newer format; 7 damage was found; 8 something
exists already; 9 done in part, and what is missing was named; 130 interrupted.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cli.commands import backup, backups, restore, verify
from functions.engine.errors import StrongroomError

_INTERRUPTED = 130

app = typer.Typer(
    name="strongroom",
    help="Back up, restore and verify S3 data in a deduplicated repository.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)
app.command("backup")(backup.command)
app.command("backups")(backups.command)
app.command("restore")(restore.command)
app.command("verify")(verify.command)


@app.callback()
def options(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Take what all commands share."""
    # `main` reads --debug itself: the options of a command that failed to parse never get here.
    del debug


def main() -> None:
    """Run the tool and end the process with its exit status."""
    debug = "--debug" in sys.argv
    try:
        app()
    except StrongroomError as error:
        if debug:
            raise
        print(f"strongroom: {error}", file=sys.stderr)  # noqa: T201 - this is the message
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        print("strongroom: interrupted; nothing was lost, run it again", file=sys.stderr)  # noqa: T201
        sys.exit(_INTERRUPTED)
