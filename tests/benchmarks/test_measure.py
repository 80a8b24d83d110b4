"""What a benchmark does before it measures."""

import os
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from benchmarks import measure

MB = 1024 * 1024


class Usage(NamedTuple):
    """What is free on a disk."""

    free: int


@pytest.mark.parametrize(("wanted", "free", "written"), [(3 * MB, 100 * MB, 3 * MB), (3 * MB, 4 * MB, 2 * MB)])
def test_memory_is_touched_and_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: int, free: int, written: int
) -> None:
    """As much as was asked for, but never more than half of what is free; no file is left."""
    seen: list[Path] = []

    def usage(disk: Path) -> Usage:
        seen.append(disk)
        return Usage(free)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    before = _written_bytes()
    measure.touch_memory(tmp_path, wanted)
    assert seen == [tmp_path]
    assert written <= _written_bytes() - before < written + MB
    assert list(tmp_path.iterdir()) == []


def _written_bytes() -> int:
    """Give the bytes that this process has handed to write calls (proc(5), /proc/pid/io)."""
    fields = dict(line.split(": ") for line in Path(f"/proc/{os.getpid()}/io").read_text().splitlines())
    return int(fields["wchar"])
