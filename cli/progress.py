"""Progress of long work on stderr: bars on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, TextIO, TypeAlias

from cli.render import rate, size

_BAR_SECONDS = 0.1
_PLAIN_SECONDS = 10.0


class Goal(NamedTuple):
    """How much there is to do, as far as it is known."""

    files: int | None = None
    bytes: int | None = None


class Counter:
    """The engine's Progress: adds up. Workers call it from several threads."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.files = 0
        self.read = 0
        self.new = 0
        self.stored = 0
        self.goal = Goal()
        self._lock = threading.Lock()

    def advance(self, *, files: int = 0, read: int = 0, new: int = 0, stored: int = 0) -> None:
        """See Progress."""
        with self._lock:
            self.files += files
            self.read += read
            self.new += new
            self.stored += stored

    def share(self) -> tuple[int, int | None]:
        """Give what is done and what there is to do: in bytes when those are known, else in files."""
        if self.goal.bytes is not None:
            return self.read, self.goal.bytes
        return self.files, self.goal.files

    def text(self, seconds: float) -> str:
        """Say in words what is done."""
        files = f"{self.files:,} files, " if self.files else ""
        return f"{files}{size(self.read)}, {rate(self.read, seconds)}"

    def added(self) -> str:
        """Say in words what was new, if anything was."""
        return f", {size(self.new)} new, {size(self.stored)} stored" if self.new else ""


Says: TypeAlias = Callable[[Counter, float], str]
"""Says in words what is done after so many seconds."""


@contextmanager
def shown(what: str, *, stream: TextIO | None = None, says: Says = Counter.text) -> Iterator[Counter]:
    """Give a Progress and show it while the block runs; a bar vanishes at the end.

    The block may set `goal` as soon as it knows it.
    """
    stream = stream or sys.stderr
    counter = Counter()
    stop = threading.Event()
    make = _bar if stream.isatty() else _lines
    show = make(what, counter, stop, stream, says)
    thread = threading.Thread(target=show, name="progress", daemon=True)
    thread.start()
    try:
        yield counter
    finally:
        stop.set()
        thread.join()


def _lines(what: str, counter: Counter, stop: threading.Event, stream: TextIO, says: Says) -> Callable[[], None]:
    def show() -> None:
        started = time.monotonic()
        while not stop.wait(_PLAIN_SECONDS):
            seconds = time.monotonic() - started
            stream.write(f"{what}: {says(counter, seconds)}{counter.added()} in {seconds:.0f} s\n")
            stream.flush()

    return show


def _bar(what: str, counter: Counter, stop: threading.Event, stream: TextIO, says: Says) -> Callable[[], None]:
    from rich.console import Console  # noqa: PLC0415 - 0.1 s that only a terminal needs
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        TextColumn("{task.fields[text]}"),
        TimeElapsedColumn(),
    )
    bars = Progress(*columns, console=Console(file=stream), transient=True)

    def show() -> None:
        started = time.monotonic()
        with bars:
            task = bars.add_task(what, total=None, text="")
            ended = False
            while not ended:
                ended = stop.wait(_BAR_SECONDS)
                done, total = counter.share()
                text = says(counter, time.monotonic() - started)
                bars.update(task, completed=done, total=max(done, 1) if ended and total is None else total, text=text)

    return show
