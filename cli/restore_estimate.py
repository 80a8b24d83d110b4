"""Says what a restore by the tool would take: reads manifests, counts, and writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from functions.engine.commit import CommitRecord
from functions.engine.manifest import Line
from functions.engine.model import FileEntry
from functions.engine.orchestration.restore_estimate import Estimate, RequestCounter
from functions.engine.ports import Progress
from functions.engine.repository import Repository, look_ahead
from functions.engine.safety import DEFAULT_SAFETY

_AHEAD = 16
_NAMED = 20
_START = 0.5
_FILE = 0.000035
_MEGABYTE = 0.0018
"""Seconds of a core, as this project's benchmark measured them."""
_REQUEST = 0.03
"""Seconds that S3 takes for a request, assumed."""
_UNDER_WAY = 96
_LINE = 60.0
"""MB/s of network that a machine has, assumed: 500 Mbit/s."""


@dataclass(slots=True)
class Forecast:
    """What was counted. `first` names some files; objects that a backup could not read are not in it."""

    backups: int = 0
    unreadable: int = 0
    counted: Estimate = field(default_factory=Estimate)
    first: list[str] = field(default_factory=list)

    def usd(self, *, to_bucket: bool) -> float:
        """Give the price of S3's requests. What leaves AWS or the region is not in it."""
        puts = self.counted.puts if to_bucket else 0
        return Estimate(gets=self.counted.gets, puts=puts).usd()

    def seconds(self, cores: int, *, to_bucket: bool) -> float:
        """Give how long it will take about: by cores, by requests or by the network, whichever is slowest."""
        megabytes = self.counted.bytes / 1e6
        work = (self.counted.files * _FILE + megabytes * _MEGABYTE) / cores
        requests = (self.counted.gets + (self.counted.puts if to_bucket else 0)) * _REQUEST / _UNDER_WAY
        return _START + max(work, requests, megabytes * (2 if to_bucket else 1) / _LINE)


def forecast(
    repository: Repository,
    records: Iterable[CommitRecord],
    wanted: Callable[[FileEntry], bool],
    progress: Progress,
) -> Forecast:
    """Read the manifests of the backups, and count what is wanted of them."""
    found, counter = Forecast(), RequestCounter(DEFAULT_SAFETY)
    for record, lines in look_ahead(lambda record: (record, repository.entries(record)), records, _AHEAD):
        files, size = 0, 0
        for entry in _files(lines):
            if not wanted(entry):
                continue
            counter.add(entry)
            files, size = files + 1, size + entry.size
            if len(found.first) < _NAMED:
                found.first.append(entry.key)
        progress.advance(files=files)
        found.backups += 1
        found.unreadable += record.totals.unreadable
        found.counted = found.counted.plus(Estimate(files=files, bytes=size, gets=1 + len(record.segments)))
    found.counted = found.counted.plus(counter.end_task())
    return found


def _files(lines: Iterable[object]) -> Iterator[FileEntry]:
    return (line.entry() for line in lines if isinstance(line, Line))
