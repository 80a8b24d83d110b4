"""What becomes of each file, the first time and when an attempt before may have written it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.engine.conflict import Conflict
from functions.engine.model import SourceObject
from functions.engine.orchestration.restore_conflicts import (
    Naming,
    Standing,
    Verdict,
    Wanted,
    decide,
    read_taken,
    taken_names,
    verdicts,
)
from tests.strategies import keys

NAMING = Naming("clients/", "again/", "label")


class Listing:
    """A bucket's listing that counts how often it is asked and how much of it is read."""

    def __init__(self, objects: dict[str, int]) -> None:
        """Hold keys and sizes."""
        self.objects = objects
        self.asked = 0
        self.read = 0

    def __call__(self, prefix: str, start_after: str) -> Iterator[SourceObject]:
        """List what is below a prefix and after a key."""
        self.asked += 1
        for key in sorted(self.objects):
            if key.startswith(prefix) and key > start_after:
                self.read += 1
                yield SourceObject(key, self.objects[key], "", "")


@given(
    objects=st.dictionaries(keys, st.integers(0, 9), max_size=12),
    more=st.lists(keys, max_size=12),
    ordered=st.booleans(),
)
def test_what_stands_there_is_told_in_any_order(objects: dict[str, int], more: list[str], *, ordered: bool) -> None:
    """In the order of names, which is quick, and in any other."""
    names = [*objects, *more]
    standing = Standing(Listing(objects), "")
    for name in sorted(names) if ordered else names:
        assert standing.size(name) == objects.get(name)


def test_names_in_order_are_looked_up_with_one_listing() -> None:
    """Twenty thousand files must not take twenty thousand requests."""
    listing = Listing({f"again/{number:05d}": number for number in range(0, 20_000, 2)})
    standing = Standing(listing, "again/")
    found = [standing.size(f"again/{number:05d}") for number in range(20_000)]
    assert found == [number if number % 2 == 0 else None for number in range(20_000)]
    assert listing.asked == 1


def test_names_far_apart_do_not_read_all_that_lies_between() -> None:
    """A few files restored into a bucket of millions."""
    listing = Listing({f"again/{number:05d}": number for number in range(50_000)})
    standing = Standing(listing, "again/")
    assert [standing.size(f"again/{number:05d}") for number in (0, 25_000, 49_999, 10)] == [0, 25_000, 49_999, 10]
    assert listing.read < 10_000


@given(st.lists(st.booleans(), max_size=100))
def test_what_was_taken_comes_back(taken: list[bool]) -> None:
    """One bit a file, in the order of the files."""
    files = [Wanted(f"clients/{number:03d}", 1) for number in range(len(taken))]
    listing = Listing({f"again/{number:03d}": 5 for number, value in enumerate(taken) if value})
    was = read_taken(taken_names(files, NAMING, listing))
    assert [was(position) for position in range(len(taken) + 9)] == [*taken, *[False] * 9]


def test_a_whole_task_is_noted_in_little_room() -> None:
    """An item of the ledger holds 400 KB."""
    files = [Wanted(f"clients/{number:05d}", 1) for number in range(20_000)]
    listing = Listing({f"again/{number:05d}": 5 for number in range(0, 20_000, 3)})
    assert len(taken_names(files, NAMING, listing)) < 4_000


@pytest.mark.parametrize(
    ("conflict", "taken", "plain", "beside", "verdict"),
    [
        (Conflict.OVERWRITE, True, 5, None, Verdict.WRITE),
        (Conflict.OVERWRITE, False, None, None, Verdict.WRITE),
        (Conflict.SKIP, True, None, None, Verdict.SKIP),
        (Conflict.SKIP, False, None, None, Verdict.WRITE),
        (Conflict.SKIP, False, 5, None, Verdict.DONE),
        (Conflict.SKIP, False, 6, None, Verdict.SKIP),
        (Conflict.RENAME, True, None, None, Verdict.RENAME),
        (Conflict.RENAME, True, None, 5, Verdict.DONE),
        (Conflict.RENAME, True, None, 6, Verdict.RENAME),
        (Conflict.RENAME, False, None, None, Verdict.WRITE),
        (Conflict.RENAME, False, 5, None, Verdict.DONE),
    ],
)
def test_decisions(conflict: Conflict, *, taken: bool, plain: int | None, beside: int | None, verdict: Verdict) -> None:
    """For a file of five bytes."""
    assert decide(conflict, taken=taken, size=5, plain=plain, beside=beside) is verdict


@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), max_size=30), st.sampled_from([Conflict.SKIP, Conflict.RENAME])
)
def test_an_attempt_after_one_that_got_so_far_does_only_the_rest(
    states: list[tuple[bool, bool]], conflict: Conflict
) -> None:
    """Each file with whether its name was taken and whether the attempt before had written it."""
    files = [Wanted(f"clients/{number:03d}", 7) for number in range(len(states))]
    before = {NAMING.plain(file.key): 1 for file, (taken, _) in zip(files, states, strict=True) if taken}
    noted = taken_names(files, NAMING, Listing(before))
    after = dict(before)
    for file, (taken, written) in zip(files, states, strict=True):
        if written and not taken:
            after[NAMING.plain(file.key)] = 7
        elif written and conflict is Conflict.RENAME:
            after[NAMING.beside(file.key)] = 7
    found = verdicts(files, conflict, NAMING, noted, Listing(after))
    for file, (taken, written) in zip(files, states, strict=True):
        expected = Verdict.SKIP if taken and conflict is Conflict.SKIP else Verdict.DONE
        if not written and not (taken and conflict is Conflict.SKIP):
            expected = Verdict.RENAME if taken else Verdict.WRITE
        assert found.get(file.key, Verdict.WRITE) is expected
