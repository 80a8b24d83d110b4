"""Takes a restore from the request to its workers, and looks after those that wait.

Every step may be done twice: a restore has one id, its backups are chosen once, its tasks have fixed names, and a
task that is sent twice is done once. So whoever dies in the middle is followed by whoever starts over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from functions.contract.messages import RestoreEvent, RestoreMessage
from functions.contract.metric_names import Metric
from functions.contract.states import RestoreState
from functions.engine.backup import rfc3339
from functions.engine.errors import BackupNotFoundError, ConfigurationError, StrongroomError
from functions.engine.model import PackId
from functions.engine.orchestration.archive import KEEP_DAYS, Archive, PackState, StoredPack
from functions.engine.orchestration.messages import encode
from functions.engine.orchestration.ports import ClaimState, Envelope, Facts, Ledger, Notifier, Queue, Work
from functions.engine.orchestration.restore_answers import answer
from functions.engine.orchestration.restore_estimate import Estimate
from functions.engine.orchestration.restore_notices import planned_notice, refused_notice
from functions.engine.orchestration.restore_requests import Continue, Follow, Poll, RestoreRequest, read_event
from functions.engine.orchestration.restore_tasks import RestoreTask
from functions.engine.ports import Clock
from functions.runtime.restore_closing import RestoreCloser, troubles_of
from functions.runtime.restore_planning import MARGIN, PlanCursor, RestorePlanner
from functions.runtime.telemetry import Telemetry

RESEND_AFTER = timedelta(hours=8)
"""When tasks are sent again that nobody has done: a queue has given a message up by then (5 receives, 90 minutes)."""

_PLANNER = "planner"
_LEASE_GRACE = timedelta(seconds=30)
_BATCH = 500
_SEEN = 200_000
_TROUBLES = 20
_BEFORE_RUNNING = (RestoreState.REQUESTED, RestoreState.PLANNED, RestoreState.THAWING)


@dataclass(frozen=True, slots=True)
class RestorePorts:
    """What restores need from outside. `invoke` starts this function again with an event."""

    archive: Archive
    ledger: Ledger
    queue: Queue
    notifier: Notifier
    planner: RestorePlanner
    closer: RestoreCloser
    invoke: Callable[[Facts], None]
    telemetry: Telemetry
    clock: Clock


@dataclass(frozen=True, slots=True)
class RestoreSettings:
    """How restores are done: into which buckets, by how many workers at once, and how long they are remembered."""

    buckets: tuple[str, ...]
    concurrency: int = 50
    kept: timedelta = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class _Turn:
    """One invocation's turn at a restore: who has it, and how long."""

    owner: str
    seconds_left: Callable[[], float]

    @property
    def over(self) -> bool:
        """Say whether the time is nearly up."""
        return self.seconds_left() < MARGIN


class Restores:
    """The restore function's work. `owner` names one request, the same each time Lambda repeats it."""

    def __init__(self, ports: RestorePorts, settings: RestoreSettings) -> None:
        """Nothing is sent yet."""
        self._ports = ports
        self._settings = settings

    def handle(self, event: object, owner: str, seconds_left: Callable[[], float]) -> dict[str, Any]:
        """Do what the event asks for and say how it stands. ConfigurationError names all that is wrong with it."""
        asked = read_event(event, self._settings.buckets)
        turn = _Turn(owner, seconds_left)
        if isinstance(asked, Poll):
            return {"polled": self._poll(turn)}
        if isinstance(asked, Follow):
            return self._status(asked.restore_id)
        if isinstance(asked, Continue):
            self._advance(self._ports.ledger.get(asked.restore_id), _Turn(asked.owner, seconds_left))
            return self._status(asked.restore_id)
        work = self._open(asked, owner)
        self._advance(work, turn)
        return self._status(work.id)

    def _open(self, request: RestoreRequest, owner: str) -> Work:
        """Write the request down, or find it written."""
        now = self._ports.clock()
        facts = {"request": request.facts()}
        asked = Work(request.request_id or owner, RestoreState.REQUESTED, now, facts)
        work = self._ports.ledger.open(asked, now + self._settings.kept)
        if work.facts["request"] != facts["request"]:
            raise ConfigurationError(
                f"{RestoreEvent.REQUEST} {work.id} was used for another request", hint="choose another"
            )
        return work

    def _status(self, restore_id: str) -> dict[str, Any]:
        work = self._ports.ledger.get(restore_id)
        troubled = work.counts.get("failed", 0) or work.counts.get("tasks_failed", 0)
        troubles = list(islice(troubles_of(self._ports.ledger, work), _TROUBLES)) if troubled else []
        return answer(work, troubles, self._ports.clock(), self._settings.concurrency)

    # ------------------------------------------------------------------------------------------- steps

    def _advance(self, work: Work, turn: _Turn) -> None:
        """Take a restore as far as it goes now, unless another invocation does.

        When the time is up, the ledger keeps where to go on: if the next invocation never comes, a poll does.
        """
        ports = self._ports
        if work.status == RestoreState.RUNNING:
            ports.closer.close_if_complete(work)
            return
        if work.status not in _BEFORE_RUNNING:
            return
        now = ports.clock()
        until = now + timedelta(seconds=turn.seconds_left()) + _LEASE_GRACE
        claim = ports.ledger.claim(work.id, _PLANNER, turn.owner, now, until)
        if claim.state is not ClaimState.GRANTED:
            return
        with ports.telemetry.bound(restore_id=work.id):
            try:
                more = self._settled_steps(work.id, turn)
            except Exception:
                ports.ledger.yield_claim(work.id, _PLANNER, turn.owner)
                raise
            if more is None:
                ports.ledger.yield_claim(work.id, _PLANNER, turn.owner)
            else:
                self._hand_on(work.id, turn.owner, more)

    def _settled_steps(self, restore_id: str, turn: _Turn) -> dict[str, Any] | None:
        """Take the steps; what will never come right ends the restore."""
        work = self._ports.ledger.get(restore_id)
        try:
            return self._steps(work, turn)
        except StrongroomError as error:
            if error.retryable:
                raise
            self._fail(work, error)
            return None

    def _hand_on(self, restore_id: str, owner: str, cursor: dict[str, Any]) -> None:
        """Keep where to go on, and let the function do so."""
        work = self._ports.ledger.get(restore_id)
        self._ports.ledger.change(work.id, [work.status], work.status, {**work.facts, "cursor": cursor})
        self._ports.invoke({RestoreEvent.RESTORE: work.id, RestoreEvent.CONTINUE: owner})

    def _steps(self, work: Work, turn: _Turn) -> dict[str, Any] | None:
        """Go from state to state. Gives where to go on when the time is up."""
        request = RestoreRequest.from_facts(work.facts["request"])
        cursor = work.facts.get("cursor", {})
        if work.status == RestoreState.REQUESTED:
            more = self._plan(work, request, turn, cursor)
            if more is not None:
                return more
            work, cursor = self._ports.ledger.get(work.id), {}
        if work.status == RestoreState.PLANNED:
            if request.dry_run:
                return None
            if Estimate.from_facts(work.facts["estimate"]).archived:
                return self._thaw(work, request, turn, cursor)
        elif work.status == RestoreState.THAWING and "send" not in cursor:
            ready, more = self._thawed(work, request, turn, cursor)
            if not ready:
                return more
        if work.status in {RestoreState.PLANNED, RestoreState.THAWING}:
            return self._run(work, turn, cursor)
        return None

    def _plan(self, work: Work, request: RestoreRequest, turn: _Turn, cursor: Facts) -> dict[str, Any] | None:
        ports = self._ports
        start = PlanCursor.from_facts(cursor["plan"]) if "plan" in cursor else PlanCursor()
        end = ports.planner.plan(work, request, start, work.started + self._settings.kept, turn.seconds_left)
        if end.cursor is not None:
            return {"plan": end.cursor.facts()}
        sealed = ports.ledger.seal(work.id)
        if not sealed.expected and not end.estimate.refused:
            raise BackupNotFoundError("no file of the chosen backups is wanted", hint="check users and patterns")
        facts = {**_settled(work), "estimate": end.estimate.facts()}
        first = ports.ledger.change(work.id, [RestoreState.REQUESTED], RestoreState.PLANNED, facts)
        if first and not request.dry_run:
            ports.notifier.publish(planned_notice(work, request, end.estimate, self._settings.concurrency))
        ports.telemetry.info(
            "restore planned", tasks=sealed.expected, files=end.estimate.files, bytes=end.estimate.bytes
        )
        return None

    def _run(self, work: Work, turn: _Turn, cursor: Facts) -> dict[str, Any] | None:
        """Send all tasks, then say that they run: whoever dies in between is followed by one who sends them again."""
        after = self._send(work, str(cursor.get("send", "")), turn)
        if after is not None:
            return {"send": after}
        facts = {**_settled(work), "sent": rfc3339(self._ports.clock())}
        self._ports.ledger.change(work.id, [RestoreState.PLANNED, RestoreState.THAWING], RestoreState.RUNNING, facts)
        self._ports.closer.close_if_complete(self._ports.ledger.get(work.id))
        return None

    def _send(self, work: Work, after: str, turn: _Turn) -> str | None:
        """Send the tasks behind `after` that are not done; give the last one sent when the time is up."""
        missing = (task for task in self._ports.ledger.missing(work.id) if task > after)
        while batch := list(islice(missing, _BATCH)):
            messages = [Envelope(encode(RestoreMessage(restore_id=work.id, task=task)), work.id) for task in batch]
            self._ports.queue.send(messages)
            if turn.over:
                return batch[-1]
        return None

    def _fail(self, work: Work, error: StrongroomError) -> None:
        ports = self._ports
        facts = {**ports.ledger.get(work.id).facts, "error": str(error)}
        ports.telemetry.error("restore failed", code=error.code, reason=str(error))
        if ports.ledger.change(work.id, _BEFORE_RUNNING, RestoreState.FAILED, facts):
            request = RestoreRequest.from_facts(work.facts["request"])
            ports.notifier.publish(refused_notice(work, request, str(error)))
            ports.telemetry.count(Metric.RESTORES_FAILED, 1, source=request.source)

    # ------------------------------------------------------------------------------------------ thawing

    def _thaw(self, work: Work, request: RestoreRequest, turn: _Turn, cursor: Facts) -> dict[str, Any] | None:
        """Ask for all archived packs, then say that they thaw."""
        for task, packs in self._archived(work, request, str(cursor.get("thaw", ""))):
            frozen = [stored for stored in packs if stored.state is PackState.ARCHIVED]
            self._ports.archive.thaw(frozen, request.tier, KEEP_DAYS)
            if turn.over:
                return {"thaw": task}
        hours = Estimate.from_facts(work.facts["estimate"]).thaw_hours
        facts = {**_settled(work), "thawed_by": rfc3339(self._ports.clock() + timedelta(hours=hours))}
        self._ports.ledger.change(work.id, [RestoreState.PLANNED], RestoreState.THAWING, facts)
        return None

    def _thawed(
        self, work: Work, request: RestoreRequest, turn: _Turn, cursor: Facts
    ) -> tuple[bool, dict[str, Any] | None]:
        """Say whether all packs can be read; if not, and the time is up, where to go on looking.

        The first one that cannot ends the look. One whose copy has vanished meanwhile is asked for again.
        """
        for task, packs in self._archived(work, request, str(cursor.get("look", ""))):
            waiting = False
            for stored in packs:
                if stored.state is PackState.ARCHIVED:
                    self._ports.archive.thaw([stored], request.tier, KEEP_DAYS)
                waiting = waiting or stored.state is not PackState.READY
            if waiting:
                return False, None
            if turn.over:
                return False, {"look": task}
        return True, None

    def _archived(self, work: Work, request: RestoreRequest, after: str) -> Iterator[tuple[str, list[StoredPack]]]:
        """Give the tasks behind `after` that need archived packs, with those packs as they stand now."""
        seen: set[PackId] = set()
        for planned in self._ports.ledger.planned(work.id):
            task = RestoreTask.from_facts(planned.facts)
            if planned.task <= after or not task.archived:
                continue
            packs = self._ports.planner.packs(task, request) - seen
            seen = packs if len(seen) > _SEEN else seen | packs
            yield planned.task, list(self._ports.archive.states(sorted(packs)))

    # ------------------------------------------------------------------------------------------ polling

    def _poll(self, turn: _Turn) -> int:
        """Look after all restores that may need it; give how many. One's trouble does not keep it from the others."""
        seen: set[str] = set()
        for status in (*_BEFORE_RUNNING, RestoreState.RUNNING):
            for found in self._ports.ledger.with_status(status):
                if turn.over:
                    return len(seen)
                if found.id in seen:  # it has just come to this state
                    continue
                seen.add(found.id)
                try:
                    self._look_after(self._ports.ledger.get(found.id), turn)
                except Exception as error:  # noqa: BLE001 - it is logged, and the next poll tries again
                    code = error.code if isinstance(error, StrongroomError) else type(error).__name__
                    self._ports.telemetry.error("restore stuck", restore_id=found.id, code=code, reason=str(error))
                    self._ports.telemetry.count(Metric.ERRORS, 1, code=code)
        return len(seen)

    def _look_after(self, work: Work, turn: _Turn) -> None:
        now = self._ports.clock()
        self._advance(work, turn)
        if work.status == RestoreState.RUNNING and not work.complete and now - _sent(work) > RESEND_AFTER:
            # Their messages are lost, or in the dead-letter queue because somebody held the task too long.
            self._ports.telemetry.warning("restore tasks sent again", restore_id=work.id)
            self._send(work, "", turn)
            facts = {**work.facts, "sent": rfc3339(now)}
            self._ports.ledger.change(work.id, [RestoreState.RUNNING], RestoreState.RUNNING, facts)


def _settled(work: Work) -> dict[str, Any]:
    """Give the facts without where to go on: the step is done."""
    return {name: value for name, value in work.facts.items() if name != "cursor"}


def _sent(work: Work) -> datetime:
    return datetime.fromisoformat(work.facts["sent"])
