"""Cuts a restore into pieces of bounded size and decides which byte ranges of which packs each piece reads. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from functions.engine.model import ChunkId, ChunkRef, FileEntry, PackId
from functions.engine.pack import FOOTER_SIZE
from functions.engine.ports import Target
from functions.engine.safety import SafetyParameters

_MAX_PARTS = 9_000
"""S3 takes 10,000 parts an upload (Amazon S3 User Guide, "Multipart upload limits"); this leaves room."""


_MAX_LENGTH = 2**63


class Unit(NamedTuple):
    """What is written by one call: a whole file, or part `number` of one, whose first byte stands at `offset`."""

    target: Target
    entry: FileEntry
    chunks: tuple[ChunkRef, ...]
    size: int
    number: int | None = None
    offset: int = 0


class PackRange(NamedTuple):
    """Bytes of a pack to read: `length` from `start`."""

    pack: PackId
    start: int
    length: int


class Group(NamedTuple):
    """Units restored together, the ranges they need, and the memory that takes, in bytes."""

    units: list[Unit]
    ranges: list[PackRange]
    cost: int

    def range_of(self, ref: ChunkRef) -> int:
        """Give the position of the range that covers `ref`."""
        position = bisect_right(self.ranges, (ref.pack, ref.offset, _MAX_LENGTH)) - 1
        if position >= 0:
            found = self.ranges[position]
            if found.pack == ref.pack and ref.offset + ref.stored <= found.start + found.length:
                return position
        raise LookupError(f"no range covers chunk {ref.chunk.hex()}")


def units_of(target: Target, entry: FileEntry, part_size: int) -> list[Unit]:
    """Cut a file into parts of about `part_size` bytes at chunk boundaries; a small file is one unit."""
    if entry.size <= part_size:
        return [Unit(target, entry, entry.chunks, entry.size)]
    wanted = max(part_size, entry.size // _MAX_PARTS)
    units: list[Unit] = []
    chunks: list[ChunkRef] = []
    size = offset = 0
    for ref in entry.chunks:
        chunks.append(ref)
        size += ref.length
        if size >= wanted:
            units.append(Unit(target, entry, tuple(chunks), size, len(units), offset))
            offset += size
            chunks, size = [], 0
    if chunks:
        units.append(Unit(target, entry, tuple(chunks), size, len(units), offset))
    return units


def group_units(units: Iterable[Unit], safety: SafetyParameters) -> Iterator[Group]:
    """Sort units by the place of their first chunk, so that each pack is read once and in order, and group them.

    Files that share chunks lie next to each other then: in one group a shared chunk is read and proven once.
    """
    pending: list[Unit] = []
    held: set[ChunkRef] = set()
    size = written = 0
    for unit in sorted(units, key=_place):
        weight = safety.restore_unit + sum(ref.length for ref in unit.chunks if ref not in held)
        full = size + weight > safety.restore_group or written + unit.size > safety.restore_written
        if pending and full:
            yield _group(pending, safety)
            pending, held, size, written = [], set(), 0, 0
            weight = safety.restore_unit + unit.size
        pending.append(unit)
        held.update(unit.chunks)
        size += weight
        written += unit.size
    if pending:
        yield _group(pending, safety)


def coalesce(refs: Iterable[ChunkRef], gap: int, limit: int) -> list[PackRange]:
    """Give the ranges that cover `refs`, sorted; those less than `gap` apart become one, of at most `limit` bytes."""
    by_pack: defaultdict[PackId, set[tuple[int, int]]] = defaultdict(set)
    for ref in refs:
        by_pack[ref.pack].add((ref.offset, ref.offset + ref.stored))
    ranges: list[PackRange] = []
    for pack, spans in sorted(by_pack.items()):
        ordered = sorted(spans)
        start, end = ordered[0]
        for next_start, next_end in ordered[1:]:
            if next_start - end <= gap and next_end - start <= limit:
                end = max(end, next_end)
            else:
                ranges.append(PackRange(pack, start, end - start))
                start, end = next_start, next_end
        ranges.append(PackRange(pack, start, end - start))
    return ranges


def _group(units: list[Unit], safety: SafetyParameters) -> Group:
    # Two workers may have stored one chunk at the same time: files then name different places for it, and all count.
    refs = dict.fromkeys(ref for unit in units for ref in unit.chunks)
    plain: dict[ChunkId, int] = {ref.chunk: ref.length for ref in refs}
    ranges = coalesce(refs, safety.coalesce_gap, safety.pack_limit + FOOTER_SIZE)
    cost = sum(item.length for item in ranges) + sum(plain.values()) + len(units) * safety.restore_unit
    return Group(units, ranges, cost)


def _place(unit: Unit) -> tuple[PackId, int]:
    return (unit.chunks[0].pack, unit.chunks[0].offset) if unit.chunks else ("", 0)
