"""How much data there is, and what it is like."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from functions.engine.errors import ConfigurationError

TB = 1_000.0
"""Gigabytes."""
_FILE_MB = 1.0
_MOST_TERABYTES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """What is protected: the organisation that the project is made for, unless said otherwise.

    Nothing is taken to repeat or to compress unless somebody says so, so what comes out is an upper limit.
    ConfigurationError for what cannot be.
    """

    terabytes: float = 1.0
    """What the sources hold."""
    changed_percent: float = 5.0
    """Of the bytes and of the files, a day."""
    users: int = 1_000
    files: int | None = None
    """Default: of 1 MB each."""
    dedup: float = 1.0
    """Bytes of a first backup for every byte of it that occurs once."""
    dedup_changes: float | None = None
    """Bytes of changed files for every byte of them that is new. Default: as `dedup`."""
    compression: float = 1.0
    """New bytes for every byte of a pack."""

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        _within("terabytes", self.terabytes, 0, _MOST_TERABYTES)
        _within("changed percent", self.changed_percent, 0, 100)
        _within("users", self.users, 1, 100_000_000)
        _within("files", self.files or 0, 0, 1e13)
        _within("dedup", self.dedup, 1, 1_000)
        _within("dedup of changes", self.reduced, 1, 1_000)
        _within("compression", self.compression, 1, 1_000)

    @property
    def gigabytes(self) -> float:
        """What the sources hold."""
        return self.terabytes * TB

    @property
    def count(self) -> float:
        """How many files they are."""
        return self.gigabytes * 1_000 / _FILE_MB if self.files is None else self.files

    @property
    def changed(self) -> float:
        """The share that changes in a day."""
        return self.changed_percent / 100

    @property
    def reduced(self) -> float:
        """What dedup makes of changed files."""
        return self.dedup if self.dedup_changes is None else self.dedup_changes

    @property
    def base(self) -> float:
        """Gigabytes of packs that a first backup takes."""
        return self.gigabytes / (self.dedup * self.compression)

    @property
    def added(self) -> float:
        """Gigabytes of packs that a day adds."""
        return self.gigabytes * self.changed / (self.reduced * self.compression)

    def says(self) -> str:
        """Give the volume in words."""
        parts = [
            _size(self.terabytes),
            f"{self.changed_percent:.3g} % changed a day",
            f"{self.users:,} users",
            f"{self.count:,.0f} files",
        ]
        if max(self.dedup, self.reduced) > 1:
            parts.append(f"dedup {self.dedup:.3g} x, of changes {self.reduced:.3g} x")
        if self.compression > 1:
            parts.append(f"compression {self.compression:.3g} x")
        return ", ".join(parts)

    def facts(self) -> dict[str, Any]:
        """Give the volume as a document has it."""
        return asdict(self) | {"files": round(self.count), "dedup_changes": self.reduced}


def _size(terabytes: float) -> str:
    """Give a size in the largest unit of which there is at least one."""
    for unit in ("TB", "GB"):
        if terabytes >= 1:
            return f"{terabytes:,.6g} {unit}"
        terabytes *= TB
    return f"{terabytes:,.3g} MB"


def _within(name: str, value: float, low: float, high: float) -> None:
    if not math.isfinite(value) or not low <= value <= high:
        raise ConfigurationError(
            f"{name} is {value:g}, must be from {low:,.12g} to {high:,.12g}", hint="see strongroom cost --help"
        )
