"""What the tables hold, as plain values: the adapters on DynamoDB and those in memory write the same.

Times are kept as the tables keep them: moments to the second, leases to the millisecond.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from functions.contract.object_keys import decode_name, encode_name
from functions.contract.states import BACKUP_STEPS, BackupState
from functions.contract.tables import STATUS, TTL, BackupsTable, DrillsTable, UsersTable
from functions.engine.backup import rfc3339
from functions.engine.commit import CommitRecord
from functions.engine.errors import RequestError
from functions.engine.orchestration.ports import BackupStart, DrillResult, Facts, UserState

Value: TypeAlias = str | int | bytes | frozenset[int]
Record: TypeAlias = dict[str, Value]

FACTS_LIMIT = 380 * 1024
"""Bytes of JSON. An item may have 400 KB with all its names and values (Amazon DynamoDB Developer Guide, "Quotas")."""
TEXT_LIMIT = 4_000
"""Characters of an outcome or an error: a person reads it."""

COMMITTED = (BackupState.COMPLETED.value, BackupState.PARTIAL.value)
"""States of backups that can be restored."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def encode_facts(facts: Facts, what: str) -> str:
    """Give facts as JSON. RequestError, which names `what` they belong to, when they do not fit into an item."""
    text = json.dumps(facts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    size = len(text.encode())
    if size > FACTS_LIMIT:
        raise RequestError(
            f"the facts of {what} take {size:,} bytes, must be {FACTS_LIMIT:,} at most",
            hint="ask for less at once",
        )
    return text


def decode_facts(text: str) -> dict[str, Any]:
    """Undo `encode_facts`. Each call gives a copy of its own."""
    facts: dict[str, Any] = json.loads(text)
    return facts


def milliseconds(moment: datetime) -> int:
    """Give a moment as whole milliseconds since 1970."""
    return (moment - _EPOCH) // _MILLISECOND


def moment_of(number: int) -> datetime:
    """Undo `milliseconds`."""
    return _EPOCH + number * _MILLISECOND


def expiry(moment: datetime) -> int:
    """Give a moment as the whole seconds since 1970 that a TTL attribute holds."""
    return milliseconds(moment) // 1_000


def parse_time(text: str) -> datetime:
    """Undo `rfc3339`."""
    return datetime.fromisoformat(text)


def shortened(text: str) -> str:
    """Cut what is too long for a person to read."""
    return text if len(text) <= TEXT_LIMIT else f"{text[: TEXT_LIMIT - 4]} ..."


def user_id(source: str, user: str) -> str:
    """Give the name of a user among those of all sources."""
    return f"{encode_name(source)}/{encode_name(user)}"


def backup_name(source: str, user: str, backup_id: str) -> str:
    """Give the whole name of a backup."""
    return f"{user_id(source, user)}/{backup_id}"


def backup_key(source: str, user: str, backup_id: str, started: str) -> Record:
    """Give the key of a backup in the catalog."""
    return {
        BackupsTable.PARTITION_KEY: backup_name(source, user, backup_id),
        BackupsTable.SORT_KEY: started,
    }


def started_backup(backup: BackupStart) -> Record:
    """Give a backup as the catalog first writes it."""
    started = rfc3339(backup.started)
    return {
        **backup_key(backup.source, backup.user, backup.backup_id, started),
        TTL: expiry(backup.expires),
        STATUS: BackupState.STARTED.value,
        BackupsTable.USER_ID: user_id(backup.source, backup.user),
        BackupsTable.SOURCE: backup.source,
        BackupsTable.RUN_ID: backup.run_id,
        BackupsTable.TYPE: backup.type.value,
        BackupsTable.TRIGGER: backup.trigger,
        BackupsTable.STARTED: started,
        BackupsTable.UPDATED: started,
    }


def may_become(state: BackupState) -> frozenset[str]:
    """Give the states that a backup may go to `state` from: itself too, since a step may come twice."""
    return frozenset(before.value for before, after in BACKUP_STEPS.items() if state in after) | {state.value}


def advanced_backup(state: BackupState, now: datetime, error: str | None) -> Record:
    """Give what changes when a backup goes on to RUNNING or FAILED."""
    changed: Record = {STATUS: state.value, BackupsTable.UPDATED: rfc3339(now)}
    if state is BackupState.FAILED:
        changed[BackupsTable.ENDED] = rfc3339(now)
    if error is not None:
        changed[BackupsTable.ERROR] = shortened(error)
    return changed


def committed_backup(record: CommitRecord, key: str, trigger: str, expires: datetime) -> Record:
    """Give a committed backup: all of it stands in the commit record at `key`, but the trigger and its end."""
    return {
        **backup_key(record.source, record.user, record.backup_id, record.started),
        TTL: expiry(expires),
        STATUS: record.status.value,
        BackupsTable.USER_ID: user_id(record.source, record.user),
        BackupsTable.SOURCE: record.source,
        BackupsTable.RUN_ID: record.run_id,
        BackupsTable.TYPE: record.type.value,
        BackupsTable.TRIGGER: trigger,
        BackupsTable.STARTED: record.started,
        BackupsTable.ENDED: record.finished,
        BackupsTable.UPDATED: record.finished,
        BackupsTable.FILES: record.totals.files,
        BackupsTable.SIZE: record.totals.source,
        BackupsTable.READ: record.totals.read,
        BackupsTable.NEW: record.totals.new,
        BackupsTable.STORED: record.totals.stored,
        BackupsTable.UNREADABLE: record.totals.unreadable,
        BackupsTable.RECORD: key,
    }


def good_backup(record: CommitRecord) -> Record:
    """Give what is kept of a user's last committed backup."""
    return {
        UsersTable.BACKUP: record.backup_id,
        UsersTable.GOOD: record.started,
        UsersTable.FILES: record.totals.files,
        UsersTable.PREFIX: record.prefix,
    }


def user_state(name: str, record: Record) -> UserState:
    """Give what is known of the user with the encoded `name`."""
    good, proven, first = (record.get(name) for name in (UsersTable.GOOD, UsersTable.PROVEN, UsersTable.FIRST))
    backup_id = record.get(UsersTable.BACKUP)
    return UserState(
        user=decode_name(name),
        backup_id=str(backup_id) if backup_id is not None else None,
        good=parse_time(str(good)) if good is not None else None,
        files=int(str(record.get(UsersTable.FILES, 0))),
        prefix=str(record.get(UsersTable.PREFIX, "")),
        proven=parse_time(str(proven)) if proven is not None else None,
        first=parse_time(str(first)) if first is not None else None,
    )


def drill_record(result: DrillResult, expires: datetime) -> Record:
    """Give the result of a restore drill."""
    record: Record = {
        DrillsTable.PARTITION_KEY: user_id(result.source, result.user),
        DrillsTable.SORT_KEY: rfc3339(result.when),
        TTL: expiry(expires),
        DrillsTable.BACKUP: result.backup_id,
        DrillsTable.STATUS: result.state.value,
        DrillsTable.FILES: result.files,
        DrillsTable.SIZE: result.size,
    }
    if result.error is not None:
        record[DrillsTable.ERROR] = shortened(result.error)
    return record
