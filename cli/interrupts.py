"""Ctrl-C: the first ends what is under way in good order, the second at once, which the write order makes safe too."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

from cli.statuses import INTERRUPTED

_closers: list[Callable[[], None]] = []


def install() -> None:
    """Handle SIGINT, unless whoever started the program had it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def on_interrupt(close: Callable[[], None]) -> None:
    """Call `close` at the first Ctrl-C: it must end what others wait for, such as requests that nobody answers."""
    _closers.append(close)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, lambda _signal, _frame: os._exit(INTERRUPTED))
    # What fails from here on fails because of this.
    logging.getLogger("concurrent.futures").disabled = True
    for close in _closers:
        # The code that was interrupted may hold a lock that `close` waits for, so it must be able to go on.
        threading.Thread(target=close, name="interrupt", daemon=True).start()
    raise KeyboardInterrupt
