"""Tables and their copies in other regions."""

from __future__ import annotations

from typing import Any

from sandbox.aws import Clients
from sandbox.resources.creator import Call, Creator, Inputs, Made, Order

_TABLE = Call(
    "dynamodb.create_table",
    "{name}",
    {"arn": "{TableDescription[TableArn]}"},
    renamed={"name": "TableName"},
)
_SHAPED = (
    "attributes",
    "globalSecondaryIndexes",
    "hashKey",
    "pointInTimeRecovery",
    "rangeKey",
    "serverSideEncryption",
    "streamEnabled",
    "streamViewType",
    "ttl",
)


def table(clients: Clients, order: Order) -> Made:
    """Make a table with its indexes; then what DynamoDB takes only when it is there: expiry and recovery."""
    made = _TABLE(clients, order.without(*_SHAPED).having(**_shaped(order.inputs)))
    client, inputs = clients.get("dynamodb", order.region), order.inputs
    if ttl := inputs.get("ttl"):
        wish = {"Enabled": ttl["enabled"], "AttributeName": ttl["attributeName"]}
        client.update_time_to_live(TableName=made.id, TimeToLiveSpecification=wish)
    _recovery(client, made.id, enabled=bool(inputs.get("pointInTimeRecovery", {}).get("enabled")))
    return made


def table_replica(clients: Clients, order: Order) -> Made:
    """Copy a table into the resource's region, at the table's own region."""
    order.knows("deletionProtectionEnabled", "globalTableArn", "kmsKeyArn", "pointInTimeRecovery")
    arn = str(order.inputs["globalTableArn"])
    _, _, _, home, _, resource = arn.split(":", 5)
    name = resource.removeprefix("table/")
    key = {"KMSMasterKeyId": order.inputs["kmsKeyArn"]} if order.inputs.get("kmsKeyArn") else {}
    replica = {"RegionName": order.region, **key}
    clients.get("dynamodb", home).update_table(TableName=name, ReplicaUpdates=[{"Create": replica}])
    there = clients.get("dynamodb", order.region)
    if key:
        # The embedded AWS copies the first region's key, and takes the second's afterwards only.
        there.update_table(TableName=name, SSESpecification={"Enabled": True, "SSEType": "KMS", **key})
    _recovery(there, name, enabled=bool(order.inputs.get("pointInTimeRecovery")))
    if order.inputs.get("deletionProtectionEnabled"):
        there.update_table(TableName=name, DeletionProtectionEnabled=True)
    copy = there.describe_table(TableName=name)["Table"]["TableArn"]
    return Made(f"{name}:{home}", {"arn": copy})


def _recovery(client: Any, name: str, *, enabled: bool) -> None:  # noqa: ANN401 - boto3 makes its clients at run time
    wish = {"PointInTimeRecoveryEnabled": enabled}
    client.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=wish)


def _shaped(inputs: Inputs) -> dict[str, Any]:
    """Write keys, indexes, stream and encryption as DynamoDB wants them."""
    indexes = [_index(index) for index in inputs.get("globalSecondaryIndexes") or ()]
    encryption, stream = inputs.get("serverSideEncryption"), inputs.get("streamEnabled")
    return {
        "attributeDefinitions": [
            {"attributeName": attribute["name"], "attributeType": attribute["type"]}
            for attribute in inputs["attributes"]
        ],
        "keySchema": _keys(inputs),
        "globalSecondaryIndexes": indexes or None,
        "streamSpecification": {"streamEnabled": True, "streamViewType": inputs["streamViewType"]} if stream else None,
        "sseSpecification": {
            "enabled": encryption["enabled"],
            "sseType": "KMS",
            "kmsMasterKeyId": encryption.get("kmsKeyArn"),
        }
        if encryption
        else None,
    }


def _index(index: Inputs) -> dict[str, Any]:
    attributes = index.get("nonKeyAttributes")
    projection = {"projectionType": index["projectionType"], "nonKeyAttributes": attributes}
    return {"indexName": index["name"], "keySchema": _keys(index), "projection": projection}


def _keys(inputs: Inputs) -> list[dict[str, str]]:
    found = (inputs.get("hashKey"), "HASH"), (inputs.get("rangeKey"), "RANGE")
    return [{"attributeName": name, "keyType": kind} for name, kind in found if name]


CREATORS: dict[str, Creator] = {
    "aws:dynamodb/table:Table": table,
    "aws:dynamodb/tableReplica:TableReplica": table_replica,
}
