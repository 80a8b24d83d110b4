"""Progress on long work: a live line on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from cli.render import size

_LIVE_SECONDS = 0.2
_PLAIN_SECONDS = 10.0


class Counter:
    """The engine's Progress: adds up. Workers call it from several threads."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.files = 0
        self.read = 0
        self.new = 0
        self.stored = 0
        self._lock = threading.Lock()

    def advance(self, *, files: int = 0, read: int = 0, new: int = 0, stored: int = 0) -> None:
        """See Progress."""
        with self._lock:
            self.files += files
            self.read += read
            self.new += new
            self.stored += stored


@contextmanager
def shown(what: str, stream: TextIO = sys.stderr) -> Iterator[Counter]:
    """Give a Progress and show it while the block runs."""
    counter = Counter()
    stop = threading.Event()
    live = stream.isatty()
    thread = threading.Thread(target=_show, args=(what, counter, stop, stream, live), daemon=True)
    thread.start()
    try:
        yield counter
    finally:
        stop.set()
        thread.join()
        if live:
            stream.write("\r\033[K")
            stream.flush()


def _show(what: str, counter: Counter, stop: threading.Event, stream: TextIO, live: bool) -> None:
    started = time.monotonic()
    while not stop.wait(_LIVE_SECONDS if live else _PLAIN_SECONDS):
        seconds = time.monotonic() - started
        text = f"{what}: {counter.files:,} files, {size(counter.read)} in {seconds:.0f} s"
        if counter.new:
            text += f", {size(counter.new)} new, {size(counter.stored)} stored"
        stream.write(f"\r\033[K{text}" if live else f"{text}\n")
        stream.flush()
