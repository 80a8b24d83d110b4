"""Lets a schedule come due. Schedules are paused in the sandbox, and the scheduler itself starts what they start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from sandbox.aws import Clients
from sandbox.state import State

SCHEDULE: Final = "aws:scheduler/schedule:Schedule"
_KEPT = ("Description", "FlexibleTimeWindow", "GroupName", "KmsKeyArn", "Name", "ScheduleExpressionTimezone", "Target")


@contextmanager
def due(state: State, name: str) -> Iterator[None]:
    """Let a schedule, such as `incremental`, come due in a second, once; after the block it is as it was, and paused.

    End the block when what it starts is there. A schedule whose time zone is not UTC comes due at another time.
    """
    resource = next(item for item in state.of(SCHEDULE) if item.inputs["name"] == name)
    client = Clients(state.endpoint).get("scheduler", state.region)
    before = client.get_schedule(Name=name, GroupName=resource.inputs["groupName"])
    kept: dict[str, Any] = {key: before[key] for key in _KEPT if key in before}
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    client.update_schedule(**kept, ScheduleExpression=f"at({now})", State="ENABLED")
    try:
        yield
    finally:
        client.update_schedule(**kept, ScheduleExpression=before["ScheduleExpression"], State=before["State"])
