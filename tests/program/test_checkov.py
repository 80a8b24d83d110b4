"""Exceptions for checkov: each has a reason, and what they leave out is asked here."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from functions.contract.rights import RIGHTS
from tests.program.kit import ROOT, read_config, recorded
from tests.program.reading import ALL_STACKS, FUNCTION, ROLE, is_isolated, policies

ROW = re.compile(r"^\| (CKV2?_AWS_\d+) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
PAGE = (ROOT / "docs" / "checkov.md").read_text(encoding="utf-8")


def test_every_check_that_is_left_out_has_a_reason_and_no_other_stands_on_the_page() -> None:
    """The list for the tool and the page for people are one list."""
    skipped = yaml.safe_load((ROOT / ".checkov.yaml").read_text(encoding="utf-8"))["skip-check"]
    rows = ROW.findall(PAGE)
    assert [check for check, *_ in rows] == skipped
    assert skipped == sorted(set(skipped), key=lambda check: int(check.rpartition("_")[2]))
    assert all(len(why) > 60 for *_, why in rows)


def test_only_the_restore_role_is_open_to_an_account() -> None:
    """What CKV_AWS_61 would say of any other role."""
    program = recorded("prod")
    open_to_accounts = {
        policy.owner.name
        for policy in policies(program)
        if policy.owner.type == ROLE and any("AWS" in statement["Principal"] for statement in policy.statements)
    }
    assert open_to_accounts == {"access-role"}


@pytest.mark.parametrize("stack", ALL_STACKS)
def test_functions_are_in_a_network_where_the_stack_says_so(stack: str) -> None:
    """What CKV_AWS_117 would say: of production, which must not be relaxed, that all are."""
    found = ["vpcConfig" in item.inputs for item in recorded(stack).of(FUNCTION)]
    assert found == [is_isolated(stack)] * len(RIGHTS)
    assert is_isolated("prod")
    assert is_isolated("dev")


@pytest.mark.parametrize("stack", ["prod", "dev"])
def test_logs_are_kept_for_a_year(stack: str) -> None:
    """What CKV_AWS_338 would say, of every log group: the functions', the network's, the trail's and the API's."""
    groups = recorded(stack).of("aws:cloudwatch/logGroup:LogGroup")
    assert len(groups) == len(RIGHTS) + 3
    assert {item.inputs["retentionInDays"] for item in groups} == {365}


@pytest.mark.parametrize(("stack", "resources"), re.findall(r"^\| `([\w-]+)` \| (\d+) \| \d+ \|", PAGE, re.MULTILINE))
def test_the_figures_are_those_of_the_program_of_today(stack: str, resources: str) -> None:
    """As many resources of AWS as it registers: else checkov has to be run again."""
    found = sum(item.type.startswith("aws:") for item in recorded(stack).resources)
    assert found == int(resources)


def test_figures_of_every_stack_are_on_the_page() -> None:
    """Or the test above looks at nothing."""
    assert len(re.findall(r"^\| `(?:prod|dev|prod-recovery|local)` \| \d+ \| \d+ \|", PAGE, re.MULTILINE)) == 4


@pytest.mark.parametrize("stack", ALL_STACKS)
def test_alarms_tell_somebody_where_something_comes_by_the_clock(stack: str) -> None:
    """What CKV_AWS_319 would say, but for a stack that is paused."""
    paused = json.loads(read_config(stack)["strongroom:schedules"]).get("paused", False)
    alarms = recorded(stack).of("aws:cloudwatch/metricAlarm:MetricAlarm")
    told = {item.inputs.get("actionsEnabled", True) for item in alarms}
    assert told == {not paused}
