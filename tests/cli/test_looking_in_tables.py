"""Everybody's newest backups, looked up in the users table: never other ones than the bucket's without a word."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from functions.adapters.dynamo.users import DynamoUsers
from functions.engine.backup import Ports, rfc3339
from functions.engine.commit import CommitRecord
from functions.engine.repository import Repository
from functions.runtime.local_run import RunRequest, back_up
from functions.runtime.toolbox import Connection, Toolbox, now, random_hex
from sandbox.ministack import MiniStack
from tests.cli.history import SOURCE, History, stopped
from tests.cli.kit import Finished, Tool
from tests.tables import clear, make_users

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_s3 import S3Client

HOURS = (80, 20, 1)
"""When the nights were, counted back from now: one that no table is believed of, and two that it may be."""
USERS = ("a b", "alice", "bob")
FROM_BUCKET = {"table": 0, "bucket": len(USERS)}


@dataclass(frozen=True)
class Office:
    """Three users with three nights, and a table that knows what a test lets it know."""

    history: History
    records: dict[str, list[CommitRecord]]
    client: DynamoDBClient
    table: str

    def tell(self, **nights: int) -> None:
        """Let the table know of these nights only: -1 is the newest."""
        clear(self.client, self.table)
        users = DynamoUsers(lambda: self.client, self.table)
        for user, night in nights.items():
            users.backed_up(self.records[user.replace("_", " ")][night])

    def tell_all(self) -> None:
        """Let the table know everything."""
        self.tell(a_b=-1, alice=-1, bob=-1)

    def newest(self, *arguments: object) -> tuple[dict[str, str], dict[str, int]]:
        """Give what `backups` says: the ids of backups by users, and where they were looked up."""
        found = self.history("backups", "--json", *arguments).document
        return {row["user"]: row["backup"] for row in found["backups"]}, found["looked_up_in"]

    def of_night(self, night: int) -> dict[str, str]:
        """Give the truth."""
        return {user: records[night].backup_id for user, records in self.records.items()}


@pytest.fixture(scope="module")
def made(
    s3: S3Client,
    tool: Tool,
    make_bucket: Callable[..., str],
    ministack: MiniStack,
    tmp_path_factory: pytest.TempPathFactory,
) -> Office:
    """The nights, and the outputs that name the table."""
    client = boto3.client("dynamodb", endpoint_url=ministack.endpoint)
    bucket, repository, table = make_bucket(versioned=True), make_bucket(versioned=True), make_users(client)
    for user in USERS:
        s3.put_object(Bucket=bucket, Key=f"{user}/plan.txt", Body=user.encode())
    ended = now()
    with Toolbox(Connection(endpoint=tool.endpoint), os.environ) as tools:
        store = tools.store(repository)
        for hours in HOURS:
            clock = stopped(ended - timedelta(hours=hours))
            ports = Ports(tools.source(bucket), store, tools.index(store, None), clock, random_hex)
            report = back_up(ports, RunRequest(SOURCE), workers=1)
            assert [outcome.error for outcome in report.outcomes] == [None] * len(USERS)
        reader = Repository(store)
        records = {user: [reader.commit(name) for name in reader.backups(SOURCE, user)] for user in USERS}
    outputs = tmp_path_factory.mktemp("office") / "prod.json"
    said = {"BackupBucketName": repository, "Region": "us-east-1", "Tables": {"users": table}}
    outputs.write_text(json.dumps(said))
    return Office(History(tool, bucket, repository, outputs, ended), records, client, table)


@pytest.fixture
def office(made: Office) -> Office:
    """The same with a table that knows everything."""
    made.tell_all()
    return made


def said_by(done: Finished) -> str:
    """Give the one line beside the output."""
    [line] = done.err.splitlines()
    return line


def without_place(done: Finished) -> dict[str, Any]:
    """Give what was printed, but where it was looked up."""
    return {name: value for name, value in done.document.items() if name != "looked_up_in"}


@pytest.mark.parametrize("command", [["backups"], ["find", "plan"], ["find", "alice/*"]])
def test_both_ways_give_the_same_answer(office: Office, command: list[str]) -> None:
    """And each says where it comes from."""
    table = office.history(*command, "--json")
    bucket = office.history(*command, "--from-bucket", "--json")
    assert without_place(table) == without_place(bucket)
    assert table.document["looked_up_in"] == {"table": 3, "bucket": 0}
    assert bucket.document["looked_up_in"] == FROM_BUCKET
    assert said_by(table) == "3 looked up in the users table; --from-bucket asks nothing but the bucket"
    assert bucket.err == ""
    plain = office.history(*command)
    assert plain.out == office.history(*command, "--from-bucket").out
    assert "3 looked up in the users table" in plain.err


def test_whom_the_table_does_not_know_is_looked_up_in_the_bucket(office: Office) -> None:
    """One user, or all of them where it is empty."""
    office.tell(a_b=-1, bob=-1)
    assert office.newest() == (office.of_night(-1), {"table": 2, "bucket": 1})
    assert "2 looked up in the users table, 1 in the bucket" in office.history("backups").err
    office.tell()
    assert office.newest() == (office.of_night(-1), FROM_BUCKET)
    assert said_by(office.history("find", "plan", "--json")) == "looked up in the bucket"


def test_a_table_that_stands_still_is_not_believed_for_long(office: Office) -> None:
    """What it names is told as its word while it is young; after that the bucket is asked."""
    office.tell(a_b=0, alice=1, bob=-1)
    told = office.of_night(-1) | {"alice": office.of_night(1)["alice"]}
    assert office.newest() == (told, {"table": 2, "bucket": 1})
    assert office.newest("--from-bucket") == (office.of_night(-1), FROM_BUCKET)


def test_a_backup_that_is_gone_is_not_the_newest(office: Office) -> None:
    """Though the table names it: the bucket says which is, or that there is none."""
    users = DynamoUsers(lambda: office.client, office.table)
    later = rfc3339(now())
    users.backed_up(replace(office.records["alice"][-1], backup_id=f"{now():%Y%m%dT%H%M%SZ}-0badf00d", started=later))
    users.backed_up(replace(office.records["bob"][-1], user="stranger"))
    assert office.newest() == (office.of_night(-1), {"table": 2, "bucket": 1})


def test_a_time_before_the_newest_backups_is_looked_up_in_the_bucket(office: Office) -> None:
    """A time after them is one that the table knows."""
    for hours, night, place in ((0, -1, "table"), (2, 1, "bucket"), (40, 0, "bucket")):
        then = f"{office.history.ended - timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}"
        assert office.newest("--as-of", then) == (office.of_night(night), {"table": 0, "bucket": 0, place: 3})
        found = office.history("find", "plan", "--until", then, "--json").document
        assert {row["user"]: row["backup"] for row in found["files"]} == office.of_night(night)


def test_what_names_users_asks_the_bucket(office: Office) -> None:
    """As does what shows everything."""
    office.tell(alice=1)
    assert office.newest("--user", "alice", "--as-of", "1h")[1] == {"table": 0, "bucket": 1}
    assert office.history("backups", "--user", "alice", "--json").document["looked_up_in"]["bucket"] == len(HOURS)
    assert office.history("find", "plan", "--user", "alice", "--json").document["looked_up_in"]["bucket"] == len(HOURS)
    assert office.history("backups", "--every", "--json").document["looked_up_in"]["bucket"] == len(HOURS) * len(USERS)


def test_without_a_table_that_can_be_read_the_bucket_is_asked(office: Office, tmp_path: Path) -> None:
    """With one line of warning when the outputs name one."""
    for tables, warnings in (({}, 0), ({"users": ""}, 0), ({"users": "not-there"}, 1), ({"users": "!"}, 1)):
        outputs = tmp_path / "outputs.json"
        said = {"BackupBucketName": office.history.repository, "Region": "us-east-1", "Tables": tables}
        outputs.write_text(json.dumps(said))
        done = replace(office.history, outputs=outputs)("backups", "--json")
        assert {row["user"]: row["backup"] for row in done.document["backups"]} == office.of_night(-1)
        assert done.document["looked_up_in"] == FROM_BUCKET
        lines = done.err.splitlines()
        assert lines[warnings:] == ["looked up in the bucket"] * warnings
        assert all(line.startswith("warning: ") and "looked up in the bucket" in line for line in lines[:warnings])


def test_a_replica_is_not_looked_up_in_the_table_of_the_first_region(office: Office, tmp_path: Path) -> None:
    """What it holds may be behind."""
    outputs = tmp_path / "outputs.json"
    said = json.loads(office.history.outputs.read_text())
    copy = {"ReplicationBucketName": office.history.repository, "ReplicationRegion": "us-east-1"}
    outputs.write_text(json.dumps(said | copy))
    done = replace(office.history, outputs=outputs)("backups", "--replica", "--json")
    assert done.document["looked_up_in"] == FROM_BUCKET
