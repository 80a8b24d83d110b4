"""Switches a schedule on. They are short and paused by Pulumi.local.yaml, and the scheduler starts what they start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sandbox.aws import Clients
from sandbox.state import State

SCHEDULE: Final = "aws:scheduler/schedule:Schedule"
_KEPT = (
    "Description",
    "FlexibleTimeWindow",
    "GroupName",
    "KmsKeyArn",
    "Name",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "Target",
)


@contextmanager
def due(state: State, name: str) -> Iterator[None]:
    """Let a schedule, such as `incremental`, come as its own expression says while the block runs.

    A rate comes within a second or two, and again after its time: end the block when what it starts is there. After
    the block the schedule is switched off, or on, as it was.
    """
    resource = next(item for item in state.of(SCHEDULE) if item.inputs["name"] == name)
    client = Clients(state.endpoint).get("scheduler", state.region)
    before = client.get_schedule(Name=name, GroupName=resource.inputs["groupName"])
    kept: dict[str, Any] = {key: before[key] for key in _KEPT if key in before}
    client.update_schedule(**kept, State="ENABLED")
    try:
        yield
    finally:
        client.update_schedule(**kept, State=before["State"])
