"""Starts runs: takes each source, finds its users and sends one message a user.

Whatever is called twice or ends in the middle gives the same jobs: what started a run is its token, and whoever comes
with the same token goes on with the same run. A user is planned before its message is sent, and what was planned is
sent again by a retry even when its folder is gone. Messages may come twice; the worker knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from functions.contract.environment import SourceSetting
from functions.contract.metric_names import Metric
from functions.contract.states import RunState
from functions.engine.backup import rfc3339
from functions.engine.errors import NotFoundError, StrongroomError
from functions.engine.orchestration.messages import encode
from functions.engine.orchestration.notices import (
    expired_notice,
    failed_start_notice,
    first_names,
    skipped_notice,
)
from functions.engine.orchestration.ports import Envelope, Lease, Ledger, Notice, Notifier, Planned, Queue, Users, Work
from functions.engine.orchestration.runs import (
    ACTIVE,
    Position,
    RunFacts,
    StartRequest,
    in_order,
    is_abandoned,
    message_for,
    new_run,
    new_run_id,
    parse_start,
    selection,
    vanished_users,
)
from functions.engine.ports import Clock, Ids, Source
from functions.engine.remediation.memory import pause_id, paused_until
from functions.engine.remediation.model import PauseState
from functions.engine.remediation.notices import paused_notice
from functions.runtime.closing import RunCloser, tell
from functions.runtime.telemetry import Telemetry

MARGIN = 60.0
"""Seconds before the deadline at which the rest is handed on."""

_CHUNK = 500
"""Users planned and sent before the clock is looked at: about a second."""

_EVERYBODY = "all sources"


@dataclass(frozen=True, slots=True)
class InitiatorPorts:
    """What the initiator needs from outside. `queues` are by priority: the priority queue, and the other."""

    source: Callable[[SourceSetting], Source]
    ledger: Ledger
    users: Users
    queues: Mapping[bool, Queue]
    notifier: Notifier
    closer: RunCloser
    invoke_self: Callable[[Mapping[str, Any]], None]
    telemetry: Telemetry
    clock: Clock
    ids: Ids


@dataclass(frozen=True, slots=True, kw_only=True)
class InitiatorSettings:
    """How runs are started; see InitiatorEnvironment."""

    stack: str
    sources: Sequence[SourceSetting]
    window: timedelta = timedelta(hours=4)
    lease: timedelta = timedelta(hours=22)
    kept: timedelta = timedelta(days=400)


class Initiator:
    """Starts runs, and goes on with those that one invocation was too short for."""

    def __init__(self, ports: InitiatorPorts, settings: InitiatorSettings) -> None:
        """Nothing is sent yet."""
        self._ports = ports
        self._settings = settings

    def start(self, event: object, request_id: str, seconds_left: Callable[[], float]) -> dict[str, Any]:
        """Start a run of each source that the event chooses; give what became of each, by name.

        One source's trouble does not keep the others from starting. Raises the first trouble, so that Lambda tries
        again; people have been told of all.
        """
        try:
            request = parse_start(event, [setting.name for setting in self._settings.sources])
        except StrongroomError as error:
            self._failed(_EVERYBODY, error)
            raise
        answers: dict[str, Any] = {}
        errors: list[Exception] = []
        for setting in self._settings.sources:
            if request.source not in {None, setting.name}:
                continue
            start = _Start(self._ports, self._settings, setting, request, request.token_of(request_id))
            try:
                # The first one is begun in any case: an invocation that only hands on would do so for ever.
                late = bool(answers or errors) and seconds_left() < MARGIN
                answers[setting.name] = start.hand_on(request.after) if late else start.run(seconds_left)
            except Exception as error:  # noqa: BLE001 - raised below, when the other sources have been started
                self._failed(setting.name, error)
                errors.append(error)
        if errors:
            raise errors[0]
        return answers

    def _failed(self, source: str, error: Exception) -> None:
        """Say that a run could not be started. What keeps that from being said is only logged."""
        ports = self._ports
        code = error.code if isinstance(error, StrongroomError) else type(error).__name__
        reason, remedy = (error.message, error.remedy) if isinstance(error, StrongroomError) else (str(error), "")
        ports.telemetry.error("run not started", source=source, code=code, reason=reason)
        ports.telemetry.count(Metric.ERRORS, 1, source=None if source == _EVERYBODY else source, code=code)
        notice = failed_start_notice(self._settings.stack, source, code, reason, remedy)
        try:
            ports.notifier.publish(notice)
        except StrongroomError as trouble:
            ports.telemetry.error("notice not published", subject=notice.subject, reason=str(trouble))


@dataclass(frozen=True, slots=True)
class _Start:
    """The start of one source's run."""

    ports: InitiatorPorts
    settings: InitiatorSettings
    setting: SourceSetting
    request: StartRequest
    token: str

    def run(self, seconds_left: Callable[[], float]) -> dict[str, Any]:
        """Take the source and send its users' messages; give what became of it."""
        selection(self.setting, self.request.selected)
        until = self._paused_until()
        if until is not None:
            return self._paused(until)
        proposed = new_run_id(self.ports.clock, self.ports.ids)
        lease = self._acquire(proposed)
        if not lease.granted:
            return self._skip(lease)
        if lease.ended:
            self.ports.telemetry.info("this event's run has ended", run_id=lease.run_id, source=self.setting.name)
            return {"state": "ENDED", "run_id": lease.run_id}
        with self.ports.telemetry.bound(run_id=lease.run_id, source=self.setting.name):
            if lease.replaced is not None:
                self._expire(lease.replaced, lease.run_id)
            work = self._open(lease.run_id)
            if lease.run_id == proposed:
                self.ports.telemetry.count(Metric.RUN_STARTED, 1, source=self.setting.name)
            return self._dispatch(work, seconds_left)

    def hand_on(self, after: Position | None) -> dict[str, Any]:
        """Let another invocation go on after a user, or begin."""
        self.ports.invoke_self(self.request.event(self.setting.name, self.token, after))
        self.ports.telemetry.info("handed on", source=self.setting.name, after=None if after is None else after.user)
        return {"state": "HANDED_ON"}

    def _acquire(self, proposed: str) -> Lease:
        """Take the source; also from a run that nobody works on, and nobody will."""
        lease = self._take(proposed)
        if lease.granted:
            return lease
        holder = self._find(lease.run_id)
        if holder is not None and self.ports.closer.close_if_complete(holder):
            return self._take(proposed)
        if not is_abandoned(holder, lease.run_id, self.ports.clock()):
            return lease
        self._expire(lease.run_id, proposed)
        self.ports.ledger.release(self.setting.name, lease.run_id)
        return self._take(proposed)

    def _take(self, proposed: str) -> Lease:
        now = self.ports.clock()
        # A run of a few users must not keep the next night's run from starting, whatever becomes of it.
        lease = min(self.settings.window, self.settings.lease) if self.request.users else self.settings.lease
        return self.ports.ledger.acquire(self.setting.name, self.token, proposed, now, now + lease)

    def _find(self, run_id: str) -> Work | None:
        try:
            return self.ports.ledger.get(run_id)
        except NotFoundError:
            return None

    def _paused_until(self) -> datetime | None:
        """Give the end of the source's pause, which keeps back what a schedule starts and nothing else."""
        if self.request.scheduled is None or self.request.after is not None:
            return None
        paused = self.ports.ledger.with_status(PauseState.PAUSED)
        mine = next((work for work in paused if work.id == pause_id(self.setting.name)), None)
        return paused_until(mine, self.ports.clock())

    def _paused(self, until: datetime) -> dict[str, Any]:
        name = self.setting.name
        self.ports.telemetry.warning("backup paused", source=name, until=rfc3339(until))
        self.ports.telemetry.count(Metric.RUN_SKIPPED, 1, source=name)
        self._tell(paused_notice(self.settings.stack, name, until))
        return {"state": "PAUSED", "until": rfc3339(until)}

    def _skip(self, lease: Lease) -> dict[str, Any]:
        name = self.setting.name
        self.ports.telemetry.warning("backup skipped", source=name, active=lease.run_id)
        self.ports.telemetry.count(Metric.RUN_SKIPPED, 1, source=name)
        self._tell(skipped_notice(self.settings.stack, name, lease.run_id, self._find(lease.run_id)))
        return {"state": "SKIPPED", "active": lease.run_id}

    def _expire(self, run_id: str, successor: str) -> None:
        """End a run that has lost its source, and say so; a complete one is closed as it should have been."""
        work = self._find(run_id)
        if work is None or work.status not in ACTIVE:
            return
        if work.complete:
            self.ports.closer.close_if_complete(work)
            return
        missing = first_names(self.ports.ledger.missing(run_id))
        self._tell(expired_notice(self.settings.stack, work, missing, successor))
        self.ports.ledger.change(run_id, ACTIVE, RunState.EXPIRED)
        self.ports.telemetry.warning("run expired", expired=run_id, missing=missing.total)

    def _open(self, run_id: str) -> Work:
        now = self.ports.clock()
        work = new_run(run_id, self.setting, self.request, now, self.settings.window)
        return self.ports.ledger.open(work, now + self.settings.kept)

    def _dispatch(self, work: Work, seconds_left: Callable[[], float]) -> dict[str, Any]:
        try:
            if work.status == RunState.DISPATCHING and work.expected is None:
                work = self._without_error(work)
                last = self._send_all(work, seconds_left)
                if last is not None:
                    return {**self.hand_on(last), "run_id": work.id}
                work = self.ports.ledger.seal(work.id)
            self.ports.ledger.change(work.id, [RunState.DISPATCHING], RunState.RUNNING)
            work = self.ports.ledger.get(work.id)
            self.ports.closer.close_if_complete(work)
        except StrongroomError as error:
            # From then on another run may take the source over, though a retry of this one still may go on.
            with suppress(StrongroomError):
                self._note(work, {"error": str(error)})
            raise
        self.ports.telemetry.info("run dispatched", users=work.expected)
        return {"state": work.status, "run_id": work.id, "users": work.expected}

    def _without_error(self, work: Work) -> Work:
        if RunFacts.of(work).error is None:
            return work
        self._note(work, {"error": None})
        return self.ports.ledger.get(work.id)

    def _note(self, work: Work, facts: Mapping[str, Any]) -> None:
        state = RunState.DISPATCHING
        self.ports.ledger.change(work.id, [state], state, {**work.facts, **facts})

    def _send_all(self, work: Work, seconds_left: Callable[[], float]) -> Position | None:
        """Plan and send users, in order, those after the last one sent; give the last when the time is up."""
        after = self.request.after
        places = [place for place in self._places(work) if after is None or place > after]
        for start in range(0, len(places), _CHUNK):
            chunk = places[start : start + _CHUNK]
            self._send(work, chunk)
            if start + _CHUNK < len(places) and seconds_left() < MARGIN:
                return chunk[-1]
        return None

    def _places(self, work: Work) -> list[Position]:
        """Give everybody: who has a folder, who had one at the last backup, and whom this run has planned already.

        The names are held in memory, about 200 bytes each.
        """
        facts = RunFacts.of(work)
        listed = self.ports.source(self.setting).users(facts.prefix)
        users = {user for user in listed if facts.chooses(user)}
        vanished = list(vanished_users(self.ports.users.all(facts.source), users, facts))
        if vanished and self.request.after is None and not facts.vanished:
            self._note(work, {"vanished": len(vanished)})
        users.update(vanished)
        users.update(planned.task for planned in self.ports.ledger.planned(work.id))
        return in_order(users, facts.priority)

    def _send(self, work: Work, places: Sequence[Position]) -> None:
        ledger, kept = self.ports.ledger, self.ports.clock() + self.settings.kept
        ledger.plan(work.id, (Planned(place.user, {}) for place in places), kept)
        for later in (False, True):
            envelopes = list(_envelopes(work, (place for place in places if place.later is later)))
            if envelopes:
                self.ports.queues[not later].send(envelopes)

    def _tell(self, notice: Notice) -> None:
        tell(self.ports.notifier, self.ports.telemetry, notice, self.setting.name)


def _envelopes(work: Work, places: Iterable[Position]) -> Iterator[Envelope]:
    """Give the messages, one group a user; the root user's group needs a name too."""
    for place in places:
        yield Envelope(encode(message_for(work, place)), place.user or "/")
