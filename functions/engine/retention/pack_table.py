"""All packs of a repository in a few arrays: 36 bytes a pack, 36 MB for a million, and 32 more to measure them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from enum import IntEnum
from itertools import accumulate
from typing import NamedTuple

from functions.contract.object_keys import PACKS, parse_pack_key
from functions.engine.errors import CorruptionError
from functions.engine.model import BlobInfo, PackId
from functions.engine.ports import BlobStore

_ID = 16
_MANY = 4_096
"""From so many packs on they are found by the first two bytes of their ids instead of one."""
_GRAINS = 256
"""Parts into which a pack is divided to measure how much of it is needed."""
_TAGGED, _TAINTED = 1, 2


class Past(IntEnum):
    """What earlier collections did to a pack."""

    NOTHING = 0
    CONDEMNED = 1
    EXPIRED = 2
    DRAINED = 3


class Fate(IntEnum):
    """What this collection does to a pack."""

    KEEP = 0
    CONDEMN = 1
    WAIT = 2
    EXPIRE = 3
    GONE = 4
    READMIT = 5
    RESCUE = 6
    DRAIN = 7
    DRAINED = 8


class PackFacts(NamedTuple):
    """What is known of one pack. `since` is when it was condemned."""

    pack: PackId
    modified: datetime
    size: int
    live: bool
    past: Past
    since: datetime | None
    tagged: bool
    """An earlier collection may have tagged it as expired."""


class PackTable:
    """Filled once from a listing, in the order of the ids; then asked and marked by position."""

    def __init__(self, blobs: Iterable[BlobInfo], *, measured: bool = False) -> None:
        """Take packs as a listing gives them; what is no pack is left out. CorruptionError when it is not sorted."""
        self.bytes = 0
        self._ids = bytearray()
        self._modified = array("I")
        self._sizes = array("I")
        self._fill(blobs)
        count = len(self)
        self._prefix = 2 if count > _MANY else 1
        self._starts = self._count_prefixes()
        self._since = array("I", bytes(4 * count))
        self._live = bytearray(count)
        self._past = bytearray(count)
        self._tagged = bytearray(count)
        self._fates = bytearray(count)
        self._grains = bytearray(count * _GRAINS // 8) if measured else None

    @classmethod
    def list(cls, store: BlobStore, *, measured: bool = False) -> PackTable:
        """List the packs of a repository."""
        return cls(store.list(PACKS), measured=measured)

    def __len__(self) -> int:
        return len(self._sizes)

    def find(self, pack: bytes) -> int | None:
        """Give the position of a pack, by its 16 bytes, or None when it was not listed."""
        prefix = int.from_bytes(pack[: self._prefix])
        position, end = self._starts[prefix] * _ID, self._starts[prefix + 1] * _ID
        while (position := self._ids.find(pack, position, end)) % _ID:
            if position < 0:
                return None
            position += 1
        return position // _ID

    def mark(self, pack: PackId) -> bool:
        """Note that a commit record needs a pack; say whether it was listed."""
        position = self.find(bytes.fromhex(pack))
        if position is None:
            return False
        self._live[position] = 1
        return True

    def cover(self, pack: PackId, offset: int, stored: int) -> None:
        """Note that a range of a pack is needed. What is partly needed counts whole, up to a 256th of the pack."""
        position = self.find(bytes.fromhex(pack))
        if position is None or self._grains is None or not stored:
            return
        size = max(self._sizes[position], 1)
        first = min(offset * _GRAINS // size, _GRAINS - 1)
        last = min((offset + stored - 1) * _GRAINS // size, _GRAINS - 1)
        start = position * _GRAINS // 8
        held = int.from_bytes(self._grains[start : start + _GRAINS // 8])
        held |= ((1 << (last - first + 1)) - 1) << first
        self._grains[start : start + _GRAINS // 8] = held.to_bytes(_GRAINS // 8)

    def forget_measures(self) -> None:
        """Call no pack sparse: not everything that is needed could be measured."""
        self._grains = None

    def needed_share(self, position: int) -> float:
        """Give the part of a pack that is needed; all of it when nothing was measured."""
        if self._grains is None:
            return 1.0
        start = position * _GRAINS // 8
        return int.from_bytes(self._grains[start : start + _GRAINS // 8]).bit_count() / _GRAINS

    def remember(self, position: int, past: Past, since: datetime | None) -> None:
        """Note what an earlier collection did to a pack."""
        self._past[position] = past
        self._since[position] = int(since.timestamp()) if since is not None else 0

    def remember_tag(self, position: int) -> None:
        """Note that an earlier collection may have tagged a pack."""
        self._tagged[position] |= _TAGGED

    def taint(self, pack: PackId) -> None:
        """Note that a pack holds chunks of a user who is erased."""
        position = self.find(bytes.fromhex(pack))
        if position is not None:
            self._tagged[position] |= _TAINTED

    def is_tainted(self, position: int) -> bool:
        """Say whether it was noted that a pack holds such chunks."""
        return bool(self._tagged[position] & _TAINTED)

    def facts(self, position: int) -> PackFacts:
        """Give what is known of a pack."""
        since = self._since[position]
        return PackFacts(
            self._ids[position * _ID : (position + 1) * _ID].hex(),
            _moment(self._modified[position]),
            self._sizes[position],
            bool(self._live[position]),
            Past(self._past[position]),
            _moment(since) if since else None,
            bool(self._tagged[position] & _TAGGED),
        )

    def decide(self, position: int, fate: Fate) -> None:
        """Note what this collection does to a pack."""
        self._fates[position] = fate

    def fate(self, position: int) -> Fate:
        """Give what was decided for a pack."""
        return Fate(self._fates[position])

    def with_fate(self, *fates: Fate) -> Iterator[int]:
        """Give the positions of the packs for which one of these was decided."""
        wanted = frozenset(fates)
        return (position for position, fate in enumerate(self._fates) if fate in wanted)

    def pack(self, position: int) -> PackId:
        """Give the id of a pack."""
        return self._ids[position * _ID : (position + 1) * _ID].hex()

    def _fill(self, blobs: Iterable[BlobInfo]) -> None:
        last = b""
        for blob in blobs:
            pack = parse_pack_key(blob.key)
            if pack is None:
                continue
            item = bytes.fromhex(pack)
            if item <= last:
                raise CorruptionError(f"the listing of packs is not sorted: {pack} comes after {last.hex()}")
            last = item
            self._ids += item
            self._modified.append(int(datetime.fromisoformat(blob.modified).timestamp()))
            self._sizes.append(blob.size)
            self.bytes += blob.size

    def _count_prefixes(self) -> array[int]:
        """Give the position of the first pack of each prefix, and the number of packs at the end."""
        counts = array("I", bytes(4 * (256**self._prefix + 1)))
        for start in range(0, len(self._ids), _ID):
            counts[int.from_bytes(self._ids[start : start + self._prefix]) + 1] += 1
        return array("I", accumulate(counts))


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
