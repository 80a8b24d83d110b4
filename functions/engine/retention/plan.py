"""The plan of a collection, in the bucket: what it decided, and why. Version 1.

A plan is written as a backup is, streamed: parts of at most 100,000 lines or 8 MiB of JSON under zstd, and then
`plan.json`, which names them with their SHA-256. It is there before anything is done. `done.json` is written when
everything is done; a plan without it is one that somebody meant to follow.

Lines are about a backup, a segment without a backup, or a pack, and each says what becomes of it (`fate`) and why.
Packs that are simply kept have no line. Packs that are drained stand in parts of their own: backups read those.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import zstandard

from functions.contract.object_keys import DONE_NAME, PLAN_NAME, collection_key, plan_part_key
from functions.engine import codec
from functions.engine.errors import CorruptionError, FormatError
from functions.engine.model import Buffer
from functions.engine.ports import BlobStore
from functions.engine.segments import put_once

VERSION = 1
BACKUPS, PACKS, DRAINED = "backups", "packs", "drained"
KINDS = (BACKUPS, PACKS, DRAINED)
PART_LINES = 100_000
PART_BYTES = 8 * 1024 * 1024

Document: TypeAlias = Mapping[str, Any]
Sink: TypeAlias = Callable[[str, Document], None]
"""Takes a line and the kind of its part."""


@dataclass(slots=True)
class _Part:
    stream: zstandard.ZstdCompressionObj
    data: bytearray
    lines: int = 0


class PlanWriter:
    """Writes the parts of a plan as its lines come, one open part for each kind, and `plan.json` at the end."""

    def __init__(self, store: BlobStore, collection: str) -> None:
        """Write into the folder of `collection`."""
        self._store = store
        self._collection = collection
        self._open: dict[str, _Part] = {}
        self._parts: list[dict[str, Any]] = []

    def add(self, kind: str, line: Document) -> None:
        """Take one line."""
        part = self._open.get(kind)
        if part is None:
            part = self._open[kind] = _Part(zstandard.ZstdCompressor(level=codec.LEVEL).compressobj(), bytearray())
        part.data += part.stream.compress(_compact(line) + b"\n")
        part.lines += 1
        if part.lines >= PART_LINES or len(part.data) >= PART_BYTES:
            self._close(kind)

    def finish(self, head: Document) -> None:
        """Write what is open, then `plan.json` with `head` in it. From here on the plan exists."""
        for kind in list(self._open):
            self._close(kind)
        document = {"format": VERSION, **head, "parts": self._parts}
        put_once(self._store, collection_key(self._collection, PLAN_NAME), encode(document))

    def _close(self, kind: str) -> None:
        part = self._open.pop(kind)
        part.data += part.stream.flush()
        number = len(self._parts)
        sha256 = hashlib.sha256(part.data).hexdigest()
        self._parts.append({"number": number, "kind": kind, "lines": part.lines, "sha256": sha256})
        put_once(self._store, plan_part_key(self._collection, number), bytes(part.data))


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan that was read: its id, `plan.json`, and `done.json` if it is there."""

    collection: str
    head: Document
    done: Document | None

    def lines(self, store: BlobStore, kind: str) -> Iterator[dict[str, Any]]:
        """Stream the lines of one kind. CorruptionError when a part is not what was written."""
        for part in self.head["parts"]:
            if part["kind"] == kind:
                yield from _lines(self._data(store, part))

    def check(self, store: BlobStore, names: Collection[str], kinds: Collection[str]) -> None:
        """Look whether all parts are among the `names` of its folder, and read those of some kinds.

        CorruptionError when one is missing or not what was written.
        """
        for part in self.head["parts"]:
            key = plan_part_key(self.collection, part["number"])
            if key.rpartition("/")[2] not in names:
                raise CorruptionError(f"{key} is not there")
            if part["kind"] in kinds:
                self._data(store, part)

    def _data(self, store: BlobStore, part: Document) -> Buffer:
        key = plan_part_key(self.collection, part["number"])
        data = store.get(key).result()
        if hashlib.sha256(data).hexdigest() != part["sha256"]:
            raise CorruptionError(f"{key} does not have the SHA-256 that its plan states")
        return data


def read_plan(store: BlobStore, collection: str, *, done: bool) -> Plan:
    """Read `plan.json`, and `done.json` when it is there. FormatError when a newer release wrote it."""
    head = _read(store, collection_key(collection, PLAN_NAME))
    return Plan(collection, head, _read(store, collection_key(collection, DONE_NAME)) if done else None)


def write_done(store: BlobStore, collection: str, document: Document) -> None:
    """Say that everything is done that the plan says."""
    put_once(store, collection_key(collection, DONE_NAME), encode({"format": VERSION, **document}))


def encode(document: Document) -> bytes:
    """Give a document as JSON with sorted keys, for people too."""
    return json.dumps(document, sort_keys=True, ensure_ascii=False, indent=1).encode()


def _compact(line: Document) -> bytes:
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode()


def _read(store: BlobStore, key: str) -> Document:
    data = bytes(store.get(key).result())
    try:
        document: dict[str, Any] = json.loads(data)
        version = document["format"]
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptionError(f"{key} cannot be read: {error!r}") from error
    if version != VERSION:
        raise FormatError(f"{key} has format {version}, this release reads {VERSION}")
    return document


def _lines(data: Buffer) -> Iterator[dict[str, Any]]:
    rest = b""
    with zstandard.ZstdDecompressor().stream_reader(data) as reader:
        while block := reader.read(1024 * 1024):
            *lines, rest = (rest + block).split(b"\n")
            yield from map(json.loads, lines)
