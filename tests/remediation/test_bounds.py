"""Whatever is seen, in whatever order and how often: bounds hold, nothing is done twice, and it ends."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from functions.engine.remediation.decide import DAY, RERUN_USERS, decide, next_memory
from functions.engine.remediation.model import Action, Entry, Observation, Policy, Refusal, Remedy, Wait
from tests.remediation.world import START, looks, observations, policies, remembered
from tests.settings.kit import steadily

Look = tuple[int, list[Observation]]


def history(policy: Policy, many: list[Look]) -> list[tuple[datetime, Action]]:
    """Look as often, and give what was done."""
    memory: dict[str, Entry] = {}
    done: list[tuple[datetime, Action]] = []
    now = START
    for minutes, seen in many:
        now += timedelta(minutes=minutes)
        decision = decide(seen, memory, policy, now)
        done += [(now, action) for action in decision.actions]
        memory = remembered(memory, decision, now)
    return done


@steadily
@given(policies, looks)
def test_memory_never_exceeds_its_ceiling_and_only_grows(policy: Policy, many: list[Look]) -> None:
    """In whole MB, and half as much again at most."""
    for _now, action in history(policy, many):
        if action.remedy is Remedy.MEMORY:
            assert action.memory_from < action.memory_to <= policy.memory_ceiling_mb
            assert action.memory_to * 2 <= action.memory_from * 3 + 1


@steadily
@given(st.integers(128, 10_240), st.integers(128, 10_240))
def test_steps_reach_the_ceiling_and_stay_there(memory: int, ceiling: int) -> None:
    """After a few: they do not creep, and they do not shrink what is above it already."""
    steps = [memory]
    while (after := next_memory(steps[-1], ceiling)) != steps[-1]:
        steps.append(after)
    assert steps[-1] == max(memory, ceiling)
    assert len(steps) <= 13


@steadily
@given(policies, looks)
def test_a_day_has_a_bound_for_every_remedy_and_thing(policy: Policy, many: list[Look]) -> None:
    """In any 24 hours, not only from midnight to midnight."""
    most = {
        Remedy.MEMORY: 1,
        Remedy.PAUSE: 1,
        Remedy.REDRIVE: policy.redrives_per_day,
        Remedy.RERUN: policy.reruns_per_day,
    }
    done = history(policy, many)
    for end, _action in done:
        day = Counter((action.remedy, action.target) for when, action in done if end - DAY < when <= end)
        assert all(count <= most[remedy] for (remedy, _target), count in day.items())


@steadily
@given(policies, looks)
def test_nothing_is_done_twice_for_one_cause(policy: Policy, many: list[Look]) -> None:
    """However often it is seen, and however late."""
    causes = [action.cause for _now, action in history(policy, many)]
    assert len(causes) == len(set(causes))


@steadily
@given(policies, looks)
def test_only_what_the_policy_names_is_ever_touched(policy: Policy, many: list[Look]) -> None:
    """By its own address there, whatever an observation says; and nothing when it is switched off."""
    ours = {Remedy.MEMORY: policy.functions, Remedy.REDRIVE: policy.queues}
    for _now, action in history(policy, many):
        assert policy.enabled
        if action.remedy in ours:
            assert action.address == ours[action.remedy][action.target]
        else:
            assert action.target in policy.sources


@steadily
@given(policies, looks, st.lists(observations, max_size=4))
def test_a_replay_does_nothing_more(policy: Policy, many: list[Look], seen: list[Observation]) -> None:
    """The same event once more, at the same moment: nothing is left to do that would be done."""
    memory: dict[str, Entry] = {}
    now = START
    for minutes, others in [*many, (0, seen)]:
        now += timedelta(minutes=minutes)
        memory = remembered(memory, decide(others, memory, policy, now), now)
    again = decide(seen, memory, policy, now)
    done = {cause for cause, entry in memory.items() if entry.acted is not None}
    assert not done & {action.cause for action in again.actions}
    assert not again.actions


@steadily
@given(policies, st.lists(observations, max_size=4))
def test_it_ends_when_nothing_changes(policy: Policy, seen: list[Observation]) -> None:
    """The same trouble every quarter of an hour for a week: few acts, few notices, then silence."""
    memory: dict[str, Entry] = {}
    told: list[tuple[str, str]] = []
    acted: list[Action] = []
    now = START
    for _ in range(7 * 96):
        now += timedelta(minutes=15)
        decision = decide(seen, memory, policy, now)
        acted += decision.actions
        known = {cause: entry.told for cause, entry in memory.items()}
        told += [
            (one.cause, one.why.value) for one in decision.refusals if one.why.value not in known.get(one.cause, ())
        ]
        memory = remembered(memory, decision, now)
    assert len(acted) <= len(seen)
    assert len(told) == len(set(told))
    assert len(told) <= 4 * len(seen)
    last = decide(seen, memory, policy, now)
    assert not last.actions
    assert all(one.why.value in memory[one.cause].told for one in last.refusals)


@steadily
@given(policies, looks)
def test_every_answer_has_a_reason_and_nobody_is_asked_for_too_many_users(policy: Policy, many: list[Look]) -> None:
    """Also what is refused and what waits."""
    memory: dict[str, Entry] = {}
    now = START
    for minutes, seen in many:
        now += timedelta(minutes=minutes)
        decision = decide(seen, memory, policy, now)
        answers: list[Action | Refusal | Wait] = [*decision.actions, *decision.refusals, *decision.waits]
        assert all(answer.reason for answer in answers)
        assert len({answer.cause for answer in answers}) == len(answers)
        assert all(wait.until > now for wait in decision.waits)
        assert all(len(action.users) <= RERUN_USERS for action in decision.actions)
        memory = remembered(memory, decision, now)
