"""By when what is erased is gone: the latest day, from the waits of collections, the lifecycle and the locks. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from functions.engine.retention.locks import LockPlan, lock_plan
from functions.engine.safety import DEFAULT_SAFETY, SafetyParameters

_NIGHT = timedelta(days=1)
"""Between two collections. A wait that ends between them ends with the later one."""
_HIDING = timedelta(days=3)
"""What is tagged is hidden by then, as `verdicts` counts it."""
_DELETING = timedelta(days=2)
"""The lifecycle counts from the next midnight, and may take its time (Amazon S3 User Guide, "Lifecycle configuration
elements"): what is due is not charged for any more, but may be there for a while."""


class Protection(NamedTuple):
    """How a bucket keeps what it holds: the lock at birth, and how long its lifecycle leaves what was let go.

    Without a lock mode it locks nothing. Without `undelete_days` its lifecycle lets nothing go, however tagged.
    """

    lock_mode: str | None
    lock_days: int
    undelete_days: int | None


@dataclass(frozen=True, slots=True)
class Timetable:
    """The latest moments in the life of an order, if collections come every night and nothing refuses."""

    ordered: datetime
    protection: Protection
    safety: SafetyParameters = DEFAULT_SAFETY

    @property
    def condemned(self) -> datetime:
        """When the next collection has seen the order."""
        return self.ordered + _NIGHT

    @property
    def backups_let_go(self) -> datetime:
        """When backups are tagged, and nobody should be offered them any more."""
        return self.condemned + self.safety.second_look + _NIGHT

    @property
    def packs_let_go(self) -> datetime:
        """When packs are tagged that nobody else needs: they are condemned when the backups are let go."""
        return self.backups_let_go + self.safety.second_look + _NIGHT

    @property
    def hidden(self) -> datetime:
        """When the last object is hidden, so that only older versions are left."""
        return self.packs_let_go + _HIDING

    def backups_gone(self, born: Iterable[datetime]) -> datetime | None:
        """Give when the last object of a backup is deleted for good, of those that were written at `born`."""
        return self._gone(born, self.backups_let_go)

    def packs_gone(self, born: Iterable[datetime]) -> datetime | None:
        """Give the same for packs that nobody else needs."""
        return self._gone(born, self.packs_let_go)

    def _gone(self, born: Iterable[datetime], let_go: datetime) -> datetime | None:
        """Give None when nothing ever deletes here. A lock is extended until the object is let go."""
        if self.protection.undelete_days is None:
            return None
        locks = self._locks()
        gone = let_go + _HIDING + timedelta(days=self.protection.undelete_days)
        ends = [] if locks is None else [locks.end(at, let_go) or at + locks.birth for at in born]
        return max([gone, *ends]) + _DELETING

    def _locks(self) -> LockPlan | None:
        mode, days, _ = self.protection
        return lock_plan(days, self.safety) if mode is not None else None
