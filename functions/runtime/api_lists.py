"""Lists that are given page by page, newest first, of things that are ordered by a time and then by a name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import groupby, islice
from typing import Final, TypeVar

from functions.engine.backup import rfc3339
from functions.engine.orchestration.ports import Work
from functions.runtime.api_cursor import Place, write_cursor

T = TypeVar("T")

LAST: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def place_of(work: Work) -> Place:
    """Give the place of a run or a restore in its list."""
    return Place(rfc3339(work.started.astimezone(UTC)), work.id)


def in_order(streams: Sequence[Iterable[T]], place: Callable[[T], Place], before: Place | None) -> Iterator[T]:
    """Merge streams that are newest first into one, equals by their names; leave out what is not behind `before`.

    Who is in two streams, because it has just gone from one to the other, is given once.
    """
    merged = merge(*streams, key=lambda item: place(item).order, reverse=True)
    for _, equals in groupby(merged, key=lambda item: place(item).order):
        unique = {place(item): item for item in equals}
        for found in sorted(unique, reverse=True):
            if before is None or found < before:
                yield unique[found]


def page(items: Iterator[T], limit: int, scope: str, place: Callable[[T], Place]) -> tuple[list[T], str | None]:
    """Take a page, and give the cursor of what follows it, if anything does."""
    found = list(islice(items, limit + 1))
    if len(found) <= limit:
        return found, None
    return found[:limit], write_cursor(scope, place(found[limit - 1]))


def since_of(given: datetime | None, now: datetime, days: int) -> datetime:
    """Say where a list begins that reaches back so many days unless it is told otherwise."""
    return given if given is not None else now - timedelta(days=days)


def until_of(given: datetime | None, before: Place | None) -> str:
    """Say up to which time a list is read: what a person names, or the place of the page before."""
    limit = rfc3339(given if given is not None else LAST)
    return min(limit, before.order) if before is not None else limit
