"""Reading the second region by the saved outputs of a stack, taking it over, and copying what was there before."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from cli.commands import replicate_existing
from cli.main import run
from cli.recovery_text import AFTER, as_yaml, origin_of, promotion
from components.settings import load
from functions.runtime.batch_replication import Job, Wish
from functions.runtime.second_region import COPIED
from sandbox.ministack import MiniStack
from tests.cli.kit import Tool, World, restored_files
from tests.tables import clear, everything, make_backups, make_dedup, make_users

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

KEY = "arn:aws:kms:us-east-1:123456789012:key/1b2c3d4e-5f60-4718-8293-a4b5c6d7e8f9"
SECOND = 1.1
"""Names of backups have whole seconds, and one without a parent is not made to be later than any."""
JOB = "00e123a4-c0d8-41f4-a0eb-b46f9ba5b07c"
LOST: dict[str, Any] = {
    "Stack": "strongroom-prod",
    "AccountId": "123456789012",
    "Region": "eu-west-1",
    "BackupBucketName": "strongroom-prod-primary-123456789012-eu-west-1",
    "AccessLogsBucketName": "strongroom-prod-logs-123456789012-eu-west-1",
    "ReplicationRegion": "us-east-1",
    "ReplicationKeyArn": KEY,
    "BackfillRoleArn": "arn:aws:iam::123456789012:role/backfill-role-1a2b3c4",
}

Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Save outputs of a stack in a file."""

    def written(**outputs: object) -> Path:
        path = tmp_path / "outputs.json"
        path.write_text(json.dumps(outputs), encoding="utf-8")
        return path

    return written


@pytest.fixture
def dynamo(ministack: MiniStack) -> DynamoDBClient:
    """A boto3 client of the embedded DynamoDB."""
    return boto3.client("dynamodb", endpoint_url=ministack.endpoint)


@pytest.fixture
def tables(dynamo: DynamoDBClient) -> dict[str, str]:
    """The tables that the bucket fills, empty, by purpose."""
    return {"dedup": make_dedup(dynamo), "backups": make_backups(dynamo), "users": make_users(dynamo)}


def test_the_replica_is_read_by_the_outputs_alone(kept: World, tool: Tool, save: Save, tmp_path: Path) -> None:
    """Listed, verified and restored; the first region, which is not there, is never asked."""
    outputs = save(**LOST, ReplicationBucketName=kept.repository)
    where = ("--outputs", outputs, "--replica", "--source-name", kept.source)
    listed = tool("backups", *where, "--json")
    assert {row["user"] for row in listed.document["backups"]} == {"alice", "bob", "carol"}
    assert tool("verify", *where, "--json").document["damages"] == []
    done = tool("restore", *where, "--user", "alice", "--to-directory", tmp_path / "to", "--json")
    assert done.document["restored"] == 2
    assert set(restored_files(tmp_path / "to")) == {"alice/plan.txt", "alice/2026/report.txt"}


def test_the_first_region_is_read_by_the_outputs_too(kept: World, tool: Tool, save: Save) -> None:
    """Of a stack that has it; a region that is named beside it is said to be ignored."""
    outputs = save(**LOST | {"BackupBucketName": kept.repository, "Region": "us-east-1"})
    done = tool("backups", "--outputs", outputs, "--source-name", kept.source, "--region", "eu-west-3", "--json")
    assert done.status == 0
    assert done.err == "region eu-west-3 is not used: the outputs name us-east-1\n"


@pytest.mark.parametrize(
    ("arguments", "outputs", "words"),
    [
        (["backups", "--replica", "--repository", "my-backups"], {}, "--replica has no effect without --outputs"),
        (["backups"], {}, "name either --repository or --outputs"),
        (["backups", "--repository", "my-backups"], LOST, "name either --repository or --outputs"),
        (["backups", "--replica"], {"BackupBucketName": "x"}, "--replica: the stack of these outputs has no replica"),
        (["backups"], {"BackupBucketName": "x"}, "--outputs names no bucket or no region"),
        (["backups"], {"Region": "x"}, "--outputs does not hold the outputs of a Strongroom stack"),
        (["backups"], {"BackupBucketName": 7}, "--outputs: BackupBucketName must be a name"),
        (["backups"], LOST | {"Tables": {"runs": 7}}, "--outputs: Tables must be an object of names"),
    ],
)
def test_outputs_that_cannot_be_used_are_named(
    arguments: list[str], outputs: dict[str, Any], words: str, save: Save, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is sent."""
    named = ["--outputs", str(save(**outputs))] if outputs else []
    assert run([*arguments, "--source-name", "reports", *named]) == 2
    assert words in capsys.readouterr().err


def test_recover_says_what_is_there_and_how_to_take_it_over(
    kept: World, tool: Tool, save: Save, tables: dict[str, str]
) -> None:
    """Tables that are not there, or empty, are not used."""
    outputs = save(**LOST, ReplicationBucketName=kept.repository, Tables=tables)
    done = tool("recover", "--outputs", outputs)
    assert (done.status, done.err) == (0, "")
    assert "table backups" in done.out
    assert "is empty" in done.out
    assert "the tables cannot be used: runs was not named" in done.out
    assert f"strongroom:promote:\n  environment: prod\n  keyArn: {KEY}\n  tables: false\n" in done.out
    found = tool("recover", "--outputs", outputs, "--json").document
    assert (found["backups"], found["users"], found["sources"]) == (3, 3, [kept.source])
    assert found["promote"] == {"environment": "prod", "keyArn": KEY, "tables": False}


def test_recover_needs_no_outputs_when_the_replica_is_named(kept: World, tool: Tool) -> None:
    """But then it must be called like one, or nobody knows whose it is."""
    done = tool("recover", "--repository", kept.repository)
    assert (done.status, done.code) == (2, "CONFIG_INVALID")
    assert "is not called like the replica of a stack" in done.err


def test_recover_finds_out_alone_what_the_replica_itself_tells(world: World, tool: Tool) -> None:
    """Whose it is, its key, and what its tables are called: nothing was saved."""
    environment = f"t{uuid.uuid4().hex[:8]}"
    replica = f"strongroom-{environment}-replica-123456789012-us-east-1"
    world.s3.create_bucket(Bucket=replica)
    default: Any = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
    rules: Any = [{"ApplyServerSideEncryptionByDefault": default}]
    world.s3.put_bucket_encryption(Bucket=replica, ServerSideEncryptionConfiguration={"Rules": rules})
    assert tool("backup", "--repository", replica, "--source", world.source).status == 0
    found = tool("recover", "--repository", replica, "--json").document
    assert found["promote"] == {"environment": environment, "keyArn": KEY, "tables": False}
    assert found["tables"] == dict.fromkeys(COPIED, "is not there")


def test_recover_fills_the_empty_tables_of_whoever_has_taken_over(
    kept: World, tool: Tool, save: Save, tables: dict[str, str], dynamo: DynamoDBClient
) -> None:
    """Once; a table that was lost again is filled again, and all when told to."""
    taken = {"Stack": "strongroom-prod-west", "PromotedFrom": "strongroom-prod", "Region": "us-east-1"}
    outputs = save(**LOST | taken | {"BackupBucketName": kept.repository, "Tables": tables})
    first = tool("recover", "--outputs", outputs, "--json").document
    assert first["empty"] == ["dedup", "backups", "users"]
    assert {item["userId"] for item in everything(dynamo, tables["users"])} == {"alice", "bob", "carol"}
    second = tool("recover", "--outputs", outputs, "--json").document
    assert (second["empty"], second["rebuilt"]) == ([], None)
    assert tool("recover", "--outputs", outputs, "--rebuild", "--json").document["rebuilt"] == first["rebuilt"]
    clear(dynamo, tables["dedup"])
    third = tool("recover", "--outputs", outputs)
    assert "filled, since empty or told to: dedup (" in third.out
    assert third.out.splitlines()[-2:] == [*AFTER]
    dynamo.delete_table(TableName=tables["dedup"])
    gone = tool("recover", "--outputs", outputs)
    assert (gone.status, gone.code) == (3, "NOT_FOUND")


def test_what_has_not_arrived_is_named_and_not_built_upon(
    world: World, tool: Tool, save: Save, tables: dict[str, str]
) -> None:
    """The lost stack's copy is only looked at; the new primary's is noted, and its next backups are whole."""
    assert world.back_up().status == 0
    world.s3.put_object(Bucket=world.source, Key="alice/late.txt", Body=b"late " * 1000)
    before = set(world.keys("packs/"))
    assert world.back_up().status == 0
    (late,) = set(world.keys("packs/")) - before
    world.s3.delete_object(Bucket=world.repository, Key=late)
    looked = tool("recover", "--outputs", save(**LOST, ReplicationBucketName=world.repository), "--json")
    assert looked.status == 9
    (lost,) = looked.document["incomplete"]
    assert (lost["user"], lost["packs"], lost["manifests"]) == ("alice", 1, 0)
    taken = {"PromotedFrom": "strongroom-prod", "Region": "us-east-1", "Tables": tables}
    outputs = save(**LOST | taken | {"BackupBucketName": world.repository})
    done = tool("recover", "--outputs", outputs)
    assert done.status == 9
    assert "1 packs and 0 manifests are not there; the next backup there builds on nothing of it" in done.err
    time.sleep(SECOND)
    assert world.back_up("--dedup-table", tables["dedup"]).status == 0
    after = tool("recover", "--outputs", outputs, "--json")
    assert (after.status, after.document["incomplete"]) == (0, [])
    newest = world.restore("--user", "alice", "--to-directory", outputs.parent / "to", "--json").document
    assert (newest["restored"], newest["failed"]) == (3, 0)


def test_what_recover_prints_can_be_put_into_a_stacks_file() -> None:
    """With the account and the region of the key, it is taken as it stands."""
    written = as_yaml(promotion("prod", KEY, tables=True))
    assert written[0] == "strongroom:promote:"
    values = dict(line.strip().split(": ", 1) for line in written[1:])
    settings = load(
        {
            "environment": "prod-west",
            "accountId": "123456789012",
            "notifications": {"email": "backup-alerts@example.com"},
            "sources": [{"name": "reports", "bucket": "acme-reports"}],
            "promote": {**values, "tables": values["tables"] == "true"},
        }
    )
    assert settings.promote is not None
    assert settings.promote.key_arn == KEY


def test_a_replica_says_whose_it_is() -> None:
    """Also that of a stack whose environment has a hyphen; no other bucket does."""
    assert origin_of("strongroom-prod-west-replica-123456789012-us-east-2") == ("prod-west", "123456789012")
    assert origin_of("strongroom-prod-primary-123456789012-us-east-2") is None


class Jobs:
    """In place of S3 Batch Operations, which the embedded AWS has not."""

    def __init__(self, _client: object) -> None:
        self.known: str | None = None

    def under_way(self, wish: Wish) -> str | None:
        """See BatchReplication: a job for replicas is under way already."""
        return JOB if wish.replicas else None

    def create(self, wish: Wish, token: str) -> str:
        """See BatchReplication."""
        assert (wish.bucket, wish.report_bucket) == (LOST["BackupBucketName"], LOST["AccessLogsBucketName"])
        assert len(token) == 32
        return "another"

    def look(self, account_id: str, job_id: str) -> Job:
        """See BatchReplication."""
        assert account_id == "123456789012"
        return Job(job_id, "Complete", 10, 9, 1) if job_id == "finished" else Job(job_id, "Preparing")


@pytest.fixture
def _jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicate_existing, "BatchReplication", Jobs)


@pytest.mark.usefixtures("_jobs")
def test_a_job_is_made_once_and_can_be_followed(save: Save, capsys: pytest.CaptureFixture[str]) -> None:
    """What failed has its own exit status."""
    command = ["replicate-existing", "--outputs", str(save(**LOST, ReplicationBucketName="the-replica")), "--json"]
    assert run(command) == 0
    assert json.loads(capsys.readouterr().out)["id"] == "another"
    assert run([*command, "--replicas"]) == 0
    printed = capsys.readouterr()
    assert (json.loads(printed.out)["id"], printed.err) == (JOB, f"job {JOB} is under way already; no other was made\n")
    assert run([*command[:-1], "--status", "finished"]) == 9
    assert "failed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "options", "words"),
    [
        ({}, (), "the stack has no replica to copy to"),
        ({"ReplicationBucketName": "b", "BackfillRoleArn": None}, (), "set strongroom:replica.backfill to true"),
        ({"AccountId": None}, (), "--outputs says no AccountId"),
        ({}, ("--status", "../x"), "--status is '../x', must be the id of a job"),
    ],
)
def test_without_what_a_job_needs_none_is_made(
    changes: dict[str, Any], options: tuple[str, ...], words: str, save: Save, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the message says what to set."""
    assert run(["replicate-existing", "--outputs", str(save(**LOST | changes)), *options]) == 2
    assert words in capsys.readouterr().err
