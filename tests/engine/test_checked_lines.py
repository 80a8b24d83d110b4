"""Lines that a verification has checked: remembered within bounds, for backups that declare their packs."""

import tracemalloc

from functions.engine.checked_lines import CheckedLines

PACKS = frozenset({"a" * 32, "b" * 32})


def test_a_checked_line_is_held_for_a_backup_that_declares_its_packs() -> None:
    """Another backup may have forgotten one of them: then the line must be looked at again, and it is found."""
    lines = CheckedLines()
    lines.add(b"line", ("a" * 32, "b" * 32))
    assert lines.holds(b"line", PACKS)
    assert not lines.holds(b"line", frozenset({"a" * 32}))
    assert not lines.holds(b"line ", PACKS)


def test_a_line_without_chunks_needs_no_pack() -> None:
    """An empty file."""
    lines = CheckedLines()
    lines.add(b"empty", ())
    assert lines.holds(b"empty", frozenset())


def test_the_last_lines_are_kept_and_older_ones_forgotten() -> None:
    """What was asked for meanwhile counts as new."""
    lines = CheckedLines(keep=10_000)
    lines.add(b"used", ())
    lines.add(b"unused", ())
    for number in range(1_000):
        lines.add(b"%d" % number, ())
        assert lines.holds(b"used", PACKS)
        assert lines.holds(b"%d" % max(0, number - 30), PACKS)
    assert not lines.holds(b"unused", PACKS)


def test_a_line_larger_than_all_that_may_be_kept_is_not_kept() -> None:
    """Nor does it push out the others."""
    lines = CheckedLines(keep=1_000)
    lines.add(b"small", ())
    lines.add(b"x" * 1_000, ())
    assert lines.holds(b"small", PACKS)
    assert not lines.holds(b"x" * 1_000, PACKS)


def test_memory_stays_bounded_however_many_lines_come() -> None:
    """Twice what is to be kept, and the interpreter's share."""
    keep = 1024 * 1024
    lines = CheckedLines(keep)
    tracemalloc.start()
    try:
        for number in range(50_000):
            lines.add(b"%0200d" % number, (f"{number:032x}",))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * keep
