"""The orchestration's Catalog on a DynamoDB table."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from functions.adapters.dynamo.table import Answer, Expression, Table, Update
from functions.adapters.records import (
    Record,
    advanced_backup,
    backup_key,
    committed_backup,
    may_become,
    started_backup,
)
from functions.contract.object_keys import commit_key
from functions.contract.states import BackupState
from functions.contract.tables import STATUS, BackupsTable
from functions.engine.backup import rfc3339
from functions.engine.commit import CommitRecord
from functions.engine.orchestration.ports import BackupStart
from functions.engine.ports import Clock

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


class DynamoCatalog:
    """One item a backup."""

    def __init__(
        self,
        client: Callable[[], DynamoDBClient],
        table: str,
        clock: Clock = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Use `table`. `client` is called once, when the catalog is first needed; `clock` dates what goes on."""
        self._table = Table(client, table, sleep)
        self._clock = clock

    def start(self, backup: BackupStart) -> None:
        """See Catalog."""
        e = Expression()
        self._table.put(started_backup(backup), f"attribute_not_exists({e.name(BackupsTable.PARTITION_KEY)})", e)

    def advance(self, backup: BackupStart, state: BackupState, error: str | None = None) -> bool:
        """See Catalog. A backup that it has not heard of is started first."""
        answer = self._advance(backup, state, error)
        if not answer.done and not answer.item:
            self.start(backup)
            answer = self._advance(backup, state, error)
        return answer.done

    def complete(self, record: CommitRecord, trigger: str, expires: datetime) -> None:
        """See Catalog. The trigger stays what it was when the backup was started; so does what was expired."""
        item = committed_backup(record, commit_key(record.source, record.user, record.backup_id), trigger, expires)
        key = backup_key(record.source, record.user, record.backup_id, record.started)
        e = Expression()
        known = e.name(BackupsTable.TRIGGER)
        values = {name: value for name, value in item.items() if name not in {*key, BackupsTable.TRIGGER}}
        change = f"SET {known} = if_not_exists({known}, {e.value(trigger)}), {e.sets(values)}"
        condition = f"attribute_not_exists({e.name(STATUS)}) OR {e.name(STATUS)} <> {e.value(BackupState.EXPIRED)}"
        self._table.update(Update(key, f"{change} REMOVE {e.name(BackupsTable.ERROR)}", condition, e))

    def _advance(self, backup: BackupStart, state: BackupState, error: str | None) -> Answer:
        e = Expression()
        key: Record = backup_key(backup.source, backup.user, backup.backup_id, rfc3339(backup.started))
        change = f"SET {e.sets(advanced_backup(state, self._clock(), error))}"
        condition = f"{e.name(STATUS)} IN ({', '.join(map(e.value, sorted(may_become(state))))})"
        return self._table.update(Update(key, change, condition, e))
