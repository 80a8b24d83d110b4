"""Schedule expressions: which are ones, and how far apart they come."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.settings.cron import DAY, Cron, Rate, longest_gap, parse_schedule, shortest_gap
from tests.settings.kit import steadily


def parsed(text: str) -> Rate | Cron:
    """Give an expression that is one."""
    schedule = parse_schedule(text)
    assert schedule is not None
    return schedule


def days(text: str, year: int = 2027, month: int = 1) -> list[int]:
    """Give the days of a month on which an expression comes."""
    cron = parsed(text)
    assert isinstance(cron, Cron)
    every = [date(year, month, 1) + timedelta(days=number) for number in range(31)]
    return [day.day for day in every if day.month == month and cron.on(day)]


@pytest.mark.parametrize(
    ("text", "shortest", "longest"),
    [
        ("cron(0 2 * * ? *)", DAY, DAY),
        ("cron(0 1 ? * SUN *)", 7 * DAY, 7 * DAY),
        ("cron(0/15 * * * ? *)", 15, 15),
        ("cron(* * * * ? *)", 1, 1),
        ("cron(*/20 * * * ? *)", 20, 20),
        ("cron(0,50 * * * ? *)", 10, 50),
        ("cron(0 2,14 * * ? *)", DAY // 2, DAY // 2),
        ("cron(0 2,3 * * ? *)", 60, DAY - 60),
        ("cron(30 9-17/4 ? * MON-FRI *)", 240, 2 * DAY + 16 * 60),
        ("cron(0 2 1 * ? *)", 28 * DAY, 31 * DAY),
        ("cron(0 2 29 2 ? *)", (4 * 365 + 1) * DAY, (4 * 365 + 1) * DAY),
        ("cron(0 2 L * ? *)", 28 * DAY, 31 * DAY),
        ("rate(15 minutes)", 15, 15),
        ("rate(1 hour)", 60, 60),
        ("rate(2 days)", 2 * DAY, 2 * DAY),
    ],
)
def test_gaps_are_counted(text: str, shortest: int, longest: int) -> None:
    """In minutes, over every length of a month."""
    assert (shortest_gap([parsed(text)]), longest_gap([parsed(text)])) == (shortest, longest)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cron(0 2 ? * 1 *)", [3, 10, 17, 24, 31]),
        ("cron(0 2 ? * L *)", [2, 9, 16, 23, 30]),
        ("cron(0 2 ? * 6L *)", [29]),
        ("cron(0 2 ? * FRIL *)", [29]),
        ("cron(0 2 ? * MON#1 *)", [4]),
        ("cron(0 2 ? * 2#5 *)", []),
        ("cron(0 2 ? JAN-MAR MON,WED *)", [4, 6, 11, 13, 18, 20, 25, 27]),
        ("cron(0 2 3W * ? *)", [4]),
        ("cron(0 2 2W * ? *)", [1]),
        ("cron(0 2 31W * ? *)", [29]),
        ("cron(0 2 1,15-17 * ? *)", [1, 15, 16, 17]),
        ("cron(0 2 10/10 * ? *)", [10, 20, 30]),
        ("cron(0 2 * 2 ? *)", []),
    ],
)
def test_days_are_those_of_the_calendar(text: str, expected: list[int]) -> None:
    """January 2027 begins on a Friday."""
    assert days(text) == expected


def test_the_working_day_nearest_to_the_first_is_never_in_the_month_before() -> None:
    """May 2027 begins on a Saturday."""
    assert days("cron(0 2 1W * ? *)", month=5) == [3]


def test_schedules_fill_each_others_gaps() -> None:
    """Six days a week and the seventh an hour earlier: the longest gap is the hour more after it."""
    week, sunday = parsed("cron(0 2 ? * MON-SAT *)"), parsed("cron(0 1 ? * SUN *)")
    assert longest_gap([week]) == 2 * DAY
    assert longest_gap([week, sunday]) == DAY + 60
    assert longest_gap([week, parsed("rate(6 hours)")]) == 360


def test_schedules_that_meet_are_nothing_apart() -> None:
    """At the same time, or as close as it gets; of a rate nobody knows when it comes."""
    daily, sunday = parsed("cron(0 2 * * ? *)"), parsed("cron(0 2 ? * SUN *)")
    assert shortest_gap([daily, sunday]) == 0
    assert shortest_gap([daily, parsed("cron(0 1 ? * SUN *)")]) == 60
    assert shortest_gap([parsed("cron(0 2 ? * MON-SAT *)"), sunday]) == DAY
    assert shortest_gap([parsed("rate(6 hours)"), sunday]) == shortest_gap([parsed("rate(6 hours)")] * 2) == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0 2 * * ? *",
        "cron(0 2 * * ?)",
        "cron(0 2 * * ? * *)",
        "cron(0 2 * * * *)",
        "cron(0 2 ? * ? *)",
        "cron(0 2 1 * MON *)",
        "cron(60 2 * * ? *)",
        "cron(0 24 * * ? *)",
        "cron(0 2 0 * ? *)",
        "cron(0 2 32 * ? *)",
        "cron(0 2 32W * ? *)",
        "cron(0 2 * 13 ? *)",
        "cron(0 2 ? * 8 *)",
        "cron(0 2 ? * SUN/2 *)",
        "cron(0 2 ? * MON#6 *)",
        "cron(0 2 ? * XYZL *)",
        "cron(0 2 ? * MON#1,FRI#2 *)",
        "cron(5-1 2 * * ? *)",
        "cron(1,9-5 2 * * ? *)",
        "cron(0/0 2 * * ? *)",
        "cron(, 2 * * ? *)",
        "cron(0 2 * * ? 2027)",
        "cron(0 2 31 2 ? *)",
        "cron(0 2 ? * mon *)",
        "cron(0 2 * * ? *)\n",
        "cron(\u0660 2 * * ? *)",
        "rate(0 minutes)",
        "rate(-1 hours)",
        "rate(1.5 hours)",
        "rate(1 week)",
        "rate(5minutes)",
        "rate(400 days)",
        "at(2027-01-01T00:00:00)",
    ],
)
def test_what_aws_would_refuse_or_what_does_not_go_on_is_refused(text: str) -> None:
    """Also what comes once, ends with a year, or never comes."""
    assert parse_schedule(text) is None


_MINUTES = st.sets(st.integers(0, 59), min_size=1, max_size=4)
_HOURS = st.sets(st.integers(0, 23), min_size=1, max_size=3)
_DAYS = st.sets(st.integers(1, 28), min_size=1, max_size=5)


@steadily
@given(_MINUTES, _HOURS, _DAYS)
def test_gaps_are_those_of_a_plain_list_of_times(minutes: set[int], hours: set[int], month_days: set[int]) -> None:
    """Counted the slow way, over the same eight years."""
    text = f"cron({','.join(map(str, minutes))} {','.join(map(str, hours))} {','.join(map(str, month_days))} * ? *)"
    start = date(2027, 1, 1)
    times = [
        number * DAY + hour * 60 + minute
        for number in range(2 * 1_461)
        if (start + timedelta(days=number)).day in month_days
        for hour in sorted(hours)
        for minute in sorted(minutes)
    ]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert shortest_gap([parsed(text)]) == min(gaps)
    assert longest_gap([parsed(text)]) == max(gaps)


@steadily
@given(st.text(max_size=30) | st.from_regex(r"cron\([0-9,*?/LW#A-Z -]{5,25}\)", fullmatch=True))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Never an error; what is read comes again and again."""
    schedule = parse_schedule(text)
    assert schedule is None or 1 <= shortest_gap([schedule]) <= longest_gap([schedule])
