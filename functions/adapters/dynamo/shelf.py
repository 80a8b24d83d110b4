"""The retention's Shelf on the backups table.

A backup that is expired has the status EXPIRED, and whoever reads the table leaves it out. Its commit record is still
listed until the lifecycle hides it, so whoever reads the bucket itself finds it for a day or two more; all of it is
there as long, and can be restored.

Rights, on the table: dynamodb:Query and dynamodb:UpdateItem, beside the use of its key.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from functions.adapters.dynamo.table import Expression, Table, Update
from functions.adapters.records import COMMITTED, Record, backup_name
from functions.contract.states import BackupState
from functions.contract.tables import STATUS, BackupsTable
from functions.engine.backup import rfc3339
from functions.engine.ports import Clock
from functions.engine.repository import BackupName

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


class DynamoShelf:
    """The items that DynamoCatalog writes. One that is not there, or that the table has dropped, is left alone."""

    def __init__(
        self,
        client: Callable[[], DynamoDBClient],
        table: str,
        clock: Clock = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Use `table`. `client` is called once, when the shelf is first needed; `clock` dates what is changed."""
        self._table = Table(client, table, sleep)
        self._clock = clock

    def let_go(self, backup: BackupName) -> None:
        """See Shelf. A backup that the catalog thinks FAILED or under way is offered to nobody as it is."""
        for key in self._keys(backup):
            e = Expression()
            status, updated = e.name(STATUS), e.name(BackupsTable.UPDATED)
            change = (
                f"SET {e.name(BackupsTable.BEFORE)} = {status}, {status} = {e.value(BackupState.EXPIRED)},"
                f" {updated} = {e.value(rfc3339(self._clock()))}"
            )
            condition = f"{status} IN ({', '.join(map(e.value, COMMITTED))})"
            self._table.update(Update(key, change, condition, e))

    def brought_back(self, backup: BackupName) -> None:
        """See Shelf."""
        for key in self._keys(backup):
            e = Expression()
            status, before, updated = e.name(STATUS), e.name(BackupsTable.BEFORE), e.name(BackupsTable.UPDATED)
            change = f"SET {status} = {before}, {updated} = {e.value(rfc3339(self._clock()))} REMOVE {before}"
            condition = f"{status} = {e.value(BackupState.EXPIRED)}"
            self._table.update(Update(key, change, condition, e))

    def _keys(self, backup: BackupName) -> list[Record]:
        """Find the item: part of its key is when the backup was started, which its name does not say exactly."""
        e = Expression()
        condition = f"{e.name(BackupsTable.PARTITION_KEY)} = {e.value(backup_name(*backup))}"
        names = (BackupsTable.PARTITION_KEY, BackupsTable.SORT_KEY)
        columns = ", ".join(map(e.name, names))
        return list(self._table.query(condition, e, ProjectionExpression=columns))
