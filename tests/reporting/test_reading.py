"""What is read of a stack in the embedded AWS, and what is said of what cannot be."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from cli.reporting.gather import Question, gather
from cli.reporting.model import Missing, StackNames, StackStatus
from cli.reporting.summary import summarise
from functions.adapters.dynamo.catalog import DynamoCatalog
from functions.adapters.dynamo.drills import DynamoDrills
from functions.adapters.dynamo.ledger import DynamoLedger
from functions.adapters.dynamo.users import DynamoUsers
from functions.contract.object_keys import commit_key, pack_key
from functions.contract.states import BackupState, DrillState, RunState
from functions.engine.backup import rfc3339
from functions.engine.commit import CommitRecord, encode_commit
from functions.engine.errors import NotFoundError
from functions.engine.model import BackupStatus, BackupType, Totals
from functions.engine.orchestration.ports import BackupStart, DrillResult, Work
from functions.runtime.stack_reading import StackReader
from functions.runtime.toolbox import Connection, Toolbox
from sandbox.ministack import MiniStack
from tests.tables import make_backups, make_drills, make_ledger, make_users

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
EXPIRES = NOW + timedelta(days=400)
DAY = timedelta(days=1)
ODD = "a b/../ü#1"
USERS = ("ann", "", "/", ODD.replace("/", "-"))


@dataclass
class Stack:
    """A stack's tables, queues and bucket, and what looks at them."""

    tools: Toolbox
    names: StackNames

    def look(self, names: StackNames | None = None, *, days: int = 30) -> StackStatus:
        """Gather once."""
        names = names or self.names
        store = self.tools.store(names.repository) if names.repository else None
        return gather(StackReader(self.tools.cloud(), sleep=lambda _seconds: None), store, self.question(names, days))

    def question(self, names: StackNames, days: int) -> Question:
        """Ask about some days."""
        return Question(names=names, now=NOW, days=days)


@pytest.fixture(scope="module")
def stack(ministack: MiniStack, s3: S3Client, make_bucket: Callable[..., str]) -> Iterator[Stack]:
    """A stack with two days of runs, four users with names of all kinds, and one that failed."""
    dynamo = boto3.client("dynamodb", endpoint_url=ministack.endpoint)
    sqs = boto3.client("sqs", endpoint_url=ministack.endpoint)
    urls = {name: sqs.create_queue(QueueName=f"{make_bucket()}-{name}")["QueueUrl"] for name in ("jobs", "dead")}
    names = StackNames(
        stack="test",
        repository=make_bucket(),
        runs=make_ledger(dynamo),
        backups=make_backups(dynamo),
        users=make_users(dynamo),
        drills=make_drills(dynamo),
        queues={"jobs": urls["jobs"]},
        dead_letters={"jobs": urls["dead"]},
    )
    for _ in range(3):
        sqs.send_message(QueueUrl=urls["dead"], MessageBody="{}")
    _fill(dynamo, names)
    for number, record in enumerate(records()):
        key = commit_key(record.source, record.user, record.backup_id)
        s3.put_object(Bucket=str(names.repository), Key=key, Body=encode_commit(record))
        s3.put_object(Bucket=str(names.repository), Key=pack_key(f"{number:032x}"), Body=b"p" * 100)
    with Toolbox(Connection("us-east-1", ministack.endpoint), os.environ) as tools:
        yield Stack(tools, names)


def records() -> list[CommitRecord]:
    """Give the backups of two nights."""
    return [
        CommitRecord(
            source="reports",
            user=user,
            backup_id=f"{started:%Y%m%dT%H%M%SZ}-{number:08x}",
            type=BackupType.FULL if night == 0 else BackupType.INCREMENTAL,
            status=BackupStatus.COMPLETED,
            engine="1",
            run_id=f"run-{night}",
            prefix="",
            started=rfc3339(started),
            finished=rfc3339(started + timedelta(minutes=number + 1)),
            totals=Totals(3, 0, 1_000, 1_000 if night == 0 else 50, 600 if night == 0 else 20, 300),
            segments=(),
            packs=(),
        )
        for night in (0, 1)
        for number, user in enumerate(USERS)
        for started in [NOW - (2 - night) * DAY + timedelta(seconds=number)]
    ]


def _fill(dynamo: Any, names: StackNames) -> None:  # noqa: ANN401 - a client of boto3
    def client() -> Any:  # noqa: ANN401
        return dynamo

    ledger = DynamoLedger(client, str(names.runs))
    catalog, users = DynamoCatalog(client, str(names.backups)), DynamoUsers(client, str(names.users))
    drills = DynamoDrills(client, str(names.drills))
    for night, state in enumerate((RunState.COMPLETED, RunState.RUNNING)):
        started = NOW - (2 - night) * DAY
        facts = {"source": "reports", "prefix": "", "type": "FULL", "trigger": "manual", "selected": ""}
        facts["window_end"] = rfc3339(started + timedelta(hours=4))
        counts = {"completed": 4, "read": 4_000}
        ledger.open(Work(f"run-{night}", state.value, started, facts, 4, 4, counts), EXPIRES)
    ledger.open(Work("watch#reports", "WATCHING", NOW - 90 * DAY), EXPIRES)
    for record in records():
        catalog.complete(record, "schedule", EXPIRES)
        users.backed_up(record)
    start = BackupStart(
        "reports", "broken", "20261119T090009Z-00000009", NOW - DAY, "run-1", BackupType.FULL, "manual", EXPIRES
    )
    catalog.advance(start, BackupState.FAILED, "ACCESS_DENIED: no")
    users.proven("reports", "ann", NOW - DAY)
    for days, drilled in ((1, DrillState.PROVEN), (40, DrillState.FAILED)):
        result = DrillResult("reports", USERS[3], "b", NOW - days * DAY, drilled, 3, 1_000)
        drills.record(result, EXPIRES)


def there(part: object) -> Any:  # noqa: ANN401 - whatever was read
    """Give a part that must be there."""
    assert not isinstance(part, Missing), part
    return part


def test_everything_that_has_a_name_is_read(stack: Stack) -> None:
    """As it was written, with users of any name; what is older than asked for is left out."""
    status = stack.look()
    assert {user.state.user for user in there(status.users)} == set(USERS)
    assert [(work.id, work.status) for work in there(status.runs)] == [("run-0", "COMPLETED"), ("run-1", "RUNNING")]
    backups = there(status.backups)
    assert {row.user for row in backups} == {*USERS, "broken"}
    assert [row.started for row in backups] == sorted(row.started for row in backups)
    ann = next(row for row in backups if row.user == "ann")
    assert (ann.size, ann.read, ann.new, ann.stored, ann.files) == (1_000, 1_000, 600, 300, 3)
    assert (ann.type, ann.state, ann.run_id, ann.ended) == (
        "FULL",
        "COMPLETED",
        "run-0",
        NOW - 2 * DAY + timedelta(minutes=1),
    )
    assert [row.error for row in backups if row.state == BackupState.FAILED] == ["ACCESS_DENIED: no"]
    assert [(drill.user, drill.state) for drill in there(status.drills)] == [(USERS[3], DrillState.PROVEN)]
    assert [(queue.name, queue.waiting, queue.dead) for queue in there(status.queues)] == [
        ("jobs", 0, False),
        ("jobs", 3, True),
    ]
    held = there(status.held)
    assert (held.packs, held.pack_bytes, held.records) == (8, 800, 8)
    assert held.record_bytes == sum(len(encode_commit(record)) for record in records())


def test_days_are_whole_and_end_today(stack: Stack) -> None:
    """One day is today alone: nothing of yesterday."""
    status = stack.look(days=1)
    assert status.since == NOW.replace(hour=0)
    assert there(status.runs) == ()
    assert there(status.backups) == ()
    assert len(there(stack.look(days=2).runs)) == 1


def test_without_a_catalog_the_commit_records_tell(stack: Stack) -> None:
    """The bucket alone is enough for what was committed; a reader is told so."""
    status = stack.look(replace(stack.names, backups=None, runs=None, users=None, drills=None))
    from_catalog = [row for row in there(stack.look().backups) if row.state != BackupState.FAILED]
    assert list(there(status.backups)) == from_catalog
    assert "commit records" in status.remarks[0]
    assert isinstance(status.users, Missing)
    assert status.users.error is None


def test_a_catalog_that_is_gone_is_said_and_made_up_for(stack: Stack) -> None:
    """The reason stands beside what the bucket told."""
    status = stack.look(replace(stack.names, backups="not-there"))
    assert len(there(status.backups)) == 8
    assert "not-there" in status.remarks[1]


@pytest.mark.parametrize("part", ["users", "runs", "drills"])
def test_one_table_that_is_gone_leaves_the_rest(stack: Stack, part: str) -> None:
    """With the error of the tree, and nothing else missing."""
    status = stack.look(replace(stack.names, **{part: "not-there"}))  # type: ignore[arg-type]
    found = getattr(status, part)
    assert isinstance(found, Missing)
    assert isinstance(found.error, NotFoundError)
    assert "not-there" in found.reason
    missing = {name for name, one in summarise(status).missing if one.error}
    assert missing == {part}


def test_a_queue_or_a_bucket_that_is_gone_leaves_the_rest(stack: Stack) -> None:
    """Both are named in the reason."""
    gone = {"jobs": stack.names.queues["jobs"] + "x"}
    status = stack.look(replace(stack.names, queues=gone, repository="no-bucket-of-this-name"))
    assert {name for name, one in summarise(status).missing if one.error} == {"queues", "repository"}


def test_nothing_named_is_nothing_read(stack: Stack) -> None:
    """Every part says what would name it, and none is an error."""
    status = stack.look(StackNames())
    missing = summarise(status).missing
    assert len(missing) == 8
    assert all(part.error is None and "--" in part.reason for _name, part in missing)
