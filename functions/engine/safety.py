"""Every size and waiting time that safety or memory depends on, in one place, with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from functions.engine.errors import ConfigurationError

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class SafetyParameters:
    """Limits of a backup, of a restore and of a collection. The defaults fit a worker with one to four cores."""

    pack_target: int = 16 * MIB
    """A pack is closed at the first chunk that reaches this: PUT cost hardly falls beyond it."""

    pack_chunks: int = 16_384
    """... or at this many of them: whoever reads a pack holds its index in memory, and chunks may be tiny."""

    pack_limit: int = 32 * MIB
    """The format promises readers that no pack is larger. A restore reads no range of a pack longer than this."""

    buffer_budget: int = 48 * MIB
    """Bytes of source objects in memory at once. Bounds the worker's memory, whatever the object's size."""

    packs_in_flight: int = 3
    """Closed packs whose upload has not ended. With the open one this bounds memory to four packs."""

    part_size: int = 8 * MIB
    """Larger objects are read, and restored, in parts of this size."""

    batch_bytes: int = 8 * MIB
    """Small objects are handed to a worker together until they reach this."""

    batch_files: int = 256
    """... or this many of them."""

    entry_window: int = 8_192
    """Entries of one backup that may wait for an earlier one, since a manifest is sorted by key."""

    segment_entries: int = 100_000
    """A segment is closed at this many entries, so nobody ever holds a large manifest in memory."""

    segment_bytes: int = 8 * MIB
    """... or at this many compressed bytes."""

    object_limit: int | None = None
    """Larger objects are called unreadable: where the time of an invocation ends, so does what it can read."""

    read_attempts: int = 4
    """How often an object that changes while it is read is read again before it is called unreadable."""

    restore_window: int = 16_384
    """Chunks planned together in a restore: they are sorted by place, so each pack range is read once."""

    restore_group: int = 16 * MIB
    """Plain bytes restored together from one or a few range reads; those that several files share count once."""

    restore_written: int = 24 * MIB
    """... and the bytes that are written from them: a destination may hold a copy of each file under way."""

    restore_unit: int = 2 * KIB
    """What a file's entry itself takes in memory, so that many tiny files are bounded too."""

    restore_budget: int = 48 * MIB
    """Plain bytes of a restore in memory at once."""

    coalesce_gap: int = 128 * KIB
    """Ranges of a pack that lie closer than this are read by one request: reading on is cheaper than asking."""

    clock_skew: timedelta = timedelta(hours=1)
    """How far any two clocks may differ. AWS refuses requests that are signed 15 minutes off."""

    job_limit: timedelta = timedelta(hours=40)
    """A backup that was begun longer ago is not committed: what it relies on may have been let go meanwhile."""

    grace: timedelta = timedelta(days=2)
    """What no backup needs is not touched before it is this old: an unfinished backup may have written it."""

    second_look: timedelta = timedelta(days=2)
    """From the moment when nothing new can come to rely on an object until it may be tagged as expired."""

    collection_limit: timedelta = timedelta(hours=3)
    """A collection tags nothing any more when it began longer ago: the machine may have slept."""

    condemn_limit: int = 20_000
    """Packs condemned by one collection at most: each costs a read, and a write for every chunk in it."""

    expire_share: float = 0.1
    """A collection that would let go a larger part of all bytes, or of all backups, lets go nothing and says so."""

    expire_floor: int = 1024 * MIB
    """... unless they are fewer bytes than this: in a small repository everything is a large part."""

    expire_floor_backups: int = 100
    """... or fewer backups than this."""

    sparse_share: float = 0.3
    """Packs of which a smaller part is needed take part in deduplication no more, so that they can end."""

    lock_step: timedelta = timedelta(days=10)
    """A lock is extended by this much, so one request in ten days keeps an object locked."""

    lock_horizon: timedelta = timedelta(days=7)
    """Locks that end sooner are extended: so many days may pass without a collection."""

    def __post_init__(self) -> None:
        """Refuse waiting times under which a collection could let go what a backup under way relies on."""
        longest = self.job_limit + 2 * self.clock_skew
        for name in ("grace", "second_look"):
            if getattr(self, name) < longest:
                raise ConfigurationError(f"{name} must be at least job_limit and twice clock_skew, which is {longest}")


DEFAULT_SAFETY = SafetyParameters()
