"""The end-to-end test: a whole stack, four nights of 20 users, two disasters, and every right held against its role."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from cli.main import run as strongroom
from sandbox import state
from sandbox.ministack import PROJECT_ROOT
from sandbox.nights import record
from sandbox.nights.faults import nothing_wrong
from sandbox.nights.logs import lines
from sandbox.nights.people import LIBRARY
from sandbox.nights.replica import look_at_replica
from sandbox.nights.stack import FaultError, Stack
from sandbox.restores.visitor import visit
from sandbox.telling import Teller
from tests.sandbox.conftest import command

USERS = 20
PARTS = ("json", "email", "asyncio", "ctypes", "xml")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a sandbox of our own: its tables will be lost."""
    folder = tmp_path_factory.mktemp("stack") / "state"
    done = command("up", "--state", folder)
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        yield folder
    finally:
        command("down", "--state", folder)


@pytest.fixture(scope="module")
def nights(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What `run` says."""
    data = tmp_path_factory.mktemp("data")
    for part in PARTS:
        shutil.copytree(LIBRARY / part, data / part)
    return succeeded("run", folder, "--users", str(USERS), "--data", str(data))


@pytest.fixture(scope="module")
def restores(nights: str, folder: Path) -> str:
    """What `restore` says after that."""
    assert nights
    return succeeded("restore", folder)


@pytest.fixture(scope="module")
def rights(restores: str, folder: Path) -> str:
    """What `rights` says after that."""
    assert restores
    return succeeded("rights", folder)


@pytest.fixture
def stack(folder: Path) -> Stack:
    """The stack, for somebody who may do everything."""
    return Stack(state.read(folder))


@pytest.fixture
def teller() -> Teller:
    """Says it to nobody."""
    return Teller(Console(file=StringIO()))


def succeeded(name: str, folder: Path, *options: str) -> str:
    """Run a command that must succeed; give its output."""
    done = command(name, "--state", folder, *options)
    sys.stdout.write(done.stdout)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def row(text: str, name: str) -> list[str]:
    """Give the cells of a table's row."""
    return next(re.split(r"  +", line.strip())[1:] for line in text.splitlines() if line.startswith(f"{name}  "))


def test_four_runs_are_started_in_three_ways_and_back_up_everybody(nights: str) -> None:
    """By the nightly schedule, by the weekly one, and by hand for one user; people are told once of each."""
    assert row(nights, "type") == ["INCREMENTAL", "INCREMENTAL", "FULL", "MANUAL"]
    assert row(nights, "started by") == ["schedule", "schedule", "schedule", "manual"]
    assert row(nights, "state") == ["COMPLETED"] * 4
    assert row(nights, "users") == [f"{USERS} of {USERS}"] * 3 + ["1 of 1"]
    assert nights.count("told: [strongroom-local] Backup of reports: ") == 4


@pytest.mark.usefixtures("nights")
def test_functions_log_as_they_would_deployed(stack: Stack) -> None:
    """At their own level, whatever that of the embedded AWS is."""
    worker = lines(stack, stack.functions()["worker"], datetime.now(UTC) - timedelta(hours=1))
    assert any('"level":"INFO"' in line and "backed up" in line for line in worker)


def test_only_what_changed_is_read_and_only_what_is_new_is_stored(nights: str) -> None:
    """The full run reads all again and stores nothing."""
    read, stored = row(nights, "read"), row(nights, "stored")
    assert read[0] != read[1]
    assert read[2] == row(nights, "source")[2]
    assert stored[2:] == ["0 B", "0 B"]


def test_everything_is_in_the_second_region(nights: str, stack: Stack) -> None:
    """Locked, and under the key of that region."""
    found = re.search(r"Replica: ([\d,]+) objects .* encrypted with (\S+)", nights)
    assert found is not None
    assert int(found[1].replace(",", "")) > 3 * USERS
    assert found[2] == stack.state.exports["ReplicationKeyArn"] != stack.state.exports["EncryptionKeyArn"]


def test_dedup_and_cost_are_told(nights: str) -> None:
    """What the packs take, and what a month of a whole organisation would cost."""
    assert re.search(r"take .* of packs: \d+\.\d times less", nights)
    assert re.search(r"\d+\.\d\d USD a month of [\d,]+ in the budget", nights)


def test_a_user_comes_back_in_place_as_on_the_first_night(restores: str) -> None:
    """By the restore function; the command fails unless every byte is what it was."""
    assert re.search(r"restore user-\d\d as of \S+ into place: COMPLETED, [1-9]\d* files", restores)


def test_everybody_comes_back_from_the_replica_without_tables(restores: str, folder: Path) -> None:
    """All the files of the last night, by somebody who can reach nothing else."""
    last = record.read(folder)[-1]
    assert re.search(r"delete every table in both regions: 11 tables", restores)
    assert re.search(rf"strongroom restore in us-west-2: .*: {len(last.held):,} files", restores)
    assert re.search(r"the next night, with the rebuilt tables: COMPLETED, .* new 0 B", restores)


def test_the_times_say_what_they_mean_for_a_terabyte(restores: str) -> None:
    """With how that is worked out, and that it was not measured on AWS."""
    assert re.search(r"1 TB of such files .* at the rate of this machine.* nothing was measured on AWS", restores)


def test_no_call_was_denied_and_every_unused_right_is_explained(rights: str, stack: Stack) -> None:
    """Of every function."""
    for function in stack.functions():
        granted, used, explained, calls = (int(cell.replace(",", "")) for cell in row(rights, function))
        assert granted == used + explained
        assert calls > 0
    assert "9 functions, none denied; every unused right is explained" in rights


@pytest.mark.usefixtures("rights")
def test_an_operator_starts_a_run_and_a_drill_and_looks_at_everything(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the outputs alone; doctor finds the lost tables' copies, and that the schedules are paused on purpose."""
    outputs = tmp_path / "outputs.json"
    outputs.write_text(json.dumps(stack.state.exports))
    monkeypatch.setenv("AWS_ENDPOINT_URL", stack.state.endpoint)

    def asked(*arguments: str) -> tuple[int, Any]:
        status = strongroom([*arguments, "--outputs", str(outputs), "--json"])
        return status, json.loads(capsys.readouterr().out)

    source = ("--source-name", "reports")
    status, ran = asked("run", *source, "--user", "user-01", "--user", "user-02", "--wait")
    assert (status, ran["runs"][0]["state"], ran["runs"][0]["done"]) == (0, "COMPLETED", 2)
    status, drilled = asked("drill", *source, "--user", "user-02", "--wait")
    assert (status, [drill["state"] for drill in drilled["drills"]]) == (0, ["PROVEN"])
    status, resumed = asked("resume", *source)
    assert (status, resumed["state"]) == (0, "NOT_PAUSED")
    status, found = asked("doctor", "--program", str(PROJECT_ROOT))
    assert found["checks"] > 30
    assert not [one for one in found["findings"] if one["level"] == "UNSEEN"]
    assert "are paused by the settings" in " ".join(one["what"] for one in found["findings"])


@pytest.mark.usefixtures("rights")
def test_whoever_restores_from_the_second_region_cannot_reach_the_first(stack: Stack, teller: Teller) -> None:
    """So nothing of it was needed; and a denied call never passes in silence."""
    keys = visit(stack, "somewhere")
    s3 = boto3.client(
        "s3",
        endpoint_url=stack.state.endpoint,
        region_name=stack.state.region,
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=keys["AWS_SESSION_TOKEN"],
    )

    def reach_for_the_first() -> None:
        with nothing_wrong(stack, teller), pytest.raises(ClientError, match="AccessDenied"):
            s3.list_objects_v2(Bucket=stack.state.exports["BackupBucketName"])

    with pytest.raises(FaultError, match="denied calls"):
        reach_for_the_first()


@pytest.mark.usefixtures("rights")
def test_an_error_in_a_log_never_passes_in_silence(stack: Stack, teller: Teller) -> None:
    """A request that cannot be used is one."""
    with pytest.raises(FaultError, match="errors in the logs"), nothing_wrong(stack, teller):
        stack.client("lambda").invoke(FunctionName=stack.state.exports["Functions"]["restore"], Payload=b'{"a": 1}')


@pytest.mark.usefixtures("rights")
def test_a_message_that_was_given_up_never_passes_in_silence(stack: Stack, teller: Teller) -> None:
    """Whatever it is."""
    url = stack.state.exports["DeadLetterQueues"]["jobs"]
    with pytest.raises(FaultError, match="messages given up"), nothing_wrong(stack, teller):
        stack.client("sqs").send_message(QueueUrl=url, MessageBody="lost")


@pytest.mark.usefixtures("rights")
def test_an_object_that_is_not_replicated_is_named(stack: Stack) -> None:
    """And so is one that is there and nowhere else."""
    exports = stack.state.exports
    s3, bucket = stack.client("s3", stack.state.replica_region), exports["ReplicationBucketName"]
    lost = s3.list_objects_v2(Bucket=bucket, Prefix="packs/")["Contents"][0]["Key"]
    assert look_at_replica(stack).faults == []
    s3.delete_object(Bucket=bucket, Key=lost)
    s3.put_object(Bucket=bucket, Key="packs/stranger", Body=b"")
    assert look_at_replica(stack).faults == [f"{lost} was not replicated", "packs/stranger is in the replica only"]
