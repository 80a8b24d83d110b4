"""Drives what a few nights and restores do not reach, so that as many rights as can be are really used."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from functions.contract.messages import RestoreEvent, StartEvent
from sandbox.nights.logs import lines
from sandbox.nights.stack import FaultError, Stack
from sandbox.restores.in_place import ask_and_wait
from sandbox.rights.asking import ask_the_api
from sandbox.telling import Teller

SCHEDULES: Final = {
    "sample": "verifier",
    "structure": "verifier",
    "drill": "verifier",
    "watchdog": "watchdog",
    "restore-poll": "restore",
    "collect": "collector",
    "measure": "collector",
    "remediate": "remediator",
}
"""The schedules that start no run, and the functions that they start."""
_CONFLICTS: Final = ("skip", "overwrite", "rename")
_END = "REPORT RequestId"
_SKIPPED = "SKIPPED"
_ATTEMPTS = 10


def drive(stack: Stack, teller: Teller) -> None:
    """Let every other schedule come due, restore in every way, ask the API, start a run while one is under way."""
    for schedule, function in SCHEDULES.items():
        with teller.step(f"the scheduler starts {schedule}"):
            _come_due(stack, schedule, function)
    user = _somebody(stack)
    with teller.step(f"plan a restore of {user}, and do it where nothing stands, where it stands, over it, beside it"):
        _restore_in_every_way(stack, user)
    with teller.step(f"ask the API whatever {user} may ask, and for a restore and a backup") as tell:
        tell(ask_the_api(stack, user))
    with teller.step("start a run while another one is under way") as tell:
        tell(_start_twice(stack))


def _come_due(stack: Stack, schedule: str, function: str) -> None:
    begun, name = datetime.now(UTC), stack.functions()[function]
    with stack.due(schedule):
        stack.wait(f"the end of {schedule}", lambda: any(_END in line for line in lines(stack, name, begun)) or None)


def _somebody(stack: Stack) -> str:
    """Give the first user that the source lists."""
    source = stack.source
    page = stack.client("s3").list_objects_v2(Bucket=source["bucket"], Prefix=source["prefix"], Delimiter="/")
    first: str = page["CommonPrefixes"][0]["Prefix"]
    return first.removeprefix(source["prefix"]).rstrip("/")


def _restore_in_every_way(stack: Stack, user: str) -> None:
    bucket = next(name for name in stack.state.buckets if name != stack.source["bucket"])
    wanted = {RestoreEvent.SOURCE: stack.source["name"], RestoreEvent.USERS: [user], RestoreEvent.BUCKET: bucket}
    planned = stack.invoke("restore", {**wanted, RestoreEvent.DRY_RUN: True})
    if planned["status"] != "PLANNED":
        raise FaultError(f"a dry run ended {planned['status']}: {planned}")
    for conflict in ("skip", *_CONFLICTS):
        ask_and_wait(stack, {**wanted, RestoreEvent.CONFLICT: conflict})


def _start_twice(stack: Stack) -> str:
    """Let the second of two runs be skipped: the initiator tells people so. The first may end too soon: try again."""
    event = {StartEvent.TYPE: "INCREMENTAL"}
    for _ in range(_ATTEMPTS):
        before = stack.run_ids()
        stack.invoke("initiator", event)
        second = stack.invoke("initiator", event)[stack.source["name"]]["state"]
        for run in stack.new_runs(before):
            stack.wait_for_end(run.id, lambda _work: None)
        if second == _SKIPPED:
            return "the second was skipped, and people were told"
    raise FaultError(f"of two runs at once the second was never skipped, in {_ATTEMPTS} attempts")
