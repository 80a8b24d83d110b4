"""The functions as they are shipped, executed for real, each with its own role and nothing but its rights."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from functions.contract.states import RunState
from sandbox.lambdas.functions import Archives, Sizing
from sandbox.lambdas.names import JOBS_DLQ
from sandbox.lambdas.plane import DataPlane, FunctionFailedError, Run
from sandbox.ministack import MiniStack

USERS = [f"user-{number:02}" for number in range(10)]
FILES = {f"{user}/d/{number}.txt": f"{user} {number} ".encode() * 500 for user in USERS for number in range(5)}
SOURCE = "reports"
PRIORITY = USERS[7]


@pytest.fixture(scope="module")
def plane() -> Iterator[DataPlane]:
    """A stack with ten users; rights are enforced."""
    with MiniStack(auth=True) as ministack:
        plane = DataPlane(ministack.endpoint, "plane")
        every_pack = {"verifier": {"sample_percent": 100.0}}
        plane.deploy(Archives.build(), sizing=Sizing(visibility_s=5), priority=(PRIORITY,), changes=every_pack)
        for key, content in FILES.items():
            plane.s3.put_object(Bucket=plane.names.of("source"), Key=key, Body=content)
        yield plane


@pytest.fixture(scope="module")
def first_run(plane: DataPlane) -> Run:
    """The first run over all users."""
    plane.invoke("initiator", {"backup_type": "FULL"})
    return plane.wait_for_run(SOURCE)


def _objects(plane: DataPlane, purpose: str, prefix: str = "") -> dict[str, bytes]:
    bucket = plane.names.of(purpose)
    pages = plane.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    return {key: plane.s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def test_a_run_backs_up_every_user_and_says_so_once(plane: DataPlane, first_run: Run) -> None:
    """One commit record a user, one notice for all of them, and nothing left in any queue."""
    assert first_run.status is RunState.COMPLETED
    commits = [key for key in _objects(plane, "repository", "snapshots/") if key.endswith("/commit.json")]
    assert sorted(key.split("/")[2] for key in commits) == USERS
    notices = plane.notifications()
    assert len(notices) == 1
    assert SOURCE in notices[0].subject + notices[0].body
    assert set(plane.depths().values()) == {0}


def test_each_line_of_the_log_says_whose_it_is_and_holds_no_content(plane: DataPlane, first_run: Run) -> None:
    """Lines are JSON with run, user and backup; metrics are in them too."""
    lines = [line for line in plane.log("worker") if line.startswith("{")]
    told = [document for line in lines if (document := json.loads(line)).get("message") == "backed up"]
    assert sorted(document["user"] for document in told) == USERS
    assert {document["run_id"] for document in told} == {first_run.run_id}
    assert not [line for line in lines if USERS[0] + " 0 " in line]


def test_a_second_run_writes_no_chunk_again(plane: DataPlane, first_run: Run) -> None:
    """Nothing has changed, so there are new commit records and no new packs."""
    packs = set(_objects(plane, "repository", "packs/"))
    plane.notifications()
    plane.invoke("initiator", {"backup_type": "INCREMENTAL"})
    second = plane.wait_for_run(SOURCE)
    assert second.run_id != first_run.run_id
    assert second.status is RunState.COMPLETED
    assert set(_objects(plane, "repository", "packs/")) == packs
    assert len(plane.notifications()) == 1


@pytest.mark.usefixtures("first_run")
def test_everything_comes_back_byte_for_byte(plane: DataPlane) -> None:
    """All users, into another bucket, by the restore function and its workers."""
    wanted = {"source": SOURCE, "users": "all", "destination_bucket": plane.names.of("restored")}
    told = plane.invoke("restore", wanted)
    deadline = time.monotonic() + 60
    while told["status"] not in {"COMPLETED", "PARTIAL", "FAILED"} and time.monotonic() < deadline:
        time.sleep(0.2)
        told = plane.invoke("restore", {"restore_id": told["restore_id"]})
    assert told["status"] == "COMPLETED", told
    assert _objects(plane, "restored") == FILES


@pytest.mark.usefixtures("first_run")
def test_a_dry_run_says_what_it_would_do_and_writes_nothing(plane: DataPlane) -> None:
    """With files, bytes, requests and cost."""
    bucket, before = plane.names.of("restored"), _objects(plane, "restored")
    wanted = {"source": SOURCE, "users": [USERS[0]], "destination_bucket": bucket, "destination_prefix": "dry/"}
    told = plane.invoke("restore", {**wanted, "dry_run": True})
    assert told["status"] == "PLANNED"
    assert told["estimate"]["files"] == 5
    assert _objects(plane, "restored") == before


@pytest.mark.usefixtures("first_run")
@pytest.mark.parametrize(("kind", "looked_at"), [("sample", "packs_read"), ("structure", "backups")])
def test_the_repository_is_verified(kind: str, looked_at: str, plane: DataPlane) -> None:
    """By its own function, with its own rights."""
    told = plane.invoke("verifier", {"verify": kind})
    assert told["damages"] == 0
    assert told[looked_at] > 0


@pytest.mark.usefixtures("first_run")
def test_a_drill_proves_users_by_a_restore(plane: DataPlane) -> None:
    """Restored to the scratch bucket and compared with what the source holds."""
    told = plane.invoke("verifier", {"verify": "drill"})
    assert (told["failed"], told["not_reached"]) == (0, 0)
    assert told["proven"] > 0
    assert _objects(plane, "scratch", "drills/")


@pytest.mark.usefixtures("first_run")
@pytest.mark.parametrize("event", [{}, {"measure": True}, {"dry_run": True}])
def test_a_collection_lets_nothing_go_that_is_young_and_needed(event: dict[str, Any], plane: DataPlane) -> None:
    """It looks at everything, and writes its plan unless it only tries."""
    plane.notifications()
    before = _objects(plane, "repository")
    told = plane.invoke("collector", event)
    assert (told["ended"], told["dry_run"]) == (True, event.get("dry_run", False))
    assert told["counts"]["packs_keep"] == told["counts"]["packs"] > 0
    assert told["counts"]["backups_keep"] >= len(USERS)
    after = _objects(plane, "repository")
    assert before.items() <= after.items()
    assert {key.partition("/")[0] for key in after.keys() - before.keys()} == (set() if told["dry_run"] else {"gc"})
    assert plane.notifications() == []


@pytest.mark.usefixtures("first_run")
def test_the_watchdog_finds_nothing_missing(plane: DataPlane) -> None:
    """All users were backed up today."""
    plane.notifications()
    plane.invoke("watchdog", {})
    assert plane.notifications() == []


@pytest.mark.usefixtures("first_run")
@pytest.mark.parametrize("body", ["no JSON", '{"version": 99, "kind": "backup"}'])
def test_a_message_that_cannot_be_understood_goes_to_the_dead_letters_at_once(body: str, plane: DataPlane) -> None:
    """It is received once, not five times in silence."""
    url = plane.names.queue_url(plane.endpoint, "job_queue")
    plane.sqs.send_message(QueueUrl=url, MessageBody=body)
    found: list[Any] = []
    dead = plane.names.queue_url(plane.endpoint, JOBS_DLQ)
    deadline = time.monotonic() + 30
    while not found and time.monotonic() < deadline:
        found = plane.sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=1).get("Messages", [])
    assert [message["Body"] for message in found] == [body]
    plane.sqs.delete_message(QueueUrl=dead, ReceiptHandle=found[0]["ReceiptHandle"])


def test_a_function_without_its_variables_says_all_that_is_missing(plane: DataPlane) -> None:
    """One error that a person can act on, at the first call."""
    plane.change_variables("watchdog", {"LOG_LEVEL": "INFO"})
    with pytest.raises(FunctionFailedError, match=r"(?s)SOURCES.*RUNS_TABLE.*USERS_TABLE"):
        plane.invoke("watchdog", {})
