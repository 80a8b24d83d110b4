"""What calls the remediator: alarms of one stack, none of its own, and what counts functions that lacked memory."""

from __future__ import annotations

import json
from typing import Any

from components.alarm_list import alarm_list
from components.remediation import PAGES, Remediation, RemediationArgs
from components.settings.watching import Alarms as Limits
from functions.contract.environment import ENVIRONMENTS, RemediatorEnvironment, SourceSetting
from functions.contract.metric_names import OUT_OF_MEMORY
from functions.runtime.remediation_service import known_of, policy_of
from tests.components.deployment import function_ref
from tests.components.watched import STACK, registered, watched
from tests.program.kit import ACCOUNT, Registration

FILTER = "aws:cloudwatch/logMetricFilter:LogMetricFilter"
RULE = "aws:cloudwatch/eventRule:EventRule"
PERMISSION = "aws:lambda/permission:Permission"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
SIZED = [name.replace("_", "-") for name in ENVIRONMENTS if name != "remediator"]


def made(*, enabled: bool = True) -> list[Registration]:
    """Give what is made for a stack with all functions."""
    args = RemediationArgs(
        stack=STACK,
        account_id=ACCOUNT,
        remediator=function_ref("remediator"),
        functions={f"{STACK}-{name}": function_ref(name) for name in SIZED},
        enabled=enabled,
    )
    return registered(lambda: Remediation("remediation", args))


def of(kind: str, found: list[Registration]) -> list[Registration]:
    """Give those of one type."""
    return [item for item in found if item.type == kind]


def test_each_function_has_a_metric_that_its_alarm_looks_at() -> None:
    """By the names that both make; the remediator itself has neither."""
    counted = {
        (item.inputs["metricTransformation"]["namespace"], item.inputs["metricTransformation"]["name"])
        for item in of(FILTER, made())
    }
    alarms = [alarm for alarm in alarm_list(watched(), Limits()) if alarm.page == "function-memory"]
    assert {(alarm.series[0].namespace, alarm.series[0].metric) for alarm in alarms} == counted
    assert counted == {(OUT_OF_MEMORY, f"{STACK}-{name}") for name in SIZED}


def test_the_rule_knows_alarms_of_this_stack_alone() -> None:
    """Only those that ring, of pages that there are, and none about the remediator's own deeds."""
    (rule,) = of(RULE, made())
    pattern = json.loads(rule.inputs["eventPattern"])
    assert pattern["account"] == [ACCOUNT]
    assert pattern["detail"]["state"] == {"value": ["ALARM"]}
    prefixes = [item["prefix"] for item in pattern["detail"]["alarmName"]]
    assert prefixes == [f"{STACK}-{page}-" for page in PAGES]
    names = [f"{STACK}-{alarm.name}" for alarm in alarm_list(watched(), Limits())]
    called = [name for name in names if name.startswith(tuple(prefixes))]
    assert all(any(name.startswith(prefix) for name in called) for prefix in prefixes)
    assert not [name for name in called if "remediat" in name]
    assert len(json.dumps(pattern)) < 2_048


def test_only_that_rule_may_call_it_by_its_alias() -> None:
    """And gives an event up after an hour: the schedule looks anyway."""
    found = made()
    (permission,), (target,) = of(PERMISSION, found), of(TARGET, found)
    assert permission.inputs["principal"] == "events.amazonaws.com"
    assert permission.inputs["qualifier"] == "live"
    assert permission.inputs["sourceArn"]
    assert target.inputs["arn"] == function_ref("remediator").arn
    assert target.inputs["retryPolicy"]["maximumEventAgeInSeconds"] == 3_600


def test_switched_off_memory_is_watched_and_nobody_is_called() -> None:
    """The alarms are there all the same."""
    found = made(enabled=False)
    assert len(of(FILTER, found)) == len(SIZED)
    assert not [item for kind in (RULE, PERMISSION, TARGET) for item in of(kind, found)]


def test_the_function_knows_just_these_alarms() -> None:
    """By its variables; what they leave out is never done."""
    base = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{STACK}-"
    urls: dict[str, Any] = {
        **{f"{name}_queue_url": "https://queue" for name in ("job", "priority", "restore")},
        **{f"{name}_dead_letters_url": f"https://{name}" for name in ("job", "priority", "restore")},
    }
    environment = RemediatorEnvironment(
        stack=STACK,
        aws_region="us-east-1",
        topic_arn="topic",
        source_names=(SourceSetting("reports", "bucket").name,),
        runs_table="runs",
        restores_table="restores",
        initiator_arn=f"{base}initiator:live",
        function_arns=tuple(f"{base}{name}" for name in SIZED),
        **urls,
    )
    alarms = {f"{STACK}-{alarm.name}" for alarm in alarm_list(watched(), Limits()) if alarm.page == "function-memory"}
    assert known_of(environment).memory_alarms.keys() == alarms
    assert known_of(environment).account == ACCOUNT
    policy = policy_of(environment)
    assert not policy.enabled
    assert policy.redrives_per_day == policy.reruns_per_day == policy.memory_ceiling_mb == 0
    assert policy.functions == {name: f"{base}{name}" for name in sorted(SIZED)}
