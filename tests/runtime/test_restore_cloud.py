"""A restore on the embedded AWS: S3 and DynamoDB through the product's own adapters, the services called in process."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from functions.adapters.dynamo.ledger import DynamoLedger
from functions.adapters.memory import MemoryIndex
from functions.adapters.memory_ledger import MemoryNotifier, MemoryQueue
from functions.contract.messages import RestoreMessage
from functions.contract.object_keys import PACKS
from functions.engine.backup import BackupJob, BackupSession, Ports
from functions.engine.model import BackupType
from functions.engine.orchestration.messages import decode
from functions.engine.orchestration.ports import Facts
from functions.engine.orchestration.restore_tasks import TaskLimits
from functions.engine.repository import Repository
from functions.runtime.batches import Delivery
from functions.runtime.restore_closing import RestoreCloser
from functions.runtime.restore_planning import RestorePlanner
from functions.runtime.restore_worker import RestoreWorker, RestoreWorkerPorts, RestoreWorkerSettings
from functions.runtime.restores import RestorePorts, Restores, RestoreSettings
from functions.runtime.telemetry import Telemetry
from functions.runtime.toolbox import Connection, Toolbox, now, random_hex
from sandbox.ministack import MiniStack
from tests.strategies import noise, prose
from tests.tables import make_ledger

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

FILES: dict[str, tuple[bytes, dict[str, Any]]] = {
    "clients/ada/notes.txt": (
        b"first version",
        {"ContentType": "text/plain", "Metadata": {"owner": "Ada"}, "Tagging": "class=secret&kept=7%20years"},
    ),
    # The embedded S3 drops the tags of a multipart upload, so the large file has none.
    "clients/ada/big.bin": (noise("big", 18_000_000), {"ContentType": "video/mp4", "Metadata": {"cut": "final"}}),
    "clients/ada/empty": (b"", {"ContentType": "application/x-empty"}),
    "clients/bob/zo\u00eb & co.csv": (prose("csv", 300_000), {"CacheControl": "no-cache"}),
    "clients/bob/other.log": (b"not wanted", {}),
}


class Site:
    """A source, a repository, a bucket to restore into, and the restore's services between them."""

    def __init__(self, s3: S3Client, endpoint: str, make_bucket: Callable[..., str]) -> None:
        """Make buckets and a table."""
        self.s3 = s3
        self.source, self.home, self.target = make_bucket(), make_bucket(), make_bucket()
        self.tools = Toolbox(Connection("us-east-1", endpoint), os.environ)
        self.store = self.tools.store(self.home)
        self.index = MemoryIndex()
        dynamo = boto3.client("dynamodb", endpoint_url=endpoint)
        self.ledger = DynamoLedger(lambda: dynamo, make_ledger(dynamo))
        self.queue, self.notifier = MemoryQueue(), MemoryNotifier()
        self.telemetry = Telemetry("restore-cloud", "test", stream=io.StringIO())
        self.invoked: list[Facts] = []
        self._number = 0

    def put(self, key: str, data: bytes, **properties: Any) -> None:  # noqa: ANN401 - boto3's own
        """Write an object of the source."""
        self.s3.put_object(Bucket=self.source, Key=key, Body=data, **properties)

    def back_up(self) -> None:
        """Back up both users."""
        ports = Ports(self.tools.source(self.source), self.store, self.index, now, random_hex)
        newest = Repository(self.store).newest("clients")
        with BackupSession(ports, workers=1) as session:
            for user in ("ada", "bob"):
                kind = BackupType.INCREMENTAL
                session.backup(BackupJob("clients", user, "clients/", kind, "run", newest.get(user)))

    def ask(self, **event: object) -> dict[str, Any]:
        """Give the restore function an event."""
        self._number += 1
        archive = self.tools.archive(self.home)
        limits = TaskLimits(bytes=10_000_000, files=2)
        ports = RestorePorts(
            archive=archive,
            ledger=self.ledger,
            queue=self.queue,
            notifier=self.notifier,
            planner=RestorePlanner(self.store, archive, self.ledger, now, limits=limits),
            closer=self._closer(),
            invoke=self.invoked.append,
            telemetry=self.telemetry,
            clock=now,
        )
        return Restores(ports, RestoreSettings((self.target,))).handle(event, f"request-{self._number}", lambda: 900.0)

    def work(self, times: int = 1) -> None:
        """Do every task that was sent, so many times."""
        ports = RestoreWorkerPorts(
            store=self.store,
            destination=self.tools.to_bucket,
            lister=lambda bucket: self.tools.source(bucket).list,
            ledger=self.ledger,
            closer=self._closer(),
            telemetry=self.telemetry,
            clock=now,
        )
        worker = RestoreWorker(ports, RestoreWorkerSettings((self.target,)))
        sent, self.queue.sent[:] = list(self.queue.sent), []
        for envelope in sent * times:
            self._number += 1
            delivery = Delivery(f"delivery-{self._number}", 1, now(), lambda: 900.0)
            worker.work(decode(envelope.body, RestoreMessage), delivery)

    def seen(self, prefix: str = "") -> dict[str, tuple[bytes, str, dict[str, str], dict[str, str]]]:
        """Give what stands in the target: bytes, content type, metadata, tags."""
        listed = self.s3.list_objects_v2(Bucket=self.target, Prefix=prefix).get("Contents", [])
        return {item["Key"]: self._look(self.target, item["Key"]) for item in listed}

    def of_source(self, key: str) -> tuple[bytes, str, dict[str, str], dict[str, str]]:
        """Give an object of the source in the same form."""
        return self._look(self.source, key)

    def _look(self, bucket: str, key: str) -> tuple[bytes, str, dict[str, str], dict[str, str]]:
        found = self.s3.get_object(Bucket=bucket, Key=key)
        tags = self.s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
        system = f"{found['ContentType']} {found.get('CacheControl', '')}"
        return found["Body"].read(), system, found["Metadata"], {tag["Key"]: tag["Value"] for tag in tags}

    def _closer(self) -> RestoreCloser:
        return RestoreCloser(self.ledger, self.notifier, self.telemetry, now)


@pytest.fixture
def site(s3: S3Client, ministack: MiniStack, make_bucket: Callable[..., str]) -> Iterator[Site]:
    """Give a site whose users have been backed up."""
    made = Site(s3, ministack.endpoint, make_bucket)
    for key, (data, properties) in FILES.items():
        made.put(key, data, **properties)
    made.back_up()
    yield made
    made.tools.close()


def test_yesterday_comes_back_beside_today(site: Site) -> None:
    """Backed up, changed, restored as of before the change: bytes, metadata and tags, by patterns, elsewhere."""
    before = {key: site.of_source(key) for key in FILES}
    moment = datetime.now(UTC)
    time.sleep(1.1)  # a backup's time is told to the second
    site.put("clients/ada/notes.txt", b"second version")
    site.put("clients/ada/big.bin", b"small now")
    site.s3.delete_object(Bucket=site.source, Key="clients/ada/empty")
    site.back_up()
    told = site.ask(
        source="clients",
        users=["ada", "bob"],
        as_of=moment.isoformat(),
        patterns=["*/ada/*", "*.csv"],
        destination_bucket=site.target,
        destination_prefix="yesterday/",
    )
    assert told["status"] == "RUNNING"
    assert told["estimate"]["files"] == 4
    assert told["tasks"]["expected"] == 3
    site.work(times=2)
    told = site.ask(restore_id=told["restore_id"])
    assert (told["status"], told["files"]) == ("COMPLETED", {"restored": 4, "skipped": 0, "failed": 0})
    wanted = {key: seen for key, seen in before.items() if key != "clients/bob/other.log"}
    assert site.seen() == {f"yesterday/{key.removeprefix('clients/')}": seen for key, seen in wanted.items()}
    assert [notice.subject for notice in site.notifier.sent] == [
        "Restore planned: clients, 4 files",
        "Restore finished: clients, 4 files",
    ]


def test_the_estimate_is_what_s3_was_asked_for(site: Site) -> None:
    """GET, PUT and LIST of all workers together, into an empty bucket."""
    told = site.ask(source="clients", users="all", destination_bucket=site.target)
    before = dict(site.tools.requests)
    site.work()
    made = {name: number - before.get(name, 0) for name, number in site.tools.requests.items()}
    uploads = ("PutObject", "UploadPart", "CreateMultipartUpload", "CompleteMultipartUpload")
    assert told["estimate"]["requests"] == {
        "GET": made["GetObject"],
        "PUT": sum(made.get(name, 0) for name in uploads),
        "LIST": made["ListObjectsV2"],
    }


@pytest.mark.parametrize("conflict", ["skip", "rename"])
def test_a_second_attempt_knows_its_own_files(site: Site, conflict: str) -> None:
    """A worker died before it could say that it was done: nothing is written twice, nothing counted as somebody's."""
    site.s3.put_object(Bucket=site.target, Key="ada/notes.txt", Body=b"somebody else's")
    site.s3.put_object(Bucket=site.target, Key="ada/big.bin", Body=b"somebody else's too")
    told = site.ask(
        source="clients", users=["ada"], destination_bucket=site.target, conflict=conflict, request_id="ticket-1"
    )
    patch = pytest.MonkeyPatch()
    patch.setattr(site.ledger, "finish", _killed)
    sent = list(site.queue.sent)
    for envelope in sent:
        site.queue.sent[:] = [envelope]
        with pytest.raises(KeyboardInterrupt):
            site.work()
    written = site.seen()
    patch.undo()
    for name in [planned.task for planned in site.ledger.planned("ticket-1")]:
        for number in range(1, 20):
            site.ledger.yield_claim("ticket-1", name, f"delivery-{number}")
    puts = _puts(site)
    site.queue.sent[:] = sent
    site.work()
    told = site.ask(restore_id=told["restore_id"])
    expected = {"restored": 1, "skipped": 2, "failed": 0} if conflict == "skip" else None
    assert told["files"] == (expected or {"restored": 3, "skipped": 0, "failed": 0})
    assert (site.seen(), _puts(site)) == (written, puts)
    assert (set(written) - {"ada/notes.txt", "ada/big.bin", "ada/empty"}) == (
        set() if conflict == "skip" else {"ada/notes.ticket-1.txt", "ada/big.ticket-1.bin"}
    )


def _killed(*_details: object) -> Any:  # noqa: ANN401 - it gives nothing
    raise KeyboardInterrupt


def _puts(site: Site) -> int:
    return sum(site.tools.requests.get(name, 0) for name in ("PutObject", "UploadPart"))


def test_archived_packs_are_thawed_and_then_restored(site: Site) -> None:
    """S3 itself says how they stand; before they can be read nothing is sent."""
    for item in site.s3.list_objects_v2(Bucket=site.home, Prefix=PACKS)["Contents"]:
        where = {"Bucket": site.home, "Key": item["Key"]}
        site.s3.copy_object(**where, CopySource=where, StorageClass="GLACIER", MetadataDirective="COPY")  # type: ignore[arg-type]
    told = site.ask(source="clients", users="all", destination_bucket=site.target, thaw_tier="Bulk")
    assert (told["status"], told["estimate"]["thaw_hours"]) == ("THAWING", 12)
    site.ask(poll=True)
    assert site.queue.sent == []
    deadline = time.monotonic() + 30
    while site.ask(restore_id=told["restore_id"])["status"] == "THAWING":
        assert time.monotonic() < deadline, "nothing thaws"
        time.sleep(0.3)
        site.ask(poll=True)
    site.work()
    assert site.ask(restore_id=told["restore_id"])["files"] == {"restored": 5, "skipped": 0, "failed": 0}
    assert {key: seen[0] for key, seen in site.seen().items()} == {
        key.removeprefix("clients/"): data for key, (data, _) in FILES.items()
    }
