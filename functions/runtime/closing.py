"""Closes runs: one summary, the run's metrics, its last state, and its source is free again.

Who finishes a run's last user calls it; so do the initiator, redeliveries and the watchdog. A crash between any two
steps leaves the run as it was, but for the lease on its closing: when that has run out, the next caller does all of
it again. So the summary may come twice; it cannot be lost.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from functions.contract.metric_names import Metric, MetricName
from functions.contract.states import RunState
from functions.engine.errors import StrongroomError
from functions.engine.orchestration.notices import first_troubles, summary_notice
from functions.engine.orchestration.ports import Ledger, Notice, Notifier, Users, Work
from functions.engine.orchestration.runs import ACTIVE, RpoAges, RunFacts, final_state, ratios, rpo_ages
from functions.engine.ports import Clock
from functions.runtime.telemetry import Telemetry

_LEASE = timedelta(minutes=5)
"""Reading the outcomes of 100,000 users takes seconds."""

_COUNTS: dict[MetricName, str] = {
    Metric.USERS_COMPLETED: "completed",
    Metric.USERS_PARTIAL: "partial",
    Metric.USERS_FAILED: "failed",
    Metric.FILES: "files",
    Metric.UNREADABLE: "unreadable",
    Metric.BYTES_SOURCE: "source",
    Metric.BYTES_READ: "read",
    Metric.BYTES_NEW: "new",
    Metric.BYTES_STORED: "stored",
}


class RunCloser:
    """Closes runs. Safe from any thread."""

    def __init__(
        self, ledger: Ledger, users: Users, notifier: Notifier, telemetry: Telemetry, clock: Clock, stack: str
    ) -> None:
        """Nothing is sent yet."""
        self._ledger = ledger
        self._users = users
        self._notifier = notifier
        self._telemetry = telemetry
        self._clock = clock
        self._stack = stack

    def close_if_complete(self, work: Work) -> bool:
        """Close a run if all its users are done; say whether this call did."""
        if not work.complete:
            return False
        if work.status not in ACTIVE:
            # Whoever closed it may have ended before this.
            self._ledger.release(RunFacts.of(work).source, work.id)
            return False
        now = self._clock()
        if not self._ledger.begin_close(work.id, now, now + _LEASE):
            return False
        work = self._ledger.get(work.id)  # it may have been closed since `work` was read
        if work.status in ACTIVE:
            self._close(work, now)
            return True
        return False

    def _close(self, work: Work, now: datetime) -> None:
        facts, state = RunFacts.of(work), final_state(work)
        ages = rpo_ages(self._users.all(facts.source), facts.prefix, now)
        troubles = first_troubles(self._ledger.outcomes(work.id))
        tell(self._notifier, self._telemetry, summary_notice(self._stack, work, troubles, ages, now), facts.source)
        self._count(work, facts.source, ages, now)
        self._ledger.change(work.id, [RunState.DISPATCHING], RunState.RUNNING)
        self._ledger.change(work.id, [RunState.RUNNING], state)
        self._ledger.release(facts.source, work.id)
        self._telemetry.info("run closed", run_id=work.id, state=state.value, users=work.done)

    def _count(self, work: Work, source: str, ages: RpoAges, now: datetime) -> None:
        for metric, name in _COUNTS.items():
            self._telemetry.count(metric, work.counts.get(name, 0), source=source)
        self._telemetry.count(Metric.RUN_DURATION, (now - work.started).total_seconds(), source=source)
        for metric, ratio in zip((Metric.DEDUP_RATIO, Metric.COMPRESSION_RATIO), ratios(work.counts), strict=True):
            if ratio is not None:
                self._telemetry.count(metric, ratio, source=source)
        count_ages(self._telemetry, source, ages)
        # Before the state says that all this is done.
        self._telemetry.flush()


def count_ages(telemetry: Telemetry, source: str, ages: RpoAges) -> None:
    """Count how old the last good backups of a source's users are."""
    telemetry.count(Metric.RPO_AGE_MAX, ages.oldest.total_seconds(), source=source)
    telemetry.count(Metric.RPO_AGE_P99, ages.p99.total_seconds(), source=source)


def tell(notifier: Notifier, telemetry: Telemetry, notice: Notice, source: str) -> None:
    """Publish a notice. Raises when that may work later.

    One that can never be published is an error in log and metrics, but must not keep backups from going on.
    """
    try:
        notifier.publish(notice)
    except StrongroomError as error:
        if error.retryable:
            raise
        telemetry.error("notice not published", subject=notice.subject, code=error.code, reason=str(error))
        telemetry.count(Metric.ERRORS, 1, source=source, code=error.code)
