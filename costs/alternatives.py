"""The same data, kept otherwise: what each choice would cost a month, and what it demands. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple, get_args

from components.settings import Replica, ReplicaClass, Settings, StorageClass
from components.settings.rules_time import life_days
from components.settings.storage_prices import CLASSES, THAW_HOURS
from costs.assumptions import ASSUMED, Assumptions
from costs.aws_backup import aws_backup
from costs.forecast import forecast
from costs.volume import Volume
from functions.contract.prices import usd
from functions.engine.safety import DEFAULT_SAFETY, MIB

PACK_MIB: Final = (1, 4, 8, 32)
"""Sizes to compare with the default of 16. A pack is never larger than 32 MiB."""


class Alternative(NamedTuple):
    """A choice and its price."""

    name: str
    usd: float
    note: str

    def facts(self) -> dict[str, Any]:
        """Give the choice as a document has it."""
        return {"name": self.name, "usd": round(self.usd, 2), "note": self.note}


class TierFacts(NamedTuple):
    """What a storage class demands of packs, and what a month costs with it. USD."""

    name: StorageClass
    gb_month: float
    least_days: int
    life_days: int
    """Of the shortest-lived pack, so that it can be compared with the least days."""
    least_kib: int
    thaw_hours: int
    """Before the first byte; 0 for classes that are read at once."""
    restore_usd: float
    """Reading everything once."""
    month_usd: float

    def facts(self) -> dict[str, Any]:
        """Give the class as a document has it."""
        return self._asdict() | {"restore_usd": round(self.restore_usd, 2), "month_usd": round(self.month_usd, 2)}


def compare(settings: Settings, volume: Volume, assumed: Assumptions = ASSUMED) -> list[Alternative]:
    """Give the stack as it is, what it could be instead, and AWS Backup."""
    return list(_alternatives(settings, volume, assumed))


def tiers(settings: Settings, volume: Volume, assumed: Assumptions = ASSUMED) -> list[TierFacts]:
    """Give every storage class, as if the packs of this stack lay in it."""
    life = life_days(settings.retention)
    made = []
    for name in get_args(StorageClass):
        facts = CLASSES[name]
        month = forecast(_with_tier(settings, name), volume, assumed).usd
        thaw = THAW_HOURS.get(name, 0)
        restore = volume.base * facts.read_usd
        made.append(TierFacts(name, facts.usd, facts.least_days, life, facts.least_kib, thaw, restore, month))
    return made


def _alternatives(settings: Settings, volume: Volume, assumed: Assumptions) -> Iterator[Alternative]:
    def of(changed: Settings, figures: Assumptions = assumed) -> float:
        return forecast(changed, volume, figures).usd

    yield Alternative("as it is", of(settings), "")
    if settings.replica:
        alone = settings.model_copy(update={"replica": None})
        yield Alternative("no replica", of(alone), "one region to lose; tables too are in one region then")
        for name in get_args(ReplicaClass):
            if name != settings.replica.storage_class:
                moved = settings.model_copy(update={"replica": _replica(settings.replica, name)})
                yield Alternative(f"replica in {name}", of(moved), _least(name))
    for name in get_args(StorageClass):
        if name != settings.tier.storage_class:
            yield Alternative(f"packs in {name}", of(_with_tier(settings, name)), _tier_note(name))
    for mib in PACK_MIB:
        note = "more requests, locks and events" if mib * MIB < DEFAULT_SAFETY.pack_target else "the largest allowed"
        packs = assumed._replace(pack_bytes=mib * MIB)
        yield Alternative(f"packs of {mib} MiB", of(settings, packs), note)
    if settings.network.isolated:
        open_network = settings.network.model_copy(update={"isolated": False})
        changed = settings.model_copy(update={"network": open_network})
        yield Alternative("no network of its own", of(changed), "not allowed in production")
    if settings.vault.enabled and not settings.vault.sources:
        vault = settings.vault.model_copy(update={"sources": True})
        note = "a second system, in the same account; objects below 128 KB are charged as 128 KB"
        yield Alternative("the sources in AWS Backup too", of(settings.model_copy(update={"vault": vault})), note)
    restore = volume.gigabytes * usd("backup.restore")
    note = f"a restore of everything costs {restore:,.2f} more; no single user, no proof, no dedup"
    yield Alternative("AWS Backup", aws_backup(settings, volume).usd, note)


def _tier_note(name: StorageClass) -> str:
    if name in THAW_HOURS:
        return f"{_least(name)}; no restore before {THAW_HOURS[name]} hours, no samples, no drills"
    return _least(name)


def _least(name: StorageClass) -> str:
    days = CLASSES[name].least_days
    return f"at least {days} days are charged" if days else ""


def _with_tier(settings: Settings, name: StorageClass) -> Settings:
    tier = settings.tier.model_copy(update={"storage_class": name, "accept_slow_restore": name in THAW_HOURS})
    return settings.model_copy(update={"tier": tier})


def _replica(replica: Replica, name: ReplicaClass) -> Replica:
    return replica.model_copy(update={"storage_class": name})
