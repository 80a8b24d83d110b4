"""Closes a restore: decides how it ended, tells people, counts it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice

from functions.contract.metric_names import Metric
from functions.contract.states import RestoreState
from functions.engine.backup import rfc3339
from functions.engine.orchestration.ports import Ledger, Notifier, Work
from functions.engine.orchestration.restore_estimate import Estimate
from functions.engine.orchestration.restore_notices import ended_notice
from functions.engine.orchestration.restore_requests import RestoreRequest
from functions.engine.orchestration.restore_tasks import end_state
from functions.engine.ports import Clock
from functions.runtime.telemetry import Telemetry

COMPLETED = RestoreState.COMPLETED.value
"""The outcome of a task without trouble."""

_LEASE = timedelta(minutes=2)
_TROUBLES = 1_000


@dataclass(frozen=True, slots=True)
class RestoreCloser:
    """Closes restores. Whoever finds one complete calls it: all but one are told that somebody else does."""

    ledger: Ledger
    notifier: Notifier
    telemetry: Telemetry
    clock: Clock

    def close_if_complete(self, work: Work) -> bool:
        """Close a restore if all its tasks are done; say whether this call did."""
        # One that is not RUNNING yet is closed by whoever lets it run.
        if not work.complete or work.status != RestoreState.RUNNING:
            return False
        now = self.clock()
        if not self.ledger.begin_close(work.id, now, now + _LEASE):
            return False
        request = RestoreRequest.from_facts(work.facts["request"])
        estimate = Estimate.from_facts(work.facts["estimate"])
        state = end_state(work.counts, estimate.refused)
        counts = {**work.counts, "failed": work.counts.get("failed", 0) + estimate.refused}
        told = replace(work, counts=counts)
        troubles = [*estimate.too_large, *islice(troubles_of(self.ledger, work), _TROUBLES)]
        self.notifier.publish(ended_notice(told, request, state, troubles, now))
        self.ledger.change(work.id, [RestoreState.RUNNING], state, {**work.facts, "ended": rfc3339(now)})
        self._count(work, request.source, state)
        return True

    def _count(self, work: Work, source: str, state: RestoreState) -> None:
        seconds = (self.clock() - work.started).total_seconds()
        self.telemetry.count(Metric.RESTORE_DURATION, seconds, source=source)
        self.telemetry.count(Metric.RESTORES_FAILED, 0 if state is RestoreState.COMPLETED else 1, source=source)
        self.telemetry.info("restore ended", restore_id=work.id, state=state.value, counts=dict(work.counts))


def troubles_of(ledger: Ledger, work: Work) -> Iterator[str]:
    """Give the outcomes of the tasks that had trouble."""
    return (outcome for _task, outcome in ledger.outcomes(work.id) if outcome != COMPLETED)
