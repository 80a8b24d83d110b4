"""Run a command and say what it cost; medians and ratios of such runs."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_BLOCK = 1024 * 1024


class CommandFailedError(RuntimeError):
    """A measured command ended with an error."""


@dataclass(frozen=True)
class Cost:
    """What one run took. `cpu_s` is user plus system time; memory is in MB of 10^6 bytes."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    output: str


def pinned(command: Sequence[str], core: int | None) -> list[str]:
    """Return the command, bound to one core if one is given."""
    return [*command] if core is None else ["taskset", "-c", str(core), *command]


def run(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    core: int | None = None,
) -> Cost:
    """Run a command to its end. The figures are those of the child and all it waited for.

    Peak memory has the size of this process as its floor (the kernel counts from before `exec`),
    so a process that measures must not hold data.
    """
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        child = subprocess.Popen(
            pinned(command, core),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(child.pid, 0)
        wall_s = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    if child.returncode != 0:
        shown = " ".join(command[:6])
        raise CommandFailedError(f"{shown} ... ended with {child.returncode}:\n{text[-2_000:]}")
    return Cost(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6, text)


def touch_memory(disk: Path, size: int) -> None:
    """Fill `size` bytes of a memory disk, at most half of what is free, and free them again.

    A virtual machine may give its free memory back to its host. Whoever uses it next waits until the host has brought
    it again, about 1 s a GB where this was measured. Afterwards no tool pays for being the first.
    """
    block = bytes(_BLOCK)
    with tempfile.TemporaryFile(dir=disk, buffering=0) as file:
        for _ in range(min(size, shutil.disk_usage(disk).free // 2) // _BLOCK):
            file.write(block)


def median(values: Iterable[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Return `median (least-most)`."""
    low, high = min(values), max(values)
    return f"{median(values):.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def paired_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the ratios round by round, which outside load disturbs least."""
    return median(mine / yours for mine, yours in zip(ours, theirs, strict=True))


def markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [f"| {' | '.join(headings)} |", "|---" * len(headings) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
