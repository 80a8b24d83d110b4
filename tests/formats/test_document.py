"""`docs/format.md` and the code say the same: each table and each vector of the document is read and compared."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import zstandard

from functions.contract import object_keys
from functions.engine import codec, commit, manifest, pack
from functions.engine.chunker import FORMAT_1, Chunker
from functions.engine.codec import Decoder, Encoder
from functions.engine.commit import SAMPLE, decode_commit, encode_commit
from functions.engine.manifest import (
    Header,
    Line,
    ManifestReader,
    ManifestWriter,
    Trailer,
    encode_entry,
    encode_unreadable,
)
from functions.engine.model import ChunkRef, Totals, Unreadable
from functions.engine.pack import FOOTER_SIZE, RECORD_SIZE, SUFFIX_READ, PackBuilder, encode_index
from functions.engine.safety import DEFAULT_SAFETY, KIB
from tests.engine.kit import joined
from tests.strategies import KEY_BYTES, noise

TEXT = (Path(__file__).parents[2] / "docs" / "format.md").read_text(encoding="utf-8")
PACK_ID = "0123456789abcdef0123456789abcdef"
BACKUP_ID = "20261120T020000Z-1f3a9c20"


def table(name: str) -> list[list[str]]:
    """Give the rows of the table that a comment names, without the backquotes around whole cells."""
    found = re.search(rf"<!-- table: {name} -->\n\n\|.*\n\|[ -|]*\n((?:\|.*\n)+)", TEXT)
    assert found is not None, name
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in found.group(1).splitlines()]
    return [[cell.strip("`") if cell.count("`") == 2 else cell for cell in row] for row in rows]


def vector(name: str) -> str:
    """Give the block that a comment names."""
    found = re.search(rf"<!-- vector: {name} -->\n\n```\w+\n(.*?)\n```\n", TEXT, re.DOTALL)
    assert found is not None, name
    return found.group(1)


def number(text: str) -> int:
    """Read a number with thousands separators and, perhaps, a unit behind it."""
    return int(text.split(maxsplit=1)[0].replace(",", ""))


class Cell(NamedTuple):
    """One field of a binary table."""

    offset: int
    size: int
    name: str


def cells(name: str) -> list[Cell]:
    """Give the fields of a binary table."""
    return [Cell(int(row[0]), int(row[1]), row[2]) for row in table(name)]


def parse(name: str, data: bytes) -> dict[str, bytes]:
    """Take bytes apart as a table of the document says, and as nothing else does."""
    return {cell.name: data[cell.offset : cell.offset + cell.size] for cell in cells(name)}


def integer(data: bytes) -> int:
    """Read a number of a pack."""
    return int.from_bytes(data, "big")


PACK = bytes.fromhex("".join(vector("pack").split()))
LINES = vector("manifest").splitlines()
MANIFEST = "".join(f"{line}\n" for line in LINES).encode()


def test_the_versions_are_those_of_the_document() -> None:
    """All are 1."""
    assert TEXT.startswith("# Repository format, version 1\n")
    assert (pack.VERSION, manifest.VERSION, commit.VERSION) == (1, 1, 1)


def test_the_keys_are_those_of_the_document() -> None:
    """Each kind of object."""
    named = {"<hh>": "01", "<pack-id>": PACK_ID, "<source>": "s", "<user>": "u", "<backup-id>": BACKUP_ID}
    made = [row[0] for row in table("keys")]
    for name, value in {**named, "<nnnnn>": "00007"}.items():
        made = [key.replace(name, value) for key in made]
    assert made == [
        object_keys.pack_key(PACK_ID),
        object_keys.manifest_key("s", "u", BACKUP_ID, 7),
        object_keys.commit_key("s", "u", BACKUP_ID),
    ]


def test_names_are_encoded_as_in_the_document() -> None:
    """Both ways round."""
    rows = table("names")
    assert len(rows) == 6
    for name, segment in rows:
        assert object_keys.encode_name(name) == segment
        assert object_keys.decode_name(segment) == name


def test_what_a_key_leaves_for_names_is_what_the_document_says() -> None:
    """Source and user together."""
    left = KEY_BYTES - len(object_keys.manifest_key("", "", BACKUP_ID, 0)) + 2 * len("@root")
    assert f"source and user have {left} bytes between them" in TEXT.replace("\n", " ")


def test_the_chunker_has_the_parameters_of_the_document() -> None:
    """And cuts the document's inputs as it says."""
    assert {row[0]: number(row[1]) for row in table("chunker")} == {
        "minimum": FORMAT_1.minimum,
        "average": FORMAT_1.average,
        "maximum": FORMAT_1.maximum,
        "normalization": FORMAT_1.normalization,
    }
    inputs = {"abc": b"abc", "SHAKE": hashlib.shake_256(b"strongroom format 1").digest(1_000_000)}
    rows = table("cuts")
    for name, data in inputs.items():
        wanted = [row[1:] for row in rows if row[0].startswith(name)]
        made: list[list[str]] = []
        offset = 0
        for chunk in Chunker().feed(data, last=True):
            made.append([f"{offset:,}", f"{len(chunk):,}", hashlib.sha256(chunk).hexdigest()])
            offset += len(chunk)
        assert made == wanted


def test_the_codecs_are_those_of_the_document() -> None:
    """Told apart by lengths."""
    assert {int(row[0]): row[1][14] for row in table("codecs")} == {codec.RAW: "=", codec.ZSTD: "<"}
    raw, compressed = (parse("record", record) for record in records()[:2])
    assert (integer(raw["codec"]), raw["stored"]) == (codec.RAW, raw["length"])
    assert integer(compressed["codec"]) == codec.ZSTD
    assert integer(compressed["stored"]) < integer(compressed["length"])


def records() -> list[bytes]:
    """Give the records of the document's pack, by the document alone."""
    footer = parse("footer", PACK[-64:])
    start = integer(footer["index_offset"])
    frame = PACK[start : start + integer(footer["index_stored"])]
    assert hashlib.sha256(frame).digest() == footer["index_sha256"]
    plain = zstandard.ZstdDecompressor().decompress(frame)
    return [plain[start : start + RECORD_SIZE] for start in range(0, len(plain), RECORD_SIZE)]


def test_a_pack_reads_by_the_document_as_by_the_code() -> None:
    """Footer, index and chunks."""
    by_document = [parse("record", record) for record in records()]
    footer = pack.read_footer(PACK_ID, PACK, len(PACK))
    by_code = pack.read_index(PACK_ID, footer, PACK[footer.index_offset : -FOOTER_SIZE])
    assert [
        ChunkRef(item["chunk"], PACK_ID, *(integer(item[name]) for name in ("offset", "stored", "length")))
        for item in by_document
    ] == by_code
    plains = [bytes(Decoder().decode(PACK[ref.offset : ref.offset + ref.stored], ref)) for ref in by_code]
    assert plains == [b"abc", b"strongroom " * 20, b"d"]
    assert encode_index(by_code) == b"".join(records())
    assert all(integer(item["key"]) == 0 for item in by_document)


def test_a_footer_reads_by_the_document_as_by_the_code() -> None:
    """Every field."""
    fields = parse("footer", PACK[-64:])
    footer = pack.read_footer(PACK_ID, PACK, len(PACK))
    assert fields["magic"] == b"STRGROOM" == pack.MAGIC
    assert (integer(fields["version"]), integer(fields["flags"])) == (1, 0)
    assert fields["index_sha256"] == footer.index_sha256
    names = ["chunks", "index_offset", "index_stored", "index_length"]
    assert [integer(fields[name]) for name in names] == [getattr(footer, name) for name in names]
    assert footer.index_length == len(records()) * RECORD_SIZE


@pytest.mark.parametrize(("name", "size"), [("record", RECORD_SIZE), ("footer", FOOTER_SIZE)])
def test_binary_tables_are_without_gaps(name: str, size: int) -> None:
    """Each field begins where the one before ends."""
    position = 0
    for cell in cells(name):
        assert cell.offset == position
        position += cell.size
    assert position == size
    assert f"{RECORD_SIZE} for each record" in TEXT
    assert f"last {FOOTER_SIZE} bytes" in TEXT
    assert f"last {SUFFIX_READ // KIB} KiB" in TEXT


def test_a_pack_written_today_is_the_documents() -> None:
    """But for bytes that depend on the zstd library: those of the two frames, their lengths and digest."""
    builder = PackBuilder(PACK_ID)
    for ref, record in zip(pack_refs(), records(), strict=True):
        assert parse("record", record)["chunk"] == ref.chunk
        builder.add(ref.chunk, PACK[ref.offset : ref.offset + ref.stored], ref.length)
    made = joined(builder.seal().parts)
    free = {"index_stored", "index_sha256"}
    ours, theirs = (parse("footer", data[-64:]) for data in (made, PACK))
    assert {name: ours[name] for name in ours if name not in free} == {
        name: theirs[name] for name in theirs if name not in free
    }
    assert made[: integer(ours["index_offset"])] == PACK[: integer(theirs["index_offset"])]
    assert pack.read_index(PACK_ID, pack.read_footer(PACK_ID, made, len(made)), made[31:-64]) == pack_refs()


def pack_refs() -> list[ChunkRef]:
    """Give the chunks of the document's pack, by the code."""
    footer = pack.read_footer(PACK_ID, PACK, len(PACK))
    return pack.read_index(PACK_ID, footer, PACK[footer.index_offset : -FOOTER_SIZE])


def test_a_manifest_reads_and_writes_as_in_the_document() -> None:
    """To the byte, but for the frame."""
    reader = ManifestReader(zstandard.ZstdCompressor().compress(MANIFEST), "m")
    lines = list(reader.lines())
    assert reader.header == Header("reports", "alice", BACKUP_ID, 0)
    assert reader.trailer is not None
    writer = ManifestWriter(reader.header)
    for line in lines:
        writer.add(encode_entry(line.entry()) if isinstance(line, Line) else encode_unreadable(line))
    made = joined(writer.finish(reader.trailer)[0])
    with zstandard.ZstdDecompressor().stream_reader(made) as stream:
        assert stream.read() == MANIFEST
    assert zstandard.get_frame_parameters(made).has_checksum


def test_a_manifest_line_has_the_fields_of_the_document() -> None:
    """Every kind of line, with all that it may hold."""
    header, file, unreadable, empty, trailer = (json.loads(line) for line in LINES)
    assert list(header) == fields_of("header") == ["format", *Header._fields]
    assert list(file) == fields_of("file")
    assert list(unreadable) == fields_of("unreadable")
    assert list(trailer) == fields_of("trailer")
    assert list(trailer["end"]) == fields_of("totals") == list(Totals._fields)
    optional = {row[0] for row in table("file") if "absent when" in row[2]}
    assert optional == {"version", "system", "user", "tags"}
    assert set(empty) == set(file) - optional


def test_a_manifest_agrees_with_its_pack() -> None:
    """The vectors belong together."""
    (line, unreadable, _empty) = ManifestReader(zstandard.ZstdCompressor().compress(MANIFEST), "m").lines()
    assert isinstance(line, Line)
    assert list(line.entry().chunks) == pack_refs()[:2]
    assert isinstance(unreadable, Unreadable)
    assert sum(ref.length for ref in line.entry().chunks) == line.size


def test_a_commit_record_reads_and_writes_as_in_the_document() -> None:
    """To the byte."""
    text = vector("commit")
    record = decode_commit(text.encode(), "c")
    assert encode_commit(record) == text.encode()
    assert sorted(json.loads(text)) == sorted(fields_of("commit"))
    for name in json.loads(text)["segments"][0]:
        assert f"`{name}`" in row_of("commit", "segments")
    for name in json.loads(text)["unreadable"][0]:
        assert f"`{name}`" in row_of("commit", "unreadable")
    assert f"first {SAMPLE} objects" in row_of("commit", "unreadable")


def test_the_commit_record_of_the_document_names_its_manifest() -> None:
    """Backup, totals, packs and keys; the digest is that of a frame, which depends on the zstd library."""
    record = decode_commit(vector("commit").encode(), "c")
    reader = ManifestReader(zstandard.ZstdCompressor().compress(MANIFEST), "m")
    lines = list(reader.lines())
    assert reader.header == (record.source, record.user, record.backup_id, 0)
    assert reader.trailer == Trailer(record.totals, frozenset(record.packs))
    (segment,) = record.segments
    assert (segment.first_key, segment.last_key) == (lines[0].key, lines[-1].key)
    assert list(record.unreadable) == [line for line in lines if isinstance(line, Unreadable)]


def test_the_sizes_are_those_of_the_document() -> None:
    """What a writer keeps to."""
    rows = table("sizes")
    assert len(rows) == 5
    assert {row[0]: number(row[1]) for row in rows} == {row[0]: getattr(DEFAULT_SAFETY, row[0]) for row in rows}


def test_a_raw_chunk_is_its_plain_bytes_and_a_frame_states_its_size() -> None:
    """As the document says of the two codecs."""
    plain = noise(1, 100)
    assert bytes(Encoder().encode(plain)) == plain
    assert zstandard.frame_content_size(bytes(Encoder().encode(b"a" * 1_000))) == 1_000


def fields_of(name: str) -> list[str]:
    """Give the names in a table of fields."""
    return [row[0] for row in table(name)]


def row_of(name: str, field: str) -> str:
    """Give the meaning of a field."""
    meanings: dict[str, Any] = {row[0]: row[-1] for row in table(name)}
    return str(meanings[field])
