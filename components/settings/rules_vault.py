"""Rules about the backups of the tables and the sources by AWS Backup."""

from __future__ import annotations

from collections.abc import Iterator

from components.settings.cron import Cron, parse_schedule
from components.settings.names import Names
from components.settings.problems import Problem
from components.settings.stack import PRODUCTION, Settings
from components.settings.vault import LEAST_COLD_DAYS


def keeps_what_is_cold(settings: Settings) -> Iterator[Problem]:
    """`vault.monthlyDays` must be at least 90 more than `vault.coldDays`, unless one of them is 0.

    AWS Backup refuses less: what is in cold storage stays there, and is charged, for 90 days.
    """
    vault = settings.vault
    least = vault.cold_days + LEAST_COLD_DAYS
    if vault.cold_days and 0 < vault.monthly_days < least:
        must = f"must be at least {least}, {LEAST_COLD_DAYS} more than vault.coldDays: cold storage takes no less"
        yield Problem(("vault", "monthlyDays"), vault.monthly_days, must, least)


def copies_outlive(settings: Settings) -> Iterator[Problem]:
    """`vault.copyDays` must be at least `vault.dailyDays`: a copy is for the day when the first region is lost."""
    vault = settings.vault
    if vault.copy_days < vault.daily_days:
        must = f"must be at least vault.dailyDays, which is {vault.daily_days}"
        yield Problem(("vault", "copyDays"), vault.copy_days, must, 2 * vault.daily_days)


def tests_by_the_calendar(settings: Settings) -> Iterator[Problem]:
    """`vault.restoreTest` must be a cron expression: AWS Backup takes no rates."""
    if not isinstance(parse_schedule(settings.vault.restore_test), Cron):
        must = "must be a cron expression: AWS Backup takes no rates"
        yield Problem(("vault", "restoreTest"), settings.vault.restore_test, must, "cron(0 9 2 * ? *)")


def is_on_in_production(settings: Settings) -> Iterator[Problem]:
    """In `prod`, `vault.enabled` must be true: the bucket does not know all that the tables know."""
    if settings.production and not settings.vault.enabled:
        yield Problem(("vault", "enabled"), False, f"must not be relaxed in {PRODUCTION}", True)  # noqa: FBT003 - a Problem's value and example


def sources_beside_tables(settings: Settings) -> Iterator[Problem]:
    """`vault.sources` must be false where `vault.enabled` is: the sources are kept beside the tables, not instead."""
    if settings.vault.sources and not settings.vault.enabled:
        must = "must be false while vault.enabled is false: sources are kept beside the tables, not instead of them"
        yield Problem(("vault", "sources"), True, must, False)  # noqa: FBT003 - a Problem's value and example


def sources_are_of_this_account(settings: Settings) -> Iterator[Problem]:
    """With `vault.sources`, `sources[].keyArn` must be keys of `accountId`: AWS Backup takes no bucket of another.

    Nothing else here says whose a bucket is; its region is the stack's, as that of its key. Who has buckets of other
    accounts turns AWS Backup on there.
    """
    if not settings.vault.sources:
        return
    for number, source in enumerate(settings.sources):
        if source.key_arn and source.key_arn.split(":")[4] != settings.account_id:
            must = (
                f"must be a key of the account {settings.account_id} while vault.sources is true: AWS Backup takes "
                f"buckets of its own account only"
            )
            own = [*source.key_arn.split(":")[:4], settings.account_id, source.key_arn.split(":")[5]]
            yield Problem(("sources", number, "keyArn"), source.key_arn, must, ":".join(own))


def sources_are_not_restored_into(settings: Settings) -> Iterator[Problem]:
    """With `vault.sources`, `sources[].bucket` must not begin as buckets do that AWS Backup restores into."""
    if not settings.vault.sources:
        return
    restored = Names(settings).restored()
    for number, source in enumerate(settings.sources):
        if source.bucket.startswith(restored):
            must = f"must not begin with {restored} while vault.sources is true: AWS Backup may write into such buckets"
            yield Problem(("sources", number, "bucket"), source.bucket, must, "acme-reports")
