"""What a restore will take: files, bytes, requests, money and time, counted before anything is written. Pure.

Requests are counted by the very code that groups them when the restore runs, so they are exact for an empty
destination and an upper limit for one where files exist. What a second attempt at a task asks again is not counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from types import MappingProxyType
from typing import Any, NamedTuple

from functions.contract.prices import usd
from functions.engine.model import FileEntry
from functions.engine.orchestration.archive import StoredPack, Tier, thaw_hours
from functions.engine.orchestration.ports import Facts
from functions.engine.orchestration.restore_tasks import Cut, TooLarge
from functions.engine.ports import Target
from functions.engine.restore_plan import Unit, group_units, units_of
from functions.engine.safety import SafetyParameters

GB = 1_000_000_000
GIB = 1024**3
MB = 1_000_000
NAMED = 50
"""How many files that are too large a plan names: an item of the ledger holds them."""
_KEY_SHOWN = 200


_THAW_GB = MappingProxyType(
    {
        (False, Tier.STANDARD): usd("s3.read.GLACIER"),
        (False, Tier.BULK): usd("s3.thaw_bulk_gb.GLACIER"),
        (True, Tier.STANDARD): usd("s3.read.DEEP_ARCHIVE"),
        (True, Tier.BULK): usd("s3.thaw_bulk_gb.DEEP_ARCHIVE"),
    }
)
_THAW_REQUEST = MappingProxyType(
    {
        (False, Tier.STANDARD): usd("s3.thaw.GLACIER"),
        (False, Tier.BULK): usd("s3.thaw_bulk.GLACIER"),
        (True, Tier.STANDARD): usd("s3.thaw.DEEP_ARCHIVE"),
        (True, Tier.BULK): usd("s3.thaw_bulk.DEEP_ARCHIVE"),
    }
)


class Prices(NamedTuple):
    """US dollars in us-east-1, as `functions.contract.prices` has them.

    Left out: transfer to another region, the use of KMS keys (a bucket key needs few), queue and tables (a few
    requests a task), and what the restored files then cost to keep.
    """

    put: float = usd("s3.put.STANDARD")
    """PUT, POST and LIST, S3 Standard."""
    get: float = usd("s3.get.STANDARD")
    """GET and HEAD, S3 Standard."""
    gigabyte_second: float = usd("lambda.gb_second")
    """Lambda on arm64."""
    memory: float = 1.769
    """Gigabytes of the restore worker: one core (AWS Lambda Developer Guide, "Configure Lambda function memory")."""
    thaw_gb: Mapping[tuple[bool, Tier], float] = _THAW_GB
    """A gigabyte thawed, by whether it lies in Deep Archive."""
    thaw_request: Mapping[tuple[bool, Tier], float] = _THAW_REQUEST


class Speed(NamedTuple):
    """What a worker takes, in seconds.

    Measured on a core of this project's benchmark: 0.035 ms a file and 1.8 ms a megabyte. Assumed on top: a Lambda
    core is 2.5 times slower, 70 MB/s of network are shared by reading and writing, and a PUT takes 30 ms with 96
    under way, so that a file costs 0.4 ms and a megabyte 15 ms. Six requests one after the other begin a task, which
    take 0.5 s; a worker's first task waits 3 s for its cold start.
    """

    file: float = 0.0004
    megabyte: float = 0.015
    task: float = 0.5
    start: float = 3.0

    def of(self, files: int, size: int) -> float:
        """Give the seconds of a task."""
        return self.task + files * self.file + size / MB * self.megabyte


DEFAULT_PRICES = Prices()
DEFAULT_SPEED = Speed()


@dataclass(frozen=True, slots=True)
class Estimate:
    """What was counted. Seconds are those of all tasks together; `longest` is the longest single one.

    `unreadable` objects are not in the backup, which says so; `damaged` counts backups and segments that could not be
    read for the plan. Packs that several tasks need may count several times among the archived ones.
    """

    backups: int = 0
    tasks: int = 0
    files: int = 0
    bytes: int = 0
    gets: int = 0
    puts: int = 0
    lists: int = 0
    seconds: float = 0.0
    longest: float = 0.0
    unreadable: int = 0
    damaged: int = 0
    refused: int = 0
    too_large: tuple[str, ...] = ()
    archived: int = 0
    thaw_usd: float = 0.0
    thaw_hours: int = 0

    def plus(self, other: Estimate) -> Estimate:
        """Add two estimates."""
        added: dict[str, Any] = {
            item.name: getattr(self, item.name) + getattr(other, item.name) for item in fields(self)
        }
        added["longest"] = max(self.longest, other.longest)
        added["thaw_hours"] = max(self.thaw_hours, other.thaw_hours)
        added["too_large"] = (self.too_large + other.too_large)[:NAMED]
        return Estimate(**added)

    def usd(self, prices: Prices = DEFAULT_PRICES) -> float:
        """Give the price in US dollars."""
        requests = (self.puts + self.lists) * prices.put + self.gets * prices.get
        return requests + self.seconds * prices.memory * prices.gigabyte_second + self.thaw_usd

    def minutes(self, concurrency: int, speed: Speed = DEFAULT_SPEED) -> float:
        """Give the minutes from the first task's sending to the last one's end, with so many workers at once."""
        side_by_side = max(1, min(concurrency, self.tasks))
        return (speed.start + max(self.longest, self.seconds / side_by_side)) / 60

    def facts(self) -> dict[str, Any]:
        """Give the estimate as the ledger keeps it."""
        return asdict(self) | {"too_large": list(self.too_large)}

    @staticmethod
    def from_facts(facts: Facts) -> Estimate:
        """Undo `facts`."""
        return Estimate(**{**facts, "too_large": tuple(facts["too_large"])})

    def answer(self, concurrency: int) -> dict[str, Any]:
        """Give what a person is told."""
        return {
            "backups": self.backups,
            "tasks": self.tasks,
            "files": self.files,
            "bytes": self.bytes,
            "requests": {"GET": self.gets, "PUT": self.puts, "LIST": self.lists},
            "usd": round(self.usd(), 4),
            "minutes": round(self.minutes(concurrency), 1),
            "thaw_hours": self.thaw_hours,
            "archived_packs": self.archived,
            "unreadable": self.unreadable,
            "damaged": self.damaged,
            "too_large": self.refused,
            "too_large_files": list(self.too_large),
        }


def thaw_estimate(pack: StoredPack, tier: Tier, prices: Prices = DEFAULT_PRICES) -> Estimate:
    """Give what it takes to thaw a pack. S3 Intelligent-Tiering charges nothing for it."""
    deep = pack.place == "DEEP_ARCHIVE"
    usd = 0.0
    if not pack.place.endswith("_ACCESS"):
        usd = prices.thaw_request[deep, tier] + pack.size / GB * prices.thaw_gb[deep, tier]
    return Estimate(archived=1, thaw_usd=usd, thaw_hours=thaw_hours(pack.place, tier))


def task_estimate(cut: Cut, *, looks: bool, speed: Speed = DEFAULT_SPEED) -> Estimate:
    """Give what a task takes beside its files' own requests: record, manifest, and what stands at the destination.

    `looks` says whether the conflict policy makes it look; then the manifest is read twice.
    """
    seconds = speed.of(cut.files, cut.bytes)
    return Estimate(
        tasks=1,
        files=cut.files,
        bytes=cut.bytes,
        gets=3 if looks else 2,
        lists=1 if looks else 0,
        seconds=seconds,
        longest=seconds,
    )


def refused_estimate(user: str, file: TooLarge) -> Estimate:
    """Give an estimate that names a file which no invocation can restore."""
    whose = f"{file.key[:_KEY_SHOWN]!r} of user {user[:_KEY_SHOWN]!r}"
    name = f"{whose}: {file.size / GIB:,.0f} GiB, restore it with `strongroom restore`"
    return Estimate(refused=1, too_large=(name,))


@dataclass(slots=True)
class RequestCounter:
    """Counts the requests that the files of a task will take, in the groups in which a Restorer asks for them."""

    safety: SafetyParameters
    _window: list[Unit] = field(default_factory=list)
    _weight: int = 0
    _gets: int = 0
    _puts: int = 0

    def add(self, entry: FileEntry) -> None:
        """Take a file, in key order."""
        units = units_of(Target(entry.key, entry.key), entry, self.safety.part_size)
        # A large file takes two requests more: one to begin, one to end it.
        self._puts += len(units) + (2 if units[0].number is not None else 0)
        for unit in units:
            self._window.append(unit)
            self._weight += 1 + len(unit.chunks)
            if self._weight >= self.safety.restore_window:
                self._count()

    def end_task(self) -> Estimate:
        """Give what the task takes that ends here, and start the next one."""
        self._count()
        counted = Estimate(gets=self._gets, puts=self._puts)
        self._gets = self._puts = 0
        return counted

    def _count(self) -> None:
        self._gets += sum(len(group.ranges) for group in group_units(self._window, self.safety))
        self._window.clear()
        self._weight = 0
