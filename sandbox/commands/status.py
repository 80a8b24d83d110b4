"""`status`: show how the stack is, and write a page about it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Final

from bundle.paths import ROOT
from sandbox import state
from sandbox.telling import Teller

HELP: Final = "show runs, users, storage, queues, drills and cost, and write a page with all of it"
PAGE: Final = ROOT / "build" / "report.html"


def add_options(parser: ArgumentParser) -> None:
    """Add what only this command has."""
    parser.add_argument("--page", type=Path, default=PAGE, metavar="FILE", help=f"page to write; default: {PAGE}")


def run(options: Namespace) -> int:
    """Look at the stack once. FaultError when a part of it could not be read."""
    # Half a second that the other commands need not wait for.
    from cli.commands.report import write_page  # noqa: PLC0415
    from cli.render import size  # noqa: PLC0415
    from cli.reporting.page import page  # noqa: PLC0415
    from cli.reporting.terminal import show_status  # noqa: PLC0415
    from sandbox.looking import insist_on_all, look  # noqa: PLC0415

    teller, found = Teller(), look(state.read(options.state))
    show_status(found)
    written = write_page(options.page, page(found))
    teller.say(f"\nThe page: {options.page}, {size(written)}; it needs no network.")
    insist_on_all(found)
    return 0
