"""Progress: bars on a terminal, plain lines elsewhere."""

import io
import time

import pytest

from cli import progress
from cli.progress import Counter, Goal, shown


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        """Say yes."""
        return True


def work(counter: Counter) -> None:
    """Do what a backup does."""
    counter.goal = Goal(files=4)
    counter.advance(files=3, read=3_000_000, new=2_000_000, stored=1_000_000)


def test_a_quick_command_prints_nothing_into_a_file() -> None:
    """Nobody reads progress that is over."""
    stream = io.StringIO()
    with shown("backup", stream=stream) as counter:
        work(counter)
    assert stream.getvalue() == ""


def test_a_long_command_prints_lines_into_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line stands alone: no carriage returns, no colours."""
    monkeypatch.setattr(progress, "_PLAIN_SECONDS", 0.01)
    stream = io.StringIO()
    with shown("backup", stream=stream) as counter:
        work(counter)
        while "\n" not in stream.getvalue():
            time.sleep(0.001)
    line = stream.getvalue().splitlines()[0]
    assert line.startswith("backup: 3 files, 3.0 MB, ")
    assert "2.0 MB new, 1.0 MB stored in " in line
    assert line.isprintable()


def test_a_terminal_gets_a_bar() -> None:
    """It shows what is done, and goes."""
    stream = Terminal()
    with shown("backup", stream=stream) as counter:
        work(counter)
    text = stream.getvalue()
    assert "3 files, 3.0 MB" in text
    assert "\x1b[2K" in text.split("3 files")[-1]


def test_the_share_is_in_bytes_when_they_are_known() -> None:
    """One large file among small ones would let a bar of files stand still."""
    counter = Counter()
    work(counter)
    assert counter.share() == (3, 4)
    counter.goal = Goal(files=4, bytes=6_000_000)
    assert counter.share() == (3_000_000, 6_000_000)
    counter.goal = Goal()
    assert counter.share() == (3, None)


def test_an_error_in_the_block_ends_the_progress() -> None:
    """The bar does not go on beside the message."""

    def fail() -> None:
        with shown("backup", stream=Terminal()):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
