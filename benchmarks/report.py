"""Write the results as Markdown."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.gates import FIGURES, PEER_STEP, Gate, ratio, select
from benchmarks.measure import markdown_table, median, spread
from benchmarks.ours import PROJECT
from benchmarks.steps import OURS, THEIRS, Record

STEPS = ("first", "unchanged", "day2", "restore-local", "restore-s3", "verify-full")
LIBRARIES = ("obstore", "isal", "pyfastcdc", "zstandard", "backports.zstd", "boto3")
COST_HEADINGS = (*("step", "tool", "wall s (min-max)", "CPU s", "peak RSS MB", "stored MB", "requests"),)
RATIO_HEADINGS = ("step", *FIGURES)
GATE_HEADINGS = ("promise", "measured", "wanted", "result")


def environment_lines(server_name: str, restic_version: str, command: str, rounds: int) -> list[str]:
    """Say what was measured, with what, on what."""
    return [
        f"- command: `{command}`",
        f"- server: {server_name}, on the same cores as the clients",
        f"- peer: {restic_version}; reads the local tree, writes to the same server",
        f"- Strongroom: commit {commit()}; reads the source from the same server; compiled as pip does it",
        f"- machine: {os.cpu_count()} cores {processor()}, Linux {platform.release()}",
        f"- Python {platform.python_version()}, {', '.join(library_versions())}",
        f"- {rounds} rounds in turn, who begins changes; medians; a ratio is the median over rounds",
        "- before each restore-local, of either tool, memory of twice the set's size is filled and freed: else whoever",
        "  restores first pays for what a virtual machine has given back to its host",
        "- MB = 10^6 bytes; CPU = user + system; restore-s3 is compared with restic's local restore",
    ]


def commit() -> str:
    """Return the commit that was measured."""
    command = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def processor() -> str:
    """Return the processor's name."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def library_versions() -> list[str]:
    """Return the versions of the libraries that decide the speed."""
    found: list[str] = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found


def cost_table(records: list[Record], data: str) -> str:
    """Return the figures of both tools, step by step."""
    rows: list[tuple[str, ...]] = []
    for step in STEPS:
        for tool in (OURS, THEIRS):
            runs = select(records, data, step, tool)
            if runs:
                rows.append(_cost_row(step, tool, runs))
    return markdown_table(COST_HEADINGS, rows)


def _cost_row(step: str, tool: str, runs: list[Record]) -> tuple[str, ...]:
    """Return one row of the cost table."""
    requests = runs[-1].requests
    counted = " ".join(f"{kind} {count}" for kind, count in requests.items()) if requests else "not counted"
    return (
        step,
        tool,
        spread([run.wall_s for run in runs]),
        f"{median(run.cpu_s for run in runs):.2f}",
        f"{median(run.peak_mb for run in runs):.0f}",
        f"{median(run.stored for run in runs) / 1e6:,.1f}",
        counted,
    )


def ratio_table(records: list[Record], data: str) -> str:
    """Return ours / restic for every step and figure."""
    rows: list[list[str]] = []
    for step in STEPS:
        values = [ratio(records, data, step, figure) for figure in FIGURES]
        if any(value is not None for value in values):
            name = f"{step} / {PEER_STEP[step]}" if step in PEER_STEP else step
            rows.append([name, *("" if value is None else f"{value:.2f}" for value in values)])
    return markdown_table(RATIO_HEADINGS, rows)


def document(environment: list[str], data_table: str, records: list[Record], sets: list[str], gates: list[Gate]) -> str:
    """Return the whole document."""
    parts = ["# Results of the benchmarks", "\n".join(environment), "## Data", data_table]
    for data in sets:
        parts += [f"## {data}", cost_table(records, data)]
        if select(records, data, "first", OURS) and select(records, data, "first", THEIRS):
            parts += ["Ratios, Strongroom / restic:", ratio_table(records, data)]
    if gates:
        parts += ["## Promises", markdown_table(GATE_HEADINGS, [gate.row() for gate in gates])]
    return "\n\n".join(parts) + "\n"
