"""The plan of a restore: every byte is written once, every chunk is read, and no piece is larger than it may be."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.engine.model import ChunkRef, FileEntry
from functions.engine.pack import FOOTER_SIZE
from functions.engine.ports import Target
from functions.engine.restore_plan import Group, PackRange, Unit, coalesce, group_units, units_of
from functions.engine.safety import SafetyParameters

PACKS = ["a" * 32, "b" * 32, "c" * 32]
SAFETY = SafetyParameters(
    restore_group=1_000, restore_written=1_500, restore_unit=10, coalesce_gap=50, pack_limit=2_000
)
GAP, LIMIT = SAFETY.coalesce_gap, SAFETY.pack_limit + FOOTER_SIZE

places = st.builds(
    lambda number, pack, position: ChunkRef(bytes([number]) * 32, pack, position * 40, 30, 40),
    st.integers(0, 30),
    st.sampled_from(PACKS),
    st.integers(0, 40),
)
files = st.lists(places, max_size=12).map(
    lambda refs: FileEntry("k", sum(ref.length for ref in refs), "e", "t", tuple(refs))
)


def target(number: int) -> Target:
    """Give the target of file `number`."""
    return Target(f"f{number}", f"f{number}")


@given(files, st.integers(1, 500))
def test_the_units_of_a_file_cover_it_exactly(entry: FileEntry, part_size: int) -> None:
    """All chunks, in order, none twice; parts are numbered from 0 and say where they begin."""
    units = units_of(target(0), entry, part_size)
    assert tuple(itertools.chain.from_iterable(unit.chunks for unit in units)) == entry.chunks
    assert [unit.offset for unit in units] == [0, *itertools.accumulate(unit.size for unit in units)][:-1]
    assert all(unit.size == sum(ref.length for ref in unit.chunks) for unit in units)
    assert sum(unit.size for unit in units) == entry.size
    if entry.size > part_size:
        assert [unit.number for unit in units] == list(range(len(units)))
        assert all(part_size <= unit.size < part_size + 40 for unit in units[:-1])
    else:
        assert [unit.number for unit in units] == [None]


def test_a_file_of_very_many_parts_gets_larger_parts() -> None:
    """S3 takes 10,000 parts, and 5 GiB each: a file of 10 GB in small parts must stay below."""
    chunk = 1_048_576
    refs = tuple(ChunkRef(b"\0" * 32, PACKS[0], 0, chunk, chunk) for _ in range(10_000))
    units = units_of(target(0), FileEntry("k", len(refs) * chunk, "e", "t", refs), 16)
    assert len(units) <= 9_000


def test_an_empty_file_is_one_unit_without_chunks() -> None:
    """It is written like any other."""
    (unit,) = units_of(target(0), FileEntry("k", 0, "e", "t", ()), 100)
    assert (unit.chunks, unit.size, unit.number) == ((), 0, None)


@given(st.lists(places, max_size=30))
def test_ranges_cover_every_chunk_and_keep_to_the_limit(refs: list[ChunkRef]) -> None:
    """Each chunk lies in one range; ranges of a pack do not touch each other's bytes and are not too long."""
    ranges = coalesce(refs, GAP, LIMIT)
    assert all(0 < item.length <= LIMIT for item in ranges)
    for ref in refs:
        found = ranges[Group([], ranges, 0).range_of(ref)]
        assert found.pack == ref.pack
        assert found.start <= ref.offset
        assert ref.offset + ref.stored <= found.start + found.length
    for one, other in itertools.combinations(ranges, 2):
        apart = one.start + one.length <= other.start or other.start + other.length <= one.start
        assert one.pack != other.pack or apart


@given(st.lists(places, min_size=1, max_size=30))
def test_ranges_hold_no_gap_larger_than_allowed(refs: list[ChunkRef]) -> None:
    """Reading on is cheaper than asking, up to a point."""
    for item in coalesce(refs, GAP, LIMIT):
        spans = sorted({(ref.offset, ref.offset + ref.stored) for ref in refs if ref.pack == item.pack})
        inside = [span for span in spans if item.start <= span[0] < item.start + item.length]
        assert inside[0][0] == item.start
        assert all(after[0] - before[1] <= GAP for before, after in itertools.pairwise(inside))


@pytest.mark.parametrize(
    ("offsets", "expected"),
    [
        ([0, 30, 60], [PackRange(PACKS[0], 0, 90)]),
        ([0, 80], [PackRange(PACKS[0], 0, 110)]),
        ([0, 81], [PackRange(PACKS[0], 0, 30), PackRange(PACKS[0], 81, 30)]),
        ([81, 0, 81], [PackRange(PACKS[0], 0, 30), PackRange(PACKS[0], 81, 30)]),
    ],
)
def test_neighbours_are_read_together(offsets: list[int], expected: list[PackRange]) -> None:
    """Up to the gap, in the order of their places, however they come."""
    refs = [ChunkRef(bytes([offset]) * 32, PACKS[0], offset, 30, 40) for offset in offsets]
    assert coalesce(refs, GAP, LIMIT) == expected


def test_a_chunk_that_no_range_covers_is_an_error_in_the_plan() -> None:
    """It never reads other bytes instead."""
    ref = ChunkRef(b"x" * 32, PACKS[0], 10, 30, 40)
    for wrong in ([], [PackRange(PACKS[1], 0, 100)], [PackRange(PACKS[0], 11, 100)], [PackRange(PACKS[0], 0, 39)]):
        with pytest.raises(LookupError, match=(b"x" * 32).hex()):
            Group([], wrong, 0).range_of(ref)


@given(st.lists(files, max_size=10))
def test_groups_hold_every_unit_once_and_are_bounded(entries: list[FileEntry]) -> None:
    """Whatever is restored, no group is larger than the limit unless it is a single unit."""
    units = [unit for number, entry in enumerate(entries) for unit in units_of(target(number), entry, 100)]
    groups = list(group_units(units, SAFETY))
    listed = [unit for group in groups for unit in group.units]
    assert sorted(map(identity, listed)) == sorted(map(identity, units))
    for group in groups:
        held = {ref for unit in group.units for ref in unit.chunks}
        weight = sum(ref.length for ref in held) + SAFETY.restore_unit * len(group.units)
        assert len(group.units) == 1 or weight <= SAFETY.restore_group
        assert len(group.units) == 1 or sum(unit.size for unit in group.units) <= SAFETY.restore_written


def test_files_that_share_chunks_are_restored_together() -> None:
    """A shared chunk is held, and proven, once a group: two releases of one archive cost little more than one."""
    shared = tuple(ChunkRef(bytes([number]) * 32, PACKS[0], number * 90, 90, 90) for number in range(8))
    units = [units_of(target(number), FileEntry("k", 720, "e", "t", shared), 1_000)[0] for number in range(4)]
    groups = list(group_units(units, SAFETY))
    assert [len(group.units) for group in groups] == [2, 2]
    assert [group.ranges for group in groups] == [[PackRange(PACKS[0], 0, 720)]] * 2


@given(st.lists(files, max_size=10))
def test_a_groups_ranges_cover_each_place_that_its_units_name(entries: list[FileEntry]) -> None:
    """Also when one chunk stands in two packs, and two files name different ones."""
    units = [unit for number, entry in enumerate(entries) for unit in units_of(target(number), entry, 100)]
    for group in group_units(units, SAFETY):
        for ref in (ref for unit in group.units for ref in unit.chunks):
            assert group.ranges[group.range_of(ref)].pack == ref.pack


@given(st.lists(files, max_size=10))
def test_a_groups_cost_is_the_memory_that_it_takes(entries: list[FileEntry]) -> None:
    """The stored bytes of its ranges, the plain bytes of each chunk once, and the entries themselves."""
    units = [unit for number, entry in enumerate(entries) for unit in units_of(target(number), entry, 100)]
    for group in group_units(units, SAFETY):
        plain = {ref.chunk: ref.length for unit in group.units for ref in unit.chunks}
        entries_cost = len(group.units) * SAFETY.restore_unit
        assert group.cost == sum(item.length for item in group.ranges) + sum(plain.values()) + entries_cost


def test_units_are_sorted_by_place_so_that_packs_are_read_in_order() -> None:
    """Files that stand together in a pack are restored together."""
    entries = [
        FileEntry("k", 40, "e", "t", (ChunkRef(bytes([number]) * 32, pack, offset, 30, 40),))
        for number, (pack, offset) in enumerate([(PACKS[1], 0), (PACKS[0], 30), (PACKS[1], 30), (PACKS[0], 0)])
    ]
    units = [units_of(target(number), entry, 100)[0] for number, entry in enumerate(entries)]
    (group,) = group_units(units, SAFETY)
    assert [unit.target.name for unit in group.units] == ["f3", "f1", "f0", "f2"]
    assert group.ranges == [PackRange(PACKS[0], 0, 60), PackRange(PACKS[1], 0, 60)]


def identity(unit: Unit) -> tuple[str, int]:
    """Give what tells a unit from all others."""
    return unit.target.name, unit.number or 0
