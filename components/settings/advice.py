"""What is allowed, but should be known before it is deployed: the program shows it as warnings. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from components.settings.rules_time import life_days
from components.settings.stack import Settings
from components.settings.storage_prices import CLASSES, explain_tier


def advice(settings: Settings) -> tuple[str, ...]:
    """Give sentences, each with the key that it is about."""
    return (*_lock(settings), *_tier(settings), *_replica(settings), *_concurrency(settings), *_sources(settings))


def _lock(settings: Settings) -> Iterator[str]:
    retention = settings.retention
    if retention.lock_mode == "COMPLIANCE":
        yield (
            f"retention.lockMode COMPLIANCE: for {retention.lock_days} days, and while they are needed, nobody can "
            f"delete objects or shorten their lock, not the root user nor AWS; a mistake is paid for until then. Files "
            f"of the trail are locked for {retention.audit_lock_days} days"
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
    if not workers.reserved and workers.at_once > workers.account_concurrency:
        yield (
            f"workers: {workers.at_once:,} may work at once, the account has {workers.account_concurrency:,} "
            f"executions: Lambda throttles the others, and what was throttled five times lies in the dead letters"
        )


def _sources(settings: Settings) -> Iterator[str]:
    """What AWS Backup keeps is more than what is protected, and longer than somebody who is erased may expect."""
    if not settings.vault.sources:
        return
    yield (
        f"vault.sources: an erased user stays in the backups of AWS Backup for {settings.retention.days} days: nobody "
        f"can take one user out of them"
    )
    parts = sorted({source.bucket for source in settings.sources if source.prefix})
    if parts:
        yield (
            f"vault.sources: AWS Backup takes whole buckets, not prefixes: all that is in {', '.join(parts)} is kept "
            f"and paid for"
        )
