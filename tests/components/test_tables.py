"""Tables: as the contract says, encrypted, recoverable, hard to lose."""

from __future__ import annotations

from typing import Any

import pytest

from components.refs import KeyRef
from components.tables import TABLES, Tables, TablesArgs
from functions.contract.tables import TTL
from functions.engine.errors import ConfigurationError
from tests.components.deployment import KEY, REGION, deploy
from tests.program.kit import ACCOUNT, Registration

THERE = "eu-west-1"
REPLICA_KEY = KeyRef(f"arn:aws:kms:{THERE}:{ACCOUNT}:key/replica")
REPLICATED: dict[str, Any] = {"replica_region": THERE, "replica_key": REPLICA_KEY}
NAMES = {name: f"test-{name}" for name in TABLES}
ALL = ("dedup", "backups", "runs", "users", "restores", "drills")


def _args(**changes: Any) -> TablesArgs:  # noqa: ANN401 - fields of any type
    return TablesArgs(**{"names": NAMES, "key": KEY, "region": REGION, **changes})


def _tables(*, preview: bool = False, **changes: Any) -> dict[str, Registration]:  # noqa: ANN401 - fields of any type
    program = deploy(lambda: Tables("tables", _args(**changes)), preview=preview)
    found = program.of("aws:dynamodb/table:Table")
    return {table.inputs["name"].removeprefix("test-"): table for table in found}


def test_there_is_a_table_for_each_of_the_contract() -> None:
    """No more, no less, and outputs name them all."""
    assert tuple(_tables()) == ALL
    made: list[Tables] = []
    deploy(lambda: made.append(Tables("tables", _args())))
    assert tuple(made[0].refs) == ALL


@pytest.mark.parametrize("name", ALL)
def test_every_table_is_on_demand_encrypted_recoverable_and_protected(name: str) -> None:
    """Whatever it holds."""
    table = _tables()[name]
    assert table.inputs["billingMode"] == "PAY_PER_REQUEST"
    assert table.inputs["serverSideEncryption"] == {"enabled": True, "kmsKeyArn": KEY.arn}
    assert table.inputs["pointInTimeRecovery"] == {"enabled": True}
    assert table.inputs["deletionProtectionEnabled"] is True
    assert table.inputs["region"] == REGION
    assert (table.protect, table.retain) == (True, True)


def test_tables_of_a_stack_that_may_go_are_not_protected() -> None:
    """Both at Pulumi and at DynamoDB: the latter alone would stop the former."""
    for table in _tables(protect=False).values():
        assert (table.protect, table.retain, table.inputs["deletionProtectionEnabled"]) == (False, False, False)


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("dedup", ("contentHash", None)),
        ("backups", ("backupId", "timestamp")),
        ("runs", ("id", "item")),
        ("restores", ("id", "item")),
        ("users", ("source", "userId")),
        ("drills", ("userId", "timestamp")),
    ],
)
def test_keys_are_those_of_the_contract(name: str, keys: tuple[str, str | None]) -> None:
    """A wrong key cannot be changed later."""
    inputs = _tables()[name].inputs
    assert (inputs["hashKey"], inputs.get("rangeKey")) == keys


@pytest.mark.parametrize(
    ("name", "indexes"),
    [
        ("backups", {"StatusIndex": ("status", "timestamp"), "UserIndex": ("userId", "timestamp")}),
        ("runs", {"StatusIndex": ("status", "timestamp")}),
        ("restores", {"StatusIndex": ("status", "timestamp")}),
        ("users", {}),
        ("drills", {}),
        ("dedup", {}),
    ],
)
def test_indexes_hold_all_attributes(name: str, indexes: dict[str, tuple[str, str]]) -> None:
    """As the contract says."""
    found = _tables()[name].inputs["globalSecondaryIndexes"]
    assert {index["name"]: (index["hashKey"], index["rangeKey"]) for index in found} == indexes
    assert all(index["projectionType"] == "ALL" for index in found)


@pytest.mark.parametrize("name", ALL)
def test_attributes_are_exactly_those_that_are_keys(name: str) -> None:
    """DynamoDB refuses any other, and one that is missing."""
    inputs = _tables()[name].inputs
    indexes = inputs["globalSecondaryIndexes"]
    keys = {
        inputs["hashKey"],
        inputs.get("rangeKey"),
        *(i["hashKey"] for i in indexes),
        *(i["rangeKey"] for i in indexes),
    }
    attributes = [attribute["name"] for attribute in inputs["attributes"]]
    assert sorted(attributes) == sorted(keys - {None})
    assert {attribute["type"] for attribute in inputs["attributes"]} == {"B" if name == "dedup" else "S"}


@pytest.mark.parametrize("name", ALL)
def test_only_what_nobody_asks_for_any_more_expires(name: str) -> None:
    """An entry of the dedup index that vanishes, or stays, by the clock is a backup that cannot be restored."""
    ttl = _tables()[name].inputs.get("ttl")
    assert ttl == (None if name in {"dedup", "users"} else {"attributeName": TTL, "enabled": True})


def test_the_catalog_has_a_stream_and_the_others_need_none() -> None:
    """Of old and new images."""
    streams = {name: table.inputs.get("streamViewType") for name, table in _tables().items()}
    assert streams.pop("backups") == "NEW_AND_OLD_IMAGES"
    assert set(streams.values()) == {None}


def _replicas(**changes: Any) -> dict[str, Registration]:  # noqa: ANN401 - fields of any type
    program = deploy(lambda: Tables("tables", _args(**changes)))
    found = program.of("aws:dynamodb/tableReplica:TableReplica")
    return {str(replica.inputs["globalTableArn"]).rpartition(":test-")[2]: replica for replica in found}


def test_without_a_second_region_there_is_no_replica() -> None:
    """A development stack has one region."""
    assert _replicas() == {}


def test_ledgers_and_catalog_are_replicated_with_key_recovery_and_protection() -> None:
    """What the bucket does not know: runs, restores, drills, when a user was last proven."""
    replicas = _replicas(**REPLICATED)
    assert set(replicas) == set(ALL) - {"dedup"}
    for replica in replicas.values():
        assert (replica.inputs["region"], replica.inputs["kmsKeyArn"]) == (THERE, REPLICA_KEY.arn)
        assert (replica.inputs["pointInTimeRecovery"], replica.inputs["deletionProtectionEnabled"]) == (True, True)
        assert (replica.protect, replica.retain) == (True, True)


def test_what_is_replicated_has_the_stream_that_replication_reads() -> None:
    """DynamoDB refuses a replica without it."""
    tables = _tables(**REPLICATED)
    for name in _replicas(**REPLICATED):
        assert tables[name].inputs["streamViewType"] == "NEW_AND_OLD_IMAGES"


def test_the_dedup_index_is_never_replicated() -> None:
    """There it could name packs that have not arrived, and a writer would leave out their bytes."""
    assert "dedup" not in _replicas(**REPLICATED)
    assert _tables(**REPLICATED)["dedup"].inputs["streamEnabled"] is False


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"replica_region": THERE}, "needs a KMS key"),
        ({"replica_key": REPLICA_KEY}, "needs a KMS key"),
        ({"replica_region": REGION, "replica_key": KEY}, "to itself"),
        ({"names": {"dedup": "test-dedup"}}, "backups, drills, restores, runs, users"),
    ],
)
def test_what_dynamodb_would_refuse_or_not_encrypt_is_refused(changes: dict[str, Any], problem: str) -> None:
    """Before anything is made."""
    with pytest.raises(ConfigurationError, match=problem):
        _args(**changes)


def test_a_preview_works() -> None:
    """ARNs are unknown until the tables are made."""
    assert tuple(_tables(preview=True, **REPLICATED)) == ALL
