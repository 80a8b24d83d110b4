"""Says what a command is doing: a line that moves on a terminal, a line at the end of each step anywhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

Tell = Callable[[str], None]


class Teller:
    """Tells people. `console` is standard output unless a test wants it elsewhere."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)

    def say(self, text: str, style: str = "") -> None:
        """Print a line."""
        self._console.print(Text(text, style=style), soft_wrap=True)

    @contextmanager
    def step(self, text: str) -> Iterator[Tell]:
        """Say that `text` is done, and how long it took, when the block has done it; the block may tell more of it."""
        begun, told = time.monotonic(), [""]
        with self._console.status(Text(text)) as status:

            def tell(more: str) -> None:
                told[0] = f": {more}"
                status.update(Text(f"{text}{told[0]}"))

            yield tell
        self.say(f"{text}{told[0]} ({time.monotonic() - begun:.1f} s)")
