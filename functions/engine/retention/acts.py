"""What a collection does to the bucket and to the dedup index, once its plan is written. Each act may come twice."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass

from functions.contract.object_keys import commit_key, pack_key
from functions.engine.errors import OutOfTimeError
from functions.engine.model import PackId
from functions.engine.pack_indexes import read_pack_indexes
from functions.engine.retention.backup_stage import BackupFates
from functions.engine.retention.bring_back import LIMIT, BringBack
from functions.engine.retention.locks import AHEAD, settle
from functions.engine.retention.pack_table import Fate, Past
from functions.engine.retention.scene import Scene

_GROUP = 1_000
"""Tags between two looks at the clock."""
_STAY = tuple(fate for fate in Fate if fate not in {Fate.EXPIRE, Fate.GONE})
"""What is condemned stays locked: a backup under way may commit to it yet."""


@dataclass(frozen=True, slots=True)
class Acts:
    """The acts of one collection, in the order of `run`: what keeps, what brings back, what lets go.

    Locks come first: whatever else the time is too short for can wait. What is brought back is locked as it is written.
    """

    scene: Scene
    limit: int = LIMIT
    """Objects that are written anew at most."""

    def run(self, fates: BackupFates, missing: Iterable[PackId]) -> None:
        """Do everything that the plan says. What cannot be done stands in the report."""
        self.extend_packs()
        BringBack(self.scene, self.limit).run(fates, missing)
        self.expire_backups(fates)
        self.expire_packs()
        self.condemn()
        self.readmit()

    def expire_backups(self, fates: BackupFates) -> None:
        """Tag commit records before anything that they need: what is listed can be restored."""
        self._expire(commit_key(*backup.name) for backup in fates.expiring)
        self._expire(blob.key for backup in fates.expiring for blob in backup.others)
        for backup in fates.expiring:
            self.scene.ports.shelf.let_go(backup.name)
        self._expire(fates.orphans)

    def expire_packs(self) -> None:
        """Tag the packs whose time has come."""
        self._expire(map(pack_key, self._packs(Fate.EXPIRE)))

    def condemn(self) -> None:
        """Let the dedup index lead to no condemned or drained pack. One whose index cannot be read stays as it is."""
        for found in read_pack_indexes(self.scene.ports.store, self._packs(Fate.CONDEMN, Fate.DRAIN)):
            if found.error is None:
                self.scene.ports.targets.forget(found.refs)
            else:
                self.scene.report.damaged.append(found.pack_id)

    def readmit(self) -> None:
        """Let the dedup index lead again to what is needed after all."""
        for found in read_pack_indexes(self.scene.ports.store, self._packs(Fate.READMIT, Fate.RESCUE)):
            if found.error is None:
                self.scene.ports.targets.record(found.refs)

    def extend_packs(self) -> None:
        """Extend the locks of all packs that are not let go."""
        for position in self.scene.table.with_fate(*_STAY):
            facts, fate = self.scene.table.facts(position), self.scene.table.fate(position)
            changed = fate is Fate.RESCUE or facts.tagged or facts.past is Past.EXPIRED
            self.scene.extender.extend(pack_key(facts.pack), facts.modified, changed=changed)
        self.scene.extender.finish()

    def _packs(self, *fates: Fate) -> Iterator[PackId]:
        return map(self.scene.table.pack, self.scene.table.with_fate(*fates))

    def _expire(self, keys: Iterable[str]) -> None:
        """Tag objects, unless what this collection knows has grown old. What is gone already is left out."""
        pending: deque[Future[None]] = deque()
        for number, key in enumerate(keys):
            if number % _GROUP == 0:
                self._refuse_if_old()
            pending.append(self.scene.ports.vault.expire(key))
            if len(pending) >= AHEAD:
                settle(pending.popleft())
        while pending:
            settle(pending.popleft())

    def _refuse_if_old(self) -> None:
        limit = self.scene.settings.safety.collection_limit
        if self.scene.ports.vault.now() - self.scene.report.began > limit:
            raise OutOfTimeError(f"the collection began more than {limit} ago", hint="the next one looks again")
