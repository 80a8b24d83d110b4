"""The physical limit of the CPU work: `python -m benchmarks.limit --set big`.

Everything is in memory; two threads copy, cut (FastCDC 64/256/1024 KiB), hash (SHA-256), drop known
chunks, compress (zstd 3) and join packs. No S3, no manifests: what a backup of this data could reach.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pyfastcdc
import zstandard

from benchmarks.manifest import walk
from benchmarks.measure import median

KIB = 1 << 10
MINIMUM, AVERAGE, MAXIMUM = 64 * KIB, 256 * KIB, 1024 * KIB
PART = 8 << 20
PACK = 16 << 20
LEVEL = 3
THREADS = 2


@dataclass
class Worker:
    """One thread's state; `known` is shared by all threads."""

    known: dict[bytes, None]
    compressor: zstandard.ZstdCompressor = field(default_factory=lambda: zstandard.ZstdCompressor(level=LEVEL))
    frames: list[bytes] = field(default_factory=list)
    waiting: int = 0
    stored: int = 0

    def take(self, chunk: memoryview) -> None:
        """Hash one chunk; if it is new, compress it and keep the frame for the next pack."""
        digest = hashlib.sha256(chunk).digest()
        if digest in self.known:
            return
        self.known[digest] = None
        frame = self.compressor.compress(chunk)
        self.frames.append(frame)
        self.waiting += len(frame)
        if self.waiting >= PACK:
            self.join()

    def join(self) -> None:
        """Join the waiting frames to a pack and forget it."""
        self.stored += len(b"".join(self.frames))
        self.frames.clear()
        self.waiting = 0


def parts(data: memoryview) -> Iterator[bytes]:
    """Copy a file part by part, as a client that reads from a socket does."""
    for start in range(0, len(data), PART):
        yield bytes(data[start : start + PART])


def chunks(data: memoryview) -> Iterator[memoryview]:
    """Cut one file; the last chunk of a part is cut again with the next part."""
    cutter = pyfastcdc.FastCDC(AVERAGE, min_size=MINIMUM, max_size=MAXIMUM)
    rest, left = b"", len(data)
    for part in parts(data):
        left -= len(part)
        buffer = memoryview(rest + part if rest else part)
        if len(buffer) <= MINIMUM:
            yield buffer
            return
        cuts = [buffer[cut.offset : cut.offset + cut.length] for cut in cutter.cut_buf(buffer)]
        rest = bytes(cuts.pop()) if left else b""
        yield from cuts
    if rest:
        yield memoryview(rest)


def one_pass(files: list[memoryview]) -> tuple[float, int]:
    """Process all files once and return the seconds and the stored bytes."""
    known: dict[bytes, None] = {}
    queue = iter(files)

    def work() -> int:
        worker = Worker(known)
        for data in queue:
            for chunk in chunks(data):
                worker.take(chunk)
        worker.join()
        return worker.stored

    started = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        futures = [pool.submit(work) for _ in range(THREADS)]
        stored = sum(future.result() for future in futures)
    return time.perf_counter() - started, stored


def main() -> None:
    """Measure one data set and print the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("build/bench-data"))
    parser.add_argument("--set", default="big")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    root = options.data / "day1" / options.set
    files = [memoryview(path.read_bytes()) for path in walk(root)]
    total = sum(len(data) for data in files)
    results = [one_pass(files) for _ in range(options.rounds)]
    speed = median(total / 1e6 / seconds for seconds, _ in results)
    print(json.dumps({"set": options.set, "mb_per_s": round(speed, 1), "stored_mb": results[0][1] / 1e6}))


if __name__ == "__main__":
    main()
