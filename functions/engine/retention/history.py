"""What earlier collections did, read from their plans: the bucket alone says which packs are condemned, and since when.

The newest plan that is done says what became of everything. Beside it count the plans that began within a day before
it, or after it: one that was killed, or ran at the same time, may have tagged what the newest does not know of.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from functions.contract.object_keys import COLLECTIONS, DONE_NAME, PLAN_NAME, parse_collection_key, parse_snapshot_key
from functions.engine.errors import CorruptionError
from functions.engine.model import PackId
from functions.engine.ports import BlobStore
from functions.engine.repository import BackupName
from functions.engine.retention.pack_table import Fate, PackTable, Past
from functions.engine.retention.plan import BACKUPS, DRAINED, PACKS, Plan, read_plan
from functions.engine.retention.verdicts import BackupPast

_OVERLAP = timedelta(days=1)
_PASTS = {
    Fate.CONDEMN: Past.CONDEMNED,
    Fate.WAIT: Past.CONDEMNED,
    Fate.EXPIRE: Past.EXPIRED,
    Fate.GONE: Past.EXPIRED,
    Fate.DRAIN: Past.DRAINED,
    Fate.DRAINED: Past.DRAINED,
}


@dataclass(frozen=True, slots=True)
class History:
    """The newest plan that is done, and those that overlap with it. Both are empty before the first collection."""

    last: Plan | None = None
    others: tuple[Plan, ...] = ()

    @property
    def began(self) -> datetime | None:
        """When the newest collection that is done began."""
        return datetime.fromisoformat(self.last.head["began"]) if self.last is not None else None

    def backups(self, store: BlobStore) -> dict[BackupName, BackupPast]:
        """Give what became of backups. Those that were simply kept are left out."""
        pasts: dict[BackupName, BackupPast] = {}
        if self.last is not None:
            for line in self.last.lines(store, BACKUPS):
                fate = Fate[line["fate"]]
                name = _name(line)
                if name is None or fate not in _PASTS:
                    continue
                if "segment" in line:
                    pasts[name] = BackupPast(tagged=True)
                elif _PASTS[fate] is Past.EXPIRED:
                    pasts[name] = BackupPast(expired=True)
                else:
                    pasts[name] = BackupPast(self._since(line))
        for plan in self.others:
            for line in plan.lines(store, BACKUPS):
                name = _name(line)
                if Fate[line["fate"]] is Fate.EXPIRE and name is not None:
                    pasts[name] = pasts.get(name, BackupPast())._replace(tagged=True)
        return pasts

    def enter_packs(self, store: BlobStore, table: PackTable) -> None:
        """Enter what became of packs. Those that are gone by now are left out."""
        for fate, since, pack in self._packs(store):
            position = table.find(bytes.fromhex(pack))
            if position is not None:
                table.remember(position, _PASTS[fate], since)
        for plan in self.others:
            for line in plan.lines(store, PACKS):
                position = table.find(bytes.fromhex(line["pack"]))
                if position is not None and Fate[line["fate"]] is Fate.EXPIRE:
                    table.remember_tag(position)

    def _packs(self, store: BlobStore) -> Iterator[tuple[Fate, datetime | None, PackId]]:
        if self.last is None or self.last.done is None:
            return
        left_alone = frozenset(self.last.done["damaged"])
        for kind in (PACKS, DRAINED):
            for line in self.last.lines(store, kind):
                fate = Fate[line["fate"]]
                if fate in _PASTS and line["pack"] not in left_alone:
                    yield fate, self._since(line), line["pack"]

    def _since(self, line: dict[str, str]) -> datetime | None:
        """Give when an object was condemned or expired: that was so when that collection had ended, not before."""
        if Fate[line["fate"]] in {Fate.CONDEMN, Fate.EXPIRE} and self.last is not None and self.last.done is not None:
            return datetime.fromisoformat(self.last.done["finished"])
        return datetime.fromisoformat(line["since"]) if "since" in line else None


def load_history(store: BlobStore) -> History:
    """Read which collections there were. A plan that is damaged is left out: then all waiting times begin anew."""
    names: dict[str, set[str]] = {}
    for blob in store.list(COLLECTIONS):
        parsed = parse_collection_key(blob.key)
        if parsed is not None and parsed.name in {PLAN_NAME, DONE_NAME}:
            names.setdefault(parsed.collection, set()).add(parsed.name)
    planned = [collection for collection, found in names.items() if PLAN_NAME in found]
    done = [collection for collection in planned if DONE_NAME in names[collection]]
    last = _read(store, done[-1], done=True) if done else None
    first = _stamp(last) if last is not None else ""
    others = [_read(store, item, done=False) for item in planned if item > first and item not in done[-1:]]
    return History(last, tuple(plan for plan in others if plan is not None))


def drained_packs(store: BlobStore) -> frozenset[PackId]:
    """Give the packs in which a backup leaves nothing that it reads again."""
    last = load_history(store).last
    return frozenset(line["pack"] for line in last.lines(store, DRAINED)) if last is not None else frozenset()


def no_targets(store: BlobStore) -> frozenset[PackId]:
    """Give the packs to which the dedup index must not lead: those that are condemned, expired or drained."""
    history = load_history(store)
    plans = [plan for plan in (history.last, *history.others) if plan is not None]
    return frozenset(
        line["pack"]
        for plan in plans
        for kind in (PACKS, DRAINED)
        for line in plan.lines(store, kind)
        if Fate[line["fate"]] in _PASTS
    )


def _read(store: BlobStore, collection: str, *, done: bool) -> Plan | None:
    with suppress(CorruptionError):
        return read_plan(store, collection, done=done)
    return None


def _stamp(last: Plan) -> str:
    began = datetime.fromisoformat(last.head["began"])
    return f"{began - _OVERLAP:%Y%m%dT%H%M%SZ}"


def _name(line: dict[str, str]) -> BackupName | None:
    """Give the backup that a line is about, or one of whose segments it is about."""
    if "segment" not in line:
        return BackupName(line["source"], line["user"], line["backup_id"])
    parsed = parse_snapshot_key(line["segment"])
    return BackupName(*parsed[:3]) if parsed is not None else None
