"""The tables of the data plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from functions.contract.tables import (
    STATUS,
    STATUS_INDEX,
    TIMESTAMP,
    TTL,
    BackupsTable,
    DedupTable,
    DrillsTable,
    LedgerTable,
    UsersTable,
)

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from sandbox.lambdas.names import Names

_LEDGER_KEYS = (LedgerTable.PARTITION_KEY, LedgerTable.SORT_KEY)
_KEYS = {
    "runs_table": _LEDGER_KEYS,
    "restores_table": _LEDGER_KEYS,
    "backups_table": (BackupsTable.PARTITION_KEY, BackupsTable.SORT_KEY),
    "users_table": (UsersTable.PARTITION_KEY, UsersTable.SORT_KEY),
    "drills_table": (DrillsTable.PARTITION_KEY, DrillsTable.SORT_KEY),
    "dedup_table": (DedupTable.PARTITION_KEY,),
}
_STATUS_KEYS = (STATUS, TIMESTAMP)
_INDEXES = {
    "runs_table": {STATUS_INDEX: _STATUS_KEYS},
    "restores_table": {STATUS_INDEX: _STATUS_KEYS},
    "backups_table": {STATUS_INDEX: _STATUS_KEYS, BackupsTable.USER_INDEX: (BackupsTable.USER_ID, TIMESTAMP)},
}
_KEPT_FOR_EVER = ("users_table", "dedup_table")


def make_tables(client: DynamoDBClient, names: Names) -> None:
    """Make all tables, on demand, with their indexes, streams and expiry."""
    for table, keys in _KEYS.items():
        name = names.of(table)
        client.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **_shape(table, keys))
        if table not in _KEPT_FOR_EVER:
            client.update_time_to_live(TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": TTL})


def _shape(table: str, keys: tuple[str, ...]) -> dict[str, Any]:
    indexes = _INDEXES.get(table, {})
    attributes = dict.fromkeys([*keys, *(key for index in indexes.values() for key in index)])
    shape: dict[str, Any] = {
        "KeySchema": _schema(keys),
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": "B" if name == DedupTable.PARTITION_KEY else "S"}
            for name in attributes
        ],
    }
    if indexes:
        shape["GlobalSecondaryIndexes"] = [
            {"IndexName": name, "KeySchema": _schema(index), "Projection": {"ProjectionType": "ALL"}}
            for name, index in indexes.items()
        ]
    if table == "backups_table":
        shape["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    return shape


def _schema(keys: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)]
