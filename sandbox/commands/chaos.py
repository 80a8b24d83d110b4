"""`chaos`: let everything go wrong during a run, and prove that nothing was lost and nobody left untold."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Final

from sandbox import state
from sandbox.commands import run as filling
from sandbox.telling import Teller

HELP: Final = "kill, refuse, delete and send again during a run; then restore every backup there is"


def add_options(parser: ArgumentParser) -> None:
    """Add what only this command has. The source is filled only if there was no run before."""
    filling.add_options(parser)
    parser.add_argument(
        "--outage", action="store_true", help="also cut one user off from S3 until all attempts are over: a minute more"
    )


def run(options: Namespace) -> int:
    """Let it go wrong. FaultError when anything was lost, or an alarm did not ring."""
    # Half a second that the other commands need not wait for.
    from sandbox.chaos.scene import Scene  # noqa: PLC0415
    from sandbox.nights.stack import Stack  # noqa: PLC0415

    scene = Scene(Stack(state.read(options.state)), options.state, Teller())
    scene.play(options.data, options.users, outage=options.outage)
    return 0
