"""The collector over the real adapters: a week of three users on an embedded AWS, from the first backup to undelete."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import boto3
import pytest

from functions.adapters.dynamo.catalog import DynamoCatalog
from functions.adapters.dynamo.shelf import DynamoShelf
from functions.adapters.dynamo.targets import DynamoTargets
from functions.adapters.memory import MemoryDestination, MemoryIndex
from functions.adapters.memory_ledger import MemoryCatalog, MemoryUsers
from functions.contract.object_keys import PACKS, SNAPSHOTS, commit_key, pack_key
from functions.contract.object_tags import EXPIRED, STATE
from functions.contract.tables import STATUS, BackupsTable
from functions.engine.backup import Ports
from functions.engine.commit import CommitRecord
from functions.engine.model import PackId
from functions.engine.ports import Silence
from functions.engine.repository import BackupName
from functions.engine.restore import Restorer
from functions.engine.retention.collector import collect
from functions.engine.retention.history import load_history
from functions.engine.retention.holds import Author
from functions.engine.retention.plan import PACKS as PACK_LINES
from functions.engine.retention.policy import RetentionPolicy
from functions.engine.retention.ports import CollectorPorts
from functions.engine.retention.settings import CollectionReport, CollectSettings
from functions.engine.retention.undelete import Undeleted, hold_and_undelete
from functions.runtime.cloud import Cloud
from functions.runtime.local_run import RunRequest, back_up
from functions.runtime.rebuild import Tables, rebuild
from functions.runtime.stack_reading import StackReader
from functions.runtime.toolbox import Connection, Toolbox, random_hex
from sandbox.ministack import MiniStack
from tests.retention.calendar import Calendar, LaterStore, LaterVault
from tests.strategies import noise
from tests.tables import everything, make_backups, make_dedup

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
SOURCE = "sales.reports"
USERS = ("ada", "bob", "zoë +%")
DAY = timedelta(days=1)
NIGHTLY = timedelta(days=1, minutes=1)
"""From one night to the next, in a week that takes seconds: the bucket tells its time without fractions."""
LOCK_DAYS = 7
KEPT_DAYS = 2
SETTINGS = CollectSettings(RetentionPolicy(KEPT_DAYS), LOCK_DAYS)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Office:
    """A source, a locked repository and its tables on an embedded AWS, and what each backup must restore."""

    def __init__(self, endpoint: str, s3: S3Client, make_bucket: Callable[..., str]) -> None:
        """Make everything, empty."""
        self.s3 = s3
        self.source, self.bucket = make_bucket(), make_bucket(object_lock=True)
        retention = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": LOCK_DAYS}}
        s3.put_object_lock_configuration(
            Bucket=self.bucket,
            ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": retention},  # type: ignore[typeddict-item]
        )
        self.cloud = Cloud("us-east-1", endpoint)
        self.dynamo = boto3.client("dynamodb", endpoint_url=endpoint)
        self.dedup, self.backups = make_dedup(self.dynamo), make_backups(self.dynamo)
        self.tools = Toolbox(Connection(endpoint=endpoint), CREDENTIALS)
        self.calendar = Calendar()
        self.store = LaterStore(self.tools.store(self.bucket), self.calendar)
        self.catalog = DynamoCatalog(lambda: self.dynamo, self.backups, self.calendar.now)
        self.shelf = DynamoShelf(lambda: self.dynamo, self.backups, self.calendar.now)
        self.truths: dict[BackupName, tuple[CommitRecord, Mapping[str, bytes]]] = {}
        self.days: list[list[BackupName]] = []

    @property
    def ports(self) -> CollectorPorts:
        """The ports of a collection."""
        vault = LaterVault(self.tools.vault(self.bucket), self.calendar)
        targets = DynamoTargets(lambda: self.dynamo, self.dedup)
        return CollectorPorts(self.store, vault, targets, random_hex, self.shelf)

    def night(self) -> None:
        """Let every user change what he has, and be backed up."""
        number, contents = len(self.days), {}
        for user in USERS:
            files = {"daily": noise(f"{user} {number}", 20_000), "same": b"the same for everybody" * (number > 0)}
            contents[user] = {f"{user}/{name}": data for name, data in files.items()}
            for key, data in contents[user].items():
                self.s3.put_object(Bucket=self.source, Key=key, Body=data)
        index = self.tools.index(self.store, self.dedup)
        ports = Ports(self.tools.source(self.source), self.store, index, self.calendar.now, random_hex)
        report = back_up(ports, RunRequest(SOURCE), workers=1)
        self.days.append([])
        for outcome in report.outcomes:
            assert outcome.result is not None, outcome.error
            record = outcome.result.record
            name = BackupName(record.source, record.user, record.backup_id)
            self.catalog.complete(record, "schedule", self.calendar.now() + 90 * DAY)
            self.truths[name] = record, contents[record.user]
            self.days[-1].append(name)

    def collect(self) -> CollectionReport:
        """Do a collection; it refuses nothing."""
        report = collect(self.ports, SETTINGS)
        assert not report.refused
        assert not report.missing
        return report

    def restore(self, name: BackupName) -> None:
        """Restore a backup, and compare every byte."""
        record, content = self.truths[name]
        destination = MemoryDestination()
        with Restorer(self.store, destination, workers=1) as restorer:
            assert not restorer.restore([record]).failed
        assert {key: file.data for key, file in destination.files.items()} == content

    def tagged(self) -> set[str]:
        """Give the keys below `packs/` and `snapshots/` whose current version is tagged as expired."""
        return {key for key in self.there() if self._tags(key) == {STATE: EXPIRED}}

    def there(self) -> set[str]:
        """Give the keys below `packs/` and `snapshots/` that are listed."""
        return {blob.key for prefix in (PACKS, SNAPSHOTS) for blob in self.store.list(prefix)}

    def targets(self) -> set[PackId]:
        """Give the packs to which the dedup index leads."""
        items = everything(self.dynamo, self.dedup)
        return {item["pack"].hex() for item in items if isinstance(item["pack"], bytes)}

    def states(self) -> dict[str, str]:
        """Give the state of every backup by its commit record's key, as the catalog has it."""
        items = everything(self.dynamo, self.backups)
        return {str(item[BackupsTable.RECORD]): str(item[STATUS]) for item in items}

    def offered(self) -> set[str]:
        """Give the ids of the backups that reports and status show."""
        return {row.backup_id for row in StackReader(self.cloud).backups(self.backups, LONG_AGO)}

    def shown_after_a_rebuild(self) -> set[str]:
        """Give the ids of the backups that a catalog holds which is made from the bucket alone."""
        catalog = MemoryCatalog()
        rebuild(self.store, Tables(MemoryIndex(), catalog, MemoryUsers()), Silence(), retention=90 * DAY)
        return {str(name).rpartition("/")[2] for name, _started in catalog.backups}

    def condemned(self) -> dict[PackId, str]:
        """Give what the newest plan says of packs."""
        plan = load_history(self.store).last
        assert plan is not None
        return {line["pack"]: line["fate"] for line in plan.lines(self.store, PACK_LINES)}

    def hide_what_is_tagged(self) -> set[str]:
        """Do what the lifecycle does a day later: put delete markers over it."""
        keys = self.tagged()
        for key in keys:
            self.s3.delete_object(Bucket=self.bucket, Key=key)
        return keys

    def versions(self) -> tuple[int, int]:
        """Count the versions in the bucket, and the delete markers."""
        pages = list(self.s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket))
        return sum(len(page.get("Versions", [])) for page in pages), sum(
            len(page.get("DeleteMarkers", [])) for page in pages
        )

    def locked_until(self, key: str) -> datetime:
        """Say until when an object is locked, in the mode of the bucket."""
        retention = self.s3.get_object_retention(Bucket=self.bucket, Key=key)["Retention"]
        assert retention["Mode"] == "COMPLIANCE"
        return retention["RetainUntilDate"]

    def _tags(self, key: str) -> dict[str, str]:
        found = self.s3.get_object_tagging(Bucket=self.bucket, Key=key)["TagSet"]
        return {tag["Key"]: tag["Value"] for tag in found}


@pytest.fixture
def office(ministack: MiniStack, s3: S3Client, make_bucket: Callable[..., str]) -> Iterator[Office]:
    """Give an empty office."""
    made = Office(ministack.endpoint, s3, make_bucket)
    yield made
    made.tools.close()


def objects_of(office: Office, name: BackupName) -> set[str]:
    """Give the keys of a backup's own objects."""
    record, _ = office.truths[name]
    prefix = commit_key(*name).removesuffix("commit.json")
    found = {key for key in office.there() if key.startswith(prefix)}
    assert len(found) == len(record.segments) + 1
    return found


def test_a_week_of_collections(office: Office) -> None:
    """Condemned, expired, brought back by a hold; what is kept stays whole, locked and untagged all the time."""
    for day in range(4):
        office.calendar.passed = day * NIGHTLY
        office.night()
        report = office.collect()
        assert report.counts["backups_condemn"] == (len(USERS) if day >= KEPT_DAYS else 0)
        assert not office.tagged()
        assert office.offered() == {name.backup_id for name in office.truths}
    check_locks(office)
    gone = the_backups_of_the_first_night_go(office)
    written = their_packs_go_too(office, gone)
    hidden = office.hide_what_is_tagged()
    wanted = one_is_brought_back(office, written, len(hidden))
    it_stays(office, wanted)


def the_backups_of_the_first_night_go(office: Office) -> set[PackId]:
    """See the second look tag commit records and manifests, and condemn the packs; give those."""
    office.calendar.passed = 4 * NIGHTLY
    office.night()
    first = office.days[0]
    own = set().union(*(objects_of(office, name) for name in first))
    assert office.collect().counts["backups_expire"] == len(USERS)
    assert office.tagged() == own
    gone = {pack for name in first for pack in office.truths[name][0].packs}
    assert {pack: fate for pack, fate in office.condemned().items() if pack in gone} == dict.fromkeys(gone, "CONDEMN")
    assert gone
    assert not office.targets() & gone
    check_catalog(office, first)
    return gone


def their_packs_go_too(office: Office, gone: set[PackId]) -> int:
    """See the packs tagged two days later; give the number of versions. Nothing was deleted or hidden so far."""
    for day in (5, 6):
        office.calendar.passed = day * NIGHTLY
        office.night()
        office.collect()
    assert {pack_key(pack) for pack in gone} <= office.tagged()
    written, markers = office.versions()
    assert (written, markers) == (len(office.calendar.births), 0)
    check_kept(office, 3)
    check_locks(office)
    return written


def one_is_brought_back(office: Office, written: int, hidden: int) -> BackupName:
    """Undelete a backup of the first night when the lifecycle has hidden everything that is tagged; give its name."""
    wanted = office.days[0][0]
    record, _ = office.truths[wanted]
    assert commit_key(*wanted) not in office.there()
    counts = hold_and_undelete(office.ports, wanted, Author("auditor", "a case"), office.calendar.now())
    assert counts == {Undeleted.BROUGHT_BACK: len(record.packs) + len(record.segments) + 1}
    assert office.versions() == (written + counts.total() + 1, hidden)
    office.restore(wanted)
    check_catalog(office, [name for day in office.days[:3] for name in day if name != wanted])
    return wanted


def it_stays(office: Office, wanted: BackupName) -> None:
    """See the hold keep it, and the index lead again to what it needs."""
    for day in (7, 8):
        office.calendar.passed = day * NIGHTLY
        office.night()
        report = office.collect()
        assert report.counts["backups_rescue"] == (1 if day == 7 else 0)
    packs = office.truths[wanted][0].packs
    assert not office.tagged() & {pack_key(pack) for pack in packs}
    assert set(packs) <= office.targets()
    office.restore(wanted)
    check_kept(office, 5)
    check_locks(office)


def check_catalog(office: Office, gone: list[BackupName]) -> None:
    """Nobody is offered what is gone, and everybody what is not; a table that is made anew says the same."""
    states = office.states()
    assert {name for name in office.truths if states[commit_key(*name)] == "EXPIRED"} == set(gone)
    rest = {name.backup_id for name in office.truths} - {name.backup_id for name in gone}
    assert office.offered() == rest
    assert office.shown_after_a_rebuild() == rest


def check_kept(office: Office, first: int) -> None:
    """Everything from the night `first` on can be restored, and nothing of it is tagged."""
    tagged = office.tagged()
    for name in [name for day in office.days[first:] for name in day]:
        record, _ = office.truths[name]
        assert not tagged & (objects_of(office, name) | {pack_key(pack) for pack in record.packs})
        office.restore(name)


def check_locks(office: Office) -> None:
    """Whatever is older than today and not let go is locked for another week."""
    today = office.calendar.passed
    older = [key for key in office.there() - office.tagged() if office.calendar.births[key] < today]
    assert older
    soonest = min(office.locked_until(key) for key in older)
    assert soonest >= office.calendar.now() + LOCK_DAYS * DAY - timedelta(minutes=5)
