"""Commit records: they round-trip, and what is none is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.engine.commit import SAMPLE, CommitRecord, SegmentRef, decode_commit, encode_commit
from functions.engine.errors import CommitCorruptError, FormatError
from functions.engine.model import BackupStatus, BackupType, Totals, Unreadable
from tests.strategies import keys, pack_ids, texts, unreadables

RECORD = CommitRecord(
    source="reports",
    user="alice",
    backup_id="20261120T020000Z-1f3a9c20",
    type=BackupType.FULL,
    status=BackupStatus.COMPLETED,
    engine="0.1.0",
    run_id="run-1",
    prefix="home/",
    started="2026-11-20T02:00:00Z",
    finished="2026-11-20T02:00:09Z",
    totals=Totals(1, 0, 5, 5, 5, 5),
    segments=(SegmentRef(0, "ab" * 32, "home/alice/a", "home/alice/b"),),
    packs=("cd" * 16,),
)

records = st.builds(
    CommitRecord,
    source=texts,
    user=texts,
    backup_id=texts,
    type=st.sampled_from(BackupType),
    status=st.sampled_from(BackupStatus),
    engine=texts,
    run_id=texts,
    prefix=texts,
    started=texts,
    finished=texts,
    totals=st.builds(Totals, *[st.integers(0, 2**50)] * 6),
    segments=st.lists(st.builds(SegmentRef, st.integers(0, 99_999), texts, keys, keys), max_size=3).map(tuple),
    packs=st.lists(pack_ids, max_size=5, unique=True).map(lambda packs: tuple(sorted(packs))),
    parent=st.none() | texts,
    unreadable=st.lists(unreadables, max_size=3).map(tuple),
)


@given(records)
def test_a_commit_record_gives_back_what_was_written(record: CommitRecord) -> None:
    """Every field, whatever it holds."""
    assert decode_commit(encode_commit(record), "c") == record


@given(records)
def test_the_same_record_gives_the_same_bytes(record: CommitRecord) -> None:
    """A second attempt to write it can be told from another backup's record."""
    assert encode_commit(decode_commit(encode_commit(record), "c")) == encode_commit(record)


def test_packs_are_written_in_order() -> None:
    """However they come."""
    unordered = encode_commit(CommitRecord(**{**_fields(RECORD), "packs": ("b" * 32, "a" * 32)}))
    assert json.loads(unordered)["packs"] == ["a" * 32, "b" * 32]


def test_a_record_names_only_some_of_very_many_unreadable_objects() -> None:
    """The manifests name all of them; the record stays small."""
    many = tuple(Unreadable(str(number), "OBJECT_DENIED", "no") for number in range(SAMPLE + 50))
    record = CommitRecord(**{**_fields(RECORD), "unreadable": many})
    assert decode_commit(encode_commit(record), "c").unreadable == many[:SAMPLE]


def test_a_newer_format_is_refused_by_its_number() -> None:
    """Before anything else in it is looked at."""
    with pytest.raises(FormatError, match="c has format 2, this release reads up to 1"):
        decode_commit(b'{"format": 2}', "c")


DOCUMENT: dict[str, Any] = json.loads(encode_commit(RECORD))


@pytest.mark.parametrize("name", DOCUMENT)
def test_a_record_without_one_of_its_fields_is_damaged(name: str) -> None:
    """Every field is needed."""
    document = {field: value for field, value in DOCUMENT.items() if field != name}
    with pytest.raises(CommitCorruptError, match=f"commit record c: .*{name}"):
        decode_commit(json.dumps(document).encode(), "c")


@pytest.mark.parametrize(
    "change",
    [
        {"format": "1"},
        {"format": 0},
        {"type": "SOME"},
        {"status": "FAILED"},
        {"totals": {"files": 1, "fires": 2}},
        {"totals": 7},
        {"segments": 7},
        {"segments": [{"number": 1}]},
        {"segments": ["x"]},
        {"packs": 7},
        {"unreadable": [{"key": "a"}]},
    ],
)
def test_a_record_with_a_wrong_field_is_damaged(change: dict[str, Any]) -> None:
    """A value of another kind does not get further than here."""
    with pytest.raises(CommitCorruptError, match="commit record c"):
        decode_commit(json.dumps(DOCUMENT | change).encode(), "c")


@pytest.mark.parametrize("data", [b"", b"junk", b"[]", b"7", b"null", b"\xff\xfe\x00", b'"text"'])
def test_bytes_that_are_no_record_are_refused(data: bytes) -> None:
    """As damage, not as a crash."""
    with pytest.raises(CommitCorruptError, match="commit record c"):
        decode_commit(data, "c")


def test_a_record_cut_short_anywhere_is_damaged() -> None:
    """No prefix of a record is a record."""
    data = encode_commit(RECORD)
    for length in range(len(data)):
        with pytest.raises(CommitCorruptError):
            decode_commit(data[:length], "c")


def _fields(record: CommitRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in CommitRecord.__dataclass_fields__}
