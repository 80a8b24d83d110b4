"""`down`: end the sandbox and everything that it started."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Final

from sandbox.folder import end
from sandbox.telling import Teller

HELP: Final = "take it down; nothing of it is left"


def add_options(parser: ArgumentParser) -> None:
    """Add what only this command has: nothing."""
    del parser


def run(options: Namespace) -> int:
    """Take it down. It is no error if there is none."""
    ran = end(options.state)
    Teller().say(f"The sandbox in {options.state} {'is gone' if ran else 'does not run'}; nothing of it is left.")
    return 0
