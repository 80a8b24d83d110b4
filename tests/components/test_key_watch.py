"""Whoever takes a key away is seen, also from the region whose key still works."""

from __future__ import annotations

import json
from typing import Any

from components.key_watch import KeyPlace, KeyWatch, KeyWatchArgs
from tests.components.watched import FAR_KEY, FAR_TOPIC, HERE, KEY, STACK, THERE, TOPIC, registered
from tests.program.kit import ACCOUNT, Registration

PLACES = (KeyPlace(HERE, KEY, TOPIC), KeyPlace(THERE, FAR_KEY, FAR_TOPIC))
BUS = "arn:aws:events:{}:123456789012:event-bus/default"


def made(*places: KeyPlace) -> list[Registration]:
    """Give what the component registers."""
    return registered(lambda: KeyWatch("keys", KeyWatchArgs(STACK, ACCOUNT, places)))


def rules(resources: list[Registration]) -> dict[str, dict[str, Any]]:
    """Give the patterns of the rules by their physical names, each with its region."""
    return {
        item.inputs["name"]: {**json.loads(item.inputs["eventPattern"]), "in": item.inputs["region"]}
        for item in resources
        if item.type == "aws:cloudwatch/eventRule:EventRule"
    }


def targets(resources: list[Registration]) -> list[tuple[str, str, str]]:
    """Give region, rule and ARN of all targets."""
    return sorted(
        (item.inputs["region"], item.inputs["rule"], item.inputs["arn"])
        for item in resources
        if item.type == "aws:cloudwatch/eventTarget:EventTarget"
    )


def test_the_calls_that_take_a_key_away_are_told_in_both_regions() -> None:
    """Each region's topic hears of both keys: a key that is being deleted encrypts no message any more."""
    resources = made(*PLACES)
    assert {
        (HERE, f"{STACK}-key-at-risk-{HERE}", TOPIC.arn),
        (THERE, f"{STACK}-key-at-risk-{THERE}", FAR_TOPIC.arn),
    } <= set(targets(resources))
    for region in (HERE, THERE):
        detail = rules(resources)[f"{STACK}-key-at-risk-{region}"]["detail"]
        assert detail["eventName"] == ["ScheduleKeyDeletion", "DisableKey"]
        assert detail["resources"]["ARN"] == [KEY.arn, FAR_KEY.arn]


def test_a_region_hands_over_only_what_happens_to_its_own_key() -> None:
    """What came from the other region must not go back to it."""
    resources = made(*PLACES)
    found = rules(resources)
    for here, there, key in ((HERE, THERE, KEY), (THERE, HERE, FAR_KEY)):
        name = f"{STACK}-key-at-risk-{here}-away"
        assert found[name]["detail"]["resources"]["ARN"] == [key.arn]
        assert found[name]["in"] == here
        assert (here, name, BUS.format(there)) in targets(resources)
    assert len(found) == len(targets(resources)) == 4


def test_the_role_that_hands_over_may_do_that_and_nothing_else() -> None:
    """Into the default buses of the two regions."""
    policies = [item for item in made(*PLACES) if item.type == "aws:iam/rolePolicy:RolePolicy"]
    statements = [statement for item in policies for statement in json.loads(item.inputs["policy"])["Statement"]]
    assert statements == [
        {"Effect": "Allow", "Action": "events:PutEvents", "Resource": [BUS.format(HERE), BUS.format(THERE)]}
    ]


def test_one_place_needs_no_role_and_no_second_region() -> None:
    """A stack without a replica."""
    resources = made(PLACES[0])
    assert {item.type for item in resources} == {
        "strongroom:index:KeyWatch",
        "aws:cloudwatch/eventRule:EventRule",
        "aws:cloudwatch/eventTarget:EventTarget",
    }
    assert {region for region, _rule, _arn in targets(resources)} == {HERE}


def test_the_message_is_one_sentence_that_names_its_page() -> None:
    """A template of text stands in quotes, and every word in angle brackets has a path."""
    for item in made(*PLACES):
        transformer = item.inputs.get("inputTransformer")
        if transformer is None:
            continue
        template = json.loads(transformer["inputTemplate"])
        assert "docs/runbooks/key-at-risk.md" in template
        assert {word.partition(">")[0] for word in template.split("<")[1:]} == set(transformer["inputPaths"])
