"""The events that start verifications: what they say, what they may not say, and how one goes on in the next."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from functions.engine.errors import ConfigurationError
from functions.engine.orchestration.verify_request import Cursor, Kind, VerifyRequest, parse_request

TODAY = date(2026, 11, 20)
PACK = "0f" * 16


@pytest.mark.parametrize("kind", Kind)
def test_without_a_seed_it_is_the_day_s(kind: Kind) -> None:
    """A retry on the same day looks at the same, another day at something else."""
    request = parse_request({"verify": kind.value}, TODAY)
    assert request == VerifyRequest(kind, TODAY.toordinal())
    assert parse_request({"verify": kind.value}, date(2026, 11, 21)).seed == request.seed + 1
    assert parse_request({"verify": kind.value, "seed": 7}, TODAY).seed == 7


@pytest.mark.parametrize(
    "request_",
    [
        VerifyRequest(Kind.SAMPLE, 7, after=PACK),
        VerifyRequest(Kind.STRUCTURE, 7, cursor=Cursor("reports", "bob", 32)),
        VerifyRequest(Kind.STRUCTURE, 7, cursor=Cursor("reports", "", 1)),
        VerifyRequest(Kind.STRUCTURE, 7, cursor=Cursor("reports", None, 1)),
        VerifyRequest(Kind.DRILL, -3),
        VerifyRequest(Kind.DRILL, 7, source="reports", users=("bob", "", "/")),
        VerifyRequest(Kind.DRILL, 7, users=("bob",)),
    ],
)
def test_what_is_handed_on_is_understood(request_: VerifyRequest) -> None:
    """By the next invocation, on any day."""
    assert parse_request(request_.event(), date(2030, 1, 1)) == request_


@pytest.mark.parametrize(
    ("event", "problems"),
    [
        ({}, ["verify is None, must be one of sample, structure, drill"]),
        ({"verify": "Sample"}, ["verify is 'Sample', must be one of sample, structure, drill"]),
        ({"verify": ["drill"]}, ["verify is ['drill'], must be one of"]),
        ({"verify": "drill", "seed": "7"}, ["seed is '7', must be a whole number"]),
        ({"verify": "drill", "seed": True}, ["seed is True"]),
        ({"verify": "drill", "user": "bob", "x": 1}, ["unknown: user, x"]),
        ({"verify": "drill", "continue": {"after": PACK}}, ["which no drill can go on from"]),
        ({"verify": "sample", "continue": {"after": "../x"}}, ["which no sample can go on from"]),
        ({"verify": "structure", "continue": {"source": "s", "user": "u", "size": 0}}, ["which no structure can"]),
        ({"verify": "structure", "continue": {"source": 1, "user": "u", "size": 1}}, ["which no structure can"]),
        ({"verify": "structure", "continue": "bob"}, ["which no structure can"]),
        ({"verify": "sample", "users": ["bob"]}, ["source and users are for a drill of named users"]),
        ({"verify": "drill", "source": "reports"}, ["source and users are for a drill of named users"]),
        ({"verify": "drill", "users": []}, ["users is [], must be up to 100 names of users"]),
        ({"verify": "drill", "users": "bob"}, ["users is 'bob', must be"]),
        ({"verify": "drill", "users": ["a/b"]}, ["users is ['a/b'], must be"]),
        ({"verify": "drill", "users": ["a"] * 101}, ["must be up to 100 names"]),
        ({"verify": "drill", "users": ["a"], "source": 1}, ["source is 1, must be the name of a source"]),
        ({"verify": 1, "seed": None, "y": 2}, ["verify is 1", "seed is None", "unknown: y"]),
    ],
)
def test_what_cannot_be_understood_is_one_error_with_all_problems(event: dict[str, Any], problems: list[str]) -> None:
    """Nothing is guessed."""
    with pytest.raises(ConfigurationError) as caught:
        parse_request(event, TODAY)
    assert all(problem in str(caught.value) for problem in problems)
