"""What the world of retention consists of: backups and what they hold, rebuilds, and interruptions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from functions.adapters.faults import CrashPoint, Faults, Moment
from functions.engine.backup import BackupJob
from functions.engine.commit import CommitRecord
from functions.engine.model import BackupStatus, PackId, Segment
from functions.engine.repository import BackupName


@dataclass(slots=True)
class Truth:
    """What a committed backup holds, and the objects that it needs, with their bytes."""

    record: CommitRecord
    content: dict[str, bytes]
    written: datetime
    needed: dict[str, bytes]
    all_content: dict[str, bytes]
    """... and what it could not read."""
    name: BackupName = field(init=False)
    taken: datetime = field(init=False)
    """The time in its name."""

    def __post_init__(self) -> None:
        """Read the record once: it is asked after each step."""
        self.name = BackupName(self.record.source, self.record.user, self.record.backup_id)
        self.taken = datetime.strptime(self.name.backup_id.partition("-")[0], "%Y%m%dT%H%M%S%z")

    @property
    def complete(self) -> bool:
        """Whether it could read everything."""
        return self.record.status is BackupStatus.COMPLETED


@dataclass(slots=True)
class OpenBackup:
    """A backup that several invocations write."""

    job: BackupJob
    backup_id: str
    started: datetime
    segments: list[Segment] = field(default_factory=list)
    content: dict[str, bytes] = field(default_factory=dict)
    whole: bool = False


class Rebuild(NamedTuple):
    """A rebuild of the dedup index that has listed its packs and not recorded their chunks yet."""

    began: datetime
    packs: list[PackId]


class Interrupts(Faults):
    """Lets something else happen right before one of the calls."""

    def __init__(self, point: CrashPoint, action: Callable[[], object]) -> None:
        """Do `action` before the call that `point` names."""
        super().__init__()
        self._point = point
        self._left = point.number
        self._action = action

    def _enter(self, call: str) -> tuple[Moment | None, Moment | None]:
        if self._point.call in {"", call}:
            self._left -= 1
            if self._left == 0:
                self._action()
        return super()._enter(call)
