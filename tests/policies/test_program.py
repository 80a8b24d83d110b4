"""The program keeps to every rule, and every rule has something to judge in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from policies.model import UNKNOWN, Rule, Stack
from policies.reference import page
from policies.rules import RULES
from tests.policies.kit import judged_all, of_program
from tests.program.kit import ROOT

STACKS = ("dev", "prod", "local", "prod-recovery")


@pytest.mark.parametrize("name", STACKS)
def test_the_program_keeps_to_every_rule(name: str) -> None:
    """For each environment that is deployed."""
    assert judged_all(of_program(name)) == []


@pytest.mark.parametrize("name", STACKS)
def test_what_is_not_known_yet_is_no_finding(name: str) -> None:
    """A first preview knows no ARN and no policy that names one."""
    unknown = [
        replace(item, props={key: _unknown(key, value) for key, value in item.props.items()})
        for item in of_program(name).resources
    ]
    assert judged_all(Stack(tuple(unknown))) == []


def _unknown(key: str, value: Any) -> Any:  # noqa: ANN401 - whatever a property holds
    names_others = key.lower().endswith(("arn", "id", "policy", "url", "role")) or key in {"arn", "bucket"}
    return UNKNOWN if names_others and isinstance(value, str) else value


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_resource_of_which_nothing_is_known_breaks_no_rule(rule: Rule) -> None:
    """It may say too little, but it never fails, and says nothing of that resource."""
    for unknown in {item.kind: item for item in of_program("prod").resources}.values():
        blank = replace(unknown, props=dict.fromkeys(unknown.props, UNKNOWN))
        others = [blank if item is unknown else item for item in of_program("prod").resources]
        assert blank.name not in [
            finding.resource.name
            for finding in rule.check(Stack(tuple(others)))
            if finding.resource and finding.resource.kind == blank.kind
        ]


def test_rules_have_names_reasons_and_a_place_in_the_documents() -> None:
    """A rule without a reason is a habit."""
    names = [rule.name for rule in RULES]
    assert len(names) == len(set(names)) >= 25
    assert all(rule.must.endswith(".") and rule.why.endswith(".") for rule in RULES)
    written = (ROOT / "docs" / "policies.md").read_text(encoding="utf-8")
    assert written == page()
    assert [f"| `{name}` |" for name in names if f"| `{name}` |" not in written] == []
