"""What is done in a month: runs, requests, seconds. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from components.settings import Settings
from components.settings.retention import EXTENSION_DAYS
from components.settings.storage_prices import THAW_HOURS
from costs.assumptions import GB, MB, Assumptions
from costs.calendar import DAYS, monthly, times_a_month
from costs.stock import Stock
from costs.volume import Volume

_DEADLINE = 0.9
"""Of its timeout that a worker works before it hands on."""
_COPIES = 3
"""A drill reads a file from packs, writes it, and reads it again beside the source's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Of a month."""

    jobs: float
    """Backups of users."""
    scheduled: float
    """Invocations by schedule."""
    source_gets: float
    repository_gets: float
    """Of records; of packs see `pack_gets`."""
    pack_gets: float
    pack_gb: float
    """Read again by samples and drills."""
    record_puts: float
    pack_puts: float
    scratch_puts: float
    scratch_gb: float
    """That lie there at any time."""
    lists: float
    locks: float
    """Extensions."""
    tags: float
    """That let something go."""
    invocations: float
    seconds: float
    """Of functions."""
    chunks_read: float
    chunks_new: float
    messages: float

    @property
    def trail_events(self) -> float:
        """Requests for objects of the repository, which the trail records one by one."""
        writes = self.pack_puts + self.record_puts + self.locks + self.tags
        return writes + self.pack_gets + self.repository_gets


@dataclass(frozen=True, slots=True)
class _Runs:
    """How often something comes in a month, and how much of it there is each time."""

    incremental: float
    full: float
    sample: float
    drill: float
    every: float

    @property
    def rest(self) -> float:
        """Of schedules whose work is not counted by itself."""
        return self.every - self.incremental - self.full - self.sample - self.drill

    @staticmethod
    def of(settings: Settings) -> _Runs:
        times = times_a_month(settings)
        return _Runs(times["incremental"], times["full"], times["sample"], times["drill"], sum(times.values()))


@dataclass(frozen=True, slots=True)
class _Proofs:
    """What samples and drills read in a month."""

    sample_gb: float
    drill_gb: float
    drill_files: float
    scratch_gb: float

    @property
    def gb(self) -> float:
        return self.sample_gb + self.drill_gb


def work_of(settings: Settings, volume: Volume, stock: Stock, assumed: Assumptions) -> Work:
    """Give what a steady month does."""
    runs = _Runs.of(settings)
    proofs = _proofs(settings, volume, stock, assumed, runs)
    read_files = volume.count * (volume.changed * runs.incremental + runs.full)
    read_gb = volume.gigabytes * (volume.changed * runs.incremental + runs.full)
    jobs = volume.users * (runs.incremental + runs.full)
    parts = max(read_files, read_gb * GB / assumed.part_bytes)
    kept = volume.users * stock.life_days
    listed = (volume.count / 1_000 + volume.users * assumed.job_lists) * (runs.incremental + runs.full)
    seconds = _seconds(volume, assumed, runs, read_files, read_gb, proofs)
    invocations = _invocations(settings, volume, assumed, runs, seconds)
    return Work(
        jobs=jobs,
        scheduled=runs.every,
        source_gets=parts + proofs.drill_files,
        # Whoever collects reads every commit record once a day; see docs/cost.md.
        repository_gets=jobs * assumed.job_gets + monthly(kept),
        pack_gets=megabytes(proofs.gb) * assumed.pack_reads,
        pack_gb=proofs.gb,
        record_puts=monthly(stock.records_added),
        pack_puts=monthly(stock.packs_added),
        scratch_puts=proofs.drill_files,
        scratch_gb=proofs.scratch_gb,
        lists=listed + monthly((stock.packs + stock.record_objects) / 1_000),
        locks=monthly(stock.packs_current / EXTENSION_DAYS),
        tags=monthly(stock.packs_added + stock.records_added),
        invocations=invocations,
        seconds=seconds + invocations * assumed.speed.start,
        chunks_read=max(read_files, read_gb * GB / assumed.chunk_bytes),
        chunks_new=monthly(_chunks(volume, assumed) * volume.changed / volume.reduced),
        messages=jobs * assumed.job_messages + 3 * assumed.polls_a_minute * 60 * 24 * DAYS,
    )


def _chunks(volume: Volume, assumed: Assumptions) -> float:
    """Give the chunks of the sources: a small file is one."""
    return max(volume.count, volume.gigabytes * GB / assumed.chunk_bytes)


def _proofs(settings: Settings, volume: Volume, stock: Stock, assumed: Assumptions, runs: _Runs) -> _Proofs:
    """Count samples and drills, which cannot read packs that must be thawed first."""
    if settings.tier.storage_class in THAW_HOURS:
        return _Proofs(0.0, 0.0, 0.0, 0.0)
    proven = settings.verification
    users = min(volume.users, max(proven.drills_a_day, volume.users / proven.drill_coverage_days))
    one = min(volume.gigabytes / volume.users, assumed.drill_bytes / GB)
    share = users * one / volume.gigabytes if volume.gigabytes else 0.0
    return _Proofs(
        sample_gb=stock.current * proven.sample_percent / 100 * runs.sample,
        drill_gb=users * one * runs.drill,
        drill_files=volume.count * share * runs.drill,
        scratch_gb=users * one * assumed.scratch_days * runs.drill / DAYS,
    )


def _seconds(
    volume: Volume, assumed: Assumptions, runs: _Runs, files: float, gigabytes: float, proofs: _Proofs
) -> float:
    """Count the seconds of functions but for their starts."""
    speed, nights = assumed.speed, runs.incremental + runs.full
    backup = volume.users * nights * speed.task + files * speed.file + megabytes(gigabytes) * speed.megabyte
    listing = volume.count * nights * assumed.key_seconds
    proof = megabytes(proofs.sample_gb + _COPIES * proofs.drill_gb) * speed.megabyte + proofs.drill_files * speed.file
    other = runs.rest * assumed.other_seconds
    return backup + listing + proof + other


def _invocations(settings: Settings, volume: Volume, assumed: Assumptions, runs: _Runs, seconds: float) -> float:
    batches = volume.users / assumed.job_batch * (runs.incremental + runs.full)
    handed_on = seconds / (settings.workers.timeout_seconds * _DEADLINE)
    return batches + handed_on + runs.every


def megabytes(gigabytes: float) -> float:
    """Give megabytes."""
    return gigabytes * GB / MB
