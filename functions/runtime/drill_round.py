"""The day's restore drills: chooses whom to prove, does one drill after the other, records and tells how they ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import zip_longest
from random import Random
from typing import Any

from functions.contract.environment import SourceSetting
from functions.contract.metric_names import Metric
from functions.contract.states import DrillState
from functions.engine.errors import ConfigurationError, OutOfTimeError
from functions.engine.orchestration.drills import Choice, choose_drills, oldest_age, overdue, scratch_folder
from functions.engine.orchestration.ports import DrillResult, UserState
from functions.engine.orchestration.verify_notices import FailedDrill, Flaw, drills_notice, overdue_notice
from functions.engine.orchestration.verify_request import VerifyRequest
from functions.engine.repository import BackupName
from functions.engine.timed_store import TimeLeft
from functions.runtime.drilling import DrillJob, DrillOutcome, DrillPorts, run_drill
from functions.runtime.verifier_ports import MARGIN, VerifierPorts, VerifierSettings

_FAIR_SHARE = 300.0
"""Seconds. A drill that ends by time after less than this was not reached, rather than failed."""

UNKNOWN = "UNKNOWN"
"""The state of somebody who was named and has no backup."""
NOT_REACHED = "NOT_REACHED"


class DrillRound:
    """One day's drills. Doing a round twice proves some users twice, each in a folder of its own."""

    def __init__(self, ports: VerifierPorts, settings: VerifierSettings) -> None:
        """Restore through `ports`."""
        self._ports = ports
        self._settings = settings
        self._users: dict[str, dict[str, UserState]] = {}
        self._failed: list[FailedDrill] = []
        self._proven = 0
        self._left = 0
        self._answers: list[dict[str, Any]] = []

    def run(self, request: VerifyRequest, time_left: TimeLeft) -> dict[str, Any]:
        """Do the drills, most urgent first, until the time is up. Whom it does not reach comes first tomorrow.

        Of users that a person names, the answer says how each ended. That is no day's round: who counts those, or
        tells whose proof is overdue, must not take it for one.
        """
        now = self._ports.clock()
        for setting in self._settings.sources:
            self._users[setting.name] = {user.user: user for user in self._ports.users.all(setting.name)}
        chosen = self._named(request) if request.users else self._plan(now, Random(request.seed))  # noqa: S311 - a retry shall choose alike
        try:
            for setting, choice in list(chosen):
                if time_left() > MARGIN:
                    self._drill(setting, choice, request.seed, time_left)
                else:
                    self._leave(setting.name, choice.user)
        finally:
            self._tell_failures()
        counts = {"proven": self._proven, "failed": len(self._failed), "not_reached": self._left}
        self._ports.telemetry.info("drills ended", **counts)
        if request.users:
            return {"verify": request.kind.value, **counts, "drills": self._answers}
        self._tell_ages()
        self._ports.telemetry.count(Metric.VERIFY_RUN, 1, code=request.kind.value)
        return {"verify": request.kind.value, **counts}

    def _named(self, request: VerifyRequest) -> Iterator[tuple[SourceSetting, Choice]]:
        """Give the users that a person named, in that order. ConfigurationError for a source that is none."""
        sources = [setting for setting in self._settings.sources if request.source in {None, setting.name}]
        if not sources:
            known = ", ".join(setting.name for setting in self._settings.sources)
            raise ConfigurationError(f"source {request.source!r} is none", hint=f"it must be one of {known}")
        for name in request.users:
            found = [(one, user) for one in sources if (user := self._users[one.name].get(name)) and user.backup_id]
            yield from ((setting, Choice(user, "named by a person")) for setting, user in found)
            if not found:
                self._answers.append({"source": request.source, "user": name, "state": UNKNOWN})

    def _leave(self, source: str, user: UserState) -> None:
        self._left += 1
        self._answers.append({"source": source, "user": user.user, "state": NOT_REACHED})

    def _plan(self, now: datetime, rng: Random) -> Iterator[tuple[SourceSetting, Choice]]:
        """Choose for each source, and take turns between the sources."""
        settings = self._settings
        at_least = -(-settings.drills_a_day // max(1, len(settings.sources)))
        chosen = [
            [
                (setting, choice)
                for choice in choose_drills(
                    self._users[setting.name].values(), now, settings.drill_coverage_days, at_least, rng
                )
            ]
            for setting in settings.sources
        ]
        for turn in zip_longest(*chosen):
            yield from (pair for pair in turn if pair is not None)

    def _drill(self, setting: SourceSetting, choice: Choice, seed: int, time_left: TimeLeft) -> None:
        ports = self._ports
        user = choice.user
        backup = BackupName(setting.name, user.user, user.backup_id or "")
        folder = scratch_folder(self._settings.scratch_prefix, ports.clock(), *backup[:2], ports.ids(4))
        job = DrillJob(backup, folder, self._settings.drill_bytes, f"{seed}/{setting.name}/{user.user}")
        # A user too large for the rest of the time must not take all of it from those who come after him.
        share = time_left() / 2
        with ports.telemetry.bound(source=setting.name, user=user.user, backup_id=backup.backup_id):
            ports.telemetry.info("drill begins", reason=choice.reason, folder=folder)
            drill_ports = DrillPorts(ports.store, ports.source(setting), ports.destination(), ports.scratch)
            outcome = self._do(drill_ports, job, lambda: time_left() - share)
            if share < _FAIR_SHARE and any(flaw.code == OutOfTimeError.code for flaw in outcome.flaws):
                self._leave(setting.name, user)
                ports.telemetry.info("drill was not reached in time")
            else:
                self._record(job, outcome)

    def _do(self, drill_ports: DrillPorts, job: DrillJob, time_left: TimeLeft) -> DrillOutcome:
        try:
            return run_drill(drill_ports, job, time_left, workers=self._settings.workers)
        except Exception as error:  # noqa: BLE001 - nothing that one user's backup holds may stop the others' drills
            code = type(error).__name__
            self._ports.telemetry.error("drill ended in a way that nobody foresaw", code=code, reason=str(error))
            outcome = DrillOutcome()
            backup = f"backup {job.backup.backup_id}"
            outcome.add(Flaw(backup, code, str(error), "look at the verifier's log, and report it"))
            return outcome

    def _record(self, job: DrillJob, outcome: DrillOutcome) -> None:
        ports = self._ports
        source, user, backup_id = job.backup
        when = ports.clock()
        proven = outcome.count == 0
        state = DrillState.PROVEN if proven else DrillState.FAILED
        error = None if proven else "; ".join(map(str, outcome.flaws[:10]))
        result = DrillResult(source, user, backup_id, when, state, outcome.files, outcome.size, error)
        ports.drills.record(result, when + timedelta(days=self._settings.drills_kept_days))
        seen = {"files": outcome.files, "bytes": outcome.size, "beside_source": outcome.beside_source}
        answer = {"source": source, "user": user, "backup": backup_id, "state": state.value, **seen, "error": error}
        self._answers.append(answer)
        if proven:
            self._proven += 1
            ports.users.proven(source, user, when)
            self._users[source][user] = replace(self._users[source][user], proven=when)
            ports.telemetry.info("drill proved the backup", **seen)
        else:
            self._failed.append(FailedDrill(job.backup, job.folder, outcome.count, outcome.flaws))
            ports.telemetry.error("drill failed", code=outcome.flaws[0].code, reason=error, flaws=outcome.count, **seen)
        ports.telemetry.count(Metric.DRILLS_PROVEN if proven else Metric.DRILLS_FAILED, 1, source=source)

    def _tell_failures(self) -> None:
        if self._failed:
            self._ports.notifier.publish(drills_notice(self._settings.stack, self._failed, self._proven))

    def _tell_ages(self) -> None:
        now = self._ports.clock()
        coverage = self._settings.drill_coverage_days
        late: list[tuple[str, UserState]] = []
        for source, users in self._users.items():
            age = oldest_age(users.values(), now).total_seconds()
            self._ports.telemetry.count(Metric.DRILL_AGE_MAX, age, source=source)
            late += [(source, user) for user in overdue(users.values(), now, coverage)]
        if late:
            self._ports.notifier.publish(overdue_notice(self._settings.stack, late, now, coverage))
