"""What `run` leaves behind for the commands after it: what the source held, and when."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sandbox.errors import SandboxError
from sandbox.nights.witness import Seen, Witness
from sandbox.state import FILE as STATE

FILE: Final = f"nights.{STATE}"
"""Beside the state, and cleared away with it."""


class NoNightsError(SandboxError):
    """There was no run in this sandbox."""

    code = "SANDBOX_EMPTY"
    exit_status = 3
    hint = "let there be some: python -m sandbox run"


@dataclass(frozen=True)
class Night:
    """What the source held when it was backed up, and a moment after that and before the next change."""

    name: str
    moment: datetime
    held: Witness

    def document(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        return {"name": self.name, "moment": self.moment.isoformat(), "held": self.held}

    @staticmethod
    def of(document: Mapping[str, Any]) -> Night:
        """Undo `document`."""
        held = {key: Seen(*seen) for key, seen in document["held"].items()}
        return Night(document["name"], datetime.fromisoformat(document["moment"]), held)


def write(folder: Path, nights: list[Night]) -> None:
    """Write the nights down, in place of those of an earlier run."""
    (folder / FILE).write_text(json.dumps([night.document() for night in nights]), encoding="utf-8")


def read(folder: Path) -> list[Night]:
    """Give the nights, the first one first. NoNightsError when there are none."""
    try:
        return [Night.of(document) for document in json.loads((folder / FILE).read_text(encoding="utf-8"))]
    except FileNotFoundError:
        raise NoNightsError(f"no run of the sandbox in {folder} has ended") from None
