"""Writes the segments of one backup: takes outcomes in any order, keeps the order of keys, closes full segments."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from functions.contract.object_keys import manifest_key
from functions.engine.commit import SAMPLE
from functions.engine.errors import ConflictError, SourceDeniedError
from functions.engine.manifest import Header, ManifestWriter, Trailer
from functions.engine.model import PackId, Segment, Totals, Unreadable
from functions.engine.packer import Packer
from functions.engine.ports import BlobStore
from functions.engine.reading import Outcome
from functions.engine.safety import SafetyParameters


@dataclass(slots=True)
class _Open:
    writer: ManifestWriter
    number: int
    entries: int = 0
    first_key: str = ""
    last_key: str = ""
    totals: Totals = field(default_factory=Totals)
    packs: set[PackId] = field(default_factory=set)
    unreadable: list[Unreadable] = field(default_factory=list)


class SegmentWriter:
    """The manifest side of a backup. Used by the backup's own thread only."""

    def __init__(self, store: BlobStore, packer: Packer, header: Header, safety: SafetyParameters) -> None:
        """Start with the segment that `header` names; the next ones follow in number."""
        self._store = store
        self._packer = packer
        self._header = header
        self._safety = safety
        self._waiting: dict[int, Outcome] = {}
        self._next = 0
        self._open: _Open | None = None
        self._number = header.segment
        self._written: list[Segment] = []

    @property
    def settled(self) -> int:
        """Say how many outcomes have been written, or dropped, in their order."""
        return self._next

    def add(self, outcome: Outcome) -> None:
        """Take one outcome; write all lines whose turn has come. Raises the outcome's error, if it has one."""
        if outcome.error is not None:
            raise outcome.error
        self._waiting[outcome.sequence] = outcome
        while (ready := self._waiting.pop(self._next, None)) is not None:
            self._next += 1
            if ready.line:
                self._write(ready)

    def finish(self) -> list[Segment]:
        """Close the last segment and give all. No objects give one segment without entries."""
        if self._open is not None or not self._written:
            self._close()
        return self._written

    def _write(self, outcome: Outcome) -> None:
        if self._open is None:
            self._open = self._start()
        current = self._open
        current.writer.add(outcome.line)
        current.entries += 1
        current.first_key = current.first_key or outcome.key
        current.last_key = outcome.key
        current.packs.update(outcome.packs)
        current.totals = current.totals.plus(_count(outcome))
        if outcome.unreadable is not None and len(current.unreadable) < SAMPLE:
            current.unreadable.append(outcome.unreadable)
        if current.entries >= self._safety.segment_entries or current.writer.size >= self._safety.segment_bytes:
            self._close()

    def _start(self) -> _Open:
        return _Open(ManifestWriter(self._header._replace(segment=self._number)), self._number)

    def _close(self) -> None:
        current = self._open or self._start()
        packs = frozenset(current.packs)
        parts, sha256 = current.writer.finish(Trailer(current.totals, packs))
        self._packer.await_durable(packs)
        header = self._header
        self._put(manifest_key(header.source, header.user, header.backup_id, current.number), parts)
        self._written.append(
            Segment(
                current.number,
                sha256,
                current.totals,
                packs,
                current.first_key,
                current.last_key,
                tuple(current.unreadable),
            )
        )
        self._open = None
        self._number += 1

    def _put(self, key: str, parts: list[bytes]) -> None:
        put_once(self._store, key, b"".join(parts))


def refuse_if_all_denied(segments: Sequence[Segment]) -> None:
    """Raise when not one object could be read for want of rights: that is a wrong set-up, not a backup.

    Asked of a whole backup, never of a part: the last part may well hold nothing but the one denied object.
    """
    unreadable = [item for segment in segments for item in segment.unreadable]
    if not unreadable or any(segment.totals.files for segment in segments):
        return
    if all(item.code == SourceDeniedError.code for item in unreadable):
        raise SourceDeniedError(unreadable[0].reason)


def put_once(store: BlobStore, key: str, data: bytes) -> None:
    """Write an object that must be new. That it exists with the same bytes is success: an attempt came through."""
    future: Future[None] = store.put_new(key, [data])
    try:
        future.result()
    except ConflictError:
        if bytes(store.get(key).result()) != data:
            raise


def _count(outcome: Outcome) -> Totals:
    if outcome.unreadable is not None:
        return Totals(unreadable=1, source=outcome.size)
    return Totals(1, 0, outcome.size, outcome.read, outcome.new, outcome.stored)
