"""Collections while fifty backups run, in threads: not one chunk is lost."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from functions.adapters.memory import MemoryDestination, MemorySource
from functions.adapters.memory_versioned import MemoryTargets, VersionedStore
from functions.engine.backup import BackupJob, BackupSession, Ports
from functions.engine.commit import CommitRecord
from functions.engine.model import BackupType
from functions.engine.repository import Repository
from functions.engine.restore import Restorer
from functions.engine.retention.collector import collect
from functions.engine.retention.policy import RetentionPolicy
from functions.engine.retention.ports import CollectorPorts
from functions.engine.retention.settings import CollectSettings
from tests.engine.kit import Ids
from tests.retention.world import CONTENTS, TIGHT

USERS = [f"user{number:02}" for number in range(50)]
DAY = timedelta(days=1)


class Office:
    """Fifty users who share most of what they have, and a clock that goes on when somebody says so."""

    def __init__(self) -> None:
        """Start empty."""
        self.time = datetime(2026, 11, 20, 1, tzinfo=UTC)
        self.store = VersionedStore(lambda: self.time, lock=2 * DAY, undelete=2 * DAY)
        self.targets = MemoryTargets()
        self.source = MemorySource()
        self._ids = Ids()
        self._lock = threading.Lock()
        self.settings = CollectSettings(RetentionPolicy(1), 2, replace(TIGHT, pack_target=2_000), measure=True)

    def ids(self, count: int) -> str:
        """Give an id, to any thread."""
        with self._lock:
            return self._ids(count)

    def change(self, night: int) -> None:
        """Let everybody change everything: what one user drops, another takes up."""
        for number, user in enumerate(USERS):
            for file in range(4):
                content = (night * 7 + number + file * 5) % len(CONTENTS)
                self.source.put(f"{user}/{file}", CONTENTS[content] + bytes([night // 3]))

    def back_up(self, session: BackupSession, user: str) -> tuple[CommitRecord, dict[str, bytes]]:
        """Back one user up; give the record and what it must hold."""
        parent = Repository(self.store).newest("s").get(user)
        content = {key: item.data for key, item in self.source.objects.items() if key.startswith(f"{user}/")}
        return session.backup(BackupJob("s", user, "", BackupType.INCREMENTAL, "run", parent)).record, content

    def collect_until(self, over: threading.Event) -> int:
        """Collect again and again; say how often."""
        count = 0
        while True:
            last = over.is_set()
            collect(CollectorPorts(self.store, self.store, self.targets, self.ids), self.settings)
            count += 1
            if last:
                return count

    def pass_time(self, days: int) -> None:
        """Let midnights come."""
        for _ in range(days):
            self.time = (self.time + DAY).replace(hour=0)
            self.store.run_lifecycle()
            self.time += timedelta(hours=1)


def test_collections_and_fifty_backups_at_once_lose_nothing() -> None:
    """Nights of backups, two collectors beside them, and everything that was not expired restores byte for byte."""
    office = Office()
    made: list[tuple[CommitRecord, dict[str, bytes]]] = []
    collections = 0
    for night in range(6):
        office.change(night)
        over = threading.Event()
        ports = Ports(office.source, office.store, office.targets, lambda: office.time, office.ids)
        with (
            BackupSession(ports, workers=2, safety=office.settings.safety) as session,
            ThreadPoolExecutor(8) as threads,
        ):
            collectors = [threads.submit(office.collect_until, over) for _ in range(2)]
            made += [done.result() for done in [threads.submit(office.back_up, session, user) for user in USERS]]
            over.set()
            collections += sum(collector.result() for collector in collectors)
        office.pass_time(1)
    there = {(name.user, name.backup_id) for name in Repository(office.store).backups("s")}
    kept = [(record, content) for record, content in made if (record.user, record.backup_id) in there]
    assert collections >= 12
    assert len(USERS) <= len(kept) < len(made)
    for record, content in kept:
        destination = MemoryDestination()
        with Restorer(office.store, destination, workers=1, safety=office.settings.safety) as restorer:
            report = restorer.restore([record])
        assert not report.failed, f"{record.user} {record.backup_id}: {report}"
        assert {name: file.data for name, file in destination.files.items()} == content
