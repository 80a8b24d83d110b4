"""Somebody who knows nothing but the help and the runbook restores a file from 30 days ago, in three commands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.history import PLAN, SOURCE, History, plan_of
from tests.cli.kit import ROOT, restored_files

PAGE = ROOT / "docs" / "runbooks" / "restore-one-file.md"


@pytest.fixture
def shell(history: History, tmp_path: Path) -> Callable[[str], str]:
    """A shell in an empty folder, with `strongroom` on its path, that gives what a command prints."""
    program = tmp_path / "bin" / "strongroom"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m cli "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    (tmp_path / "prod.json").write_bytes(history.outputs.read_bytes())
    names = {"AWS_ENDPOINT_URL": history.tool.endpoint, "SOURCE": SOURCE, "PATH": f"{program.parent}:{os.defpath}"}

    def run(command: str) -> str:
        done = subprocess.run(  # noqa: S603 - a shell, and the commands of our own page
            ["/bin/sh", "-c", command],
            cwd=tmp_path,
            env={**os.environ, **names},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def commands() -> list[str]:
    """Give the page's commands of ours, each as it would be pasted."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    lines = re.sub(r" \\\n *", " ", "".join(blocks)).splitlines()
    return [line for line in lines if line.startswith("strongroom ")]


def test_one_file_from_thirty_days_ago_in_three_commands(
    history: History, shell: Callable[[str], str], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """As the page stands, word for word: found, foretold, restored; and only that file, as it was that night."""
    said = {command: shell(command) for command in commands()}
    record_property("transcript", "\n".join(f"$ {command}\n{out}" for command, out in said.items()))
    find, dry_run, restore = said.values()
    assert find.count(PLAN) == 6  # five versions, and the command that restores the last
    assert re.search(r"files +1\n", dry_run)
    assert PLAN in dry_run
    assert re.search(r"files restored +1\n", restore)
    assert restored_files(tmp_path / "restored") == {"alice/plans/budget.txt": plan_of(30)}
    assert plan_of(30) != plan_of(0)


def test_the_help_leads_to_the_commands(shell: Callable[[str], str]) -> None:
    """What finds and restores comes first, in the order of the page."""
    shown = shell("strongroom --help")
    places = [
        shown.index(words) for words in ("Find and restore", "│ find ", "│ restore ", "Have it done", "│ backup ")
    ]
    assert places == sorted(places)
    assert "--as-of" in shell("strongroom restore --help")
