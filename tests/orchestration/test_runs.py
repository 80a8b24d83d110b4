"""What a run is: the event, its users and their order, its end. Pure decisions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.contract.environment import SourceSetting
from functions.contract.states import RunState
from functions.engine.errors import ConfigurationError
from functions.engine.model import BackupType
from functions.engine.orchestration.ports import UserState, Work
from functions.engine.orchestration.runs import (
    Position,
    RunFacts,
    StartRequest,
    final_state,
    in_order,
    is_abandoned,
    is_selected,
    message_for,
    new_run,
    new_run_id,
    parse_start,
    ratios,
    rpo_ages,
    selection,
    vanished_users,
)
from tests.engine.kit import Ids
from tests.strategies import noise

NOW = datetime(2026, 11, 20, 2, tzinfo=UTC)
SETTING = SourceSetting("reports", "acme", "clients/", ("board", "legal-*"))
SOURCES = ("reports", "mail")
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


def work(**changes: Any) -> Work:  # noqa: ANN401 - a Work's
    """Give a run that is RUNNING."""
    begun = new_run("20261120T020000Z-00000000", SETTING, StartRequest(), NOW, timedelta(hours=4))
    return Work(**{"id": begun.id, "status": "RUNNING", "started": NOW, "facts": begun.facts, **changes})


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({}, StartRequest()),
        ({"backup_type": "FULL"}, StartRequest(BackupType.FULL)),
        ({"backup_type": "manual", "source_prefix": "test/"}, StartRequest(BackupType.MANUAL, "test/")),
        ({"backup_type": "Incremental"}, StartRequest(BackupType.INCREMENTAL)),
        ({"source": "mail"}, StartRequest(source="mail")),
        ({"users": ["bob", "", "/", "bob"]}, StartRequest(users=("bob", "", "/"))),
        ({"scheduled_time": "2026-11-20T02:00:00Z"}, StartRequest(scheduled="2026-11-20T02:00:00Z")),
    ],
)
def test_what_people_and_schedules_send_is_understood(event: object, expected: StartRequest) -> None:
    """Any case of the type; nothing at all is an incremental run of everybody."""
    assert parse_start(event, SOURCES) == expected


def test_a_schedule_is_known_by_its_time() -> None:
    """A person does not know it."""
    assert parse_start({"scheduled_time": "2026-11-20T02:00:00Z"}, SOURCES).trigger == "schedule"
    assert parse_start({"backup_type": "FULL"}, SOURCES).trigger == "manual"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"backup_typ": "FULL"}, "'backup_typ' is unknown (did you mean backup_type?)"),
        ({"Source_Prefix": "a"}, "'Source_Prefix' is unknown (did you mean source_prefix?)"),
        ({"zzz": 1}, "'zzz' is unknown"),
        ({"backup_type": "INCREMANTAL"}, "must be one of FULL, INCREMENTAL, MANUAL (did you mean INCREMENTAL?)"),
        ({"backup_type": None}, "'backup_type' is None, must be one of"),
        ({"backup_type": 7}, "'backup_type' is 7, must be one of"),
        ({"source_prefix": None}, "'source_prefix' is None, must be text"),
        ({"source": "report"}, "'source' is 'report', must be one of reports, mail (did you mean reports?)"),
        ({"source": None}, "'source' is None"),
        ({"scheduled_time": "tonight"}, "'scheduled_time' is 'tonight', must be a time"),
        ({"scheduled_time": "2026-11-20T02:00:00"}, "'scheduled_time' is"),
        ({"scheduled_time": 7}, "'scheduled_time' is 7"),
        ({"continue": {"token": "t"}}, "'continue' is written by the function itself"),
        ({"source": "mail", "continue": {}}, "'continue' is written by the function itself"),
        ({"source": "mail", "continue": {"token": "t", "x": 1}}, "'continue' is written by the function itself"),
        ({"source": "mail", "continue": {"token": "t", "after": ["a"]}}, "'continue' is written by the function"),
        ([], "must be a JSON object"),
        (None, "must be a JSON object"),
    ],
)
def test_an_event_that_is_not_understood_is_refused(event: object, expected: str) -> None:
    """With what is allowed: a run that does something else than was asked for is worse than none."""
    with pytest.raises(ConfigurationError) as caught:
        parse_start(event, SOURCES)
    assert expected in str(caught.value)


def test_all_that_is_wrong_with_an_event_is_said_at_once() -> None:
    """Whoever types it corrects it in one go."""
    with pytest.raises(ConfigurationError, match=r"'x' is unknown; 'backup_type' is 1.*; 'source_prefix' is 2"):
        parse_start({"x": 0, "backup_type": 1, "source_prefix": 2}, SOURCES)


@given(
    st.sampled_from(BackupType),
    NAMES,
    st.sampled_from([None, "2026-11-20T02:00:00Z"]),
    st.none() | st.builds(Position, st.booleans(), NAMES),
)
def test_a_continuation_says_all_that_its_event_said(
    kind: BackupType, selected: str, scheduled: str | None, after: Position | None
) -> None:
    """And it has the same token, whatever the id of its invocation."""
    request = StartRequest(kind, selected, None, scheduled)
    token = request.token_of("r1")
    parsed = parse_start(request.event("mail", token, after), SOURCES)
    named = parse_start(StartRequest(kind, users=("bob", selected[:0])).event("mail", token, after), SOURCES)
    assert named.users == ("bob", "")
    assert (parsed.type, parsed.selected, parsed.scheduled, parsed.after) == (kind, selected, scheduled, after)
    assert (parsed.source, parsed.trigger, parsed.token_of("r2")) == ("mail", request.trigger, token)


def test_a_token_tells_starts_apart() -> None:
    """One schedule's event comes twice with one token; other types, times and requests have others."""
    nightly = StartRequest(scheduled="2026-11-20T02:00:00Z")
    others = [
        StartRequest(scheduled="2026-11-21T02:00:00Z"),
        StartRequest(BackupType.FULL, scheduled="2026-11-20T02:00:00Z"),
        StartRequest(selected="a/", scheduled="2026-11-20T02:00:00Z"),
        StartRequest(),
    ]
    assert nightly.token_of("r1") == nightly.token_of("r2")
    assert len({request.token_of("r1") for request in [nightly, *others]}) == 5
    assert StartRequest().token_of("r1") != StartRequest().token_of("r2")


@pytest.mark.parametrize(
    ("given_prefix", "users"),
    [
        ("", ["", "/", "te", "test", "test2"]),
        ("test/", ["test"]),
        ("te", ["te", "test", "test2"]),
        ("clients/", ["", "/", "te", "test", "test2"]),
        ("clients/test/", ["test"]),
        ("clients/te", ["te", "test", "test2"]),
        ("/", ["/"]),
        ("nobody", []),
    ],
)
def test_source_prefix_chooses_users_by_their_folders(given_prefix: str, users: list[str]) -> None:
    """As S3 would choose keys; the source's own prefix may stand in front."""
    chosen = selection(SETTING, given_prefix)
    assert [user for user in ["", "/", "te", "test", "test2"] if is_selected(user, chosen)] == users


@pytest.mark.parametrize("given_prefix", ["test/sub", "test/sub/", "clients/test/sub/"])
def test_a_part_of_a_user_cannot_be_chosen(given_prefix: str) -> None:
    """Its backup would look like the user's newest, and lack the rest."""
    with pytest.raises(ConfigurationError, match="lies inside a user of reports"):
        selection(SETTING, given_prefix)


def test_users_whose_folder_is_gone_are_backed_up_once_more() -> None:
    """Those whose last backup of this prefix held anything, and who are chosen."""
    known = [
        UserState("here", "b", NOW, 1, "clients/"),
        UserState("gone", "b", NOW, 1, "clients/"),
        UserState("emptied", "b", NOW, 0, "clients/"),
        UserState("moved", "b", NOW, 1, "elsewhere/"),
        UserState("", "b", NOW, 1, "clients/"),
    ]
    assert list(vanished_users(known, {"here"}, RunFacts.of(work()))) == ["gone", ""]
    chosen = RunFacts.of(work(facts={**work().facts, "selected": "go"}))
    assert list(vanished_users(known, {"here"}, chosen)) == ["gone"]


def test_priority_users_come_first() -> None:
    """By name or shell pattern, case and all; among equals, names decide."""
    order = in_order(["zoe", "legal-b", "", "board", "legal-a", "Legal-c", "al"], SETTING.priority)
    assert [place.user for place in order] == ["board", "legal-a", "legal-b", "", "Legal-c", "al", "zoe"]
    assert [place.later for place in order] == [False] * 3 + [True] * 4


@given(st.sets(NAMES), st.lists(NAMES, max_size=3))
def test_the_order_is_total_and_goes_on_after_any_place(users: set[str], priority: list[str]) -> None:
    """Whatever names and patterns hold: nobody twice, nobody left out, bytes decide."""
    order = in_order(users, priority)
    assert sorted(place.user for place in order) == sorted(users)
    for later in (False, True):
        names = [place.user.encode() for place in order if place.later is later]
        assert names == sorted(names)
    for number, place in enumerate(order):
        assert [other for other in order if other > place] == order[number + 1 :]


def test_ids_of_runs_sort_by_time() -> None:
    """They have the form of a backup's id."""
    ids = [new_run_id(lambda day=day: NOW + timedelta(days=day), Ids(str(day))) for day in range(3)]  # type: ignore[misc]
    assert ids == sorted(ids)
    assert ids[0].startswith("20261120T020000Z-")
    assert len(ids[0]) == 25


def test_a_message_says_which_queue_it_belongs_to() -> None:
    """And what its run is."""
    message = message_for(work(), Position(later=False, user="board"))
    assert (message.user, message.priority, message.type, message.trigger) == ("board", True, "INCREMENTAL", "manual")
    assert not message_for(work(), Position(later=True, user="al")).priority


@pytest.mark.parametrize(
    ("expected", "counts", "state"),
    [
        (0, {}, "COMPLETED"),
        (3, {"completed": 3}, "COMPLETED"),
        (3, {"completed": 2, "partial": 1}, "PARTIAL"),
        (3, {"completed": 2, "failed": 1}, "PARTIAL"),
        (3, {"partial": 3}, "PARTIAL"),
        (3, {"partial": 1, "failed": 2}, "PARTIAL"),
        (3, {"failed": 3}, "FAILED"),
    ],
)
def test_a_run_ends_as_its_users_did(expected: int, counts: dict[str, int], state: str) -> None:
    """FAILED only when nobody has a backup."""
    assert final_state(work(expected=expected, counts=counts)) == RunState(state)


def test_a_run_that_nobody_works_on_is_abandoned() -> None:
    """An active one is not, however late."""
    late = NOW + timedelta(hours=5)
    waiting = work(status="DISPATCHING")
    assert not is_abandoned(waiting, waiting.id, NOW)
    assert is_abandoned(waiting, waiting.id, late)
    assert is_abandoned(work(status="DISPATCHING", facts={**waiting.facts, "error": "X: y"}), waiting.id, NOW)
    assert not is_abandoned(work(status="DISPATCHING", expected=3), waiting.id, late)
    assert not is_abandoned(work(), waiting.id, late)
    assert is_abandoned(work(status="COMPLETED"), waiting.id, NOW)
    assert not is_abandoned(None, waiting.id, NOW + timedelta(minutes=15))
    assert is_abandoned(None, waiting.id, NOW + timedelta(minutes=16))


def test_ratios_are_left_out_where_nothing_was_read() -> None:
    """A night without changes divides by nothing."""
    assert ratios({"read": 100, "new": 50, "stored": 20}) == (2.0, 2.5)
    assert ratios({"read": 100}) == (None, None)
    assert ratios({}) == (None, None)


def states(*hours: float) -> list[UserState]:
    """Give users whose last good backups are so old."""
    return [UserState(f"u{age}", "b", NOW - timedelta(hours=age), 1, "clients/") for age in hours]


def test_ages_are_of_users_who_have_something_to_lose() -> None:
    """Not of those who were emptied, never backed up, or backed up from elsewhere."""
    others = [
        UserState("emptied", "b", NOW - timedelta(days=99), 0, "clients/"),
        UserState("moved", "b", NOW - timedelta(days=99), 1, "elsewhere/"),
        UserState("new", None, None),
    ]
    ages = rpo_ages([*states(1, 25), *others], "clients/", NOW)
    assert (ages.oldest, ages.p99) == (timedelta(hours=25), timedelta(hours=25))
    assert rpo_ages(others, "clients/", NOW).oldest == timedelta()
    assert rpo_ages(states(-1), "clients/", NOW).oldest == timedelta()


@given(st.integers(1, 1_000))
def test_p99_is_by_nearest_rank(count: int) -> None:
    """At least 99 % of the ages are not greater, and fewer are not greater than the age before it."""
    hours = sorted(noise(count, count))
    p99 = rpo_ages(states(*hours), "clients/", NOW).p99 / timedelta(hours=1)
    assert p99 in hours
    assert sum(age <= p99 for age in hours) * 100 >= 99 * count
    assert sum(age < p99 for age in hours) * 100 < 99 * count


@pytest.mark.parametrize("users", [[], "bob", ["a/b"], [1], ["a"] * 1_001, None])
def test_names_of_users_that_cannot_be_are_refused(users: object) -> None:
    """Also an empty list: it would be everybody."""
    with pytest.raises(ConfigurationError, match="must be up to 1,000 names"):
        parse_start({"users": users}, SOURCES)


def test_users_and_a_prefix_are_not_mixed() -> None:
    """Whoever says both means something that nobody can guess."""
    with pytest.raises(ConfigurationError, match="both choose users"):
        parse_start({"users": ["bob"], "source_prefix": "al"}, SOURCES)


def test_a_run_of_named_users_is_of_these_only() -> None:
    """By their whole names, the source's own prefix and the user without a name included; it is no run of everybody."""
    begun = new_run("20261120T020000Z-0", SETTING, StartRequest(users=("clients", "")), NOW, timedelta(hours=4))
    facts = RunFacts.of(begun)
    assert [user for user in ["", "/", "c", "clients", "clients2"] if facts.chooses(user)] == ["", "clients"]
    assert (facts.everybody, RunFacts.of(work()).everybody) == (False, True)
