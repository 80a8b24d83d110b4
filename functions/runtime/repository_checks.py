"""The nightly sample of packs and the weekly check of structure, each in as many invocations as it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from functions.contract.metric_names import Metric
from functions.engine.errors import ConfigurationError, OutOfTimeError
from functions.engine.known_packs import KnownPacks
from functions.engine.model import PackId
from functions.engine.newest import newest_backups
from functions.engine.orchestration.verify_notices import damage_notice, join_damages, unchecked_notice
from functions.engine.orchestration.verify_request import Cursor, Kind, VerifyRequest
from functions.engine.pack_sample import PackProver, Window, attribute, sample_packs
from functions.engine.repository import BackupName
from functions.engine.timed_store import TimedStore, TimeLeft
from functions.engine.verify import Verifier
from functions.engine.verify_report import Damage, Depth, VerifyReport
from functions.runtime.verifier_ports import CLOSING, MARGIN, VerifierPorts, VerifierSettings

_FIRST_SLICE = 16
_LARGEST_SLICE = 256
_QUICK = 60.0
"""Seconds: a slice that took less is followed by one twice as large."""

_LOGGED = 100


class RepositoryChecks:
    """Verifies the repository. Both checks can go on in another invocation, and both may run twice without harm."""

    def __init__(self, ports: VerifierPorts, settings: VerifierSettings) -> None:
        """Look through `ports`."""
        self._ports = ports
        self._settings = settings

    def sample(self, request: VerifyRequest, time_left: TimeLeft) -> dict[str, Any]:
        """Read the packs that the seed chooses and prove their chunks; say who needs what is damaged."""
        window = Window.of(self._settings.sample_percent, request.seed)
        with PackProver(self._ports.store, workers=self._settings.workers) as prover:
            last = self._prove(prover, window, request.after, time_left)
            prover.wait()
        if prover.archived:
            self._ports.telemetry.warning("packs in an archive class were passed over", packs=prover.archived)
        missing = ""
        if prover.log.all():
            search = attribute(self._ports.store, prover.log, lambda: time_left() - CLOSING)
            if not search.complete:
                missing = f"What it touches was looked for in {search.backups:,} backups only: the time was over."
        report = prover.report
        report.damages = prover.log.all()
        following = VerifyRequest(Kind.SAMPLE, request.seed, after=last) if last is not None else None
        return self._end(Kind.SAMPLE, report, following, missing)

    def structure(self, request: VerifyRequest, time_left: TimeLeft) -> dict[str, Any]:
        """Check the newest backup of every user of every source: commit record, manifests, indexes of packs."""
        walk = _Walk(self._ports, self._settings, time_left)
        cursor = walk.go(request.cursor)
        if walk.too_large:
            self._ports.notifier.publish(unchecked_notice(self._settings.stack, walk.too_large))
        walk.report.damages = join_damages(walk.report.damages)
        following = VerifyRequest(Kind.STRUCTURE, request.seed, cursor=cursor) if cursor is not None else None
        return self._end(Kind.STRUCTURE, walk.report, following)

    def _prove(self, prover: PackProver, window: Window, after: PackId | None, time_left: TimeLeft) -> PackId | None:
        """Prove packs until the window or the time ends; give the last one when it was the time."""
        last = after
        for pack in sample_packs(self._ports.store, window, after):
            if time_left() > MARGIN:
                prover.prove(pack)
                last = pack
            elif last == after:
                raise OutOfTimeError("the time ended before the first pack was read")
            else:
                return last
        return None

    def _end(
        self, kind: Kind, report: VerifyReport, following: VerifyRequest | None, missing: str = ""
    ) -> dict[str, Any]:
        """Tell what was found, and hand on what is left to do."""
        telemetry = self._ports.telemetry
        self._tell(report.damages, missing)
        counts = {
            "backups": report.backups,
            "files": report.files,
            "packs_read": report.packs_read,
            "bytes_read": report.bytes_read,
            "damages": len(report.damages),
            "continued": following is not None,
        }
        telemetry.info("verification went on" if following else "verification ended", verify=kind.value, **counts)
        telemetry.count(Metric.VERIFY_DAMAGES, len(report.damages))
        if following is not None:
            self._ports.invoke_self(following.event())
        else:
            telemetry.count(Metric.VERIFY_RUN, 1, code=kind.value)
        return {"verify": kind.value, **counts}

    def _tell(self, damages: Sequence[Damage], missing: str) -> None:
        if not damages:
            return
        for damage in damages[:_LOGGED]:
            self._ports.telemetry.error("damage found", code=damage.code, object=damage.name, pack=damage.pack)
        settings = self._settings
        self._ports.notifier.publish(damage_notice(settings.stack, settings.repository_bucket, damages, missing))


class _Walk:
    """One invocation's way through the newest backups."""

    def __init__(self, ports: VerifierPorts, settings: VerifierSettings, time_left: TimeLeft) -> None:
        self.report = VerifyReport()
        self.too_large: list[BackupName] = []
        self._ports = ports
        self._settings = settings
        self._time_left = time_left
        self._store = KnownPacks(TimedStore(ports.store, lambda: time_left() - CLOSING))

    def go(self, cursor: Cursor | None) -> Cursor | None:
        """Check slices until the end, or until the time is up; give where to go on then."""
        names = self._names(cursor)
        done = cursor or Cursor(self._first_source(), None, _FIRST_SLICE)
        first = True
        while part := list(islice(names, done.size)):
            before = self._time_left()
            if before <= MARGIN:
                if first:
                    raise OutOfTimeError("the time ended before the first backup was checked")
                return done
            try:
                self._check(part)
            except OutOfTimeError:
                return self._too_slow(part, done, first=first)
            quick = before - self._time_left() < _QUICK
            size = min(_LARGEST_SLICE, done.size * 2) if quick else max(1, done.size // 2)
            done = Cursor(part[-1].source, part[-1].user, size)
            first = False
        return None

    def _too_slow(self, part: Sequence[BackupName], done: Cursor, *, first: bool) -> Cursor:
        """Go on with one backup at a time; leave out the one that had all the time and did not end."""
        if first and len(part) == 1:
            self.too_large.append(part[0])
            return Cursor(part[0].source, part[0].user, 1)
        return done._replace(size=1)

    def _check(self, part: Sequence[BackupName]) -> None:
        with Verifier(self._store, workers=self._settings.workers) as verifier:
            report = verifier.verify(part, Depth.STRUCTURE)
        self.report.backups += report.backups
        self.report.files += report.files
        self.report.packs += report.packs
        self.report.damages += report.damages

    def _names(self, cursor: Cursor | None) -> Iterator[BackupName]:
        sources = [setting.name for setting in self._settings.sources]
        if cursor is not None:
            if cursor.source not in sources:
                raise ConfigurationError(f"source {cursor.source!r} is not one of {', '.join(sources)}")
            sources = sources[sources.index(cursor.source) :]
        for source in sources:
            after = cursor.user if cursor is not None and cursor.source == source else None
            yield from newest_backups(self._ports.store, source, after)

    def _first_source(self) -> str:
        return self._settings.sources[0].name if self._settings.sources else ""
