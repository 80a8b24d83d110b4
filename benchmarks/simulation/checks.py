"""Whether the simulation tells the truth where it can be measured: set up for one machine, against its figures."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.simulation.backup import simulate_run
from benchmarks.simulation.clock import NEVER
from benchmarks.simulation.costs import COSTS, DATA
from benchmarks.simulation.limits import MANY, NO_WAITS, Latencies, Limits
from benchmarks.simulation.restore import simulate_restore
from benchmarks.simulation.shapes import Kind, Shape

RESULTS = Path("benchmarks/RESULTS.md")

SANDBOX = ("users", "files_per_user", "seconds", "workers", "per_job_cpu_seconds")
"""What has to be known of a sandbox run."""

USERS, CORES = 200, 2
AT_ONCE = 12
"""Users that one local process backs up at once."""

MACHINE = Limits(
    concurrency=CORES,
    pollers=CORES,
    timeout=NEVER,
    margin=0.0,
    cold_start=COSTS.process,
    vcpu_factor=1.0,
    network=MANY,
    batch=AT_ONCE,
    s3_gets=MANY,
    s3_puts=MANY,
    table_writes=MANY,
    table_reads=MANY,
    table_top=MANY,
    table_partition=MANY,
    transaction=0.0,
    kms=MANY,
    latencies=Latencies(get=0.0003, put=0.001, list=0.001, table=0.0, send=0.0),
)
"""The machine of the benchmarks: a process a core, loopback, no quotas, the index in memory."""

SERVER_REQUEST, SERVER_MB = 70e-6, 0.3e-3
"""CPU seconds of the benchmarks' server for a request and for a MB sent or received: of its process, the least of
three first backups (1.77 s) and three unchanged ones (0.07 s). It works on the same cores."""

LOCAL = replace(COSTS, lookup=0.0, record=0.0, call=0.0)
"""No table, no queue."""

SHARED = replace(
    LOCAL,
    read=LOCAL.read + SERVER_REQUEST,
    user=LOCAL.user + 5 * SERVER_REQUEST,
    megabyte=LOCAL.megabyte + SERVER_MB,
    new_megabyte=LOCAL.new_megabyte + DATA.packed * SERVER_MB,
    restored=LOCAL.restored + SERVER_REQUEST,
    restored_megabyte=LOCAL.restored_megabyte + (1 + DATA.packed) * SERVER_MB,
)
"""... with the server's share."""

ONE_CORE = replace(
    MACHINE, concurrency=1, cold_start=COSTS.process, latencies=Latencies(get=0.02, put=0.02, list=0.02, table=0.0)
)
"""One core for the client, another for the server, 20 ms added to every request."""


@dataclass(frozen=True, slots=True)
class Check:
    """What was predicted and what was measured, in seconds."""

    name: str
    predicted: float
    measured: float

    @property
    def ratio(self) -> float:
        """Predicted to measured: 1 is perfect, more is too slow."""
        return self.predicted / self.measured


def reports(changed: float = 0.0) -> Shape:
    """Give the benchmarks' documents."""
    return Shape("reports", USERS, 17_660, 1_177.3, changed, skew=0.3)


def measured(text: str, data: str, step: str) -> tuple[float, float]:
    """Read wall and CPU seconds of ours from the table of results. Raises ValueError if they are not there."""
    section = text.partition(f"\n## {data}\n")[2].partition("\n## ")[0]
    found = re.search(rf"^\| {step} \| ours \| ([\d.]+) \([^)]*\) \| ([\d.]+) \|", section, re.MULTILINE)
    if found is None:
        raise ValueError(f"no row {data}, {step}, ours")
    return float(found[1]), float(found[2])


def figures(text: str) -> list[Check]:
    """Compare with the local runs that the table of results holds."""
    day2 = reports(changed=815 / 17_667)
    slow = re.search(r"one core at 20ms a request, objects/s \| ([\d,.]+)", text)
    if slow is None:
        raise ValueError("no row of the first backup with 20 ms")
    runs = {
        "first": simulate_run(reports(), Kind.FIRST, MACHINE, costs=SHARED).seconds,
        "unchanged": simulate_run(reports(), Kind.NIGHTLY, MACHINE, costs=SHARED).seconds,
        "day2": simulate_run(day2, Kind.NIGHTLY, MACHINE, costs=SHARED).seconds,
        "restore-s3": simulate_restore(reports(), MACHINE, costs=SHARED).seconds,
    }
    checks = [Check(f"reports, {step}", wall, measured(text, "reports", step)[0]) for step, wall in runs.items()]
    waited = simulate_run(reports(), Kind.FIRST, ONE_CORE, costs=LOCAL).seconds
    return [*checks, Check("reports, first, one core, 20 ms", waited, 17_660 / float(slow[1].replace(",", "")))]


def explained_cpu(text: str) -> list[Check]:
    """Compare the CPU that the costs explain with what was measured, row by row."""
    keys, mb, new = 17_660, 1_177.3, 734.6
    fixed = CORES * COSTS.process + USERS * COSTS.user + keys * COSTS.key
    rows = {
        ("reports", "first"): fixed + keys * COSTS.read + mb * COSTS.megabyte + new * COSTS.new_megabyte,
        ("reports", "unchanged"): fixed,
        ("reports", "day2"): fixed + 815 * COSTS.read + 52 * COSTS.megabyte + 31 * COSTS.new_megabyte,
        ("reports", "restore-s3"): fixed + 17_667 * COSTS.restored + 1_181.5 * COSTS.restored_megabyte,
        ("big", "unchanged"): COSTS.process,
        ("big", "restore-s3"): COSTS.process + 1_386.3 * COSTS.restored_megabyte,
    }
    return [Check(f"CPU of {d}, {s}", seconds, measured(text, d, s)[1]) for (d, s), seconds in rows.items()]


def sandbox(run: Mapping[str, float]) -> Check:
    """Compare with a run of the whole system on the embedded AWS.

    Raises KeyError for a figure that is missing, ValueError for one that is not above zero.

    There a job's CPU is what functions and embedded services take together, so it is the measured one; the
    simulation says what queue, batches and workers make of it.
    """
    wrong = [name for name in SANDBOX if not run[name] > 0]
    if wrong:
        raise ValueError(f"not above zero: {', '.join(wrong)}")
    users, files = int(run["users"]), run["files_per_user"]
    cost = replace(LOCAL, user=run["per_job_cpu_seconds"], key=0.0, read=0.0, megabyte=0.0, new_megabyte=0.0)
    workers = int(run["workers"])
    limits = replace(MACHINE, concurrency=workers, pollers=workers, batch=10, latencies=NO_WAITS)
    shape = Shape("sandbox", users, users * files, users * files * 0.01)
    return Check("sandbox", simulate_run(shape, Kind.FIRST, limits, costs=cost).seconds, run["seconds"])


def load(path: Path) -> Mapping[str, float]:
    """Read the figures of a sandbox run."""
    found: Mapping[str, float] = json.loads(path.read_text(encoding="utf-8"))
    return found
