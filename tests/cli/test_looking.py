"""`backups`, `find`, `ls`, `diff`, `runs` and `keys` as a person uses them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import boto3
import pytest

from functions.adapters.dynamo.ledger import DynamoLedger
from functions.contract.environment import SourceSetting
from functions.engine.orchestration.ports import Planned
from functions.engine.orchestration.runs import StartRequest, new_run
from functions.runtime.toolbox import now
from sandbox.ministack import MiniStack
from tests.cli.history import BORN, GONE, NIGHTS, PLAN, SHORT_LIVED, SOURCE, History, plan_of
from tests.cli.kit import Tool, World, restored_files
from tests.tables import make_ledger

MISSING = 3


def test_the_newest_backup_of_each_user_is_listed(history: History) -> None:
    """Without a source's name, since there is one only; with a user, all of theirs."""
    rows = history("backups", "--json").document["backups"]
    assert [row["user"] for row in rows] == ["alice", "bob"]
    mine = history("backups", "--user", "alice", "--json").document["backups"]
    assert len(mine) == NIGHTS + 1
    assert mine[-1] == rows[0]
    assert len(history("backups", "--every", "--json").document["backups"]) == 2 * (NIGHTS + 1)


def test_the_backups_of_a_time_are_those_that_a_restore_would_take(history: History, tmp_path: Path) -> None:
    """A time, or days ago; also where the newest is older than some days."""
    [then] = history("backups", "--user", "alice", "--as-of", history.time(30), "--json").document["backups"]
    ago = history("backups", "--as-of", "30d", "--json").document["backups"]
    assert then in ago
    where = ("--source-name", SOURCE, "--user", "alice", "--backup", then["backup"])
    assert history("restore", *where, "--to-directory", tmp_path, "--pattern", PLAN).status == 0
    assert restored_files(tmp_path) == {"alice/plans/budget.txt": plan_of(30)}
    done = history("backups", "--user", "bob", "--as-of", "2001-01-01")
    assert (done.status, done.code) == (MISSING, "BACKUP_NOT_FOUND")


def test_every_version_of_a_file_is_found(history: History) -> None:
    """With the backups that hold it; nights that changed nothing cost no manifest."""
    found = history("find", "budget", "--user", "alice", "--json").document
    assert [len(version["backups"]) for version in found["versions"]] == [10, 10, 10, 10, 1]
    assert {version["key"] for version in found["versions"]} == {PLAN}
    assert found["backups"] == found["manifests"]["of"] == NIGHTS + 1
    assert found["manifests"]["read"] == 6


def test_a_file_that_lived_for_two_nights_is_found(history: History) -> None:
    """Though neither the first nor the last backup has it; and by its key as a pattern."""
    for pattern in ("draft", "home/alice/tmp/*", SHORT_LIVED.replace("[", "[[]")):
        [version] = history("find", pattern, "--user", "alice", "--json").document["versions"]
        assert (version["key"], len(version["backups"])) == (SHORT_LIVED, BORN - GONE)
    shown = history("find", "draft", "--user", "alice").out
    assert shown.splitlines()[2].endswith("no")
    assert "--pattern 'home/alice/tmp/[[]draft] 1.txt'" in shown


def test_files_of_everybody_are_found_in_their_newest_backups(history: History) -> None:
    """Or in those of a time."""
    found = history("find", "home/*", "--json").document
    assert [row["key"] for row in found["files"]] == ["home/alice/big.bin", PLAN, "home/bob/notes.txt"]
    assert found["backups"] == 2
    assert history("find", "home/bob/*", "--json").document["backups"] == 1
    then = history("find", "draft", "--until", history.time(29), "--json").document["files"]
    assert [row["key"] for row in then] == [SHORT_LIVED]


def test_a_search_by_size_and_time(history: History) -> None:
    """Sizes with units; times of backups, and of the file's last change."""
    big = history("find", "*", "--user", "alice", "--min-size", "10 kB", "--json").document["versions"]
    assert [version["size"] for version in big] == [10_000]
    small = history("find", "home/*", "--max-size", "9", "--json").document["files"]
    assert [row["key"] for row in small] == ["home/bob/notes.txt"]
    since = history("find", "budget", "--user", "alice", "--since", "15d", "--json").document
    assert (since["backups"], len(since["versions"])) == (15, 3)
    assert history("find", "*", "--changed-before", "1d", "--json").document["files"] == []
    assert len(history("find", "*", "--changed-after", "1d", "--json").document["files"]) == 3


def test_a_backup_is_listed_as_folders(history: History) -> None:
    """With sums; below a folder, by the whole key or by what follows the user's; or every file."""
    top = history("ls", "--user", "alice", "--json").document["entries"]
    assert [row.get("folder", row.get("key")) for row in top] == ["home/alice/big.bin", "home/alice/plans/"]
    assert (top[1]["files"], top[1]["size"]) == (1, len(plan_of(0)))
    for path in ("plans/", "home/alice/plans/", "/plans/"):
        [row] = history("ls", path, "--user", "alice", "--json").document["entries"]
        assert (row["key"], row["size"]) == (PLAN, len(plan_of(0)))
    then = history("ls", "--user", "alice", "--as-of", history.time(29), "-r").out.splitlines()
    assert [line.rpartition("  ")[2] for line in then[2:]] == ["home/alice/big.bin", PLAN, SHORT_LIVED]
    assert history("ls", "nowhere/", "--user", "alice", "--json").document["entries"] == []


def test_two_backups_are_compared(history: History) -> None:
    """By default with the night before; a night that changed nothing reads no manifest."""
    quiet = history("diff", "--user", "alice", "--as-of", history.time(1))
    assert quiet.out.splitlines()[-1] == "no file differs"
    busy = history("diff", "--user", "alice", "--as-of", history.time(30), "--json").document
    changed = {row["key"]: (row["kind"], row["size_before"], row["size_after"]) for row in busy["changes"]}
    assert changed == {PLAN: ("changed", 23, 23), SHORT_LIVED: ("added", None, 7)}
    assert busy["counts"] == {"changed": 1, "added": 1}
    long = history("diff", "--user", "alice", "--as-of", history.time(GONE), "--before-as-of", history.time(29))
    assert long.out.splitlines()[2].split() == ["removed", "7", "B", "-", *SHORT_LIVED.split()]
    first = history("backups", "--user", "bob", "--json").document["backups"][0]["backup"]
    done = history("diff", "--user", "bob", "--backup", first)
    assert (done.status, done.code) == (MISSING, "BACKUP_NOT_FOUND")


def test_runs_are_told_by_commit_records_where_no_table_is(history: History) -> None:
    """Newest first; one of them by its id."""
    runs = history("runs", "--days", "10", "--json").document["runs"]
    assert [run["completed"] for run in runs] == [2] * 10
    assert runs[0]["started"] > runs[1]["started"]
    assert runs[0]["id"] in history("runs", runs[0]["id"]).out
    done = history("runs", "20010101T000000Z-00000000")
    assert (done.status, done.code) == (MISSING, "NOT_FOUND")


def test_runs_are_told_by_the_ledger(ministack: MiniStack, history: History) -> None:
    """With what failed; one run names who did, and who is not done."""
    table = make_ledger(boto3.client("dynamodb", endpoint_url=ministack.endpoint))
    ledger = DynamoLedger(lambda: boto3.client("dynamodb", endpoint_url=ministack.endpoint), table)
    later = now() + timedelta(days=9)
    setting = SourceSetting(SOURCE, history.bucket)
    ids = []
    for hours in (2, 1):
        run_id = f"{now() - timedelta(hours=hours):%Y%m%dT%H%M%SZ}-00000001"
        work = new_run(run_id, setting, StartRequest(), now() - timedelta(hours=hours), timedelta(hours=4))
        ids.append(ledger.open(work, later).id)
    old, new = ids
    ledger.plan(new, [Planned(user, {}) for user in ("alice", "bob", "carol")], later)
    ledger.seal(new)
    ledger.finish(new, "alice", "COMPLETED", {"completed": 1, "read": 5_000, "stored": 70})
    ledger.finish(new, "bob", "FAILED: ACCESS_DENIED: no", {"failed": 1})
    where = ("--runs-table", table, "--endpoint", ministack.endpoint)
    listed = history.tool("runs", *where, "--json").document["runs"]
    assert [run["id"] for run in listed] == [new, old]
    assert (listed[0]["users"], listed[0]["completed"], listed[0]["failed"], listed[0]["read"]) == (3, 1, 1, 5_000)
    shown = history.tool("runs", new, *where)
    assert (shown.status, shown.err) == (0, "")
    assert "bob: FAILED: ACCESS_DENIED: no" in shown.out
    assert "carol: not done" in shown.out
    assert history.tool("runs", new, *where, "--json").document["missing"] == ["carol"]
    none = history.tool("runs", "x", *where)
    assert (none.status, none.code) == (MISSING, "NOT_FOUND")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["find", "x", "--user", "dave"], 3, "user 'dave' of source 'reports' has no backup"),
        (["find", "x", "--source-name", "recipes"], 3, "it has backups of reports"),
        (["find", "x", "--since", "1d"], 2, "--since has no effect without --user"),
        (["find", "x", "--min-size", "huge"], 2, "--min-size is 'huge', must be a size, e.g. 10MB"),
        (["find", "x", "--until", "1w"], 2, "--until is '1w', must be a time"),
        (["ls", "--user", "alice", "--backup", "x"], 2, "--backup is 'x', must be a backup's id"),
        (["ls", "--user", "alice", "--as-of", "0500-01-01"], 3, "no backup at "),
        (["ls"], 2, "Missing option '--user'"),
        (["diff", "--user", "alice", "--before", "x"], 2, "--before is 'x', must be a backup's id"),
        (["backups", "--every", "--as-of", "1d"], 2, "--every has no effect"),
        (["backups", "--stack", "prod"], 2, "name either --repository or --outputs or --stack"),
        (["backups", "--program", "."], 2, "--program has no effect without --stack"),
        (["keys"], 2, "no key was named"),
    ],
)
def test_what_cannot_be_is_one_line(history: History, arguments: list[str], status: int, words: str) -> None:
    """With its remedy."""
    done = history(*arguments)
    assert (done.status, words in done.err) == (status, True), done.err
    assert done.code


def test_several_sources_must_be_told_apart(world: World) -> None:
    """The remedy names them."""
    for name in ("first", "second"):
        assert world.back_up("--source-name", name).status == 0
    done = world.tool("ls", "--repository", world.repository, "--user", "alice")
    assert (done.status, done.code) == (2, "CONFIG_INVALID")
    assert "--source-name: first, second" in done.err


@pytest.fixture
def pulumi(history: History, tmp_path: Path) -> Callable[..., dict[str, str]]:
    """A program's folder, and a `pulumi` on the path that knows the stack `prod`."""

    def make(script: str) -> dict[str, str]:
        (tmp_path / "Pulumi.yaml").write_text("name: x", encoding="utf-8")
        program = tmp_path / "pulumi"
        program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        program.chmod(0o755)
        return {"PATH": f"{tmp_path}:{os.environ['PATH']}"}

    return make


def test_a_stack_is_asked_for_its_outputs(
    history: History, tmp_path: Path, pulumi: Callable[..., dict[str, str]]
) -> None:
    """By Pulumi, in the program's folder; what it refuses is said in its words."""
    path = pulumi(f'[ "$*" = "stack output --json --non-interactive --stack prod" ] && cat {history.outputs}')
    where = ("--stack", "prod", "--program", tmp_path)
    assert history.tool("backups", *where, env=path).status == 0
    path = pulumi("echo 'error: no stack named that' >&2; exit 255")
    done = history.tool("backups", *where, env=path)
    assert (done.status, done.code) == (2, "CONFIG_INVALID")
    assert "Pulumi says: error: no stack named that" in done.err
    done = history.tool("backups", "--stack", "prod", "--program", tmp_path / "elsewhere")
    assert "does not exist" in done.err


def test_the_keys_of_a_stack_say_what_breaks_when(ministack: MiniStack, tool: Tool, tmp_path: Path) -> None:
    """In both regions; a key that is to be deleted is trouble, with the command that saves it."""
    regions = ("us-east-1", "us-west-2")
    first, second = (boto3.client("kms", endpoint_url=ministack.endpoint, region_name=region) for region in regions)
    arns = [kms.create_key()["KeyMetadata"]["Arn"] for kms in (first, second)]
    for kms, arn in zip((first, second), arns, strict=True):
        kms.enable_key_rotation(KeyId=arn)
    outputs = tmp_path / "outputs.json"
    named = {"EncryptionKeyArn": arns[0], "RepositoryKeyArn": arns[0], "ReplicationKeyArn": arns[1]}
    outputs.write_text(json.dumps({"BackupBucketName": "x", **named}))
    found = tool("keys", "--outputs", outputs, "--json")
    assert (found.status, [key["state"] for key in found.document["keys"]]) == (0, ["Enabled", "Enabled"])
    assert [key["rotates"] for key in found.document["keys"]] == [True, True]
    second.schedule_key_deletion(KeyId=arns[1], PendingWindowInDays=7)
    shown = tool("keys", "--outputs", outputs)
    assert shown.status == 10
    assert f"aws kms cancel-key-deletion --region us-west-2 --key-id {arns[1].rpartition('/')[2]}" in shown.out


@pytest.mark.parametrize("arguments", [["backups", "--every", "--json"], ["backups", "--user", "bob"]])
def test_a_reader_who_has_enough_ends_it_quietly(history: History, arguments: list[str]) -> None:
    """Such as `head`: long output and short."""
    with history.tool.start(*arguments, "--outputs", history.outputs) as running:
        assert running.stdout is not None
        running.stdout.close()
        assert running.wait(30) == 130
        assert running.stderr is not None
        assert running.stderr.read() == ""


def test_completion_knows_the_commands_and_their_options() -> None:
    """As a shell asks for it."""
    for words, at, wanted in (("strongroom fi", 1, "find"), ("strongroom find x --us", 3, "--user")):
        asked = {"_STRONGROOM_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(at)}
        done = subprocess.run(  # noqa: S603 - this interpreter and the tool
            Tool.command(), env={**os.environ, **asked}, capture_output=True, text=True, check=True
        )
        assert done.stdout.split() == [wanted]
