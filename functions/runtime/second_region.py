"""Looks at what the second region holds of a stack whose first one is lost, and changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any

from functions.adapters.aws_calls import AwsCalls
from functions.contract.object_keys import COMMIT_NAME, SNAPSHOTS, parse_snapshot_key
from functions.engine.errors import AccessError, BackupNotFoundError, NotFoundError, StrongroomError
from functions.engine.ports import BlobStore
from functions.runtime.cloud import Cloud

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_s3.client import S3Client

COPIED = ("backups", "runs", "users", "restores", "drills")
"""Tables that a second region has a copy of. The dedup index stays where it is."""


class TableState(StrEnum):
    """How a table was found."""

    ANSWERS = "answers"
    EMPTY = "is empty"
    MISSING = "is not there"
    SILENT = "does not answer"
    DENIED = "may not be read"


@dataclass(frozen=True, slots=True)
class Backups:
    """What a bucket holds, by the names of its commit records."""

    count: int
    users: int
    sources: tuple[str, ...]
    newest: datetime
    """Of all backups."""
    behind: datetime
    """The newest backup of the user whose newest is the oldest: nobody's files are older."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the tables there can be used as they are, and why not."""

    usable: bool
    reasons: tuple[str, ...]


def count_backups(store: BlobStore) -> Backups:
    """List all commit records. BackupNotFoundError when there is none."""
    newest: dict[tuple[str, str], str] = {}
    count = 0
    for blob in store.list(SNAPSHOTS):
        found = parse_snapshot_key(blob.key)
        if found is not None and found.name == COMMIT_NAME:
            count += 1
            who = (found.source, found.user)
            newest[who] = max(found.backup_id, newest.get(who, ""))
    if not newest:
        raise BackupNotFoundError("the bucket holds no backup", hint="check the bucket's name and region")
    sources = tuple(sorted({source for source, _ in newest}))
    times = sorted(newest.values())
    return Backups(count, len(newest), sources, _taken(times[-1]), _taken(times[0]))


def look_at_tables(
    cloud: Cloud, tables: Mapping[str, str], sleep: Callable[[float], None] = time.sleep
) -> dict[str, TableState]:
    """Read one item of each table, by purpose."""
    return {purpose: _look(cloud, name, sleep) for purpose, name in tables.items()}


def judge(states: Mapping[str, TableState]) -> Verdict:
    """Say whether the copied tables can be used. Pure.

    All of them must answer: a stack uses all or makes all. The catalog and the users must hold something, since the
    bucket does; nobody need have asked for a restore yet.
    """
    missing = [f"{purpose} was not named" for purpose in COPIED if purpose not in states]
    broken = [
        f"{purpose} {state}"
        for purpose, state in states.items()
        if purpose in COPIED
        and state is not TableState.ANSWERS
        and not (state is TableState.EMPTY and purpose in {"runs", "restores", "drills"})
    ]
    return Verdict(not missing and not broken, tuple(missing + broken))


def to_fill(states: Mapping[str, TableState]) -> tuple[str, ...]:
    """Give the tables that the bucket must fill, of those that it can. NotFoundError, or the like, for one that fails.

    Pure.
    """
    wanted = ("dedup", "backups", "users")
    for purpose in wanted:
        state = states.get(purpose, TableState.MISSING)
        if state is TableState.DENIED:
            raise AccessError(f"table {purpose} {state}", hint="grant dynamodb:Scan on it, and its key's use in KMS")
        if state not in {TableState.ANSWERS, TableState.EMPTY}:
            raise NotFoundError(f"table {purpose} {state}", hint="deploy the stack with promote.tables set to false")
    return tuple(purpose for purpose in wanted if states[purpose] is TableState.EMPTY)


def key_of(cloud: Cloud, bucket: str) -> str | None:
    """Give the ARN of the key that a bucket encrypts with, or None when that cannot be found out or it has none."""
    calls: AwsCalls[S3Client] = AwsCalls(cloud.s3, f"bucket {bucket}")
    try:
        answer = calls.call("s3:GetEncryptionConfiguration", partial(_encryption, bucket))
    except StrongroomError:
        return None
    rules = answer["ServerSideEncryptionConfiguration"]["Rules"]
    found = (rule.get("ApplyServerSideEncryptionByDefault", {}).get("KMSMasterKeyID") for rule in rules)
    return next((str(key) for key in found if key), None)


def _encryption(bucket: str, client: S3Client) -> Any:  # noqa: ANN401 - boto3's answer
    return client.get_bucket_encryption(Bucket=bucket)


def _look(cloud: Cloud, table: str, sleep: Callable[[float], None]) -> TableState:
    calls: AwsCalls[DynamoDBClient] = AwsCalls(cloud.dynamodb, f"table {table}", sleep)
    try:
        items: Iterable[Any] = calls.call("dynamodb:Scan", partial(_first, table))
    except NotFoundError:
        return TableState.MISSING
    except AccessError:
        return TableState.DENIED
    except StrongroomError:
        return TableState.SILENT
    return TableState.ANSWERS if items else TableState.EMPTY


def _first(table: str, client: DynamoDBClient) -> Iterable[Any]:
    return client.scan(TableName=table, Limit=1)["Items"]


def _taken(backup_id: str) -> datetime:
    return datetime.strptime(backup_id.partition("-")[0], "%Y%m%dT%H%M%S%z")
