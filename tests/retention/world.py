"""A small world under retention: the real engine on fakes, the truth about every backup, and what must always hold."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from functions.adapters.faults import (
    CrashPoint,
    Faults,
    FaultyBlobStore,
    FaultyIndex,
    FaultySource,
    SimulatedCrash,
)
from functions.adapters.faults_retention import FaultyTargets, FaultyVault
from functions.adapters.memory import MemoryDestination, MemorySource
from functions.adapters.memory_versioned import MemoryTargets, StoredVersion, VersionedStore
from functions.contract.object_keys import commit_key, incomplete_key, manifest_key, pack_key
from functions.engine.backup import BackupJob, BackupSession, Ports, new_backup_id
from functions.engine.commit import CommitRecord
from functions.engine.errors import (
    BackupNotFoundError,
    BackupTooOldError,
    BlobNotFoundError,
    CorruptionError,
    OutOfTimeError,
    SourceDeniedError,
)
from functions.engine.model import BackupStatus, BackupType, Unreadable
from functions.engine.pack_indexes import fill_index, list_targets, read_pack_indexes
from functions.engine.repository import BackupName, Repository
from functions.engine.restore import Restorer
from functions.engine.retention import erasure
from functions.engine.retention.collector import collect
from functions.engine.retention.history import drained_packs
from functions.engine.retention.holds import Author, release_hold, set_hold
from functions.engine.retention.policy import Erasure, Hold, RetentionPolicy
from functions.engine.retention.ports import CollectorPorts
from functions.engine.retention.settings import CollectionReport, CollectSettings
from functions.engine.retention.undelete import hold_and_undelete
from functions.engine.safety import SafetyParameters
from tests.retention.happenings import Interrupts, OpenBackup, Rebuild, Truth
from tests.retention.inline import without_threads
from tests.retention.returning import Departures

SOURCE = "s"
USERS = ("ada", "bob")
FILES = ("a", "b", "c", "d")
START = datetime(2026, 11, 20, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DAYS = 2
"""Days that a backup is kept."""
LOCK_DAYS = 2
UNDELETE = 2 * DAY
CONTENTS = tuple(hashlib.shake_256(f"content {n}".encode()).digest(150 + 37 * n % 500) for n in range(30))
"""What files hold. Users share contents, so they share packs."""

TIGHT = SafetyParameters(
    pack_target=1_200,
    batch_files=4,
    entry_window=4,
    segment_entries=3,
    clock_skew=HOUR,
    job_limit=20 * HOUR,
    grace=22 * HOUR,
    second_look=22 * HOUR,
    collection_limit=3 * HOUR,
    lock_step=2 * DAY,
)
"""Packs of a chunk or two, and waiting times that are just long enough: an hour less is a bug to be found."""


class World:
    """Users, a source, a repository, a dedup index, and one method for each thing that can happen."""

    def __init__(self) -> None:
        """Start empty."""
        self.time = START
        self.skew = timedelta()
        self.store = VersionedStore(self.now, lock=LOCK_DAYS * DAY, undelete=UNDELETE)
        self.targets = MemoryTargets()
        self.source = MemorySource()
        self.truths: dict[BackupName, Truth] = {}
        self.gone: set[BackupName] = set()
        self.open: list[OpenBackup] = []
        self.holds: list[Hold] = []
        self.fresh_holds: list[Hold] = []
        self.erasures: list[Erasure] = []
        self.rebuilds: list[Rebuild] = []
        self.checks = self.counted = 0
        self.collecting = False
        self.collected: datetime | None = None
        self.collected_days = self.lock_days = LOCK_DAYS
        self.locked_shorter = self.lost_plan = False
        self.returned: set[BackupName] = set()
        self.noted: set[BackupName] = set()
        self.departures = Departures(self.store)
        self.safety = TIGHT
        self.settings = CollectSettings(RetentionPolicy(DAYS), LOCK_DAYS, TIGHT, measure=True)
        self._ids = 0

    # -------------------------------------------------------------------------------- time and names

    def now(self) -> datetime:
        """Give the bucket's time."""
        return self.time

    def worker_now(self) -> datetime:
        """Give the time that a worker believes in."""
        return self.time + self.skew

    def ids(self, count: int) -> str:
        """Give the next id. They look random, and rise within a second."""
        self._ids += 1
        if count == 4:
            return f"{self._ids:08x}"
        return hashlib.shake_256(f"id {self._ids}".encode()).hexdigest(count)

    def pass_time(self, hours: float, lifecycle: Callable[[str], bool] = lambda _key: True) -> None:
        """Let time go by; at each midnight the lifecycle comes, and takes the keys that are chosen."""
        end = self.time + hours * HOUR
        while (midnight := (self.time + DAY).replace(hour=0, minute=0, second=0, microsecond=0)) <= end:
            self.time = midnight
            self.store.run_lifecycle(lifecycle)
        self.time = end

    # --------------------------------------------------------------------------------------- backups

    def put(self, user: str, file: str, content: int) -> None:
        """Write a file of a user."""
        self.source.put(f"{user}/{file}", CONTENTS[content])

    def fading_content(self) -> int:
        """Give the content whose pack will be the next that no backup needs, and that the dedup index leads to."""
        needed: dict[str, datetime] = {}
        for truth in self.there():
            needed |= {pack: max(truth.taken, needed.get(pack, truth.taken)) for pack in truth.record.packs}
        places = self.targets.places
        found = [(number, places.get(hashlib.sha256(data).digest())) for number, data in enumerate(CONTENTS)]
        return min(
            ((needed.get(place.pack, START - DAY), number) for number, place in found if place), default=(START, 0)
        )[1]

    def unused_content(self) -> int:
        """Give a content that no backup holds, if there is one: its pack will be one user's own."""
        used = {data for truth in self.there() for data in truth.all_content.values()}
        return next((number for number, data in enumerate(CONTENTS) if data not in used), 0)

    def night(self, number: int) -> None:
        """Let all users change three of their four files and be backed up."""
        for place, user in enumerate(USERS):
            for step, file in enumerate(FILES[:2] + FILES[3:]):
                self.put(user, file, 1 + (3 * (2 * number + place) + step) % (len(CONTENTS) - 1))
            self.back_up(user)

    def delete_all(self, user: str) -> None:
        """Let a user delete everything that he has."""
        for key in [key for key in self.source.objects if key.startswith(f"{user}/")]:
            self.source.delete(key)

    def begin(self, user: str, kind: BackupType = BackupType.INCREMENTAL) -> OpenBackup:
        """Plan a backup, as the first worker does."""
        parent = erasure.parent_of(self.store, SOURCE, user)
        started = self.worker_now()
        job = BackupJob(SOURCE, user, "", kind, "run", parent)
        backup = OpenBackup(job, new_backup_id(started, self.ids, parent), started)
        self.open.append(backup)
        return backup

    def write(self, backup: OpenBackup, objects: int | None = None, faults: Faults | None = None) -> None:
        """Let one invocation write the next objects of a backup, or all that are left."""
        last = next((segment.last_key for segment in reversed(backup.segments) if segment.last_key), "")
        job = replace(backup.job, start_after=last, first_segment=len(backup.segments))
        before = {key: item.data for key, item in self.source.objects.items() if key.startswith(f"{job.user}/")}
        asked = 0

        def stop(_ahead: int) -> bool:
            nonlocal asked
            asked += 1
            return objects is not None and asked >= objects

        try:
            with self._session(faults) as session:
                written = session.write_segments(job, backup.backup_id, stop)
        except (CorruptionError, BackupNotFoundError):
            if job.parent is None:
                raise
            self.open.remove(backup)  # a new message begins anew: here, nobody sends one
            return
        end = written.resume_after
        backup.segments += written.segments
        backup.content |= {key: data for key, data in before.items() if key > last and (end is None or key <= end)}
        backup.whole = end is None

    def commit(self, backup: OpenBackup, faults: Faults | None = None) -> Truth | None:
        """Commit a whole backup; give what it holds, or None when it may not be committed."""
        if backup in self.open:
            self.open.remove(backup)
        try:
            with self._session(faults) as session:
                record = session.commit(backup.job, backup.backup_id, backup.started, backup.segments)
        except (BackupTooOldError, SourceDeniedError):
            return None
        return self.note(record, backup.content)

    def back_up(self, user: str, kind: BackupType = BackupType.INCREMENTAL, faults: Faults | None = None) -> None:
        """Make one backup from end to end."""
        backup = self.begin(user, kind)
        try:
            self.write(backup, faults=faults)
            if backup.whole:
                self.commit(backup, faults)
        except SimulatedCrash:
            if backup in self.open:
                self.open.remove(backup)
            self._recognise(backup)

    def redeliver(self, truth: Truth) -> None:
        """Let the message of a backup that is done come again: the same segments and the same commit, later."""
        name = truth.name
        if self.store.current(commit_key(*name)) is not None:
            return  # the worker finds the commit record, and is done
        repository = Repository(self.store)
        segments = [repository.segment(name, number) for number in repository.segments(name)]
        job = BackupJob(SOURCE, name.user, "", truth.record.type, "run", None)
        late = OpenBackup(job, name.backup_id, truth.taken, segments, dict(truth.all_content), whole=True)
        if len(segments) == len(truth.record.segments):
            self.commit(late)

    def note(self, record: CommitRecord, content: dict[str, bytes]) -> Truth:
        """Enter a committed backup, and prove that it can be restored."""
        name = BackupName(record.source, record.user, record.backup_id)
        keys = [commit_key(*name)]
        keys += [manifest_key(*name, segment.number) for segment in record.segments]
        keys += [pack_key(pack) for pack in record.packs]
        readable = self._readable(record, content)
        needed = {}
        for key in keys:
            version = self.store.current(key)
            assert version is not None, f"{name} was committed without {key}"
            needed[key] = version.data or b""
        truth = self.truths[name] = Truth(record, readable, self.time, needed, content)
        self.gone.discard(name)
        self.restore(truth)
        return truth

    def _readable(self, record: CommitRecord, content: dict[str, bytes]) -> dict[str, bytes]:
        """Give what a backup holds of the content. It names all of it, and what it could not read."""
        try:
            lines = list(Repository(self.store).entries(record))
        except CorruptionError as error:
            raise AssertionError(f"{record.backup_id} cannot be read: {error}") from error
        assert {line.key for line in lines} == set(content)
        unreadable = {line.key for line in lines if isinstance(line, Unreadable)}
        assert bool(unreadable) == (record.status is BackupStatus.PARTIAL)
        return {key: data for key, data in content.items() if key not in unreadable}

    def restore(self, truth: Truth) -> None:
        """Restore a backup, and compare every byte."""
        destination = MemoryDestination()
        with without_threads(), Restorer(self.store, destination, workers=1, safety=self.safety) as restorer:
            report = restorer.restore([truth.record])
        assert not report.failed, f"{truth.name} cannot be restored: {report}"
        assert {name: file.data for name, file in destination.files.items()} == truth.content

    def _session(self, faults: Faults | None) -> BackupSession:
        ports = Ports(self.source, self.store, self.targets, self.worker_now, self.ids)
        if faults is not None:
            ports = Ports(
                FaultySource(self.source, faults),
                FaultyBlobStore(self.store, faults),
                FaultyIndex(self.targets, faults),
                self.worker_now,
                self.ids,
            )
        with without_threads():
            return BackupSession(ports, workers=1, safety=self.safety, avoid=drained_packs(self.store))

    def _recognise(self, backup: OpenBackup) -> None:
        """After a crash, look whether the commit record got there."""
        name = BackupName(SOURCE, backup.job.user, backup.backup_id)
        if self.store.current(commit_key(*name)) is not None:
            self.note(Repository(self.store).commit(name), backup.content)

    # ------------------------------------------------------------------------------------ collection

    def collect(self, faults: Faults | None = None) -> CollectionReport | None:
        """Do a collection; give its report, or None when it did not come to its end."""
        ports = CollectorPorts(self.store, self.store, self.targets, self.ids)
        if faults is not None:
            store = FaultyBlobStore(self.store, faults)
            ports = CollectorPorts(
                store, FaultyVault(self.store, faults), FaultyTargets(self.targets, faults), self.ids
            )
        self.fresh_holds.clear()
        began, self.collecting = self.time, True
        expected = self.departures.expected(self.truths, began, self.holds, self.erasures)
        try:
            report = collect(ports, self.settings)
        except (SimulatedCrash, OutOfTimeError):
            return None
        finally:
            self.collecting = False
        self.collected, self.collected_days = began, self.settings.lock_days
        self.returned.clear()
        if not report.refused:
            self.departures.check(expected)
        return report

    def crash_collection(self, point: CrashPoint) -> None:
        """Kill a collection at one of its calls."""
        self.collect(Faults(crash=point))

    def interrupt_collection(self, point: CrashPoint, action: Callable[[], object]) -> None:
        """Let something happen in the middle of a collection."""
        self.collect(Interrupts(point, action))

    # ------------------------------------------------------------- holds, index, undelete, the clock

    def hold(self, user: str, backup_id: str | None) -> None:
        """Set a hold."""
        hold = set_hold(self.store, SOURCE, user, backup_id, Author("lawyer", "a case"), self.time, self.ids)
        self.holds.append(hold)
        if self.collecting:
            self.fresh_holds.append(hold)

    def release(self, hold: Hold) -> None:
        """Release a hold."""
        release_hold(self.store, hold, Author("lawyer", "settled"), self.time)
        self.holds.remove(hold)

    def erase(self, user: str) -> None:
        """Order that nothing of a user is kept."""
        order = Erasure(new_backup_id(self.time, self.ids), SOURCE, user, "a request")
        erasure.order_erasure(self.store, order, Author("lawyer", "a request"), {})
        self.erasures.append(order)

    def withdraw(self, order: Erasure) -> None:
        """Take such an order back. What is gone by then is gone."""
        erasure.withdraw_erasure(self.store, order, Author("lawyer", "a mistake"), self.time)
        self.erasures.remove(order)
        self.departures.withdrawn(order)

    def lose_index(self) -> None:
        """Lose the whole table."""
        self.targets.places.clear()

    def begin_rebuild(self) -> None:
        """Start to rebuild the dedup index: list the packs."""
        self.rebuilds.append(Rebuild(self.time, list(list_targets(self.store))))

    def end_rebuild(self) -> None:
        """Record what was listed, unless the rebuild took longer than a job may."""
        rebuild = self.rebuilds.pop(0)
        if self.time - rebuild.began > self.safety.job_limit:
            return
        for found in read_pack_indexes(self.store, rebuild.packs):
            if found.error is None:
                self.targets.record(found.refs)

    def rebuild(self) -> None:
        """Rebuild the dedup index at once."""
        fill_index(self.store, self.targets)

    def undelete(self, name: BackupName) -> None:
        """Bring a backup back, if all of it is left."""
        ports = CollectorPorts(self.store, self.store, self.targets, self.ids)
        try:
            hold_and_undelete(ports, name, Author("operator", "a mistake"), self.time)
            self.returned.add(name)
        except (BackupNotFoundError, BlobNotFoundError):
            return
        finally:
            self._read_holds(name)

    def _read_holds(self, name: BackupName) -> None:
        known = {hold.hold_id for hold in self.holds}
        prefix = f"holds/{SOURCE}/{name.user}/"
        for blob in self.store.list(prefix):
            hold_id = blob.key.removeprefix(prefix).partition("/")[0]
            released = self.store.current(f"{prefix}{hold_id}/released.json") is not None
            if hold_id not in known and not released:
                known.add(hold_id)
                self.holds.append(Hold(hold_id, SOURCE, name.user, name.backup_id, ""))

    # ------------------------------------------------------------------------------------ what holds

    def check(self) -> None:
        """Prove everything that must hold after every step."""
        self.checks += 1
        self._follow_the_tags()
        for truth in self.there():
            for key, data in truth.needed.items():
                version = self.store.current(key)
                assert version is not None, f"{truth.name} needs {key}, which is gone"
                assert not version.expired, f"{truth.name} needs {key}, which is tagged as expired"
                assert version.data == data, f"{key} is not what it was"
        assert all(deletion.by == "lifecycle" for deletion in self.store.deletions)
        assert not self.store.shortenings or self.locked_shorter, "a lock was to be shortened"
        self._check_locks()
        self._check_index()

    def there(self) -> Iterator[Truth]:
        """Give the backups that are committed and not expired."""
        return (truth for name, truth in self.truths.items() if name not in self.gone)

    def must_keep(self, truth: Truth) -> bool:
        """Say whether the rules keep a backup now: an independent and much simpler judge than the engine."""
        name, now = truth.name, self.time
        if any(hold.covers(name) and hold not in self.fresh_holds for hold in self.holds):
            return True
        if self.is_erased(truth):
            return False
        if now - max(truth.taken, truth.written) < DAYS * DAY:
            return True
        mine = [other for other in self.there() if other.name.user == name.user and not self.is_erased(other)]
        newest = max(mine, key=lambda other: other.name.backup_id)
        complete = [item for item in mine if self._is_complete(item) and item.taken <= now + self.safety.clock_skew]
        best = max(complete, key=lambda other: other.name.backup_id) if complete else None
        return truth is newest or truth is best

    def _is_complete(self, truth: Truth) -> bool:
        return truth.complete and truth.name not in self.noted

    def is_erased(self, truth: Truth) -> bool:
        """Say whether an order covers a backup, or it is an empty one that came after what is covered."""
        orders = [order for order in self.erasures if order.user == truth.name.user]
        if any(min(truth.taken, truth.written) <= order.ordered for order in orders):
            return True
        mine = [other for other in self.there() if other.name.user == truth.name.user and other.name <= truth.name]
        return bool(orders) and all(
            not other.all_content or any(min(other.taken, other.written) <= order.ordered for order in orders)
            for other in mine
        )

    def _follow_the_tags(self) -> None:
        """Note which backups are expired now, and which are back; none may be that the rules keep."""
        for name in [name for name in self.noted & self.gone if incomplete_key(*name) not in self.store.objects]:
            self.noted.discard(name)  # its lock ended before those of the backup, which may come back without it
            self.truths[name].needed.pop(incomplete_key(*name))
        for truth in sorted(self.truths.values(), key=lambda truth: truth.name):
            version = self.store.current(commit_key(*truth.name))
            if version is not None and not version.expired:
                self.gone.discard(truth.name)
            elif truth.name not in self.gone:
                assert not self.must_keep(truth), f"{truth.name} was expired, and the rules keep it"
        for truth in self.truths.values():
            version = self.store.current(commit_key(*truth.name))
            if (version is None or version.expired) and truth.name not in self.gone:
                self.departures.went(truth, self.time, self.erasures)
                self.gone.add(truth.name)

    def _check_locks(self) -> None:
        """While collections come in time, whatever a kept backup needs is locked."""
        days = min(self.collected_days, self.lock_days)
        if self.collected is None or self.time - self.collected >= days * DAY:
            return
        for truth in self.there():
            if self.must_keep(truth) and truth.name not in self.returned:
                for key in truth.needed:
                    version = self.store.current(key)
                    assert version is not None
                    assert is_locked(version, self.time), f"{truth.name} needs {key}, which is not locked"

    def _check_index(self) -> None:
        """The dedup index leads to nothing that is gone or will be."""
        for pack in {ref.pack for ref in self.targets.places.values()}:
            version = self.store.current(pack_key(pack))
            assert version is not None, f"the index leads to {pack}, which is gone"
            assert not version.expired, f"the index leads to {pack}, which is tagged as expired"

    def settle(self) -> None:
        """Let time go by without backups: what nobody needs is let go, sooner or later."""
        self.open.clear()
        self.rebuilds.clear()
        for _day in range(12):
            self.collect()
            self.check()
            self.pass_time(24)
            self.check()
        needed = {key for truth in self.there() for key in truth.needed} | self._remains()
        left = {blob.key for prefix in ("packs/", "snapshots/") for blob in self.store.list(prefix)}
        assert left <= needed, f"nobody needs {sorted(left - needed)}"
        for truth in self.there():
            assert self.must_keep(truth), f"{truth.name} is still there"

    def _remains(self) -> set[str]:
        """Give the manifests of what a hold covers: those that are left stay, also when it came too late for others."""
        held = [truth for truth in self.truths.values() if any(hold.covers(truth.name) for hold in self.holds)]
        return {key for truth in held for key in truth.needed if key.startswith("snapshots/")}


def is_locked(version: StoredVersion, now: datetime) -> bool:
    """Say whether nobody may delete a version."""
    return version.locked_until is not None and version.locked_until > now
