"""What a collection is told, and what it says when it is over."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from functions.engine.model import PackId
from functions.engine.repository import BackupName
from functions.engine.retention.policy import RetentionPolicy
from functions.engine.safety import DEFAULT_SAFETY, SafetyParameters
from functions.engine.timed_store import TimeLeft

SAMPLE = 100
"""How many names a report holds of each kind of trouble; the counts are of all."""


@dataclass(frozen=True, slots=True)
class CollectSettings:
    """How a collection works. `lock_days` are those of the bucket's default retention."""

    policy: RetentionPolicy
    lock_days: int
    safety: SafetyParameters = DEFAULT_SAFETY
    measure: bool = False
    """Read all manifests, find sparse packs and drain them. Worth it before a FULL run."""
    measuring_time: TimeLeft | None = None
    """Gives the seconds that are left for measuring. Without any it is given up, and the collection goes on."""
    dry_run: bool = False
    """Decide, write nothing, change nothing."""
    expire_share: float | None = None
    """Let go of up to this part at once, for this time, instead of `safety.expire_share`."""
    written_off: frozenset[BackupName] = frozenset()
    """Backups whose commit record is damaged for good. What only they need may go."""
    bucket: str = ""
    """The repository's name. Plans say it, so that in a copy nobody takes the locks for those of the original."""

    @property
    def share_at_once(self) -> float:
        """The part of all bytes, or of all backups, that one collection may let go."""
        return self.safety.expire_share if self.expire_share is None else self.expire_share


@dataclass(slots=True)
class CollectionReport:
    """What a collection found and did. Names are samples, counts are complete."""

    collection: str
    began: datetime
    counts: Counter[str] = field(default_factory=Counter)
    """Backups and packs by fate, such as `packs_condemn`, and other things by their names."""
    sizes: Counter[str] = field(default_factory=Counter)
    """Bytes of packs: all, needed, and by fate."""
    refused: list[str] = field(default_factory=list)
    """Why nothing, or not everything, was let go. Somebody has to look."""
    unreadable: list[str] = field(default_factory=list)
    skewed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """Packs that a backup needs and that are not there, and the backup."""
    erased: list[str] = field(default_factory=list)
    """Users whose backups were condemned for an order that no collection had followed before."""
    idle_holds: list[str] = field(default_factory=list)
    """Holds on a backup of which nothing is left, with its name."""
    damaged: list[PackId] = field(default_factory=list)
    """Packs that no backup needs and whose index cannot be read: they stay."""

    def note(self, names: list[str], name: str) -> None:
        """Keep a name, unless there are many already."""
        if len(names) < SAMPLE:
            names.append(name)

    def document(self) -> dict[str, Any]:
        """Give what a plan says of it, as plain JSON values."""
        return {
            "began": self.began.isoformat(),
            "counts": dict(sorted(self.counts.items())),
            "bytes": dict(sorted(self.sizes.items())),
            "refused": self.refused,
            "unreadable": self.unreadable,
            "skewed": self.skewed,
            "missing": self.missing,
            "erased": self.erased,
            "idle_holds": self.idle_holds,
        }
