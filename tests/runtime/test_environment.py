"""Environment variables: read by their types, all that is wrong said at once."""

from __future__ import annotations

import json
from dataclasses import MISSING, dataclass, fields

import pytest

from functions.contract.environment import (
    ENVIRONMENTS,
    CommonEnvironment,
    InitiatorEnvironment,
    SourceSetting,
    VerifierEnvironment,
    WatchdogEnvironment,
)
from functions.engine.errors import ConfigurationError
from functions.runtime.environment import read_environment

SOURCES = [{"name": "reports", "bucket": "acme", "prefix": "clients/", "priority": ["board", "legal-*"]}]
COMMON = {"STACK": "prod", "AWS_REGION": "eu-central-1", "TOPIC_ARN": "arn:aws:sns:eu-central-1:1:t"}
WATCHDOG = {**COMMON, "SOURCES": json.dumps(SOURCES), "RUNS_TABLE": "runs", "USERS_TABLE": "users"}


def refused(environ: dict[str, str], kind: type[CommonEnvironment] = WatchdogEnvironment) -> str:
    """Give the message of the one error."""
    with pytest.raises(ConfigurationError) as caught:
        read_environment(kind, environ)
    return str(caught.value)


def sources(*settings: object) -> dict[str, str]:
    """Give an environment with these sources."""
    return {**WATCHDOG, "SOURCES": json.dumps(settings)}


def test_every_value_is_read_by_its_fields_type() -> None:
    """Text, numbers and JSON; what is not set keeps its default."""
    read = read_environment(WatchdogEnvironment, {**WATCHDOG, "RPO_HOURS": "36", "UNRELATED": "x"})
    assert read == WatchdogEnvironment(
        stack="prod",
        aws_region="eu-central-1",
        topic_arn="arn:aws:sns:eu-central-1:1:t",
        sources=(SourceSetting("reports", "acme", "clients/", ("board", "legal-*")),),
        runs_table="runs",
        users_table="users",
        rpo_hours=36,
    )


@pytest.mark.parametrize("name", sorted(ENVIRONMENTS))
def test_every_function_can_be_given_an_environment(name: str) -> None:
    """Each class of the contract has only types that can be read, and every variable has an example."""
    kind = ENVIRONMENTS[name]
    lists = dict.fromkeys(("restore_buckets", "source_names", "function_arns"), '["a", "b"]')
    special = {"sources": json.dumps(SOURCES), "scratch_prefix": "drills/", **lists}
    required = [item.name for item in fields(kind) if item.default is MISSING]
    read = read_environment(kind, {item.upper(): special.get(item, "some") for item in required})
    assert read.stack == "some"
    message = refused({}, kind)
    assert all(f"{item.upper()} is missing, such as " in message for item in required)


def test_all_problems_come_in_one_error() -> None:
    """Whoever deploys corrects them all in one go."""
    environ = {**WATCHDOG, "RPO_HOURS": "soon", "LOG_LEVEL": "loud", "RUNS_TABLE": ""}
    del environ["STACK"]
    message = refused({**environ, "SOURCES": "[{]"})
    assert "CONFIG_INVALID: 5 settings cannot be used" in message
    for expected in (
        "STACK is missing, such as prod",
        "RUNS_TABLE is missing, such as strongroom-prod-runs",
        "RPO_HOURS is 'soon': must be a whole number of 1 or more, such as 30",
        "LOG_LEVEL is 'loud': must be one of DEBUG, INFO, WARNING, ERROR, such as INFO",
        "SOURCES is '[{]': must be JSON",
    ):
        assert expected in message


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ({"name": "a", "bucket": "b", "prefx": "c/"}, "SOURCES[0].prefx is unknown (did you mean prefix?)"),
        ({"name": "a", "bucket": "b", "zzz": 1}, "SOURCES[0].zzz is unknown: known are name, bucket, prefix, priority"),
        ({"name": "a"}, "SOURCES[0].bucket is missing, such as acme-reports"),
        ({"name": "a", "bucket": 7}, "SOURCES[0].bucket is 7: must be text"),
        ({"name": "", "bucket": "b"}, "SOURCES[0].name is '': must be text"),
        ({"name": " a", "bucket": "b"}, "SOURCES[0].name is ' a': must be up to 100 characters of ASCII"),
        ({"name": "Zoë", "bucket": "b"}, "SOURCES[0].name is 'Zoë': must be up to 100 characters of ASCII"),
        ({"name": "a" * 101, "bucket": "b"}, "must be up to 100 characters of ASCII"),
        ({"name": "a", "bucket": "b", "prefix": "c"}, "SOURCES[0].prefix is 'c': must be empty or end with '/'"),
        ({"name": "a", "bucket": "b", "priority": "x"}, "SOURCES[0].priority is 'x': must be a list, in JSON"),
        ({"name": "a", "bucket": "b", "priority": [1]}, "SOURCES[0].priority[0] is 1: must be text"),
        ("a", "SOURCES[0] is 'a': must be an object"),
    ],
)
def test_a_source_is_checked_key_by_key(setting: object, expected: str) -> None:
    """With the place of the value inside the variable, and the nearest known key."""
    assert expected in refused(sources(setting))


def test_names_of_sources_are_unique() -> None:
    """Two sources of one name would write into each other's backups."""
    one, other = {"name": "a", "bucket": "b"}, {"name": "a", "bucket": "c"}
    assert "SOURCES is 'a': must be the name of one source only" in refused(sources(one, other))
    assert read_environment(WatchdogEnvironment, sources(one, {**other, "name": "b"})).sources[1].bucket == "c"


def test_an_empty_list_of_sources_is_refused() -> None:
    """A backup of nothing would be a silent one."""
    assert "must be a list of one or more" in refused(sources())


def test_a_scratch_prefix_ends_with_a_slash() -> None:
    """Else a lifecycle rule below it would clear away its neighbours."""
    assert "SCRATCH_PREFIX is 'drills': must be empty or end with '/'" in refused(
        {"SCRATCH_PREFIX": "drills"}, VerifierEnvironment
    )


@pytest.mark.parametrize("text", ["-1", "0", "0.0", "nan", "inf", "1e3", "100.5", "x", "9" * 500])
def test_a_share_is_a_number_above_nothing_up_to_all(text: str) -> None:
    """Written plainly."""
    assert "SAMPLE_PERCENT is " in refused({"SAMPLE_PERCENT": text}, VerifierEnvironment)


@pytest.mark.parametrize("text", ["-1", "0", "1.5", "٣", "1_0", " 1", "9" * 5_000])
def test_a_whole_number_is_positive_and_plain(text: str) -> None:
    """Nothing that Python's int() takes and people do not write."""
    assert "RPO_HOURS is " in refused({**WATCHDOG, "RPO_HOURS": text})


def test_secrets_are_masked_and_long_values_cut() -> None:
    """The message stands in a log."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Odd(CommonEnvironment):
        session_token: int = 0

    message = refused({**COMMON, "SESSION_TOKEN": "hunter2", "LOG_LEVEL": "x" * 10_000}, Odd)
    assert "SESSION_TOKEN is ***: must be a whole number" in message
    assert "hunter2" not in message
    assert len(message) < 1_000


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("TRUE", True), ("1", True), ("false", False), ("0", False)]
)
def test_a_truth_is_read_and_a_share_too(text: str, value: bool) -> None:  # noqa: FBT001 - a case of the table
    """As people and other programs write them."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Odd(CommonEnvironment):
        eager: bool = False
        share: float = 1.0

    read = read_environment(Odd, {**COMMON, "EAGER": text, "SHARE": "2.5"})
    assert (read.eager, read.share) == (value, 2.5)
    assert "EAGER is 'yes': must be one of true, 1, false, 0" in refused({**COMMON, "EAGER": "yes"}, Odd)


def test_an_empty_optional_variable_is_not_set() -> None:
    """Lambda shows an empty variable where a deployment has none."""
    assert read_environment(WatchdogEnvironment, {**WATCHDOG, "AWS_ENDPOINT_URL": ""}).aws_endpoint_url is None


def test_the_initiator_names_what_it_lacks() -> None:
    """Also what Lambda itself sets."""
    assert "AWS_LAMBDA_FUNCTION_NAME is missing" in refused(WATCHDOG, InitiatorEnvironment)
