"""Backups over several invocations, and over ranges of keys: together they are what one invocation would have made."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.engine.backup import BackupJob, SegmentsWritten
from functions.engine.commit import CommitRecord
from functions.engine.errors import SourceDeniedError
from functions.engine.model import BackupStatus, Segment
from tests.engine.kit import START, World, contents, put_all
from tests.strategies import noise

BACKUP = "20261121T020000Z-00000001"


def stop_after(count: int) -> Callable[[int], bool]:
    """Say stop when asked for the `count`-th time: an invocation asks before each object but the first."""
    asked = 0

    def stop(_ahead: int) -> bool:
        nonlocal asked
        asked += 1
        return asked >= count

    return stop


def invoke(world: World, job: BackupJob, count: int | None = None) -> SegmentsWritten:
    """Run one invocation in a session of its own, as another container would."""
    with world.session() as session:
        return session.write_segments(job, BACKUP, *([] if count is None else [stop_after(count)]))


def in_invocations(world: World, job: BackupJob, count: int) -> tuple[list[Segment], int]:
    """Run invocations of `count` objects each until the end; give all segments and how often it was stopped."""
    segments: list[Segment] = []
    stops = 0
    while True:
        part = replace(job, first_segment=len(segments), start_after=job.start_after)
        written = invoke(world, part, count)
        segments += written.segments
        if written.resume_after is None:
            return segments, stops
        stops += 1
        job = replace(job, start_after=written.resume_after)


def commit(world: World, job: BackupJob, segments: list[Segment]) -> CommitRecord:
    """Commit what the invocations wrote."""
    with world.session() as session:
        return session.commit(job, BACKUP, START, segments)


def fill(world: World, count: int = 20) -> None:
    """Give alice some files, small and large ones."""
    put_all(world.source, {f"alice/{number:02}": noise(number, 3_000) for number in range(count)})
    world.source.put("alice/05", noise("large", 1_200_000))


@pytest.mark.parametrize("count", [1, 3, 7, 19, 20, 21])
def test_a_backup_in_several_invocations_is_the_backup_in_one(world: World, count: int) -> None:
    """The same files, in the same order, with the same totals."""
    fill(world)
    whole = world.back_up()
    job = replace(world.job(), parent=None)
    segments, stops = in_invocations(world, job, count)
    record = commit(world, job, segments)
    assert stops == 19 // count
    assert [segment.number for segment in record.segments] == list(range(len(segments)))
    lines = [line.key for line in world.repository.entries(record)]
    assert lines == list(world.entries(whole))
    assert record.totals.files == whole.record.totals.files
    assert record.totals.source == whole.record.totals.source
    assert contents(world.restore_records(record)[1]) == world.content()


def test_an_invocation_that_is_told_to_stop_says_where_to_go_on(world: World) -> None:
    """After the last key that it took; what it took is written."""
    fill(world)
    written = invoke(world, world.job(), 4)
    assert written.resume_after == "alice/03"
    assert [segment.last_key for segment in written.segments] == ["alice/03"]
    assert [segment.totals.files for segment in written.segments] == [4]


def test_an_invocation_that_reached_the_end_has_nothing_to_go_on_with(world: World) -> None:
    """The backup can be committed."""
    fill(world)
    assert invoke(world, world.job()).resume_after is None


def test_nothing_is_committed_before_somebody_commits(world: World) -> None:
    """Segments alone are no backup."""
    fill(world)
    invoke(world, world.job())
    assert list(world.repository.backups("reports")) == []


def test_a_continuation_carries_over_from_the_parent_where_it_goes_on(world: World) -> None:
    """The parent's entries before that are passed over, and nothing is read twice."""
    fill(world)
    world.back_up()
    job = world.job()
    reads = dict(world.source.reads)
    segments, _ = in_invocations(world, job, 6)
    record = commit(world, job, segments)
    assert world.source.reads == reads
    assert job.parent is not None
    assert record.parent == job.parent.backup_id
    assert contents(world.restore_records(record)[1]) == world.content()


def test_an_invocation_that_runs_twice_writes_the_same_thing(world: World) -> None:
    """A message that comes again is harmless as long as the source did not change."""
    put_all(world.source, {f"alice/{number}": b"x" for number in range(5)})
    world.back_up()
    job = world.job()
    first = invoke(world, job, 3)
    before = dict(world.store.blobs)
    assert invoke(world, job, 3) == first
    assert world.store.blobs == before


def test_ranges_of_keys_together_are_the_whole(world: World) -> None:
    """A very large prefix can be split among workers."""
    fill(world)
    job = world.job()
    bounds: list[str] = ["", "alice/04", "alice/11", ""]
    segments: list[Segment] = []
    for number, (start, end) in enumerate(itertools.pairwise(bounds)):
        part = replace(job, start_after=start, end_at=end or None, first_segment=number)
        segments += invoke(world, part).segments
    assert [(segment.first_key, segment.last_key) for segment in segments] == [
        ("alice/00", "alice/04"),
        ("alice/05", "alice/11"),
        ("alice/12", "alice/19"),
    ]
    assert contents(world.restore_records(commit(world, job, segments))[1]) == world.content()


def test_a_last_part_of_denied_objects_only_is_part_of_a_partial_backup(world: World) -> None:
    """The other parts could be read, so the set-up is not wrong."""
    put_all(world.source, {"alice/a": b"a", "alice/b": b"b"})
    world.source.denied = {"alice/b"}
    job = world.job()
    segments, stops = in_invocations(world, job, 1)
    assert stops == 1
    record = commit(world, job, segments)
    assert record.status is BackupStatus.PARTIAL
    assert (record.totals.files, record.totals.unreadable) == (1, 1)


def test_parts_of_denied_objects_only_are_no_backup(world: World) -> None:
    """However many invocations it took to find out."""
    put_all(world.source, {"alice/a": b"a", "alice/b": b"b"})
    world.source.denied = {"alice/a", "alice/b"}
    job = world.job()
    segments, _ = in_invocations(world, job, 1)
    with pytest.raises(SourceDeniedError):
        commit(world, job, segments)


@given(st.lists(st.integers(1, 6), max_size=8), st.integers(1, 5))
def test_wherever_invocations_stop_each_file_is_taken_once(counts: list[int], limit: int) -> None:
    """With segments of any size."""
    world = World()
    world.safety = replace(world.safety, segment_entries=limit)
    put_all(world.source, {f"alice/{number:02}": b"x" for number in range(15)})
    job = world.job()
    segments: list[Segment] = []
    for count in [*counts, None]:
        written = invoke(world, replace(job, first_segment=len(segments)), count)
        segments += written.segments
        if written.resume_after is None:
            break
        job = replace(job, start_after=written.resume_after)
    record = commit(world, replace(job, start_after=""), segments)
    keys = [line.key for line in world.repository.entries(record)]
    assert keys == [f"alice/{number:02}" for number in range(15)]
