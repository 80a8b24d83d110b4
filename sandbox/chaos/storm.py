"""One run with everything going wrong at once, until it has ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Timer
from typing import Any, Final

from functions.engine.orchestration.ports import Work
from sandbox.chaos import troubles
from sandbox.chaos.switch import Rule, Switch
from sandbox.nights.stack import Notice, Stack
from sandbox.telling import Teller

KILLS: Final = 3
"""A message is given up at its fifth receive: more might give up jobs that nothing is wrong with."""
PULSE_S: Final = 4.5
"""How long S3 refuses half of everything from the first request on. The functions ask again for 5 s at the least."""
SHARE: Final = 0.5
_APART_S = 0.4
_POLL_S = 0.1


@dataclass(frozen=True)
class Victims:
    """Who it hits: one user whose objects cannot be read, and one for whom S3 does not answer at all, if anybody."""

    unreadable: str
    keys: tuple[str, ...]
    """Of the unreadable objects."""
    cut_off: str | None = None


@dataclass
class Storm:
    """What was done, and what came of it."""

    victims: Victims
    begun: datetime = field(default_factory=lambda: datetime.now(UTC))
    run: Work | None = None
    killed: int = 0
    erased: int = 0
    replayed: int = 0
    refused: int = 0
    second: dict[str, Any] = field(default_factory=dict)
    """What the initiator answered when it was to start another run."""
    notices: list[Notice] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ended(self) -> Work:
        """The run as it ended."""
        if self.run is None:
            raise LookupError("there was no run")
        return self.run


def blow(stack: Stack, switch: Switch, teller: Teller, victims: Victims) -> Storm:
    """Let the scheduler start a full run, and everything go wrong until it has ended and its messages are gone."""
    storm, lasting = Storm(victims), _lasting(stack, victims)
    begun, before, refused = time.monotonic(), stack.run_ids(), switch.outage(*lasting)
    try:
        with teller.step("the storm: the scheduler starts full, a person another run") as tell:
            with stack.due("full"):
                storm.run = started = stack.wait_for_run(before)
            switch.outage(Rule(SHARE), *lasting)
            storm.second = stack.invoke("initiator", {"backup_type": "incremental"})
            tell(f"run {started.id}; the other one: {storm.second[stack.source['name']]['state']}")
        with teller.step("the storm: kill workers, empty the dedup table, send every message again") as tell:
            rules = (Rule(SHARE), *lasting)
            stack.wait("a request that S3 refuses", lambda: switch.outage(*rules) > refused or None)
            pulse = Timer(PULSE_S, switch.outage, lasting)
            pulse.start()
            try:
                _strike(stack, switch, storm, started, tell)
            finally:
                pulse.join()
        _wait_it_out(stack, switch, storm, started, teller)
    finally:
        storm.refused = switch.outage() - refused
    storm.seconds = time.monotonic() - begun
    return storm


def _lasting(stack: Stack, victims: Victims) -> list[Rule]:
    """Give the rule that refuses every listing of the user who is cut off, as long as the run lasts."""
    source = stack.source
    return [Rule(1.0, f"prefix={source['prefix']}{victims.cut_off}/")] if victims.cut_off else []


def _strike(stack: Stack, switch: Switch, storm: Storm, started: Work, tell: Callable[[str], None]) -> None:
    while storm.killed < KILLS:
        stack.wait("a worker to kill", lambda: _killed(stack, switch, started))
        storm.killed += 1
        storm.erased += troubles.erase_dedup(stack)
        if storm.killed == 1:
            storm.replayed = troubles.replay(stack, started)
        tell(f"{storm.killed} killed, {storm.erased:,} items deleted, {storm.replayed:,} messages sent again")
        time.sleep(_APART_S)


def _killed(stack: Stack, switch: Switch, started: Work) -> bool | None:
    """Kill a worker. When there is none, those that were killed have taken all messages with them: let time pass."""
    if troubles.kill_a_worker(stack, switch):
        return True
    troubles.let_time_pass(stack, switch, started)
    time.sleep(_POLL_S)
    return None


def _wait_it_out(stack: Stack, switch: Switch, storm: Storm, started: Work, teller: Teller) -> None:
    """Let time pass until the run has ended; send all of its messages once more, and wait until none is left."""
    with teller.step("the storm: let leases and waiting times end, until the run does") as tell:

        def show(work: Work) -> None:
            tell(f"{work.status}, {work.done:,} of {work.expected or '?'} users")
            troubles.let_time_pass(stack, switch, started)

        storm.run = stack.wait_for_end(started.id, show)
    with teller.step("send every message of the ended run again") as tell:
        storm.replayed += troubles.replay(stack, started)

        def drained() -> bool | None:
            troubles.let_time_pass(stack, switch, started)
            depths = stack.depths()
            return True if not any(depths[name] for name in troubles.QUEUES) else None

        stack.wait("empty queues", drained)
        storm.notices = stack.notices()
        tell(f"{storm.replayed:,} messages in all were sent again; told: {[one.subject for one in storm.notices]}")
