"""Which backups are kept, and why: golden cases with every reason, rules that hold for all cases, and the diff."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.engine.errors import ConfigurationError
from functions.engine.repository import BackupName
from functions.engine.retention.decide import decide
from functions.engine.retention.diff import Change, diff, render
from functions.engine.retention.policy import MAX_DAYS, Candidate, Decision, Hold, RetentionPolicy, Rule
from tests.engine.retention.golden_cases import SOURCE, USER, decisions

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))
NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def candidate(age: timedelta, number: int = 0, *, complete: bool = True, readable: bool = True) -> Candidate:
    """Give a backup of some age."""
    taken = (NOW - age).replace(microsecond=0)
    return Candidate(BackupName(SOURCE, USER, f"{taken:%Y%m%dT%H%M%SZ}-{number:08x}"), taken, taken, complete, readable)


def judged(candidates: list[Candidate], policy: RetentionPolicy, *holds: Hold) -> list[Decision]:
    """Decide, now."""
    return decide(candidates, policy, holds, NOW, HOUR)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_golden_case_is_decided_as_it_says_with_all_reasons(path: Path) -> None:
    """The file says why the case is there."""
    case: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    assert case["why"]
    assert decisions(case) == case["decisions"]


def test_there_are_golden_cases_of_every_rule_and_enough_of_them() -> None:
    """Each rule keeps something in one of them."""
    assert len(GOLDEN) >= 40
    keeping = {
        reason.partition(":")[0]
        for path in GOLDEN
        for decision in json.loads(path.read_text(encoding="utf-8"))["decisions"]
        if decision["keep"]
        for reason in decision["reasons"]
    }
    assert keeping == {rule.value for rule in Rule}


@pytest.mark.parametrize("name", ["days", "daily", "weekly", "monthly", "yearly"])
@pytest.mark.parametrize("value", [-1, MAX_DAYS + 1, 1.5, "7", None, True])
def test_a_number_that_is_none_is_refused(name: str, value: object) -> None:
    """With its name and what is allowed."""
    with pytest.raises(ConfigurationError, match=f"{name} is .*not a number from"):
        RetentionPolicy(**{"days": 1, name: value})  # type: ignore[arg-type]


def test_zero_days_are_refused() -> None:
    """They would keep nothing but the newest; a count of zero is off."""
    with pytest.raises(ConfigurationError, match="days is 0, not a number from 1"):
        RetentionPolicy(0, daily=7)
    assert RetentionPolicy(1, 0, 0, 0, 0).daily == 0


_backups = st.lists(
    st.builds(
        candidate,
        st.timedeltas(-400 * DAY, 4_000 * DAY),
        st.integers(0, 2**32 - 1),
        complete=st.booleans(),
        readable=st.booleans(),
    ),
    max_size=30,
    unique_by=lambda item: item.backup.backup_id,
)
_policies = st.builds(
    RetentionPolicy, st.integers(1, 400), *(st.integers(0, 12) for _ in ("daily", "weekly", "monthly", "yearly"))
)


@given(_backups, _policies)
def test_whatever_the_policy_the_newest_and_the_newest_complete_one_stay(
    backups: list[Candidate], policy: RetentionPolicy
) -> None:
    """And so does what is young, from the future or unreadable; each decision has a reason."""
    found = judged(backups, policy)
    assert [decision.candidate for decision in found] == sorted(backups, key=lambda item: item.backup.backup_id)
    assert all(decision.reasons for decision in found)
    kept = {decision.candidate.backup.backup_id for decision in found if decision.keep}
    ids = sorted(item.backup.backup_id for item in backups)
    complete = sorted(
        item.backup.backup_id for item in backups if item.complete and item.readable and item.taken <= NOW + HOUR
    )
    assert kept >= {*ids[-1:], *complete[-1:]}
    for item in backups:
        if not item.readable or item.taken > NOW + HOUR or NOW - item.taken < policy.days * DAY:
            assert item.backup.backup_id in kept


@given(_backups, _policies, st.randoms())
def test_the_order_of_the_backups_changes_nothing(
    backups: list[Candidate], policy: RetentionPolicy, rng: Random
) -> None:
    """They are sorted first."""
    shuffled = list(backups)
    rng.shuffle(shuffled)
    assert judged(shuffled, policy) == judged(backups, policy)


@given(_backups, _policies, st.sampled_from(["days", "daily", "weekly", "monthly", "yearly"]))
def test_a_larger_number_never_keeps_less(backups: list[Candidate], policy: RetentionPolicy, name: str) -> None:
    """So nobody loses anything by asking for more."""
    document = policy.document()
    more = RetentionPolicy(**{**document, name: document[name] + 1})
    assert _kept(judged(backups, policy)) <= _kept(judged(backups, more))


@given(_backups, _policies)
def test_what_goes_today_was_not_needed_by_what_stays(backups: list[Candidate], policy: RetentionPolicy) -> None:
    """To decide once more, on what has stayed, lets nothing more go."""
    found = judged(backups, policy)
    stayed = [decision.candidate for decision in found if decision.keep]
    assert _kept(judged(stayed, policy)) == {item.backup.backup_id for item in stayed}


def test_a_hold_keeps_and_its_end_lets_go() -> None:
    """Whatever the rules say."""
    old, new = candidate(100 * DAY), candidate(DAY, 1)
    hold = Hold("20261101T000000Z-00000000", SOURCE, USER, old.backup.backup_id, "case 7")
    assert _kept(judged([old, new], RetentionPolicy(5), hold)) == {old.backup.backup_id, new.backup.backup_id}
    assert _kept(judged([old, new], RetentionPolicy(5))) == {new.backup.backup_id}


def test_the_diff_of_a_dry_run_says_what_goes_and_why() -> None:
    """Against what exists, and against another policy."""
    backups = [candidate(age * DAY, age) for age in (1, 10, 20)]
    loose, strict = judged(backups, RetentionPolicy(15)), judged(backups, RetentionPolicy(5))
    assert [item.change for item in diff([], loose)] == [Change.GOES, Change.STAYS, Change.STAYS]
    assert [item.change for item in diff(loose, strict)] == [Change.GOES_AS_BEFORE, Change.GOES, Change.STAYS]
    assert [item.change for item in diff(strict, loose)] == [
        Change.GOES_AS_BEFORE,
        Change.STAYS_AFTER_ALL,
        Change.STAYS,
    ]
    document = diff(loose, strict)[1].document()
    assert document["change"] == "goes"
    assert document["reasons"][0] == ["days", "10 days old, kept for 5"]


def test_the_diff_is_text_for_people() -> None:
    """One line a backup, one a reason, and the counts."""
    backups = [candidate(age * DAY, age) for age in (1, 10)]
    lines = list(render(diff([], judged(backups, RetentionPolicy(5)))))
    assert lines[:2] == [
        "- snapshots/reports/alice/20261110T030000Z-0000000a",
        "    days: 10 days old, kept for 5",
    ]
    assert lines[-1] == "1 goes, 1 stays"
    assert list(render([])) == ["no backups"]


def _kept(found: list[Decision]) -> set[str]:
    return {decision.candidate.backup.backup_id for decision in found if decision.keep}
