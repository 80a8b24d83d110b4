"""What lies in the repository in a steady month, and what comes to it. Pure.

Steady means that the retention has filled up: as much is let go each day as is added. Until then a month costs less.
"""

from __future__ import annotations

from dataclasses import dataclass

from components.settings import Settings, StorageClass
from components.settings.rules_time import life_days
from components.settings.storage_prices import CLASSES
from costs.assumptions import GB, Assumptions
from costs.calendar import backups_a_day
from costs.volume import Volume

_QUIET_CLASS: StorageClass = "STANDARD_IA"
"""What INTELLIGENT_TIERING costs for packs that nobody has read for 30 days."""
_QUIET = 0.5
"""The share of older packs that neither a sample nor a drill has read for 30 days: each is read every 50 days or so.
Nobody reads the replica."""
_QUIET_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """Gigabytes and objects. Packs unless something else is said."""

    base: float
    """Of everything once."""
    added: float
    """A day."""
    current: float
    noncurrent: float
    """Versions that were let go and can still be brought back."""
    packs_added: float
    """A day."""
    packs_base: float
    packs_current: float
    packs: float
    """All versions."""
    records: float
    """Manifests and commit records, noncurrent versions included."""
    record_objects: float
    records_added: float
    """Objects a day."""
    record_gb_added: float
    """A day."""
    life_days: int
    """Of a pack, noncurrent days included."""

    @property
    def all(self) -> float:
        """Packs of all versions."""
        return self.current + self.noncurrent


def stock_of(settings: Settings, volume: Volume, assumed: Assumptions) -> Stock:
    """Give what a steady month holds."""
    retention = settings.retention
    life = life_days(retention)
    stays = life - retention.undelete_days
    base, added = volume.base, volume.added
    # The last pack of every user who changed something is not full.
    busy = min(volume.users, volume.count * volume.changed) if added else 0.0
    packs_added = added * GB / assumed.pack_bytes + busy
    packs_base = base * GB / assumed.pack_bytes + min(volume.users, volume.count)
    # A manifest lists every file of the user; a large one is cut, which adds little.
    backups = backups_a_day(settings)
    records_added = volume.users * 2 * backups
    record_gb = (volume.count * assumed.entry_bytes + volume.users * assumed.record_bytes) / GB * backups
    return Stock(
        base=base,
        added=added,
        current=base + added * stays,
        noncurrent=added * retention.undelete_days,
        packs_added=packs_added,
        packs_base=packs_base,
        packs_current=packs_base + packs_added * stays,
        packs=packs_base + packs_added * life,
        records=record_gb * life,
        record_objects=records_added * life,
        records_added=records_added,
        record_gb_added=record_gb,
        life_days=life,
    )


def by_class(name: StorageClass, stock: Stock, versions: float, *, at_birth: bool = False) -> dict[StorageClass, float]:
    """Split gigabytes of packs among the classes whose price they have.

    `versions` are the gigabytes to split, of which the youngest are those that S3 does not let into the class yet.
    `at_birth` says that they are written into the class, as a replica is.
    """
    young = min(versions, stock.added * _young_days(name, stock, at_birth=at_birth))
    if name == "INTELLIGENT_TIERING":
        quiet = (versions - young) * (1 if at_birth else _QUIET)
        return {"INTELLIGENT_TIERING": versions - quiet, _QUIET_CLASS: quiet}
    if young:
        return {"STANDARD": young, name: versions - young}
    return {name: versions}


def _young_days(name: StorageClass, stock: Stock, *, at_birth: bool) -> float:
    days = _QUIET_DAYS if name == "INTELLIGENT_TIERING" else 0 if at_birth else CLASSES[name].first_day
    return min(days, stock.life_days)


def early_gigabytes(name: StorageClass, stock: Stock, *, at_birth: bool = False) -> float:
    """Give the GB-months that are charged for packs that are gone before the class's least days."""
    facts = CLASSES[name]
    stay = stock.life_days - (0 if at_birth else facts.first_day)
    return stock.added * max(0, facts.least_days - stay) if stay > 0 else 0.0


def billed_records(name: StorageClass, stock: Stock) -> float:
    """Give the gigabytes of records in a class that charges small objects as larger ones."""
    least = stock.record_objects * CLASSES[name].least_kib * 1_024 / GB
    return max(stock.records, least)
