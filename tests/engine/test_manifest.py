"""Manifests: lines round-trip, and no damage to a manifest passes."""

import json
from typing import Any

import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from functions.engine.errors import FormatError, ManifestCorruptError
from functions.engine.manifest import (
    Header,
    Line,
    ManifestReader,
    ManifestWriter,
    Trailer,
    check_digest,
    decode_entry,
    encode_entry,
    encode_unreadable,
)
from functions.engine.model import ChunkRef, FileEntry, Properties, Totals, Unreadable
from tests.engine.kit import flip, joined
from tests.strategies import entries, unreadables

HEADER = Header("reports", "alice", "20261120T020000Z-1f3a9c20", 3)
TRAILER = Trailer(Totals(2, 1, 300, 300, 200, 100), frozenset({"ab" * 16, "cd" * 16}))
REF = ChunkRef(bytes(range(32)), "ab" * 16, 7, 80, 100)
ENTRY = FileEntry(
    "alice/a.txt",
    100,
    "e1",
    "2026-11-20T02:00:00.000Z",
    (REF,),
    "v1",
    Properties({"content-type": "text/plain"}, {"owner": "Ada"}, {"class": "secret"}),
)
CHECKSUM = 4
UNREADABLE = Unreadable("alice/b.txt", "OBJECT_DENIED", "it may not be read")


def write(lines: list[bytes], header: Header = HEADER, trailer: Trailer = TRAILER) -> bytes:
    """Give the bytes of a manifest."""
    writer = ManifestWriter(header)
    for line in lines:
        writer.add(line)
    return joined(writer.finish(trailer)[0])


def raw_manifest(*documents: object) -> bytes:
    """Compress lines as they are; what is no text is made JSON."""
    lines = [item if isinstance(item, str) else json.dumps(item) for item in documents]
    return zstandard.ZstdCompressor().compress("".join(f"{line}\n" for line in lines).encode())


def read(data: bytes) -> list[Line | Unreadable]:
    """Read all lines of a manifest."""
    return list(ManifestReader(data, "m").lines())


EXOTIC = ["100%", "a\nb", "\x00", "日本/語", "x" * 1024, "é" * 512, "𝄞", '"\\', "a//b/", "/", " "]


@pytest.mark.parametrize("key", EXOTIC)
def test_exotic_keys_come_back(key: str) -> None:
    """A key may hold anything that S3 takes: newlines, quotes, control characters, 1,024 bytes."""
    (line,) = read(write([encode_entry(FileEntry(key, 0, "e", "t", ()))]))
    assert line.key == key


@given(entries)
@example(ENTRY)
def test_a_line_is_what_a_json_encoder_writes(entry: FileEntry) -> None:
    """To the byte, though no encoder sees it whole: no space, text as UTF-8, and only what JSON demands escaped."""
    line = encode_entry(entry)
    assert json.dumps(json.loads(line), ensure_ascii=False, separators=(",", ":")).encode() == line
    assert b"\n" not in line


@given(st.lists(st.one_of(entries, unreadables), max_size=6))
@example([])
def test_a_manifest_gives_back_what_was_written(items: list[FileEntry | Unreadable]) -> None:
    """Header, files with all their properties and places, unreadable objects and trailer."""
    lines = [encode_entry(item) if isinstance(item, FileEntry) else encode_unreadable(item) for item in items]
    reader = ManifestReader(write(lines), "m")
    found = list(reader.lines())
    assert reader.header == HEADER
    assert [item.entry() if isinstance(item, Line) else item for item in found] == items
    assert reader.trailer == TRAILER


@given(entries)
def test_a_line_passes_into_the_next_manifest_as_it_stands(entry: FileEntry) -> None:
    """The raw bytes of a line are those that were written, so carrying over loses nothing."""
    raw = encode_entry(entry)
    (line,) = read(write([raw]))
    assert isinstance(line, Line)
    assert line.raw == raw
    assert (line.key, line.size, line.etag) == (entry.key, entry.size, entry.etag)
    assert line.packs() == {ref.pack for ref in entry.chunks}


def test_a_line_holds_no_newline_and_no_empty_field() -> None:
    """A line is a line, and most lines are short."""
    raw = encode_entry(FileEntry("a\nb", 0, "e", "t", ()))
    assert b"\n" not in raw
    assert json.loads(raw) == {"key": "a\nb", "size": 0, "etag": "e", "modified": "t", "chunks": []}


def test_lines_that_are_not_wanted_are_left_out_undecoded() -> None:
    """By their bytes; the trailer is read all the same."""
    other = encode_entry(ENTRY).replace(b"a.txt", b"c.txt")
    reader = ManifestReader(write([b"no JSON", encode_entry(ENTRY), other]), "m")
    left = list(reader.lines(skip={b"no JSON", encode_entry(ENTRY)}.__contains__))
    assert [line.raw for line in left if isinstance(line, Line)] == [other]
    assert reader.trailer == TRAILER


def test_a_line_after_the_trailer_is_damage_though_nobody_wants_it() -> None:
    """What was checked elsewhere does not belong there."""
    known = encode_entry(ENTRY)
    trailer = {"end": TRAILER.totals._asdict(), "packs": []}
    data = raw_manifest({"format": 1, **HEADER._asdict()}, known.decode(), trailer, known.decode())
    with pytest.raises(ManifestCorruptError, match="goes on"):
        list(ManifestReader(data, "m").lines(skip=known.__eq__))


def test_the_digest_is_that_of_the_bytes() -> None:
    """The commit record can prove a manifest."""
    writer = ManifestWriter(HEADER)
    parts, sha256 = writer.finish(TRAILER)
    assert writer.size == len(joined(parts))
    check_digest(joined(parts), sha256, "m")
    with pytest.raises(ManifestCorruptError, match="manifest m: its SHA-256 is"):
        check_digest(joined(parts) + b"\0", sha256, "m")


def test_a_manifest_of_many_lines_is_read_across_blocks() -> None:
    """Lines that cross the reader's blocks come out whole."""
    lines = [
        encode_entry(FileEntry(f"{number:06}", number, "e" * 400, "t", (REF._replace(offset=number),)))
        for number in range(5_000)
    ]
    assert [line.raw for line in read(write(lines)) if isinstance(line, Line)] == lines


def test_a_manifest_cut_short_anywhere_is_refused() -> None:
    """No beginning of a manifest passes for the whole; only the frame's own checksum at its end may be missing."""
    data = write([encode_entry(ENTRY), encode_unreadable(UNREADABLE)])
    good = read(data)
    for length in range(len(data) - CHECKSUM):
        with pytest.raises(ManifestCorruptError):
            read(data[:length])
    for length in range(len(data) - CHECKSUM, len(data)):
        assert read(data[:length]) == good


def test_no_flipped_bit_gives_other_lines() -> None:
    """The frame carries a checksum: damage is refused, or it meant nothing."""
    data = write([encode_entry(ENTRY), encode_unreadable(UNREADABLE)])
    good = read(data)
    refused = 0
    for position in range(len(data)):
        try:
            assert read(flip(data, position, position % 8)) == good
        except (ManifestCorruptError, FormatError):
            refused += 1
    assert refused > len(data) * 0.95


HEAD: dict[str, Any] = {"format": 1, **HEADER._asdict()}
END: dict[str, Any] = {"end": TRAILER.totals._asdict(), "packs": []}
FILE: dict[str, Any] = json.loads(encode_entry(ENTRY))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ((), "no header"),
        (("",), "Expecting value"),
        (("junk", END), "Expecting value"),
        (([1, 2], END), "not an object"),
        (({"format": "1"}, END), "no header"),
        ((END,), "no header"),
        (({"format": 1, "source": "reports"}, END), "header lacks"),
        ((HEAD,), "cut short"),
        ((HEAD, FILE), "cut short"),
        ((HEAD, "{", END), "Expecting property name"),
        ((HEAD, "", END), "Expecting value"),
        ((HEAD, "[]", END), "not an object"),
        ((HEAD, {}, END), "lacks a field"),
        ((HEAD, {"chunks": []}, END), "lacks a field"),
        ((HEAD, {"key": "a", "unreadable": {"code": "X"}}, END), "lacks a field"),
        ((HEAD, {"key": "a", "unreadable": 7}, END), "lacks a field"),
        ((HEAD, {"end": {"fires": 1}, "packs": []}), "lacks a field"),
        ((HEAD, {"end": 7, "packs": []}), "lacks a field"),
        ((HEAD, END, FILE), "goes on after its last line"),
        ((HEAD, END, END), "goes on after its last line"),
    ],
)
def test_a_manifest_that_is_none_is_refused(lines: tuple[object, ...], message: str) -> None:
    """Junk, missing headers, fields and trailers are named."""
    with pytest.raises(ManifestCorruptError, match=f"manifest m: .*{message}"):
        read(raw_manifest(*lines))


def test_a_last_line_without_its_newline_is_read() -> None:
    """Another writer may have left it out."""
    lines = [json.dumps(document) for document in (HEAD, FILE, END)]
    (line,) = read(zstandard.ZstdCompressor().compress("\n".join(lines).encode()))
    assert line.key == ENTRY.key


def test_bytes_that_are_no_zstd_frame_are_refused() -> None:
    """Not even a header can be read from them."""
    with pytest.raises(ManifestCorruptError, match="manifest m"):
        read(b"this is no frame")


def test_a_line_that_is_no_utf8_is_refused() -> None:
    """A key that cannot be read is no key."""
    data = zstandard.ZstdCompressor().compress(json.dumps(HEAD).encode() + b'\n{"key":"\xff"}\n')
    with pytest.raises(ManifestCorruptError):
        read(data)


def test_a_newer_format_is_refused_by_its_number() -> None:
    """A release that does not know a format says so, whatever else stands there."""
    with pytest.raises(FormatError, match="m has format 2, this release reads up to 1"):
        ManifestReader(raw_manifest({"format": 2, "everything": "else"}), "m")


def test_format_0_is_refused() -> None:
    """There never was a format 0."""
    with pytest.raises(ManifestCorruptError):
        ManifestReader(raw_manifest(HEAD | {"format": 0}, END), "m")


@pytest.mark.parametrize(
    "change",
    [
        {"chunks": [["zz", "p", 0, 1, 1]]},
        {"chunks": [["00", "p", 0, 1]]},
        {"chunks": 7},
        {"chunks": [7]},
        {"modified": None},
    ],
    ids=["no hexadecimal", "too few", "no list", "no place", "no time"],
)
def test_a_file_line_that_cannot_be_decoded_is_damage(change: dict[str, Any]) -> None:
    """What a line lacks comes out as an error of the tree when somebody asks for it, not as a KeyError."""
    document = {name: value for name, value in (FILE | change).items() if value is not None}
    with pytest.raises(ManifestCorruptError, match=r"alice/a\.txt"):
        decode_entry(document)
