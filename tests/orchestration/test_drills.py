"""Who is drilled: nobody goes unproven for longer than promised, whoever joins and whatever fails; and which files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.engine.commit import CommitRecord, SegmentRef
from functions.engine.model import BackupStatus, BackupType, Totals
from functions.engine.orchestration.drills import (
    KEY_LIMIT,
    choose_drills,
    choose_files,
    margin_days,
    oldest_age,
    overdue,
    part_of,
    scratch_folder,
    scratch_name,
    unproven_since,
)
from functions.engine.orchestration.ports import UserState
from tests.strategies import keys

START = datetime(2026, 11, 20, 4, tzinfo=UTC)
DAY = timedelta(days=1)
BACKUP = "20261120T020000Z-00000000"


def user(name: str, *, proven: float | None = None, first: float | None = None) -> UserState:
    """Give a user with a backup; times in days before START."""
    return UserState(name, BACKUP, START - DAY / 12, proven=_before(proven), first=_before(first))


def _before(days: float | None) -> datetime | None:
    return START - days * DAY if days is not None else None


def names(chosen: Sequence[tuple[UserState, str]]) -> list[str]:
    """Give the names of those chosen."""
    return [found.user for found, _reason in chosen]


@dataclass
class World:
    """Users under daily drills, some of which fail or do not happen."""

    coverage: int
    at_least: int
    rng: Random
    users: dict[str, UserState] = field(default_factory=dict)
    drills: int = 0
    most: int = 0

    def join(self, count: int, now: datetime) -> None:
        """Let users make their first backup."""
        for _ in range(count):
            name = f"u{len(self.users)}"
            self.users[name] = UserState(name, BACKUP, now, first=now)

    def night(self, now: datetime, fails: float) -> None:
        """Do the day's drills."""
        chosen = choose_drills(self.users.values(), now, self.coverage, self.at_least, self.rng)
        assert len(set(names(chosen))) == len(chosen)
        self.drills += len(chosen)
        self.most = max(self.most, len(chosen))
        for found, _reason in chosen:
            if self.rng.random() >= fails:
                self.users[found.user] = replace(found, proven=now)

    def age(self, now: datetime) -> float:
        """Give the age of the oldest proof in days."""
        return oldest_age(self.users.values(), now) / DAY


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32),
    coverage=st.sampled_from([10, 30, 90]),
    at_least=st.integers(0, 12),
    begin=st.integers(0, 300),
    joins=st.dictionaries(st.integers(0, 364), st.integers(1, 150), max_size=6),
)
def test_nobody_is_older_than_the_promise_less_its_margin_when_all_goes_well(
    seed: int, coverage: int, at_least: int, begin: int, joins: dict[int, int]
) -> None:
    """A year, with crowds that join on one day; the schedule is late by up to ten minutes."""
    world = World(coverage, at_least, Random(seed))
    world.join(begin, START)
    for day in range(365):
        now = START + day * DAY + timedelta(minutes=world.rng.uniform(0, 10))
        world.night(now, fails=0.0)
        assert world.age(now) <= coverage - margin_days(coverage) + 0.01
        world.join(joins.get(day, 0), now)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32),
    begin=st.integers(1, 250),
    joins=st.dictionaries(st.integers(0, 364), st.integers(1, 80), max_size=5),
    gaps=st.dictionaries(st.integers(0, 24), st.integers(1, 3)),
)
def test_nobody_is_older_than_the_promise_when_days_are_missed_and_drills_fail(
    seed: int, begin: int, joins: dict[int, int], gaps: dict[int, int]
) -> None:
    """A year of 90 days' coverage: one drill in ten fails, and now and then up to three days in a row are missed."""
    coverage = 90
    world = World(coverage, 5, Random(seed))
    world.join(begin, START)
    missed = {day for start, length in gaps.items() for day in range(15 * start, 15 * start + length)}
    for day in range(365):
        now = START + day * DAY
        if day not in missed:
            world.night(now, fails=0.1)
        assert world.age(now) <= coverage
        world.join(joins.get(day, 0), now)


def test_the_pace_is_steady() -> None:
    """A thousand users that begin on one day take 13 drills a day, no day many more, and no more in all than needed."""
    world = World(90, 1, Random(7))
    world.join(1_000, START)
    for day in range(365):
        world.night(START + day * DAY, fails=0.0)
    assert world.most == -(-1_000 // 82)
    assert world.drills <= 365 * world.most


def test_drills_that_always_fail_do_not_take_the_place_of_the_others() -> None:
    """Fifty users can never be proven; all others are, in time, a year long."""
    world = World(90, 5, Random(3))
    world.join(500, START)
    broken = {f"u{number}" for number in range(50)}
    for day in range(365):
        now = START + day * DAY
        for found, _reason in choose_drills(world.users.values(), now, 90, 5, world.rng):
            if found.user not in broken:
                world.users[found.user] = replace(found, proven=now)
        well = [found for found in world.users.values() if found.user not in broken]
        assert oldest_age(well, now) <= 90 * DAY
    assert {found.user for found in overdue(world.users.values(), START + 365 * DAY, 90)} == broken


def test_the_oldest_come_first_and_the_others_at_random() -> None:
    """Each with a reason that a person understands."""
    users = [
        user("fresh", proven=1),
        user("old", proven=81),
        user("older", proven=200),
        user("never", first=85),
        user("newcomer", first=0),
    ]
    chosen = choose_drills(users, START, 90, 4, Random(1))
    assert names(chosen)[:3] == ["older", "never", "old"]
    assert [reason for _found, reason in chosen] == [
        "last proven 200 days ago, at least every 90 days is promised",
        "never proven, first backed up 85 days ago",
        "last proven 81 days ago, at least every 90 days is promised",
        "chosen at random",
    ]


def test_who_has_no_backup_is_left_out() -> None:
    """There is nothing to prove, however often somebody proved something before."""
    users = [UserState("none"), UserState("gone", proven=START - 300 * DAY), user("bob", proven=1)]
    assert names(choose_drills(users, START, 90, 10, Random(1))) == ["bob"]
    assert overdue(users, START, 90) == []
    assert oldest_age(users, START) == DAY
    assert choose_drills([], START, 90, 10, Random(1)) == []
    assert oldest_age([], START) == timedelta()


def test_at_least_so_many_are_drilled_and_never_more_than_there_are() -> None:
    """Small stacks drill everybody every day if asked to."""
    users = [user(f"u{number}", proven=1) for number in range(5)]
    for at_least, expected in ((0, 1), (1, 1), (3, 3), (5, 5), (100, 5)):
        assert len(choose_drills(users, START, 90, at_least, Random(1))) == expected


def test_chance_reaches_everybody() -> None:
    """Nobody can know that he will not be looked at."""
    users = [user(f"u{number}", proven=number / 100) for number in range(50)]
    seen = Counter(name for seed in range(300) for name in names(choose_drills(users, START, 90, 10, Random(seed))[1:]))
    assert set(seen) == {f"u{number}" for number in range(49)}  # the fiftieth comes first each time
    assert min(seen.values()) > 30


def test_the_same_seed_chooses_the_same() -> None:
    """So that a retry looks at the same users."""
    users = [user(f"u{number}", proven=1) for number in range(50)]
    first, second, other = (choose_drills(users, START, 90, 10, Random(seed)) for seed in (1, 1, 2))
    assert first == second != other


def test_a_user_who_is_known_by_nothing_but_his_backup_counts_as_late() -> None:
    """Rather proven once too often."""
    unknown = UserState("x", BACKUP)
    (choice,) = choose_drills([unknown], START, 90, 0, Random(1))
    assert choice.reason == "never proven"
    assert unproven_since(UserState("x", BACKUP, START)) == START


def test_a_promise_of_one_day_is_kept_by_drilling_everybody_every_day() -> None:
    """At the limit of what can be promised."""
    world = World(1, 0, Random(1))
    world.join(7, START)
    for day in range(5):
        world.night(START + day * DAY, fails=0.0)
        assert world.age(START + day * DAY) <= 1
    assert world.drills == 7 * 5


def test_a_clock_that_was_set_back_harms_nothing() -> None:
    """A proof from the future counts as fresh."""
    assert oldest_age([user("bob", proven=-3)], START) == timedelta()
    assert len(choose_drills([user("bob", proven=-300)], START, 90, 0, Random(1))) == 1


@given(st.dictionaries(keys, st.integers(0, 1_000), max_size=60), st.integers(1, 3_000), st.integers(1, 20))
def test_a_part_of_the_files_fits_and_is_never_empty(files: dict[str, int], at_most: int, count: int) -> None:
    """Whatever their sizes; and in whatever order they come it is the same part."""
    chosen = choose_files(files.items(), "seed", at_most, count)
    size = sum(files[key] for key in chosen)
    assert chosen <= files.keys()
    assert bool(chosen) == bool(files)
    assert len(chosen) == 1 or (size <= at_most and len(chosen) <= count)
    assert chosen == choose_files(reversed(files.items()), "seed", at_most, count)
    if sum(files.values()) <= at_most and len(files) <= count:
        assert chosen == files.keys()


def test_no_file_is_favoured() -> None:
    """Neither by its name nor by its place: in 2,000 drills of a tenth of the bytes each is read about 200 times."""
    files = [(f"{number:03}/{'x' * (number % 7)}", 100) for number in range(100)]
    seen = Counter(key for seed in range(2_000) for key in choose_files(files, str(seed), 1_000))
    assert len(seen) == 100
    assert max(abs(count - 200) for count in seen.values()) < 60


def test_a_file_that_is_larger_than_the_limit_has_its_turn() -> None:
    """It is taken alone when it comes first."""
    files = [("huge", 10_000), *((f"small{number}", 10) for number in range(9))]
    seen = [choose_files(files, str(seed), 50) for seed in range(200)]
    alone = [chosen for chosen in seen if "huge" in chosen]
    assert 5 < len(alone) < 45
    assert set(alone) == {frozenset({"huge"})}


def test_many_files_are_chosen_from_without_being_held() -> None:
    """What is kept is what is chosen."""
    files = ((f"k{number}", 1_000) for number in range(100_000))
    assert len(choose_files(files, "s", 50_000)) == 50


def record(segments: int) -> CommitRecord:
    """Give the record of a backup with many segments."""
    return CommitRecord(
        *("s", "u", BACKUP, BackupType.FULL, BackupStatus.COMPLETED, "1", "run", "", "", ""),
        totals=Totals(),
        segments=tuple(SegmentRef(number, "0") for number in range(segments)),
        packs=(),
    )


def test_of_many_segments_a_few_are_read() -> None:
    """In their order, another few for another seed; a few are all read."""
    assert part_of(record(8), "s") == record(8)
    numbers = [tuple(ref.number for ref in part_of(record(10_000), seed).segments) for seed in ("a", "a", "b")]
    assert numbers[0] == numbers[1] != numbers[2]
    assert all(len(some) == 8 and list(some) == sorted(some) for some in numbers)


@given(keys, keys)
def test_scratch_names_fit_into_a_key_and_differ(one: str, other: str) -> None:
    """Any key of the source can be restored below the drill's folder."""
    folder = scratch_folder("drills/", START, "reports", "a/b ü", "0a1b2c3d")
    assert folder.startswith("drills/2026-11-20/reports/a%2Fb%20%C3%BC/0a1b2c3d/")
    names = [scratch_name(folder, "", key) for key in (one, other)]
    assert all(name.startswith(folder) and len(name.encode()) <= KEY_LIMIT for name in names)
    assert (names[0] == names[1]) == (one == other)


@pytest.mark.parametrize(("key", "name"), [("p/bob/a/b", "f/a/b"), ("elsewhere", "f/elsewhere")])
def test_scratch_names_begin_below_the_user(key: str, name: str) -> None:
    """What all keys of the user share is cut off."""
    assert scratch_name("f/", "p/bob/", key) == name
