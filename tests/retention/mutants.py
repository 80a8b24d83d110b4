"""Bugs put into the collector on purpose, one at a time: the machine must find each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from functions.contract.object_keys import pack_key
from functions.engine.backup import BackupSession
from functions.engine.commit import CommitRecord
from functions.engine.model import PackId
from functions.engine.ports import BlobStore
from functions.engine.repository import BackupName, Repository
from functions.engine.retention.acts import Acts
from functions.engine.retention.backup_stage import BackupFates, BackupStage
from functions.engine.retention.hidden import HiddenBackups
from functions.engine.retention.history import History, load_history
from functions.engine.retention.pack_table import Fate, PackFacts, PackTable, Past
from functions.engine.retention.policy import Candidate, Hold, Reason
from functions.engine.retention.verdicts import BackupPast, Verdict, pack_verdict
from functions.engine.retention.walk import Answer, StoredBackup, candidate_of
from functions.engine.safety import SafetyParameters

_LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
_run_stage, _run_acts, _reason = BackupStage.run, Acts.run, HiddenBackups._reason


def _mark_before_list(stage: BackupStage) -> BackupFates:
    """Mark, and only then look at the clock and list: what was committed meanwhile is not marked."""
    fates = _run_stage(stage)
    scene = stage._scene
    store = scene.ports.store
    scene.report.began = scene.ports.vault.now()
    late = PackTable.list(store, measured=scene.settings.measure)
    scene.history.enter_packs(store, late)
    for position in range(len(scene.table)):
        facts = scene.table.facts(position)
        if facts.live:
            late.mark(facts.pack)
    object.__setattr__(scene, "table", late)
    return fates


def _judging(change: Callable[[PackFacts], PackFacts]) -> Callable[..., Verdict]:
    """Judge packs after something about them was changed."""
    return lambda pack, share, now, safety: pack_verdict(change(pack), share, now, safety)


def _sparse_goes(pack: PackFacts, share: float, now: datetime, safety: SafetyParameters) -> Verdict:
    verdict = pack_verdict(pack, share, now, safety)
    return Verdict(Fate.EXPIRE) if verdict.fate in {Fate.DRAIN, Fate.DRAINED} else verdict


def _hours_ahead(pack: PackFacts, share: float, now: datetime, safety: SafetyParameters) -> Verdict:
    return pack_verdict(pack, share, now + timedelta(hours=6), safety)


def _all_complete(backup: StoredBackup, record: Answer) -> Candidate:
    return candidate_of(backup, record)._replace(complete=True)


def _manifests_first(acts: Acts, fates: BackupFates) -> None:
    acts._expire(blob.key for backup in fates.expiring for blob in backup.others)
    acts._expire(backup.commit.key for backup in fates.expiring if backup.commit is not None)


def _packs_first(acts: Acts, fates: BackupFates, missing: Iterable[PackId]) -> None:
    """Let go of what backups need before the backups, as if both had been condemned together."""
    records: list[CommitRecord] = [Repository(acts.scene.ports.store).commit(item.name) for item in fates.expiring]
    acts._expire(pack_key(pack) for record in records for pack in record.packs)
    _run_acts(acts, fates, missing)


def _since_the_beginning(history: History, line: dict[str, str]) -> datetime | None:
    if Fate[line["fate"]] in {Fate.CONDEMN, Fate.EXPIRE}:
        return history.began
    return datetime.fromisoformat(line["since"]) if "since" in line else None


def _never_too_old(session: BackupSession, _since: datetime) -> datetime:
    return session._ports.clock()


def _without_others(store: BlobStore) -> History:
    return replace(load_history(store), others=())


def _newest_of_all(store: BlobStore, source: str, user: str) -> BackupName | None:
    return Repository(store).newest(source).get(user)


def _nothing(*_arguments: object, **_options: object) -> Iterator[object]:
    return iter(())


def _do_nothing(*_arguments: object, **_options: object) -> None:
    """Do nothing."""


def _holds_only(hidden: HiddenBackups, hold: Hold | None, _past: BackupPast) -> Reason | None:
    return _reason(hidden, hold, BackupPast())


_RETENTION = "functions.engine.retention."
_TARGETS = "functions.adapters.memory_versioned.MemoryTargets."

MUTANTS: Mapping[str, Mapping[str, object]] = {
    "grace zero": {
        _RETENTION + "verdicts.is_young": lambda *_: False,
        _RETENTION + "backup_stage.is_young": lambda *_: False,
    },
    "mark before list": {_RETENTION + "backup_stage.BackupStage.run": _mark_before_list},
    "partial counts as complete": {_RETENTION + "backup_stage.candidate_of": _all_complete},
    "locks are not extended": {_RETENTION + "locks.Extender.extend": _do_nothing},
    "no second look": {
        _RETENTION + "pack_stage.pack_verdict": _judging(
            lambda pack: pack._replace(since=_LONG_AGO) if pack.since else pack
        )
    },
    "nothing is re-admitted": {
        _RETENTION + "pack_stage.pack_verdict": _judging(
            lambda pack: pack._replace(live=pack.live and pack.past is not Past.CONDEMNED)
        )
    },
    "the newest complete one may go": {_RETENTION + "decide._newest_complete": _nothing},
    "the parent may go": {_RETENTION + "decide._newest": _nothing},
    "holds are ignored": {_RETENTION + "decide._held": _nothing},
    "erasures are ignored": {_RETENTION + "decide._erased": lambda *_: {}},
    "what is erased may be built on": {_RETENTION + "erasure.parent_of": _newest_of_all},
    "the index still leads to what is condemned": {
        _RETENTION + "acts.Acts.condemn": _do_nothing,
        _TARGETS + "named": lambda *_: frozenset(),
    },
    "nobody looks whether the index leads there again": {_TARGETS + "named": lambda *_: frozenset()},
    "a rebuild takes condemned packs too": {"functions.engine.pack_indexes.no_targets": lambda _store: frozenset()},
    "sparse packs go though they are needed": {_RETENTION + "pack_stage.pack_verdict": _sparse_goes},
    "manifests go before the commit record": {_RETENTION + "acts.Acts.expire_backups": _manifests_first},
    "packs go before the backup": {_RETENTION + "acts.Acts.run": _packs_first},
    "old jobs may commit": {"functions.engine.backup.BackupSession._refuse_if_too_old": _never_too_old},
    "condemned since the beginning": {_RETENTION + "history.History._since": _since_the_beginning},
    "plans that were not finished are ignored": {_RETENTION + "collector.load_history": _without_others},
    "holds on what is hidden are ignored": {_RETENTION + "hidden.HiddenBackups.rescued": lambda _: []},
    "what went for an erasure that is withdrawn stays away": {_RETENTION + "hidden.HiddenBackups._reason": _holds_only},
    "what did not arrive whole counts as complete": {_RETENTION + "walk.StoredBackup.arrived": True},
    "waits are hours too short": {_RETENTION + "pack_stage.pack_verdict": _hours_ahead},
}
"""What is replaced by what, by the name of the bug."""


@contextmanager
def mutated(name: str) -> Iterator[None]:
    """Put one bug in."""
    with ExitStack() as stack:
        for target, value in MUTANTS[name].items():
            stack.enter_context(patch(target, value))
        yield
