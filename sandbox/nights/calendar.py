"""The nights: what happens to the source before each run, how it is started, and what must be true afterwards."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from cli.render import size
from functions.contract.messages import StartEvent
from functions.contract.states import RunState
from functions.engine.orchestration.ports import Work
from functions.engine.orchestration.runs import MANUAL, SCHEDULE
from sandbox.nights import record
from sandbox.nights.faults import insist, nothing_wrong
from sandbox.nights.figures import Ran, forecast, savings, show_runs
from sandbox.nights.people import LIBRARY, change_some, deal, fill
from sandbox.nights.record import Night
from sandbox.nights.replica import look_at_replica
from sandbox.nights.stack import FaultError, Stack
from sandbox.nights.witness import Watcher, total
from sandbox.rights.decisions import calls
from sandbox.state import State
from sandbox.telling import Teller

BY_HAND: Final = {StartEvent.TYPE: "manual", StartEvent.PREFIX: "user-03/"}
"""The payload of the systems before this one; the prefix chooses one user."""
_SECOND = timedelta(seconds=1)


class _Begun(NamedTuple):
    """When a run was begun, and what had been called by then."""

    time: float
    calls: Counter[str]


class Calendar:
    """Lets nights pass in a stack that is up."""

    def __init__(self, state: State, folder: Path, teller: Teller) -> None:
        """Nothing is asked yet."""
        self._stack = Stack(state)
        self._folder = folder
        self._teller = teller
        self._watcher = Watcher(self._stack.client("s3"), self._stack.source["bucket"], self._stack.source["prefix"])
        self._runs: list[Ran] = []
        self._nights: list[Night] = []

    def pass_by(self, data: Path | None, users: int) -> None:
        """Fill the source from `data` and let four runs back it up. FaultError when one thing is not as it must be."""
        stack, teller = self._stack, self._teller
        uploads = deal(data or LIBRARY, users, stack.source["prefix"])
        with nothing_wrong(stack, teller):
            with teller.step(f"fill the source from {data or LIBRARY}") as tell:
                fill(stack, uploads, tell)
            stack.notices()
            with self._night("first night"):
                self._scheduled("first night", "incremental")
            with teller.step("5 % of the files change") as tell:
                change_some(stack, uploads, tell)
            with self._night("second night"):
                self._scheduled("second night", "incremental")
            self._scheduled("weekly full", "full")
            self._by_hand("by hand")
            show_runs(self._runs)
            self._check_replica()
        insist(teller, [text for run in self._runs for text in run.faults], "runs that did not end well")
        self._say_costs()
        record.write(self._folder, self._nights)

    @contextmanager
    def _night(self, name: str) -> Iterator[None]:
        """Remember what the source holds when the block backs it up, and a moment after that."""
        with self._teller.step(f"{name}: remember every byte of the source") as tell:
            held = self._watcher.look()
            tell(f"{len(held):,} files, {size(total(held))}")
        yield
        # Backups' times have whole seconds: the next one must not begin within this one.
        moment = datetime.now(UTC).replace(microsecond=0) + _SECOND
        time.sleep((moment + _SECOND - datetime.now(UTC)).total_seconds())
        self._nights.append(Night(name, moment, held))

    def _scheduled(self, name: str, schedule: str) -> None:
        """Let the scheduler start a run, and wait until everybody has been told of its end."""
        before, begun = self._stack.run_ids(), self._begin()
        with self._teller.step(f"{name}: the scheduler starts {schedule}") as tell:
            with self._stack.due(schedule):
                started = self._stack.wait_for_run(before)
            self._end(name, started, begun, tell)
        self._insist(SCHEDULE, started)

    def _by_hand(self, name: str) -> None:
        """Start a run as a person does."""
        before, begun = self._stack.run_ids(), self._begin()
        with self._teller.step(f"{name}: a person calls the initiator with {BY_HAND}") as tell:
            self._stack.invoke("initiator", BY_HAND)
            started = self._stack.wait_for_run(before)
            self._end(name, started, begun, tell)
        self._insist(MANUAL, started)

    def _begin(self) -> _Begun:
        return _Begun(time.monotonic(), calls(self._stack.state.endpoint))

    def _end(self, name: str, started: Work, begun: _Begun, tell: Callable[[str], None]) -> None:
        work = self._stack.wait_for_end(started.id, lambda work: tell(f"{work.done:,} of {work.expected or '?'} users"))
        seconds = time.monotonic() - begun.time
        notices = self._stack.wait("its summary", lambda: self._stack.notices() or None)
        tell(f"{work.status}, {work.done:,} users; told: {notices[0].subject}")
        self._runs.append(Ran(name, work, calls(self._stack.state.endpoint) - begun.calls, seconds))
        if len(notices) != 1:
            raise FaultError(f"{name}: {len(notices)} notices instead of one: {[one.subject for one in notices]}")

    def _insist(self, trigger: str, started: Work) -> None:
        if started.facts["trigger"] != trigger:
            raise FaultError(f"run {started.id} was started by {started.facts['trigger']} instead of {trigger}")

    def _check_replica(self) -> None:
        """Insist that everything is in the second region."""
        region = self._stack.state.replica_region
        with self._teller.step(f"compare the replica in {region} with the repository") as tell:
            found = look_at_replica(self._stack)
            tell(f"{found.objects.total():,} objects, {len(found.faults):,} faults")
        insist(self._teller, found.faults, "objects that are not as they must be in the second region")
        kinds = ", ".join(f"{count:,} in {kind}/" for kind, count in sorted(found.objects.items()))
        self._teller.say(
            f"Replica: {found.objects.total():,} objects ({kinds}), {size(found.bytes)}, every one of them replicated, "
            f"locked, and encrypted with {found.key}"
        )

    def _say_costs(self) -> None:
        self._teller.say(savings(self._runs))
        with self._teller.step("forecast 1 TB and 1,000 users that change and repeat as these do, in production"):
            found = forecast(self._stack)
        self._teller.say(f"{_forecast_in_words(found)}")


def _forecast_in_words(found: dict[str, Any]) -> str:
    """Say what a month costs, and the largest parts of it."""
    services = sorted(found["services"].items(), key=lambda item: -item[1])
    parts = ", ".join(f"{name} {usd:,.2f}" for name, usd in islice(services, 4))
    return f"{found['usd']:,.2f} USD a month of {found['budget_usd']:,.0f} in the budget: {parts}"


def morning_after(stack: Stack, teller: Teller, changed: int) -> None:
    """Let the next night find tables that were rebuilt: it must read what has changed, so many bytes at most."""
    before = stack.run_ids()
    with teller.step("the next night, with the rebuilt tables") as tell:
        with stack.due("incremental"):
            started = stack.wait_for_run(before)
        work = stack.wait_for_end(started.id, lambda work: tell(f"{work.done:,} of {work.expected or '?'} users"))
        read, whole = work.counts.get("read", 0), work.counts.get("source", 0)
        tell(f"{work.status}, read {size(read)} of {size(whole)}, new {size(work.counts.get('new', 0))}")
    if work.status != RunState.COMPLETED or read > changed:
        raise FaultError(f"run {work.id} ended {work.status} and read {size(read)} of {size(whole)}")
