"""Every size and waiting time that safety or memory depends on, in one place, with its reason."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class SafetyParameters:
    """Limits of a backup and of a restore. The defaults fit a worker with one to four cores."""

    pack_target: int = 16 * MIB
    """A pack is closed at the first chunk that reaches this: PUT cost hardly falls beyond it."""

    pack_limit: int = 32 * MIB
    """The format promises readers that no pack is larger. A restore reads no range of a pack longer than this."""

    buffer_budget: int = 48 * MIB
    """Bytes of source objects in memory at once. Bounds the worker's memory, whatever the object's size."""

    packs_in_flight: int = 3
    """Closed packs whose upload has not ended. With the open one this bounds memory to four packs."""

    part_size: int = 8 * MIB
    """Larger objects are read, and restored, in parts of this size."""

    batch_bytes: int = 2 * MIB
    """Small objects are handed to a worker together until they reach this."""

    batch_files: int = 64
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


DEFAULT_SAFETY = SafetyParameters()
