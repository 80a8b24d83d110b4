"""The `big` set: uncompressed tars of successive releases of one package set."""

from __future__ import annotations

import random
import shutil
import tarfile
import zipfile
from pathlib import Path

from benchmarks.sources import fetch_release

FOLDER = "user-0001"
ENTRY_TIME = 1_767_225_600
INSERTION = 100_000


def write_release(name: str, cache: Path, folder: Path) -> Path:
    """Write one release as a tar, straight from its wheels, in a fixed order with fixed times."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}.tar"
    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as bundle:
        for wheel in fetch_release(name, cache):
            _append_wheel(bundle, wheel)
    return target


def _append_wheel(bundle: tarfile.TarFile, wheel: Path) -> None:
    """Append the files of a wheel under `site-packages/`."""
    with zipfile.ZipFile(wheel) as archive:
        for info in sorted(archive.infolist(), key=lambda entry: entry.filename):
            if info.is_dir():
                continue
            member = tarfile.TarInfo(f"site-packages/{info.filename}")
            member.size, member.mtime, member.mode = info.file_size, ENTRY_TIME, 0o644
            with archive.open(info) as stream:
                bundle.addfile(member, stream)


def insert_thrice(source: Path, target: Path, seed: int) -> None:
    """Copy a file with three insertions of 100 KB, at a quarter, a half and three quarters."""
    rng = random.Random(seed)
    quarter = source.stat().st_size // 4
    with source.open("rb") as reader, target.open("wb") as writer:
        for _ in range(3):
            writer.write(reader.read(quarter))
            writer.write(rng.randbytes(INSERTION))
        shutil.copyfileobj(reader, writer, 1 << 20)


def build_big(root: Path, cache: Path, seed: int) -> None:
    """Build `day1/big` and `day2/big` below `root`."""
    first, second = root / "day1" / "big" / FOLDER, root / "day2" / "big" / FOLDER
    second.mkdir(parents=True, exist_ok=True)
    env_1 = write_release("env-1", cache, first)
    env_2 = write_release("env-2", cache, first)
    shutil.copy2(env_1, second / env_1.name)
    insert_thrice(env_2, second / env_2.name, seed)
    write_release("env-3", cache, second)
