"""Decides which backups of a user are kept. Pure: the same backups, rules and time give the same decisions.

Everything is UTC, so a day has 24 hours and daylight saving does not exist here. Days are those of the calendar where
they are counted as periods, and spans of 24 hours where they are an age.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypeAlias

from functions.engine.retention.policy import Candidate, Decision, Erasure, Hold, Reason, RetentionPolicy, Rule

_DAY = timedelta(days=1)
_Period: TypeAlias = Callable[[datetime], str]


class _Finding(NamedTuple):
    """What one rule says of one backup."""

    backup_id: str
    keeps: bool
    reason: Reason


def decide(
    candidates: Iterable[Candidate],
    policy: RetentionPolicy,
    holds: Sequence[Hold],
    now: datetime,
    clock_skew: timedelta,
    erasures: Sequence[Erasure] = (),
) -> list[Decision]:
    """Decide on all backups of one user; give the decisions oldest first.

    Counts and the newest complete one are found among those that are readable, not from the future, that is, not
    more than `clock_skew` after `now`, and not erased. Of what is erased a hold keeps it, and no other rule does.
    """
    ordered = sorted(candidates, key=lambda candidate: candidate.backup.backup_id)
    erased = _erased(ordered, erasures)
    others = [item for item in ordered if item.backup.backup_id not in erased]
    sane = [item for item in others if item.readable and item.taken <= now + clock_skew]
    findings: dict[str, list[_Finding]] = defaultdict(list)
    for finding in (
        *_by_age(others, policy.days, now),
        *_by_counts(sane, policy),
        *_newest(others),
        *_newest_complete(sane),
        *_held(ordered, holds),
        *_by_erasure(ordered, erased, holds),
        *_odd(others, now, clock_skew),
    ):
        findings[finding.backup_id].append(finding)
    return [_decision(item, findings[item.backup.backup_id], erased.get(item.backup.backup_id)) for item in ordered]


def _erased(ordered: Sequence[Candidate], erasures: Sequence[Erasure]) -> Mapping[str, Erasure]:
    """Give what is erased and by which order: the first that covers it.

    So are the empty backups that follow: they say nothing but that the user is gone, and name him.
    """
    found: dict[str, Erasure] = {}
    back = False
    for item in ordered:
        order = next((order for order in erasures if order.covers(item.taken, item.written)), None)
        if order is None and item.empty and item.readable and not back:
            order = erasures[-1] if erasures else None
        if order is not None:
            found[item.backup.backup_id] = order
        else:
            back = True
    return found


def _decision(candidate: Candidate, findings: Sequence[_Finding], order: Erasure | None) -> Decision:
    """Give every reason to keep it, or else every reason why it is not kept."""
    keep = any(finding.keeps for finding in findings)
    reasons = tuple(finding.reason for finding in findings if finding.keeps is keep)
    return Decision(candidate, keep, reasons, order.erasure_id if order is not None else "")


def _by_age(ordered: Sequence[Candidate], days: int, now: datetime) -> Iterator[_Finding]:
    """Keep what is younger than so many days, by its name or by the bucket, whichever says younger."""
    for item in ordered:
        age = (now - max(item.taken, item.written)) // _DAY
        keeps = now - max(item.taken, item.written) < days * _DAY
        text = f"{max(age, 0)} days old, kept for {days}"
        if item.written - item.taken > 2 * _DAY:
            text += f"; written {(item.written - item.taken) // _DAY} days after the time in its name"
        yield _Finding(item.backup.backup_id, keeps, Reason(Rule.DAYS, text))


def _by_counts(sane: Sequence[Candidate], policy: RetentionPolicy) -> Iterator[_Finding]:
    counts: tuple[tuple[Rule, int, _Period], ...] = (
        (Rule.DAILY, policy.daily, _day),
        (Rule.WEEKLY, policy.weekly, _week),
        (Rule.MONTHLY, policy.monthly, _month),
        (Rule.YEARLY, policy.yearly, _year),
    )
    for rule, count, period in counts:
        if count:
            yield from _by_count(sane, rule, count, period)


def _by_count(sane: Sequence[Candidate], rule: Rule, count: int, period: _Period) -> Iterator[_Finding]:
    """Keep one for each of the last periods: the newest complete one, or the newest where none is complete."""
    periods: dict[str, list[Candidate]] = defaultdict(list)
    for item in reversed(sane):
        periods[period(item.taken)].append(item)
    for number, name in enumerate(sorted(periods, reverse=True), start=1):
        chosen = next((item for item in periods[name] if item.complete), periods[name][0])
        for item in periods[name]:
            keeps = number <= count and item is chosen
            if number > count:
                text = f"{name} is not one of the last {count}"
            elif keeps:
                text = f"stands for {name}, {number} of {count}"
            else:
                text = f"{chosen.backup.backup_id} stands for {name}"
            yield _Finding(item.backup.backup_id, keeps, Reason(rule, text))


def _newest(ordered: Sequence[Candidate]) -> Iterator[_Finding]:
    """Keep the newest by name, whatever it is: a backup under way may have it as its parent."""
    for item in ordered:
        keeps = item is ordered[-1]
        text = "the newest: the next backup builds on it" if keeps else f"{ordered[-1].backup.backup_id} is newer"
        yield _Finding(item.backup.backup_id, keeps, Reason(Rule.NEWEST, text))


def _newest_complete(sane: Sequence[Candidate]) -> Iterator[_Finding]:
    """Keep the newest complete one, however old."""
    newest = next((item for item in reversed(sane) if item.complete), None)
    for item in sane:
        if item is newest:
            text = "the newest complete one"
        elif not item.complete:
            text = "not complete"
        else:
            text = f"{newest.backup.backup_id if newest else ''} is newer and complete"
        yield _Finding(item.backup.backup_id, item is newest, Reason(Rule.NEWEST_COMPLETE, text))


def _held(ordered: Sequence[Candidate], holds: Sequence[Hold]) -> Iterator[_Finding]:
    for item in ordered:
        for hold in holds:
            if hold.covers(item.backup):
                what = "this backup" if hold.backup_id is not None else "this user"
                reason = Reason(Rule.HOLD, f"hold {hold.hold_id} on {what}: {hold.reason}")
                yield _Finding(item.backup.backup_id, keeps=True, reason=reason)


def _by_erasure(
    ordered: Sequence[Candidate], erased: Mapping[str, Erasure], holds: Sequence[Hold]
) -> Iterator[_Finding]:
    """Let go of what is erased. A hold goes before it, and then it says that it waits."""
    for item in ordered:
        order = erased.get(item.backup.backup_id)
        if order is not None:
            held = any(hold.covers(item.backup) for hold in holds)
            text = f"erasure {order.erasure_id}{' waits for the end of the hold' if held else ''}: {order.reason}"
            yield _Finding(item.backup.backup_id, held, Reason(Rule.ERASURE, text))


def _odd(ordered: Sequence[Candidate], now: datetime, clock_skew: timedelta) -> Iterator[_Finding]:
    """Keep what nobody can judge. Whoever reads the plan is told of it."""
    for item in ordered:
        if not item.readable:
            reason = Reason(Rule.UNREADABLE, "its commit record cannot be read")
            yield _Finding(item.backup.backup_id, keeps=True, reason=reason)
        if item.taken > now + clock_skew:
            reason = Reason(Rule.FUTURE, f"its name says {item.taken:%Y-%m-%d %H:%M}, which is in the future")
            yield _Finding(item.backup.backup_id, keeps=True, reason=reason)


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def _week(moment: datetime) -> str:
    """Give the ISO week. The days around New Year belong to the year that their week is counted in."""
    year, week, _weekday = moment.isocalendar()
    return f"{year:04}-W{week:02}"


def _month(moment: datetime) -> str:
    return f"{moment:%Y-%m}"


def _year(moment: datetime) -> str:
    return f"{moment:%Y}"
