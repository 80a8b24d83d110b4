"""`python -m sandbox`: the whole stack, alive on one machine.

Every error is one line on stderr, `sandbox: CODE: what happened (what to do next)`. Exit status 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from functions.engine.errors import StrongroomError
from sandbox.aws import isolate
from sandbox.commands import COMMANDS
from sandbox.folder import DEFAULT
from sandbox.ministack import MiniStackError

_FAILED, _INTERRUPTED, _TERMINATED = 1, 130, 143


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command and its options."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="The whole stack, alive on one machine.")
    commands = parser.add_subparsers(metavar="command", required=True)
    for name in COMMANDS:
        module = import_module(f"sandbox.commands.{name}")
        command = commands.add_parser(name, help=module.HELP, description=module.__doc__)
        command.add_argument(
            "--state", type=Path, default=DEFAULT, metavar="DIR", help=f"its folder; default: {DEFAULT}"
        )
        module.add_options(command)
        command.set_defaults(run=module.run)
    options = parser.parse_args(arguments)
    options.state = options.state.resolve()
    return options


def main(arguments: Sequence[str]) -> int:
    """Run a command; give its exit status."""
    options = parse(arguments)
    signal.signal(signal.SIGTERM, _terminated)
    isolate()
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        return _complain("INTERRUPTED: stopped on request (run it again)", _INTERRUPTED)
    except StrongroomError as error:
        return _complain(str(error), error.exit_status)
    except (MiniStackError, OSError) as error:
        return _complain(f"SANDBOX_FAILED: {error}", _FAILED)


def _complain(text: str, status: int) -> int:
    sys.stderr.write(f"sandbox: {text}\n")
    return status


def _terminated(_signal: int, _frame: object) -> NoReturn:
    """Unwind, so that everything is cleaned up."""
    sys.exit(_TERMINATED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
