"""Backups from end to end: what the source holds is what the backup holds, and only what is new is stored."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from functions.contract.object_keys import PACKS, ROOT_USER, SNAPSHOTS, parse_snapshot_key
from functions.engine import ENGINE_VERSION
from functions.engine.backup import BackupJob, BackupSession, new_backup_id, rfc3339
from functions.engine.errors import ConflictError, CorruptionError, FormatError, UnavailableError
from functions.engine.model import BackupStatus, BackupType, Properties, Totals
from functions.engine.repository import BackupName
from tests.engine.kit import (
    PROPERTIES,
    SOURCE,
    START,
    Ids,
    World,
    commit_of,
    contents,
    flip,
    manifest_of,
    name_of,
    put_all,
    within,
)
from tests.strategies import noise, prose


def test_a_user_without_objects_gets_a_backup_of_nothing(world: World) -> None:
    """It exists, it is complete, and it restores to nothing."""
    result = world.back_up()
    assert result.record.status is BackupStatus.COMPLETED
    assert result.record.totals == Totals()
    assert world.restore(result)[1].files == {}


def test_one_file_comes_back(world: World) -> None:
    """With its bytes."""
    world.source.put("alice/a.txt", b"hello")
    result = world.back_up()
    assert contents(world.restore(result)[1]) == {"alice/a.txt": b"hello"}


HARD_KEYS = {
    "alice/": b"",
    "alice/empty": b"",
    "alice/folder/": b"",
    "alice/a": b"file",
    "alice/a/b": b"below a file",
    "alice//double": b"empty segment",
    "alice/./..": b"dots",
    "alice/new\nline": b"newline",
    "alice/100%": b"percent",
    "alice/é/日本": b"unicode",
    "alice/" + "x" * 1018: b"1,024 bytes",
}


def test_hard_keys_come_back(world: World) -> None:
    """Empty objects, folder markers, `a` beside `a/b`, newlines, percent signs and the longest key."""
    put_all(world.source, HARD_KEYS)
    assert contents(world.restore(world.back_up())[1]) == HARD_KEYS


def test_a_user_is_backed_up_alone(world: World) -> None:
    """Neither a user whose name begins alike nor another prefix gets in."""
    keys = ["home/alice/a", "home/alice2/a", "home/alic/a", "alice/a", "home/alice"]
    put_all(world.source, {key: key.encode() for key in keys})
    result = world.back_up("alice", prefix="home/")
    assert list(world.entries(result)) == ["home/alice/a"]


def test_the_root_user_owns_what_lies_in_no_folder(world: World) -> None:
    """And nothing else."""
    put_all(world.source, {"home/readme": b"root", "home/": b"", "home/alice/a": b"alice", "other": b""})
    result = world.back_up(ROOT_USER, prefix="home/")
    assert list(world.entries(result)) == ["home/", "home/readme"]
    assert list(world.source.users("home/")) == [ROOT_USER, "alice"]


def test_the_folder_without_a_name_is_a_user_too(world: World) -> None:
    """Keys with an empty first segment belong to the user `/`."""
    put_all(world.source, {"home//a": b"1", "home/b/c": b"2"})
    assert list(world.source.users("home/")) == ["/", "b"]
    assert list(world.entries(world.back_up("/", prefix="home/"))) == ["home//a"]


def test_every_user_of_a_source_restores_to_what_it_was(world: World) -> None:
    """All users together cover the source, each object once."""
    objects = {**HARD_KEYS, "readme": b"root", "/a": b"nameless", "bob/x": noise(1, 5_000), "é/y": prose(1, 5_000)}
    put_all(world.source, objects)
    results = [world.back_up(user) for user in world.source.users("")]
    assert len(results) == 5
    assert contents(world.restore(*results)[1]) == objects


def test_properties_come_back(world: World) -> None:
    """Headers, user metadata, tags, time and version, of small files and of large ones."""
    world.source = type(world.source)(versioned=True)
    world.source.put("alice/small", b"x", properties=PROPERTIES)
    world.source.put("alice/large", noise(1, 1_200_000), properties=PROPERTIES)
    result = world.back_up()
    for key, entry in world.entries(result).items():
        found = world.source.objects[key]
        assert entry.properties == PROPERTIES
        assert (entry.etag, entry.modified, entry.version) == (found.etag, found.modified, found.version)
        assert entry.version is not None
    _, destination = world.restore(result)
    assert all(file.properties == PROPERTIES for file in destination.files.values())


def test_a_large_file_is_read_in_parts_and_comes_back(world: World) -> None:
    """Its chunks are those of the whole, so an equal file in another place adds nothing."""
    data = noise(1, 3_000_000) + prose(1, 1_000_000)
    world.source.put("alice/large", data)
    first = world.back_up()
    assert world.source.reads["alice/large"] == -(-len(data) // world.safety.part_size)
    assert contents(world.restore(first)[1]) == {"alice/large": data}
    world.safety = replace(world.safety, part_size=700_001)
    world.source.put("bob/copy", data)
    assert world.back_up("bob").record.totals.new == 0


def test_the_order_in_which_parts_arrive_does_not_matter(world: World) -> None:
    """Cutting goes in order whatever the network does."""
    data = noise(1, 2_500_000)
    world.source.put("alice/large", data)
    whole = world.entries(world.back_up())["alice/large"].chunks
    world.safety = replace(world.safety, part_size=len(data))
    again = world.entries(world.back_up(kind=BackupType.FULL))["alice/large"].chunks
    assert whole == again


def test_equal_files_are_stored_once(world: World) -> None:
    """Within a user, and across users of one session that run at the same time."""
    data = noise(1, 400_000)
    users = [f"user-{number}" for number in range(6)]
    put_all(world.source, {f"{user}/{name}": data for user in users for name in ("a", "b")})
    with world.session() as session, ThreadPoolExecutor(3) as threads:
        results = list(threads.map(lambda user: session.backup(world.job(user)), users))
    assert sum(len(data) for data in world.store.blobs.values()) < 500_000
    assert sum(result.record.totals.new for result in results) == len(data)
    assert contents(world.restore(*results)[1]) == world.content()


def test_users_of_one_session_share_packs(world: World) -> None:
    """A hundred small users do not write a hundred packs."""
    users = [f"user-{number:03}" for number in range(60)]
    put_all(world.source, {f"{user}/file": user.encode() for user in users})
    with world.session() as session, ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda user: session.backup(world.job(user)), users))
    assert len(world.packs()) < 40
    assert contents(world.restore(*results)[1]) == world.content()


def test_an_incremental_backup_reads_only_what_changed(world: World) -> None:
    """Unchanged files carry over with their places; new, changed and deleted ones are seen."""
    put_all(world.source, {"alice/same": b"same", "alice/changed": b"before", "alice/deleted": b"deleted"})
    first = world.back_up()
    world.source.put("alice/changed", b"after")
    world.source.put("alice/new", b"new")
    world.source.delete("alice/deleted")
    second = world.back_up()
    assert world.source.reads == {"alice/same": 1, "alice/changed": 2, "alice/deleted": 1, "alice/new": 1}
    assert world.entries(second)["alice/same"] == world.entries(first)["alice/same"]
    assert contents(world.restore(second)[1]) == world.content()
    assert second.record.parent == first.record.backup_id
    assert second.record.totals.read == len(b"after") + len(b"new")


def test_an_earlier_backup_stays_what_it_was(world: World) -> None:
    """Each backup restores to its own point in time."""
    world.source.put("alice/a", b"before")
    first = world.back_up()
    world.source.put("alice/a", b"after")
    world.back_up()
    assert contents(world.restore(first)[1]) == {"alice/a": b"before"}


def test_metadata_that_changed_alone_is_seen(world: World) -> None:
    """A copy in place leaves bytes and etag as they were; it is read again and stores nothing."""
    world.source.put("alice/a", noise(1, 10_000))
    world.back_up()
    world.source.put("alice/a", noise(1, 10_000), properties=PROPERTIES)
    second = world.back_up()
    assert second.record.totals.read == 10_000
    assert second.record.totals.new == 0
    assert world.entries(second)["alice/a"].properties == PROPERTIES


def test_an_incremental_backup_of_an_unchanged_source_reads_and_stores_nothing(world: World) -> None:
    """It costs a manifest and a commit record."""
    put_all(world.source, HARD_KEYS)
    world.back_up()
    before = set(world.store.blobs)
    second = world.back_up()
    assert second.record.totals == Totals(files=len(HARD_KEYS), source=sum(map(len, HARD_KEYS.values())))
    assert set(world.store.blobs) - before == {manifest_of(second), commit_of(second)}


def test_a_full_backup_reads_every_byte_again_and_stores_nothing_new(world: World) -> None:
    """It proves the chunks that exist."""
    put_all(world.source, {"alice/a": noise(1, 300_000), "alice/b": b"small", "alice/c": noise(2, 1_200_000)})
    world.back_up()
    packs = world.packs()
    second = world.back_up(kind=BackupType.FULL)
    assert second.record.totals.read == second.record.totals.source == 1_500_005
    assert (second.record.totals.new, second.record.totals.stored) == (0, 0)
    assert world.packs() == packs


def test_a_full_backup_sees_tags_that_changed_alone(world: World) -> None:
    """Tags have no time and no etag, so an incremental backup cannot see them."""
    world.source.put("alice/a", b"x")
    world.back_up()
    tagged = Properties(tags={"class": "secret"})
    world.source.objects["alice/a"] = replace(world.source.objects["alice/a"], properties=tagged)
    assert world.entries(world.back_up())["alice/a"].properties == Properties()
    assert world.entries(world.back_up(kind=BackupType.FULL))["alice/a"].properties == tagged


def test_a_commit_record_says_what_was_done(world: World) -> None:
    """Names, times, counts and what it needs."""
    put_all(world.source, {"home/alice/a": prose(1, 10_000), "home/alice/b": prose(1, 10_000)})
    record = world.back_up(prefix="home/", kind=BackupType.MANUAL).record
    assert (record.source, record.user, record.prefix) == (SOURCE, "alice", "home/")
    assert (record.type, record.status) == (BackupType.MANUAL, BackupStatus.COMPLETED)
    assert (record.engine, record.run_id, record.parent) == (ENGINE_VERSION, "run-1", None)
    assert record.started < record.finished
    assert record.started == "2026-11-20T02:00:01Z"
    assert record.backup_id.startswith("20261120T020001Z-")
    assert record.totals._replace(stored=0) == Totals(files=2, source=20_000, read=20_000, new=10_000)
    assert 0 < record.totals.stored < 10_000
    (segment,) = record.segments
    assert (segment.number, segment.first_key, segment.last_key) == (0, "home/alice/a", "home/alice/b")
    assert list(record.packs) == world.packs()
    assert record.unreadable == ()


def test_a_commit_record_is_written_last(world: World) -> None:
    """Packs, manifests, commit: a crash between any two leaves orphans, never a lie."""
    put_all(world.source, {f"alice/{number}": noise(number, 100_000) for number in range(9)})
    result = world.back_up()
    order = list(world.store.blobs)
    kinds = [PACKS if key.startswith(PACKS) else key.rpartition("/")[2] for key in order]
    assert kinds == [PACKS] * len(world.packs()) + ["00000.jsonl.zst", "commit.json"]
    assert order[-1] == commit_of(result)


def test_segments_roll_at_their_limits(world: World) -> None:
    """A large prefix gets several manifests, and they are one backup."""
    world.safety = replace(world.safety, segment_entries=7)
    objects = {f"alice/{number:03}": noise(number, 20_000) for number in range(50)}
    put_all(world.source, objects)
    result = world.back_up()
    assert [segment.number for segment in result.record.segments] == list(range(8))
    assert result.record.segments[1].first_key == "alice/007"
    assert result.record.segments[1].last_key == "alice/013"
    assert contents(world.restore(result)[1]) == objects
    assert world.verify(result).damages == []
    assert world.back_up().record.totals == Totals(files=50, source=1_000_000)


def test_a_window_smaller_than_a_backup_is_no_limit(world: World) -> None:
    """Entries wait for their turn in a bounded number, carried ones and read ones mixed."""
    world.safety = replace(world.safety, entry_window=4)
    put_all(world.source, {f"alice/{number:03}": noise(number, 3_000) for number in range(100)})
    world.back_up()
    put_all(world.source, {f"alice/{number:03}": noise("new", 700_000) for number in range(0, 100, 40)})
    second = world.back_up()
    assert contents(world.restore(second)[1]) == world.content()


def test_the_source_s_own_order_is_that_of_utf8_bytes(world: World) -> None:
    """A parent of keys beyond the basic plane merges with its source."""
    keys = ["alice/\uffff", "alice/\U0001f600", "alice/z", "alice/é"]
    put_all(world.source, {key: key.encode() for key in keys})
    first = world.back_up()
    assert list(world.entries(first)) == sorted(keys, key=str.encode)
    assert world.back_up().record.totals.read == 0


def test_a_damaged_parent_costs_a_full_read_and_a_warning(world: World) -> None:
    """Never the backup."""
    put_all(world.source, {"alice/a": noise(1, 100_000), "alice/b": b"b"})
    first = world.back_up()
    key = manifest_of(first)
    world.store.blobs[key] = flip(world.store.blobs[key], 30)
    second = world.back_up()
    assert second.record.parent is None
    assert second.record.totals.read == 100_001
    assert len(second.warnings) == 1
    assert first.record.backup_id in second.warnings[0]
    assert "MANIFEST_CORRUPT" in second.warnings[0]
    assert contents(world.restore(second)[1]) == world.content()


@pytest.mark.parametrize("what", ["manifest", "commit"])
def test_a_parent_that_is_cut_short_or_missing_its_manifest_costs_a_full_read(world: World, what: str) -> None:
    """Whichever of its objects is damaged."""
    world.source.put("alice/a", b"a")
    first = world.back_up()
    if what == "manifest":
        del world.store.blobs[manifest_of(first)]
    else:
        world.store.blobs[commit_of(first)] = world.store.blobs[commit_of(first)][:40]
    second = world.back_up()
    assert len(second.warnings) == 1
    assert contents(world.restore(second)[1]) == {"alice/a": b"a"}


def test_a_parent_whose_later_segment_is_damaged_costs_a_full_read(world: World) -> None:
    """What was carried over from the good ones before it is given up."""
    world.safety = replace(world.safety, segment_entries=5)
    put_all(world.source, {f"alice/{number:02}": noise(number, 1_000) for number in range(20)})
    first = world.back_up()
    key = manifest_of(first, 2)
    world.store.blobs[key] = world.store.blobs[key][:-3]
    second = world.back_up()
    assert second.record.totals.read == 20_000
    assert contents(world.restore(second)[1]) == world.content()


def test_a_parent_of_a_newer_format_ends_the_backup(world: World) -> None:
    """An old release must not write on top of what it does not understand."""
    world.source.put("alice/a", b"a")
    first = world.back_up()
    commit = world.store.blobs[commit_of(first)]
    world.store.blobs[commit_of(first)] = commit.replace(b'"format": 1', b'"format": 2')
    before = set(world.store.blobs)
    with pytest.raises(FormatError, match="format 2"):
        world.back_up()
    assert set(world.store.blobs) == before


def test_a_forgotten_dedup_index_costs_space_and_nothing_else(world: World) -> None:
    """It is a cache: what it forgets is stored again."""
    world.source.put("alice/a", noise(1, 100_000))
    world.back_up()
    world.index.places.clear()
    world.source.put("bob/a", noise(1, 100_000))
    second = world.back_up("bob")
    assert second.record.totals.new == 100_000
    assert contents(world.restore(second)[1]) == {"bob/a": noise(1, 100_000)}


def test_a_store_that_takes_no_packs_ends_the_backup_uncommitted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing below snapshots refers to what is not there."""
    whole = world.store.put_new

    def refuse(key: str, parts: object) -> object:
        if key.startswith(PACKS):
            raise UnavailableError("no room")
        return whole(key, parts)  # type: ignore[arg-type]

    monkeypatch.setattr(world.store, "put_new", refuse)
    put_all(world.source, {f"alice/{number}": noise(number, 200_000) for number in range(5)})
    with pytest.raises(UnavailableError, match="no room"):
        world.back_up()
    assert world.store.blobs == {}


def test_an_index_that_does_not_answer_ends_the_backup_uncommitted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An object is not called unreadable because our own table is down."""

    def down(_chunks: object) -> object:
        raise UnavailableError("the table is down")

    monkeypatch.setattr(world.index, "lookup", down)
    world.source.put("alice/a", b"a")
    with pytest.raises(UnavailableError, match="the table is down"):
        world.back_up()
    assert world.store.blobs == {}


def test_an_index_that_does_not_answer_for_a_large_file_ends_the_backup_uncommitted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large files are no exception: the source could be read, so nothing is wrong with the object."""

    def down(_chunks: object) -> object:
        raise UnavailableError("the table is down")

    monkeypatch.setattr(world.index, "lookup", down)
    world.source.put("alice/large", noise(1, 1_200_000))
    with pytest.raises(UnavailableError, match="the table is down"):
        world.back_up()
    assert world.store.blobs == {}


def test_damage_that_is_not_the_parents_ends_the_backup(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a parent there is nothing to do without."""

    def damaged(_chunks: object) -> object:
        raise CorruptionError("a pack is damaged")

    monkeypatch.setattr(world.index, "lookup", damaged)
    world.source.put("alice/a", b"a")
    with pytest.raises(CorruptionError, match="a pack is damaged"):
        world.back_up()


def test_an_abandoned_session_commits_nothing(world: World) -> None:
    """Backups under way end with the reason that was given."""
    put_all(world.source, {f"alice/{number}": noise(number, 100_000) for number in range(20)})
    with world.session() as session:
        world.source.before_read = lambda _item: session.abandon(UnavailableError("time is up"))
        with pytest.raises(UnavailableError, match="time is up"):
            within(10, lambda: session.backup(world.job()))
    assert list(world.repository.backups(SOURCE)) == []


def test_an_abandoned_session_does_not_even_commit_what_carries_over(world: World) -> None:
    """Though that needs no pack."""
    world.source.put("alice/a", b"a")
    first = world.back_up()
    with world.session() as session:
        session.abandon(UnavailableError("time is up"))
        with pytest.raises(UnavailableError, match="time is up"):
            within(10, lambda: session.backup(world.job()))
    assert list(world.repository.backups(SOURCE)) == [name_of(first)]


def test_an_error_that_a_worker_lets_out_ends_the_session(world: World) -> None:
    """A bug in the engine is loud, and no backup is committed after it."""

    def broken(_tools: object) -> None:
        raise LookupError("a bug")

    world.source.put("alice/a", b"a")
    with BackupSession(world.ports, workers=1, safety=world.safety) as session:
        session._pool.submit(broken)
        with pytest.raises(LookupError, match="a bug"):
            within(10, lambda: session.backup(world.job()))
    assert world.store.blobs == {}


def test_one_users_trouble_does_not_touch_the_others_of_the_session(world: World) -> None:
    """A parent that cannot be read ends its own backup; the session goes on."""
    put_all(world.source, {"alice/a": b"a", "bob/b": b"b"})
    first = world.back_up("alice")
    world.store.blobs[commit_of(first)] = b'{"format": 2}'
    with world.session() as session:
        with pytest.raises(FormatError):
            session.backup(world.job("alice"))
        result = session.backup(world.job("bob"))
    assert contents(world.restore(result)[1]) == {"bob/b": b"b"}


def test_another_backup_under_the_same_name_is_a_conflict(world: World) -> None:
    """What is committed stays as it is."""
    world.source.put("alice/a", b"a")
    first = world.back_up()
    job = BackupJob(SOURCE, "alice", "", BackupType.FULL, "another run")
    with world.session() as session, pytest.raises(ConflictError):
        session.commit(job, first.record.backup_id, START, [])
    assert world.repository.commit(name_of(first)) == first.record


def test_a_backups_id_sorts_by_time_and_after_its_parents() -> None:
    """Even if the clock was set back: otherwise a child would never be the newest."""
    ids = Ids()
    first = new_backup_id(START, ids)
    assert first == f"20261120T020000Z-{Ids()(4)}"
    child = new_backup_id(START, ids, BackupName(SOURCE, "alice", first))
    assert child > first
    parsed = parse_snapshot_key(f"{SNAPSHOTS}s/u/{child}/commit.json")
    assert parsed is not None


def test_times_are_written_in_utc() -> None:
    """To the second."""
    assert rfc3339(START) == "2026-11-20T02:00:00Z"
