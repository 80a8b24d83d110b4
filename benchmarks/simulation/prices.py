"""List prices of us-east-1 in USD, as of 20 November 2026, without free tiers and discounts.

From the pages "AWS Lambda Pricing" (Arm, first tier), "Amazon S3 pricing" (S3 Standard), "Amazon DynamoDB pricing"
(on-demand, since 1 November 2024), "Amazon SQS pricing" (standard, first tier) and "AWS KMS pricing", read in copies
and not on the pages of the day. Storage and interface endpoints are no cost of a run and stand elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

DATE: Final = "2026-11-20"
REGION: Final = "us-east-1"

PRICES: Final[Mapping[str, float]] = {
    "gb_seconds": 0.0000133334,
    "invocations": 0.20e-6,
    "gets": 0.0004e-3,
    "puts": 0.005e-3,
    "lists": 0.005e-3,
    "messages": 0.40e-6,
    "writes": 0.625e-6,
    "reads": 0.125e-6,
    "kms": 0.03e-4,
}
"""One GB-second, invocation, request, request unit."""

MEMORY_GB: Final = 1_769 / 1_024
"""Lambda bills GB of 1,024 MB."""


def usd(used: Mapping[str, float]) -> float:
    """Price what was used. Raises KeyError for a thing without a price."""
    return math.fsum(PRICES[name] * amount for name, amount in used.items())
