"""The catalog in DynamoDB, read by user."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from functions.adapters.dynamo.table import Expression, Table
from functions.adapters.records import Record, backup_name, user_id
from functions.contract.states import BackupState
from functions.contract.tables import STATUS, TIMESTAMP, BackupsTable
from functions.runtime.stack_reading import BackupRow, backup_row

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

_PAGE: Final = 200


class DynamoHistory:
    """See History."""

    def __init__(
        self, client: Callable[[], DynamoDBClient], table: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Read `table`. `client` is called once, when the catalog is first needed."""
        self._table = Table(client, table, sleep)

    def latest(self, source: str, user: str, until: str) -> Iterator[BackupRow]:
        """See History."""
        e = Expression()
        condition = f"{e.name(BackupsTable.USER_ID)} = {e.value(user_id(source, user))}"
        condition += f" AND {e.name(TIMESTAMP)} <= {e.value(until)}"
        offered = f"{e.name(STATUS)} <> {e.value(BackupState.EXPIRED.value)}"
        items = self._table.query(
            condition,
            e,
            IndexName=BackupsTable.USER_INDEX,
            ScanIndexForward=False,
            Limit=_PAGE,
            FilterExpression=offered,
        )
        return map(_row, items)

    def get(self, source: str, user: str, backup_id: str) -> BackupRow | None:
        """See History."""
        e = Expression()
        condition = f"{e.name(BackupsTable.PARTITION_KEY)} = {e.value(backup_name(source, user, backup_id))}"
        rows = (_row(item) for item in self._table.query(condition, e) if item[STATUS] != BackupState.EXPIRED)
        return next(rows, None)


def _row(item: Record) -> BackupRow:
    return backup_row(item, BackupState(str(item[STATUS])))
