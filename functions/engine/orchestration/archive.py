"""Packs in an archive class: what a restore must know of them, how they are thawed, and how long that takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple, Protocol

from functions.engine.model import PackId

KEEP_DAYS = 7
"""How long a thawed copy stays readable: longer than any restore takes."""


class Tier(StrEnum):
    """How fast S3 thaws, and at what price. Expedited is left out: it is refused for more than a few packs."""

    STANDARD = "Standard"
    BULK = "Bulk"


class PackState(StrEnum):
    """Whether a pack can be read now, will be soon, or must be thawed first."""

    READY = "ready"
    THAWING = "thawing"
    ARCHIVED = "archived"


class StoredPack(NamedTuple):
    """Where a pack stands. `place` is the storage class or access tier, empty when the pack does not exist."""

    pack: PackId
    state: PackState
    place: str
    size: int


class Archive(Protocol):
    """The repository's bucket, seen as a place where packs may be frozen.

    Guarantees: to ask for the same pack twice is harmless; nothing but thawing changes the bucket.
    """

    def states(self, packs: Iterable[PackId]) -> Iterator[StoredPack]:
        """Say how each pack stands, in the order given, a bounded number of requests at once.

        A pack that does not exist counts as ready: who reads it says what is missing.
        """
        ...

    def thaw(self, packs: Iterable[StoredPack], tier: Tier, days: int) -> None:
        """Ask for copies that can be read for so many days. One that is being thawed already is left alone."""
        ...


_HOURS = {
    ("GLACIER", Tier.STANDARD): 5,
    ("GLACIER", Tier.BULK): 12,
    ("ARCHIVE_ACCESS", Tier.STANDARD): 5,
    ("ARCHIVE_ACCESS", Tier.BULK): 12,
    ("DEEP_ARCHIVE", Tier.STANDARD): 12,
    ("DEEP_ARCHIVE", Tier.BULK): 48,
    ("DEEP_ARCHIVE_ACCESS", Tier.STANDARD): 12,
    ("DEEP_ARCHIVE_ACCESS", Tier.BULK): 48,
}
"""The later end of what S3 promises (Amazon S3 User Guide, "Understanding archive retrieval options")."""


def thaw_hours(place: str, tier: Tier) -> int:
    """Say after how many hours a pack from this place can be read; the longest known for a place not known."""
    return _HOURS.get((place, tier), max(_HOURS.values()))
