"""Two collections while fifty backups are under way, in threads, and the clock goes on: not one chunk is lost."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from functions.adapters.memory import MemoryDestination, MemorySource
from functions.adapters.memory_versioned import MemoryTargets, VersionedStore
from functions.engine.backup import BackupJob, BackupSession, Ports
from functions.engine.commit import CommitRecord
from functions.engine.errors import OutOfTimeError
from functions.engine.model import BackupType, BlobInfo, Buffer, SourceObject
from functions.engine.ports import Tail
from functions.engine.repository import Repository
from functions.engine.restore import Restorer
from functions.engine.retention.collector import collect
from functions.engine.retention.history import drained_packs
from functions.engine.retention.policy import RetentionPolicy
from functions.engine.retention.ports import CollectorPorts
from functions.engine.retention.settings import CollectSettings
from tests.engine.kit import Ids
from tests.retention.world import CONTENTS, TIGHT

USERS = [f"user{number:02}" for number in range(50)]
SESSIONS = 10
"""Workers that share nothing but the repository, with five users each, who share packs."""
COLLECTORS = 2
NIGHTS = 7
COLLECTIONS_MEANWHILE = 3
"""Collections that end while each backup is under way: it has looked up most of its files before, and commits after."""
SAFETY = replace(TIGHT, pack_target=2_000, batch_files=1)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
REQUEST = timedelta(seconds=3)
"""What each request takes, by the bucket's clock."""
LONGEST = 12 * HOUR
"""The clock stands still when a night has taken so long: no backup may take longer than a job may."""


class Clock:
    """Goes on with every request, and brings the lifecycle at each midnight, whoever is at work then."""

    def __init__(self) -> None:
        """Start an hour before midnight."""
        self.time = datetime(2026, 11, 19, 23, tzinfo=UTC)
        self.midnights = 0
        self._until = self.time
        self._lock = threading.Lock()

    def allow(self, span: timedelta) -> None:
        """Go on from now, for so long at most."""
        self._until = self.time + span

    def tick(self, store: VersionedStore, span: timedelta = REQUEST) -> None:
        """Go on, if the night is not over."""
        with self._lock:
            end = min(self.time + span, max(self._until, self.time))
            while (midnight := (self.time + DAY).replace(hour=0, minute=0, second=0, microsecond=0)) <= end:
                self.time = midnight
                self.midnights += 1
                store.run_lifecycle()
            self.time = end


class BusyStore(VersionedStore):
    """A bucket for which every request takes time."""

    def __init__(self, clock: Clock) -> None:
        """Keep the time by `clock`."""
        super().__init__(lambda: clock.time, lock=2 * DAY, undelete=2 * DAY)
        self._moving = clock

    def put_new(self, key: str, parts: Sequence[Buffer]) -> Future[None]:
        """See BlobStore."""
        self._moving.tick(self)
        return super().put_new(key, parts)

    def get(self, key: str, start: int = 0, length: int | None = None) -> Future[Buffer]:
        """See BlobStore."""
        self._moving.tick(self)
        return super().get(key, start, length)

    def get_tail(self, key: str, length: int) -> Future[Tail]:
        """See BlobStore."""
        self._moving.tick(self)
        return super().get_tail(key, length)

    def list(self, prefix: str, start_after: str = "") -> Iterator[BlobInfo]:
        """See BlobStore."""
        self._moving.tick(self)
        return super().list(prefix, start_after)

    def expire(self, key: str) -> Future[None]:
        """See Vault."""
        self._moving.tick(self)
        return super().expire(key)


@dataclass
class UnderWay:
    """Counts what is at work at once."""

    most: int = 0
    _now: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)

    def __exit__(self, *_error: object) -> None:
        with self._lock:
            self._now -= 1


class Office:
    """Fifty users who share most of what they have."""

    def __init__(self) -> None:
        """Start empty."""
        self.clock = Clock()
        self.store = BusyStore(self.clock)
        self.targets = MemoryTargets()
        self.source = MemorySource()
        self.backups, self.collections = UnderWay(), UnderWay()
        self.source.before_read = self._be_slow
        self.collected = self.tried = 0
        self.counts: Counter[str] = Counter()
        self._enough = threading.Event()
        self._ids = Ids()
        self._lock = threading.Lock()
        self.settings = CollectSettings(RetentionPolicy(1), 2, SAFETY, measure=True)

    def ids(self, count: int) -> str:
        """Give an id, to any thread."""
        with self._lock:
            return self._ids(count)

    def change(self, night: int) -> None:
        """Let everybody change everything, to what he had two, three or four nights ago.

        Just then it is condemned or let go, since nobody else has it: nights differ, users of one kind do not.
        """
        for number, user in enumerate(USERS):
            period = 2 + number % 3
            for file in range(4):
                content = CONTENTS[(number // 3 + file * 5) % len(CONTENTS)]
                self.source.put(f"{user}/{file}", content + bytes([period, night % period]))

    def session(self) -> BackupSession:
        """Give what a worker works with."""
        ports = Ports(self.source, self.store, self.targets, lambda: self.clock.time, self.ids)
        return BackupSession(ports, workers=1, safety=self.settings.safety, avoid=drained_packs(self.store))

    def back_up(
        self, session: BackupSession, user: str, together: threading.Barrier
    ) -> tuple[CommitRecord, dict[str, bytes]]:
        """Choose what to build on, wait until everybody has, and back up; give the record and what it must hold."""
        with self.backups:
            parent = Repository(self.store).newest("s").get(user)
            content = {key: item.data for key, item in self.source.objects.items() if key.startswith(f"{user}/")}
            together.wait()
            job = BackupJob("s", user, "", BackupType.INCREMENTAL, "run", parent)
            return session.backup(job).record, content

    def collect_until(self, over: threading.Event, together: threading.Barrier) -> None:
        """Collect again and again. One that took too long tags nothing more; the next one looks again."""
        together.wait()
        while True:
            last = over.is_set()
            with self.collections:
                self._collect()
            self.tried += 1
            if self.tried >= COLLECTIONS_MEANWHILE:
                self._enough.set()
            if last:
                return

    def _be_slow(self, item: SourceObject) -> None:
        """Give the last file of a user when some collections have ended."""
        if item.key.endswith("/3"):
            assert self._enough.wait(60), "no collection ends"

    def _collect(self) -> None:
        try:
            report = collect(CollectorPorts(self.store, self.store, self.targets, self.ids), self.settings)
        except OutOfTimeError:
            return
        with self._lock:
            self.collected += 1
            self.counts += report.counts

    def night(self, number: int) -> list[tuple[CommitRecord, dict[str, bytes]]]:
        """Let all users be backed up at once, with collections beside them."""
        self.change(number)
        self.clock.allow(LONGEST)
        self.tried = 0
        self._enough.clear()
        over, together = threading.Event(), threading.Barrier(len(USERS) + COLLECTORS)
        with ExitStack() as stack:
            sessions = [stack.enter_context(self.session()) for _ in range(SESSIONS)]
            threads = stack.enter_context(ThreadPoolExecutor(len(USERS) + COLLECTORS))
            collectors = [threads.submit(self.collect_until, over, together) for _ in range(COLLECTORS)]
            jobs = [
                threads.submit(self.back_up, sessions[place % SESSIONS], user, together)
                for place, user in enumerate(USERS)
            ]
            try:
                return [job.result() for job in jobs]
            finally:
                over.set()
                for collector in collectors:
                    collector.result()

    def sleep(self) -> None:
        """Let the day go by, until an hour before midnight."""
        span = (self.clock.time + DAY).replace(hour=23, minute=0, second=0, microsecond=0) - self.clock.time
        self.clock.allow(span)
        self.clock.tick(self.store, span)


@pytest.fixture
def _turns() -> Iterator[None]:
    """Let threads take turns a hundred times as often as usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(before / 100)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_turns")
def test_two_collections_and_fifty_backups_at_once_lose_nothing() -> None:
    """Night after night; whatever is listed when it is over restores byte for byte, and the newest is there."""
    office = Office()
    made: list[tuple[CommitRecord, dict[str, bytes]]] = []
    for night in range(NIGHTS):
        made += office.night(night)
        office.sleep()
    assert (office.backups.most, office.collections.most) == (len(USERS), COLLECTORS)
    assert office.clock.midnights >= NIGHTS
    assert office.collected >= NIGHTS
    for happened in ("backups_expire", "packs_condemn", "packs_readmit", "packs_expire"):
        assert office.counts[happened], happened
    for loss in ("packs_rescue", "packs_missing", "packs_lost", "backups_lost"):
        assert not office.counts[loss], f"{loss}: something was let go that is needed"
    there = {(name.user, name.backup_id) for name in Repository(office.store).backups("s")}
    kept = [(record, content) for record, content in made if (record.user, record.backup_id) in there]
    assert {record.backup_id for record, _ in made[-len(USERS) :]} <= {record.backup_id for record, _ in kept}
    assert len(kept) < len(made)
    for record, content in kept:
        destination = MemoryDestination()
        with Restorer(office.store, destination, workers=1, safety=office.settings.safety) as restorer:
            report = restorer.restore([record])
        assert not report.failed, f"{record.user} {record.backup_id}: {report}"
        assert {name: file.data for name, file in destination.files.items()} == content
