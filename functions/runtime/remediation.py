"""The remediator: looks, decides, and does what was decided, each cause once.

What is to be done is noted before it is done, by one conditional write on the cause's entry. A crash after that leaves
the entry BEGUN: the next look tells people, and does it no more. One look is under way at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from functions.contract.messages import StartEvent
from functions.contract.metric_names import Metric
from functions.engine.backup import rfc3339
from functions.engine.errors import StrongroomError, UnavailableError
from functions.engine.model import BackupType
from functions.engine.orchestration.messages import encode
from functions.engine.orchestration.ports import Envelope, Ledger, Notice, Notifier, Queue, Work
from functions.engine.orchestration.runs import RunFacts, in_order, message_for
from functions.engine.ports import Clock, Ids
from functions.engine.remediation.decide import decide
from functions.engine.remediation.memory import (
    cause_id,
    entry_of,
    new_entry,
    pause_facts,
    pause_id,
    paused_until,
    resumed_at,
)
from functions.engine.remediation.model import (
    ACTED,
    Action,
    Entry,
    Observation,
    OutOfMemory,
    PauseState,
    Policy,
    Refusal,
    Remedy,
    RemedyState,
)
from functions.engine.remediation.notices import acted_notice, failed_notice, refused_notice, resumed_notice
from functions.engine.remediation.ports import FunctionMemory
from functions.engine.remediation.requests import Known, Request, parse_request
from functions.runtime.closing import tell
from functions.runtime.remediation_sight import (
    Box,
    Held,
    envelope_of,
    failed_runs,
    nightly_runs,
    read_letters,
    unfinished,
)
from functions.runtime.telemetry import Telemetry

REMEMBERED: Final = timedelta(days=90)
"""How long a cause is known. Runs, restores and messages are gone or ended long before."""
_LEASE: Final = timedelta(minutes=20)
"""Longer than an invocation can take."""
_LEASE_OF: Final = "@remediator"
"""No name of a source."""
_PAUSE_KEPT: Final = timedelta(days=3_650)


@dataclass(frozen=True, slots=True)
class RemediatorPorts:
    """What the remediator needs from outside. `queues` are by priority: the priority queue, and the other."""

    ledger: Ledger
    boxes: Mapping[str, Box]
    queues: Mapping[bool, Queue]
    waiting: Callable[[], int]
    functions: FunctionMemory
    start: Callable[[Mapping[str, Any]], None]
    """Gives the initiator an event."""
    notifier: Notifier
    telemetry: Telemetry
    clock: Clock
    ids: Ids


class Remediator:
    """Looks once at each call. May look as often as one likes."""

    def __init__(self, ports: RemediatorPorts, policy: Policy, known: Known, stack: str) -> None:
        """Nothing is done yet."""
        self._ports, self._policy, self._known, self._stack = ports, policy, known, stack

    def run(self, event: object) -> dict[str, Any]:
        """Do what the event asks for; answer with what was done, what was refused, and what waits."""
        request = parse_request(event, self._known)
        if request.resume is not None:
            return self._resume(request.resume)
        if not self._policy.enabled:
            return {"state": "OFF"}
        ledger, now, token = self._ports.ledger, self._ports.clock(), self._ports.ids(16)
        if not ledger.acquire(_LEASE_OF, token, token, now, now + _LEASE).granted:
            if request.function is None:
                return {"state": "BUSY"}
            raise UnavailableError("another look is under way", hint="Lambda gives the event again")
        try:
            return _Look(self._ports, self._policy, self._stack, now).run(request)
        finally:
            ledger.release(_LEASE_OF, token)

    def _resume(self, source: str) -> dict[str, Any]:
        now = self._ports.clock()
        facts = {"resumed": rfc3339(now)}
        if not self._ports.ledger.change(pause_id(source), [PauseState.PAUSED], PauseState.RESUMED, facts):
            return {"state": "NOT_PAUSED"}
        self._ports.telemetry.info("resumed", source=source)
        self._ports.telemetry.count(Metric.SCHEDULE_PAUSED, 0, source=source)
        tell(self._ports.notifier, self._ports.telemetry, resumed_notice(self._stack, source), source)
        return {"state": PauseState.RESUMED.value}


class _Look:
    """One look, by whoever holds the lease."""

    def __init__(self, ports: RemediatorPorts, policy: Policy, stack: str, now: datetime) -> None:
        self._ports, self._policy, self._stack, self._now = ports, policy, stack, now
        self._held = Held()
        self._do: Mapping[Remedy, Callable[[Action], str]] = {
            Remedy.MEMORY: self._give_memory,
            Remedy.REDRIVE: self._redrive,
            Remedy.RERUN: self._rerun,
            Remedy.PAUSE: self._pause,
        }

    def run(self, request: Request) -> dict[str, Any]:
        try:
            memory = self._memory()
            for entry in memory.values():
                if entry.state is RemedyState.BEGUN:
                    self._broken_off(entry)
            decision = decide(self._seen(request), memory, self._policy, self._now)
            for action in decision.actions:
                self._act(action)
            for refusal in decision.refusals:
                self._refuse(refusal)
            for wait in decision.waits:
                self._ports.ledger.open(new_entry(*wait[:3], self._now), self._now + REMEMBERED)
        finally:
            for name, groups in self._held.letters.items():
                self._ports.boxes[name].queue.put_back([letter for letters in groups.values() for letter in letters])
        self._count_pauses()
        answer = {
            "acted": [action.cause for action in decision.actions],
            "refused": [refusal.cause for refusal in decision.refusals],
            "waiting": [wait.cause for wait in decision.waits],
        }
        self._ports.telemetry.info("looked", **answer)
        return answer

    def _memory(self) -> dict[str, Entry]:
        """Give what is remembered. An entry that the index does not show yet is known by its own conditional write."""
        since = self._now - REMEMBERED
        found = (work for state in RemedyState for work in self._ports.ledger.with_status(state, since))
        return {entry.cause: entry for entry in map(entry_of, found)}

    def _seen(self, request: Request) -> list[Observation]:
        ports, seen = self._ports, list[Observation]()
        arn = self._policy.functions.get(request.function or "")
        if request.function is not None and arn is not None:
            memory = ports.functions.look(arn)
            seen.append(OutOfMemory(request.function, arn, memory.megabytes, memory.stable))
        seen += read_letters(ports.boxes, self._held)
        for source in self._policy.sources:
            runs = nightly_runs(ports.ledger, source, self._now)
            lacking = unfinished(ports.ledger, runs, self._held.users, ports.waiting)
            seen += [] if lacking is None else [lacking]
            seen.append(failed_runs(source, runs, resumed_at(self._pause_of(source))))
        return seen

    def _act(self, action: Action) -> None:
        """Do something, unless it was done before. What goes wrong is told, and not tried again."""
        ledger, entry = self._ports.ledger, self._entry(action.cause, action.remedy, action.target)
        facts = {**entry.facts, "acted": rfc3339(self._now), "reason": action.reason}
        unacted = [RemedyState.SEEN, RemedyState.REFUSED]
        if not ledger.change(entry.id, unacted, RemedyState.BEGUN, facts):
            return
        try:
            result = self._do[action.remedy](action)
        except Exception as error:  # noqa: BLE001 - whatever it was: people are told, and the next cause is looked at
            reason = str(error) if isinstance(error, StrongroomError) else f"{type(error).__name__}: {error}"
            self._failed(action, facts, reason)
            return
        ledger.change(entry.id, [RemedyState.BEGUN], RemedyState.DONE, {**facts, "result": result})
        self._ports.telemetry.warning("remedied", cause=action.cause, reason=action.reason, result=result)
        self._ports.telemetry.count(Metric.REMEDIES, 1, code=action.remedy.value)
        self._tell(acted_notice(self._stack, action, result))

    def _failed(self, action: Action, facts: Mapping[str, Any], reason: str) -> None:
        ended = {**facts, "error": reason}
        self._ports.ledger.change(cause_id(action.cause), [RemedyState.BEGUN], RemedyState.FAILED, ended)
        self._ports.telemetry.error("remedy failed", cause=action.cause, reason=reason)
        self._ports.telemetry.count(Metric.REMEDIES_REFUSED, 1, code=action.remedy.value)
        self._tell(failed_notice(self._stack, action, reason))

    def _broken_off(self, entry: Entry) -> None:
        """End what an earlier look began and did not end. The lease says that nobody is at it."""
        work = self._ports.ledger.get(cause_id(entry.cause))
        if work.status == RemedyState.BEGUN:
            action = Action(entry.cause, entry.remedy, entry.target, str(work.facts.get("reason", "")))
            self._failed(action, work.facts, "the remediator ended in the middle; whether it was done is not known")

    def _refuse(self, refusal: Refusal) -> None:
        """Tell people once what is not done."""
        entry = self._entry(refusal.cause, refusal.remedy, refusal.target)
        told = list(entry.facts.get("told", ()))
        if refusal.why.value in told:
            return
        after = entry.status if entry.status in ACTED else RemedyState.REFUSED
        facts = {**entry.facts, "told": [*told, refusal.why.value]}
        if self._ports.ledger.change(entry.id, [entry.status], after, facts):
            self._ports.telemetry.warning("remedy refused", cause=refusal.cause, reason=refusal.reason)
            self._ports.telemetry.count(Metric.REMEDIES_REFUSED, 1, code=refusal.remedy.value)
            self._tell(refused_notice(self._stack, refusal))

    def _entry(self, cause: str, remedy: Remedy, target: str) -> Work:
        return self._ports.ledger.open(new_entry(cause, remedy, target, self._now), self._now + REMEMBERED)

    def _give_memory(self, action: Action) -> str:
        version = self._ports.functions.step(action.address, action.memory_to)
        return f"version {version} has {action.memory_to:,} MB"

    def _redrive(self, action: Action) -> str:
        box, letters = self._ports.boxes[action.target], self._held.take(action.target, action.work)
        box.queue.send_on(letters, [envelope_of(letter, box) for letter in letters])
        return f"{len(letters):,} messages"

    def _rerun(self, action: Action) -> str:
        if action.failed:
            event = {StartEvent.TYPE: BackupType.MANUAL.value, StartEvent.SOURCE: action.target}
            self._ports.start({**event, StartEvent.USERS: list(action.users)})
            return "the initiator was asked for a run of them"
        work = self._ports.ledger.get(action.work)
        places = in_order(action.users, RunFacts.of(work).priority)
        for later in (False, True):
            mine = [place for place in places if place.later is later]
            envelopes = [Envelope(encode(message_for(work, place)), place.user or "/") for place in mine]
            if envelopes:
                self._ports.queues[not later].send(envelopes)
        return "their messages were sent again, for the same run"

    def _pause(self, action: Action) -> str:
        ledger, until = self._ports.ledger, action.until or self._now
        entry = Work(pause_id(action.target), PauseState.RESUMED.value, self._now)
        ledger.open(entry, self._now + _PAUSE_KEPT)
        facts = pause_facts(until, self._now, action.work)
        ledger.change(entry.id, list(PauseState), PauseState.PAUSED, facts)
        return f"until {rfc3339(until)}"

    def _count_pauses(self) -> None:
        for source in self._policy.sources:
            paused = paused_until(self._pause_of(source), self._now) is not None
            self._ports.telemetry.count(Metric.SCHEDULE_PAUSED, int(paused), source=source)

    def _pause_of(self, source: str) -> Work | None:
        """Give what is noted of a source's pauses; None when there never was one."""
        found = (work for state in PauseState for work in self._ports.ledger.with_status(state))
        return next((work for work in found if work.id == pause_id(source)), None)

    def _tell(self, notice: Notice) -> None:
        """Publish a notice. One that cannot be published must not keep the next cause from being looked at.

        What was done or refused has been counted by then, so its alarm rings.
        """
        try:
            self._ports.notifier.publish(notice)
        except StrongroomError as error:
            self._ports.telemetry.error("notice not published", subject=notice.subject, reason=str(error))
            self._ports.telemetry.count(Metric.ERRORS, 1, code=error.code)
