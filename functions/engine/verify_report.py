"""What a verification finds: depths, damages and the report."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, TypeVar

from functions.engine.errors import StrongroomError
from functions.engine.manifest import Line
from functions.engine.model import ChunkId, ChunkRef, PackId
from functions.engine.repository import BackupName

T = TypeVar("T")

_TOUCHED_KEPT = 100


class Depth(StrEnum):
    """How far to look: commit records, manifests and footers; also some packs' bytes; also all packs' bytes."""

    STRUCTURE = "structure"
    SAMPLE = "sample"
    FULL = "full"


@dataclass(slots=True)
class Damage:
    """One damaged thing, and what it touches: counts are exact, names are the first 100."""

    code: str
    name: str
    detail: str
    pack: PackId | None = None
    chunk: ChunkId | None = None
    file_count: int = 0
    files: list[str] = field(default_factory=list)
    backups: list[BackupName] = field(default_factory=list)

    def touch(self, backup: BackupName, key: str | None = None) -> None:
        """Note that a backup, or one of its files, needs the damaged thing."""
        if backup not in self.backups and len(self.backups) < _TOUCHED_KEPT:
            self.backups.append(backup)
        if key is not None:
            self.file_count += 1
            if len(self.files) < _TOUCHED_KEPT:
                self.files.append(key)


@dataclass(slots=True)
class VerifyReport:
    """What was looked at and what was found. `orphans` are packs that none of the backups needs: harmless."""

    backups: int = 0
    files: int = 0
    packs: int = 0
    packs_read: int = 0
    bytes_read: int = 0
    orphans: int = 0
    damages: list[Damage] = field(default_factory=list)


class Share(NamedTuple):
    """Part `number` of `parts` of a verification.

    With `turns`, numbers that each part takes from and no other part gets again, the parts finish together.
    """

    number: int
    parts: int
    turns: Iterator[int] | None = None

    def of(self, items: Sequence[T]) -> Iterator[T]:
        """Give this part's items: those whose turn it takes, or every n-th."""
        if self.turns is None:
            return iter(items[self.number :: self.parts])
        return (items[turn] for turn in self.turns if turn < len(items))

    def run_of(self, items: Sequence[T]) -> Sequence[T]:
        """Give this part's items as one run: neighbours stay together."""
        start, end = (len(items) * number // self.parts for number in (self.number, self.number + 1))
        return items[start:end]


WHOLE = Share(0, 1)


def merge_reports(reports: Sequence[VerifyReport]) -> VerifyReport:
    """Join the reports of all parts. A damage that several parts met counts once."""
    merged = VerifyReport(reports[0].backups, packs=reports[0].packs, orphans=reports[0].orphans)
    found: dict[tuple[str, str, PackId | None], Damage] = {}
    for report in reports:
        merged.files += report.files
        merged.packs_read += report.packs_read
        merged.bytes_read += report.bytes_read
        for damage in report.damages:
            found.setdefault((damage.code, damage.name, damage.pack), damage)
    merged.damages = list(found.values())
    return merged


class DamageLog:
    """Collects damages, each once, and then what they touch. Safe from any thread."""

    def __init__(self) -> None:
        """Start with nothing found."""
        self._others: list[Damage] = []
        self._packs: dict[PackId, Damage] = {}
        self._chunks: dict[ChunkRef, Damage] = {}
        self._lock = threading.Lock()

    def add_backup(self, name: BackupName, what: str, error: StrongroomError) -> None:
        """Note a commit record or manifest that is damaged."""
        damage = Damage(error.code, what, error.message)
        damage.touch(name)
        with self._lock:
            self._others.append(damage)

    def add_pack(self, pack: PackId, error: StrongroomError) -> None:
        """Note a pack that is missing or whose index is damaged."""
        with self._lock:
            self._packs.setdefault(pack, Damage(error.code, f"pack {pack}", error.message, pack))

    def add_chunk(self, ref: ChunkRef, error: StrongroomError) -> None:
        """Note a chunk that is not what its id names."""
        name = f"chunk {ref.chunk.hex()}"
        with self._lock:
            self._chunks.setdefault(ref, Damage(error.code, name, error.message, ref.pack, ref.chunk))

    def knows_pack(self, pack: PackId) -> bool:
        """Say whether the pack is known to be damaged as a whole."""
        return pack in self._packs

    def needs_attribution(self) -> bool:
        """Say whether there is damage of which it is not known yet what it touches."""
        return bool(self._packs or self._chunks)

    def attribute(self, name: BackupName, line: Line) -> None:
        """Note which damages a file needs. Called from one thread."""
        entry = line.entry()
        found = {id(damage): damage for ref in entry.chunks for damage in self._of(ref)}
        for damage in found.values():
            damage.touch(name, entry.key)

    def all(self) -> list[Damage]:
        """Give everything that was found: backups, packs, chunks."""
        return [*self._others, *self._packs.values(), *self._chunks.values()]

    def _of(self, ref: ChunkRef) -> list[Damage]:
        return [damage for damage in (self._packs.get(ref.pack), self._chunks.get(ref)) if damage is not None]
