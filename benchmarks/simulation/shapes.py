"""The sizes that are simulated, and how users differ."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from enum import StrEnum

TB = 1e6
"""MB in a TB: everything here counts in MB of 10^6 bytes."""


class Kind(StrEnum):
    """What is done."""

    FIRST = "first full"
    NIGHTLY = "nightly, 5 %"
    RESTORE = "full restore"


@dataclass(frozen=True, slots=True)
class Shape:
    """So many users with so many objects of so many MB in all."""

    name: str
    users: int
    objects: float
    mb: float
    changed: float = 0.05
    """Of the objects, how many a night finds changed."""
    skew: float = 1.0
    """Sigma of the log-normal sizes of users: with 1.0 the largest of 1,000 is about fifteen times the mean."""

    @property
    def object_mb(self) -> float:
        """The mean size of an object."""
        return self.mb / self.objects


FIRM = Shape("1 TB, 1,000 users", 1_000, 1e6, TB)
SHAPES = (
    FIRM,
    Shape("100 TB, 100,000 users", 100_000, 1e8, 100 * TB),
    Shape("10 PB, 1,000,000 users", 1_000_000, 1e10, 10_000 * TB),
    Shape("one user, 10^9 objects of 10 KB", 1, 1e9, 10 * TB),
)


def weights(count: int, each: int, skew: float, seed: int) -> list[float]:
    """Give each of `count` batches of `each` users its share of all objects; the shares add up to one."""
    dice = random.Random(seed)
    drawn = [math.fsum(dice.lognormvariate(0.0, skew) for _ in range(each)) for _ in range(count)]
    total = math.fsum(drawn)
    return [weight / total for weight in drawn]
