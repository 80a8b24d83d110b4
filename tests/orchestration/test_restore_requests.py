"""What people ask is read strictly: all problems at once, nothing ignored, nothing guessed."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.engine.conflict import Conflict
from functions.engine.errors import ConfigurationError
from functions.engine.orchestration.archive import Tier
from functions.engine.orchestration.restore_requests import (
    Continue,
    Follow,
    Poll,
    RestoreRequest,
    parse_request,
    read_event,
    wanted_keys,
)
from tests.strategies import keys

BUCKETS = ("restored", "other")
LEAST = {"source": "reports", "users": "all", "destination_bucket": "restored"}

users = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1, max_size=20) | st.just(
    "/"
)
times = st.datetimes(datetime(2000, 1, 2), datetime(2999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis

requests = st.builds(
    RestoreRequest,
    source=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
    bucket=st.sampled_from(BUCKETS),
    users=st.lists(users, unique=True, max_size=4).map(tuple),
    as_of=st.none() | times.map(lambda moment: moment.replace(microsecond=0)),
    patterns=st.lists(st.text("abc*?[]/", min_size=1, max_size=8), unique=True, max_size=4).map(tuple),
    prefix=st.text("abc/", max_size=20),
    conflict=st.sampled_from(Conflict),
    dry_run=st.booleans(),
    tier=st.sampled_from(Tier),
    request_id=st.none() | st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True),
)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
names = st.sampled_from(
    ["source", "users", "backup_id", "as_of", "patterns", "destination_bucket", "destination_prefix", "conflict"]
) | st.sampled_from(["dry_run", "thaw_tier", "request_id", "restore_id", "poll", "continue", "sorce"])


@given(requests)
def test_a_request_comes_back_from_its_facts(request: RestoreRequest) -> None:
    """The ledger keeps it as the event that asks for it."""
    assert RestoreRequest.from_facts(request.facts()) == request


@given(st.dictionaries(names | st.text(max_size=8), values | st.sampled_from(["all", "restored", "skip"]), max_size=8))
def test_any_event_is_understood_or_refused(event: dict[str, object]) -> None:
    """Never any other error, whatever a person types."""
    with suppress(ConfigurationError):
        assert isinstance(read_event(event, BUCKETS), RestoreRequest | Follow | Continue | Poll)


@pytest.mark.parametrize("event", [None, 3, "poll", ["poll"], []])
def test_an_event_is_an_object(event: object) -> None:
    """Anything else is refused, with an example."""
    with pytest.raises(ConfigurationError, match="must be an object"):
        read_event(event, BUCKETS)


def test_all_problems_are_told_at_once() -> None:
    """A person corrects them in one go."""
    event = {
        "sorce": "reports",
        "users": ["a/b"],
        "backup_id": "yesterday",
        "as_of": "2026-13-01",
        "patterns": "*.pdf",
        "destination_bucket": "elsewhere",
        "destination_prefix": "p" * 901,
        "conflict": "replace",
        "dry_run": "yes",
        "thaw_tier": "Expedited",
        "request_id": "no spaces",
    }
    with pytest.raises(ConfigurationError) as caught:
        read_event(event, BUCKETS)
    for problem in (
        "the request has 13 problems: ",
        "'sorce' is unknown, is it source?",
        "source is missing",
        "user 'a/b' must be a first-level folder, without '/': is it 'a'?",
        "backup_id is 'yesterday', must be a backup's id",
        "backup_id and as_of are given, must be one of them",
        "as_of is '2026-13-01', must be a time",
        "patterns is '*.pdf', must be a list",
        "destination_bucket is 'elsewhere', must be one of restored, other",
        "destination_prefix is 'ppp",
        "conflict is 'replace', must be one of skip, overwrite, rename",
        "dry_run is 'yes', must be true or false",
        "thaw_tier is 'Expedited', must be one of Standard, Bulk",
        "request_id is 'no spaces', must be up to 64 letters",
    ):
        assert problem in caught.value.message


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"users": None}, 'users is missing, must be a list of users, or "all"'),
        ({"users": []}, "users is [], must be"),
        ({"users": "alice"}, "users is 'alice', must be"),
        ({"users": ["\ud800"]}, "users is ['\\ud800'], must be"),
        ({"users": [""] * 1_000 + ["x" * 300_000]}, "the request has"),
        ({"backup_id": "20261120T020000Z-1f3a9c20"}, "must be the one user it belongs to"),
        ({"as_of": "1999-01-01T00:00:00Z"}, "must be a time after 2000"),
        ({"as_of": "0001-01-01T00:00:00+14:00"}, "must be a time after 2000"),
        ({"as_of": 20261120}, "as_of is 20261120, must be a time"),
        ({"patterns": [""]}, "patterns is [''], must be"),
        ({"patterns": [str(number) for number in range(101)]}, "up to 100 patterns"),
        ({"destination_bucket": None}, "destination_bucket is missing, must be one of restored, other"),
        ({"source": ""}, "source is '', must be the name of a source"),
    ],
)
def test_what_is_wrong_is_said(change: dict[str, object], problem: str) -> None:
    """With the value, and what is wanted."""
    with pytest.raises(ConfigurationError) as caught:
        read_event({**LEAST, **change}, BUCKETS)
    assert problem in caught.value.message


def test_what_is_not_said_is_safe() -> None:
    """Nothing is overwritten, and the newest backups are taken."""
    request = parse_request(LEAST, BUCKETS)
    assert (request.conflict, request.dry_run, request.prefix, request.patterns) == (Conflict.SKIP, False, "", ())
    assert (request.users, request.backup_id, request.as_of, request.tier) == ((), None, None, Tier.STANDARD)


def test_a_time_with_a_zone_and_without_one_is_utc() -> None:
    """As in the operator's tool."""
    there = datetime(2026, 11, 20, 3, 0, tzinfo=timezone(timedelta(hours=1)))
    for text in ("2026-11-20T02:00:00Z", "2026-11-20T02:00:00", there.isoformat(), "20261120T020000.5Z"):
        assert parse_request({**LEAST, "as_of": text}, BUCKETS).as_of == datetime(2026, 11, 20, 2, tzinfo=UTC)


def test_a_user_named_all_can_be_named() -> None:
    """In a list it is a name; the root user and the folder without a name are users too."""
    request = parse_request({**LEAST, "users": ["all", "", "/", "all"]}, BUCKETS)
    assert request.users == ("all", "", "/")


@pytest.mark.parametrize(
    ("event", "asked"),
    [
        ({"poll": True}, Poll()),
        ({"restore_id": "r"}, Follow("r")),
        ({"restore_id": "r", "continue": "owner"}, Continue("r", "owner")),
    ],
)
def test_other_events(event: dict[str, object], asked: object) -> None:
    """To wake, to follow, to go on."""
    assert read_event(event, BUCKETS) == asked


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        ({"poll": "true"}, "poll is 'true', must be true"),
        ({"poll": True, "users": "all"}, "'users' is unknown"),
        ({"restore_id": ""}, "restore_id is '', must be the id"),
        ({"restore_id": "r", "dry_run": True}, "'dry_run' is unknown"),
        ({"restore_id": "r", "continue": {}}, "continue is {}, must be"),
    ],
)
def test_other_events_are_read_strictly_too(event: dict[str, object], problem: str) -> None:
    """A word too much may mean something else than what would be done."""
    with pytest.raises(ConfigurationError) as caught:
        read_event(event, BUCKETS)
    assert problem in caught.value.message


@given(st.lists(st.text("ab*?[]!/.", min_size=1, max_size=6), max_size=3), keys | st.text("ab/.", min_size=1))
def test_patterns_match_as_the_shell_does(patterns: list[str], key: str) -> None:
    """As the operator's tool matches them, one or many at once."""
    expected = not patterns or any(fnmatchcase(key, pattern) for pattern in patterns)
    assert wanted_keys(patterns)(key) == expected
