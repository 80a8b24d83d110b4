"""Makes the product's tables on the embedded AWS, and reads what stands in them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from functions.adapters.dynamo.table import unmarshal
from functions.adapters.records import Record
from functions.contract.tables import (
    STATUS,
    STATUS_INDEX,
    TIMESTAMP,
    BackupsTable,
    DedupTable,
    DrillsTable,
    LedgerTable,
    UsersTable,
)

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

_BY_STATUS = (STATUS_INDEX, STATUS, TIMESTAMP)
_BY_USER = (BackupsTable.USER_INDEX, BackupsTable.USER_ID, TIMESTAMP)


def make_dedup(client: DynamoDBClient) -> str:
    """Make an empty dedup index."""
    return _make(client, "dedup", DedupTable.PARTITION_KEY, kind="B")


def make_ledger(client: DynamoDBClient) -> str:
    """Make an empty ledger."""
    return _make(client, "ledger", LedgerTable.PARTITION_KEY, LedgerTable.SORT_KEY, indexes=(_BY_STATUS,))


def make_backups(client: DynamoDBClient) -> str:
    """Make an empty catalog."""
    keys = (BackupsTable.PARTITION_KEY, BackupsTable.SORT_KEY)
    return _make(client, "backups", *keys, indexes=(_BY_STATUS, _BY_USER))


def make_users(client: DynamoDBClient) -> str:
    """Make an empty table of users."""
    return _make(client, "users", UsersTable.PARTITION_KEY, UsersTable.SORT_KEY)


def make_drills(client: DynamoDBClient) -> str:
    """Make an empty table of drills."""
    return _make(client, "drills", DrillsTable.PARTITION_KEY, DrillsTable.SORT_KEY)


def everything(client: DynamoDBClient, table: str) -> list[Record]:
    """Give all items of a table, in no order that means anything."""
    pages = client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return [unmarshal(item) for page in pages for item in page["Items"]]


def clear(client: DynamoDBClient, table: str) -> None:
    """Delete all items of a table."""
    names = [key["AttributeName"] for key in client.describe_table(TableName=table)["Table"]["KeySchema"]]
    pages = client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    for item in [item for page in pages for item in page["Items"]]:
        client.delete_item(TableName=table, Key={name: item[name] for name in names})


def _make(
    client: DynamoDBClient,
    what: str,
    *keys: str,
    kind: str = "S",
    indexes: tuple[tuple[str, str, str], ...] = (),
) -> str:
    name = f"{what}-{uuid.uuid4().hex}"
    attributes = dict.fromkeys([*keys, *(attribute for _name, *pair in indexes for attribute in pair)])
    secondary: Any = [
        {"IndexName": index, "KeySchema": _schema(*pair), "Projection": {"ProjectionType": "ALL"}}
        for index, *pair in indexes
    ]
    definitions: Any = [{"AttributeName": attribute, "AttributeType": kind} for attribute in attributes]
    client.create_table(
        TableName=name,
        KeySchema=_schema(*keys),
        AttributeDefinitions=definitions,
        BillingMode="PAY_PER_REQUEST",
        **({"GlobalSecondaryIndexes": secondary} if secondary else {}),
    )
    return name


def _schema(*keys: str) -> Any:  # noqa: ANN401 - boto3's own shape
    return [{"AttributeName": key, "KeyType": role} for key, role in zip(keys, ("HASH", "RANGE"), strict=False)]
