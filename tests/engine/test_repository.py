"""Reading a repository: which backups exist, at which time, and that a record speaks for itself only."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from functions.contract.object_keys import commit_key, manifest_key
from functions.engine.commit import CommitRecord, SegmentRef, encode_commit
from functions.engine.errors import (
    BackupNotFoundError,
    CommitCorruptError,
    FormatError,
    ManifestCorruptError,
)
from functions.engine.manifest import Line
from functions.engine.model import BackupStatus, BackupType, Totals
from functions.engine.repository import BackupName, look_ahead
from tests.engine.kit import SOURCE, World, commit_of, flip, manifest_of, name_of, put_all

USERS = ["", "/", "alice", "bob", "a.b", "é", "100%"]


def name_at(user: str, hour: int, source: str = SOURCE) -> BackupName:
    """Give the name of the backup of an hour."""
    return BackupName(source, user, f"20261120T{hour:02}0000Z-0000000{hour % 10}")


def store(world: World, name: BackupName, content: bytes = b"") -> None:
    """Write a commit record's key; a listing looks at nothing else."""
    world.store.blobs[commit_key(*name)] = content


def test_backups_are_listed_by_their_commit_records(world: World) -> None:
    """Oldest first for each user; without a commit record there is no backup."""
    names = [name_at("alice", 3), name_at("alice", 1), name_at("bob", 2)]
    for name in names:
        store(world, name)
    world.store.blobs[manifest_key(*name_at("alice", 9), 0)] = b""
    world.store.blobs["snapshots/readme"] = b""
    store(world, name_at("alice", 5, "another source"))
    assert list(world.repository.backups(SOURCE)) == sorted(names)
    assert list(world.repository.backups(SOURCE, "alice")) == [name_at("alice", 1), name_at("alice", 3)]
    assert list(world.repository.backups("nobody")) == []


def test_any_user_name_is_found_again(world: World) -> None:
    """The root user, the user `/` and names that keys cannot hold as they are."""
    for user in USERS:
        store(world, name_at(user, 1))
        assert list(world.repository.backups(SOURCE, user)) == [name_at(user, 1)]
    assert set(world.repository.newest(SOURCE)) == set(USERS)


def test_the_newest_backup_of_each_user_is_found(world: World) -> None:
    """Whatever order they were made in."""
    for name in (name_at("alice", 3), name_at("alice", 1), name_at("bob", 2)):
        store(world, name)
    assert world.repository.newest(SOURCE) == {"alice": name_at("alice", 3), "bob": name_at("bob", 2)}
    assert world.repository.newest_of(SOURCE, "alice") == name_at("alice", 3)


def test_a_time_chooses_the_newest_backup_that_started_by_then(world: World) -> None:
    """To the second, and the backup of that second counts."""
    for hour in (1, 3, 5):
        store(world, name_at("alice", hour))
    noon = datetime(2026, 11, 20, 3, tzinfo=UTC)
    assert world.repository.newest_of(SOURCE, "alice", noon) == name_at("alice", 3)
    assert world.repository.newest(SOURCE, noon - timedelta(seconds=1)) == {"alice": name_at("alice", 1)}
    with pytest.raises(BackupNotFoundError, match="user 'alice' of source 'reports' has no backup at 2026-11-19"):
        world.repository.newest_of(SOURCE, "alice", noon - timedelta(days=1))


def test_a_user_without_backups_is_told(world: World) -> None:
    """By name."""
    with pytest.raises(BackupNotFoundError, match="'carol'"):
        world.repository.newest_of(SOURCE, "carol")


def test_a_backup_that_does_not_exist_is_told(world: World) -> None:
    """With the key that was looked for."""
    with pytest.raises(BackupNotFoundError, match=commit_key(*name_at("alice", 1))):
        world.repository.commit(name_at("alice", 1))


def test_a_commit_record_at_another_backups_key_is_damaged(world: World) -> None:
    """A copied record would make a backup that nobody made."""
    result = world.back_up()
    store(world, name_at("bob", 1), world.store.blobs[commit_of(result)])
    with pytest.raises(CommitCorruptError, match="belongs to another backup"):
        world.repository.commit(name_at("bob", 1))


def test_entries_come_in_key_order_over_all_segments(world: World) -> None:
    """Segments follow each other."""
    world.safety = replace(world.safety, segment_entries=3)
    put_all(world.source, {f"alice/{number:02}": b"x" for number in range(10)})
    result = world.back_up()
    assert len(result.record.segments) == 4
    lines = list(world.repository.entries(result.record))
    assert [line.key for line in lines] == [f"alice/{number:02}" for number in range(10)]
    assert all(isinstance(line, Line) for line in lines)


def test_a_manifest_with_one_wrong_bit_is_refused_before_a_line_of_it_is_used(world: World) -> None:
    """The commit record states its SHA-256."""
    world.source.put("alice/a", b"x")
    result = world.back_up()
    key = manifest_of(result)
    world.store.blobs[key] = flip(world.store.blobs[key], 20)
    with pytest.raises(ManifestCorruptError, match=r"00000\.jsonl\.zst: its SHA-256 is"):
        next(world.repository.entries(result.record))


def test_a_manifest_that_is_missing_is_damage(world: World) -> None:
    """A commit record names it, so it must exist."""
    result = world.back_up()
    del world.store.blobs[manifest_of(result)]
    with pytest.raises(ManifestCorruptError, match="does not exist"):
        next(world.repository.entries(result.record))


def test_a_manifest_of_another_backup_is_refused(world: World) -> None:
    """Even if a commit record states its SHA-256: what it says is not about this backup."""
    world.source.put("alice/a", b"x")
    world.source.put("bob/a", b"x")
    alice, bob = world.back_up("alice"), world.back_up("bob")
    forged = _record("bob", bob.record.backup_id, alice.record.segments)
    world.store.blobs[commit_of(bob)] = encode_commit(forged)
    world.store.blobs[manifest_of(bob)] = world.store.blobs[manifest_of(alice)]
    with pytest.raises(ManifestCorruptError, match="belongs to another backup"):
        list(world.repository.entries(world.repository.commit(name_of(bob))))


def test_a_commit_record_of_a_newer_format_is_refused(world: World) -> None:
    """By number."""
    store(world, name_at("alice", 1), b'{"format": 9}')
    with pytest.raises(FormatError, match="has format 9"):
        world.repository.commit(name_at("alice", 1))


def _record(user: str, backup_id: str, segments: tuple[SegmentRef, ...]) -> CommitRecord:
    return CommitRecord(
        source=SOURCE,
        user=user,
        backup_id=backup_id,
        type=BackupType.FULL,
        status=BackupStatus.COMPLETED,
        engine="0.1.0",
        run_id="run-1",
        prefix="",
        started="",
        finished="",
        totals=Totals(),
        segments=segments,
        packs=(),
    )


def many_segments(world: World) -> CommitRecord:
    """Back up nine files, two a segment."""
    world.safety = replace(world.safety, segment_entries=2)
    put_all(world.source, {f"alice/{number}": b"x" * number for number in range(9)})
    return world.back_up().record


@pytest.mark.parametrize("after", ["", "alice/0", "alice/3", "alice/35", "alice/8", "z"])
@pytest.mark.parametrize("until", [None, "", "alice/0", "alice/4", "alice/45", "z"])
def test_a_range_of_keys_is_read_from_the_manifests_that_hold_it(world: World, after: str, until: str | None) -> None:
    """Exactly its lines, and no manifest more than is needed."""
    record = many_segments(world)
    everything = [line.key for line in world.repository.entries(record)]
    wanted = [key for key in everything if key > after and (until is None or key <= until)]
    needed = {int(key[-1]) // 2 for key in wanted}
    for segment in record.segments:
        reach = segment.last_key > after and (until is None or segment.first_key <= until)
        if segment.number not in needed and not reach:
            del world.store.blobs[manifest_key(SOURCE, "alice", record.backup_id, segment.number)]
    assert [line.key for line in world.repository.entries(record, after=after, until=until)] == wanted


def test_the_segments_of_an_unfinished_backup_are_found_as_they_were_written(world: World) -> None:
    """With numbers, digests, totals, packs and key ranges, so that another worker can go on and commit."""
    world.safety = replace(world.safety, segment_entries=2)
    put_all(world.source, {f"alice/{number}": b"x" * (number + 1) for number in range(5)})
    world.source.denied = {"alice/3"}
    name = BackupName(SOURCE, "alice", "20261121T020000Z-00000001")
    with world.session() as session:
        written = session.write_segments(world.job(), name.backup_id).segments
    assert list(world.repository.backups(SOURCE)) == []
    assert list(world.repository.segments(name)) == [0, 1, 2]
    assert [world.repository.segment(name, number) for number in range(3)] == written


def test_what_is_no_manifest_is_no_segment(world: World) -> None:
    """Commit records, other names and other spellings of a number."""
    name = BackupName(SOURCE, "alice", "20261121T020000Z-00000001")
    for number in (7, 12_345):
        world.store.blobs[manifest_key(*name, number)] = b""
    prefix = manifest_key(*name, 0).removesuffix("00000.jsonl.zst")
    for other in (
        "commit.json",
        "00001.jsonl",
        "1.jsonl.zst",
        "000001.jsonl.zst",
        "x0001.jsonl.zst",
        "²0001.jsonl.zst",
    ):
        world.store.blobs[f"{prefix}{other}"] = b""
    assert list(world.repository.segments(name)) == [7, 12_345]


def test_a_damaged_segment_is_not_taken_up(world: World) -> None:
    """A worker must not commit what it cannot read."""
    put_all(world.source, {"alice/a": b"a"})
    result = world.back_up()
    key = manifest_of(result)
    whole = world.store.blobs[key]
    world.store.blobs[key] = whole[: len(whole) // 2]
    with pytest.raises(ManifestCorruptError):
        world.repository.segment(name_of(result), 0)
    world.store.blobs[manifest_key(*name_of(result), 1)] = flip(whole, len(whole) // 2)
    with pytest.raises((ManifestCorruptError, FormatError)):
        world.repository.segment(name_of(result), 1)


def test_many_commit_records_come_in_order_and_damage_does_not_hide_the_others(world: World) -> None:
    """Each with its name, or with the error that keeps it from being read; an outage raises."""
    put_all(world.source, {f"{user}/file": b"x" for user in "abc"})
    results = [world.back_up(user) for user in "abc"]
    names = [name_of(result) for result in results]
    del world.store.blobs[commit_of(results[1])]
    found = list(world.repository.commits(iter(names)))
    assert [name for name, _ in found] == names
    assert [found[0][1], found[2][1]] == [results[0].record, results[2].record]
    assert isinstance(found[1][1], BackupNotFoundError)


def test_looking_ahead_begins_so_many_and_gives_all_in_order() -> None:
    """No more are under way than were asked for."""
    begun: list[int] = []

    def begin(item: int) -> int:
        begun.append(item)
        return item

    given = look_ahead(begin, range(10), 3)
    assert (next(given), begun) == (0, [0, 1, 2])
    assert (next(given), begun) == (1, [0, 1, 2, 3])
    assert list(given) == list(range(2, 10))
    assert list(look_ahead(begin, [], 3)) == []


def test_the_first_manifest_is_asked_for_before_the_first_line_is(world: World) -> None:
    """So that the wait for one backup passes while another is looked at."""
    put_all(world.source, {"alice/file": b"x"})
    result = world.back_up("alice")
    lines = world.repository.entries(result.record)
    del world.store.blobs[manifest_of(result)]
    assert [line.key for line in lines] == ["alice/file"]
