"""Backups that are not listed, since an earlier collection let them go: some of them have to come back.

A hold counts from the moment when it is set, also on what carries the tag and is hidden by midnight; and what went for
an erasure comes back when that is withdrawn. So plans name for some days what they let go and nobody lists any more.
A hold on one backup finds it however long ago that was, as long as a version of its commit record is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from functions.engine.commit import CommitRecord
from functions.engine.errors import CorruptionError, FormatError, NotFoundError
from functions.engine.repository import BackupName
from functions.engine.retention.erasure import Erasures
from functions.engine.retention.holds import ActiveHolds
from functions.engine.retention.pack_table import Fate
from functions.engine.retention.plan import BACKUPS
from functions.engine.retention.policy import Hold, Reason, Rule
from functions.engine.retention.scene import Scene
from functions.engine.retention.undelete import record_in_versions
from functions.engine.retention.verdicts import REMEMBERED, BackupPast


class HiddenBackups:
    """What is known of earlier collections or held, and was not seen in the listing."""

    def __init__(
        self, scene: Scene, holds: ActiveHolds, erasures: Erasures, pasts: Mapping[BackupName, BackupPast]
    ) -> None:
        """Expect to see all that a hold names, and all that was there when earlier collections decided on it."""
        self._scene = scene
        self._holds = holds
        self._standing = {order.erasure_id for orders in erasures.by_user.values() for order in orders}
        self._unseen: dict[BackupName, BackupPast] = {
            BackupName(hold.source, hold.user, hold.backup_id): BackupPast()
            for some in holds.by_user.values()
            for hold in some
            if hold.backup_id is not None
        }
        self._unseen.update((name, past) for name, past in pasts.items() if past.committed)

    def saw(self, name: BackupName) -> None:
        """Note that a backup is there."""
        self._unseen.pop(name, None)

    def comes_back(self, name: BackupName) -> bool:
        """Say whether a backup that is not listed has to come back, if anything is left of it."""
        past = self._unseen.get(name)
        return past is not None and self._reason(self._hold(name), past) is not None

    def rescued(self) -> list[BackupName]:
        """Mark what those need that have to come back, and name them. The others stay in the plan for a while."""
        return [name for name, past in sorted(self._unseen.items()) if self._is_rescued(name, past)]

    def _is_rescued(self, name: BackupName, past: BackupPast) -> bool:
        hold = self._hold(name)
        reason = self._reason(hold, past)
        if reason is None:
            self._remember(name, past)
            return False
        try:
            record = record_in_versions(self._scene.ports.vault, name)
        except NotFoundError:
            self._lost(name, hold)
            return False
        except (CorruptionError, FormatError):
            self._scene.report.counts["unreadable"] += 1
            self._scene.report.note(self._scene.report.unreadable, "/".join(name))
            self._remember(name, past)
            return False
        self._rescue(record, name, past, reason)
        return True

    def _hold(self, name: BackupName) -> Hold | None:
        return next((hold for hold in self._holds.of(name.source, name.user) if hold.covers(name)), None)

    def _reason(self, hold: Hold | None, past: BackupPast) -> Reason | None:
        if hold is not None:
            return Reason(Rule.HOLD, f"hold {hold.hold_id}: {hold.reason}")
        if past.erasure and past.erasure not in self._standing:
            return Reason(Rule.ERASURE, f"erasure {past.erasure} was withdrawn")
        return None

    def _rescue(self, record: CommitRecord, name: BackupName, past: BackupPast, reason: Reason) -> None:
        """Mark its packs. Those that are hidden too come back with it: nobody misses them."""
        for pack in record.packs:
            self._scene.table.mark(pack)
        self._scene.report.counts["backups_rescue"] += 1
        self._line(name, past, Fate.RESCUE, "was expired, and is kept now", reason)

    def _lost(self, name: BackupName, hold: Hold | None) -> None:
        report = self._scene.report
        if hold is not None and hold.backup_id is not None:
            report.counts["idle_holds"] += 1
            report.note(report.idle_holds, f"{hold.hold_id} on {'/'.join(name)}")
        else:
            report.counts["backups_lost"] += 1

    def _remember(self, name: BackupName, past: BackupPast) -> None:
        if self._scene.report.began - self._since(past) < REMEMBERED:
            self._scene.report.counts["backups_hidden"] += 1
            self._line(name, past, Fate.GONE, "was expired, and is not listed any more")

    def _line(self, name: BackupName, past: BackupPast, fate: Fate, why: str, *reasons: Reason) -> None:
        line: dict[str, Any] = {
            **name._asdict(),
            "fate": fate.name,
            "reasons": [[reason.rule.value, reason.text] for reason in reasons],
            "why": why,
            "since": self._since(past).isoformat(),
        }
        if past.erasure:
            line["erasure"] = past.erasure
        self._scene.sink(BACKUPS, line)

    def _since(self, past: BackupPast) -> datetime:
        return past.since if past.since is not None else self._scene.report.began
