"""`status`: the whole stack on a terminal and on a page."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.reporting.model import Missing
from sandbox import looking
from sandbox.nights.stack import FaultError
from sandbox.state import State
from tests.sandbox.conftest import command


def test_every_part_of_a_stack_that_is_up_can_be_read(sandbox_stack: State) -> None:
    """Tables, queues, bucket, settings and the recorded resources."""
    found = looking.look(sandbox_stack)
    assert found.missing == ()
    assert not isinstance(found.status.queues, Missing)
    assert {queue.name for queue in found.status.queues} >= {"jobs", "priority", "restores", "failures"}
    assert not isinstance(found.status.graph, Missing)
    assert len(found.status.graph.resources) > 150


def test_the_page_is_written_whole_and_the_terminal_shows_the_same(sandbox_folder: Path, tmp_path: Path) -> None:
    """One file that needs no network, with the architecture as it was recorded."""
    page = tmp_path / "pages" / "report.html"
    done = command("status", "--state", sandbox_folder, "--page", page)
    assert done.returncode == 0, done.stderr
    assert "Strongroom local" in done.stdout
    assert "queues" in done.stdout
    text = page.read_text()
    assert text.startswith("<!doctype html>")
    assert "Architecture" in text
    assert "restore-worker" in text
    assert "http://" not in text.replace("http://www.w3.org", "")


def test_a_part_that_cannot_be_read_is_a_fault(sandbox_stack: State) -> None:
    """Here is nothing that keeps it from being read: a table that is not there must be named."""
    tables = {**sandbox_stack.exports["Tables"], "users": "strongroom-local-nobody"}
    broken = State(**{**vars(sandbox_stack), "exports": {**sandbox_stack.exports, "Tables": tables}})
    found = looking.look(broken)
    with pytest.raises(FaultError, match="users: "):
        looking.insist_on_all(found)


def test_without_a_sandbox_there_is_nothing_to_show(tmp_path: Path) -> None:
    """And no page is written."""
    done = command("status", "--state", tmp_path / "none", "--page", tmp_path / "page.html")
    assert done.returncode == 3
    assert "SANDBOX_DOWN" in done.stderr
    assert not (tmp_path / "page.html").exists()
