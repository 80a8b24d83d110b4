"""What a restore does with a file that exists at its destination."""

from __future__ import annotations

from enum import StrEnum


class Conflict(StrEnum):
    """Leave it and go on, replace it, or put the restored one beside it."""

    SKIP = "skip"
    OVERWRITE = "overwrite"
    RENAME = "rename"


def renamed(name: str, label: str) -> str:
    """Give the name beside `name` that the policy `rename` uses: `a/report.pdf` -> `a/report.<label>.pdf`."""
    folder, slash, file = name.rpartition("/")
    stem, dot, suffix = file.rpartition(".")
    beside = f"{stem}.{label}.{suffix}" if dot and stem else f"{file}.{label}"
    return f"{folder}{slash}{beside}"
