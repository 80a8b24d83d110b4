"""Manifests: JSON lines under zstd; a header, one line an object in key order, a trailer.

Readers and writers stream. Lines are kept as bytes as long as possible: an unchanged object's line passes from
the parent's manifest to the new one as it stands.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import zstandard

from functions.engine import codec
from functions.engine.errors import FormatError, ManifestCorruptError
from functions.engine.model import Buffer, ChunkRef, FileEntry, PackId, Properties, Totals, Unreadable

VERSION = 1
_READ_SIZE = 1024 * 1024
_WRITE_SIZE = 64 * 1024
_JSON = json.JSONDecoder()
_LINE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_quoted = _LINE.encode


class Header(NamedTuple):
    """The first line: which segment of which backup this is."""

    source: str
    user: str
    backup_id: str
    segment: int


class Trailer(NamedTuple):
    """The last line: what the segment counts, so that a backup can be committed from its manifests alone."""

    totals: Totals
    packs: frozenset[PackId]


@dataclass(frozen=True, slots=True)
class Line:
    """A file's line: its bytes as they stand, and its document, decoded only as far as somebody asks."""

    raw: bytes
    key: str
    size: int
    etag: str
    document: dict[str, Any]

    def entry(self) -> FileEntry:
        """Decode the whole line."""
        return decode_entry(self.document)

    def packs(self) -> set[PackId]:
        """Give the packs that the file needs."""
        return {chunk[1] for chunk in self.document["chunks"]}


def encode_entry(entry: FileEntry) -> bytes:
    """Give the line of a file, without the newline. Empty fields are left out.

    Put together here, from strings that the encoder has quoted: for a whole document it takes three times as long,
    and there is one for every file that is read.
    """
    key, size, etag, modified, refs, version, properties = entry
    fields = f'"key":{_quoted(key)},"size":{size},"etag":{_quoted(etag)},"modified":{_quoted(modified)}'
    if version is not None:
        fields += f',"version":{_quoted(version)}'
    for name, value in (("system", properties.system), ("user", properties.user), ("tags", properties.tags)):
        if value:
            fields += f',"{name}":{_quoted_strings(value)}'
    chunks = ",".join(
        [f'["{id_.hex()}",{_quoted(pack)},{at},{stored},{length}]' for id_, pack, at, stored, length in refs]
    )
    return f'{{{fields},"chunks":[{chunks}]}}'.encode()


def encode_unreadable(item: Unreadable) -> bytes:
    """Give the line of an object that could not be read."""
    return _encode({"key": item.key, "unreadable": {"code": item.code, "reason": item.reason}})


def decode_entry(document: dict[str, Any]) -> FileEntry:
    """Undo `encode_entry` on a parsed line, or raise ManifestCorruptError."""
    try:
        chunks = tuple(
            ChunkRef(bytes.fromhex(chunk), pack, offset, stored, length)
            for chunk, pack, offset, stored, length in document["chunks"]
        )
        properties = Properties(document.get("system", {}), document.get("user", {}), document.get("tags", {}))
        return FileEntry(
            document["key"],
            document["size"],
            document["etag"],
            document["modified"],
            chunks,
            document.get("version"),
            properties,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ManifestCorruptError(f"the line of {document.get('key')!r} cannot be decoded: {error!r}") from error


class ManifestWriter:
    """Compresses the lines of one segment as they come. Not safe for concurrent use."""

    def __init__(self, header: Header) -> None:
        """Start the segment with its header line."""
        self._stream: zstandard.ZstdCompressionObj | None = None
        self._lines: list[bytes] = []
        self._pending = 0
        self._parts: list[bytes] = []
        self.size = 0
        self._write(_encode({"format": VERSION, **header._asdict()}))

    def add(self, line: bytes) -> None:
        """Append one line, given without its newline. The caller keeps the order of keys."""
        self._write(line)

    def finish(self, trailer: Trailer) -> tuple[list[bytes], str]:
        """Append the trailer; give the manifest's bytes in parts and their SHA-256 in hexadecimal."""
        document = {"end": trailer.totals._asdict(), "packs": sorted(trailer.packs)}
        self._write(_encode(document))
        self._lines.append(b"")
        rest = b"\n".join(self._lines)
        if self._stream is None:
            self._keep(_compressor().compress(rest))
        else:
            self._keep(self._stream.compress(rest))
            self._keep(self._stream.flush())
        digest = hashlib.sha256()
        for part in self._parts:
            digest.update(part)
        return self._parts, digest.hexdigest()

    def _write(self, line: bytes) -> None:
        self._lines.append(line)
        self._pending += len(line)
        if self._pending >= _WRITE_SIZE:
            self._compress()

    def _compress(self) -> None:
        """Compress what has come. A small manifest never gets here: a stream costs more to set up than it costs."""
        if self._stream is None:
            self._stream = _compressor().compressobj()
        self._lines.append(b"")
        self._keep(self._stream.compress(b"\n".join(self._lines)))
        self._lines.clear()
        self._pending = 0

    def _keep(self, part: bytes) -> None:
        if part:
            self._parts.append(part)
            self.size += len(part)


class ManifestReader:
    """Reads one segment's manifest line by line, and knows its header at once and its trailer at the end."""

    def __init__(self, data: Buffer, name: str) -> None:
        """Open the manifest `data`; `name` stands in messages. Raises when it is damaged or of a newer format."""
        self._name = name
        self.trailer: Trailer | None = None
        self._raws = _split(self._decompress(data))
        first = self._document(next(self._raws, b"{}"))
        if not isinstance(first.get("format"), int) or first["format"] < 1:
            raise self._corrupt("it has no header")
        if first["format"] > VERSION:
            raise FormatError(f"{name} has format {first['format']}, this release reads up to {VERSION}")
        try:
            self.header = Header(*(first[field] for field in Header._fields))
        except KeyError as error:
            raise self._corrupt(f"its header lacks {error}") from error

    def lines(self, skip: Callable[[bytes], bool] | None = None) -> Iterator[Line | Unreadable]:
        """Give files and unreadable objects in key order. Raises ManifestCorruptError at the first damage.

        Lines whose bytes `skip` wants to hear no more of are left out, and not decoded.
        """
        try:
            for raw in self._raws:
                if skip is not None and self.trailer is None and skip(raw):
                    continue
                document = self._document(raw)
                if self.trailer is not None:
                    raise self._corrupt("it goes on after its last line")
                if "chunks" in document:
                    yield Line(raw, document["key"], document["size"], document["etag"], document)
                elif "unreadable" in document:
                    yield Unreadable(document["key"], **document["unreadable"])
                else:
                    self.trailer = decode_trailer(document)
        except (KeyError, TypeError, ValueError) as error:
            raise self._corrupt(f"a line lacks a field or has a wrong one: {error!r}") from error
        if self.trailer is None:
            raise self._corrupt("it is cut short")

    def _document(self, raw: bytes) -> dict[str, Any]:
        try:
            document = _JSON.decode(raw.decode())
        except ValueError as error:
            raise self._corrupt(str(error)) from error
        if not isinstance(document, dict):
            raise self._corrupt("a line is not an object")
        return document

    def _decompress(self, data: Buffer) -> Iterator[bytes]:
        try:
            with zstandard.ZstdDecompressor().stream_reader(data) as reader:
                while block := reader.read(_READ_SIZE):
                    yield block
        except zstandard.ZstdError as error:
            raise self._corrupt(str(error)) from error

    def _corrupt(self, what: str) -> ManifestCorruptError:
        return ManifestCorruptError(f"manifest {self._name}: {what}")


def decode_trailer(document: dict[str, Any]) -> Trailer:
    """Read a trailer line's document."""
    return Trailer(Totals(**document["end"]), frozenset(document["packs"]))


def check_digest(data: Buffer, sha256: str, name: str) -> None:
    """Raise ManifestCorruptError unless `data` has the SHA-256 that the commit record states."""
    actual = hashlib.sha256(data).hexdigest()
    if actual != sha256:
        raise ManifestCorruptError(f"manifest {name}: its SHA-256 is {actual}, the commit record states {sha256}")


def _compressor() -> zstandard.ZstdCompressor:
    return zstandard.ZstdCompressor(level=codec.LEVEL, write_checksum=True)


def _split(blocks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        yield from lines
    if rest:
        yield rest


def _encode(document: dict[str, Any]) -> bytes:
    return _LINE.encode(document).encode()


def _quoted_strings(texts: Mapping[str, str]) -> str:
    pairs = [f"{_quoted(name)}:{_quoted(text)}" for name, text in texts.items()]
    return f"{{{','.join(pairs)}}}"
