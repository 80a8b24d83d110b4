"""`run`: fill the source, and let the scheduler start four runs: first, day two, weekly full; and one by hand."""

from __future__ import annotations

import os
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import Final

from sandbox import state
from sandbox.telling import Teller

HELP: Final = "fill the source with users' files and back them up, night after night"
_USERS: Final = 200
_MOST_USERS: Final = 10_000


def add_options(parser: ArgumentParser) -> None:
    """Add what only this command has."""
    data = os.environ.get("DATA")
    parser.add_argument(
        "--data",
        type=_folder,
        default=_folder(data) if data else None,
        metavar="DIR",
        help="folder of files, only read; also DATA=; default: Python's standard library",
    )
    parser.add_argument(
        "--users", type=_users, default=os.environ.get("USERS") or str(_USERS), help="also USERS=; default: 200"
    )


def run(options: Namespace) -> int:
    """Let the nights pass. FaultError when anything in them is not as it must be."""
    # Half a second that the other commands need not wait for.
    from sandbox.nights.calendar import Calendar  # noqa: PLC0415

    Calendar(state.read(options.state), options.state, Teller()).pass_by(options.data, options.users)
    return 0


def _folder(text: str) -> Path:
    return Path(text).expanduser()


def _users(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_USERS:
        raise ArgumentTypeError(f"{text!r} is not from 1 to {_MOST_USERS}")
    return int(text)
