"""The commands as people use them: processes that end, or are ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sandbox import state
from sandbox.__main__ import parse
from sandbox.commands import COMMANDS
from sandbox.ministack import PROJECT_ROOT
from sandbox.state import State
from tests.sandbox.conftest import command


def is_open(endpoint: str) -> bool:
    """Say whether something answers there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", urlsplit(endpoint).port or 0)) == 0


def group_of(pid: int) -> list[str]:
    """Give the processes of a group that have not ended; one that nobody has asked about yet is a zombie."""
    line = ["ps", "-A", "-o", "pgid=,stat=,args="]
    listed = subprocess.run(line, capture_output=True, text=True, check=True).stdout.splitlines()  # noqa: S603 - a line of ours
    rows = [row.split(maxsplit=2) for row in listed]
    return [" ".join(row) for row in rows if row[0] == str(pid) and not row[1].startswith("Z")]


@contextmanager
def emptied(folder: Path) -> Iterator[State]:
    """A sandbox without the program, in its own folder."""
    done = command("up", "--empty", "--state", folder)
    assert done.returncode == 0, done.stderr
    try:
        yield state.read(folder)
    finally:
        command("down", "--state", folder)


def test_a_second_one_in_the_same_folder_is_refused(sandbox_folder: Path, sandbox_stack: State) -> None:
    """The first goes on as if nothing had happened."""
    done = command("up", "--state", sandbox_folder)
    assert done.returncode == 8
    assert done.stderr.startswith("sandbox: SANDBOX_UP: ")
    assert state.read(sandbox_folder) == sandbox_stack
    assert is_open(sandbox_stack.endpoint)


def test_two_in_two_folders_know_nothing_of_each_other(sandbox_stack: State, tmp_path: Path) -> None:
    """Neither ports, nor data, nor processes; taking one down leaves the other, and nothing of itself."""
    with emptied(tmp_path / "second") as second:
        assert second.endpoint != sandbox_stack.endpoint
        assert second.pid != sandbox_stack.pid
        done = command("down", "--state", tmp_path / "second")
        assert "is gone" in done.stdout
        assert not is_open(second.endpoint)
        assert not group_of(second.pid)
        assert list(tmp_path.iterdir()) == []
        assert is_open(sandbox_stack.endpoint)
        assert "does not run" in command("down", "--state", tmp_path / "second").stdout


def test_a_sandbox_that_died_is_taken_down_and_brought_up_again(tmp_path: Path) -> None:
    """As after the machine lost its power."""
    with emptied(tmp_path / "state") as first:
        os.killpg(first.pid, signal.SIGKILL)
        wait_until_closed(first.endpoint)
        with emptied(tmp_path / "state") as second:
            assert is_open(second.endpoint)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_an_up_that_is_ended_in_the_middle_leaves_nothing_running(
    number: signal.Signals, status: int, tmp_path: Path
) -> None:
    """Not even when it is killed; only then files are left, which the next `up` or `down` clears."""
    line = [sys.executable, "-m", "sandbox", "up", "--state", str(tmp_path / "state")]
    with subprocess.Popen(line, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as up:  # noqa: S603 - our own command
        assert up.stdout is not None
        assert up.stderr is not None
        begun = up.stdout.readline()
        endpoint = begun.split()[4]
        assert is_open(endpoint)
        up.send_signal(number)
        assert up.wait(30) == status
        if number == signal.SIGINT:
            assert "sandbox: INTERRUPTED: " in up.stderr.read()
    wait_until_closed(endpoint)
    left = [path.name for path in tmp_path.rglob("*")]
    assert left == ([] if status > 0 else ["state", "lock"])
    assert command("down", "--state", tmp_path / "state").returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_one_that_nobody_owns_outlives_the_command(tmp_path: Path) -> None:
    """And whoever started that: `up`, and later `down`."""
    line = f"{sys.executable} -m sandbox up --empty --state {tmp_path / 'state'} && kill -9 $$"
    ended = subprocess.run(["sh", "-c", line], cwd=PROJECT_ROOT, capture_output=True, check=False)  # noqa: S603, S607 - our own command
    assert ended.returncode == -signal.SIGKILL
    found = state.read(tmp_path / "state")
    time.sleep(0.5)
    assert is_open(found.endpoint)
    command("down", "--state", tmp_path / "state")
    assert not is_open(found.endpoint)


def test_one_that_is_owned_ends_with_its_owner(tmp_path: Path) -> None:
    """However that ends: here its end of the pipe is closed, as the kernel does."""
    read, write = os.pipe()
    line = [sys.executable, "-m", "sandbox", "up", "--empty", "--state", str(tmp_path / "state"), "--owner", str(read)]
    subprocess.run(line, cwd=PROJECT_ROOT, pass_fds=[read], capture_output=True, check=True)  # noqa: S603 - our own command
    found = state.read(tmp_path / "state")
    assert is_open(found.endpoint)
    os.close(write)
    os.close(read)
    wait_until_closed(found.endpoint)
    assert not group_of(found.pid)
    command("down", "--state", tmp_path / "state")


@pytest.mark.parametrize("owner", ["-1", "x", "999999", "0x"])
def test_an_owner_that_is_no_pipe_is_refused(owner: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything starts."""
    with pytest.raises(SystemExit):
        parse(["up", f"--owner={owner}"])
    assert f"{owner} is no pipe" in capsys.readouterr().err


def wait_until_closed(endpoint: str) -> None:
    """Wait until nothing answers there."""
    deadline = time.monotonic() + 30
    while is_open(endpoint):
        assert time.monotonic() < deadline, f"{endpoint} still answers"
        time.sleep(0.02)


def test_a_port_that_is_taken_is_said_in_one_line(sandbox_stack: State, tmp_path: Path) -> None:
    """And nothing is left."""
    port = urlsplit(sandbox_stack.endpoint).port
    done = command("up", "--empty", "--port", str(port), "--state", tmp_path / "state")
    assert done.returncode == 1
    assert f"cannot listen on port {port}" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("port", ["-1", "65536", "x"])
def test_a_port_that_is_none_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything starts."""
    with pytest.raises(SystemExit):
        parse(["up", f"--port={port}"])
    assert "is not from 0 to 65535" in capsys.readouterr().err


def test_every_command_says_what_it_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    """In the list of all of them."""
    with pytest.raises(SystemExit):
        parse(["--help"])
    shown = capsys.readouterr().out
    assert all(f"\n    {name}" in shown for name in COMMANDS)
