"""Who used the cores while something ran: the embedded AWS, the functions it runs, nobody, or others."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PARENT, _USER, _SYSTEM, _CHILDREN_USER, _CHILDREN_SYSTEM = 1, 11, 12, 13, 14
"""Fields of /proc/<pid>/stat after the name, from 0 (proc(5))."""
_IDLE, _WAITING = 4, 5
"""Fields of the first line of /proc/stat, from 0 (proc(5))."""
_RATE_HZ = 200
_SERVER, _FUNCTIONS = "ministack", "functions"
_FUNCTION_PROGRAM = "/_worker.py"
"""What the embedded AWS runs a function with."""


@dataclass(frozen=True)
class Usage:
    """Seconds since the start of each: `server_s` and `functions_s` are CPU, `idle_s` is that of all cores."""

    wall_s: float
    server_s: float
    functions_s: float
    idle_s: float

    def since(self, before: Usage) -> Usage:
        """Give what came after `before`."""
        return Usage(
            self.wall_s - before.wall_s,
            self.server_s - before.server_s,
            self.functions_s - before.functions_s,
            self.idle_s - before.idle_s,
        )

    @property
    def others_s(self) -> float:
        """CPU that neither used: this program, and whatever else the machine did."""
        return (os.cpu_count() or 1) * self.wall_s - self.server_s - self.functions_s - self.idle_s


def usage(server: int) -> Usage:
    """Read the counters. The functions are the children of the process `server`, those that have ended included."""
    own = _stat(server)
    functions = own[_CHILDREN_USER] + own[_CHILDREN_SYSTEM]
    for pid in _processes():
        try:
            other = _stat(pid)
        except (FileNotFoundError, ProcessLookupError):
            continue
        if other[_PARENT] == server:
            functions += other[_USER] + other[_SYSTEM]
    machine = Path("/proc/stat").read_text(encoding="ascii").split()
    idle = int(machine[_IDLE]) + int(machine[_WAITING])
    server_s = (own[_USER] + own[_SYSTEM]) * _TICK_S
    return Usage(time.monotonic(), server_s, functions * _TICK_S, idle * _TICK_S)


def _processes() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _stat(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    # The name stands in parentheses and may hold anything; the state after it is a letter.
    _state, *numbers = text.rpartition(")")[2].split()
    return [0, *map(int, numbers)]


@contextmanager
def profiled(server: int, output: Path) -> Iterator[None]:
    """Sample the Python stacks of the server and its functions meanwhile; leaves no `output` without py-spy."""
    program = shutil.which("py-spy")
    if program is None:
        yield
        return
    command = [program, "record", "--pid", str(server), "--subprocesses", "--rate", str(_RATE_HZ), "--gil"]
    command += ["--format", "raw", "--nolineno", "--output", str(output)]
    sampler = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        sampler.send_signal(signal.SIGINT)  # it writes what it has
        sampler.wait(60)


def shares(profile: Path) -> dict[str, list[tuple[str, float]]]:
    """Sum a profile by the file that was working, for the server and for the functions; the largest share first."""
    counts: dict[str, Counter[str]] = {_SERVER: Counter(), _FUNCTIONS: Counter()}
    for line in profile.read_text(encoding="utf-8", errors="replace").splitlines():
        stack, _, count = line.rpartition(" ")
        if not count.isdigit():
            continue  # a part of a command, which stands before its stacks and may have several lines
        who = _FUNCTIONS if _FUNCTION_PROGRAM in stack else _SERVER
        files = [frame.rpartition("(")[2].rstrip(")") for frame in stack.split(";")]
        counts[who][_where(files, who)] += int(count)
    return {
        who: [(name, count / found.total()) for name, count in found.most_common()] for who, found in counts.items()
    }


def _where(files: list[str], who: str) -> str:
    """Give the innermost file that belongs to `who`."""
    own = [file for file in files if f"{who}/" in file and file.endswith(".py")]
    if own:
        return own[-1].rpartition(f"{who}/")[2]
    return "web server" if any("hypercorn" in file for file in files) else "other"
