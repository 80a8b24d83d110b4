"""Rules about days, hours and schedules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from components.settings.cron import DAY, Cron, Rate, longest_gap, parse_schedule, shortest_gap
from components.settings.problems import Problem
from components.settings.retention import Retention
from components.settings.stack import Settings
from components.settings.storage_prices import RTO_HOURS, THAW_HOURS, explain_tier

_LOOK_HOURS: Final = 2
"""What watchdog, drills, verifications and collections have for starting late and taking long, before their silence is
an alarm."""
COLLECTION_DAYS: Final = 5
"""From the day on which a backup is no longer kept to the expiry of its last pack: it is condemned by the next
collection, and expired two days later; its packs are condemned then, and expired after two days more (ADR 0015)."""


def lock_within_retention(settings: Settings) -> Iterator[Problem]:
    """`retention.lockDays` must be at most `retention.days`: a longer lock keeps what nobody wants."""
    retention = settings.retention
    if retention.lock_days > retention.days:
        must = f"must be at most retention.days, which is {retention.days}"
        yield Problem(("retention", "lockDays"), retention.lock_days, must, min(30, retention.days))


def audit_lock_within_audit(settings: Settings) -> Iterator[Problem]:
    """`retention.auditLockDays` must be at most `retention.auditDays`: what is locked cannot expire."""
    retention = settings.retention
    if retention.audit_lock_days > retention.audit_days:
        must = f"must be at most retention.auditDays, which is {retention.audit_days}"
        yield Problem(("retention", "auditLockDays"), retention.audit_lock_days, must, retention.audit_days)


def undelete_within_retention(settings: Settings) -> Iterator[Problem]:
    """`retention.undeleteDays` must be at most `retention.days`: what is deleted is not kept longer."""
    retention = settings.retention
    if retention.undelete_days > retention.days:
        must = f"must be at most retention.days, which is {retention.days}"
        yield Problem(("retention", "undeleteDays"), retention.undelete_days, must, min(14, retention.days))


def restores_in_time(settings: Settings) -> Iterator[Problem]:
    """`tier.storageClass` must be read at once, for the RTO, unless `tier.acceptSlowRestore` says otherwise."""
    storage_class = settings.tier.storage_class
    if storage_class in THAW_HOURS and not settings.tier.accept_slow_restore:
        cost = "; ".join(explain_tier(storage_class, life_days(settings.retention)))
        must = (
            f"must be a class that is read at once, since the RTO is {RTO_HOURS} hours, unless tier.acceptSlowRestore "
            f"is true ({cost})"
        )
        yield Problem(("tier", "storageClass"), storage_class, must, "GLACIER_IR")


def window_before_next_run(settings: Settings) -> Iterator[Problem]:
    """`alarms.runWindowMinutes` must fit between two runs of `schedules.incremental`, and of `schedules.full`.

    Schedules that are paused come when somebody says so.
    """
    window = settings.alarms.run_window_minutes
    if settings.schedules.paused:
        return
    for name in ("incremental", "full"):
        expression = getattr(settings.schedules, name)
        gap = shortest_gap([_parsed(expression)])
        if window > gap:
            must = f"must be at most {gap}, the minutes between two runs of schedules.{name}, {expression}"
            yield Problem(("alarms", "runWindowMinutes"), window, must, min(240, gap))


def runs_do_not_meet(settings: Settings) -> Iterator[Problem]:
    """`schedules.incremental` and `full` must be `alarms.runWindowMinutes` apart: of two runs, the second is skipped.

    So one of them leaves out the days of the other. A rate counts from its deployment, and may meet anything.
    Schedules that are paused come when somebody says so.
    """
    schedules, window = settings.schedules, settings.alarms.run_window_minutes
    if schedules.paused:
        return
    both = [_parsed(schedules.incremental), _parsed(schedules.full)]
    gap = shortest_gap(both)
    if gap < min(window, *(shortest_gap([one]) for one in both)):
        must = (
            f"must leave out the times of schedules.full, {schedules.full}: they come {gap} minutes apart, a "
            f"run may take {window}, and one that finds another at work is skipped; a rate beside another schedule "
            f"may meet it"
        )
        yield Problem(("schedules", "incremental"), schedules.incremental, must, "cron(0 2 ? * MON-SAT *)")


def runs_often_enough(settings: Settings) -> Iterator[Problem]:
    """`alarms.rpoHours` must be at least the longest time without a run, of both schedules together."""
    schedules, hours = settings.schedules, settings.alarms.rpo_hours
    gap = longest_gap([_parsed(schedules.incremental), _parsed(schedules.full)])
    if gap > hours * 60:
        must = f"must be at least {-(-gap // 60)}, the hours that pass without a run by schedules.incremental and full"
        yield Problem(("alarms", "rpoHours"), hours, must, -(-gap // 60))


def watchdog_looks_daily(settings: Settings) -> Iterator[Problem]:
    """`schedules.watchdog` must come once a day or more often: it finds the runs that did not happen."""
    if longest_gap([_parsed(settings.schedules.watchdog)]) > DAY:
        must = "must come once a day or more often: it finds the runs that did not happen"
        yield Problem(("schedules", "watchdog"), settings.schedules.watchdog, must, "cron(10 6 * * ? *)")


def collects_daily(settings: Settings) -> Iterator[Problem]:
    """`schedules.collect` and `measure` together must come once a day or more often: locks are extended by them.

    Schedules that are paused come when somebody says so.
    """
    schedules = settings.schedules
    if schedules.paused:
        return
    gap = longest_gap([_parsed(schedules.collect), _parsed(schedules.measure)])
    if gap > DAY:
        must = (
            f"must come once a day or more often, together with schedules.measure, {schedules.measure}: "
            f"{-(-gap // 60)} hours pass without either, and locks end if none comes for a week"
        )
        yield Problem(("schedules", "collect"), schedules.collect, must, "cron(0 10 * * ? *)")


def looks_before_their_alarms(settings: Settings) -> Iterator[Problem]:
    """`schedules.watchdog`, `sample` and `drill` must come two hours before `alarms.silenceHours` are over.

    An alarm on silence that is shorter than what it listens to would ring for ever.
    """
    most = settings.alarms.silence_hours - _LOOK_HOURS
    for name in ("watchdog", "sample", "drill"):
        expression = getattr(settings.schedules, name)
        gap = longest_gap([_parsed(expression)])
        if gap > most * 60:
            must = (
                f"must come every {most} hours or more often, and comes every {-(-gap // 60)} at the longest: after "
                f"{most + _LOOK_HOURS} hours, alarms.silenceHours, its silence is an alarm"
            )
            yield Problem(("schedules", name), expression, must, f"rate({most} hours)")


def collects_before_its_alarm(settings: Settings) -> Iterator[Problem]:
    """`alarms.collectionHours` must be two hours more than the longest time without `schedules.collect` or `measure`.

    Schedules that are paused come when somebody says so.
    """
    schedules, hours = settings.schedules, settings.alarms.collection_hours
    least = -(-longest_gap([_parsed(schedules.collect), _parsed(schedules.measure)]) // 60) + _LOOK_HOURS
    if not schedules.paused and hours < least:
        must = f"must be at least {least}, two hours more than pass without schedules.collect or measure"
        yield Problem(("alarms", "collectionHours"), hours, must, max(50, least))


def alarm_after_drills(settings: Settings) -> Iterator[Problem]:
    """`alarms.drillAgeDays` must be more than `verification.drillCoverageDays`: until then drills are in time."""
    age, coverage = settings.alarms.drill_age_days, settings.verification.drill_coverage_days
    if age <= coverage:
        must = f"must be more than verification.drillCoverageDays, which is {coverage}: until then drills are in time"
        yield Problem(("alarms", "drillAgeDays"), age, must, coverage + max(1, coverage // 10))


def life_days(retention: Retention) -> int:
    """Give the days that S3 charges for the shortest-lived pack: kept, let go, and recoverable for a while."""
    return retention.days + COLLECTION_DAYS + retention.undelete_days


def _parsed(expression: str) -> Rate | Cron:
    schedule = parse_schedule(expression)
    if schedule is None:
        raise ValueError(expression)
    return schedule
