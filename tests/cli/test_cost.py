"""`strongroom cost` as an operator runs it: without an account, on files as they may be, and on a repository."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from tests.cli.kit import FILES, ROOT, Finished, World


def asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> Finished:
    """Run the command on the stacks of this repository unless another program is named."""
    program = [] if "--program" in arguments else ["--program", str(ROOT)]
    status = run(["cost", *program, *arguments])
    out, err = capsys.readouterr()
    return Finished(status, out, err)


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """Run it for its document."""
    done = asked(capsys, *arguments, "--json")
    assert done.status == 0, done.err
    assert done.err == ""
    return done.document


def test_production_is_forecast_without_an_account(capsys: pytest.CaptureFixture[str]) -> None:
    """Line by line, with the total, the budget and what else could be chosen."""
    done = asked(capsys)
    assert done.status == 0
    assert done.err == ""
    for words in ("a month", "budget", "VPC endpoints: hours of each zone", "GLACIER_IR", "AWS Backup", "least days"):
        assert words in done.out


def test_the_document_adds_up(capsys: pytest.CaptureFixture[str]) -> None:
    """For programs; rounded to cents."""
    found = answer(capsys)
    assert found["usd"] == pytest.approx(sum(line["usd"] for line in found["lines"]), abs=0.3)
    assert found["usd"] == pytest.approx(sum(found["services"].values()), abs=0.1)
    assert found["usd"] < found["budget_usd"] == 500
    assert found["over_budget"] is False
    assert found["prices"] == {"as_of": "2026-11-20", "region": "us-east-1"}
    assert found["alternatives"][0]["usd"] == found["usd"]
    for line in found["lines"]:
        assert line["usd"] == pytest.approx(line["quantity"] * line["unit_usd"], abs=0.01)


def test_what_is_stated_counts(capsys: pytest.CaptureFixture[str]) -> None:
    """Ten times as much, kept for longer, costs more and is warned of."""
    found = answer(
        capsys, "--terabytes", "10", "--changed-percent", "2", "--users", "50", "--files", "7", "--days", "90"
    )
    assert found["volume"]["terabytes"] == 10
    assert (found["volume"]["users"], found["volume"]["files"], found["retention_days"]) == (50, 7, 90)
    assert found["over_budget"] is True
    (warning,) = found["warnings"]
    done = asked(capsys, "--terabytes", "10")
    assert done.err.startswith("warning: ")
    assert "more than budget.monthlyUsd" in warning


def test_a_shorter_retention_shortens_what_must_not_be_longer(capsys: pytest.CaptureFixture[str]) -> None:
    """Three days: nothing can be brought back for fourteen."""
    found = answer(capsys, "--days", "3")
    let_go = [line for line in found["lines"] if "let go, still" in line["what"]]
    assert [line["quantity"] for line in let_go] == [150, 150]


def test_each_stack_has_its_own_forecast(capsys: pytest.CaptureFixture[str]) -> None:
    """Named as Pulumi names it, too."""
    dev, full = answer(capsys, "--stack", "dev"), answer(capsys, "--stack", "acme/strongroom/dev")
    assert dev["usd"] == full["usd"] < answer(capsys)["usd"]
    local = answer(capsys, "--stack", "local")
    assert "VPC endpoints" in dev["services"]
    assert "VPC endpoints" not in local["services"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--stack", "staging"], "Pulumi.staging.yaml does not exist (stacks there: dev, local, prod, prod-recovery)"),
        (["--stack", "../prod "], "--stack is '../prod ', must be a stack's name, e.g. prod"),
        (["--terabytes", "-1"], "terabytes is -1, must be from 0 to 1,000,000"),
        (["--terabytes", "nan"], "terabytes is nan, must be from 0"),
        (["--changed-percent", "101"], "changed percent is 101, must be from 0 to 100"),
        (["--users", "0"], "users is 0, must be from 1"),
        (["--dedup", "0.1"], "dedup is 0.1, must be from 1"),
        (["--days", "0"], "--days"),
        (["--repository", "x"], "--repository is 'x', must be a bucket's name"),
    ],
)
def test_what_cannot_be_is_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With what is allowed."""
    done = asked(capsys, *arguments)
    assert done.status == 2
    assert done.code == "CONFIG_INVALID"
    assert words in done.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "holds no configuration"),
        (b"- a\n- b\n", "holds no configuration"),
        (b"config: [1]\n", "holds no configuration"),
        (b"config: {1: 2}\n", "holds no configuration"),
        (b"config: {a: [}\n", "cannot be read"),
        (b"config: \xff\n", "cannot be read"),
        (b"config: {strongroom:environment: dev}\n", "accountId"),
        (b"config: {strongroom:environment: {secure: AAA}}\n", "environment"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_error(
    text: bytes, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever it holds."""
    (tmp_path / "Pulumi.prod.yaml").write_bytes(text)
    done = asked(capsys, "--program", str(tmp_path))
    assert done.status == 2
    assert words in done.err
    assert "Traceback" not in done.err


def test_a_folder_without_stacks_is_said_to_be_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And how to name another."""
    assert "name the program's folder with --program" in asked(capsys, "--program", str(tmp_path)).err


def test_the_tool_says_the_same_as_a_program_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """Every alternative and every class can be compared by a program."""
    found = json.loads(json.dumps(answer(capsys)))
    assert {one["name"] for one in found["tiers"]} >= {"STANDARD", "GLACIER_IR", "DEEP_ARCHIVE"}
    assert found["aws_backup"]["usd"] == pytest.approx(found["alternatives"][-1]["usd"], abs=0.01)


def test_a_repository_is_measured(world: World) -> None:
    """What it holds and what changes; what is stated counts more."""
    assert world.back_up().status == 0
    world.s3.put_object(Bucket=world.source, Key="bob/notes.txt", Body=b"changed")
    assert world.back_up().status == 0
    measured = ("cost", "--program", ROOT, "--repository", world.repository, "--json")
    volume = world.tool(*measured).document["volume"]
    held = sum(map(len, FILES.values())) - len(FILES["bob/notes.txt"]) + len(b"changed")
    assert volume["terabytes"] == pytest.approx(held / 1e12)
    assert volume["changed_percent"] == pytest.approx(100 * len(b"changed") / held)
    assert (volume["users"], volume["files"]) == (3, len(FILES))
    stated = world.tool(*measured, "--terabytes", 2, "--users", 9).document["volume"]
    assert (stated["terabytes"], stated["users"], stated["files"]) == (2, 9, len(FILES))


def test_an_empty_repository_measures_nothing(world: World) -> None:
    """And says so, rather than that everything is for free."""
    done = world.tool("cost", "--program", ROOT, "--repository", world.repository)
    assert (done.status, done.code) == (3, "BACKUP_NOT_FOUND")
