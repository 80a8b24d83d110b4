"""Reads what a stack knows of itself, and changes nothing: tables, queues and the repository's bucket.

Each reading is one method, so that whoever lacks one right still gets the rest. Tables without an index for the
question are scanned: users have one item each, drills some 12 a day. A megabyte of items costs one request
(Amazon DynamoDB API Reference, Scan), which is 3,000 users or 4,000 drills.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from functions.adapters.aws_calls import AwsCalls
from functions.adapters.dynamo.ledger import DynamoLedger
from functions.adapters.dynamo.table import Expression, Table, unmarshal
from functions.adapters.records import Record, parse_time, user_state
from functions.contract.object_keys import PACKS, SNAPSHOTS, decode_name
from functions.contract.states import BackupState, DrillState, RunState
from functions.contract.tables import STATUS, STATUS_INDEX, TIMESTAMP, BackupsTable, DrillsTable, UsersTable
from functions.engine.backup import rfc3339
from functions.engine.commit import CommitRecord
from functions.engine.newest import all_backups
from functions.engine.orchestration.ports import DrillResult, UserState, Work
from functions.engine.ports import BlobStore
from functions.engine.repository import Repository
from functions.runtime.cloud import Cloud

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_sqs.client import SQSClient

_COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")
_COLUMNS = (
    BackupsTable.PARTITION_KEY,
    BackupsTable.SORT_KEY,
    BackupsTable.SOURCE,
    BackupsTable.USER_ID,
    BackupsTable.RUN_ID,
    BackupsTable.TYPE,
    BackupsTable.ENDED,
    BackupsTable.FILES,
    BackupsTable.SIZE,
    BackupsTable.READ,
    BackupsTable.NEW,
    BackupsTable.STORED,
    BackupsTable.UNREADABLE,
    BackupsTable.ERROR,
)

_OFFERED = tuple(state for state in BackupState if state is not BackupState.EXPIRED)


@dataclass(frozen=True, slots=True)
class SourceUser:
    """A user, and the source it belongs to."""

    source: str
    state: UserState


@dataclass(frozen=True, slots=True)
class BackupRow:
    """A backup as the catalog knows it, or as its commit record says. Sizes in bytes."""

    source: str
    user: str
    backup_id: str
    type: str
    state: str
    started: datetime
    ended: datetime | None = None
    run_id: str = ""
    files: int = 0
    size: int = 0
    read: int = 0
    new: int = 0
    stored: int = 0
    unreadable: int = 0
    error: str | None = None


class QueueDepth(NamedTuple):
    """Messages of a queue, as many as SQS thinks there are."""

    name: str
    waiting: int
    in_flight: int
    delayed: int
    dead: bool
    """Whether it holds what was given up."""


class UserOutcome(NamedTuple):
    """How a user's part of a run ended. `outcome` is a state, and after `: ` a reason."""

    user: str
    outcome: str


class RunStory(NamedTuple):
    """A run, the users who are done, and those who are not, each in the order of their names' bytes."""

    work: Work
    outcomes: tuple[UserOutcome, ...]
    missing: tuple[str, ...]


class Held(NamedTuple):
    """What a repository holds, orphans included: S3 charges for them too."""

    packs: int
    pack_bytes: int
    records: int
    record_bytes: int

    @property
    def bytes(self) -> int:
        """Give the bytes of all objects."""
        return self.pack_bytes + self.record_bytes


class StackReader:
    """Reads one stack. Safe from any thread; every error is one of the tree."""

    def __init__(self, cloud: Cloud, sleep: Callable[[float], None] = time.sleep) -> None:
        """Read through the clients of `cloud`. Nothing is sent yet."""
        self._cloud = cloud
        self._sleep = sleep

    def users(self, table: str) -> list[SourceUser]:
        """Give the users of all sources."""
        return [
            SourceUser(
                str(item[UsersTable.PARTITION_KEY]),
                user_state(str(item[UsersTable.SORT_KEY]), item),
            )
            for item in self._scan(table)
        ]

    def newest(self, table: str, source: str) -> dict[str, str]:
        """Give the newest good backup of each user of a source, by encoded users. One request for some 5,000."""
        e = Expression()
        condition = f"{e.name(UsersTable.PARTITION_KEY)} = {e.value(source)}"
        columns = f"{e.name(UsersTable.SORT_KEY)}, {e.name(UsersTable.BACKUP)}"
        items = Table(self._cloud.dynamodb, table, self._sleep).query(condition, e, ProjectionExpression=columns)
        return {
            str(item[UsersTable.SORT_KEY]): str(item[UsersTable.BACKUP]) for item in items if UsersTable.BACKUP in item
        }

    def runs(self, table: str, since: datetime) -> list[Work]:
        """Give the runs that were started at `since` or later, oldest first."""
        ledger = DynamoLedger(self._cloud.dynamodb, table, self._sleep)
        # The index may show a run for a moment in two states: the later one counts.
        found = {work.id: work for state in RunState for work in ledger.with_status(state, since)}
        return sorted(found.values(), key=lambda work: (work.started, work.id))

    def run(self, table: str, run_id: str) -> RunStory:
        """Give a run with all its users. NotFoundError when there is none."""
        ledger = DynamoLedger(self._cloud.dynamodb, table, self._sleep)
        work = ledger.get(run_id)
        outcomes = tuple(UserOutcome(*outcome) for outcome in ledger.outcomes(run_id))
        return RunStory(work, outcomes, tuple(ledger.missing(run_id)))

    def backups(self, table: str, since: datetime) -> list[BackupRow]:
        """Give the backups that were started at `since` or later, oldest first: one item each.

        In any state but EXPIRED: what was let go of is offered to nobody.
        """
        opened = Table(self._cloud.dynamodb, table, self._sleep)
        rows = (backup_row(item, state) for state in _OFFERED for item in _in_state(opened, state, since))
        found = {(row.source, row.user, row.backup_id): row for row in rows}
        return sorted(found.values(), key=lambda row: (row.started, row.backup_id))

    def drills(self, table: str, since: datetime) -> list[DrillResult]:
        """Give the drills that ended at `since` or later, oldest first."""
        e = Expression()
        later = f"{e.name(DrillsTable.SORT_KEY)} >= {e.value(rfc3339(since.astimezone(UTC)))}"
        items = self._scan(table, FilterExpression=later, **e.arguments())
        return sorted(map(_drill, items), key=lambda drill: drill.when)

    def queue(self, name: str, url: str, *, dead: bool) -> QueueDepth:
        """Count a queue's messages. `dead` says that it holds what was given up."""
        calls: AwsCalls[SQSClient] = AwsCalls(self._cloud.sqs, f"queue {url}", self._sleep)
        found = calls.call("sqs:GetQueueAttributes", partial(_attributes, url))
        waiting, in_flight, delayed = (int(found.get(count, 0)) for count in _COUNTS)
        return QueueDepth(name, waiting, in_flight, delayed, dead)

    def _scan(self, name: str, **arguments: Any) -> Iterator[Record]:  # noqa: ANN401 - arguments of Scan
        table = Table(self._cloud.dynamodb, name, self._sleep)
        following: Any = {}
        while following is not None:
            page = table.calls.call("dynamodb:Scan", partial(_scanned, {"TableName": name, **arguments, **following}))
            yield from map(unmarshal, page["Items"])
            last = page.get("LastEvaluatedKey")
            following = {"ExclusiveStartKey": last} if last else None


def committed(store: BlobStore, since: datetime) -> list[BackupRow]:
    """Give the backups that the bucket alone knows of, started at `since` or later, oldest first.

    One request a backup, 64 under way, and one for each 1,000 objects listed. A damaged record is left out.
    """
    first = f"{since.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    names = (name for name in all_backups(store, SNAPSHOTS) if name.backup_id >= first)
    found = (record for _name, record in Repository(store).commits(names) if isinstance(record, CommitRecord))
    return sorted(map(_committed_row, found), key=lambda row: (row.started, row.backup_id))


def held(store: BlobStore) -> Held:
    """Count what the repository holds: one request for each 1,000 objects, which is 16 GB of packs."""
    packs = [blob.size for blob in store.list(PACKS)]
    records = [blob.size for blob in store.list(SNAPSHOTS)]
    return Held(len(packs), sum(packs), len(records), sum(records))


def _in_state(table: Table, state: BackupState, since: datetime) -> Iterator[Record]:
    e = Expression()
    condition = f"{e.name(STATUS)} = {e.value(state.value)}"
    condition += f" AND {e.name(TIMESTAMP)} >= {e.value(rfc3339(since.astimezone(UTC)))}"
    columns = ", ".join(map(e.name, _COLUMNS))
    return table.query(condition, e, IndexName=STATUS_INDEX, ProjectionExpression=columns)


def backup_row(item: Record, state: BackupState) -> BackupRow:
    """Give a backup as its item in the catalog says."""
    user = decode_name(str(item[BackupsTable.USER_ID]).rpartition("/")[2])
    ended, error = item.get(BackupsTable.ENDED), item.get(BackupsTable.ERROR)
    return BackupRow(
        source=str(item[BackupsTable.SOURCE]),
        user=user,
        backup_id=str(item[BackupsTable.PARTITION_KEY]).rpartition("/")[2],
        type=str(item.get(BackupsTable.TYPE, "")),
        state=state.value,
        started=parse_time(str(item[BackupsTable.SORT_KEY])),
        ended=parse_time(str(ended)) if ended is not None else None,
        run_id=str(item.get(BackupsTable.RUN_ID, "")),
        files=_number(item, BackupsTable.FILES),
        size=_number(item, BackupsTable.SIZE),
        read=_number(item, BackupsTable.READ),
        new=_number(item, BackupsTable.NEW),
        stored=_number(item, BackupsTable.STORED),
        unreadable=_number(item, BackupsTable.UNREADABLE),
        error=str(error) if error is not None else None,
    )


def _committed_row(record: CommitRecord) -> BackupRow:
    return BackupRow(
        source=record.source,
        user=record.user,
        backup_id=record.backup_id,
        type=record.type.value,
        state=record.status.value,
        started=parse_time(record.started),
        ended=parse_time(record.finished),
        run_id=record.run_id,
        files=record.totals.files,
        size=record.totals.source,
        read=record.totals.read,
        new=record.totals.new,
        stored=record.totals.stored,
        unreadable=record.totals.unreadable,
    )


def _drill(item: Record) -> DrillResult:
    source, _, user = str(item[DrillsTable.PARTITION_KEY]).rpartition("/")
    error = item.get(DrillsTable.ERROR)
    return DrillResult(
        source=decode_name(source),
        user=decode_name(user),
        backup_id=str(item.get(DrillsTable.BACKUP, "")),
        when=parse_time(str(item[DrillsTable.SORT_KEY])),
        state=DrillState(str(item[DrillsTable.STATUS])),
        files=_number(item, DrillsTable.FILES),
        size=_number(item, DrillsTable.SIZE),
        error=str(error) if error is not None else None,
    )


def _number(item: Record, attribute: str) -> int:
    return int(str(item.get(attribute, 0)))


def _scanned(arguments: dict[str, Any], client: DynamoDBClient) -> Any:  # noqa: ANN401 - an answer of boto3
    return client.scan(**arguments)


def _attributes(url: str, client: SQSClient) -> dict[str, str]:
    answer: Any = client.get_queue_attributes(QueueUrl=url, AttributeNames=list(_COUNTS))  # type: ignore[arg-type]
    return dict(answer.get("Attributes", {}))
