"""What AWS says of a stack, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple


class Identity(NamedTuple):
    """Who asks."""

    account: str
    arn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Settings of a bucket; None for what it does not have."""

    versioning: str | None = None
    lock_mode: str | None = None
    lock_days: int | None = None
    encryption: str | None = None
    key_arn: str | None = None
    closed: bool = False
    """Whether all four blocks of public access are on."""
    replicates_to: Sequence[str] = ()
    """Buckets that enabled rules of replication copy to."""


class Key(NamedTuple):
    """A key of KMS."""

    state: str
    rotates: bool
    deleted_on: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function as it runs. `reserved` is None when nothing is kept for it."""

    state: str
    updated: str
    memory_mb: int
    timeout_seconds: int
    reserved: int | None = None
    network: str | None = None
    feeds: Mapping[str, str] = field(default_factory=dict)
    """States of its event sources, by the names of the queues."""


class Quota(NamedTuple):
    """Executions at once: of the account, and what is left of them that no function reserves."""

    limit: int
    unreserved: int


class AlarmState(NamedTuple):
    """An alarm of CloudWatch."""

    name: str
    state: str
    since: datetime
    tells: bool
    """Whether it tells anybody."""
    description: str


class Subscription(NamedTuple):
    """Somebody who is told."""

    protocol: str
    endpoint: str
    confirmed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TableState:
    """A table of DynamoDB."""

    status: str
    recoverable: bool
    protected: bool
    copies: Mapping[str, str] = field(default_factory=dict)
    """States of its copies, by region."""


class Copied(NamedTuple):
    """A backup, when it was made, and whether the second region has its commit record."""

    source: str
    user: str
    backup_id: str
    made: datetime
    arrived: bool


class Simulated(NamedTuple):
    """Commands, and the actions that their user would be refused."""

    commands: str
    refused: Sequence[str]
