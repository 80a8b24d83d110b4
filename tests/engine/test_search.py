"""Looking things up: nothing that is asked for is missed, whatever is not read for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from functions.contract.object_keys import commit_key
from functions.engine.difference import ChangeKind, changes
from functions.engine.manifest import Line, encode_entry
from functions.engine.model import BackupStatus, BackupType, FileEntry, Unreadable
from functions.engine.owners import (
    backup_at,
    backups_at,
    believed,
    may_believe,
    moment_of,
    source_names,
    user_names,
)
from functions.engine.repository import BackupName
from functions.engine.safety import SafetyParameters
from functions.engine.search import FileQuery, find_files, find_versions, keys_below, same_files
from functions.engine.tree import Folder, nodes
from tests.engine.kit import SOURCE, World, put_all

KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def line_of(key: str, size: int = 0, etag: str = "e", **more: object) -> Line:
    """Give a file's line."""
    document = {"key": key, "size": size, "etag": etag, "modified": "2026-11-19T00:00:00.000Z", "chunks": [], **more}
    return Line(repr(document).encode(), key, size, etag, document)


@given(st.lists(KEYS), KEYS)
@example(["a\U0010ffff\U0010ffffz", "a"], "a\U0010ffff")
@example(["\x00", "\x00a"], "\x00")
def test_no_key_with_a_beginning_lies_outside_its_range(ends: list[str], beginning: str) -> None:
    """However it goes on."""
    after, until = keys_below(beginning)
    for end in ("", *ends):
        assert after < beginning + end
        assert until is None or beginning + end <= until
    assert keys_below(beginning).meets(beginning + "/")


@given(KEYS, st.text('*?[]!-abé"\\\n/', max_size=6), KEYS)
def test_a_line_that_is_skipped_is_never_one_that_is_looked_for(start: str, middle: str, end: str) -> None:
    """The bytes alone decide it, for any key and any pattern."""
    for pattern in (f"{start}*{middle}", f"*{end}", middle or "*", f"{start}{middle}{end}"):
        query = FileQuery(pattern)
        for key in (start, end, f"{start}{middle}{end}", f"{start}x{middle}", f"x{end}"):
            line = line_of(key)
            if not query.matcher()(line):
                continue
            raw = encode_entry(FileEntry(key, 0, "e", "t", ()))
            skip = query.skipper()
            assert skip is None or not skip(raw)
            assert query.keys().after < key <= (query.keys().until or key)


def test_a_pattern_is_for_the_whole_key_and_a_word_for_a_part() -> None:
    """As for a restore, where it has a wild card."""
    for pattern, key in (("a/*.pdf", "a/b/c.pdf"), ("report", "a/report-1.txt"), ("a?c", "abc")):
        assert FileQuery(pattern).matcher()(line_of(key))
    for pattern, key in (("*.pdf", "a.pdf.bak"), ("a?c", "xabc"), ("Report", "a/report")):
        assert not FileQuery(pattern).matcher()(line_of(key))
    assert fnmatchcase("a/b/c.pdf", "a/*.pdf")


def test_sizes_and_times_have_both_ends() -> None:
    """Each is part of what is looked for."""
    line, then = line_of("k", 10), datetime(2026, 11, 19, tzinfo=UTC)
    for query in (FileQuery(smallest=10, largest=10), FileQuery(changed_after=then, changed_before=then)):
        assert query.matcher()(line)
    second = timedelta(seconds=1)
    for query in (
        FileQuery(smallest=11),
        FileQuery(largest=9),
        FileQuery(changed_after=then + second),
        FileQuery(changed_before=then - second),
    ):
        assert not query.matcher()(line)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["a/1", "a/2", "a/3", "a/4"]), st.binary(min_size=1, max_size=2))))
def test_every_version_is_found_with_every_backup_that_holds_it(nights: list[dict[str, bytes]]) -> None:
    """As reading every manifest would find; many segments, and nights that change nothing, among them."""
    world = World(safety=replace(World().safety, segment_entries=2))
    records, held = [], []
    for files in nights:
        for key in list(world.source.objects):
            world.source.delete(key)
        put_all(world.source, files)
        records.append(world.back_up("a").record)
        held.append({(key, entry.etag, entry.modified) for key, entry in _entries(world, records[-1]).items()})
    for query in (FileQuery(), FileQuery("a/2*"), FileQuery("3")):
        found = find_versions(world.repository, records, query)
        expected: dict[tuple[str, str, str], list[str]] = {}
        for record, files_held in zip(records, held, strict=True):
            for version in sorted(files_held):
                if fnmatchcase(version[0], {"*": "*", "a/2*": "a/2*", "3": "*3*"}[query.pattern]):
                    expected.setdefault(version, []).append(record.backup_id)
        got = {(kept.version.key, kept.version.etag, kept.version.modified): kept.backups for kept in found.kept}
        assert got == expected
        assert found.read <= found.manifests


def _entries(world: World, record: object) -> dict[str, FileEntry]:
    lines = world.repository.entries(record)  # type: ignore[arg-type]  # a record, as the caller has it
    return {line.key: line.entry() for line in lines if isinstance(line, Line)}


def test_only_segments_that_may_hold_a_key_are_read(world: World) -> None:
    """And none of a night that changed nothing; of everybody's newest backup, only those with a match are listed."""
    small: SafetyParameters = replace(world.safety, segment_entries=10)
    world = World(safety=small)
    put_all(world.source, {f"alice/{number:03}": b"%d" % number for number in range(100)})
    records = [world.back_up().record for _ in range(3)]
    found = find_versions(world.repository, records, FileQuery("alice/04*"))
    assert (len(found.kept), found.read, found.manifests) == (10, 1, 30)
    [(_record, versions)] = find_files(world.repository, records[-1:], FileQuery("alice/050*"))
    assert [version.key for version in versions] == ["alice/050"]


def test_a_night_that_may_differ_is_read(world: World) -> None:
    """A full one, a partial one, one on another parent, and one that counts other files."""
    put_all(world.source, {"alice/1": b"1"})
    first, second = (world.back_up().record for _ in range(2))
    assert same_files(second, first)
    for other in (
        replace(second, type=BackupType.FULL),
        replace(second, status=BackupStatus.PARTIAL),
        replace(second, parent=None),
        replace(second, prefix="home/"),
        replace(second, totals=second.totals._replace(files=2)),
        replace(second, totals=second.totals._replace(source=2)),
        replace(second, totals=second.totals._replace(read=1)),
    ):
        assert not same_files(other, first)


def put_commit(world: World, user: str, day: int) -> BackupName:
    """Write a commit record's key: who looks for backups looks at nothing else."""
    name = BackupName(SOURCE, user, f"202611{day:02}T020000Z-0000000{day % 10}")
    world.store.blobs[commit_key(*name)] = b""
    return name


def test_the_newest_backup_at_a_time_is_found_however_old_it_is(world: World) -> None:
    """Of last night, or of weeks ago; nobody's when there was none."""
    old, new = put_commit(world, "alice", 1), put_commit(world, "alice", 20)
    dormant = put_commit(world, "bob", 2)
    assert list(backups_at(world.store, SOURCE, ["alice", "bob", "carol"], moment_of(None, NOW))) == [new, dormant]
    assert backup_at(world.store, SOURCE, "alice", moment_of(NOW - timedelta(days=1), NOW)) == old
    assert backup_at(world.store, SOURCE, "alice", moment_of(datetime(2026, 11, 20, 2, tzinfo=UTC), NOW)) == new
    for early in (datetime(2026, 10, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)):
        assert backup_at(world.store, SOURCE, "alice", moment_of(early, NOW)) is None


def test_a_table_is_believed_of_what_is_young_and_was_begun_by_then() -> None:
    """Of nothing else: it may have stood still, and says nothing of a time before the newest backup."""
    claims = {
        "young": "20261120T020000Z-00000001",
        "last": "20261119T000000Z-00000002",
        "old": "20261118T235959Z-00000003",
        "ahead": "20261120T120001Z-00000004",
        "none": "",
        "strange": "20261120T020000Z",
    }
    assert [*believed(claims, moment_of(None, NOW), NOW)] == ["young", "last", "ahead"]
    assert [*believed(claims, moment_of(NOW, NOW), NOW)] == ["young", "last"]
    assert [*believed(claims, moment_of(NOW - timedelta(hours=12), NOW), NOW)] == ["last"]
    assert may_believe(None, NOW)
    assert may_believe(NOW - timedelta(hours=36), NOW)
    assert not may_believe(NOW - timedelta(hours=37), NOW)


def test_nobody_is_asked_for_whose_backup_is_known(world: World) -> None:
    """The others are, as ever; users are known by their encoded names."""
    listed = put_commit(world, "bob", 2)
    put_commit(world, "a b", 1)
    told = {"a%20b": "20261120T020000Z-00000001", "stranger": "20261120T020000Z-00000001"}
    found = backups_at(world.store, SOURCE, ["a b", "bob"], moment_of(None, NOW), told)
    assert list(found) == [BackupName(SOURCE, "a b", "20261120T020000Z-00000001"), listed]


def test_names_are_read_from_folders(world: World) -> None:
    """Strange ones too; what is no name of ours is left out."""
    for user in ("", "/", "é 100%", "alice"):
        put_commit(world, user, 1)
    for key in world.store.blobs:
        world.source.put(key, b"")
    world.source.put("snapshots/reports/not%20ours%2/x", b"")
    world.source.put("snapshots/readme", b"")
    assert source_names(world.source) == [SOURCE]
    assert sorted(user_names(world.source, SOURCE)) == ["", "/", "alice", "é 100%"]


ITEMS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 2))


@given(ITEMS, ITEMS)
def test_a_difference_is_what_turns_one_into_the_other(before: dict[str, int], after: dict[str, int]) -> None:
    """Each key once, in order."""
    found = list(changes(*([line_of(key, size) for key, size in sorted(some.items())] for some in (before, after))))
    assert [change.key for change in found] == sorted(k for k in before | after if before.get(k) != after.get(k))
    turned = dict(before)
    for change in found:
        turned.pop(change.key, None)
        if change.size_after is not None:
            turned[change.key] = change.size_after
        assert change.size_before == before.get(change.key)
    assert turned == after


@pytest.mark.parametrize(
    ("was", "now", "kind"),
    [
        (line_of("k", chunks=[["c", "p", 0, 1, 1]]), line_of("k", chunks=[["c", "q", 9, 1, 1]]), None),
        (line_of("k", chunks=[["c", "p", 0, 1, 1]]), line_of("k", chunks=[["d", "p", 0, 1, 1]]), ChangeKind.CHANGED),
        (line_of("k"), line_of("k", tags={"a": "b"}), ChangeKind.METADATA),
        (line_of("k"), Unreadable("k", "CODE", "why"), ChangeKind.UNREADABLE),
        (Unreadable("k", "CODE", "why"), Unreadable("k", "CODE", "why"), None),
        (Unreadable("k", "CODE", "why"), line_of("k"), ChangeKind.ADDED),
    ],
)
def test_what_counts_as_a_change(was: Line | Unreadable, now: Line | Unreadable, kind: ChangeKind | None) -> None:
    """A chunk in another place is the same chunk."""
    assert [change.kind for change in changes([was], [now])] == ([kind] if kind else [])


def test_a_backup_is_shown_as_folders() -> None:
    """A folder is named once, with all that lies below it, also beside a file that is spelled like it."""
    keys = ["u/a", "u/a-b", "u/a/1", "u/a/x/2", "u/b/3", "u//4"]
    items = sorted((line_of(key, 2) for key in keys), key=lambda line: line.key)
    bad = Unreadable("u/b/0", "CODE", "why")
    shown = list(nodes([*items[:-1], bad, items[-1]], "u/"))
    assert [node.key for node in shown] == ["u//", "u/a", "u/a-b", "u/a/", "u/b/"]
    folder = shown[3]
    assert isinstance(folder, Folder)
    assert (folder.files, folder.size) == (2, 4)
    assert shown[4] == Folder("u/b/", 1, 2, "2026-11-19T00:00:00.000Z", 1)
