"""Cuts a restore into tasks, each so small that one invocation of 15 minutes does it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from functions.contract.states import RestoreState
from functions.engine.orchestration.ports import Facts, Planned

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class TaskLimits:
    """How much one task may hold: at 64 MiB a second, 8 GiB take two minutes and 40 GiB eleven."""

    bytes: int = 8 * GIB
    files: int = 20_000
    file: int = 40 * GIB
    """A larger file cannot be restored in one invocation. The operator's tool has no such limit."""


class Cut(NamedTuple):
    """A range of keys, after `after`, up to and with `until` (None: to the end), and what is wanted of it."""

    after: str
    until: str | None
    files: int
    bytes: int


class TooLarge(NamedTuple):
    """A file that no invocation can restore."""

    key: str
    size: int


class Cutter:
    """Cuts the wanted files of one segment, given in key order, into ranges. No file is in two; none is left out."""

    def __init__(self, limits: TaskLimits) -> None:
        """Start before the first key."""
        self._limits = limits
        self._after = ""
        self._last = ""
        self._files = 0
        self._bytes = 0

    def add(self, key: str, size: int) -> list[Cut | TooLarge]:
        """Take a file. Gives what is complete before it, and the file itself if it is too large."""
        if size > self._limits.file:
            done: list[Cut | TooLarge] = [*self._close(), TooLarge(key, size)]
            self._after = self._last = key
            return done
        full = self._files >= self._limits.files or self._bytes + size > self._limits.bytes
        done = [*self._close()] if full else []
        self._files += 1
        self._bytes += size
        self._last = key
        return done

    def finish(self) -> list[Cut]:
        """Give the rest."""
        return self._close()

    def rest(self) -> Cut:
        """Give the range of all keys after what was taken, of which nothing is known: the manifest is damaged."""
        return Cut(self._last, None, 0, 0)

    def _close(self) -> list[Cut]:
        if not self._files:
            return []
        cut = Cut(self._after, self._last, self._files, self._bytes)
        self._after, self._files, self._bytes = self._last, 0, 0
        return [cut]


@dataclass(frozen=True, slots=True)
class RestoreTask:
    """One task: which files of which backup. `archived` counts the packs it needs that must be thawed first."""

    source: str
    user: str
    backup_id: str
    segment: int
    after: str = ""
    until: str | None = None
    files: int = 0
    bytes: int = 0
    archived: int = 0

    def facts(self) -> dict[str, Any]:
        """Give the task as the ledger keeps it."""
        return asdict(self)

    @staticmethod
    def from_facts(facts: Facts) -> RestoreTask:
        """Undo `facts`."""
        return RestoreTask(**facts)


class TaskNumber(NamedTuple):
    """A task's place in the plan. The same request gets the same numbers, whoever plans it and however often."""

    page: int
    backup: int
    segment: int
    cut: int

    def planned(self, task: RestoreTask) -> Planned:
        """Give the task with the name that its number makes: names sort as numbers do."""
        return Planned("-".join(f"{number:06d}" for number in self), task.facts())


def end_state(counts: Mapping[str, int], refused: int) -> RestoreState:
    """Say how a restore ended whose tasks count this, when `refused` files were never tried."""
    if not counts.get("failed", 0) and not counts.get("tasks_failed", 0) and not refused:
        return RestoreState.COMPLETED
    done = counts.get("restored", 0) + counts.get("skipped", 0)
    return RestoreState.PARTIAL if done else RestoreState.FAILED
