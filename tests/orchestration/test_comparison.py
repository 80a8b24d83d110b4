"""What a drill restored is compared with what the backup says: every difference is found, and nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.engine.model import ChunkRef, FileEntry, Properties
from functions.engine.orchestration.comparison import Comparison
from tests.strategies import noise

PROPERTIES = Properties({"content-type": "text/plain", "cache-control": "no-store"}, {"owner": "Ada"}, {"class": "x"})
PACK = "ab" * 16


def entry_of(data: bytes, cuts: list[int], properties: Properties = PROPERTIES) -> FileEntry:
    """Give the entry of a file that was cut into chunks at `cuts`."""
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    pieces = [data[start:end] for start, end in pairwise(edges)]
    chunks = tuple(ChunkRef(hashlib.sha256(piece).digest(), PACK, 0, len(piece), len(piece)) for piece in pieces)
    return FileEntry("bob/file", len(data), "etag", "2026-11-20T02:00:00.000Z", chunks, None, properties)


def compare(
    entry: FileEntry, data: bytes, properties: Properties = PROPERTIES, original: bytes | None = None, part: int = 7
) -> list[str]:
    """Compare in parts of a few bytes."""
    comparison = Comparison(entry)
    for start in range(0, len(data), part):
        beside = original[start : start + part] if original is not None else None
        comparison.take(data[start : start + part], beside)
    return comparison.end(properties)


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=8), st.integers(1, 250))
def test_what_is_equal_is_proven(data: bytes, cuts: list[int], part: int) -> None:
    """However it was cut into chunks, and in whatever parts it is read back."""
    assert compare(entry_of(data, cuts), data, original=data, part=part) == []


@given(st.binary(min_size=1, max_size=200), st.lists(st.integers(0, 200), max_size=8), st.data())
def test_every_wrong_byte_is_found(data: bytes, cuts: list[int], draw: st.DataObject) -> None:
    """With the manifest alone, and so it is when one is missing or too many."""
    entry = entry_of(data, cuts)
    at = draw.draw(st.integers(0, len(data) - 1))
    wrong = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    (found,) = compare(entry, wrong)
    assert found.startswith("does not hold chunk ")
    assert f"(of pack {PACK})" in found
    assert f"has {len(data) - 1} bytes instead of {len(data)}" in compare(entry, data[:-1])
    assert compare(entry, data + b"x") == [f"has {len(data) + 1} bytes instead of {len(data)}"]


def test_a_difference_from_the_source_is_found_though_the_chunks_are_right() -> None:
    """The manifest may be wrong, too."""
    data = noise("data", 100)
    other = data[:50] + b"#" + data[51:]
    assert compare(entry_of(data, []), data, original=other) == ["differs from the source within the 7 bytes from 49"]


def test_few_of_many_differences_of_one_file_are_told() -> None:
    """A person needs no more."""
    data = noise("data", 1_000)
    found = compare(entry_of(data, list(range(0, 1_000, 10))), bytes(1_000))
    assert len(found) == 10


def test_chunks_that_do_not_reach_the_end_are_found() -> None:
    """A manifest whose chunks are longer than the file says nothing about its last bytes."""
    data = noise("data", 30)
    entry = entry_of(data, [10])
    longer = entry.chunks[1]._replace(length=40)
    (found,) = compare(entry._replace(chunks=(entry.chunks[0], longer)), data)
    assert found == f"ends within chunk {longer.chunk.hex()}"
    assert compare(entry._replace(chunks=entry.chunks[:1]), data) == ["has 20 bytes at its end that no chunk names"]


@pytest.mark.parametrize(
    ("found", "difference"),
    [
        (replace(PROPERTIES, system={"cache-control": "no-store"}), "lacks the system metadata 'content-type'"),
        (
            replace(PROPERTIES, system=PROPERTIES.system | {"content-type": "text/html"}),
            "has another value of the system metadata 'content-type'",
        ),
        (
            replace(PROPERTIES, system=PROPERTIES.system | {"expires": "0"}),
            "has the system metadata 'expires', which the backup does not",
        ),
        (replace(PROPERTIES, user={}), "lacks the user metadata 'owner'"),
        (replace(PROPERTIES, user={"owner": "Eve"}), "has another value of the user metadata 'owner'"),
        (replace(PROPERTIES, tags={}), "lacks the tag 'class'"),
        (replace(PROPERTIES, tags={"class": "x", "new": ""}), "has the tag 'new', which the backup does not"),
    ],
)
def test_properties_are_compared_by_name_and_value(found: Properties, difference: str) -> None:
    """Values are not told: they are the users' own."""
    assert compare(entry_of(b"data", []), b"data", found) == [difference]


def test_a_content_type_that_s3_gave_is_no_difference() -> None:
    """An object without one gets one."""
    plain = Properties()
    given_by_s3 = Properties({"content-type": "binary/octet-stream"})
    assert compare(entry_of(b"data", [], plain), b"data", given_by_s3) == []
