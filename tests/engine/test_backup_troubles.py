"""Objects that cannot be read: the backup goes on, says what is missing, and never calls bytes what they are not."""

import gc
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace

import pytest

from functions.adapters.memory import answered
from functions.contract.object_keys import PACKS, SNAPSHOTS
from functions.engine.errors import (
    CredentialsError,
    SourceDeniedError,
    StrongroomError,
    UnavailableError,
)
from functions.engine.model import BackupStatus, BackupType, ObjectRead, SourceObject, Unreadable
from tests.engine.kit import PROPERTIES, World, contents, put_all, within
from tests.strategies import noise

SMALL, LARGE = 1_000, 1_300_000
sizes = pytest.mark.parametrize("size", [SMALL, LARGE])


def on_read(world: World, key: str, times: int, action: Callable[[], object]) -> None:
    """Do something to the source before each of the first `times` reads of `key`."""
    left = times

    def before(item: SourceObject) -> None:
        nonlocal left
        if item.key == key and left:
            left -= 1
            action()

    world.source.before_read = before


def fail_reads(world: World, key: str, error: StrongroomError) -> None:
    """Let every read of `key` fail."""

    def before(item: SourceObject) -> None:
        if item.key == key:
            raise error

    world.source.before_read = before


@sizes
def test_an_object_that_changes_while_it_is_read_is_read_again(world: World, size: int) -> None:
    """The backup holds one version of it, whole, with the properties of that version."""
    put_all(world.source, {"alice/a": noise("old", size), "alice/b": b"b"})
    new = noise("new", size + 7)
    on_read(world, "alice/a", 1, lambda: world.source.put("alice/a", new, properties=PROPERTIES))
    result = world.back_up()
    assert result.record.status is BackupStatus.COMPLETED
    entry = world.entries(result)["alice/a"]
    found = world.source.objects["alice/a"]
    assert (entry.size, entry.etag, entry.modified) == (size + 7, found.etag, found.modified)
    assert entry.properties == PROPERTIES
    assert contents(world.restore(result)[1]) == {"alice/a": new, "alice/b": b"b"}


@sizes
@pytest.mark.parametrize("new_size", [0, 10, 1_700_000])
def test_an_object_may_change_to_any_size_while_it_is_read(world: World, size: int, new_size: int) -> None:
    """Empty, small or large."""
    world.source.put("alice/a", noise("old", size))
    on_read(world, "alice/a", 1, lambda: world.source.put("alice/a", noise("new", new_size)))
    result = world.back_up()
    assert contents(world.restore(result)[1]) == {"alice/a": noise("new", new_size)}


def test_a_large_object_that_changes_between_two_parts_is_never_a_mixture(world: World) -> None:
    """Each part names the etag that it belongs to."""
    old, new = noise("old", LARGE), noise("new", LARGE)
    world.source.put("alice/a", old)
    reads = 0

    def before(_item: SourceObject) -> None:
        nonlocal reads
        reads += 1
        if reads == 2:
            world.source.put("alice/a", new)

    world.source.before_read = before
    assert contents(world.restore(world.back_up())[1]) == {"alice/a": new}


@sizes
def test_an_object_that_never_stops_changing_is_unreadable(world: World, size: int) -> None:
    """After some attempts the backup goes on without it, and says so."""
    put_all(world.source, {"alice/a": noise("old", size), "alice/b": b"b"})
    on_read(world, "alice/a", 1_000, lambda: world.source.put("alice/a", noise(world.source.reads, size)))
    result = world.back_up()
    assert result.record.status is BackupStatus.PARTIAL
    assert [(item.key, item.code) for item in result.record.unreadable] == [("alice/a", "OBJECT_CHANGING")]
    assert contents(world.restore(result)[1]) == {"alice/b": b"b"}
    parts = -(-size // world.safety.part_size)
    assert world.source.reads["alice/a"] == parts + world.safety.read_attempts


@sizes
def test_an_object_that_was_deleted_since_it_was_listed_is_left_out(world: World, size: int) -> None:
    """It is not part of the source any more, so the backup is complete."""
    put_all(world.source, {"alice/a": noise(1, size), "alice/b": b"b"})
    on_read(world, "alice/a", 1, lambda: world.source.delete("alice/a"))
    result = world.back_up()
    assert result.record.status is BackupStatus.COMPLETED
    assert (result.record.totals.files, result.record.totals.unreadable) == (1, 0)
    assert contents(world.restore(result)[1]) == {"alice/b": b"b"}


@sizes
def test_an_object_that_changes_and_then_vanishes_is_left_out(
    world: World, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading it again finds that it is gone."""
    put_all(world.source, {"alice/a": noise(1, size), "alice/b": b"b"})
    on_read(world, "alice/a", 1, lambda: world.source.put("alice/a", b"new"))
    stat = world.source.stat

    def vanish_then_stat(key: str) -> Future[SourceObject]:
        world.source.delete(key)
        return stat(key)

    monkeypatch.setattr(world.source, "stat", vanish_then_stat)
    result = world.back_up()
    assert result.record.status is BackupStatus.COMPLETED
    assert list(world.entries(result)) == ["alice/b"]


@sizes
@pytest.mark.parametrize("archive", ["GLACIER", "DEEP_ARCHIVE"])
def test_an_archived_object_is_listed_as_unreadable(world: World, size: int, archive: str) -> None:
    """The backup is PARTIAL until somebody thaws it."""
    world.source.put("alice/a", noise(1, size), storage_class=archive)
    world.source.put("alice/b", b"b")
    result = world.back_up()
    assert result.record.status is BackupStatus.PARTIAL
    assert [(item.key, item.code) for item in result.record.unreadable] == [("alice/a", "OBJECT_ARCHIVED")]
    assert result.record.totals.unreadable == 1
    assert result.record.totals.source == size + 1


@sizes
def test_an_object_that_may_not_be_read_is_listed_as_unreadable(world: World, size: int) -> None:
    """Among others that may."""
    put_all(world.source, {"alice/a": noise(1, size), "alice/b": b"b"})
    world.source.denied = {"alice/a"}
    result = world.back_up()
    assert result.record.status is BackupStatus.PARTIAL
    assert [(item.key, item.code) for item in result.record.unreadable] == [("alice/a", "OBJECT_DENIED")]
    assert contents(world.restore(result)[1]) == {"alice/b": b"b"}


@sizes
def test_an_object_that_cannot_be_read_now_is_listed_as_unreadable(world: World, size: int) -> None:
    """The source's own trouble with one object is not the end of the backup."""
    put_all(world.source, {"alice/a": noise(1, size), "alice/b": b"b"})
    fail_reads(world, "alice/a", UnavailableError("slow down"))
    result = world.back_up()
    assert [(item.key, item.code) for item in result.record.unreadable] == [("alice/a", "STORE_UNAVAILABLE")]


class Held(bytearray):
    """Bytes that tell when they are let go."""


def test_what_was_read_before_an_unreadable_object_is_let_go(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, not when the garbage collector comes: else the memory budget bounds nothing."""
    put_all(world.source, {"alice/a": b"a" * SMALL, "alice/b": b"b"})
    world.source.denied = {"alice/b"}
    read, held = world.source.read, list[weakref.ref[Held]]()

    def reading(item: SourceObject, start: int = 0, length: int | None = None) -> Future[ObjectRead]:
        future = read(item, start, length)
        if future.exception() is not None:
            return future
        data = Held(future.result().data)
        held.append(weakref.ref(data))
        return answered(lambda: future.result()._replace(data=data))

    monkeypatch.setattr(world.source, "read", reading)
    gc.disable()
    try:
        assert world.back_up().record.status is BackupStatus.PARTIAL
        assert [ref() for ref in held] == [None]
    finally:
        gc.enable()


def test_an_unreadable_object_stands_in_the_manifest_with_its_reason(world: World) -> None:
    """In its place among the others."""
    put_all(world.source, {"alice/a": b"a", "alice/b": b"b", "alice/c": b"c"})
    world.source.denied = {"alice/b"}
    lines = list(world.repository.entries(world.back_up().record))
    assert [line.key for line in lines] == ["alice/a", "alice/b", "alice/c"]
    assert lines[1] == Unreadable("alice/b", "OBJECT_DENIED", "'alice/b' may not be read")


def test_an_unreadable_object_is_read_again_by_the_next_backup(world: World) -> None:
    """Though nothing about it changed in the listing."""
    put_all(world.source, {"alice/a": b"a", "alice/b": b"b"})
    world.source.denied = {"alice/a"}
    world.back_up()
    world.source.denied.clear()
    second = world.back_up()
    assert second.record.status is BackupStatus.COMPLETED
    assert contents(world.restore(second)[1]) == {"alice/a": b"a", "alice/b": b"b"}


def test_an_object_that_becomes_unreadable_but_did_not_change_carries_over(world: World) -> None:
    """An incremental backup does not read it, so it stays restorable; a FULL backup says that it cannot."""
    put_all(world.source, {"alice/a": b"a", "alice/b": b"b"})
    world.back_up()
    world.source.denied = {"alice/a"}
    assert world.back_up().record.status is BackupStatus.COMPLETED
    assert world.back_up(kind=BackupType.FULL).record.status is BackupStatus.PARTIAL


def test_a_user_of_whom_nothing_may_be_read_gets_no_backup(world: World) -> None:
    """That is a wrong set-up, and must not look like a backup."""
    put_all(world.source, {"alice/a": b"a", "alice/b": b"b"})
    world.source.denied = {"alice/a", "alice/b"}
    with pytest.raises(SourceDeniedError, match="may not be read"):
        world.back_up()
    assert list(world.repository.backups("reports")) == []
    assert not any(key.startswith(PACKS) for key in world.store.blobs)


def test_a_large_user_of_whom_nothing_may_be_read_gets_no_backup(world: World) -> None:
    """Nor does it when the list of what may not be read takes several segments."""
    world.safety = replace(world.safety, segment_entries=3)
    put_all(world.source, {f"alice/{number:02}": b"x" for number in range(10)})
    world.source.denied = set(world.source.objects)
    with pytest.raises(SourceDeniedError):
        world.back_up()
    assert list(world.repository.backups("reports")) == []


def test_a_user_all_of_whose_objects_are_archived_gets_a_partial_backup(world: World) -> None:
    """That is a fact about the source, not a wrong set-up."""
    world.source.put("alice/a", b"a", storage_class="GLACIER")
    assert world.back_up().record.status is BackupStatus.PARTIAL


def test_many_unreadable_objects_are_all_in_the_manifest(world: World) -> None:
    """The commit record names the first hundred."""
    put_all(world.source, {f"alice/{number:03}": b"x" for number in range(151)})
    world.source.denied = set(world.source.objects) - {"alice/000"}
    result = world.back_up()
    assert result.record.totals.unreadable == 150
    assert len(result.record.unreadable) == 100
    assert sum(isinstance(line, Unreadable) for line in world.repository.entries(result.record)) == 150


@sizes
def test_credentials_that_expire_end_the_backup_uncommitted(world: World, size: int) -> None:
    """That is not one object's trouble."""
    put_all(world.source, {"alice/a": noise(1, size), "alice/b": b"b"})
    fail_reads(world, "alice/a", CredentialsError("the token has expired"))
    with pytest.raises(CredentialsError):
        world.back_up()
    assert not any(key.startswith(SNAPSHOTS) for key in world.store.blobs)


@sizes
def test_credentials_that_expire_while_an_object_is_read_again_end_the_backup(
    world: World, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends, and does not wait for ever."""
    world.source.put("alice/a", noise(1, size))
    on_read(world, "alice/a", 1, lambda: world.source.put("alice/a", noise(2, size)))
    monkeypatch.setattr(world.source, "stat", lambda _key: answered(_expire))
    with pytest.raises(CredentialsError):
        within(5, world.back_up)


@sizes
def test_an_object_that_gives_too_few_bytes_is_not_believed(
    world: World, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cut answer under the right etag is read again, and what is stored is whole."""
    world.source.put("alice/a", noise(1, size))
    whole = world.source.read
    cut = iter([7, 7])

    def read(item: SourceObject, start: int = 0, length: int | None = None) -> Future[ObjectRead]:
        found = whole(item, start, length).result()
        return answered(lambda: found._replace(data=found.data[next(cut, 0) :]))

    monkeypatch.setattr(world.source, "read", read)
    assert contents(world.restore(world.back_up())[1]) == {"alice/a": noise(1, size)}
    assert next(cut, None) is None


@sizes
def test_an_object_that_states_another_size_than_it_was_listed_with_is_not_believed(
    world: World, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A committed entry's size is always that of its chunks: otherwise it could not be restored."""
    world.source.put("alice/a", noise(1, size))
    whole = world.source.read
    wrong = iter([1])

    def read(item: SourceObject, start: int = 0, length: int | None = None) -> Future[ObjectRead]:
        found = whole(item, start, length).result()
        return answered(lambda: found._replace(size=found.size + next(wrong, 0)))

    monkeypatch.setattr(world.source, "read", read)
    result = world.back_up()
    assert all(sum(ref.length for ref in entry.chunks) == entry.size for entry in world.entries(result).values())
    assert contents(world.restore(result)[1]) == {"alice/a": noise(1, size)}


def _expire() -> SourceObject:
    raise CredentialsError("the token has expired")


def test_an_object_too_large_for_an_invocation_is_unreadable(world: World) -> None:
    """It is named with what to do, the rest is backed up, and one that is not larger than the limit is read."""
    world.safety = replace(world.safety, object_limit=LARGE)
    put_all(world.source, {"alice/a": b"a", "alice/b": noise("b", LARGE + 1), "alice/c": noise("c", LARGE)})
    result = world.back_up()
    assert result.record.status is BackupStatus.PARTIAL
    (unreadable,) = result.record.unreadable
    assert (unreadable.key, unreadable.code) == ("alice/b", "OBJECT_TOO_LARGE")
    assert sorted(contents(world.restore(result)[1])) == ["alice/a", "alice/c"]


def test_an_object_too_large_for_an_invocation_is_carried_over_once_it_is_backed_up(world: World) -> None:
    """Another tool without the limit read it; as long as it does not change, it stays."""
    put_all(world.source, {"alice/b": noise("b", LARGE + 1)})
    world.back_up()
    world.safety = replace(world.safety, object_limit=LARGE)
    assert world.back_up().record.status is BackupStatus.COMPLETED
