"""One round of one data set: both tools, step by step, in turn."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import datasets, manifest, measure
from benchmarks.ours import PACK_PREFIX, PROJECT, Strongroom
from benchmarks.peer import Restic
from benchmarks.server import Server

OURS, THEIRS = "ours", "restic"
MEMORY_DISK = Path("/dev/shm")  # noqa: S108 - restores go into folders made by tempfile
TOUCHED = 2
"""Memory that is touched before a restore to the memory disk, in sizes of the set: once leaves some pages untouched."""


class WrongContentError(RuntimeError):
    """A restore did not give back what was backed up."""


@dataclass(frozen=True)
class Record:
    """The figures of one run of one tool."""

    data: str
    step: str
    tool: str
    round: int
    wall_s: float
    cpu_s: float
    peak_mb: float
    requests: dict[str, int] | None
    stored: int
    packs: int | None = None


@dataclass
class Bench:
    """What stays the same over all rounds."""

    server: Server
    binary: Path
    root: Path
    tools: tuple[str, ...]
    with_limit: bool = True
    records: list[Record] = field(default_factory=list)
    limits: dict[str, list[float]] = field(default_factory=dict)

    def measure_limit(self, data: str) -> None:
        """Measure once what two threads reach in memory, in a process of its own."""
        command = [sys.executable, "-m", "benchmarks.limit", "--rounds", "1", "--set", data]
        command += ["--data", str(self.root)]
        environment = self.server.environment()
        cost = measure.run(command, environment=environment, folder=PROJECT)
        self.limits.setdefault(data, []).append(float(json.loads(cost.output)["mb_per_s"]))


@dataclass
class Round:
    """One round: new buckets, a new repository for each tool."""

    bench: Bench
    data: str
    number: int
    scratch: Path

    def __post_init__(self) -> None:
        """Name the buckets and bind both tools to them."""
        stem = f"{self.data}-{self.number}"
        server = self.bench.server
        self.buckets = {name: f"{name}-{stem}" for name in ("source", "ours", "restic", "restored")}
        self.ours = Strongroom(server, self.buckets["source"], self.buckets["ours"])
        cache = self.scratch / "cache"
        self.restic = Restic(self.bench.binary, server, self.buckets["restic"], cache)

    def day(self, day: str) -> Path:
        """Return the tree of a day."""
        return self.bench.root / day / self.data

    def manifest(self, day: str) -> Path:
        """Return the manifest of a day."""
        return datasets.manifest_path(self.bench.root, f"{day}/{self.data}")

    def run(self) -> None:
        """Run all steps; the server is emptied at the end."""
        server = self.bench.server
        for bucket in self.buckets.values():
            server.create(bucket)
        try:
            server.objects_tool("upload", self.buckets["source"], self.day("day1"), self.manifest("day1"))
            if THEIRS in self.bench.tools:
                self.restic.init()
            self._backups()
            self._restores()
            self._pair("verify-full", self.ours.verify(), self.restic.check(), PROJECT)
        finally:
            for bucket in self.buckets.values():
                server.drop(bucket)

    def _backups(self) -> None:
        """First day, the same again, second day."""
        ours, theirs = self.ours.backup(), self.restic.backup()
        if self.bench.with_limit:
            self.bench.measure_limit(self.data)
        self._pair("first", ours, theirs, self.day("day1"))
        self._pair("unchanged", ours, theirs, self.day("day1"))
        changes = (self.manifest("day1"), self.manifest("day2"), self.day("day2"))
        self.bench.server.objects_tool("sync", self.buckets["source"], *changes)
        self._pair("day2", ours, theirs, self.day("day2"))

    def _restores(self) -> None:
        """Restore the second day to a memory disk and, ours only, to another bucket."""
        size = sum(path.stat().st_size for path in self.day("day2").rglob("*") if path.is_file())
        for tool in self._order():
            measure.touch_memory(MEMORY_DISK, TOUCHED * size)
            with tempfile.TemporaryDirectory(dir=MEMORY_DISK) as folder:
                target = Path(folder)
                command = self.ours.restore_to_directory(target) if tool == OURS else self.restic.restore(target)
                self._measure("restore-local", tool, command, PROJECT)
                if self.number == 1:
                    expected = manifest.read(self.manifest("day2"))
                    self._insist(tool, manifest.verify_tree(expected, target))
        if OURS in self.bench.tools:
            bucket = self.buckets["restored"]
            self._measure("restore-s3", OURS, self.ours.restore_to_bucket(bucket), PROJECT)
            if self.number == 1:
                found = self.bench.server.objects_tool("verify", bucket, self.manifest("day2"))
                self._insist(OURS, json.loads(found))

    def _pair(self, step: str, ours: list[str], theirs: list[str], folder: Path) -> None:
        """Run a step with both tools; who begins changes from round to round."""
        for tool in self._order():
            if tool == OURS:
                self._measure(step, tool, ours, PROJECT)
            else:
                self._measure(step, tool, theirs, folder)

    def _order(self) -> tuple[str, ...]:
        """Return the tools in this round's order."""
        wanted = self.bench.tools
        return wanted if self.number % 2 else wanted[::-1]

    def _measure(self, step: str, tool: str, command: list[str], folder: Path) -> None:
        """Run one command and keep its figures."""
        server = self.bench.server
        server.reset()
        cost = measure.run(command, environment=self._environment(tool), folder=folder)
        traffic = server.traffic()
        bucket = self.buckets[tool]
        packs = None
        if tool == OURS and step == "first":
            packs = server.usage(bucket, PACK_PREFIX).objects
        record = Record(
            *(self.data, step, tool, self.number),
            *(cost.wall_s, cost.cpu_s, cost.peak_mb),
            traffic.requests if traffic else None,
            server.usage(bucket).total,
            packs,
        )
        self.bench.records.append(record)
        print(f"{self.data} {self.number} {step:14} {tool:6} {cost.wall_s:7.2f} s", flush=True)

    def _environment(self, tool: str) -> Mapping[str, str]:
        """Return the environment of a tool."""
        return self.ours.environment() if tool == OURS else self.restic.environment()

    def _insist(self, tool: str, problems: list[str]) -> None:
        """Stop if a restore was wrong."""
        if problems:
            shown = "\n".join(problems[:10])
            raise WrongContentError(f"{tool} restored {self.data} wrongly ({len(problems)}):\n{shown}")


def run_round(bench: Bench, data: str, number: int) -> None:
    """Run one round with a scratch folder of its own."""
    scratch = Path(tempfile.mkdtemp())
    try:
        Round(bench, data, number, scratch).run()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
