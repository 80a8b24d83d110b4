"""States of backups, runs, restores and drills, and which may follow which."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class BackupState(StrEnum):
    """A backup in the catalog. EXPIRED: a collection let it go, so nobody is offered it."""

    STARTED = "STARTED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"


class RunState(StrEnum):
    """A run. EXPIRED: another run took its source over when its lease had ended."""

    DISPATCHING = "DISPATCHING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"


class RestoreState(StrEnum):
    """A restore."""

    REQUESTED = "REQUESTED"
    PLANNED = "PLANNED"
    THAWING = "THAWING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"


class DrillState(StrEnum):
    """The result of a restore drill."""

    PROVEN = "PROVEN"
    FAILED = "FAILED"


_ENDS = frozenset({"COMPLETED", "PARTIAL", "FAILED"})

BACKUP_STEPS: Final[Mapping[BackupState, frozenset[str]]] = MappingProxyType(
    {
        BackupState.STARTED: frozenset({"RUNNING", "FAILED"}),
        BackupState.RUNNING: _ENDS,
        # A job that was given up may have been finished by another worker: what S3 holds is true.
        BackupState.FAILED: frozenset({"COMPLETED", "PARTIAL"}),
        BackupState.COMPLETED: frozenset({"EXPIRED"}),
        BackupState.PARTIAL: frozenset({"EXPIRED"}),
        BackupState.EXPIRED: frozenset({"COMPLETED", "PARTIAL"}),
    }
)

RUN_STEPS: Final[Mapping[RunState, frozenset[str]]] = MappingProxyType(
    {
        RunState.DISPATCHING: frozenset({"RUNNING", "FAILED", "EXPIRED"}),
        RunState.RUNNING: _ENDS | {"EXPIRED"},
        RunState.COMPLETED: frozenset(),
        RunState.PARTIAL: frozenset(),
        RunState.FAILED: frozenset(),
        RunState.EXPIRED: frozenset(),
    }
)

RESTORE_STEPS: Final[Mapping[RestoreState, frozenset[str]]] = MappingProxyType(
    {
        RestoreState.REQUESTED: frozenset({"PLANNED", "FAILED"}),
        RestoreState.PLANNED: frozenset({"THAWING", "RUNNING", "FAILED"}),
        RestoreState.THAWING: frozenset({"RUNNING", "FAILED"}),
        RestoreState.RUNNING: _ENDS,
        RestoreState.COMPLETED: frozenset(),
        RestoreState.PARTIAL: frozenset(),
        RestoreState.FAILED: frozenset(),
    }
)
