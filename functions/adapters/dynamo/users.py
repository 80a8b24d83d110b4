"""The orchestration's Users on a DynamoDB table."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from functions.adapters.dynamo.table import Expression, Table, Update
from functions.adapters.records import Record, good_backup, user_state
from functions.contract.object_keys import encode_name
from functions.contract.tables import UsersTable
from functions.engine.backup import rfc3339
from functions.engine.commit import CommitRecord
from functions.engine.orchestration.ports import UserState

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


_KNOWN = (
    UsersTable.BACKUP,
    UsersTable.GOOD,
    UsersTable.FILES,
    UsersTable.PREFIX,
    UsersTable.PROVEN,
    UsersTable.FIRST,
)


class DynamoUsers:
    """One item a user, all users of a source in one partition: see DynamoLedger for what that takes a second."""

    def __init__(
        self, client: Callable[[], DynamoDBClient], table: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Use `table`. `client` is called once, when the users are first needed."""
        self._table = Table(client, table, sleep)

    def backed_up(self, record: CommitRecord) -> None:
        """See Users."""
        self._forward(record.source, record.user, UsersTable.GOOD, good_backup(record), UsersTable.FIRST)

    def proven(self, source: str, user: str, when: datetime) -> None:
        """See Users."""
        self._forward(source, user, UsersTable.PROVEN, {UsersTable.PROVEN: rfc3339(when)})

    def forget(self, source: str, user: str) -> None:
        """Leave nothing of a user but his name: nobody misses a backup of his, or proves one. He may be unknown."""
        e = Expression()
        key: Record = {UsersTable.PARTITION_KEY: source, UsersTable.SORT_KEY: encode_name(user)}
        there = f"attribute_exists({e.name(UsersTable.PARTITION_KEY)})"
        change = f"REMOVE {', '.join(e.name(attribute) for attribute in _KNOWN)}"
        self._table.update(Update(key, change, there, e))

    def all(self, source: str) -> Iterator[UserState]:
        """See Users."""
        e = Expression()
        condition = f"{e.name(UsersTable.PARTITION_KEY)} = {e.value(source)}"
        for item in self._table.query(condition, e, ConsistentRead=False):
            yield user_state(str(item[UsersTable.SORT_KEY]), item)

    def _forward(self, source: str, user: str, time: str, values: Record, once: str | None = None) -> None:
        """Set `values` unless the one named `time` would go back. That one is also kept as `once`, the first time."""
        e = Expression()
        key: Record = {UsersTable.PARTITION_KEY: source, UsersTable.SORT_KEY: encode_name(user)}
        before, new = e.name(time), e.value(values[time])
        first = f", {e.name(once)} = if_not_exists({e.name(once)}, {new})" if once is not None else ""
        change = f"SET {e.sets(values)}{first}"
        self._table.update(Update(key, change, f"attribute_not_exists({before}) OR {before} < {new}", e))
