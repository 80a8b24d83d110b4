"""What earlier collections did, read from their plans: the bucket alone says which packs are condemned, and since when.

The newest plan that is done says what became of everything. Beside it count the plans that began within a day before
it, or after it: one that was killed, or ran at the same time, may have tagged what the newest does not know of.

A plan counts when all of its parts are there and are what was written. In a copy that is taken over they may never
have come. Then the next older one counts; what it condemned may be tagged, and all waits begin anew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from functions.contract.object_keys import COLLECTIONS, DONE_NAME, PLAN_NAME, parse_collection_key, parse_snapshot_key
from functions.engine.errors import BlobNotFoundError, CorruptionError
from functions.engine.model import PackId
from functions.engine.ports import BlobStore
from functions.engine.repository import BackupName
from functions.engine.retention.pack_table import Fate, PackTable, Past
from functions.engine.retention.plan import BACKUPS, DRAINED, KINDS, PACKS, Plan, read_plan
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


class Unusable(NamedTuple):
    """A collection whose plan cannot be followed, and why."""

    collection: str
    why: str


class PackLine(NamedTuple):
    """What a plan says of one pack."""

    pack: PackId
    fate: Fate
    since: datetime | None
    tagged: bool


@dataclass(frozen=True, slots=True)
class History:
    """The newest plan that is done, and those that overlap with it. Both are empty before the first collection."""

    last: Plan | None = None
    others: tuple[Plan, ...] = ()
    unusable: tuple[Unusable, ...] = ()
    """Plans that would count, but are damaged or not all there."""
    doubtful: bool = False
    """Something may have been done since that is not known: what is condemned may be tagged, and waits begin anew."""

    @property
    def began(self) -> datetime | None:
        """When the newest collection that is done began."""
        return datetime.fromisoformat(self.last.head["began"]) if self.last is not None else None

    def seen_from(self, bucket: str) -> History:
        """Give it as a collection of `bucket` must take it: what another bucket's plans did here is doubtful."""
        known = self.last.head.get("bucket", bucket) if self.last is not None else bucket
        return self if known == bucket else replace(self, doubtful=True)

    def locked(self, bucket: str, lock_days: int) -> bool:
        """Say whether the newest collection extended every lock in `bucket`, from so many days at birth on."""
        if self.last is None or self.last.done is None or self.last.done.get("locks_refused"):
            return False
        return (self.last.head.get("bucket"), self.last.head["lock_days"]) == (bucket, lock_days)

    def backups(self, store: BlobStore) -> dict[BackupName, BackupPast]:
        """Give what became of backups. Those that were simply kept are left out."""
        pasts: dict[BackupName, BackupPast] = {}
        if self.last is not None:
            for line in self.last.lines(store, BACKUPS):
                name, past = _name(line), self._past(line)
                if name is not None and past != BackupPast():
                    pasts[name] = past
        for plan in self.others:
            for line in plan.lines(store, BACKUPS):
                name = _name(line)
                if Fate[line["fate"]] is Fate.EXPIRE and name is not None:
                    past = pasts.get(name, BackupPast(erasure=line.get("erasure", "")))
                    pasts[name] = past._replace(tagged=True, committed=past.committed or "segment" not in line)
        return pasts

    def enter_packs(self, store: BlobStore, table: PackTable) -> None:
        """Enter what became of packs. Those that are gone by now are left out."""
        for line in self._packs(store):
            position = table.find(bytes.fromhex(line.pack))
            if position is None:
                continue
            if line.fate in _PASTS:
                table.remember(position, _PASTS[line.fate], line.since)
            if line.tagged:
                table.remember_tag(position)
        for plan in self.others:
            for entry in plan.lines(store, PACKS):
                position = table.find(bytes.fromhex(entry["pack"]))
                if position is not None and Fate[entry["fate"]] is Fate.EXPIRE:
                    table.remember_tag(position)

    def _packs(self, store: BlobStore) -> Iterator[PackLine]:
        if self.last is None or self.last.done is None:
            return
        left_alone = frozenset(self.last.done["damaged"])
        for kind in (PACKS, DRAINED):
            for line in self.last.lines(store, kind):
                if line["pack"] not in left_alone:
                    yield self._pack(line)

    def _pack(self, line: dict[str, Any]) -> PackLine:
        fate, tagged = Fate[line["fate"]], bool(line.get("tagged"))
        if self.doubtful and _PASTS.get(fate) is Past.CONDEMNED:
            return PackLine(line["pack"], fate, None, tagged=True)
        return PackLine(line["pack"], fate, self._since(line), tagged)

    def _past(self, line: dict[str, Any]) -> BackupPast:
        """Give what the newest plan says of a backup, or of a segment of it."""
        past = Past.EXPIRED if self._was_left(line) else _PASTS.get(Fate[line["fate"]])
        tagged = bool(line.get("tagged")) or ("segment" in line and past is not None)
        if "segment" in line or past is None:
            return BackupPast(tagged=tagged)
        known = BackupPast(tagged=tagged, erasure=line.get("erasure", ""), committed=True)
        if past is Past.EXPIRED:
            return known._replace(expired=True, since=self._since(line))
        return known._replace(tagged=True) if self.doubtful else known._replace(condemned=self._since(line))

    def _was_left(self, line: dict[str, Any]) -> bool:
        """Say whether a backup was to be brought back, and was not."""
        if Fate[line["fate"]] is not Fate.RESCUE or self.last is None or self.last.done is None:
            return False
        return [line["source"], line["user"], line["backup_id"]] in self.last.done.get("left", ())

    def _since(self, line: dict[str, Any]) -> datetime | None:
        """Give when an object was condemned or expired: that was so when that collection had ended, not before."""
        if Fate[line["fate"]] in {Fate.CONDEMN, Fate.EXPIRE} and self.last is not None and self.last.done is not None:
            return datetime.fromisoformat(self.last.done["finished"])
        return datetime.fromisoformat(line["since"]) if "since" in line else None


def load_history(store: BlobStore, kinds: Collection[str] = KINDS) -> History:
    """Read which collections there were, and whether the lines of these kinds can be followed.

    FormatError when a newer release made a plan: it may know of waits that this one does not.
    """
    plans = _Plans(store, _listed(store), kinds)
    last = next(filter(None, map(plans.read, reversed(plans.done))), None)
    first = _stamp(last) if last is not None else ""
    known = last.collection if last is not None else ""
    others = [plans.read(item) for item in plans.planned if item > first and item != known]
    unusable = tuple(item for item in plans.unusable.values() if item.collection > first)
    return History(last, tuple(plan for plan in others if plan is not None), unusable, doubtful=bool(unusable))


def drained_packs(store: BlobStore) -> frozenset[PackId]:
    """Give the packs in which a backup leaves nothing that it reads again."""
    last = load_history(store, (DRAINED,)).last
    return frozenset(line["pack"] for line in last.lines(store, DRAINED)) if last is not None else frozenset()


def no_targets(store: BlobStore) -> frozenset[PackId]:
    """Give the packs to which the dedup index must not lead: those that are condemned, expired or drained."""
    history = load_history(store, (PACKS, DRAINED))
    plans = [plan for plan in (history.last, *history.others) if plan is not None]
    return frozenset(
        line["pack"]
        for plan in plans
        for kind in (PACKS, DRAINED)
        for line in plan.lines(store, kind)
        if Fate[line["fate"]] in _PASTS
    )


class _Plans:
    """The plans of a bucket, read when they are asked for. Each is read once."""

    def __init__(self, store: BlobStore, names: Mapping[str, frozenset[str]], kinds: Collection[str]) -> None:
        """Take the names of all objects of each collection."""
        self.planned = [collection for collection, found in names.items() if {PLAN_NAME, DONE_NAME} & found]
        self.done = [collection for collection in self.planned if DONE_NAME in names[collection]]
        self.unusable: dict[str, Unusable] = {}
        self._store = store
        self._names = names
        self._kinds = kinds
        self._read: dict[str, Plan | None] = {}

    def read(self, collection: str) -> Plan | None:
        """Give a plan, or None when it is damaged or not all there."""
        if collection not in self._read:
            self._read[collection] = self._checked(collection)
        return self._read[collection]

    def _checked(self, collection: str) -> Plan | None:
        names = self._names[collection]
        try:
            plan = read_plan(self._store, collection, done=DONE_NAME in names)
            plan.check(self._store, names, self._kinds)
        except (BlobNotFoundError, CorruptionError) as error:
            self.unusable[collection] = Unusable(collection, error.message)
            return None
        return plan


def _listed(store: BlobStore) -> dict[str, frozenset[str]]:
    """Give the names of the objects of each collection, oldest first."""
    found: dict[str, set[str]] = {}
    for blob in store.list(COLLECTIONS):
        parsed = parse_collection_key(blob.key)
        if parsed is not None:
            found.setdefault(parsed.collection, set()).add(parsed.name)
    return {collection: frozenset(names) for collection, names in found.items()}


def _stamp(last: Plan) -> str:
    began = datetime.fromisoformat(last.head["began"])
    return f"{began - _OVERLAP:%Y%m%dT%H%M%SZ}"


def _name(line: dict[str, Any]) -> BackupName | None:
    """Give the backup that a line is about, or one of whose segments it is about."""
    if "segment" not in line:
        return BackupName(line["source"], line["user"], line["backup_id"])
    parsed = parse_snapshot_key(line["segment"])
    return BackupName(*parsed[:3]) if parsed is not None else None
