"""The users of the source and their files: real ones, dealt out, and a twentieth of them changed overnight."""

from __future__ import annotations

import sysconfig
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from cli.render import size
from sandbox.errors import SandboxError
from sandbox.nights.files import Shelf, UnusableFolderError, Upload, change, in_words, plan, plan_changes, upload
from sandbox.nights.stack import Stack

LIBRARY: Final = Path(sysconfig.get_path("stdlib"))
"""Python's standard library: real files, on every machine."""


class Counted:
    """A Progress that tells how many files were written."""

    def __init__(self, tell: Callable[[str], None], goal: int) -> None:
        self._tell, self._goal, self._files, self._bytes = tell, goal, 0, 0

    def advance(self, *, files: int = 0, read: int = 0, new: int = 0, stored: int = 0) -> None:
        """See Progress."""
        del new, stored
        self._files += files
        self._bytes += read
        self._tell(f"{self._files:,} of {self._goal:,} files, {size(self._bytes)}")


def deal(data: Path, users: int, prefix: str) -> list[Upload]:
    """Deal the files of a folder out to the users of the source. SandboxError for none, or more than fit."""
    try:
        return [replace(item, key=f"{prefix}{item.key}") for item in plan(data, users)]
    except UnusableFolderError as error:
        raise SandboxError(str(error), hint="or leave it out: Python's standard library is on every machine") from None


def fill(stack: Stack, uploads: Sequence[Upload], tell: Callable[[str], None]) -> None:
    """Put all files into the source."""
    upload(shelf(stack), uploads, Counted(tell, len(uploads)))


def change_some(stack: Stack, uploads: Sequence[Upload], tell: Callable[[str], None]) -> None:
    """Change 5 % of the files, the same ones each time, in every way."""
    changes = plan_changes(uploads)
    change(shelf(stack), changes, Counted(tell, len(changes)))
    tell(f"{len(changes):,} of {len(uploads):,} files: {in_words(changes)}")


def shelf(stack: Stack) -> Shelf:
    """Give the source's bucket."""
    return Shelf(stack.client("s3"), stack.source["bucket"])
