"""Configurations: read into frozen settings, all that is wrong said at once."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from components.settings import Replica, Settings, Source, load
from components.settings.shapes import all_keys, fields_of, shape_of
from functions.engine.errors import ConfigurationError
from tests.settings.kit import DEV, KEY, PROD, SOURCE, config, loaded, refused, steadily

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

_KEYS = sorted(fields_of(Settings))


def _inner(field: FieldInfo) -> dict[str, FieldInfo]:
    shape = shape_of(field)
    section = shape.section or (shape.item.section if shape.item else None)
    return fields_of(section) if section else {}


def test_a_few_keys_are_enough_and_the_rest_is_safe() -> None:
    """Defaults are those of production."""
    settings = load(DEV)
    assert settings.sources == (Source(name="reports", bucket="acme-reports", prefix="clients/"),)
    assert settings.replica == Replica(region="us-west-2")
    assert settings.protect
    assert settings.network.isolated
    assert (settings.retention.days, settings.retention.lock_days, settings.tier.storage_class) == (60, 30, "STANDARD")
    assert load(PROD).production
    assert not settings.production


def test_texts_as_pulumi_hands_them_over_are_read() -> None:
    """Objects and truths arrive as JSON, keys with their namespace, other namespaces beside them."""
    texts = {f"strongroom:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in DEV.items()}
    more = {"strongroom:protect": "false", "strongroom:retention": '{"days": 90}', "aws:profile": "x"}
    settings = load({**texts, **more, "aws:region": "us-east-1"})
    assert settings == loaded(protect=False, retention={"days": 90})
    assert settings.retention.days == 90


def test_names_are_camel_case_outside_and_snake_case_inside() -> None:
    """One spelling each: the other one is an unknown key."""
    assert loaded(retention={"lockDays": 5}).retention.lock_days == 5
    (line,) = refused(config(retention={"lock_days": 5}))
    assert line == (
        "strongroom:retention.lock_days is unknown (did you mean lockDays?): known are days, daily, weekly, "
        "monthly, yearly, expireShare, undeleteDays, lockMode, lockDays, auditDays, auditLockDays"
    )


def test_settings_cannot_be_changed() -> None:
    """Neither a field, nor a list, nor a tag."""
    settings = loaded(tags={"CostCenter": "x"})
    with pytest.raises(ValidationError, match="frozen"):
        settings.protect = False  # type: ignore[misc]  # what is tried here
    with pytest.raises(ValidationError, match="frozen"):
        settings.retention.days = 1  # type: ignore[misc]  # what is tried here
    with pytest.raises(TypeError):
        settings.tags["CostCenter"] = "y"  # type: ignore[index]  # what is tried here
    assert isinstance(settings.sources, tuple)


def test_all_problems_come_in_one_error() -> None:
    """Broken values, missing and unknown keys, and rules between those keys that are whole."""
    lines = refused(
        {
            "strongroom:environment": "prod",
            "strongroom:sources": [{"bucket": "Acme"}],
            "strongroom:retention": {"days": 10, "lockDays": 20, "undeleteDays": 5},
            "strongroom:protect": "false",
            "strongroom:network": {"cidr": "8.8.8.0/24"},
            "strongroom:colour": "red",
        }
    )
    assert [line.partition(":")[2].partition(", such as")[0] for line in lines] == [
        f"colour is unknown: known are {', '.join(fields_of(Settings))}",
        "accountId is missing: must be 12 digits, in quotes",
        f"sources[0].name is missing: must be {shape_of(fields_of(Source)['name']).allowed}",
        'sources[0].bucket is "Acme": must be 3 to 63 lower-case letters, digits, dots and hyphens',
        'network.cidr is "8.8.8.0/24": must be a private IPv4 network from /16 to /28, without host bits',
        "protect is false: must not be relaxed in prod",
        "notifications.email is null: must be set in prod: an alarm that nobody gets is a silence",
        "retention.lockDays is 20: must be at most retention.days, which is 10",
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"retentionDays": 60}, "retentionDays is unknown (did you mean retention.days?)"),
        ({"retention_days": 60}, "retention_days is unknown (did you mean retention.days?)"),
        ({"notificationEmail": "x"}, "notificationEmail is unknown (did you mean notifications.email?)"),
        ({"trustedAccountIds": []}, "trustedAccountIds is unknown (did you mean access.trustedAccounts?)"),
        ({"Budget": {}}, "Budget is unknown (did you mean budget?)"),
        ({"alarms": {"rpoHour": 3}}, "alarms.rpoHour is unknown (did you mean rpoHours?)"),
        ({"sources": [SOURCE, SOURCE | {"buckets": "x"}]}, "sources[1].buckets is unknown (did you mean bucket?)"),
        ({"replica": {"regoin": "x"}}, "replica.regoin is unknown (did you mean region?)"),
    ],
)
def test_unknown_keys_are_refused_with_the_nearest(changes: dict[str, object], expected: str) -> None:
    """On every level, by old names too."""
    assert any(line.startswith(f"strongroom:{expected}") for line in refused(config(**changes)))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"protect": "perhaps"}, 'protect is "perhaps": must be true or false, such as true'),
        ({"protect": 1}, "protect is 1: must be true or false, such as true"),
        ({"retention": "{"}, 'retention is "{": must be an object of days, daily,'),
        ({"retention": {"days": "60"}}, 'retention.days is "60": must be a whole number from 1 to 36,500, such as 60'),
        ({"retention": {"days": True}}, "retention.days is true: must be a whole number"),
        ({"retention": {"days": 1.5}}, "retention.days is 1.5: must be a whole number"),
        ({"retention": {"days": 0}}, "retention.days is 0: must be a whole number from 1 to 36,500"),
        ({"retention": {"days": 10**30}}, f"retention.days is {10**30}: must be a whole number from 1 to 36,500"),
        ({"budget": {"monthlyUsd": math.nan}}, "budget.monthlyUsd is NaN: must be a number from 1 to 1,000,000"),
        ({"budget": {"monthlyUsd": math.inf}}, "budget.monthlyUsd is Infinity: must be a number"),
        ({"sources": []}, "sources is []: must be a list of one or more, such as [{"),
        ({"sources": "reports"}, 'sources is "reports": must be a list of one or more'),
        ({"sources": [None]}, "sources[0] is null: must be an object of name, bucket, prefix, priority, keyArn"),
        ({"accountId": 123456789012}, "accountId is 123456789012: must be 12 digits, in quotes, such as 123456789012"),
        ({"region": "eu-centrl-2"}, 'region is "eu-centrl-2": must be a region of AWS, such as eu-central-2'),
        ({"tier": {"storageClass": "GLACIER_RI"}}, "such as GLACIER_IR"),
        ({"workers": {"logDays": 31}}, "workers.logDays is 31: must be one of 1, 3, 5, 7, 14, 30,"),
        ({"tags": {"aws:x": "1"}}, 'tags is "aws:x": a key must be 1 to 128 letters, digits, spaces'),
        ({"tags": {"x": "{}"}}, 'tags.x is "{}": must be up to 256 letters, digits'),
        ({"tags": {str(n): "" for n in range(31)}}, "must be an object of up to 30, such as"),
        ({"access": {"trustedAccounts": ["1"]}}, 'access.trustedAccounts[0] is "1": must be 12 digits'),
        ({"replica": {"timeControl": True}}, "replica.region is missing: must be a region of AWS, such as us-east-1"),
        ({"tags": {"x": "\ud800"}}, 'tags is "...": must be an object of up to 30, in Unicode'),
        ({"sources": "[" * 100_000}, "must be a list of one or more"),
        ({"sources": json.loads("[" * 300 + "]" * 300)}, 'sources is "...": must be a list of one or more, in Unicode'),
    ],
)
def test_a_broken_value_is_named_with_what_is_allowed(changes: dict[str, object], expected: str) -> None:
    """Key, value, what is allowed and an example, in one line that fits a terminal."""
    lines = refused(config(**changes))
    assert any(expected in line for line in lines)


def test_secrets_are_not_shown() -> None:
    """Neither those that Pulumi keeps as secrets, nor those that are named like one, wherever they stand."""
    broken = config(notifications={"email": "hush at home"}, tags={"apiToken": "{hush}"})
    lines = refused({**broken, "accessKey": "hush"}, "strongroom:notifications")
    assert len(lines) == 3
    assert not any("hush" in line for line in lines)
    assert any(line.startswith("strongroom:notifications.email is ***: must be an e-mail address") for line in lines)
    (line,) = refused(config(budget=[{"password": "hush", "other": "seen"}]))
    assert "hush" not in line
    assert "seen" in line


def test_long_values_are_cut() -> None:
    """A message stays one line."""
    (line,) = refused(config(region="x" * 10_000))
    assert len(line) < 300


def test_very_many_problems_are_counted() -> None:
    """And so many named as a terminal holds."""
    with pytest.raises(ConfigurationError) as caught:
        loaded(sources=[{"name": f"s{number}", "bucket": "B"} for number in range(500)])
    lines = caught.value.message.splitlines()
    assert (lines[0], lines[-1], len(lines)) == ("500 settings cannot be used:", "  ... and 400 more", 102)


def test_no_replica_is_said_by_an_empty_object() -> None:
    """As a text too; null says the same."""
    assert loaded(replica={}).replica is None
    assert loaded(replica=None).replica is None
    assert load(config(replica="{}")).replica is None


def test_the_providers_region_must_be_the_stacks() -> None:
    """Or everything would be made in one region under the names of another."""
    assert load({**DEV, "aws:region": "us-east-1"}).region == "us-east-1"
    (line,) = refused({**DEV, "aws:region": "eu-west-1"})
    assert line == (
        'aws:region is "eu-west-1": must be the stack\'s region, which strongroom:region says is us-east-1, such as '
        "us-east-1"
    )


def test_python_code_may_build_settings_by_their_names() -> None:
    """With the same checks of each value."""
    source = Source(name="reports", bucket="acme-reports", prefix="clients/")
    assert Settings(environment="dev", account_id="123456789012", sources=(source,)) == load(DEV)
    with pytest.raises(ValidationError):
        Source(name="reports", bucket="Acme")


@pytest.mark.parametrize("key", _KEYS)
@pytest.mark.parametrize("value", [None, [], {}, "", 0, -1, [[]], {"": None}, [{"x": {}}]], ids=str)
def test_whatever_is_set_is_taken_or_refused_in_words(key: str, value: object) -> None:
    """Never another error than ours."""
    _taken_or_refused({**DEV, key: value})


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_PATHS = st.sampled_from(sorted(all_keys(Settings)))


@steadily
@given(path=_PATHS, value=_JSON)
def test_no_json_at_any_key_breaks_the_reader(path: str, value: object) -> None:
    """It is read, or named."""
    first, _, second = path.partition(".")
    inner = {"region": "us-west-2"} if first == "replica" else {}
    _taken_or_refused({**DEV, first: {**inner, second: value} if second else value})


@steadily
@given(st.dictionaries(st.text(max_size=30), st.text(max_size=30), max_size=3))
def test_no_key_breaks_the_reader(unknown: dict[str, str]) -> None:
    """Whatever stands in a file."""
    _taken_or_refused({**unknown, **DEV})


_FIRST_LEVEL = [(name, key) for name, field in fields_of(Settings).items() for key in _inner(field)]


@pytest.mark.parametrize("name", _KEYS)
def test_the_example_of_a_key_is_one_that_is_taken(name: str) -> None:
    """A person who copies it is done."""
    settings = loaded(**{name: shape_of(fields_of(Settings)[name]).example}) if name != "environment" else load(PROD)
    assert settings.account_id == "123456789012"


@pytest.mark.parametrize(("name", "key"), _FIRST_LEVEL)
def test_the_example_of_an_inner_key_is_one_that_is_taken(name: str, key: str) -> None:
    """With what else its object needs. Only the replica's example is the region of the stack."""
    promote = {"environment": "lost", "keyArn": KEY}
    needed = {"sources": SOURCE, "replica": {"region": "us-west-2"}, "promote": promote}.get(name, {})
    inner = _inner(fields_of(Settings)[name])[key]
    value = {**needed, key: shape_of(inner).example}
    region = "eu-west-1" if (name, key) == ("replica", "region") else "us-east-1"
    assert loaded(**{name: [value] if name == "sources" else value}, region=region).region == region


def test_a_key_arn_is_taken() -> None:
    """With its bucket."""
    assert loaded(sources=[{**SOURCE, "keyArn": KEY}]).sources[0].key_arn == KEY


def _taken_or_refused(configuration: dict[str, object]) -> None:
    try:
        settings = load(configuration)
    except ConfigurationError as error:
        assert error.message.count("\n") >= 2  # noqa: PT017 - either end is right
    else:
        assert isinstance(settings, Settings)
