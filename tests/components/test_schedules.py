"""Schedules start functions with events that they understand, try for an hour, and lose nothing."""

import json
from datetime import date

import pytest

from components.schedules import SCHEDULED_TIME, TARGETS, Schedules, SchedulesArgs, entries
from components.settings.schedules import Schedules as Settings
from functions.contract.environment import ENVIRONMENTS
from functions.contract.messages import StartEvent
from functions.engine.errors import ConfigurationError
from functions.engine.orchestration.restore_requests import Poll, read_event
from functions.engine.orchestration.runs import parse_start
from functions.engine.orchestration.verify_request import parse_request
from tests.components.deployment import KEY, REGION, deploy, function_ref, policy, queue_ref
from tests.program.kit import ACCOUNT, Program

EXPRESSIONS: dict[str, str] = Settings().model_dump(exclude={"paused", "timezone"})
FUNCTIONS = {function: function_ref(function) for function in ENVIRONMENTS}


@pytest.fixture(scope="module")
def schedules() -> Program:
    """The schedules of the default settings."""
    args = SchedulesArgs(
        "test", entries(EXPRESSIONS, FUNCTIONS), queue_ref("failures"), KEY, ACCOUNT, REGION, "Europe/Berlin"
    )
    return deploy(lambda: Schedules("clock", args))


def test_each_setting_is_a_schedule(schedules: Program) -> None:
    """With its expression, in the time zone, at the minute."""
    found = {item.inputs["name"].replace("-", "_"): item.inputs for item in schedules.of(_SCHEDULE)}
    assert {name: given["scheduleExpression"] for name, given in found.items()} == EXPRESSIONS
    for given in found.values():
        assert given["scheduleExpressionTimezone"] == "Europe/Berlin"
        assert given["flexibleTimeWindow"] == {"mode": "OFF"}
        assert given["state"] == "ENABLED"
        assert (given["groupName"], given["kmsKeyArn"]) == ("test", KEY.arn)


def test_what_cannot_be_delivered_for_an_hour_is_kept(schedules: Program) -> None:
    """Three more tries, then the dead letters."""
    for item in schedules.of(_SCHEDULE):
        target = item.inputs["target"]
        assert target["retryPolicy"] == {"maximumEventAgeInSeconds": 3_600, "maximumRetryAttempts": 3}
        assert target["deadLetterConfig"] == {"arn": queue_ref("failures").arn}


def test_functions_are_called_by_their_alias(schedules: Program) -> None:
    """By a role that may call these functions and no other, and that only this group may take on."""
    called = {item.inputs["target"]["arn"] for item in schedules.of(_SCHEDULE)}
    start, dead_letters, key = policy(schedules.of("aws:iam/rolePolicy:RolePolicy")[0])
    assert set(start["Resource"]) == called == {FUNCTIONS[target.function].arn for target in TARGETS.values()}
    assert len(start["Resource"]) == len(called)
    assert all(arn.endswith(":live") for arn in called)
    assert (dead_letters["Resource"], key["Resource"]) == ([queue_ref("failures").arn], [KEY.arn])
    (trust,) = policy(schedules.of("aws:iam/role:Role")[0], "assumeRolePolicy")
    group = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule-group/test"
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": group}}


def test_functions_understand_what_they_are_sent(schedules: Program) -> None:
    """Read by the functions' own code, with a time in place of Scheduler's word for it."""
    for item in schedules.of(_SCHEDULE):
        target = TARGETS[item.inputs["name"].replace("-", "_")]
        event = json.loads(item.inputs["target"]["input"].replace(SCHEDULED_TIME, "2026-11-20T02:00:00Z"))
        match target.function:
            case "initiator":
                request = parse_start(event, ["reports"])
                assert request.type.value == target.event[StartEvent.TYPE]
                assert request.scheduled == "2026-11-20T02:00:00Z"
            case "verifier":
                assert parse_request(event, date(2026, 11, 20)).kind.value == item.inputs["name"]
            case "restore":
                assert read_event(event, []) == Poll()
            case "watchdog":
                assert event == {}


def test_paused_schedules_are_made_and_switched_off() -> None:
    """All of them."""
    args = SchedulesArgs(
        "test", entries(EXPRESSIONS, FUNCTIONS), queue_ref("failures"), KEY, ACCOUNT, REGION, paused=True
    )
    found = deploy(lambda: Schedules("clock", args)).of(_SCHEDULE)
    assert [item.inputs["state"] for item in found] == ["DISABLED"] * len(TARGETS)


def test_a_schedule_too_few_or_too_many_is_refused() -> None:
    """A misspelt name would else leave something undone, in silence."""
    with pytest.raises(ConfigurationError, match="watchdoc"):
        entries({"watchdoc": "rate(1 day)"}, FUNCTIONS)


_SCHEDULE = "aws:scheduler/schedule:Schedule"
