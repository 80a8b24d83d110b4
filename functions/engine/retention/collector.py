"""The collector: lets go of what no kept backup needs, without a lock and without a moment in which it is alone.

A collection lists all packs, then decides on all backups and marks what they need, then decides on all packs, writes
its plan, and only then acts. The order matters: what was committed before the marking began is marked, and what is
uploaded after the listing is not in the list. Everything that it does may be done twice. One that is killed leaves a
plan that is not done, and the next one starts from the newest that is. docs/design.md has the proof.
"""

from __future__ import annotations

from concurrent.futures import Future
from datetime import timedelta
from typing import Any

from functions.contract.object_keys import pack_key
from functions.engine import ENGINE_VERSION
from functions.engine.backup import new_backup_id
from functions.engine.errors import BlobNotFoundError
from functions.engine.model import PackId
from functions.engine.ports import Tail
from functions.engine.repository import look_ahead
from functions.engine.retention.acts import Acts
from functions.engine.retention.backup_stage import BackupFates, BackupStage
from functions.engine.retention.history import load_history
from functions.engine.retention.locks import AHEAD, Extender, lock_plan
from functions.engine.retention.pack_stage import PackStage
from functions.engine.retention.pack_table import PackTable
from functions.engine.retention.plan import Document, PlanWriter, Sink, write_done
from functions.engine.retention.ports import CollectorPorts
from functions.engine.retention.scene import Scene
from functions.engine.retention.settings import CollectionReport, CollectSettings

_WAITS = ("clock_skew", "job_limit", "grace", "second_look", "collection_limit", "lock_step", "lock_horizon")


def collect(ports: CollectorPorts, settings: CollectSettings, show: Sink | None = None) -> CollectionReport:
    """Do one collection; `show` hears every line of its plan. A dry run decides, and does nothing else.

    OutOfTimeError when it takes longer than `safety.collection_limit`. Whatever it raises, the next one makes good.
    """
    # The time is taken before anything is looked at: waits may seem shorter than they were, never longer.
    began = ports.vault.now()
    report = CollectionReport(new_backup_id(began, ports.ids), began)
    plan = PlanWriter(ports.store, report.collection)

    def sink(kind: str, line: Document) -> None:
        if not settings.dry_run:
            plan.add(kind, line)
        if show is not None:
            show(kind, line)

    scene = _listed(ports, settings, report, sink)
    fates = BackupStage(scene).run()
    missing = _missing(scene, fates)
    _refuse(scene, fates)
    PackStage(scene).run(paused=fates.blocked)
    if not settings.dry_run:
        plan.finish({**_head(scene), **report.document()})
        Acts(scene).run(fates, missing)
        _count_locks(scene)
        write_done(ports.store, report.collection, _done(scene, fates))
    return report


def _listed(ports: CollectorPorts, settings: CollectSettings, report: CollectionReport, sink: Sink) -> Scene:
    """List all packs, and enter what earlier collections did to them."""
    history = load_history(ports.store).seen_from(settings.bucket)
    report.refused.extend(
        f"the plan of collection {plan.collection} cannot be followed ({plan.why}): an older one counts, and all waits "
        "begin anew"
        for plan in history.unusable
    )
    table = PackTable.list(ports.store, measured=settings.measure)
    history.enter_packs(ports.store, table)
    locks = lock_plan(settings.lock_days, settings.safety)
    everything = not history.locked(settings.bucket, settings.lock_days)
    extender = Extender(ports.vault, locks, report.began, history.began, everything=everything, idle=settings.dry_run)
    return Scene(ports, settings, report, history, table, extender, sink)


def _missing(scene: Scene, fates: BackupFates) -> list[PackId]:
    """Find the packs that a backup needs and that are not there. What was uploaded after the listing is."""
    missing: list[PackId] = []

    def probe(pack: PackId) -> tuple[PackId, Future[Tail]]:
        return pack, scene.ports.store.get_tail(pack_key(pack), 1)

    for pack, answer in look_ahead(probe, fates.not_listed, AHEAD):
        try:
            answer.result()
        except BlobNotFoundError:
            missing.append(pack)
            scene.report.note(scene.report.missing, f"{pack} of {'/'.join(fates.not_listed[pack])}")
    scene.report.counts["packs_missing"] = len(missing)
    return missing


def _refuse(scene: Scene, fates: BackupFates) -> None:
    """Say what this collection will not do, for want of knowledge."""
    if fates.blocked:
        fates.orphans.clear()
        scene.report.refused.append("a commit record cannot be read: nobody knows what its backup needs")
    if fates.unmeasured:
        scene.table.forget_measures()
        scene.report.refused.append(f"{fates.unmeasured}: no pack is called sparse")


def _count_locks(scene: Scene) -> None:
    report, extender = scene.report, scene.extender
    report.counts["locks_extended"] = extender.count
    report.counts["locks_refused"] = extender.refused
    if extender.refused:
        report.refused.append(f"{extender.refused:,} locks could not be extended: {extender.refusal}")


def _head(scene: Scene) -> dict[str, Any]:
    """Give what a plan says beside its report: by which rules it was made, and after which plan."""
    last, settings = scene.history.last, scene.settings
    return {
        "engine": ENGINE_VERSION,
        "previous": last.collection if last is not None else None,
        "policy": settings.policy.document(),
        "bucket": settings.bucket,
        "lock_days": settings.lock_days,
        "hours": {name: getattr(settings.safety, name) / timedelta(hours=1) for name in _WAITS},
    }


def _done(scene: Scene, fates: BackupFates) -> dict[str, Any]:
    """Give what is said of a collection that is over. What it condemned is condemned since this moment."""
    return {
        "finished": scene.ports.vault.now().isoformat(),
        "damaged": scene.report.damaged,
        "left": fates.left,
        "locks_extended": scene.extender.count,
        "locks_refused": scene.extender.refused,
    }
