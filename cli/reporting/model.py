"""The state of a stack at one moment. Every part may be missing, and then says why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeAlias, TypeVar

from cli.reporting.graph import Graph
from components.settings import Settings
from functions.engine.errors import StrongroomError
from functions.engine.orchestration.ports import DrillResult, Work
from functions.runtime.stack_reading import BackupRow, Held, QueueDepth, SourceUser

T = TypeVar("T")
R = TypeVar("R")


class Missing(NamedTuple):
    """Why a part is not there. Without an error, nobody asked for it."""

    reason: str
    error: StrongroomError | None = None


Part: TypeAlias = T | Missing


@dataclass(frozen=True, slots=True, kw_only=True)
class StackNames:
    """What is read of a stack, by its physical names. What has no name is not read."""

    stack: str = ""
    repository: str | None = None
    runs: str | None = None
    backups: str | None = None
    users: str | None = None
    drills: str | None = None
    queues: Mapping[str, str] = field(default_factory=dict)
    """URLs by name."""
    dead_letters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StackStatus:
    """What was read, when, and of how many days."""

    stack: str
    read_at: datetime
    since: datetime
    users: Part[tuple[SourceUser, ...]]
    runs: Part[tuple[Work, ...]]
    backups: Part[tuple[BackupRow, ...]]
    drills: Part[tuple[DrillResult, ...]]
    queues: Part[tuple[QueueDepth, ...]]
    held: Part[Held]
    graph: Part[Graph]
    settings: Part[Settings]
    remarks: tuple[str, ...] = ()
    """What a reader should know of how it was read."""


def mapped(part: Part[T], change: Callable[[T], R]) -> Part[R]:
    """Change a part that is there."""
    return part if isinstance(part, Missing) else change(part)


def known(part: Part[T], otherwise: T) -> T:
    """Give a part, or something else when it is missing."""
    return otherwise if isinstance(part, Missing) else part
