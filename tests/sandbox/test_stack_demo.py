"""`python -m sandbox demo`, stopped in the middle: nothing of it is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from sandbox.ministack import PROJECT_ROOT
from tests.sandbox.conftest import command

PATIENCE_S = 20.0


def test_it_cleans_up_after_ctrl_c(tmp_path: Path) -> None:
    """Neither files nor processes are left."""
    (tmp_path / "file").write_text("a file")
    line = [sys.executable, "-m", "sandbox", "demo", "--users", "2", "--data", str(tmp_path)]
    with subprocess.Popen(  # noqa: S603 - our own command
        line,
        cwd=PROJECT_ROOT,
        env=os.environ | {"NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        seen: list[str] = []
        while not seen or not seen[-1].startswith("first night: remember"):
            seen.append(running.stdout.readline())
            assert seen[-1], "".join(seen) + (running.stderr.read() if running.stderr else "")
        file = next(Path(one.split()[2].rstrip(".")) for one in seen if one.startswith("Its state: "))
        server = int(json.loads(file.read_text())["pid"])
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 130
    assert "down: the sandbox is gone" in out
    assert err.endswith("sandbox: INTERRUPTED: stopped on request (run it again)\n")
    assert not file.parent.exists()
    assert _gone(server)


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
