"""What to keep: the rules, and the reasons that stand beside each decision."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from functions.engine.errors import ConfigurationError
from functions.engine.repository import BackupName

COLLECTION_DAYS = 5
"""From the day on which no rule keeps a backup until its packs are let go: twice two days of waiting, and a night."""
MAX_DAYS = 36_500
"""A hundred years, the longest retention of Object Lock (Amazon S3 User Guide, "Object Lock considerations")."""


class Rule(StrEnum):
    """What keeps a backup. Each rule alone is enough, but for the last word of an erasure."""

    DAYS = "days"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    YEARLY = "yearly"
    HOLD = "hold"
    ERASURE = "erasure"
    """Keeps nothing: it lets go, whatever the other rules say, unless a hold is there."""
    NEWEST = "newest"
    """The newest of a user, complete or not: the next backup builds on it."""
    NEWEST_COMPLETE = "newest-complete"
    FUTURE = "future"
    """Its time has not come yet: some clock was wrong, and nobody knows how old it is."""
    UNREADABLE = "unreadable"
    """Its commit record cannot be read, so nobody knows what it is."""


class Reason(NamedTuple):
    """A rule and what it says of one backup, for people."""

    rule: Rule
    text: str


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """How long backups are kept. Counts of 0 are off; they only ever keep more than `days` does.

    A count keeps one backup for each of the last so many days, weeks (ISO 8601), months or years in which the user
    has one, all in UTC. Periods without a backup do not count.
    """

    days: int
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0

    def __post_init__(self) -> None:
        """Refuse what would keep nothing, and what is no count."""
        for item in fields(self):
            value, least = getattr(self, item.name), 1 if item.name == "days" else 0
            if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= MAX_DAYS:
                raise ConfigurationError(
                    f"retention: {item.name} is {value!r}, not a number from {least} to {MAX_DAYS}"
                )

    def document(self) -> dict[str, Any]:
        """Give it as plain JSON values."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @property
    def catalog_days(self) -> int:
        """Days that a catalog should know a backup: until collections have let go of whatever a rule may keep."""
        longest = max(self.days, self.daily, 7 * self.weekly, 31 * self.monthly, 366 * self.yearly)
        return longest + COLLECTION_DAYS


class Candidate(NamedTuple):
    """A committed backup as retention sees it.

    `taken` is the time in its name, `written` when the bucket got its commit record. `readable` is false when the
    record is damaged or says what this release does not know; `complete` and `empty` mean nothing then.
    """

    backup: BackupName
    taken: datetime
    written: datetime
    complete: bool
    readable: bool = True
    empty: bool = False
    """It holds no file: the user owned nothing any more."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Keeps one backup of a user, or all of them when `backup_id` is None, until it is released."""

    hold_id: str
    source: str
    user: str
    backup_id: str | None
    reason: str

    def covers(self, backup: BackupName) -> bool:
        """Say whether it keeps this backup."""
        return (self.source, self.user) == backup[:2] and self.backup_id in {None, backup.backup_id}


@dataclass(frozen=True, slots=True)
class Erasure:
    """An order to keep nothing of a user that was backed up until `ordered`, by the bucket's clock."""

    erasure_id: str
    source: str
    user: str
    reason: str

    @property
    def ordered(self) -> datetime:
        """When it was ordered: its id says so."""
        return datetime.strptime(self.erasure_id.partition("-")[0], "%Y%m%dT%H%M%S%z")

    def covers(self, taken: datetime, written: datetime) -> bool:
        """Say whether a backup of the user was there, or had begun, by whichever clock says so."""
        return min(taken, written) <= self.ordered


class Decision(NamedTuple):
    """Whether a backup is kept, with every reason: each rule that keeps it, or else why none does."""

    candidate: Candidate
    keep: bool
    reasons: tuple[Reason, ...]
    erasure_id: str = ""
    """The order that covers it, if there is one."""

    @property
    def rules(self) -> frozenset[Rule]:
        """The rules that stand in the reasons."""
        return frozenset(reason.rule for reason in self.reasons)
