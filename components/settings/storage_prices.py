"""What storage classes cost and demand, and what that means for a repository, in US dollars. Pure."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, NamedTuple

from components.settings.retention import StorageClass
from functions.contract.prices import usd

RTO_HOURS: Final = 2
THAW_HOURS: Final = MappingProxyType({"GLACIER": 5, "DEEP_ARCHIVE": 12})
"""Until an object can be read, at standard speed (Amazon S3 User Guide, "Understanding archive retrieval options")."""

_MONTH: Final = 30
_KIB: Final = 1024
_GB: Final = 1_000_000_000
_PACK: Final = 16 * _KIB * _KIB
_RECORD_KIB: Final = 8
"""A commit record and a manifest of a night on which little changed."""
_RECORDS: Final = 2
"""Small objects of a backup."""


class ClassFacts(NamedTuple):
    """A storage class: Amazon S3 User Guide, "Understanding storage classes"; prices by `functions.contract.prices`."""

    usd: float
    """A gigabyte and month."""
    move_usd: float = 0.0
    """1,000 objects moved into it by a lifecycle rule."""
    read_usd: float = 0.0
    """A gigabyte read."""
    least_days: int = 0
    """Charged in any case."""
    least_kib: int = 0
    """Smaller objects are charged as this."""
    extra_kib: int = 0
    """Charged on top of each object, in the class itself."""
    watch_usd: float = 0.0
    """1,000 objects watched for whether they are read, a month."""
    first_day: int = 0
    """Of an object's life on which a lifecycle rule may move it here."""


def _facts(name: StorageClass, *, watched: bool = False, **rules: int) -> ClassFacts:
    return ClassFacts(
        usd=usd(f"s3.storage.{name}"),
        move_usd=usd(f"s3.move.{name}") * 1_000,
        read_usd=usd(f"s3.read.{name}"),
        watch_usd=usd("s3.watch") * 1_000 if watched else 0.0,
        **rules,
    )


CLASSES: Final[MappingProxyType[StorageClass, ClassFacts]] = MappingProxyType(
    {
        "STANDARD": _facts("STANDARD"),
        "INTELLIGENT_TIERING": _facts("INTELLIGENT_TIERING", watched=True),
        "STANDARD_IA": _facts("STANDARD_IA", least_days=30, least_kib=128, first_day=30),
        "GLACIER_IR": _facts("GLACIER_IR", least_days=90, least_kib=128),
        "GLACIER": _facts("GLACIER", least_days=90, extra_kib=32),
        "DEEP_ARCHIVE": _facts("DEEP_ARCHIVE", least_days=180, extra_kib=32),
    }
)


class Load(NamedTuple):
    """What is stored: the organisation that the project is made for. Gigabytes are those after deduplication."""

    gigabytes: float = 1_000
    changed: float = 50
    """Gigabytes a day."""
    users: int = 1_000


class TierBill(NamedTuple):
    """What a class means for a repository. Amounts are USD, a month where nothing else is said."""

    storage: float
    standard: float
    """The same bytes in STANDARD."""
    move_once: float
    """For what is stored now."""
    early_days: int
    """Charged after a pack is gone."""
    early: float
    records: int
    """Small objects that are kept."""
    records_here: float
    """What they would cost in the class, if they were moved too."""
    records_standard: float
    restore: float
    """Once, for reading everything."""
    watch: float


DEFAULT_LOAD: Final = Load()


def tier_bill(storage_class: StorageClass, life_days: int, load: Load = DEFAULT_LOAD) -> TierBill:
    """Give what a class costs when the shortest-lived pack lives so many days."""
    facts, standard = CLASSES[storage_class], CLASSES["STANDARD"]
    stay = life_days - facts.first_day
    early_days = max(0, facts.least_days - stay) if stay > 0 else 0
    packs = load.gigabytes * _GB / _PACK
    records = load.users * _RECORDS * life_days
    here = max(_RECORD_KIB, facts.least_kib) + facts.extra_kib
    return TierBill(
        storage=load.gigabytes * facts.usd,
        standard=load.gigabytes * standard.usd,
        move_once=packs / 1_000 * facts.move_usd,
        early_days=early_days,
        early=load.changed * _MONTH * facts.usd * early_days / _MONTH,
        records=records,
        records_here=records * here * _KIB / _GB * facts.usd,
        records_standard=records * _RECORD_KIB * _KIB / _GB * standard.usd,
        restore=load.gigabytes * facts.read_usd,
        watch=packs / 1_000 * facts.watch_usd,
    )


def explain_tier(storage_class: StorageClass, life_days: int, load: Load = DEFAULT_LOAD) -> tuple[str, ...]:
    """Say in sentences what a class costs, its least days and the 128 KB rule. Nothing to say about STANDARD."""
    if storage_class == "STANDARD":
        return ()
    facts, bill = CLASSES[storage_class], tier_bill(storage_class, life_days, load)
    amounts = f"{bill.storage:.2f} USD a month for {load.gigabytes:,.0f} GB instead of {bill.standard:.2f}"
    sentences = [f"{storage_class} costs {amounts}, after {bill.move_once:.2f} once to move them there"]
    if bill.early_days:
        sentences.append(
            f"S3 charges at least {facts.least_days} days: a pack that lives {life_days} pays for {bill.early_days} "
            f"more, {bill.early:.2f} USD a month at {load.changed:,.0f} GB changed a day"
        )
    if facts.least_kib or facts.extra_kib:
        rule = f"charges an object below {facts.least_kib} KB as one of {facts.least_kib} KB"
        extra = f"adds {facts.extra_kib} KB to each object"
        sentences.append(
            f"S3 {rule if facts.least_kib else extra}, and moves none below 128 KB: the {bill.records:,} records of "
            f"{load.users:,} users would cost {bill.records_here:.2f} USD a month here and stay in STANDARD for "
            f"{bill.records_standard:.2f}"
        )
    if facts.watch_usd:
        rare, rarer = (load.gigabytes * CLASSES[name].usd for name in ("STANDARD_IA", "GLACIER_IR"))
        sentences.append(
            f"what nobody reads for 30 days costs as {rare:.2f} USD for all, for 90 days as {rarer:.2f}, and to watch "
            f"it {bill.watch:.2f} a month"
        )
    if facts.read_usd:
        sentences.append(f"a restore of everything costs {bill.restore:.2f} USD for reading it from here")
    if storage_class in THAW_HOURS:
        sentences.append(
            f"no restore ends before {THAW_HOURS[storage_class]} hours, beyond the RTO of {RTO_HOURS}; samples and "
            f"drills cannot read packs"
        )
    return tuple(sentences)
