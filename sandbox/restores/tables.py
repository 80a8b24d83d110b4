"""Takes the stack's tables away in both regions, and brings them back as after a disaster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sandbox.nights.stack import Stack
from sandbox.program.graph import Resource
from sandbox.resources.creator import Order
from sandbox.resources.tables import table, table_replica

TABLE: Final = "aws:dynamodb/table:Table"
COPY: Final = "aws:dynamodb/tableReplica:TableReplica"
REBUILT: Final = ("dedup", "backups", "users")
"""What the bucket knows. Of the other tables, a stack on AWS has its point-in-time recovery."""
_AT_ONCE = 25
"""Items of one BatchWriteItem (Amazon DynamoDB API Reference, BatchWriteItem)."""

Saved = Mapping[str, Sequence[Mapping[str, Any]]]
"""Items by the name of their table."""


def save_ledgers(stack: Stack) -> Saved:
    """Read the tables that the bucket knows nothing of, as their point-in-time recovery has them."""
    client, names = stack.client("dynamodb"), stack.state.exports["Tables"]
    return {
        name: [item for page in client.get_paginator("scan").paginate(TableName=name) for item in page["Items"]]
        for purpose, name in names.items()
        if purpose not in REBUILT
    }


def delete_tables(stack: Stack) -> int:
    """Delete every table of the stack, its copies first; give how many there were."""
    regions = [region for region in (stack.state.replica_region, stack.state.region) if region]
    return sum(_delete_in(stack, region) for region in regions)


def delete_copies(stack: Stack, region: str) -> int:
    """Delete the copies of the stack's tables in another region; give how many there were."""
    return _delete_in(stack, region)


def make_tables_elsewhere(stack: Stack, region: str) -> None:
    """Make the tables that can be rebuilt, empty, in another region, under the key of that region."""
    key = {"enabled": True, "kmsKeyArn": stack.state.exports["ReplicationKeyArn"]}
    for resource in _tables(stack, REBUILT):
        inputs = {**resource.inputs, "serverSideEncryption": key, "region": region}
        table(stack.clients, Order(resource.type, resource.name, inputs, region))


def make_tables(stack: Stack, saved: Saved) -> None:
    """Make all tables and their copies as the program says, and put back what was saved."""
    state = stack.state
    _delete_in(stack, state.replica_region or state.region)
    for resource in _tables(stack, state.exports["Tables"]):
        table(stack.clients, Order(resource.type, resource.name, resource.inputs, state.region))
    for resource in state.of(COPY):
        region = str(resource.inputs["region"])
        table_replica(stack.clients, Order(resource.type, resource.name, resource.inputs, region))
    client = stack.client("dynamodb")
    for name, items in saved.items():
        for first in range(0, len(items), _AT_ONCE):
            puts = [{"PutRequest": {"Item": item}} for item in items[first : first + _AT_ONCE]]
            client.batch_write_item(RequestItems={name: puts})


def _tables(stack: Stack, purposes: Sequence[str] | Mapping[str, str]) -> Iterator[Resource]:
    wanted = {stack.state.exports["Tables"][purpose] for purpose in purposes}
    return (resource for resource in stack.state.of(TABLE) if resource.id in wanted)


def _delete_in(stack: Stack, region: str) -> int:
    client = stack.client("dynamodb", region)
    there = set(client.list_tables()["TableNames"]) & set(stack.state.exports["Tables"].values())
    for name in sorted(there):
        client.update_table(TableName=name, DeletionProtectionEnabled=False)
        client.delete_table(TableName=name)
    return len(there)
