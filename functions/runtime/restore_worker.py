"""Does one task of a restore, for a message that may come twice, late, or after a crash.

What was there before the first attempt is noted in the ledger, so each attempt decides the same; what an earlier one
wrote is found at the destination. Names and conditional writes keep two attempts from getting into each other's way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

from functions.contract.messages import RestoreMessage
from functions.contract.metric_names import Metric
from functions.contract.states import RestoreState
from functions.engine.commit import CommitRecord
from functions.engine.conflict import Conflict
from functions.engine.errors import (
    ConfigurationError,
    CorruptionError,
    MessageInvalidError,
    NotFoundError,
    OutOfTimeError,
    StrongroomError,
)
from functions.engine.manifest import Line
from functions.engine.model import SourceObject
from functions.engine.orchestration.jobs import retry_delay
from functions.engine.orchestration.ports import ClaimState, Facts, Ledger, Work
from functions.engine.orchestration.restore_conflicts import (
    Lister,
    Naming,
    Verdict,
    Wanted,
    taken_names,
    verdicts,
)
from functions.engine.orchestration.restore_requests import RestoreRequest, wanted_keys
from functions.engine.orchestration.restore_target import DecidedDestination
from functions.engine.orchestration.restore_tasks import RestoreTask
from functions.engine.ports import BlobStore, Clock, Destination
from functions.engine.repository import BackupName, Repository
from functions.engine.restore import Restorer
from functions.engine.restore_work import RestoreReport
from functions.engine.safety import DEFAULT_SAFETY, SafetyParameters
from functions.runtime.batches import Delivery, LaterError
from functions.runtime.restore_closing import COMPLETED, RestoreCloser
from functions.runtime.telemetry import Telemetry
from functions.runtime.toolbox import RestoreNames

MARGIN = 20.0
"""Seconds before the deadline at which a task stops writing; the next attempt goes on from what is there."""

_LEASE_GRACE = timedelta(seconds=30)
_NAMED = 10
_ENDED = frozenset({RestoreState.COMPLETED, RestoreState.PARTIAL, RestoreState.FAILED})


@dataclass(frozen=True, slots=True)
class RestoreWorkerPorts:
    """What a restore worker needs from outside. `destination` and `lister` are those of a bucket."""

    store: BlobStore
    destination: Callable[[str, RestoreNames, Conflict], Destination]
    lister: Callable[[str], Lister]
    ledger: Ledger
    closer: RestoreCloser
    telemetry: Telemetry
    clock: Clock


@dataclass(frozen=True, slots=True)
class RestoreWorkerSettings:
    """How a restore worker works. It writes to `buckets` only."""

    buckets: tuple[str, ...]
    max_receive_count: int = 5
    workers: int = 1
    safety: SafetyParameters = field(default=DEFAULT_SAFETY)


class RestoreWorker:
    """Works on one message at a time; several threads may use it."""

    def __init__(self, ports: RestoreWorkerPorts, settings: RestoreWorkerSettings) -> None:
        """Nothing is sent yet."""
        self._ports = ports
        self._settings = settings

    def work(self, message: RestoreMessage, delivery: Delivery) -> None:
        """Do the task that the message names, if it is still to be done. Raises when the message must come again."""
        with self._ports.telemetry.bound(restore_id=message.restore_id, task=message.task):
            self._claim_and_work(message, delivery)

    def _claim_and_work(self, message: RestoreMessage, delivery: Delivery) -> None:
        ports = self._ports
        try:
            work = ports.ledger.get(message.restore_id)
            planned = ports.ledger.planned_task(message.restore_id, message.task)
        except NotFoundError as error:
            raise MessageInvalidError(f"there is no task {message.task} of restore {message.restore_id}") from error
        if work.status in _ENDED:
            return
        now = ports.clock()
        until = now + timedelta(seconds=delivery.seconds_left()) + _LEASE_GRACE
        claim = ports.ledger.claim(work.id, message.task, delivery.owner, now, until)
        if claim.state is ClaimState.DONE:
            ports.closer.close_if_complete(ports.ledger.get(work.id))
            return
        if claim.state is ClaimState.HELD:
            raise LaterError("another worker has this task", int((claim.until - now).total_seconds()) + 1)
        job = _Job(ports, self._settings, work, message.task, RestoreTask.from_facts(planned.facts), delivery)
        try:
            job.run(claim.facts)
        except Exception as error:  # noqa: BLE001 - whatever it is, the message comes again or the task is settled
            self._failed(job, error)

    def _failed(self, job: _Job, error: Exception) -> None:
        """Let the message come again, or say that the task failed."""
        known = error if isinstance(error, StrongroomError) else None
        code = known.code if known is not None else type(error).__name__
        received = job.delivery.received
        self._ports.telemetry.error("restore task failed", code=code, reason=str(error), received=received)
        self._ports.telemetry.count(Metric.ERRORS, 1, source=job.task.source, code=code)
        final = known is not None and not known.retryable
        if not final and received < self._settings.max_receive_count:
            job.give_back()
            raise LaterError(str(error), retry_delay(received)) from error
        job.fail(f"{code}: {known.message if known is not None else error}")
        if not final:
            raise error


@dataclass(frozen=True, slots=True)
class _Job:
    """One task at work."""

    ports: RestoreWorkerPorts
    settings: RestoreWorkerSettings
    work: Work
    name: str
    task: RestoreTask
    delivery: Delivery

    def run(self, noted: Facts | None) -> None:
        """Restore the task's files and say so; `noted` is what an earlier attempt found at the destination."""
        report = self._restore(noted)
        counts = {
            "restored": report.restored,
            "skipped": report.skipped,
            "failed": report.failed,
            "bytes": report.bytes,
        }
        self._finish(self._outcome(report), counts)
        self.ports.telemetry.info("restore task done", user=self.task.user, backup_id=self.task.backup_id, **counts)

    def fail(self, error: str) -> None:
        """Say that the task failed: at most its files are missing at the destination."""
        self._finish(f"FAILED: {self._whose()}: {error}", {"failed": max(1, self.task.files), "tasks_failed": 1})

    def give_back(self) -> None:
        """Let whoever gets the message next begin at once."""
        self.ports.ledger.yield_claim(self.work.id, self.name, self.delivery.owner)

    def _finish(self, outcome: str, counts: dict[str, int]) -> None:
        work = self.ports.ledger.finish(self.work.id, self.name, outcome, counts)
        self.ports.closer.close_if_complete(work)

    def _restore(self, noted: Facts | None) -> RestoreReport:
        request = RestoreRequest.from_facts(self.work.facts["request"])
        if request.bucket not in self.settings.buckets:
            raise ConfigurationError(f"bucket {request.bucket} may not be restored into")
        repository = Repository(self.ports.store)
        record = repository.commit(BackupName(self.task.source, self.task.user, self.task.backup_id))
        part = replace(record, segments=tuple(ref for ref in record.segments if ref.number == self.task.segment))
        naming = Naming(record.prefix, request.prefix, self.work.id)
        lister = self.ports.lister(request.bucket)
        decided, sizes = self._decide(repository, part, request, naming, noted)
        names = RestoreNames(naming.cut, naming.prefix, naming.label)
        guarded = Conflict.OVERWRITE if request.conflict is Conflict.OVERWRITE else Conflict.SKIP
        inner = self.ports.destination(request.bucket, names, guarded)
        target = DecidedDestination(inner, naming, decided, sizes, self._check)
        wanted = self._wanted(request)
        with Restorer(self.ports.store, target, workers=self.settings.workers, safety=self.settings.safety) as restorer:
            report = restorer.restore([part], lambda entry: wanted(entry.key))
        return target.report(report, lister)

    def _decide(
        self, repository: Repository, part: CommitRecord, request: RestoreRequest, naming: Naming, noted: Facts | None
    ) -> tuple[dict[str, Verdict], dict[str, int]]:
        """Decide on the files for which something is to be decided; give their sizes too."""
        if request.conflict is Conflict.OVERWRITE:
            return {}, {}
        lister = self.ports.lister(request.bucket)
        files = self._files(repository, part, request)
        if noted is None:
            facts = {"taken": taken_names(files, naming, lister)}
            noted = self.ports.ledger.note(self.work.id, self.name, facts)
            # Nothing of ours can stand there yet, unless somebody else noted first.
            lister = _nothing if noted == facts else lister
        decided = verdicts(files, request.conflict, naming, noted["taken"], lister)
        return decided, {file.key: file.size for file in files if file.key in decided}

    def _files(self, repository: Repository, part: CommitRecord, request: RestoreRequest) -> list[Wanted]:
        """List the task's files in the order of their keys; up to the first damage, which the restore itself meets."""
        wanted = self._wanted(request)
        lines = repository.entries(part, after=self.task.after, until=self.task.until)
        files: list[Wanted] = []
        with suppress(CorruptionError):
            files.extend(Wanted(line.key, line.size) for line in lines if isinstance(line, Line) and wanted(line.key))
        return files

    def _wanted(self, request: RestoreRequest) -> Callable[[str], bool]:
        matches = wanted_keys(request.patterns)
        after, until = self.task.after, self.task.until
        return lambda key: after < key and (until is None or key <= until) and matches(key)

    def _check(self) -> None:
        if self.delivery.seconds_left() < MARGIN:
            raise OutOfTimeError("the time of this invocation is up")

    def _whose(self) -> str:
        return f"user {self.task.user!r}, backup {self.task.backup_id}"

    def _outcome(self, report: RestoreReport) -> str:
        if not report.failed:
            return COMPLETED
        named = "; ".join(f"{item.name}: {item.code}: {item.reason}" for item in report.failures[:_NAMED])
        more = f"; and {report.failed - _NAMED:,} more" if report.failed > _NAMED else ""
        state = "PARTIAL" if report.restored or report.skipped else "FAILED"
        return f"{state}: {self._whose()}: {report.failed:,} files could not be restored: {named}{more}"


def _nothing(_prefix: str, _start_after: str) -> Iterator[SourceObject]:
    return iter(())
