"""`strongroom rebuild`: lost tables come back from the bucket."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import boto3
import pytest

from functions.contract.object_keys import DONE_NAME, PACKS, PLAN_NAME, collection_key
from functions.contract.tables import TTL
from sandbox.ministack import MiniStack
from tests.cli.kit import Tool, World
from tests.tables import clear, everything, make_backups, make_dedup, make_users

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_s3 import S3Client


@pytest.fixture
def dynamo(ministack: MiniStack) -> DynamoDBClient:
    """A boto3 client of the embedded DynamoDB."""
    return boto3.client("dynamodb", endpoint_url=ministack.endpoint)


@pytest.fixture
def tables(dynamo: DynamoDBClient) -> list[str]:
    """The options that name three empty tables."""
    names = {
        "--dedup-table": make_dedup(dynamo),
        "--backups-table": make_backups(dynamo),
        "--users-table": make_users(dynamo),
    }
    return [text for pair in names.items() for text in pair]


def test_tables_are_filled_from_the_bucket(kept: World, tool: Tool, tables: list[str], dynamo: DynamoDBClient) -> None:
    """The report says what there is."""
    done = tool("rebuild", "--repository", kept.repository, *tables, "--json")
    assert (done.status, done.err) == (0, "")
    chunks, backups, users = (everything(dynamo, name) for name in tables[1::2])
    assert {item["userId"] for item in users} == {"alice", "bob", "carol"}
    found = {name: done.document[name] for name in ("chunks", "backups", "users", "damages")}
    assert found == {"chunks": len(chunks), "backups": len(backups), "users": 3, "damages": []}
    text = tool("rebuild", "--repository", kept.repository, *tables)
    assert text.status == 0
    assert [line.split() for line in text.out.splitlines() if line.startswith("chunks")] == [
        ["chunks", str(len(chunks))]
    ]


def test_the_catalog_forgets_when_the_newest_rules_do(
    world: World, tool: Tool, tables: list[str], dynamo: DynamoDBClient, s3: S3Client
) -> None:
    """As the plan of the newest collection has them, unless the command names other days."""
    assert world.back_up().status == 0
    plan = {"format": 1, "began": "2026-11-20T02:00:00+00:00", "parts": [], "policy": {"days": 1, "yearly": 2}}
    for name, document in ((PLAN_NAME, plan), (DONE_NAME, {"format": 1})):
        key = collection_key("20261120T020000Z-0000000a", name)
        s3.put_object(Bucket=world.repository, Key=key, Body=json.dumps(document).encode())
    for options, days in (([], 2 * 366 + 5), (["--retention-days", "9"], 9)):
        assert tool("rebuild", "--repository", world.repository, *tables, *options).status == 0
        for item in everything(dynamo, tables[3]):
            assert float(str(item[TTL])) == pytest.approx(time.time() + days * 86_400, abs=3_600)


def test_a_run_after_a_rebuild_stores_nothing_again(
    world: World, tool: Tool, tables: list[str], dynamo: DynamoDBClient
) -> None:
    """The dedup index is what it was before it was lost, and is used."""
    dedup = tables[:2]
    assert world.back_up(*dedup).status == 0
    before = everything(dynamo, dedup[1])
    clear(dynamo, dedup[1])
    assert tool("rebuild", "--repository", world.repository, *tables).status == 0
    assert sorted(map(repr, everything(dynamo, dedup[1]))) == sorted(map(repr, before))
    packs = world.keys(PACKS)
    assert world.back_up(*dedup, "--type", "FULL").status == 0
    assert world.keys(PACKS) == packs


def test_damage_is_named_and_has_its_own_status(world: World, tool: Tool, tables: list[str], s3: S3Client) -> None:
    """All the rest comes back."""
    assert world.back_up().status == 0
    key = s3.list_objects_v2(Bucket=world.repository, Prefix=PACKS)["Contents"][0]["Key"]
    s3.put_object(Bucket=world.repository, Key=key, Body=b"damaged")
    done = tool("rebuild", "--repository", world.repository, *tables)
    assert done.status == 7
    assert f"PACK_CORRUPT: {key}: " in done.err
    assert tool("rebuild", "--repository", world.repository, *tables, "--json").document["damages"][0]["key"] == key


def test_what_does_not_exist_is_not_found(kept: World, tool: Tool, tables: list[str]) -> None:
    """A table, a source, a bucket."""
    wrong = [*tables[:3], "no-such-table", *tables[4:]]
    assert tool("rebuild", "--repository", kept.repository, *wrong).code == "NOT_FOUND"
    other = tool("rebuild", "--repository", kept.repository, *tables, "--source-name", "nobody")
    assert (other.code, other.status) == ("BACKUP_NOT_FOUND", 3)
    assert tool("rebuild", "--repository", "no-such-bucket", *tables).code == "BUCKET_NOT_FOUND"


@pytest.mark.parametrize("change", [["--retention-days", "0"], ["--region", "moon base"]])
def test_options_are_checked_before_anything_is_sent(tool: Tool, tables: list[str], change: list[str]) -> None:
    """Like those of every command."""
    assert tool("rebuild", "--repository", "some-bucket", *tables, *change).code == "CONFIG_INVALID"
    assert tool("rebuild", "--repository", "some-bucket", *tables[2:]).code == "CONFIG_INVALID"
