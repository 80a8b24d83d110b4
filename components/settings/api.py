"""The HTTP API before the function that answers for people and their programs."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from components.settings.section import Section

MOST_REQUESTS: Final = 10_000
"""A second, of an account in a region, and in a burst half as many (Amazon API Gateway Developer Guide, "Quotas")."""


class Api(Section):
    """What it lets through, and when somebody is told. A value at or above its threshold is an alarm."""

    enabled: bool = Field(default=True, description="Whether there is an API. Its function is there in any case.")
    rate_per_second: int = Field(10, ge=1, le=MOST_REQUESTS, description="Requests a second, of all callers together.")
    burst: int = Field(5, ge=1, le=MOST_REQUESTS // 2, description="Requests at once; more are answered 429.")
    client_errors: int = Field(
        10,
        ge=1,
        le=1_000_000,
        description="Answers 4xx in 5 minutes, twice in a row.",
    )
    server_errors: int = Field(5, ge=1, le=1_000_000, description="Answers 5xx in 5 minutes.")
    latency_ms: int = Field(
        5_000,
        ge=100,
        le=30_000,
        description="Mean time to an answer in 5 minutes, twice in a row.",
    )
