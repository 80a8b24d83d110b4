"""`rights`: what each function was granted, what it called, what was denied, and why some of it was never used."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Final

from sandbox import state
from sandbox.telling import Teller

HELP: Final = "hold every AWS call of each function against its role"


def add_options(parser: ArgumentParser) -> None:
    """Add what only this command has."""
    parser.add_argument("--as-it-is", action="store_true", help="use no further rights first, only report")


def run(options: Namespace) -> int:
    """Use rights and report. FaultError for a denied call, a right that nobody explains, or a stale explanation."""
    # Half a second that the other commands need not wait for.
    from sandbox.nights import record  # noqa: PLC0415
    from sandbox.nights.faults import insist, nothing_wrong  # noqa: PLC0415
    from sandbox.nights.stack import Stack  # noqa: PLC0415
    from sandbox.rights.decisions import decisions  # noqa: PLC0415
    from sandbox.rights.driving import drive  # noqa: PLC0415
    from sandbox.rights.report import judge, show  # noqa: PLC0415

    stack, teller = Stack(state.read(options.state)), Teller()
    record.read(options.state)  # what nobody has used yet cannot be judged
    if not options.as_it_is:
        with nothing_wrong(stack, teller):
            drive(stack, teller)
    judged = judge(stack, decisions(stack.state.endpoint))
    show(judged, teller)
    insist(teller, judged.faults, "rights that are missing, unused or wrongly explained")
    calls = sum(use.calls for use in judged.uses)
    teller.say(f"{calls:,} calls by {len(stack.functions())} functions, none denied; every unused right is explained.")
    return 0
