"""Verification: whole repositories are said to be whole, and every kind of damage is found, named and attributed."""

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace

import pytest

from functions.adapters.memory import answered
from functions.contract.object_keys import pack_key
from functions.engine.backup import BackupResult
from functions.engine.errors import CorruptionError, UnavailableError
from functions.engine.manifest import encode_entry
from functions.engine.model import BlobInfo, Buffer, ChunkRef, FileEntry
from functions.engine.repository import BackupName
from functions.engine.verify import Verifier, survey
from functions.engine.verify_report import Damage, DamageLog, Depth, Share, merge_reports
from tests.engine.kit import WORKERS, World, commit_of, contents, flip, manifest_of, name_of, put_all, rewrite, within
from tests.strategies import noise, prose

OBJECTS = {
    "alice/large": noise("large", 900_000),
    "alice/shared": prose("shared", 40_000),
    "alice/small": b"small",
    "bob/own": noise("own", 50_000),
    "bob/shared": prose("shared", 40_000),
}
every_depth = pytest.mark.parametrize("depth", Depth)
reading_depths = pytest.mark.parametrize("depth", [Depth.SAMPLE, Depth.FULL])


@pytest.fixture
def results(world: World) -> list[BackupResult]:
    """Backups of two users who share a file."""
    put_all(world.source, OBJECTS)
    return [world.back_up("alice"), world.back_up("bob")]


def damage(world: World, key: str, position: int) -> None:
    """Turn one bit of a stored object."""
    world.store.blobs[key] = flip(world.store.blobs[key], position)


def place_of(world: World, result: BackupResult, key: str) -> ChunkRef:
    """Give the place of a file's first chunk."""
    return world.entries(result)[key].chunks[0]


@every_depth
def test_a_whole_repository_is_whole(world: World, results: list[BackupResult], depth: Depth) -> None:
    """And the report says what was looked at."""
    report = world.verify(*results, depth=depth)
    assert report.damages == []
    assert (report.backups, report.files, report.packs) == (2, 5, len(world.packs()))
    assert report.packs_read == (0 if depth is Depth.STRUCTURE else len(world.packs()))
    assert report.bytes_read == sum(
        len(world.store.blobs[pack_key(pack)]) for pack in world.packs()[: report.packs_read]
    )
    assert report.orphans == 0


@every_depth
def test_nothing_to_verify_is_no_damage(world: World, depth: Depth) -> None:
    """An empty list of backups, and a backup of nothing."""
    assert world.verify(depth=depth).damages == []
    assert world.verify(world.back_up("carol"), depth=depth).damages == []


def test_a_pack_that_no_backup_needs_is_an_orphan_and_no_damage(world: World, results: list[BackupResult]) -> None:
    """A crash before the commit leaves such packs."""
    world.store.blobs[pack_key("0" * 32)] = b"whatever it is"
    report = world.verify(*results)
    assert (report.orphans, report.damages) == (1, [])


@reading_depths
def test_a_wrong_byte_in_a_chunk_is_found_and_attributed(
    world: World, results: list[BackupResult], depth: Depth
) -> None:
    """The chunk, its pack, and the files and backups that it touches, of all users."""
    ref = place_of(world, results[0], "alice/shared")
    damage(world, pack_key(ref.pack), ref.offset + 7)
    report = world.verify(*results, depth=depth)
    (found,) = report.damages
    assert (found.code, found.name) == ("CHUNK_CORRUPT", f"chunk {ref.chunk.hex()}")
    assert (found.pack, found.chunk) == (ref.pack, ref.chunk)
    assert (found.file_count, found.files) == (2, ["alice/shared", "bob/shared"])
    assert found.backups == [name_of(result) for result in results]
    _never_visible(world, results, {"alice/shared", "bob/shared"})


def test_a_wrong_byte_in_a_chunk_is_not_what_structure_looks_at(world: World, results: list[BackupResult]) -> None:
    """That depth reads no content: it says what it says and no more."""
    ref = place_of(world, results[0], "alice/shared")
    damage(world, pack_key(ref.pack), ref.offset + 7)
    assert world.verify(*results, depth=Depth.STRUCTURE).damages == []


@every_depth
def test_a_missing_pack_is_found_and_attributed(world: World, results: list[BackupResult], depth: Depth) -> None:
    """Once, with every file that needs it."""
    ref = place_of(world, results[1], "bob/own")
    del world.store.blobs[pack_key(ref.pack)]
    report = world.verify(*results, depth=depth)
    (found,) = report.damages
    assert (found.code, found.name, found.pack) == ("PACK_MISSING", f"pack {ref.pack}", ref.pack)
    assert found.files == ["bob/own"]
    assert found.backups == [name_of(results[1])]
    _never_visible(world, results, {"bob/own"})


@every_depth
@pytest.mark.parametrize("position", [-1, -64, -70], ids=["digest", "magic", "index"])
def test_a_wrong_footer_or_index_is_found_and_attributed(
    world: World, results: list[BackupResult], depth: Depth, position: int
) -> None:
    """What a pack says about itself must be right, or the dedup index could not be rebuilt."""
    ref = place_of(world, results[1], "bob/own")
    damage(world, pack_key(ref.pack), position)
    (found,) = world.verify(*results, depth=depth).damages
    assert (found.code, found.pack) == ("PACK_CORRUPT", ref.pack)
    assert found.files == ["bob/own"]
    assert contents(world.restore(*results)[1]) == OBJECTS


@every_depth
def test_a_pack_that_is_cut_short_is_found(world: World, results: list[BackupResult], depth: Depth) -> None:
    """By its footer, which is not there."""
    ref = place_of(world, results[1], "bob/own")
    world.store.blobs[pack_key(ref.pack)] = world.store.blobs[pack_key(ref.pack)][:-200]
    (found,) = world.verify(*results, depth=depth).damages
    assert (found.code, found.pack, found.files) == ("PACK_CORRUPT", ref.pack, ["bob/own"])
    _never_visible(world, results, {"bob/own"})


@every_depth
def test_a_pack_of_a_newer_format_is_found(world: World, results: list[BackupResult], depth: Depth) -> None:
    """Named as such."""
    ref = place_of(world, results[1], "bob/own")
    damage(world, pack_key(ref.pack), -64 + 8)
    (found,) = world.verify(*results, depth=depth).damages
    assert (found.code, found.pack) == ("FORMAT_UNSUPPORTED", ref.pack)


@every_depth
@pytest.mark.parametrize("how", ["cut", "missing"])
def test_a_damaged_manifest_is_found(world: World, results: list[BackupResult], depth: Depth, how: str) -> None:
    """With the backup that it belongs to; the others are looked at all the same."""
    key = manifest_of(results[0])
    if how == "cut":
        world.store.blobs[key] = world.store.blobs[key][:-20]
    else:
        del world.store.blobs[key]
    report = world.verify(*results, depth=depth)
    (found,) = report.damages
    assert found.code == "MANIFEST_CORRUPT"
    assert key in found.detail
    assert found.backups == [name_of(results[0])]
    assert (report.backups, report.files) == (2, 2)
    _never_visible(world, results, {"alice/large", "alice/shared", "alice/small"})


@every_depth
@pytest.mark.parametrize(
    ("content", "code"),
    [(b'{"format": 2}', "FORMAT_UNSUPPORTED"), (b'{"format": 1', "COMMIT_CORRUPT"), (None, "BACKUP_NOT_FOUND")],
)
def test_a_commit_record_that_cannot_be_read_is_found(
    world: World, results: list[BackupResult], depth: Depth, content: bytes | None, code: str
) -> None:
    """Of a newer format, damaged or gone; the other backups are looked at all the same."""
    key = commit_of(results[0])
    if content is None:
        del world.store.blobs[key]
    else:
        world.store.blobs[key] = content
    report = world.verify(*results, depth=depth)
    (found,) = report.damages
    assert (found.code, found.name) == (code, key)
    assert found.backups == [name_of(results[0])]
    assert (report.backups, report.files) == (1, 2)


@every_depth
def test_a_pack_that_the_commit_record_does_not_name_is_found(
    world: World, results: list[BackupResult], depth: Depth
) -> None:
    """Garbage collection marks by commit records: such a pack would be swept while a file needs it."""
    rewrite(world, results[0], lambda entry: entry, lambda record: replace(record, packs=record.packs[1:]))
    (found,) = world.verify(*results, depth=depth).damages
    assert found.code == "COMMIT_CORRUPT"
    assert results[0].record.packs[0] in found.detail
    assert found.backups == [name_of(results[0])]


@every_depth
def test_a_place_that_the_pack_does_not_know_is_found(world: World, results: list[BackupResult], depth: Depth) -> None:
    """The manifest and the pack's index must agree to the byte."""
    moved = place_of(world, results[0], "alice/small")._replace(offset=3)

    def move(entry: FileEntry) -> FileEntry:
        return entry._replace(chunks=(moved,)) if entry.key == "alice/small" else entry

    rewrite(world, results[0], move)
    (found,) = world.verify(*results, depth=depth).damages
    assert (found.code, found.pack, found.chunk) == ("CHUNK_CORRUPT", moved.pack, moved.chunk)
    assert found.files == ["alice/small"]
    _never_visible(world, [replace(results[0], record=world.repository.commit(name_of(results[0])))], {"alice/small"})


@every_depth
def test_a_file_whose_chunks_do_not_add_up_is_found(world: World, results: list[BackupResult], depth: Depth) -> None:
    """By name."""
    rewrite(world, results[0], lambda entry: entry._replace(size=entry.size - 1))
    (found,) = world.verify(*results, depth=depth).damages
    assert found.code == "MANIFEST_CORRUPT"
    assert "alice/large" in found.detail


@every_depth
def test_a_file_line_that_cannot_be_decoded_is_found(world: World, results: list[BackupResult], depth: Depth) -> None:
    """A writer with a bug does not crash the verification."""
    rewrite(world, results[0], lambda entry: encode_entry(entry).replace(b'"chunks":[[', b'"chunks":[["x",'))
    (found,) = world.verify(*results, depth=depth).damages
    assert found.code == "MANIFEST_CORRUPT"


def test_every_kind_of_damage_is_reported_at_once(world: World, results: list[BackupResult]) -> None:
    """One does not hide the other."""
    chunk = place_of(world, results[0], "alice/large")
    pack = place_of(world, results[1], "bob/own").pack
    world.source.put("carol/c", b"c")
    carol = world.back_up("carol")
    damage(world, pack_key(chunk.pack), chunk.offset)
    del world.store.blobs[pack_key(pack)]
    del world.store.blobs[manifest_of(carol)]
    report = world.verify(*results, carol)
    assert [item.code for item in report.damages] == ["MANIFEST_CORRUPT", "PACK_MISSING", "CHUNK_CORRUPT"]
    assert [item.file_count for item in report.damages] == [0, 1, 1]


def test_damage_in_several_segments_of_several_backups_is_counted_exactly(world: World) -> None:
    """Names are given for the first hundred files, the count is that of all."""
    world.safety = replace(world.safety, segment_entries=40)
    put_all(world.source, {f"alice/{number:03}": b"the same" for number in range(130)})
    first = world.back_up()
    second = world.back_up()
    ref = place_of(world, first, "alice/000")
    damage(world, pack_key(ref.pack), ref.offset)
    (found,) = world.verify(first, second).damages
    assert (found.file_count, len(found.files)) == (260, 100)
    assert found.backups == [name_of(first), name_of(second)]


@every_depth
def test_a_line_that_an_earlier_backup_proved_counts_in_the_later_one(
    world: World, results: list[BackupResult], depth: Depth
) -> None:
    """It is the same file in both, and damage to its pack touches both."""
    again = world.back_up("alice")
    assert world.verify(*results, again, depth=depth).files == 8
    ref = place_of(world, results[0], "alice/small")
    del world.store.blobs[pack_key(ref.pack)]
    report = world.verify(*results, again, depth=depth)
    touched = {name for found in report.damages for name in found.backups}
    assert {name_of(results[0]), name_of(again)} <= touched
    (found,) = (item for item in report.damages if item.pack == ref.pack)
    assert found.files.count("alice/small") == 2


@every_depth
def test_a_line_that_was_proven_is_wrong_where_its_pack_is_not_declared(
    world: World, results: list[BackupResult], depth: Depth
) -> None:
    """The same bytes, but this backup's packs would be swept."""
    again = world.back_up("alice")
    rewrite(world, again, lambda entry: entry, lambda record: replace(record, packs=()))
    (found,) = world.verify(*results, again, depth=depth).damages
    assert found.code == "COMMIT_CORRUPT"
    assert found.backups == [name_of(again)]


@pytest.mark.parametrize("in_turns", [False, True])
def test_parts_that_start_from_one_survey_find_together_what_one_finds(
    world: World, results: list[BackupResult], *, in_turns: bool
) -> None:
    """Each pack and each manifest is somebody's; commit records are read once for all."""
    again = world.back_up("alice")
    chunk = place_of(world, results[0], "alice/large")
    damage(world, pack_key(chunk.pack), chunk.offset)
    del world.store.blobs[manifest_of(results[1])]
    world.store.blobs[commit_of(again)] = b"{"
    names = [name_of(result) for result in (*results, again)]
    found = survey(world.store, names)
    turns = iter(range(len(found.present)))
    parts = []
    for number in range(3):
        with Verifier(world.store, workers=WORKERS, safety=world.safety) as verifier:
            share = Share(number, 3, turns if in_turns else None)
            parts.append(verifier.verify_surveyed(found, Depth.FULL, share=share))
    together, alone = merge_reports(parts), world.verify(*results, again)
    assert (together.backups, together.files, together.packs) == (alone.backups, alone.files, alone.packs)
    assert (together.packs_read, together.bytes_read) == (alone.packs_read, alone.bytes_read)
    assert sorted(map(str, together.damages)) == sorted(map(str, alone.damages))
    assert {item.code for item in together.damages} == {"CHUNK_CORRUPT", "MANIFEST_CORRUPT", "COMMIT_CORRUPT"}


def test_runs_of_neighbours_are_whole_and_do_not_overlap() -> None:
    """Whatever the numbers."""
    for parts in range(1, 6):
        for count in range(12):
            runs = [list(Share(number, parts).run_of(range(count))) for number in range(parts)]
            assert [item for run in runs for item in run] == list(range(count))
            assert max(map(len, runs)) - min(map(len, runs)) <= 1


def test_a_sample_is_the_same_for_the_same_seed(world: World) -> None:
    """So that a finding can be looked at again; another seed looks elsewhere."""
    put_all(world.source, {f"alice/{number:02}": noise(number, 200_000) for number in range(30)})
    result = world.back_up()
    names = [name_of(result)]
    sizes: list[tuple[int, int]] = []
    for seed in (1, 1, 2, 3):
        with Verifier(world.store, workers=WORKERS) as verifier:
            report = verifier.verify(names, Depth.SAMPLE, percent=25.0, seed=seed)
        sizes.append((report.packs_read, report.bytes_read))
    assert sizes[0] == sizes[1]
    assert {count for count, _ in sizes} == {round(len(world.packs()) / 4)}
    assert len(world.packs()) / 4 > 1


def test_a_sample_looks_at_one_pack_at_least(world: World, results: list[BackupResult]) -> None:
    """However small the percentage."""
    assert world.verify(*results, depth=Depth.SAMPLE, percent=0.001).packs_read == 1


@every_depth
def test_an_outage_is_not_damage(
    world: World, results: list[BackupResult], depth: Depth, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be looked at is raised, and nothing is called damaged."""
    monkeypatch.setattr(world.store, "get_tail", lambda _key, _length: answered(_down))
    with pytest.raises(UnavailableError):
        within(10, lambda: world.verify(*results, depth=depth))


def test_an_outage_while_packs_are_read_is_not_damage(
    world: World, results: list[BackupResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does the verification wait for ever."""
    whole = world.store.get

    def get(key: str, start: int = 0, length: int | None = None) -> Future[Buffer]:
        return answered(_down) if key.startswith("packs/") else whole(key, start, length)

    monkeypatch.setattr(world.store, "get", get)
    with pytest.raises(UnavailableError):
        within(10, lambda: world.verify(*results, depth=Depth.FULL))


def test_a_pack_that_disappears_between_listing_and_reading_is_missing(
    world: World, results: list[BackupResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reading has the last word."""
    ref = place_of(world, results[1], "bob/own")
    gone = pack_key(ref.pack)
    listing = world.store.list
    kept = BlobInfo(gone, 1, "")

    def listed(prefix: str, start_after: str = "") -> Iterator[BlobInfo]:
        yield from sorted([*listing(prefix, start_after), kept])

    monkeypatch.setattr(world.store, "list", listed)
    del world.store.blobs[gone]
    (found,) = world.verify(*results).damages
    assert (found.code, found.files) == ("PACK_MISSING", ["bob/own"])


@pytest.mark.parametrize(("rest", "code"), [(None, "PACK_MISSING"), (100, "PACK_CORRUPT")])
def test_what_a_reading_finds_counts_though_the_index_looked_well(
    world: World, results: list[BackupResult], monkeypatch: pytest.MonkeyPatch, rest: int | None, code: str
) -> None:
    """A pack may go, or be cut, between the look at its index and the look at its bytes."""
    ref = place_of(world, results[1], "bob/own")
    whole = world.store.get

    def get(key: str, start: int = 0, length: int | None = None) -> Future[Buffer]:
        if key != pack_key(ref.pack):
            return whole(key, start, length)
        return whole("gone") if rest is None else whole(key, 0, rest)

    monkeypatch.setattr(world.store, "get", get)
    (found,) = world.verify(*results).damages
    assert (found.code, found.pack, found.files) == (code, ref.pack, ["bob/own"])


def test_backups_that_a_damage_touches_are_named_up_to_a_hundred() -> None:
    """A report stays readable."""
    log = DamageLog()
    log.add_pack("f" * 32, CorruptionError("gone"))
    log.add_pack("f" * 32, CorruptionError("said twice"))
    (found,) = log.all()
    assert found.detail == "gone"
    for number in range(150):
        found.touch(BackupName("s", f"u{number}", "b"), "k")
        found.touch(BackupName("s", f"u{number}", "b"))
    assert (len(found.backups), found.file_count) == (100, 150)
    assert isinstance(found, Damage)


def _never_visible(world: World, results: list[BackupResult], lost: set[str]) -> None:
    """Restoring what is damaged reports it, gives everything else, and shows nothing that is wrong."""
    report, destination = world.restore(*results)
    users = {result.record.user for result in results}
    expected = {key: data for key, data in OBJECTS.items() if key.partition("/")[0] in users and key not in lost}
    assert contents(destination) == expected
    assert report.failed > 0


def _down() -> Buffer:
    raise UnavailableError("down")
