"""Writes the reference pages from the code, so that they cannot differ from it: `python -m cli.reference docs`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import typer

from cli import rights
from cli.cost_page import cost_page
from cli.main import build
from cli.statuses import BUG, INTERRUPTED, MEANINGS
from functions.engine import errors
from functions.engine.errors import StrongroomError
from functions.runtime.fleet import WorkerDiedError

_CLI = """\
# The operator's tool

    python -m cli COMMAND [OPTIONS]

`strongroom` is the same program, once the project is installed. Results go to stdout, as a table or with `--json` as
one document; progress and messages go to stderr. `--debug`, anywhere on the line, shows the traceback of an error.
Credentials come from the environment, or from the AWS configuration and its profiles.

Every error is one line: `strongroom: CODE: what happened (what to do next)`. [errors.md](errors.md) lists the codes.
Ctrl-C ends what is under way in good order, a second one at once. Neither leaves anything half-written: a backup
exists when its commit record does, a restored file is visible when it is whole, and what was uploaded before belongs
to nothing and harms nothing.

## Exit statuses

"""

_RIGHTS = """
## Rights for retention

What people need for the commands about retention, on the repository's bucket and, where it says so, elsewhere; and
its key: `kms:Decrypt` to read, `kms:GenerateDataKey` to write. None of it deletes. `undelete` takes tags off, which the
bucket's policy allows to `access.expirerRoles` only; what is hidden already needs no tag. The same roles alone may
write below `erasures/`, `write-offs/` and `gc/`, and release holds: such an object can let go of a user. See
[the runbook](runbooks/erase-a-user.md).

"""

_ERRORS = """\
# Errors

Codes are stable: programs may compare them. *Again* says whether the same command, run again, may succeed without
anybody changing anything. The status is the one that `strongroom` ends with, see [cli.md](cli.md).

Some codes belong to single objects. They stand in the list of what a backup could not read, or of what a restore or
a verification found damaged, and the command ends with 9 or 7.

"""

_NOTE = "<!-- Written by `python -m cli.reference docs`. -->\n\n"


def cli_page() -> str:
    """Give the page of commands, options and exit statuses."""
    statuses = _table(("status", "meaning"), [(str(status), text) for status, text in MEANINGS.items()])
    commands = "".join(_command(name, command) for name, command in _commands())
    return _NOTE + _CLI + statuses + commands + _RIGHTS + _table(("commands", "rights"), rights.rows())


def errors_page() -> str:
    """Give the page of error codes."""
    rows = [
        (
            f"`{error.code}`",
            _sentence(error),
            error.hint or "",
            str(error.exit_status),
            "yes" if error.retryable else "",
        )
        for error in sorted(error_classes(), key=lambda error: (error.exit_status, error.code))
    ]
    extra = [
        ("`BUG`", "Something that nobody foresaw.", "run it with --debug and report it", str(BUG), ""),
        ("`INTERRUPTED`", "Somebody pressed Ctrl-C.", "run it again", str(INTERRUPTED), "yes"),
    ]
    return _NOTE + _ERRORS + _table(("code", "meaning", "what to do", "status", "again"), rows + extra)


PAGES: dict[str, Callable[[], str]] = {
    "cli.md": cli_page,
    "cost.md": lambda: _NOTE + cost_page(),
    "errors.md": errors_page,
}


def error_classes() -> list[type[StrongroomError]]:
    """Give every class of the error tree but its root, which nothing raises, and those of the runtime."""
    tree = [
        member
        for _, member in inspect.getmembers(errors, inspect.isclass)
        if issubclass(member, StrongroomError) and member is not StrongroomError
    ]
    return [*tree, WorkerDiedError]


def main(arguments: Sequence[str]) -> int:
    """Write all pages into the folder that is named."""
    folder = Path(arguments[0])
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")
    return 0


def _commands() -> Iterator[tuple[str, Any]]:
    group: Any = typer.main.get_command(build())
    for name, command in sorted(group.commands.items()):
        for part, inner in getattr(command, "commands", {"": command}).items():
            yield f"{name} {part}".rstrip(), inner


def _command(name: str, command: Any) -> str:  # noqa: ANN401 - Typer's own classes are private
    rows = [
        (", ".join(f"`{option}`" for option in parameter.opts), _value(parameter), _help(parameter))
        for parameter in command.params
    ]
    return f"\n## {name}\n\n{command.help}\n\n" + _table(("option", "value", "meaning"), rows)


def _value(parameter: Any) -> str:  # noqa: ANN401 - see _command
    if parameter.required:
        return "required"
    default = parameter.default
    if default is None or default is False:
        return ""
    return f"`{default.value if isinstance(default, Enum) else default}`"


def _help(parameter: Any) -> str:  # noqa: ANN401 - see _command
    names = [parameter.envvar] if isinstance(parameter.envvar, str) else list(parameter.envvar or ())
    where = f" Also from {', '.join(f'`{name}`' for name in names)}." if names else ""
    return f"{parameter.help}{where}"


def _sentence(error: type[StrongroomError]) -> str:
    return " ".join((error.__doc__ or "").split())


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
