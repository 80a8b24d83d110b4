"""What is allowed, but should be known before it is deployed: the program shows it as warnings. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from components.settings.rules_time import life_days
from components.settings.stack import Settings
from components.settings.storage_prices import CLASSES, explain_tier

_CONCURRENCY: Final = 900
"""Of the 1,000 executions at once that an account has by default, Lambda keeps 100 unreserved (AWS Lambda quotas)."""


def advice(settings: Settings) -> tuple[str, ...]:
    """Give sentences, each with the key that it is about."""
    return (*_lock(settings), *_tier(settings), *_replica(settings), *_concurrency(settings))


def _lock(settings: Settings) -> Iterator[str]:
    retention = settings.retention
    if retention.lock_mode == "COMPLIANCE":
        yield (
            f"retention.lockMode COMPLIANCE: for {retention.lock_days} days, and while they are needed, nobody can "
            f"delete objects or shorten their lock, not the root user nor AWS; a mistake is paid for until then"
        )


def _tier(settings: Settings) -> Iterator[str]:
    for sentence in explain_tier(settings.tier.storage_class, life_days(settings.retention)):
        yield f"tier.storageClass: {sentence}"


def _replica(settings: Settings) -> Iterator[str]:
    if settings.replica is None:
        return
    least, life = CLASSES[settings.replica.storage_class].least_days, life_days(settings.retention)
    if life < least:
        yield (
            f"replica.storageClass {settings.replica.storage_class}: S3 charges at least {least} days, a pack lives "
            f"{life}"
        )


def _concurrency(settings: Settings) -> Iterator[str]:
    workers = settings.workers
    total = workers.concurrency + workers.priority_concurrency + workers.restore_concurrency
    if total > _CONCURRENCY:
        yield (
            f"workers: {total:,} may work at once, an account has 1,000 executions by default: ask AWS for more first"
        )
