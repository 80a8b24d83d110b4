"""Alarms, queues and pages of the whole program: what is watched exists, and what a page names exists too."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest

from components.alarm_list import STORAGE_TYPES, WATCHED_KINDS
from functions.contract.messages import CollectEvent, RemediateEvent, RestoreEvent, StartEvent, VerifyEvent
from functions.contract.metric_names import NAMESPACE, OUT_OF_MEMORY, Dimension
from functions.contract.rights import HANDS_ON, RIGHTS
from tests.components.emitted import Written, written
from tests.components.test_alarms import DIMENSIONS
from tests.components.test_runbooks import INDEX, PAGES, commands
from tests.program.kit import ROOT, Program, Registration, read_config, recorded
from tests.program.reading import ALL_STACKS, FUNCTION, QUEUE, TABLE, TOPIC, arn, region_of, tables_of

ALARM: Final = "aws:cloudwatch/metricAlarm:MetricAlarm"
OPERATIONS: Final = {"GetItem", "Query", "PutItem", "UpdateItem", "BatchGetItem", "BatchWriteItem"}
NAMED: Final = {
    "--table-name": TABLE,
    "--dedup-table": TABLE,
    "--backups-table": TABLE,
    "--users-table": TABLE,
    "--queue-name": QUEUE,
    "--function-name": FUNCTION,
    "--group-name": "aws:scheduler/scheduleGroup:ScheduleGroup",
    "--budget-name": "aws:budgets/budget:Budget",
    "--log-group-name": "aws:cloudwatch/logGroup:LogGroup",
    "--alarm-name": ALARM,
    "--dashboard-name": "aws:cloudwatch/dashboard:Dashboard",
}
"""Options of commands on pages, and what they name."""
METRIC_FILTER = "aws:cloudwatch/logMetricFilter:LogMetricFilter"
every_stack = pytest.mark.parametrize("stack", ALL_STACKS)


def series(alarm: Registration) -> Iterator[dict[str, Any]]:
    """Give the metrics of an alarm: its own one, or those of its expression."""
    if "metricName" in alarm.inputs:
        yield alarm.inputs
    for query in alarm.inputs.get("metricQueries", ()):
        if "metric" in query:
            yield query["metric"]


def values(program: Program, stack: str) -> dict[str, set[str]]:
    """Give what each dimension may be, by what there is."""
    buckets = {str(item.inputs["bucket"]) for item in program.of("aws:s3/bucket:Bucket")}
    buckets.add(program.outputs["BackupBucketName"])
    rules = program.of("aws:s3/bucketReplicationConfig:BucketReplicationConfig")
    return {
        "FunctionName": names(program, FUNCTION),
        "QueueName": names(program, QUEUE),
        "TableName": tables_of(stack, program),
        "BucketName": buckets,
        "SourceBucket": {rule.inputs["bucket"] for rule in rules},
        "DestinationBucket": buckets,
        "RuleId": {one["id"] for rule in rules for one in rule.inputs["rules"]},
        "ScheduleGroup": names(program, "aws:scheduler/scheduleGroup:ScheduleGroup"),
        "StorageType": set(STORAGE_TYPES),
        "ApiId": {f"{item.name}-id" for item in program.of("aws:apigatewayv2/api:Api")},
        "BackupVaultName": {str(item.inputs["name"]) for item in program.of("aws:backup/vault:Vault")},
        "Operation": OPERATIONS,
        Dimension.STACK: {item.inputs["environment"]["variables"]["STACK"] for item in program.of(FUNCTION)},
        Dimension.SOURCE: {one["name"] for one in json.loads(read_config(stack)["strongroom:sources"])},
        Dimension.CODE: set(WATCHED_KINDS),
    }


def names(program: Program, kind: str) -> set[str]:
    """Give the physical names of a kind of resource."""
    found = {str(item.inputs.get("name") or item.inputs.get("dashboardName")) for item in program.of(kind)}
    assert found, kind
    return found


@every_stack
def test_every_alarm_tells_somebody_in_its_region_and_names_a_page_that_exists(stack: str) -> None:
    """An alarm at night without a page is a riddle; one without a topic is no alarm."""
    program = recorded(stack)
    topics = {arn("sns", stack, topic): region_of(stack, topic) for topic in program.of(TOPIC)}
    alarms = program.of(ALARM)
    assert len(alarms) > 40
    for alarm in alarms:
        assert alarm.inputs["alarmActions"]
        for topic in (*alarm.inputs["alarmActions"], *alarm.inputs.get("okActions", ())):
            assert topics[topic] == region_of(stack, alarm)
        page = alarm.inputs["alarmDescription"].rpartition(" ")[2].rstrip(".")
        assert (ROOT / page).is_file(), page


@every_stack
def test_every_alarm_watches_a_metric_that_something_in_the_stack_emits(stack: str) -> None:
    """With the same dimensions, and in each of them the name of something that is there."""
    program = recorded(stack)
    known = values(program, stack)
    for alarm in program.of(ALARM):
        found = list(series(alarm))
        assert found, alarm.name
        for one in found:
            dimensions, namespace, metric = one["dimensions"], one["namespace"], one["metricName"]
            if namespace == OUT_OF_MEMORY:
                filters = [item.inputs["metricTransformation"] for item in program.of(METRIC_FILTER)]
                assert [(namespace, metric)] == [
                    (one["namespace"], one["name"]) for one in filters if one["name"] == metric
                ]
            elif namespace == NAMESPACE:
                assert Written(namespace, metric, frozenset(dimensions)) in written(), alarm.name
            else:
                assert DIMENSIONS[namespace, metric] == set(dimensions), alarm.name
            for name, value in dimensions.items():
                assert value in known[name], (alarm.name, name, value)


@every_stack
def test_everything_that_can_fail_is_watched(stack: str) -> None:
    """Each function, each queue, each table; one more of them must not go unseen."""
    program = recorded(stack)
    seen: dict[str, set[str]] = {}
    for alarm in program.of(ALARM):
        for one in series(alarm):
            for name, value in one["dimensions"].items():
                seen.setdefault(name, set()).add(value)
    assert seen["FunctionName"] == names(program, FUNCTION)
    assert seen["QueueName"] == names(program, QUEUE)
    assert seen["TableName"] == tables_of(stack, program)
    assert seen[Dimension.SOURCE] == values(program, stack)[Dimension.SOURCE]


@every_stack
def test_the_dashboard_says_which_budget_has_the_cost(stack: str) -> None:
    """No metric has the cost of one stack."""
    program = recorded(stack)
    (budget,) = names(program, NAMED["--budget-name"])
    (operations,) = [
        item.inputs["dashboardBody"]
        for item in program.of("aws:cloudwatch/dashboard:Dashboard")
        if item.inputs["dashboardName"].endswith("-operations")
    ]
    assert f"`{budget}`" in operations


@every_stack
def test_queues_hide_a_message_for_six_timeouts_and_give_it_up_after_five_receives(stack: str) -> None:
    """Of the function that the queue feeds (AWS Lambda Developer Guide, "Using Lambda with Amazon SQS")."""
    program = recorded(stack)
    timeouts = {item.inputs["name"]: item.inputs["timeout"] for item in program.of(FUNCTION)}
    queues = {arn("sqs", stack, item): item for item in program.of(QUEUE)}
    mappings = program.of("aws:lambda/eventSourceMapping:EventSourceMapping")
    assert len(mappings) == 3
    for mapping in mappings:
        queue = queues[mapping.inputs["eventSourceArn"]]
        function = mapping.inputs["functionName"].split(":")[-2]
        assert queue.inputs["visibilityTimeoutSeconds"] == 6 * timeouts[function]
        assert mapping.inputs["functionResponseTypes"] == ["ReportBatchItemFailures"]
        redrive = json.loads(queue.inputs["redrivePolicy"])
        assert redrive["maxReceiveCount"] == 5
        dead = queues[redrive["deadLetterTargetArn"]]
        assert dead.inputs["messageRetentionSeconds"] > queue.inputs["messageRetentionSeconds"]


@every_stack
def test_every_function_of_the_contract_is_there_and_may_go_on(stack: str) -> None:
    """With code, a layer, tracing, and no loop detection where it goes on by itself."""
    program = recorded(stack)
    functions = program.of(FUNCTION)
    modules = {item.inputs["handler"] for item in functions}
    assert modules == {f"functions.handlers.{name}.handle" for name in RIGHTS}
    for function in functions:
        module = (ROOT / Path(*function.inputs["handler"].split(".")[:-1])).with_suffix(".py")
        assert "\ndef handle(" in module.read_text(encoding="utf-8")
        assert function.inputs["runtime"] == "python3.13"
        assert function.inputs["architectures"] == ["arm64"]
        assert function.inputs["tracingConfig"] == {"mode": "Active"}
        assert len(function.inputs["layers"]) == 1
        assert f"/aws/lambda/{function.inputs['name']}" == function.inputs["loggingConfig"]["logGroup"]
    loops = program.of("aws:lambda/functionRecursionConfig:FunctionRecursionConfig")
    assert len(loops) == len(HANDS_ON)
    assert all(item.inputs["recursiveLoop"] == "Allow" for item in loops)


def named_on(page: Path) -> Iterator[tuple[str, str]]:
    """Give option and value of all that a page's commands name of a stack; what ends an alarm's name is left out."""
    for program in ("aws", "strongroom"):
        for words in commands(page, program):
            for option, value in pairwise(words):
                if option in NAMED and "$STACK" in value and value.count("$") == 1:
                    yield option, value
            if words[1:3] == ["logs", "tail"] and words[3].count("$") == 1:
                yield "--function-name", words[3].removeprefix("/aws/lambda/")


def test_every_name_on_a_page_is_one_of_the_program() -> None:
    """Who follows a page at night must not meet a queue that does not exist."""
    program, looked_at = recorded("prod"), set()
    for page in (INDEX, *PAGES):
        for option, value in named_on(page):
            name = value.replace("$STACK", "strongroom-prod").removesuffix(":live")
            assert name in names(program, NAMED[option]), (page.stem, option, value)
            looked_at.add(option)
    asked = {"--table-name", "--queue-name", "--function-name", "--group-name", "--budget-name", "--log-group-name"}
    assert looked_at >= asked


def test_every_arn_schedule_and_dashboard_on_a_page_is_one_of_the_program() -> None:
    """These stand within other words."""
    program = recorded("prod")
    schedules = {item.inputs["name"] for item in program.of("aws:scheduler/schedule:Schedule")}
    looked_at = {"queue": 0, "schedule": 0, "dashboard": 0, "budget": 0}
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("$STACK", "strongroom-prod")
        for queue in re.findall(r"arn:aws:sqs:\$REGION:\$ACCOUNT:([\w-]+)", text):
            assert queue in names(program, QUEUE), page.stem
            looked_at["queue"] += 1
        for schedule in re.findall(r"get-schedule .*--name (\S+)", text):
            assert schedule in schedules, page.stem
            looked_at["schedule"] += 1
        for kind, name in re.findall(r"(dashboard|budget) `(strongroom-prod-[\w-]+)`", text):
            assert name in names(program, NAMED[f"--{kind}-name"]), page.stem
            looked_at[kind] += 1
    assert all(looked_at.values()), looked_at


def test_every_event_on_a_page_is_one_that_its_function_takes() -> None:
    """Such as the kind of a verification or of a run."""
    keys_of = {
        "initiator": vars(StartEvent).values(),
        "verifier": vars(VerifyEvent).values(),
        "collector": vars(CollectEvent).values(),
        "remediator": vars(RemediateEvent).values(),
        "restore": vars(RestoreEvent).values(),
        "watchdog": (),
    }
    looked_at = 0
    for page in PAGES:
        for words in commands(page, "aws"):
            if words[1:3] == ["lambda", "invoke"]:
                function = words[words.index("--function-name") + 1].removeprefix("$STACK-").removesuffix(":live")
                event = words[words.index("--payload") + 1]
                assert json.loads(event).keys() <= set(keys_of[function]), (page.stem, event)
                looked_at += 1
    assert looked_at >= 3
