"""What the second region is judged by, and what is found in an embedded one."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Final

import boto3
import pytest

from functions.adapters.memory import MemoryBlobStore
from functions.contract.object_keys import commit_key
from functions.engine.errors import AccessError, BackupNotFoundError, NotFoundError
from functions.runtime.cloud import Cloud
from functions.runtime.second_region import (
    COPIED,
    TableState,
    count_backups,
    judge,
    key_of,
    look_at_tables,
    to_fill,
)
from sandbox.ministack import MiniStack
from tests.tables import make_users

ALL = dict.fromkeys(COPIED, TableState.ANSWERS)
REGION: Final = "us-west-2"


def test_tables_that_all_answer_can_be_used() -> None:
    """Nobody need have asked for a restore or a run by then."""
    assert judge(ALL).usable
    assert judge(ALL | dict.fromkeys(("runs", "restores", "drills"), TableState.EMPTY)).usable


@pytest.mark.parametrize("purpose", COPIED)
@pytest.mark.parametrize("state", [TableState.MISSING, TableState.SILENT, TableState.DENIED])
def test_one_table_that_does_not_answer_is_enough_to_make_all_anew(purpose: str, state: TableState) -> None:
    """A stack uses all or makes all; the reason says which."""
    verdict = judge(ALL | {purpose: state})
    assert not verdict.usable
    assert verdict.reasons == (f"{purpose} {state.value}",)


@pytest.mark.parametrize("purpose", ["backups", "users"])
def test_an_empty_catalog_is_not_used(purpose: str) -> None:
    """The bucket holds backups, so it has lost them."""
    assert judge(ALL | {purpose: TableState.EMPTY}).reasons == (f"{purpose} is empty",)


def test_a_table_that_was_not_named_cannot_be_used() -> None:
    """And the dedup index is not asked for at all."""
    states = {purpose: state for purpose, state in ALL.items() if purpose != "drills"}
    assert judge(states | {"dedup": TableState.MISSING}).reasons == ("drills was not named",)


def test_only_empty_tables_are_filled() -> None:
    """In the order in which they are asked for."""
    states = {"dedup": TableState.EMPTY, "backups": TableState.ANSWERS, "users": TableState.EMPTY}
    assert to_fill(states) == ("dedup", "users")
    assert to_fill(dict.fromkeys(states, TableState.ANSWERS)) == ()


def test_a_table_that_cannot_be_filled_is_an_error() -> None:
    """It says which, and what to do."""
    fine = dict.fromkeys(("dedup", "backups", "users"), TableState.ANSWERS)
    with pytest.raises(NotFoundError, match="table dedup is not there"):
        to_fill(fine | {"dedup": TableState.MISSING})
    with pytest.raises(NotFoundError, match="table users is not there"):
        to_fill({name: state for name, state in fine.items() if name != "users"})
    with pytest.raises(AccessError, match="table backups may not be read"):
        to_fill(fine | {"backups": TableState.DENIED})


def test_backups_are_counted_by_their_commit_records_alone() -> None:
    """With the newest of all, and the newest of whoever is furthest behind."""
    store = MemoryBlobStore()
    with pytest.raises(BackupNotFoundError):
        count_backups(store)
    ids = {
        ("reports", "alice"): ("20261120T020000Z-1f3a9c20", "20261121T020000Z-00000001"),
        ("reports", "bob"): ("20261119T020001Z-1f3a9c20",),
        ("mail", "bob"): ("20261121T030000Z-1f3a9c20",),
    }
    for (source, user), backups in ids.items():
        for backup in backups:
            store.put_new(commit_key(source, user, backup), [b"{}"]).result()
    store.put_new("snapshots/reports/carol/20261122T020000Z-1f3a9c20/00000.jsonl.zst", [b"unfinished"]).result()
    found = count_backups(store)
    assert (found.count, found.users, found.sources) == (4, 3, ("mail", "reports"))
    assert found.newest == datetime(2026, 11, 21, 3, tzinfo=UTC)
    assert found.behind == datetime(2026, 11, 19, 2, 0, 1, tzinfo=UTC)


def test_tables_are_looked_at_in_their_own_region(ministack: MiniStack) -> None:
    """One that holds something, one that is empty, and one that is in another region only."""
    here = boto3.client("dynamodb", endpoint_url=ministack.endpoint, region_name=REGION)
    there = boto3.client("dynamodb", endpoint_url=ministack.endpoint, region_name="us-east-1")
    full, empty, elsewhere = make_users(here), make_users(here), make_users(there)
    keys = here.describe_table(TableName=full)["Table"]["KeySchema"]
    here.put_item(TableName=full, Item={key["AttributeName"]: {"S": "x"} for key in keys})
    cloud = Cloud(REGION, ministack.endpoint)
    assert look_at_tables(cloud, {"backups": full, "users": empty, "runs": elsewhere}) == {
        "backups": TableState.ANSWERS,
        "users": TableState.EMPTY,
        "runs": TableState.MISSING,
    }


def test_the_key_of_a_bucket_is_found_if_it_has_one(ministack: MiniStack) -> None:
    """A bucket that is not there has none."""
    s3 = boto3.client("s3", endpoint_url=ministack.endpoint, region_name=REGION)
    name, key = f"test-{uuid.uuid4().hex}", f"arn:aws:kms:{REGION}:123456789012:key/1b2c3d4e"
    cloud = Cloud(REGION, ministack.endpoint)
    assert key_of(cloud, name) is None
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_encryption(
        Bucket=name,
        ServerSideEncryptionConfiguration={
            "Rules": [
                {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}},
            ]
        },
    )
    assert key_of(cloud, name) == key
