"""`gameday`: lose the first region and go on in the second one, by the clock, in a sandbox that is gone afterwards."""

from __future__ import annotations

import os
import tempfile
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Final

from bundle.paths import ROOT
from sandbox import state
from sandbox.commands import demo
from sandbox.commands import run as filling
from sandbox.folder import end
from sandbox.telling import Teller

HELP: Final = "lose the first region, restore from the second, promote it, back up there; time every step"
USERS: Final = 20
_BUILD: Final = ROOT / "build"


def add_options(parser: ArgumentParser) -> None:
    """Add what only this command has, and what `run` has."""
    filling.add_options(parser)
    parser.set_defaults(users=USERS)
    parser.add_argument(
        "--without-tables", action="store_true", help="the copies of the tables are lost too: rebuild all from S3"
    )


def run(options: Namespace) -> int:
    """Hold it in a sandbox of its own. FaultError when one thing is not as it must be."""
    teller, begun = Teller(), time.monotonic()
    _BUILD.mkdir(exist_ok=True)
    owner, ours = os.pipe()
    with tempfile.TemporaryDirectory(prefix="gameday-", dir=_BUILD) as text:
        folder = Path(text) / "state"
        try:
            demo.run_one("up", folder, Namespace(owner=owner), teller)
            _play(options, folder, Path(text), teller)
        finally:
            end(folder)
            os.close(owner)
            os.close(ours)
    teller.say(f"All of it in {time.monotonic() - begun:.0f} s, and nothing of it is left.", "bold")
    return 0


def _play(options: Namespace, folder: Path, outputs: Path, teller: Teller) -> None:
    # Half a second that the other commands need not wait for.
    from sandbox.gameday.day import GameDay  # noqa: PLC0415
    from sandbox.gameday.table import show_steps  # noqa: PLC0415

    day = GameDay(state.read(folder), outputs, teller, tables=not options.without_tables)
    show_steps(day.play(options.data, options.users))
