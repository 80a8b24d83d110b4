"""What is counted is what the program makes."""

from __future__ import annotations

from typing import Any

import pytest

from components.settings import load
from costs import Inventory, Volume, forecast, inventory
from costs.assumptions import ASSUMED
from functions.contract.metric_names import Metric, MetricName
from tests.program.kit import Program, Registration, read_config, recorded, run

TWO_SOURCES: dict[str, Any] = {
    "strongroom:sources": [{"name": "reports", "bucket": "acme-reports"}, {"name": "drafts", "bucket": "acme-drafts"}],
    "strongroom:network": {"zones": 3},
    "strongroom:vault": {"sources": True},
}


def metrics_of(alarm: Registration) -> int:
    """Count what CloudWatch charges: the metric of a plain alarm, or those that an expression names."""
    return sum("metric" in query for query in alarm.inputs.get("metricQueries") or []) or 1


def made(program: Program, metrics: int) -> Inventory:
    """Count what a program registers. Custom metrics are no resources."""
    endpoints = program.of("aws:ec2/vpcEndpoint:VpcEndpoint")
    return Inventory(
        alarm_metrics=sum(metrics_of(alarm) for alarm in program.of("aws:cloudwatch/metricAlarm:MetricAlarm")),
        metrics=metrics,
        dashboards=len(program.of("aws:cloudwatch/dashboard:Dashboard")),
        endpoint_zones=sum(
            len(item.inputs["subnetIds"]) for item in endpoints if item.inputs["vpcEndpointType"] == "Interface"
        ),
        keys=len(program.of("aws:kms/key:Key")),
        functions=len(program.of("aws:lambda/function:Function")),
        tables=len(program.of("aws:dynamodb/table:Table")),
        replicated_tables=len(program.of("aws:dynamodb/tableReplica:TableReplica")),
        queues=len(program.of("aws:lambda/eventSourceMapping:EventSourceMapping")),
        mails=sum(
            item.inputs["protocol"] == "email" for item in program.of("aws:sns/topicSubscription:TopicSubscription")
        ),
        trails=len(program.of("aws:cloudtrail/trail:Trail")),
        budgets=len(program.of("aws:budgets/budget:Budget")),
    )


@pytest.mark.parametrize("stack", ["dev", "prod", "local", "prod-recovery"])
def test_everything_that_costs_by_the_month_is_counted_as_the_program_makes_it(stack: str) -> None:
    """Whoever adds an alarm, an endpoint or a key adds it to the bill."""
    counted = inventory(load(read_config(stack)))
    assert counted == made(recorded(stack), counted.metrics)


def test_the_log_group_of_the_trail_is_kept_as_long_as_it_is_counted() -> None:
    """And every bucket tells the event bus, which is counted too."""
    program = recorded("prod")
    (group,) = [
        item for item in program.of("aws:cloudwatch/logGroup:LogGroup") if "cloudtrail" in item.inputs["name"].lower()
    ]
    assert group.inputs["retentionInDays"] == ASSUMED.trail_log_days
    told = program.of("aws:s3/bucketNotification:BucketNotification")
    assert len(told) == len(program.of("aws:s3/bucket:Bucket"))
    lines = forecast(load(read_config("prod")), Volume()).bill.lines
    counted = {(line.service, line.what): line.usd for line in lines}
    assert counted["EventBridge", "events of buckets"] > 0.5
    assert counted["CloudWatch", "log group of the trail"] > 1


def test_more_sources_zones_and_vaults_are_counted_as_the_program_makes_them() -> None:
    """What grows with the settings grows in both."""
    changes: dict[str, Any] = dict(TWO_SOURCES)
    counted = inventory(load(read_config("prod") | changes))
    assert counted == made(run("prod", changes=changes), counted.metrics)
    assert counted.endpoint_zones > inventory(load(read_config("prod"))).endpoint_zones


def test_every_metric_of_the_contract_is_counted_once_for_each_source() -> None:
    """And those with codes for some of their codes."""
    names = sum(isinstance(value, MetricName) for value in vars(Metric).values())
    one, two = (inventory(load(read_config("prod") | changes)).metrics for changes in ({}, TWO_SOURCES))
    assert two - one == names
    assert one > names
