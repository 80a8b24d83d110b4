"""Observations of all kinds, also strange ones, and a memory that a decision changes as the remediator would."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from functions.engine.remediation.decide import RERUN_USERS
from functions.engine.remediation.model import (
    ACTED,
    DeadLetters,
    Decision,
    Entry,
    FailedRuns,
    Observation,
    OutOfMemory,
    Policy,
    Remedy,
    RemedyState,
    Unfinished,
)

START = datetime(2026, 11, 20, 2, tzinfo=UTC)
FUNCTIONS = {
    name: f"arn:aws:lambda:us-east-1:123456789012:function:strongroom-test-{name}" for name in ("worker", "api")
}
QUEUES = {name: f"https://sqs.us-east-1.amazonaws.com/123456789012/strongroom-test-{name}-dead" for name in ("jobs",)}
POLICY = Policy(functions=FUNCTIONS, queues=QUEUES, sources=("reports",))
FOREIGN = "arn:aws:lambda:us-east-1:123456789012:function:payroll"

_runs = st.sampled_from([f"run-{number}" for number in range(6)])
_sources = st.sampled_from(["reports", "somebody-elses"])
policies = st.builds(
    Policy,
    functions=st.just(FUNCTIONS),
    queues=st.just(QUEUES),
    sources=st.just(("reports",)),
    enabled=st.booleans() | st.just(True),
    memory_ceiling_mb=st.integers(128, 10_240),
    redrives_per_day=st.integers(0, 4),
    reruns_per_day=st.integers(0, 4),
    backoff=st.integers(1, 720).map(lambda minutes: timedelta(minutes=minutes)),
    pause_after_failures=st.integers(0, 4),
)
observations: st.SearchStrategy[Observation] = st.one_of(
    st.builds(
        OutOfMemory,
        function=st.sampled_from(["worker", "api", "payroll"]),
        arn=st.sampled_from([*FUNCTIONS.values(), FOREIGN]),
        memory_mb=st.integers(128, 10_240),
        stable=st.booleans(),
    ),
    st.builds(
        DeadLetters,
        queue=st.sampled_from(["jobs", "payroll"]),
        url=st.sampled_from([*QUEUES.values(), "https://elsewhere/payroll"]),
        work=st.none() | _runs,
        count=st.integers(1, 1_000),
        active=st.booleans(),
    ),
    st.builds(
        Unfinished,
        source=_sources,
        run=_runs,
        started=st.integers(0, 20).map(lambda hours: START + timedelta(hours=hours)),
        users=st.lists(st.text(max_size=3), max_size=3).map(tuple),
        total=st.integers(0, 2 * RERUN_USERS),
        failed=st.booleans(),
        waiting=st.integers(0, 2),
    ),
    st.builds(FailedRuns, source=_sources, runs=st.lists(_runs, max_size=5, unique=True).map(tuple)),
)
looks = st.lists(st.tuples(st.integers(0, 600), st.lists(observations, max_size=4)), max_size=12)
"""Looks: the minutes since the one before, and what is seen."""


def entry(cause: str, remedy: Remedy, target: str, state: RemedyState, when: datetime) -> Entry:
    """Give an entry that was seen, and acted on if its state says so, at one time."""
    return Entry(cause, remedy, target, state, when, when if state in ACTED else None)


def remembered(memory: dict[str, Entry], decision: Decision, now: datetime) -> dict[str, Entry]:
    """Give the memory after a decision was carried out."""
    after = dict(memory)
    for wait in decision.waits:
        after.setdefault(wait.cause, entry(wait.cause, wait.remedy, wait.target, RemedyState.SEEN, now))
    for one in decision.refusals:
        known = after.get(one.cause) or entry(one.cause, one.remedy, one.target, RemedyState.REFUSED, now)
        after[one.cause] = replace(known, told=tuple(dict.fromkeys([*known.told, one.why.value])))
    for action in decision.actions:
        known = after.get(action.cause) or entry(action.cause, action.remedy, action.target, RemedyState.SEEN, now)
        after[action.cause] = replace(known, state=RemedyState.DONE, acted=now)
    return after
