"""What a run costs: the list prices of `functions.contract.prices`, by the names of the simulation.

Storage and interface endpoints are no cost of a run and stand elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from functions.contract import prices

DATE: Final = prices.AS_OF
REGION: Final = prices.REGION

PRICES: Final[Mapping[str, float]] = {
    "gb_seconds": prices.usd("lambda.gb_second"),
    "invocations": prices.usd("lambda.request"),
    "gets": prices.usd("s3.get.STANDARD"),
    "puts": prices.usd("s3.put.STANDARD"),
    "lists": prices.usd("s3.put.STANDARD"),
    "messages": prices.usd("sqs.request"),
    "writes": prices.usd("dynamodb.write"),
    "reads": prices.usd("dynamodb.read"),
    "kms": prices.usd("kms.request"),
}
"""One GB-second, invocation, request, request unit."""

MEMORY_GB: Final = 1_769 / 1_024
"""Lambda bills GB of 1,024 MB."""


def usd(used: Mapping[str, float]) -> float:
    """Price what was used. Raises KeyError for a thing without a price."""
    return math.fsum(PRICES[name] * amount for name, amount in used.items())
