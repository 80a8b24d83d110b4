"""Backs up one user, or a part of one, for a message that may come twice, late, or after a crash.

The bucket is the truth: segments that an earlier delivery wrote are taken up, a commit record that exists ends the
job. The ledger decides only who works now, under which backup id, and what is counted; each is decided once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from functions.contract.environment import SourceSetting
from functions.contract.messages import BackupMessage
from functions.contract.metric_names import Metric
from functions.contract.object_keys import user_objects
from functions.contract.states import BackupState
from functions.engine.backup import BackupJob, BackupSession
from functions.engine.commit import CommitRecord
from functions.engine.errors import (
    BackupNotFoundError,
    ConflictError,
    CorruptionError,
    MessageInvalidError,
    NotFoundError,
    StrongroomError,
)
from functions.engine.model import BackupType, Segment
from functions.engine.orchestration.jobs import (
    PARTS,
    SEGMENTS_A_PART,
    WHOLE,
    JobPlan,
    KeyRange,
    commit_facts,
    counts_of,
    outcome_of,
    plan_job,
    retry_delay,
    split_by_folders,
    split_by_parent,
)
from functions.engine.orchestration.messages import encode
from functions.engine.orchestration.ports import (
    BackupStart,
    Catalog,
    ClaimState,
    Envelope,
    Ledger,
    Queue,
    Users,
    Work,
)
from functions.engine.ports import BlobStore, Clock, Ids, Source
from functions.engine.repository import BackupName, Repository
from functions.engine.retention.erasure import parent_of
from functions.runtime.batches import Delivery, LaterError
from functions.runtime.telemetry import Telemetry

MARGIN = 90.0
"""Seconds before the deadline at which a worker closes its segment and hands on."""

READ_RATE = 64 * 1024 * 1024
"""Bytes a second that a worker reads at least. What is too large for the rest of the time is left to the next one."""

OBJECT_LIMIT = int((900 - MARGIN) * READ_RATE)
"""Larger objects cannot be read in one invocation: 50 GiB."""

_LEASE_GRACE = timedelta(seconds=30)
_HELD_SECONDS = 60
_FIRST_SPLIT_KEYS = 50_000
"""A first backup is cut at folders when the user has more objects than this: 50 listings tell."""


class Closer(Protocol):
    """Closes a run that is complete."""

    def close_if_complete(self, work: Work) -> bool:
        """Close it, unless somebody has or does; say whether this call did."""
        ...


@dataclass(frozen=True, slots=True)
class WorkerPorts:
    """What a worker needs from outside. `queues` are by priority: the priority queue, and the other."""

    store: BlobStore
    source: Callable[[SourceSetting], Source]
    ledger: Ledger
    catalog: Catalog
    users: Users
    queues: Mapping[bool, Queue]
    closer: Closer
    telemetry: Telemetry
    clock: Clock
    ids: Ids


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How a worker works."""

    sources: Mapping[str, SourceSetting]
    max_receive_count: int = 5
    retention: timedelta = timedelta(days=60)
    split_files: int = 1_000_000


class BackupWorker:
    """Works on one message at a time; several threads may use it. `sessions` gives the session of a source."""

    def __init__(
        self, ports: WorkerPorts, settings: WorkerSettings, sessions: Callable[[SourceSetting], BackupSession]
    ) -> None:
        """Share sessions with the other messages of the batch: they fill packs together."""
        self._ports = ports
        self._settings = settings
        self._sessions = sessions
        self._repository = Repository(ports.store)

    def work(self, message: BackupMessage, delivery: Delivery) -> None:
        """Do what the message asks for, if it is still to be done. Raises when the message must come again."""
        setting = self._settings.sources.get(message.source)
        if setting is None:
            known = ", ".join(sorted(self._settings.sources))
            raise MessageInvalidError(f"source {message.source!r} is not one of {known}")
        with self._ports.telemetry.bound(run_id=message.run_id, source=message.source, user=message.user):
            self._claim_and_work(message, delivery, setting)

    def _claim_and_work(self, message: BackupMessage, delivery: Delivery, setting: SourceSetting) -> None:
        ports = self._ports
        now = ports.clock()
        until = now + timedelta(seconds=delivery.seconds_left()) + _LEASE_GRACE
        try:
            claim = ports.ledger.claim(message.run_id, message.user, delivery.owner, now, until, message.part)
        except NotFoundError as error:
            raise MessageInvalidError(f"there is no run {message.run_id}") from error
        if claim.state is ClaimState.DONE:
            ports.closer.close_if_complete(ports.ledger.get(message.run_id))
            return
        if claim.state is ClaimState.HELD:
            # Not sooner: each receive counts, and after five the message would be among the dead letters.
            wait = int((claim.until - now).total_seconds()) + 1
            raise LaterError("another worker has this job", max(wait, 1))
        plan = JobPlan.from_facts(claim.facts) if claim.facts is not None else None
        job = _Job(ports, self._settings, setting, self._repository, message, delivery)
        try:
            job.run(self._sessions(setting), plan)
        except (LaterError, MessageInvalidError):
            job.give_back()
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the message comes again or the job is settled
            self._failed(job, error)

    def _failed(self, job: _Job, error: Exception) -> None:
        """Let the message come again, or say that the user's backup failed."""
        code = error.code if isinstance(error, StrongroomError) else type(error).__name__
        received = job.delivery.received
        self._ports.telemetry.error("backup failed", code=code, reason=str(error), received=received)
        self._ports.telemetry.count(Metric.ERRORS, 1, source=job.message.source, code=code)
        final = isinstance(error, StrongroomError) and not error.retryable
        if final or received >= self._settings.max_receive_count:
            job.fail(f"{code}: {error.message if isinstance(error, StrongroomError) else error}")
        else:
            job.give_back()
            raise LaterError(str(error), retry_delay(received)) from error
        if not final:
            raise error


@dataclass(frozen=True, slots=True)
class _Job:
    """One message at work."""

    ports: WorkerPorts
    settings: WorkerSettings
    setting: SourceSetting
    repository: Repository
    message: BackupMessage
    delivery: Delivery

    def run(self, session: BackupSession, plan: JobPlan | None) -> None:
        """Write this part's segments; commit when it was the last part."""
        plan, fresh = (self._known(plan), False) if plan is not None else self._plan()
        with self.ports.telemetry.bound(backup_id=plan.backup_id):
            record = None if fresh else self._committed(self._name(plan.backup_id))
            record = record or self._write(session, plan, fresh=fresh)
            if record is not None:
                self._complete(record)

    def fail(self, error: str) -> None:
        """Say in catalog and ledger that the user's backup failed."""
        ledger = self.ports.ledger
        claimed = ledger.note(self.message.run_id, self.message.user, self._fresh(None).facts())
        self.ports.catalog.start(self._start(JobPlan.from_facts(claimed)))
        self.ports.catalog.advance(self._start(JobPlan.from_facts(claimed)), BackupState.FAILED, error)
        self._finish(f"{BackupState.FAILED.value}: {error}", {"failed": 1})

    def give_back(self) -> None:
        """Let whoever gets the message next begin at once."""
        message = self.message
        self.ports.ledger.yield_claim(message.run_id, message.user, self.delivery.owner, message.part)

    def _plan(self) -> tuple[JobPlan, bool]:
        """Decide what the backup is, for all parts and deliveries; say whether nothing of it can be there yet."""
        message = self.message
        if message.part:
            raise LaterError("the first part has not been planned yet", _HELD_SECONDS)
        parent = self._newest()
        record = self._committed(parent) if parent is not None else None
        if parent is not None and record is not None and record.run_id == message.run_id:
            # The ledger has forgotten what the bucket knows: this run has backed the user up.
            plan = JobPlan(parent.backup_id, self.ports.clock(), record.parent)
        else:
            plan = self._fresh(parent, self._parts(record))
        noted = JobPlan.from_facts(self.ports.ledger.note(message.run_id, message.user, plan.facts()))
        fresh = noted.backup_id == plan.backup_id and noted.parent == (parent.backup_id if parent else None)
        return self._known(noted), fresh

    def _known(self, plan: JobPlan) -> JobPlan:
        """Do again what whoever planned it may not have got to."""
        if self.message.part == 0 and self.message.hop == 0:
            self.ports.catalog.start(self._start(plan))
            self.ports.catalog.advance(self._start(plan), BackupState.RUNNING)
            self._send_parts(plan)
        return plan

    def _fresh(self, parent: BackupName | None, parts: tuple[KeyRange, ...] = WHOLE) -> JobPlan:
        return plan_job(self.ports.clock(), self.ports.ids, parent, parts)

    def _newest(self) -> BackupName | None:
        return parent_of(self.ports.store, self.message.source, self.message.user)

    def _committed(self, name: BackupName) -> CommitRecord | None:
        """Give the commit record, or None when there is none that can be read."""
        try:
            return self.repository.commit(name)
        except (BackupNotFoundError, CorruptionError):
            return None

    def _parts(self, parent: CommitRecord | None) -> tuple[KeyRange, ...]:
        if parent is not None:
            return split_by_parent(parent, self.settings.split_files)
        prefix, recursive = user_objects(self.setting.prefix, self.message.user)
        source = self.ports.source(self.setting)
        objects = source.list(prefix, recursive=recursive)
        if next((True for number, _ in enumerate(objects) if number >= _FIRST_SPLIT_KEYS), False):
            return split_by_folders(self.setting.prefix, self.message.user, list(source.users(prefix)))
        return WHOLE

    def _send_parts(self, plan: JobPlan) -> None:
        others = [replace(self.message, part=number) for number in range(1, len(plan.parts))]
        self._send(others)

    def _send(self, messages: list[BackupMessage]) -> None:
        if messages:
            envelopes = [Envelope(encode(message), message.user or "/") for message in messages]
            self.ports.queues[self.message.priority].send(envelopes)

    def _write(self, session: BackupSession, plan: JobPlan, *, fresh: bool) -> CommitRecord | None:
        """Write segments until the end of the part or of the time; give the record when the backup is whole."""
        job = self._backup_job(plan)
        try:
            segments = self._segments(session, job, plan, fresh=fresh)
        except (CorruptionError, BackupNotFoundError) as error:
            if job.parent is None:
                raise
            self.ports.telemetry.warning("parent damaged: everything is read again", reason=str(error))
            job = replace(job, parent=None)
            segments = self._segments(session, job, plan, fresh=False)
        if segments is None:
            self._hand_on()
            return None
        if len(plan.parts) > 1:
            done = self.ports.ledger.finish_part(self.message.run_id, self.message.user, self.message.part)
            if len(done) < len(plan.parts):
                return None
            segments = self._written(plan)
        try:
            return session.commit(job, plan.backup_id, plan.started, segments)
        except ConflictError:
            return self.repository.commit(self._name(plan.backup_id))

    def _segments(self, session: BackupSession, job: BackupJob, plan: JobPlan, *, fresh: bool) -> list[Segment] | None:
        """Take up what is there and write the rest of the part; give all of it, or None when time ran out."""
        taken = [] if fresh else self._written(plan, self.message.part)
        last = next((segment.last_key for segment in reversed(taken) if segment.last_key), job.start_after)
        number = taken[-1].number + 1 if taken else job.first_segment
        job = replace(job, first_segment=number, start_after=last)
        try:
            written = session.write_segments(job, plan.backup_id, self._must_stop)
        except ConflictError as error:
            raise LaterError(f"another worker writes the same backup: {error}", _HELD_SECONDS) from error
        return taken + written.segments if written.resume_after is None else None

    def _must_stop(self, ahead: int) -> bool:
        return self.delivery.seconds_left() < MARGIN + ahead / READ_RATE

    def _written(self, plan: JobPlan, part: int | None = None) -> list[Segment]:
        """Read the segments that are there already, of one part or of all."""
        name = self._name(plan.backup_id)
        numbers = self.repository.segments(name)
        wanted = [number for number in numbers if part is None or number // SEGMENTS_A_PART == part]
        return [self.repository.segment(name, number) for number in wanted]

    def _hand_on(self) -> None:
        # The claim goes first: who gets the new message must find the job free.
        self.give_back()
        self._send([replace(self.message, hop=self.message.hop + 1)])
        self.ports.telemetry.info("handed on", part=self.message.part, hop=self.message.hop + 1)

    def _complete(self, record: CommitRecord) -> None:
        ports = self.ports
        finished = datetime.fromisoformat(record.finished)
        ports.catalog.complete(record, self.message.trigger, finished + self.settings.retention)
        ports.users.backed_up(record)
        ports.telemetry.info("backed up", **commit_facts(record))
        waited = (ports.clock() - self.delivery.sent).total_seconds()
        ports.telemetry.count(Metric.QUEUE_TO_DONE, max(0.0, waited), source=record.source)
        self._finish(outcome_of(record), counts_of(record))

    def _finish(self, outcome: str, counts: Mapping[str, int]) -> None:
        work = self.ports.ledger.finish(self.message.run_id, self.message.user, outcome, counts)
        self.ports.closer.close_if_complete(work)

    def _backup_job(self, plan: JobPlan) -> BackupJob:
        message, part = self.message, self.message.part
        if part >= min(len(plan.parts), PARTS):
            raise MessageInvalidError(f"part {part} of a job of {len(plan.parts)}")
        after, until = plan.parts[part]
        parent = self._name(plan.parent) if plan.parent is not None else None
        return BackupJob(
            message.source,
            message.user,
            self.setting.prefix,
            BackupType(message.type),
            message.run_id,
            parent,
            start_after=after,
            end_at=until,
            first_segment=part * SEGMENTS_A_PART,
        )

    def _name(self, backup_id: str) -> BackupName:
        return BackupName(self.message.source, self.message.user, backup_id)

    def _start(self, plan: JobPlan) -> BackupStart:
        message = self.message
        return BackupStart(
            message.source,
            message.user,
            plan.backup_id,
            plan.started,
            message.run_id,
            BackupType(message.type),
            message.trigger,
            self._expires(),
        )

    def _expires(self) -> datetime:
        return self.ports.clock() + self.settings.retention
