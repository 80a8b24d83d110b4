"""The first half of a collection: decides on every backup, and marks the packs of those that stay."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from functions.engine.commit import CommitRecord
from functions.engine.errors import BackupNotFoundError, NotFoundError
from functions.engine.model import PackId
from functions.engine.repository import BackupName, Repository
from functions.engine.retention.decide import decide
from functions.engine.retention.erasure import read_erasures
from functions.engine.retention.hidden import HiddenBackups
from functions.engine.retention.holds import read_holds
from functions.engine.retention.measuring import Measuring
from functions.engine.retention.pack_table import Fate
from functions.engine.retention.plan import BACKUPS
from functions.engine.retention.policy import Decision, Rule
from functions.engine.retention.scene import Scene
from functions.engine.retention.undelete import record_in_versions
from functions.engine.retention.verdicts import LIVE, BackupPast, Verdict, backup_verdict, is_young
from functions.engine.retention.walk import Found, StoredBackup, StoredUser, Walk, candidate_of, modified
from functions.engine.retention.write_offs import read_write_offs

_MISSING = 10_000


@dataclass(slots=True)
class BackupFates:
    """What is to be done with backups, in the order in which it was decided."""

    expiring: list[StoredBackup] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    """Keys of segments whose backup was never committed and never will be."""
    rescued: list[BackupName] = field(default_factory=list)
    left: list[BackupName] = field(default_factory=list)
    """Those of them that were not brought back: the next collection must know of them."""
    not_listed: dict[PackId, BackupName] = field(default_factory=dict)
    """Packs that a backup needs and that were not there when packs were listed, up to a bound."""
    blocked: bool = False
    """Some commit record cannot be read, so nobody knows what is needed."""
    unmeasured: str = ""
    """Why not everything that is needed could be measured."""


class BackupStage:
    """Goes through all users once. Packs were listed before: whatever is listed and needed, it finds needed."""

    def __init__(self, scene: Scene) -> None:
        """Read what was done before, and what people have ordered since."""
        store = scene.ports.store
        self._scene = scene
        self._repository = Repository(store)
        self._holds = read_holds(store)
        self._erasures = read_erasures(store)
        self._written_off = scene.settings.written_off | read_write_offs(store)
        self._pasts = scene.history.backups(store)
        self._hidden = HiddenBackups(scene, self._holds, self._erasures, self._pasts)
        self._fates = BackupFates()
        self._measuring = Measuring(self._repository, scene.table, scene.settings.measuring_time)
        self._may_expire = self._few_enough()

    def run(self) -> BackupFates:
        """Decide, write a line for each backup, mark."""
        for order in self._erasures.unreadable:
            self._scene.report.refused.append(f"erasure {order} cannot be read: it erases nothing")
        for user, records in Walk(self._scene.ports.store):
            self._user(user, records)
        self._fates.rescued.extend(self._hidden.rescued())
        for blob in self._holds.blobs:
            self._scene.extender.extend(blob.key, modified(blob), changed=False)
        self._measuring.finish()
        self._fates.unmeasured = self._measuring.failure
        return self._fates

    def _user(self, user: StoredUser, records: Iterator[Found]) -> None:
        """Mark what surely stays as it comes, and the rest when retention has seen all: few records wait."""
        scene = self._scene
        candidates, unsure, damaged = [], set(), []
        for backup, record in records:
            if isinstance(record, NotFoundError):
                continue  # the lifecycle took it between the listing and now
            self._hidden.saw(backup.name)
            candidates.append(candidate_of(backup, record))
            if isinstance(record, CommitRecord) and backup.lacks_manifests(record):
                self._late(backup.name)
            if not isinstance(record, CommitRecord):
                damaged.append(backup.name)
            elif self._may_go(backup.name):
                unsure.add(backup.name)
            else:
                self._mark(record)
        safety, now = scene.settings.safety, scene.report.began
        holds, orders = self._holds.of(user.source, user.user), self._erasures.of(user.source, user.user)
        for decision in decide(candidates, scene.settings.policy, holds, now, safety.clock_skew, orders):
            name = decision.candidate.backup
            verdict = self._verdict(decision)
            self._note(user.backups[name.backup_id], decision, verdict)
            if name in unsure and verdict.fate in LIVE:
                self._mark_late(name)
            if name in damaged:
                self._unreadable(name, needed=decision.keep)
            elif Rule.ERASURE in decision.rules:
                self._erased(decision, verdict)
        self._unfinished(user)

    def _late(self, name: BackupName) -> None:
        """Take a backup for one that may be tagged: while its record was on its way here, its manifests were let go."""
        self._pasts[name] = self._pasts.get(name, BackupPast())._replace(tagged=True)

    def _may_go(self, name: BackupName) -> bool:
        """Say whether a backup could leave in this collection, or has left before it."""
        past = self._pasts.get(name, BackupPast())
        due = past.condemned is not None and self._is_due(past.condemned)
        return due or past.expired

    def _is_due(self, condemned: datetime) -> bool:
        return self._scene.report.began - condemned >= self._scene.settings.safety.second_look

    def _few_enough(self) -> bool:
        """Say whether not too many backups are due at once, of all that the collection before counted."""
        scene = self._scene
        due = sum(past.condemned is not None and self._is_due(past.condemned) for past in self._pasts.values())
        total = scene.history.last.head["counts"]["backups"] if due and scene.history.last is not None else 0
        share = scene.settings.share_at_once
        if due <= share * total or due < scene.settings.safety.expire_floor_backups:
            return True
        scene.report.refused.append(f"{due:,} of {total:,} backups would go; {share:.0%} may at once")
        return False

    def _verdict(self, decision: Decision) -> Verdict:
        scene = self._scene
        past = self._pasts.get(decision.candidate.backup, BackupPast())
        verdict = backup_verdict(keep=decision.keep, past=past, now=scene.report.began, safety=scene.settings.safety)
        if verdict.fate is Fate.EXPIRE and not self._may_expire:
            return Verdict(Fate.WAIT, "too many would go at once")
        return verdict

    def _note(self, backup: StoredBackup, decision: Decision, verdict: Verdict) -> None:
        scene, fate = self._scene, verdict.fate
        past = self._pasts.get(backup.name, BackupPast())
        scene.report.counts["backups"] += 1
        scene.report.counts[f"backups_{fate.name.lower()}"] += 1
        if Rule.FUTURE in decision.rules:
            scene.report.counts["skewed"] += 1
            scene.report.note(scene.report.skewed, "/".join(backup.name))
        scene.sink(BACKUPS, _line(decision, verdict, past))
        if fate in {Fate.EXPIRE, Fate.GONE}:
            self._fates.expiring.append(backup)
        elif fate is Fate.RESCUE:
            self._fates.rescued.append(backup.name)
        if fate in LIVE:
            for blob in backup.blobs:
                scene.extender.extend(blob.key, modified(blob), changed=fate is Fate.RESCUE)

    def _unfinished(self, user: StoredUser) -> None:
        """Let go of segments that no commit record will ever name: whoever wrote them may not commit them now.

        The others may be committed at any moment, so they are kept as what is committed is. So is what belongs to a
        hidden commit record that is brought back.
        """
        scene, now = self._scene, self._scene.report.began
        for backup in user.backups.values():
            if backup.commit is not None:
                continue
            returns = self._hidden.comes_back(backup.name)
            if returns or any(is_young(modified(blob), now, scene.settings.safety) for blob in backup.others):
                for blob in backup.others:
                    scene.extender.extend(blob.key, modified(blob), changed=returns)
                continue
            for blob in backup.others:
                self._fates.orphans.append(blob.key)
                scene.report.counts["segments_expire"] += 1
                scene.sink(BACKUPS, {"segment": blob.key, "fate": Fate.EXPIRE.name, "why": "it has no commit record"})

    def _unreadable(self, name: BackupName, *, needed: bool) -> None:
        """Note a damaged commit record. What an erased one needed may go: nobody may have it."""
        report = self._scene.report
        report.counts["unreadable"] += 1
        report.note(report.unreadable, "/".join(name))
        if needed and name not in self._written_off:
            report.counts["unreadable_needed"] += 1
            self._fates.blocked = True

    def _erased(self, decision: Decision, verdict: Verdict) -> None:
        """Count what is erased; let its packs be written anew without it, where others need them too."""
        report = self._scene.report
        report.counts["backups_erased_and_held" if decision.keep else "backups_erased"] += 1
        if decision.keep or verdict.fate not in LIVE:
            return
        name = decision.candidate.backup
        if verdict.fate is Fate.CONDEMN:
            report.counts["backups_erased_anew"] += 1
            user = f"{name.source}/{name.user}"
            if user not in report.erased:
                report.note(report.erased, user)
        with suppress(NotFoundError):  # the lifecycle took it between the listing and now
            for pack in self._repository.commit(name).packs:
                self._scene.table.taint(pack)

    def _mark(self, record: CommitRecord) -> None:
        name = BackupName(record.source, record.user, record.backup_id)
        for pack in record.packs:
            if not self._scene.table.mark(pack) and len(self._fates.not_listed) < _MISSING:
                self._fates.not_listed.setdefault(pack, name)
        if self._scene.settings.measure:
            self._measuring.add(record)

    def _mark_late(self, name: BackupName) -> None:
        """Mark a backup that was let go before. The lifecycle may have hidden it since it was listed."""
        try:
            self._mark(self._repository.commit(name))
        except BackupNotFoundError:
            with suppress(BackupNotFoundError):  # and it cannot be brought back either
                self._mark(record_in_versions(self._scene.ports.vault, name))


def _line(decision: Decision, verdict: Verdict, past: BackupPast) -> dict[str, Any]:
    line: dict[str, Any] = {
        **decision.candidate.backup._asdict(),
        "fate": verdict.fate.name,
        "reasons": [[reason.rule.value, reason.text] for reason in decision.reasons],
    }
    if verdict.why:
        line["why"] = verdict.why
    since = past.condemned if verdict.fate is Fate.WAIT else past.since
    if since is not None:
        line["since"] = since.isoformat()
    if past.tagged and verdict.fate in {Fate.CONDEMN, Fate.WAIT}:
        line["tagged"] = True
    if decision.erasure_id:
        line["erasure"] = decision.erasure_id
    return line
