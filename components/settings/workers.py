"""How much works at once, and where."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from pydantic import Field

from components.settings.section import Section
from components.settings.values import Cidr
from functions.contract.rights import BY_QUEUE, RIGHTS

LogDays: TypeAlias = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]
"""Amazon CloudWatch Logs API Reference, PutRetentionPolicy."""

UNRESERVED: Final = 100
"""Of an account's executions, which Lambda lets nobody reserve (AWS Lambda Developer Guide, "Configuring reserved
concurrency for a function")."""
MIN_CONCURRENCY: Final = 2
MAX_CONCURRENCY: Final = 1_000
"""Of an event source mapping (AWS Lambda Developer Guide, "Configuring maximum concurrency for Amazon SQS")."""


class Workers(Section):
    """The functions that move data."""

    memory_mb: int = Field(1_769, ge=512, le=10_240, description="Memory of every function. 1,769 MB is one core.")
    timeout_seconds: int = Field(
        900, ge=180, le=900, description="Timeout of every function. A worker hands its work on 90 seconds before."
    )
    concurrency: int = Field(
        50, ge=MIN_CONCURRENCY, le=MAX_CONCURRENCY, description="Workers that back up users at once."
    )
    priority_concurrency: int = Field(
        5, ge=MIN_CONCURRENCY, le=MAX_CONCURRENCY, description="More workers, for priority users only."
    )
    restore_concurrency: int = Field(
        50, ge=MIN_CONCURRENCY, le=MAX_CONCURRENCY, description="Workers that restore at once."
    )
    event_concurrency: int = Field(
        5, ge=1, le=MAX_CONCURRENCY, description="Invocations at once of each function that is not fed by a queue."
    )
    reserved: bool = Field(
        default=True,
        description="Reserves all of that: others in the account cannot take it, nor these functions more.",
    )
    account_concurrency: int = Field(
        1_000,
        ge=10,
        le=1_000_000,
        description="Executions at once that the account has in the region (Service Quotas). A new account has 10.",
    )
    log_days: LogDays = Field(30, description="Days that logs of the functions and of the network are kept.")

    @property
    def at_once(self) -> int:
        """Invocations of all functions together."""
        queues = self.concurrency + self.priority_concurrency + self.restore_concurrency
        return queues + self.event_concurrency * len(RIGHTS.keys() - BY_QUEUE)


class Network(Section):
    """Where the functions run."""

    isolated: bool = Field(
        default=True, description="Functions run in a VPC without a way to the internet, and reach AWS by endpoints."
    )
    cidr: Cidr = Field("10.0.0.0/16", description="Addresses of the VPC.")
    zones: int = Field(2, ge=1, le=6, description="Zones of the VPC. Each costs 7 USD a month an interface endpoint.")
