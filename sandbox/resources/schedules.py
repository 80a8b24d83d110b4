"""Schedules and rules: what starts something at a time or on an event."""

from __future__ import annotations

from sandbox.aws import Clients
from sandbox.resources.creator import Call, Creator, Made, Order

_TARGET = Call(
    "events.put_targets",
    "{rule}-{targetId}",
    {"targetId": "{targetId}"},
    inside="Targets[]",
    places={"rule": "Rule", "arn": "Targets[].Arn", "targetId": "Targets[].Id"},
    renamed={"inputPaths": "InputPathsMap"},
)


def target(clients: Clients, order: Order) -> Made:
    """Let a rule call something."""
    return _TARGET(clients, order.having(targetId=order.physical("targetId")))


CREATORS: dict[str, Creator] = {
    "aws:cloudwatch/eventRule:EventRule": Call("events.put_rule", "{name}", {"arn": "{RuleArn}"}),
    "aws:cloudwatch/eventTarget:EventTarget": target,
    "aws:scheduler/schedule:Schedule": Call(
        "scheduler.create_schedule",
        "{groupName}/{name}",
        {"arn": "{ScheduleArn}"},
    ),
    "aws:scheduler/scheduleGroup:ScheduleGroup": Call(
        "scheduler.create_schedule_group", "{name}", {"arn": "{ScheduleGroupArn}", "name": "{name}"}
    ),
}
