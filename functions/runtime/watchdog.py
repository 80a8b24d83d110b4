"""Looks for what did not happen: runs that have not ended, runs that were not started, users without a backup.

Metrics are given at every look, also when all is well: an alarm must be able to tell zero from silence. People are
told once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from functions.contract.environment import SourceSetting
from functions.contract.metric_names import Metric
from functions.contract.states import RunState
from functions.engine.backup import rfc3339
from functions.engine.errors import StrongroomError
from functions.engine.orchestration.notices import Names, first_names, missed_notice, overdue_notice
from functions.engine.orchestration.ports import Ledger, Notice, Notifier, Users, Work
from functions.engine.orchestration.runs import ACTIVE, RunFacts, rpo_ages
from functions.engine.ports import Clock
from functions.runtime.closing import RunCloser, count_ages, tell
from functions.runtime.telemetry import Telemetry

_START_MARGIN = timedelta(hours=3)
"""A weekly schedule may stand an hour before the daily one, and a failed start is tried again for some minutes."""

_WATCHING = "WATCHING"
"""The status of the ledger's entry that keeps since when a source is watched, and of what people have been told."""

_WATCH_KEPT = timedelta(days=3_650)


@dataclass(frozen=True, slots=True)
class WatchdogPorts:
    """What the watchdog needs from outside."""

    ledger: Ledger
    users: Users
    notifier: Notifier
    closer: RunCloser
    telemetry: Telemetry
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchdogSettings:
    """What is watched; see WatchdogEnvironment."""

    stack: str
    sources: Sequence[SourceSetting]
    rpo: timedelta = timedelta(hours=24)


class Watchdog:
    """Looks once. May look as often as one likes."""

    def __init__(self, ports: WatchdogPorts, settings: WatchdogSettings) -> None:
        """Nothing is sent yet."""
        self._ports = ports
        self._settings = settings

    def look(self) -> dict[str, Any]:
        """Look at every source; give what was found, by its name. Raises the first trouble, when all were looked at."""
        found: dict[str, Any] = {}
        errors: list[Exception] = []
        for setting in self._settings.sources:
            try:
                found[setting.name] = self._look_at(setting)
            except Exception as error:  # noqa: BLE001 - raised below, when the other sources have been looked at
                code = error.code if isinstance(error, StrongroomError) else type(error).__name__
                self._ports.telemetry.error("source not watched", source=setting.name, code=code, reason=str(error))
                self._ports.telemetry.count(Metric.ERRORS, 1, source=setting.name, code=code)
                errors.append(error)
        if errors:
            raise errors[0]
        return found

    def _look_at(self, setting: SourceSetting) -> dict[str, Any]:
        ports, now = self._ports, self._ports.clock()
        overdue = self._overdue(setting.name, now)
        missing = [first_names(ports.ledger.missing(work.id)) for work in overdue]
        watch = self._watch(setting.name, now)
        missed = self._is_missed(setting.name, watch, now)
        found = {"overdue": len(overdue), "missing": sum(names.total for names in missing), "missed": int(missed)}
        # First what alarms hear, then what may fail.
        ports.telemetry.count(Metric.RUN_OVERDUE, found["overdue"], source=setting.name)
        ports.telemetry.count(Metric.USERS_MISSING, found["missing"], source=setting.name)
        ports.telemetry.count(Metric.RUN_MISSED, found["missed"], source=setting.name)
        count_ages(ports.telemetry, setting.name, rpo_ages(ports.users.all(setting.name), setting.prefix, now))
        for work, names in zip(overdue, missing, strict=True):
            self._tell_overdue(work, names, now)
        self._tell_missed(watch, setting.name, now, missed=missed)
        ports.telemetry.info("looked", source=setting.name, **found)
        return found

    def _overdue(self, source: str, now: datetime) -> list[Work]:
        """Give the runs of a source that should have ended; close those of which nobody did."""
        overdue = []
        for found in [work for state in ACTIVE for work in self._ports.ledger.with_status(state)]:
            if RunFacts.of(found).source != source:
                continue
            work = self._ports.ledger.get(found.id)  # what has the status may be a moment behind
            if work.complete:
                self._ports.closer.close_if_complete(work)
            elif work.status in ACTIVE and now > RunFacts.of(work).window_end:
                overdue.append(work)
        return overdue

    def _tell_overdue(self, work: Work, missing: Names, now: datetime) -> None:
        """Tell people of an overdue run, once."""
        facts = RunFacts.of(work)
        if facts.overdue:
            return
        self._tell(overdue_notice(self._settings.stack, work, missing, now), facts.source)
        self._ports.ledger.change(work.id, [work.status], work.status, {**work.facts, "overdue": rfc3339(now)})

    def _watch(self, source: str, now: datetime) -> Work:
        """Give the entry of a source: since when it is watched, and whether people know that a run was missed."""
        return self._ports.ledger.open(Work(f"watch#{source}", _WATCHING, now), now + _WATCH_KEPT)

    def _is_missed(self, source: str, watch: Work, now: datetime) -> bool:
        """Say whether no run of all users was started for too long; nobody can say so of a source just configured."""
        since = now - self._limit()
        if watch.started >= since:
            return False
        started = (work for state in RunState for work in self._ports.ledger.with_status(state, since))
        facts = map(RunFacts.of, started)
        return not any(run.source == source and run.everybody for run in facts)

    def _tell_missed(self, watch: Work, source: str, now: datetime, *, missed: bool) -> None:
        """Tell people that a run was missed, once until there is one again."""
        if missed == bool(watch.facts):
            return
        if missed:
            self._tell(missed_notice(self._settings.stack, source, self._limit(), now), source)
        self._ports.ledger.change(watch.id, [_WATCHING], _WATCHING, {"missed": rfc3339(now)} if missed else {})

    def _limit(self) -> timedelta:
        return self._settings.rpo + _START_MARGIN

    def _tell(self, notice: Notice, source: str) -> None:
        tell(self._ports.notifier, self._ports.telemetry, notice, source)
