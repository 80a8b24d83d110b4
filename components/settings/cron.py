"""Schedule expressions of EventBridge Scheduler, and how far apart they come. Pure: no clock, no time zone.

Syntax: Amazon EventBridge Scheduler User Guide, "Schedule types". Stricter than it on purpose: what comes once, ends
in some year, or comes less than twice in eight years is no schedule for a backup.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Final

DAY: Final = 24 * 60
"""Minutes."""
_UNITS: Final = {"minute": 1, "hour": 60, "day": DAY}
_LONGEST_RATE: Final = 366 * DAY
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIRST: Final = date(2027, 1, 1)
_SPAN: Final = 2 * (4 * 365 + 1)
"""Days looked at: eight years hold every length of a month, and the years between two of February 29."""

_RATE: Final = re.compile(r"rate\(([1-9][0-9]{0,6}) (minute|hour|day)s?\)", re.ASCII)
_CRON: Final = re.compile(r"cron\(([^()]+)\)")
_ITEM: Final = re.compile(r"(?:(\*)|([0-9A-Z]{1,3})(?:-([0-9A-Z]{1,3}))?)(?:/([0-9]{1,2}))?", re.ASCII)
_NEAREST_WEEKDAY: Final = re.compile(r"([0-9]{1,2})W", re.ASCII)
_LAST: Final = re.compile(r"([1-7]|[A-Z]{3})L", re.ASCII)
_NTH: Final = re.compile(r"([1-7]|[A-Z]{3})#([1-5])", re.ASCII)

DayTest = Callable[[date], bool]


@dataclass(frozen=True, slots=True)
class Rate:
    """Comes every so many minutes."""

    minutes: int


@dataclass(frozen=True, slots=True)
class Cron:
    """Comes at these minutes of the days that `on` says yes to."""

    times: tuple[int, ...]
    on: DayTest


@lru_cache(maxsize=256)
def parse_schedule(text: str) -> Rate | Cron | None:
    """Read an expression. None when it is not one, or does not come again."""
    if rate := _RATE.fullmatch(text):
        minutes = int(rate[1]) * _UNITS[rate[2]]
        return Rate(minutes) if minutes <= _LONGEST_RATE else None
    fields = found[1].split() if (found := _CRON.fullmatch(text)) else []
    if len(fields) != 6 or fields[5] != "*":  # noqa: PLR2004 - minutes, hours, day, month, weekday, year
        return None
    minutes_, hours = _numbers(fields[0], 0, 59), _numbers(fields[1], 0, 23)
    months, day = _numbers(fields[3], 1, 12, _MONTHS), _day(fields[2], fields[4])
    if minutes_ is None or hours is None or months is None or day is None:
        return None
    cron = Cron(
        tuple(sorted(hour * 60 + minute for hour in hours for minute in minutes_)),
        lambda when: when.month in months and day(when),
    )
    return cron if next(_gaps([cron]), None) else None


def shortest_gap(schedules: Sequence[Rate | Cron]) -> int:
    """Give the minutes between the two times that are closest together, of all schedules.

    A rate counts from when it was deployed: beside others it may meet them.
    """
    crons = tuple(schedule for schedule in schedules if isinstance(schedule, Cron))
    if len(crons) == len(schedules):
        return _bounds(crons)[0]
    return schedules[0].minutes if len(schedules) == 1 and isinstance(schedules[0], Rate) else 0


def longest_gap(schedules: Sequence[Rate | Cron]) -> int:
    """Give the most minutes in which none of the schedules comes. Of a rate beside others only the rate counts."""
    crons = tuple(schedule for schedule in schedules if isinstance(schedule, Cron))
    rates = [schedule.minutes for schedule in schedules if isinstance(schedule, Rate)]
    return min([*rates, *([_bounds(crons)[1]] if crons else [])])


def times_a_day(schedule: Rate | Cron) -> float:
    """Give how often it comes a day, on average over eight years."""
    if isinstance(schedule, Rate):
        return DAY / schedule.minutes
    return len(schedule.times) * sum(map(schedule.on, _days())) / _SPAN


@lru_cache(maxsize=256)
def _bounds(crons: tuple[Cron, ...]) -> tuple[int, int]:
    """Give the shortest and the longest gap."""
    gaps = set(_gaps(crons))
    return min(gaps), max(gaps)


def _gaps(crons: Sequence[Cron]) -> Iterator[int]:
    """Give every length of time, in minutes, between one time that comes and the next, over eight years.

    Two schedules that come at the same time are nothing apart.
    """
    known: dict[tuple[bool, ...], list[int]] = {}
    before: int | None = None
    for number, when in enumerate(_days()):
        coming = tuple(cron.on(when) for cron in crons)
        if coming not in known:
            known[coming] = sorted(
                time for cron, comes in zip(crons, coming, strict=True) if comes for time in cron.times
            )
            yield from (later - earlier for earlier, later in pairwise(known[coming]))
        if times := known[coming]:
            if before is not None:
                yield number * DAY + times[0] - before
            before = number * DAY + times[-1]


def _days() -> Iterator[date]:
    return (_FIRST + timedelta(days=number) for number in range(_SPAN))


def _numbers(field: str, low: int, high: int, names: Sequence[str] = ()) -> frozenset[int] | None:
    """Read a field of numbers, ranges and steps. Names count from `low` on."""
    numbers: set[int] = set()
    for item in field.split(","):
        found = _ITEM.fullmatch(item)
        if not found:
            return None
        star, start, end, step = found.groups()
        begin = low if star else _number(start, low, names)
        last = high if star or (step and not end) else _number(end or start, low, names)
        stride = int(step or 1)
        if begin is None or last is None or not low <= begin <= last <= high or stride < 1:
            return None
        numbers.update(range(begin, last + 1, stride))
    return frozenset(numbers)


def _number(text: str, low: int, names: Sequence[str]) -> int | None:
    if text in names:
        return names.index(text) + low
    return int(text) if text.isdecimal() else None


def _day(day_of_month: str, day_of_week: str) -> DayTest | None:
    """Read the two day fields, exactly one of which says `?`."""
    if (day_of_month == "?") == (day_of_week == "?"):
        return None
    return _month_day(day_of_month) if day_of_week == "?" else _week_day(day_of_week)


def _month_day(field: str) -> DayTest | None:
    if field == "L":
        return lambda when: when.day == _length(when)
    if found := _NEAREST_WEEKDAY.fullmatch(field):
        wanted = int(found[1])
        return (lambda when: when.day == _weekday_near(when, wanted)) if 1 <= wanted <= 31 else None  # noqa: PLR2004 - days
    days = _numbers(field, 1, 31)
    return None if days is None else lambda when: when.day in days


def _week_day(field: str) -> DayTest | None:
    if field == "L":
        return lambda when: _weekday(when) == len(_WEEKDAYS)
    if found := _LAST.fullmatch(field) or _NTH.fullmatch(field):
        wanted = _number(found[1], 1, _WEEKDAYS)
        if wanted is None:
            return None
        if field.endswith("L"):
            return lambda when: _weekday(when) == wanted and when.day > _length(when) - len(_WEEKDAYS)
        nth = int(found[2])
        return lambda when: _weekday(when) == wanted and (when.day - 1) // len(_WEEKDAYS) == nth - 1
    days = None if "/" in field else _numbers(field, 1, 7, _WEEKDAYS)
    return None if days is None else lambda when: _weekday(when) in days


def _weekday(when: date) -> int:
    """Sunday is 1."""
    return when.isoweekday() % 7 + 1


def _length(when: date) -> int:
    return monthrange(when.year, when.month)[1]


def _weekday_near(when: date, wanted: int) -> int:
    """Give the working day of the month that is nearest to a day of it: never in another month."""
    length = _length(when)
    if wanted > length:
        return 0
    weekday = when.replace(day=wanted).isoweekday()
    if weekday == 6:  # noqa: PLR2004 - Saturday
        return wanted - 1 if wanted > 1 else wanted + 2
    if weekday == 7:  # noqa: PLR2004 - Sunday
        return wanted + 1 if wanted < length else wanted - 2
    return wanted
