"""A night on the embedded AWS: every user of a source backed up by the deployed functions, then once more.

`python -m benchmarks.night` writes NIGHT.md and build/sandbox-run.json, by which the simulation is checked.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import sys
import tempfile
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import markdown_table
from benchmarks.night_cpu import Usage, profiled, shares, usage
from benchmarks.report import commit, processor
from bundle.paths import ROOT
from functions.contract.states import RunState
from functions.runtime.toolbox import Connection, Toolbox, now
from sandbox.lambdas.functions import Archives, Sizing
from sandbox.lambdas.names import REGION
from sandbox.lambdas.plane import DataPlane, Run
from sandbox.ministack import MiniStack

USERS, FILES, WORKERS = 1_000, 20, 2
SOURCE = "reports"
SIZES = (200, 20_000)
REPORT = Path(__file__).with_name("NIGHT.md")
RESULT = ROOT / "build" / "sandbox-run.json"
PATIENCE_S = 1_800.0

_WORDS = ("invoice", "report", "meeting", "budget", "quarter", "total", "draft", "final", "region", "customer")
_IN_FLIGHT = 64
_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
_DURATION = re.compile(r"REPORT RequestId: \S+\tDuration: (\d+) ms")
_SHOWN = 12


@dataclass(frozen=True)
class Night:
    """One run: what it was asked for, how it ended, what it took, and what the functions' log says."""

    kind: str
    run: Run
    cost: Usage
    invocations: int
    busy_s: float
    requests: int
    notices: Sequence[str]


def text(seed: str) -> bytes:
    """Give a file of some kilobytes of words, always the same for the same seed."""
    chance = random.Random(seed)
    words = chance.choices(_WORDS, k=chance.randint(*SIZES) // 8)
    return f"{seed}\n{' '.join(words)}\n{chance.random()}\n".encode()


def fill(plane: DataPlane, users: int, files: int) -> int:
    """Write the source; gives its bytes."""
    size = 0
    waiting: deque[Future[None]] = deque()
    with Toolbox(Connection(REGION, plane.endpoint), _KEYS) as tools:
        bucket = tools.store(plane.names.of("source"))
        for key in (f"user-{user:04}/{'ab'[file % 2]}/{file:03}.txt" for user in range(users) for file in range(files)):
            content = text(key)
            size += len(content)
            waiting.append(bucket.put_new(key, [content]))
            while len(waiting) > _IN_FLIGHT:
                waiting.popleft().result()
        for future in waiting:
            future.result()
    return size


def spend(plane: DataPlane, server: int, kind: str) -> Night:
    """Start a run and wait for its end."""
    before, begun = usage(server), now()
    answer = plane.invoke("initiator", {"backup_type": kind})
    run = plane.wait_for_run(SOURCE, PATIENCE_S)
    cost = usage(server).since(before)
    log = plane.log("worker", since=begun)
    durations = [int(found[1]) for line in log if (found := _DURATION.match(line))]
    requests = sum(map(_requests, log))
    notices = [notice.subject for notice in plane.notifications()]
    print(f"{kind}: {answer} -> {run.status} {dict(run.counts)} in {cost.wall_s:.1f} s")
    return Night(kind, run, cost, len(durations), sum(durations) / 1e3, requests, notices)


def _requests(line: str) -> int:
    """Give the S3 requests of a line, if it is a metric document with them."""
    if '"Requests"' not in line or not line.startswith("{"):
        return 0
    values = json.loads(line).get("Requests", 0)
    return int(sum(values) if isinstance(values, list) else values)


def table(nights: Sequence[Night], users: int) -> str:
    """Give both runs, row by row."""

    def row(heading: str, values: Sequence[str]) -> list[str]:
        return [heading, *values]

    costs = [night.cost for night in nights]
    rows = [
        row("wall s", [f"{cost.wall_s:.1f}" for cost in costs]),
        row("jobs/s", [f"{users / cost.wall_s:.1f}" for cost in costs]),
        row("CPU s of the functions", [f"{cost.functions_s:.1f}" for cost in costs]),
        row("- ms a job", [f"{cost.functions_s / users * 1e3:.0f}" for cost in costs]),
        row("CPU s of the embedded AWS", [f"{cost.server_s:.1f}" for cost in costs]),
        row("- ms a job", [f"{cost.server_s / users * 1e3:.0f}" for cost in costs]),
        row("- share of one core", [f"{cost.server_s / cost.wall_s:.0%}" for cost in costs]),
        row("idle s of all cores", [f"{cost.idle_s:.1f}" for cost in costs]),
        row("others' CPU s", [f"{cost.others_s:.1f}" for cost in costs]),
        row("invocations of the worker", [str(night.invocations) for night in nights]),
        row("- running at once, mean", [f"{night.busy_s / night.cost.wall_s:.1f}" for night in nights]),
        row("S3 requests a job", [f"{night.requests / users:.1f}" for night in nights]),
        row("ended", [str(night.run.status) for night in nights]),
        row("notices", ["; ".join(night.notices) for night in nights]),
    ]
    return markdown_table(["", *(night.kind for night in nights)], rows)


def result(night: Night, users: int, files: int, workers: int) -> dict[str, Any]:
    """Give what the simulation is checked with. A job costs what all take for it: they share the cores."""
    cost = night.cost.functions_s + night.cost.server_s
    return {
        "users": users,
        "files_per_user": files,
        "seconds": round(night.cost.wall_s, 2),
        "jobs_per_second": round(users / night.cost.wall_s, 2),
        "workers": workers,
        "per_job_cpu_seconds": round(cost / users, 4),
    }


def limits(night: Night, users: int) -> list[str]:
    """Say how fast a run could be at most here: the embedded AWS is one process with one interpreter."""
    server, functions = night.cost.server_s / users, night.cost.functions_s / users
    cores = os.cpu_count() or 1
    together, alone = cores / (server + functions), 1 / server
    return [
        f"A job of the {night.kind} run costs {functions * 1e3:.0f} ms of CPU in the functions and",
        f"{server * 1e3:.0f} ms in the embedded AWS: {cores} cores could do {together:.0f} jobs/s. The embedded AWS is",
        f"one interpreter, which ends at {alone:.0f} jobs/s with any number of cores.",
    ]


def page(nights: Sequence[Night], size: int, options: argparse.Namespace, profile: Path) -> str:
    """Write the report."""
    lines = [
        "# A night on the embedded AWS",
        "",
        f"{options.users:,} users with {options.files} files each ({size / 1e6:.0f} MB). The functions as they are",
        "shipped back them up: started by the initiator, fed by queues, with all of AWS on the same cores.",
        "`python -m benchmarks.night` repeats it.",
        "",
        f"- {processor()}, commit {commit()}",
        f"- {options.workers} workers at once; wall time is from the call of the initiator to the end of the run",
        "",
        table(nights, options.users),
        "",
        *limits(nights[0], options.users),
        "",
    ]
    if profile.exists():
        for who, found in shares(profile).items():
            lines += [f"Where `{who}` held the interpreter in a second FULL run, by file:", ""]
            lines += [f"- {share:.0%} {name}" for name, share in found[:_SHOWN]]
            lines += [""]
    return "\n".join(lines)


def main() -> int:
    """Fill, run twice, report. Exit status 1 when a run is not complete."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=USERS)
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument("--workers", type=int, default=WORKERS)
    options = parser.parse_args()
    with MiniStack() as ministack, tempfile.TemporaryDirectory() as folder:
        profile = Path(folder) / "profile.txt"
        plane = DataPlane(ministack.endpoint, "night")
        plane.deploy(Archives.build(), sizing=Sizing(workers=options.workers))
        size = fill(plane, options.users, options.files)
        nights = [spend(plane, ministack.pid, kind) for kind in ("FULL", "INCREMENTAL")]
        with profiled(ministack.pid, profile):
            spend(plane, ministack.pid, "FULL")
        left = {queue: count for queue, count in plane.depths().items() if count}
        if left:
            raise RuntimeError(f"messages are left in the queues: {left}")
        report = page(nights, size, options, profile)
    print(report)
    if (options.users, options.files, options.workers) == (USERS, FILES, WORKERS):
        REPORT.write_text(report, encoding="utf-8")
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(
            json.dumps(result(nights[0], options.users, options.files, options.workers)), encoding="utf-8"
        )
    complete = all(night.run.status is RunState.COMPLETED for night in nights)
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())
