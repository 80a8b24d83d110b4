"""`status` and `report` as an operator runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

from cli.stack import read_outputs
from functions.engine.errors import ConfigurationError
from sandbox.ministack import MiniStack
from tests.cli.kit import Finished, Tool, World, make_world
from tests.program.kit import recorded
from tests.reporting.graphs import pipeline
from tests.tables import make_backups, make_dedup, make_drills, make_ledger, make_users

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

STRANGE = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}


@dataclass(frozen=True)
class Deployed:
    """A world with a stack's tables, filled from its bucket, and the file of its outputs."""

    world: World
    outputs: Path
    graph: Path

    def status(self, *arguments: object) -> Finished:
        """Run `status`."""
        return self.world.tool("status", "--outputs", self.outputs, *arguments)

    def report(self, *arguments: object) -> Finished:
        """Run `report`."""
        return self.world.tool("report", "--outputs", self.outputs, *arguments)


@pytest.fixture(scope="module")
def deployed(
    s3: S3Client,
    tool: Tool,
    make_bucket: Callable[..., str],
    ministack: MiniStack,
    tmp_path_factory: pytest.TempPathFactory,
) -> Deployed:
    """A stack after one night, that nobody changes."""
    world = make_world(s3, tool, make_bucket)
    assert world.back_up().status == 0
    dynamo = boto3.client("dynamodb", endpoint_url=ministack.endpoint)
    sqs = boto3.client("sqs", endpoint_url=ministack.endpoint)
    url = sqs.create_queue(QueueName=f"{world.repository}-jobs")["QueueUrl"]
    tables = {
        "dedup": make_dedup(dynamo),
        "backups": make_backups(dynamo),
        "users": make_users(dynamo),
        "runs": make_ledger(dynamo),
        "drills": make_drills(dynamo),
    }
    names = [f"--{name}-table={tables[name]}" for name in ("dedup", "backups", "users")]
    assert tool("rebuild", "--repository", world.repository, *names).status == 0
    folder = tmp_path_factory.mktemp("stack")
    outputs, graph = folder / "outputs.json", folder / "graph.json"
    queues = {"Queues": {"jobs": url}, "DeadLetterQueues": {}}
    outputs.write_text(json.dumps({"BackupBucketName": world.repository, "Tables": tables, **queues}))
    graph.write_text(json.dumps({"deployment": {"resources": pipeline()}}))
    return Deployed(world, outputs, graph)


def test_the_status_is_one_document(deployed: Deployed) -> None:
    """Everything that the outputs name is in it; what was not named says how to name it."""
    done = deployed.status("--json")
    assert (done.status, done.err) == (0, "")
    found = done.document
    assert found["users"]["by_age"]["under 26 h"] == 3
    assert found["users"]["late"] == []
    assert found["repository"]["packs"] >= 1
    assert sum(day["backups"] for day in found["days"]) == 3
    assert (found["runs"], found["queues"][0]["waiting"], found["drills"]["proven"]) == ([], 0, 0)
    assert set(found["missing"]) == {"settings", "resources"}
    assert {item["level"] for item in found["findings"]} == {"good", "warning", "unknown"}


def test_the_status_is_shown_to_a_person(deployed: Deployed) -> None:
    """In plain columns where there is no terminal."""
    done = deployed.status("--stack", "night\x1b[31m")
    assert (done.status, done.err) == (0, "")
    assert "Strongroom night\\x1b[31m, read at " in done.out
    assert "All 3 users have a good backup younger than 26 hours." in done.out
    assert "\x1b" not in done.out


def test_the_cost_is_held_against_the_settings_of_the_stack(deployed: Deployed) -> None:
    """The program's folder tells them; the forecast is that of `cost`."""
    found = deployed.status("--json", "--program", Path(__file__).parents[2], "--stack", "dev").document
    assert (found["cost"]["budget_usd"], found["stack"]) == (100, "dev")
    assert found["cost"]["volume"].endswith("compression 1.04 x") or "3 users, 4 files" in found["cost"]["volume"]
    wrong = deployed.status("--program", Path(__file__).parents[2], "--stack", "nowhere")
    assert (wrong.status, wrong.code) == (2, "CONFIG_INVALID")


def test_the_report_is_one_file(deployed: Deployed, tmp_path: Path) -> None:
    """In a folder that need not be there; written again it is replaced, and nothing is left beside it."""
    target = tmp_path / "new" / "report.html"
    for _ in range(2):
        done = deployed.report("--output", target, "--graph", deployed.graph, "--json")
        assert (done.status, done.err) == (0, "")
        assert done.document["bytes"] == target.stat().st_size
    html = target.read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    assert 'id="architecture-title"' in html
    assert list(target.parent.iterdir()) == [target]


def test_a_part_that_cannot_be_read_is_named(deployed: Deployed, tmp_path: Path) -> None:
    """The page is written all the same, and the status says that it is not all."""
    target = tmp_path / "report.html"
    done = deployed.report("--output", target, "--users-table", "not-there")
    assert (done.status, done.err) == (9, "")
    assert "not-there" in target.read_text(encoding="utf-8")


def test_the_bucket_alone_can_be_looked_at(deployed: Deployed) -> None:
    """In the other region there may be nothing else."""
    done = deployed.world.tool("status", "--repository", deployed.world.repository, "--json")
    assert done.status == 0
    assert sum(day["backups"] for day in done.document["days"]) == 3
    assert done.document["users"] is None


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        ((), 2, "CONFIG_INVALID"),
        (("--outputs", "not-there.json"), 2, "CONFIG_INVALID"),
        (("--outputs", "README.md"), 2, "CONFIG_INVALID"),
        (("--repository", "NO SPACE"), 2, "CONFIG_INVALID"),
        (("--queue", "jobs"), 2, "CONFIG_INVALID"),
        (("--days", "0", "--repository", "my-backups"), 2, "CONFIG_INVALID"),
        (("--graph", "README.md", "--repository", "my-backups"), 2, "CONFIG_INVALID"),
        (("--repository", "no-bucket-of-this-name"), 3, "BUCKET_NOT_FOUND"),
        (("--users-table", "not-there"), 3, "NOT_FOUND"),
    ],
)
def test_what_cannot_be_looked_at_is_one_clear_line(
    tool: Tool, tmp_path: Path, arguments: tuple[str, ...], status: int, code: str
) -> None:
    """From both commands, and no file is written."""
    target = tmp_path / "report.html"
    for command in (("status",), ("report", "--output", str(target))):
        done = tool(*command, *arguments)
        assert (done.status, done.code) == (status, code)
    assert not target.exists()


def test_without_credentials_there_is_one_clear_line(tool: Tool) -> None:
    """Whatever part was asked for first."""
    done = tool("status", "--users-table", "users", "--queue", "https://sqs.example/jobs", env=STRANGE)
    assert (done.status, done.code) == (4, "CREDENTIALS_INVALID")


def test_a_file_that_cannot_be_written_is_one_clear_line(deployed: Deployed, tmp_path: Path) -> None:
    """A folder stands where the file should."""
    done = deployed.report("--output", tmp_path)
    assert (done.status, done.code) == (2, "CONFIG_INVALID")
    assert list(tmp_path.parent.glob(f".{tmp_path.name}.*")) == []


def test_the_outputs_of_the_program_are_understood() -> None:
    """All that is read has a name there, and the stack has its own."""
    names = read_outputs(json.dumps(recorded("prod").outputs))
    assert names.stack == "prod"
    assert None not in (names.repository, names.runs, names.backups, names.users, names.drills)
    assert set(names.queues) == {"jobs", "priority", "restores"}
    assert set(names.dead_letters) == {"jobs", "priority", "restores", "failures"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"BackupBucketName": 3}',
        '{"BackupBucketName": "b", "Tables": [1]}',
        '{"BackupBucketName": "b", "Queues": {"jobs": 3}}',
    ],
)
def test_what_is_no_output_of_a_stack_is_refused(text: str) -> None:
    """With the option's name."""
    with pytest.raises(ConfigurationError, match="--outputs"):
        read_outputs(text)
