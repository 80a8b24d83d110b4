"""A whole stack, brought up once as a person would, by the command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from sandbox import state
from sandbox.aws import Clients
from sandbox.ministack import PROJECT_ROOT
from sandbox.state import State


@cache
def _owner() -> int:
    """Give the reading end of a pipe whose writing end is ours: what hangs on it ends with the tests, even killed."""
    return os.pipe()[0]


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `python -m sandbox` with these arguments, to its end."""
    owned = ["--owner", str(_owner())] if arguments[0] == "up" else []
    line = [sys.executable, "-m", "sandbox", *map(str, arguments), *owned]
    return subprocess.run(  # noqa: S603 - our own command
        line,
        cwd=PROJECT_ROOT,
        env={**os.environ, "NO_COLOR": "1"},
        pass_fds=[_owner()],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="session")
def sandbox_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a sandbox that is up for the whole session."""
    folder = tmp_path_factory.mktemp("sandbox") / "state"
    done = command("up", "--state", folder)
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        (folder.parent / "up.txt").write_text(done.stdout)
        yield folder
    finally:
        command("down", "--state", folder)


@pytest.fixture(scope="session")
def up_output(sandbox_folder: Path) -> str:
    """What `up` has printed."""
    return (sandbox_folder.parent / "up.txt").read_text()


@pytest.fixture(scope="session")
def sandbox_stack(sandbox_folder: Path) -> State:
    """The whole stack, alive. Tests share it: leave it as it was."""
    return state.read(sandbox_folder)


@pytest.fixture(scope="session")
def clients(sandbox_stack: State) -> Clients:
    """Clients of somebody who may do everything."""
    return Clients(sandbox_stack.endpoint)
