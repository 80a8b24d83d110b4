"""What a month will cost, by the settings of the stack and the volume that its backups tell of. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from components.settings import Settings
from costs import forecast, measured
from functions.contract.prices import AS_OF, REGION
from functions.contract.states import BackupState
from functions.engine.backup import rfc3339
from functions.engine.commit import CommitRecord
from functions.engine.model import BackupStatus, BackupType, Totals
from functions.runtime.stack_reading import BackupRow

_COMMITTED = frozenset({BackupState.COMPLETED.value, BackupState.PARTIAL.value})


class CostLine(NamedTuple):
    """What a service costs a month, and the dearest of what it is used for."""

    what: str
    usd: float
    basis: str


@dataclass(frozen=True, slots=True)
class Cost:
    """The services, dearest first, and the limit that they are held against."""

    lines: tuple[CostLine, ...]
    budget_usd: float
    volume: str
    retention_days: int
    prices: str = f"list prices of {REGION}, {AS_OF}"

    @property
    def usd(self) -> float:
        """Give the sum."""
        return sum(line.usd for line in self.lines)

    @property
    def share(self) -> float:
        """Give the sum as a share of the budget."""
        return self.usd / self.budget_usd


def cost_of(settings: Settings, backups: Sequence[BackupRow]) -> Cost:
    """Give the forecast of `strongroom cost` for what the backups tell of. They come oldest first.

    BackupNotFoundError when none was committed.
    """
    volume = measured(_records(backups))
    found = forecast(settings, volume)
    lines = []
    for service, usd in found.bill.by_service().items():
        dearest = max(found.bill.of(service), key=lambda line: line.usd)
        lines.append(CostLine(service, usd, dearest.what))
    lines.sort(key=lambda line: -line.usd)
    return Cost(tuple(lines), found.budget_usd, volume.says(), settings.retention.days)


def _records(backups: Sequence[BackupRow]) -> Iterator[CommitRecord]:
    """Give what the commit records say, as far as rows know it.

    A user's first row is of a first backup when it read everything that there is.
    """
    parents: dict[tuple[str, str], str] = {}
    for row in backups:
        if row.state not in _COMMITTED:
            continue
        user = row.source, row.user
        earlier = "an earlier one" if row.read < row.size else None
        started = rfc3339(row.started)
        yield CommitRecord(
            source=row.source,
            user=row.user,
            backup_id=row.backup_id,
            type=BackupType(row.type),
            status=BackupStatus(row.state),
            engine="",
            run_id=row.run_id,
            prefix="",
            started=started,
            finished=rfc3339(row.ended) if row.ended is not None else started,
            totals=Totals(row.files, row.unreadable, row.size, row.read, row.new, row.stored),
            segments=(),
            packs=(),
            parent=parents.get(user, earlier),
        )
        parents[user] = row.backup_id
