"""How often things come in a month. Pure."""

from __future__ import annotations

from typing import Final

from components.settings import Settings
from components.settings.cron import parse_schedule, times_a_day

DAYS: Final = 365 / 12
"""Of a month, as AWS counts 730 hours."""
HOURS: Final = 730
_NO_SCHEDULES: Final = {"paused", "timezone"}


def times_a_month(settings: Settings) -> dict[str, float]:
    """Give how often each schedule comes by the clock: never while they are paused."""
    schedules = settings.schedules
    names = [name for name in type(schedules).model_fields if name not in _NO_SCHEDULES]
    return {name: 0.0 if schedules.paused else _daily(str(getattr(schedules, name))) * DAYS for name in names}


def backups_a_day(settings: Settings) -> float:
    """Give the backups that a user gets a day, on average."""
    times = times_a_month(settings)
    return (times["incremental"] + times["full"]) / DAYS


def monthly(daily: float) -> float:
    """Give a month of something that comes daily."""
    return daily * DAYS


def _daily(expression: str) -> float:
    schedule = parse_schedule(expression)
    return times_a_day(schedule) if schedule else 0.0
