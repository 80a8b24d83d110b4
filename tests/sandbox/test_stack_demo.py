"""`python -m sandbox demo`, stopped in the middle: nothing of it is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from sandbox.commands.demo import forget_the_dead
from sandbox.ministack import PROJECT_ROOT
from tests.sandbox.conftest import command

PATIENCE_S = 20.0


class Running(NamedTuple):
    """A demo, its folder, and the process that leads those of its sandbox."""

    demo: subprocess.Popen[str]
    folder: Path
    server: int


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """A demo at its first night."""
    (tmp_path / "file").write_text("a file")
    line = [sys.executable, "-m", "sandbox", "demo", "--users", "2", "--data", str(tmp_path)]
    with subprocess.Popen(  # noqa: S603 - our own command
        line,
        cwd=PROJECT_ROOT,
        env=os.environ | {"NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as demo:
        assert demo.stdout is not None
        seen: list[str] = []
        while not seen or not seen[-1].startswith("first night: remember"):
            seen.append(demo.stdout.readline())
            assert seen[-1], "".join(seen) + (demo.stderr.read() if demo.stderr else "")
        file = next(Path(one.split()[2].rstrip(".")) for one in seen if one.startswith("Its state: "))
        yield Running(demo, file.parent, int(json.loads(file.read_text())["pid"]))


def test_it_cleans_up_after_ctrl_c(running: Running) -> None:
    """Neither files nor processes are left."""
    running.demo.send_signal(signal.SIGINT)
    out, err = running.demo.communicate(timeout=PATIENCE_S)
    assert running.demo.returncode == 130
    assert "down: the sandbox is gone" in out
    assert err.endswith("sandbox: INTERRUPTED: stopped on request (run it again)\n")
    assert not running.folder.exists()
    assert _gone(running.server)


def test_killed_it_leaves_no_process_and_the_next_one_removes_its_files(running: Running) -> None:
    """Nobody can clean up then but the kernel: it closes a pipe, and the sandbox ends itself."""
    running.demo.kill()
    running.demo.communicate(timeout=PATIENCE_S)
    assert _gone(running.server)
    assert running.folder.exists()
    forget_the_dead()
    assert not running.folder.exists()


def test_a_run_without_a_sandbox_says_what_to_do(tmp_path: Path) -> None:
    """In one line; so do a restore before any run, and options that cannot be."""
    done = command("run", "--state", tmp_path / "none")
    assert (done.returncode, done.stdout) == (3, "")
    assert "sandbox: SANDBOX_DOWN: " in done.stderr
    assert "python -m sandbox up" in done.stderr
    assert command("run", "--users", "0").returncode == 2


def _gone(group: int) -> bool:
    """Say whether every process of the group has ended; a killed one takes a moment."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False
