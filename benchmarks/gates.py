"""The promises about speed and size, and whether the measurements keep them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.measure import median, paired_ratio
from benchmarks.steps import OURS, THEIRS, Record

PUTS_PER_USER = 3
RESTORE_RSS_MB = 400.0
LIMIT_SHARE = 0.8
SLOW_OBJECTS_PER_S = 2_000.0
PEER_STEP = {"restore-s3": "restore-local"}
RATIO_GATES = (
    ("first", "wall", 0.50),
    ("first", "CPU", 0.50),
    ("first", "stored", 1.00),
    ("unchanged", "wall", 1.00),
    ("day2", "wall", 0.60),
    ("day2", "stored", 1.00),
    ("restore-local", "wall", 0.70),
    ("restore-s3", "wall", 1.00),
    ("verify-full", "wall", 0.50),
)
FIGURES: dict[str, Callable[[Record], float]] = {
    "wall": lambda record: record.wall_s,
    "CPU": lambda record: record.cpu_s,
    "RSS": lambda record: record.peak_mb,
    "stored": lambda record: float(record.stored),
    "requests": lambda record: float(sum((record.requests or {}).values())),
}


@dataclass(frozen=True)
class Gate:
    """One promise: what was measured and what was promised."""

    name: str
    measured: float
    wanted: str
    passed: bool | None

    def row(self) -> tuple[str, str, str, str]:
        """Return the gate as a table row."""
        results = {True: "PASS", False: "FAIL", None: "no promise"}
        return self.name, f"{self.measured:,.2f}", self.wanted, results[self.passed]


def at_most(name: str, measured: float, limit: float) -> Gate:
    """A promise with an upper limit."""
    return Gate(name, measured, f"<= {limit:,g}", measured <= limit)


def at_least(name: str, measured: float, limit: float) -> Gate:
    """A promise with a lower limit."""
    return Gate(name, measured, f">= {limit:,g}", measured >= limit)


def select(records: list[Record], data: str, step: str, tool: str) -> list[Record]:
    """Return the runs of one tool and step, by round."""
    found = [r for r in records if (r.data, r.step, r.tool) == (data, step, tool)]
    return sorted(found, key=lambda record: record.round)


def ratio(records: list[Record], data: str, step: str, figure: str) -> float | None:
    """Return the median over rounds of ours / restic, or None if one side is missing."""
    value = FIGURES[figure]
    ours = [value(record) for record in select(records, data, step, OURS)]
    theirs = [value(r) for r in select(records, data, PEER_STEP.get(step, step), THEIRS)]
    if not ours or len(ours) != len(theirs) or not all(theirs):
        return None
    return paired_ratio(ours, theirs)


def set_gates(records: list[Record], data: str, users: int) -> list[Gate]:
    """Return the gates of one data set."""
    gates: list[Gate] = []
    for step, figure, limit in RATIO_GATES:
        measured = ratio(records, data, step, figure)
        if measured is not None:
            gates.append(at_most(f"{data}: {step} {figure} / restic", measured, limit))
    restores = select(records, data, "restore-s3", OURS)
    if restores:
        peak = median(record.peak_mb for record in restores)
        gates.append(at_most(f"{data}: restore-s3 peak RSS MB", peak, RESTORE_RSS_MB))
    counted = [r for r in select(records, data, "first", OURS) if r.requests and r.packs is not None]
    if counted:
        worst = max(counted, key=lambda record: (record.requests or {}).get("PUT", 0))
        puts = (worst.requests or {}).get("PUT", 0)
        allowed = (worst.packs or 0) + PUTS_PER_USER * users
        gates.append(at_most(f"{data}: PUTs of first (packs + 3 a user)", puts, allowed))
    return gates


def limit_gate(records: list[Record], data: str, total: int, limits: list[float]) -> Gate | None:
    """Return our first backup's share of the physical limit; only `big` carries a promise."""
    speeds = [total / 1e6 / record.wall_s for record in select(records, data, "first", OURS)]
    if not speeds or len(speeds) != len(limits):
        return None
    share = paired_ratio(speeds, limits)
    name = f"{data}: share of the limit ({median(speeds):,.0f} of {median(limits):,.0f} MB/s)"
    return at_least(name, share, LIMIT_SHARE) if data == "big" else Gate(name, share, "", None)
