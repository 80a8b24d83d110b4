"""Runs, restores and what they cost, as people read them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from bundle.paths import ROOT
from cli.render import ratio, show_table, size
from functions.contract.prices import usd
from functions.contract.states import RunState
from functions.engine.orchestration.ports import Work
from sandbox.aws import ADMIN
from sandbox.errors import SandboxError
from sandbox.nights.stack import Stack

FORECAST: Final = "prod"
"""The stack whose settings forecasts count with: here schedules are paused, and backups kept for a day."""
_GB: Final = 1e9
_MEASURES: Final = (
    "type",
    "started by",
    "state",
    "users",
    "files",
    "source",
    "read",
    "new",
    "stored",
    "dedup",
    "compression",
    "S3 requests",
    "their USD",
    "seconds",
)
_WRITES: Final = frozenset({"s3:PutObject", "s3:ListBucket"})
"""Requests at the price of a PUT; all others of S3 are at that of a GET."""


class _Requests(NamedTuple):
    """Requests to S3, by their price."""

    puts: int
    gets: int


class Ran(NamedTuple):
    """A run that has ended, its name among the nights, and how long it took until everybody had been told."""

    name: str
    work: Work
    calls: Counter[str]
    """Of functions during the run, by action."""
    seconds: float

    def cells(self) -> tuple[str, ...]:
        """Give the column of the table, in the order of the measures."""
        counts, facts = self.work.counts, self.work.facts
        read, new, stored = (counts.get(name, 0) for name in ("read", "new", "stored"))
        return (
            str(facts["type"]),
            str(facts["trigger"]),
            str(self.work.status),
            f"{counts.get('completed', 0):,} of {self.work.expected or 0:,}",
            f"{counts.get('files', 0):,}",
            size(counts.get("source", 0)),
            size(read),
            size(new),
            size(stored),
            ratio(read, new),
            ratio(new, stored),
            f"{sum(self._requests):,}",
            f"{self._requests.puts * usd('s3.put.STANDARD') + self._requests.gets * usd('s3.get.STANDARD'):.4f}",
            f"{self.seconds:.1f}",
        )

    @property
    def _requests(self) -> _Requests:
        requests = {action: count for action, count in self.calls.items() if action.startswith("s3:")}
        puts = sum(count for action, count in requests.items() if action in _WRITES)
        return _Requests(puts, sum(requests.values()) - puts)

    @property
    def faults(self) -> list[str]:
        """Say what is not as it must be after a run without trouble."""
        counts, work = self.work.counts, self.work
        found = [] if work.status == RunState.COMPLETED else [f"{self.name}: run {work.id} ended {work.status}"]
        return found + ([f"{self.name}: {counts['unreadable']} unreadable"] if counts.get("unreadable") else [])


def show_runs(runs: Sequence[Ran]) -> None:
    """Print a column for each run. Prices are list prices; those of storage and of other services come beside."""
    rows = zip(_MEASURES, *(run.cells() for run in runs), strict=True)
    show_table("Runs", ("", *(run.name.replace(" ", "\n", 1) for run in runs)), rows)


def savings(runs: Sequence[Ran]) -> str:
    """Say what the repository takes, and what whole copies would."""
    held = sum(run.work.counts.get("source", 0) for run in runs)
    stored = sum(run.work.counts.get("stored", 0) for run in runs)
    month = usd("s3.storage.STANDARD")
    return (
        f"Users at {len(runs)} points in time, {size(held)} in all, take {size(stored)} of packs: "
        f"{held / max(stored, 1):.1f} times less. A month of them in S3 Standard: "
        f"{stored / _GB * month:.6f} USD instead of {held / _GB * month:.6f}."
    )


def forecast(stack: Stack) -> dict[str, Any]:
    """Give what `strongroom cost` forecasts for the volume that this repository shows, scaled up to 1 TB."""
    arguments = ["cost", "--stack", FORECAST, "--program", str(ROOT), "--terabytes", "1", "--users", "1000"]
    return operator(stack, *arguments, "--repository", stack.state.exports["BackupBucketName"])


def operator(
    stack: Stack, *arguments: str, region: str | None = None, keys: dict[str, str] | None = None
) -> dict[str, Any]:
    """Run the operator's tool, as an operator does; give its answer. SandboxError when it fails.

    `keys` are other credentials than the administrator's, as environment variables.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    made_up = {"AWS_ACCESS_KEY_ID": ADMIN, "AWS_SECRET_ACCESS_KEY": ADMIN, "AWS_EC2_METADATA_DISABLED": "true"}
    place = ["--region", region or stack.state.region, "--endpoint", stack.state.endpoint, "--json"]
    done = subprocess.run(  # noqa: S603 - our own tool
        [sys.executable, "-m", "cli", *arguments, *place],
        cwd=ROOT,
        env={**own, **made_up, "NO_PROXY": "127.0.0.1", **(keys or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SandboxError(f"strongroom {arguments[0]} ended with {done.returncode}: {done.stderr.strip()}", hint="")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def clock(moment: datetime) -> str:
    """Give a moment as requests have it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
