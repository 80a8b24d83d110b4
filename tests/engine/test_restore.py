"""Restores from end to end: what was backed up comes back byte for byte, or is reported and never seen."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.adapters.memory import MemoryDestination, answered
from functions.contract.object_keys import pack_key
from functions.engine.backup import BackupResult
from functions.engine.conflict import Conflict
from functions.engine.errors import AccessError, FormatError, UnavailableError
from functions.engine.model import BackupType, Buffer, Properties
from functions.engine.ports import Target
from functions.engine.reading import hash_pieces
from functions.engine.restore import Restorer
from functions.engine.safety import DEFAULT_SAFETY
from tests.engine.kit import (
    PROPERTIES,
    WORKERS,
    World,
    commit_of,
    contents,
    flip,
    joined,
    make_pack,
    manifest_of,
    name_of,
    put_all,
    rewrite,
    within,
)
from tests.strategies import noise, prose

OBJECTS = {
    "alice/empty": b"",
    "alice/large": noise("large", 1_500_000) + prose("large", 800_000),
    "alice/raw": noise("raw", 30_000),
    "alice/small": b"small",
    "alice/text": prose("text", 90_000),
}


def backed_up(world: World) -> BackupResult:
    """Back up some of everything."""
    put_all(world.source, OBJECTS)
    return world.back_up()


class CountingProgress:
    """Adds up what it is told."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.files = self.read = 0

    def advance(self, *, files: int = 0, read: int = 0, new: int = 0, stored: int = 0) -> None:
        """See Progress."""
        self.files += files
        self.read += read


def test_everything_comes_back_with_its_properties_and_time(world: World) -> None:
    """Small files and large ones, empty ones, raw and compressed ones."""
    for key, data in OBJECTS.items():
        world.source.put(key, data, properties=replace(PROPERTIES, user={"key": key}))
    report, destination = world.restore(world.back_up())
    assert contents(destination) == OBJECTS
    for key, file in destination.files.items():
        assert file.properties.user == {"key": key}
        assert (file.modified, file.key) == (world.source.objects[key].modified, key)
    assert (report.restored, report.bytes) == (len(OBJECTS), sum(map(len, OBJECTS.values())))
    assert (report.skipped, report.failed, report.failures) == (0, 0, [])
    assert (destination.finished, destination.unfinished) == (True, 0)


sizes = st.one_of(st.integers(0, 3_000), st.sampled_from([65_536, 65_537, 300_000, 524_288, 524_289, 1_100_000]))


@settings(max_examples=25)
@given(st.lists(st.tuples(st.sampled_from([noise, prose]), st.integers(0, 3), sizes), max_size=12))
def test_any_files_come_back(files: list[tuple[Callable[[object, int], bytes], int, int]]) -> None:
    """Whatever sizes come together, however much they share."""
    world = World()
    put_all(world.source, {f"alice/{number}": make(seed, size) for number, (make, seed, size) in enumerate(files)})
    report, destination = world.restore(world.back_up())
    assert contents(destination) == world.content()
    assert report.failed == 0


def test_only_wanted_files_are_restored(world: World) -> None:
    """And only what they need is read."""
    result = backed_up(world)
    report, destination = world.restore(result, wanted=lambda entry: entry.key.endswith("small"))
    assert contents(destination) == {"alice/small": b"small"}
    assert (report.restored, report.skipped) == (1, 0)


def test_progress_is_told_as_files_become_visible(world: World) -> None:
    """Files and plain bytes."""
    result = backed_up(world)
    progress = CountingProgress()
    with Restorer(world.store, MemoryDestination(), workers=WORKERS, progress=progress) as restorer:
        restorer.restore([result.record])
    assert (progress.files, progress.read) == (len(OBJECTS), sum(map(len, OBJECTS.values())))


def test_several_users_are_restored_together(world: World) -> None:
    """From packs that they share."""
    put_all(world.source, {**OBJECTS, "bob/small": b"bob", "bob/large": OBJECTS["alice/large"]})
    results = [world.back_up(user) for user in ("alice", "bob")]
    assert contents(world.restore(*results)[1]) == world.content()


@pytest.mark.parametrize("key", ["alice/large", "alice/small"])
def test_skip_leaves_what_exists(world: World, key: str) -> None:
    """And counts it."""
    result = backed_up(world)
    destination = MemoryDestination(conflict=Conflict.SKIP)
    mine = _exists(destination, key)
    report, _ = world.restore(result, into=destination)
    assert contents(destination) == {**OBJECTS, key: mine}
    assert (report.restored, report.skipped) == (len(OBJECTS) - 1, 1)


@pytest.mark.parametrize("key", ["alice/large", "alice/small"])
def test_overwrite_replaces_what_exists(world: World, key: str) -> None:
    """With the file of the backup."""
    result = backed_up(world)
    destination = MemoryDestination(conflict=Conflict.OVERWRITE)
    _exists(destination, key)
    assert world.restore(result, into=destination)[0].restored == len(OBJECTS)
    assert contents(destination) == OBJECTS


@pytest.mark.parametrize("key", ["alice/large", "alice/small"])
def test_rename_puts_the_restored_file_beside(world: World, key: str) -> None:
    """What exists stays."""
    result = backed_up(world)
    destination = MemoryDestination(conflict=Conflict.RENAME, label="L")
    mine = _exists(destination, key)
    assert world.restore(result, into=destination)[0].restored == len(OBJECTS)
    assert contents(destination) == {**OBJECTS, key: mine, f"{key}.L": OBJECTS[key]}


@pytest.mark.parametrize("size", [100, 1_200_000])
def test_a_renamed_file_and_a_file_of_that_name_are_never_mixed(world: World, size: int) -> None:
    """Two files that go to one name: one of them gets it, whole, and the other counts as skipped."""
    files = {"alice/a": noise(1, size), "alice/a.L": noise(2, size)}
    put_all(world.source, files)
    result = world.back_up()
    destination = MemoryDestination(conflict=Conflict.RENAME, label="L")
    mine = _exists(destination, "alice/a")
    report, _ = within(10, lambda: world.restore(result, into=destination))
    found = contents(destination)
    assert found.pop("alice/a") == mine
    assert list(found) == ["alice/a.L"]
    assert found["alice/a.L"] in files.values()
    assert (report.restored, report.skipped, report.failed) == (1, 1, 0)


def test_keys_are_cut_and_prefixed(world: World) -> None:
    """A restore may go to another place."""
    result = backed_up(world)
    _, destination = world.restore(result, into=MemoryDestination(cut="alice/", prefix="again/"))
    assert contents(destination) == {key.replace("alice/", "again/"): data for key, data in OBJECTS.items()}


@pytest.mark.parametrize("key", ["alice/large", "alice/small"])
def test_a_file_that_appears_while_it_is_restored_stays(
    world: World, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts as one that existed."""
    result = backed_up(world)
    destination = MemoryDestination(conflict=Conflict.SKIP)
    place = destination.place

    def placed(wanted: str) -> Target | None:
        target = place(wanted)
        if wanted == key:
            _exists(destination, key)
        return target

    monkeypatch.setattr(destination, "place", placed)
    report, _ = world.restore(result, into=destination)
    assert destination.files[key].data == b"mine"
    assert (report.restored, report.skipped, report.failed) == (len(OBJECTS) - 1, 1, 0)
    assert destination.unfinished == 0


def test_a_chunk_that_stands_in_two_packs_is_restored_from_either(world: World) -> None:
    """Two workers that meet a chunk at the same moment both store it, and files name both places."""
    shared = noise("shared", 50_000)
    world.source.put("alice/a", shared + b"")
    alice = world.back_up("alice")
    world.index.places.clear()
    world.source.put("bob/b", shared)
    bob = world.back_up("bob")
    assert alice.record.packs != bob.record.packs
    report, destination = within(10, lambda: world.restore(alice, bob))
    assert contents(destination) == {"alice/a": shared, "bob/b": shared}
    assert report.failed == 0


def test_a_bad_copy_of_a_chunk_does_not_spoil_the_good_one(world: World) -> None:
    """The file that names the good one comes back in any case, and nothing wrong is visible."""
    shared = noise("shared", 50_000)
    world.source.put("alice/a", shared)
    alice = world.back_up("alice")
    world.index.places.clear()
    world.source.put("bob/b", shared)
    bob = world.back_up("bob")
    _damage(world, alice.record.packs[0], 5)
    report, destination = within(10, lambda: world.restore(alice, bob))
    assert contents(destination)["bob/b"] == shared
    assert set(contents(destination).values()) == {shared}
    assert report.restored + report.failed == 2
    assert all((failure.name, failure.code) == ("alice/a", "CHUNK_CORRUPT") for failure in report.failures)


def test_a_wrong_byte_in_a_pack_costs_the_files_that_need_it_and_no_other(world: World) -> None:
    """They are reported, and nothing of them is ever visible."""
    result = backed_up(world)
    entries = world.entries(result)
    ref = entries["alice/large"].chunks[3]
    _damage(world, ref.pack, ref.offset + ref.stored // 2)
    report, destination = world.restore(result)
    assert contents(destination) == {key: data for key, data in OBJECTS.items() if key != "alice/large"}
    assert [(failure.name, failure.code) for failure in report.failures] == [("alice/large", "CHUNK_CORRUPT")]
    assert ref.chunk.hex() in report.failures[0].reason
    assert (report.restored, report.failed) == (len(OBJECTS) - 1, 1)
    assert destination.unfinished == 0


def test_every_byte_of_every_chunk_counts(world: World) -> None:
    """Wherever a pack is damaged, what becomes visible is right."""
    put_all(world.source, {"alice/raw": noise(1, 400), "alice/text": prose(1, 4_000)})
    result = world.back_up()
    (pack,) = result.record.packs
    whole = world.store.blobs[pack_key(pack)]
    for position in range(0, max(ref.offset + ref.stored for ref in world.pack_refs(pack)), 5):
        world.store.blobs[pack_key(pack)] = flip(whole, position, 2)
        report, destination = world.restore(result)
        assert contents(destination).items() <= world.content().items()
        assert report.failed + report.restored == 2


def test_a_missing_pack_costs_the_files_that_need_it(world: World) -> None:
    """All of them are named, large ones too."""
    result = backed_up(world)
    gone = world.entries(result)["alice/large"].chunks[-1].pack
    del world.store.blobs[pack_key(gone)]
    report, destination = world.restore(result)
    needing = {key for key, entry in world.entries(result).items() if gone in {ref.pack for ref in entry.chunks}}
    assert {failure.name for failure in report.failures} == needing
    assert {failure.code for failure in report.failures} == {"PACK_MISSING"}
    assert contents(destination) == {key: data for key, data in OBJECTS.items() if key not in needing}
    assert destination.unfinished == 0


def test_a_pack_that_is_cut_short_costs_the_files_behind_the_cut(world: World) -> None:
    """A range that gives less than was asked for is noticed."""
    result = backed_up(world)
    ref = world.entries(result)["alice/text"].chunks[0]
    world.store.blobs[pack_key(ref.pack)] = world.store.blobs[pack_key(ref.pack)][: ref.offset + 10]
    report, destination = world.restore(result)
    assert "alice/text" in {failure.name for failure in report.failures}
    assert contents(destination).items() <= OBJECTS.items()
    assert report.restored + report.failed == len(OBJECTS)


def test_a_wrong_footer_does_not_matter_to_a_restore(world: World) -> None:
    """Places stand in the manifest."""
    result = backed_up(world)
    for pack in result.record.packs:
        _damage(world, pack, -1)
    assert contents(world.restore(result)[1]) == OBJECTS


@pytest.mark.parametrize("how", ["cut", "missing", "wrong bit"])
def test_a_damaged_manifest_costs_its_backup_and_no_other(world: World, how: str) -> None:
    """The backup is named, and the other users are restored."""
    put_all(world.source, {"alice/a": b"a", "bob/b": b"b"})
    alice, bob = world.back_up("alice"), world.back_up("bob")
    key = manifest_of(alice)
    if how == "cut":
        world.store.blobs[key] = world.store.blobs[key][:-1]
    elif how == "missing":
        del world.store.blobs[key]
    else:
        _flip_blob(world, key, 9)
    report, destination = world.restore(alice, bob)
    assert contents(destination) == {"bob/b": b"b"}
    (failure,) = report.failures
    assert failure.code == "MANIFEST_CORRUPT"
    assert alice.record.backup_id in failure.name


def test_a_damaged_segment_costs_what_follows_it(world: World) -> None:
    """What stands in the good segments before it is restored."""
    world.safety = replace(world.safety, segment_entries=3)
    put_all(world.source, {f"alice/{number}": str(number).encode() for number in range(9)})
    result = world.back_up()
    _flip_blob(world, manifest_of(result, 1), 9)
    report, destination = world.restore(result)
    assert set(contents(destination)) == {"alice/0", "alice/1", "alice/2"}
    assert report.failed == 1


def test_an_entry_whose_chunks_do_not_add_up_is_never_visible(world: World) -> None:
    """A writer with a bug could have left one; it is reported."""
    world.source.put("alice/a", noise(1, 1_000))
    result = world.back_up()
    rewrite(world, result, lambda entry: entry._replace(size=entry.size + 1))
    report, destination = world.restore_records(world.repository.commit(name_of(result)))
    assert destination.files == {}
    assert [(failure.name, failure.code) for failure in report.failures] == [("alice/a", "CHUNK_CORRUPT")]


def test_chunks_in_the_wrong_order_are_what_the_manifest_says(world: World) -> None:
    """Order is the manifest's word, which the commit record's SHA-256 proves; every chunk is still proven."""
    pieces = hash_pieces([memoryview(b"one"), memoryview(b"two")])
    sealed = make_pack("f" * 32, [bytes(piece.plain) for piece in pieces])
    world.store.blobs[pack_key(sealed.pack_id)] = joined(sealed.parts)
    world.source.put("alice/a", b"x")
    result = world.back_up()
    rewrite(world, result, lambda entry: entry._replace(size=6, chunks=tuple(sealed.refs[::-1])))
    _, destination = world.restore_records(world.repository.commit(name_of(result)))
    assert contents(destination) == {"alice/a": b"twoone"}


def test_a_commit_record_of_a_newer_format_is_refused(world: World) -> None:
    """Before a file of it is placed."""
    result = backed_up(world)
    world.store.blobs[commit_of(result)] = b'{"format": 2}'
    with pytest.raises(FormatError):
        world.repository.commit(name_of(result))


def test_a_destination_that_refuses_ends_the_restore(world: World) -> None:
    """With the reason, and not once for each of a million files."""
    result = backed_up(world)
    destination = _Refusing()
    with pytest.raises(AccessError, match="no right to write"):
        within(10, lambda: world.restore(result, into=destination))
    assert contents(destination) == {}
    assert destination.unfinished == 0


def test_a_repository_that_does_not_answer_ends_the_restore(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An outage is not damage: no file is reported as lost."""
    result = backed_up(world)
    whole = world.store.get

    def get(key: str, start: int = 0, length: int | None = None) -> Future[Buffer]:
        return whole(key, start, length) if key.startswith("snapshots/") else answered(_down)

    monkeypatch.setattr(world.store, "get", get)
    destination = MemoryDestination()
    with pytest.raises(UnavailableError):
        within(10, lambda: world.restore(result, into=destination))
    assert contents(destination).items() <= {"alice/empty": b""}.items()
    assert destination.unfinished == 0


def test_no_byte_of_a_pack_is_read_twice(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that stand together in a pack are read together, by one request."""
    put_all(world.source, {f"alice/{number:02}": noise(number, 1_000) for number in range(50)})
    result = world.back_up()
    world.safety = DEFAULT_SAFETY
    whole = world.store.get
    asked: list[int] = []

    def get(key: str, start: int = 0, length: int | None = None) -> Future[Buffer]:
        asked.append(length or 0)
        return whole(key, start, length)

    monkeypatch.setattr(world.store, "get", get)
    world.restore(result)
    assert [length for length in asked if length] == [50_000]


def test_a_full_backup_of_a_damaged_repository_still_restores_what_is_whole(world: World) -> None:
    """What an incremental and a full backup share, they share in trouble too: both report, neither lies."""
    result = backed_up(world)
    ref = world.entries(result)["alice/raw"].chunks[0]
    _damage(world, ref.pack, ref.offset)
    again = world.back_up(kind=BackupType.FULL)
    report, destination = world.restore(again)
    assert contents(destination) == {key: data for key, data in OBJECTS.items() if key != "alice/raw"}
    assert report.failed == 1


class _Refusing(MemoryDestination):
    """A destination that may not be written to."""

    def write(
        self,
        target: Target,
        parts: Sequence[Buffer],
        properties: Properties,
        modified: str,
        sha256: bytes | None = None,
    ) -> Future[str]:
        """See Destination."""
        return answered(_no_right)


def _no_right() -> str:
    raise AccessError("no right to write")


def _down() -> Buffer:
    raise UnavailableError("down")


def _exists(destination: MemoryDestination, key: str) -> bytes:
    """Let a file exist at the destination; give its bytes."""
    other = MemoryDestination()
    other.write(Target(key, key), [b"mine"], Properties(), "").result()
    destination.files[key] = other.files[key]
    return b"mine"


def _flip_blob(world: World, key: str, position: int) -> None:
    world.store.blobs[key] = flip(world.store.blobs[key], position)


def _damage(world: World, pack: str, position: int) -> None:
    _flip_blob(world, pack_key(pack), position)
