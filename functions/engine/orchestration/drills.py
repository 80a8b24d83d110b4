"""Decides whose backup is restored today to prove it, and which of his files. Pure.

The promise is a limit on age: nobody goes unproven for longer than the coverage. Two things make it hold. The drills
of a day are as many as a steady pace needs to prove everybody in time, whoever joined or failed; and the time they
are given is shorter than the limit by a margin, of which each day missed and each drill failed takes one day.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from random import Random
from typing import NamedTuple

from functions.contract.object_keys import encode_name
from functions.engine.commit import CommitRecord
from functions.engine.orchestration.ports import UserState

FILES_AT_MOST = 20_000
"""Files in a drill: each costs three or four requests, and all must fit into an invocation with time to spare."""

SEGMENTS_AT_MOST = 8
"""Segments of a backup that a drill looks at: 800,000 lines take about ten seconds to parse."""

KEY_LIMIT = 1_024
"""Bytes of an object's key (Amazon S3 User Guide, "Naming Amazon S3 objects")."""

_DAY = timedelta(days=1)
_NEVER = datetime.min.replace(tzinfo=UTC)


class Choice(NamedTuple):
    """Whom to drill, and why."""

    user: UserState
    reason: str


def margin_days(coverage_days: int) -> int:
    """Give the days that may be lost to missed days and failed drills: a tenth of the limit, at least one."""
    return max(1, coverage_days // 10)


def choose_drills(
    users: Iterable[UserState], now: datetime, coverage_days: int, at_least: int, rng: Random
) -> list[Choice]:
    """Choose today's drills, most urgent first: those the pace needs by age, then others at random up to `at_least`.

    Somebody never proven is as old as his first backup. Users without a backup are left out. Whom a day does not
    reach is older the next day, and so comes first then.
    """
    held = [user for user in users if user.backup_id is not None]
    rng.shuffle(held)  # among those of the same age, chance decides
    held.sort(key=unproven_since)
    needed = _needed([_days_left(user, now, coverage_days) for user in held])
    chosen = [Choice(user, _reason(user, now, coverage_days)) for user in held[:needed]]
    rest = held[needed:]
    extra = min(len(rest), max(0, at_least - needed))
    return chosen + [Choice(user, "chosen at random") for user in rng.sample(rest, extra)]


def unproven_since(user: UserState) -> datetime:
    """Give the moment since when a user's backups have not been proven."""
    return user.proven or user.first or user.good or _NEVER


def overdue(users: Iterable[UserState], now: datetime, coverage_days: int) -> list[UserState]:
    """Give the users with a backup who have gone unproven for longer than the limit, the oldest first."""
    limit = now - coverage_days * _DAY
    late = [user for user in users if user.backup_id is not None and unproven_since(user) < limit]
    return sorted(late, key=unproven_since)


def oldest_age(users: Iterable[UserState], now: datetime) -> timedelta:
    """Give how long the user worst off has gone unproven; nothing when nobody has a backup."""
    since = [unproven_since(user) for user in users if user.backup_id is not None]
    return max(now - min(since), timedelta()) if since else timedelta()


def choose_files(
    files: Iterable[tuple[str, int]], seed: str, at_most_bytes: int, at_most_files: int = FILES_AT_MOST
) -> frozenset[str]:
    """Choose keys among `files`, keys with their sizes in bytes: all of them if they fit, else a random part.

    The files are put into an order that only `seed` and their keys decide, and taken from its beginning up to the
    first that does not fit; the very first is taken whatever its size. Holds no more than what is chosen.
    """
    chosen: list[tuple[int, str, int]] = []
    total = 0
    bound: int | None = None
    for key, size in files:
        place = int.from_bytes(blake2b(f"{seed}\n{key}".encode(), digest_size=8).digest())
        if bound is not None and place >= bound:
            continue
        heapq.heappush(chosen, (-place, key, size))
        total += size
        while len(chosen) > 1 and (total > at_most_bytes or len(chosen) > at_most_files):
            last, _key, dropped = heapq.heappop(chosen)
            total -= dropped
            bound = -last
    return frozenset(key for _place, key, _size in chosen)


def part_of(record: CommitRecord, seed: str, at_most: int = SEGMENTS_AT_MOST) -> CommitRecord:
    """Give the record with a random few of its segments, when it has more: nobody can read a billion lines in time."""
    if len(record.segments) <= at_most:
        return record
    numbers = sorted(Random(seed).sample(range(len(record.segments)), at_most))  # noqa: S311 - to be repeated
    return replace(record, segments=tuple(record.segments[number] for number in numbers))


def scratch_folder(prefix: str, now: datetime, source: str, user: str, drill_id: str) -> str:
    """Give the prefix that one drill restores to: `<prefix><date>/<source>/<user>/<drill>/`."""
    return f"{prefix}{now:%Y-%m-%d}/{encode_name(source)}/{encode_name(user)}/{drill_id}/"


def scratch_name(folder: str, cut: str, key: str) -> str:
    """Give the key that a file is restored to in a drill: its own below `cut`, or a hash where that is too long."""
    name = folder + key.removeprefix(cut)
    if len(name.encode()) <= KEY_LIMIT:
        return name
    return f"{folder}@{blake2b(key.encode(), digest_size=32).hexdigest()}"


def _days_left(user: UserState, now: datetime, coverage_days: int) -> int:
    """Count the daily drills that are left, today's included, until a user must be proven; 0 when it is too late."""
    since = unproven_since(user)
    passed = (now - since) // _DAY if since is not _NEVER else coverage_days
    return max(0, coverage_days - margin_days(coverage_days) - passed + 1)


def _needed(days_left: Sequence[int]) -> int:
    """Give the drills a day that prove everybody in time, given the days that each has left, in ascending order.

    Those whose time is over come on top: drills that fail every day must not take the place of the others.
    """
    late = sum(1 for days in days_left if days == 0)
    paces = (-(-count // days) for count, days in enumerate(days_left[late:], start=1))
    return late + max(paces, default=0)


def _reason(user: UserState, now: datetime, coverage_days: int) -> str:
    since = unproven_since(user)
    age = "" if since is _NEVER else f" {(now - since).days} days ago"
    if user.proven is None:
        return f"never proven, first backed up{age}" if age else "never proven"
    return f"last proven{age}, at least every {coverage_days} days is promised"
