"""Peak memory: one 5 GiB object through one worker, and 10,000 against 200,000 entries.

`python -m benchmarks.memory [large] [ENTRIES ...]` prints a table.
It needs a server that holds 10 GiB: give `BENCH_ENDPOINT`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from benchmarks import objects
from benchmarks.measure import Cost, markdown_table, run
from benchmarks.ours import PROJECT, Strongroom
from benchmarks.server import Server, open_server

if TYPE_CHECKING:
    from obstore.store import S3Store

GIB = 1024**3
LARGE = 5 * GIB
PIECE = 16 * 1024**2
ENTRIES = (10_000, 200_000)
LIMIT_MB = 512 * 1024**2 / 1e6


def large_content(size: int) -> Iterator[bytes]:
    """Give `size` bytes in which no chunk repeats; a quarter of them does not compress, so that the server lives."""
    random = Random(5)
    for start in range(0, size, PIECE):
        row = random.randbytes(256)
        noise = memoryview(random.randbytes(PIECE // 4))
        piece = b"".join(bytes(noise[at : at + 64]) + row[:192] for at in range(0, len(noise), 64))
        yield piece[: size - start]


def fill(store: S3Store, what: str) -> None:
    """Fill a bucket: `large`, or a number of tiny objects of one user."""
    if what == "large":
        store.put("user-0001/large.bin", large_content(LARGE), chunk_size=PIECE)
        return
    random = Random(7)
    keys = [f"user-0001/{number % 100:02d}/file-{number:06d}.txt" for number in range(int(what))]
    bodies = {key: random.randbytes(64) for key in keys}
    objects.each(lambda key: store.put(key, bodies[key]), keys, 32)


def measure(server: Server, what: str) -> list[tuple[str, Cost]]:
    """Back up, back up unchanged, restore to a local folder and verify one content."""
    source, repository = f"memory-{what}", f"memory-{what}-repository"
    for bucket in (source, repository):
        server.create(bucket)
    environment = server.environment()
    subprocess.run(
        [sys.executable, "-m", "benchmarks.memory", "fill", server.endpoint, source, what],
        check=True,
        env=environment,
        cwd=PROJECT,
    )
    tool = Strongroom(server, source, repository)
    one = ["--workers", "1"]
    scratch = Path(tempfile.mkdtemp(dir=PROJECT / "build"))
    try:
        return [
            (name, run([*command, *one], environment=environment, folder=PROJECT))
            for name, command in (
                ("first", tool.backup()),
                ("unchanged", tool.backup()),
                ("restore", tool.restore_to_directory(scratch / "restored")),
                ("verify", tool.verify()),
            )
        ]
    finally:
        shutil.rmtree(scratch)
        for bucket in (source, repository):
            server.drop(bucket)


def main(contents: list[str]) -> int:
    """Measure all contents; 1 when a limit is passed."""
    rows: list[list[str]] = []
    worst = 0.0
    with open_server() as server:
        for what in contents:
            for step, cost in measure(server, what):
                worst = max(worst, cost.peak_mb)
                rows.append([what, step, f"{cost.wall_s:.1f}", f"{cost.cpu_s:.1f}", f"{cost.peak_mb:.0f}"])
                print(*rows[-1], flush=True)
    print(markdown_table(["content", "step", "wall s", "CPU s", "peak RSS MB"], rows))
    return 0 if worst < LIMIT_MB else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["fill"]:
        fill(objects.open_store(sys.argv[2], sys.argv[3]), sys.argv[4])
    else:
        sys.exit(main(sys.argv[1:] or ["large", *map(str, ENTRIES)]))
