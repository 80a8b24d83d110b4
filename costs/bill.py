"""A bill: lines of a quantity and a price."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from functions.contract.prices import PRICES


class Line(NamedTuple):
    """So much of something that has a price. `price` is a name of `functions.contract.prices`."""

    service: str
    what: str
    quantity: float
    price: str

    @property
    def usd(self) -> float:
        """US dollars."""
        return self.quantity * PRICES[self.price].usd

    @property
    def unit(self) -> str:
        """What there is so much of."""
        return PRICES[self.price].unit

    def facts(self) -> dict[str, Any]:
        """Give the line as a document has it."""
        return {
            "service": self.service,
            "what": self.what,
            "quantity": round(self.quantity, 3),
            "unit": self.unit,
            "unit_usd": PRICES[self.price].usd,
            "usd": round(self.usd, 2),
        }


class Bill(NamedTuple):
    """All lines, those of a service together."""

    lines: tuple[Line, ...]

    @property
    def usd(self) -> float:
        """US dollars, of all lines."""
        return total(self.lines)

    def by_service(self) -> Mapping[str, float]:
        """Give US dollars by service, in the order of the lines."""
        return {service: total(self.of(service)) for service in dict.fromkeys(line.service for line in self.lines)}

    def of(self, service: str) -> tuple[Line, ...]:
        """Give the lines of a service."""
        return tuple(line for line in self.lines if line.service == service)


def total(lines: Sequence[Line]) -> float:
    """Add lines up."""
    return math.fsum(line.usd for line in lines)
