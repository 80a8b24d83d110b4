"""`restore`: destroy a user's files and get them back; then everybody's, with nothing but the second region."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Final

from sandbox import state
from sandbox.telling import Teller

HELP: Final = "destroy data, restore it in two ways, compare every byte"


def add_options(parser: ArgumentParser) -> None:
    """Add what only this command has: nothing."""
    del parser


def run(options: Namespace) -> int:
    """Restore twice. FaultError when one byte is not what it was."""
    # Half a second that the other commands need not wait for.
    from sandbox.nights import record  # noqa: PLC0415
    from sandbox.nights.calendar import morning_after  # noqa: PLC0415
    from sandbox.nights.faults import nothing_wrong  # noqa: PLC0415
    from sandbox.nights.stack import Stack  # noqa: PLC0415
    from sandbox.restores.in_place import restore_in_place  # noqa: PLC0415
    from sandbox.restores.second_region import restore_from_replica  # noqa: PLC0415
    from sandbox.restores.timing import of_a_terabyte, show_timings  # noqa: PLC0415

    stack, teller = Stack(state.read(options.state)), Teller()
    nights = record.read(options.state)
    with nothing_wrong(stack, teller):
        in_place = restore_in_place(stack, teller, nights)
        rebuilt, elsewhere, rebuilt_here = restore_from_replica(stack, teller, nights[-1])
        morning_after(stack, teller, in_place.bytes)
    show_timings([in_place, rebuilt, elsewhere, rebuilt_here])
    teller.say(of_a_terabyte(elsewhere))
    return 0
