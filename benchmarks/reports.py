"""The `reports` set: the folders of 200 users on two days."""

from __future__ import annotations

import os
import random
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from benchmarks.manifest import walk
from benchmarks.pool import Pool

USERS = 200
TEAM = 5
FILES = 17_660
CHANGES = {"edit": 360, "append": 180, "rename": 126, "delete": 105, "add": 112}
DAY_1, DAY_2 = 1_790_000_000, 1_793_500_000
UNSAFE = re.compile(r"[^A-Za-z0-9._ -]")
TEXT_KINDS = (".txt", ".csv", ".html", ".svg")


@dataclass
class Tree:
    """A day's tree while it is being filled."""

    root: Path
    placed: list[tuple[int, str]]

    def place(self, source: Path, user: int, folder: str, name: str) -> None:
        """Copy a file into a user's folder under a free name, with a fixed time."""
        base = Path(f"user-{user:04d}", folder, UNSAFE.sub("_", name))
        target, number = self.root / base, 2
        while target.exists():
            target = self.root / base.with_name(f"{base.stem} ({number}){base.suffix}")
            number += 1
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        stamp = DAY_1 + len(self.placed)
        os.utime(target, (stamp, stamp))
        self.placed.append((user, target.relative_to(self.root).as_posix()))


def build_first_day(root: Path, pool: Pool, rng: random.Random) -> None:
    """Give every distinct file to one user, then copy files around as people do."""
    tree = Tree(root, [])
    weights = [rng.uniform(0.5, 1.5) for _ in range(USERS)]
    users = rng.choices(range(1, USERS + 1), weights, k=len(pool.chosen))
    users[:USERS] = range(1, USERS + 1)
    folders = ("Reports", "Drafts", "Team", "Shared")
    for source, user in zip(pool.chosen, users, strict=True):
        folder = rng.choices(folders, (70, 15, 10, 5))[0]
        if folder == "Reports":
            folder = f"Reports/2026-{rng.randint(1, 10):02d}"
        tree.place(source, user, folder, source.name)
    _copy_around(tree, FILES - len(pool.chosen), rng)


def _copy_around(tree: Tree, count: int, rng: random.Random) -> None:
    """Add copies: company files in Shared, colleagues' files in Team, own files in Drafts."""
    originals = list(tree.placed)
    company = rng.sample(originals, 600)
    own: dict[int, list[str]] = {}
    for user, path in originals:
        own.setdefault(user, []).append(path)
    for _ in range(count):
        user = rng.randint(1, USERS)
        kind = rng.choices(("Shared", "Team", "Drafts"), (45, 30, 25))[0]
        if kind == "Shared":
            path = rng.choice(company)[1]
        elif kind == "Team":
            first = (user - 1) // TEAM * TEAM + 1
            path = rng.choice(own[rng.randrange(first, first + TEAM)])
        else:
            path = rng.choice(own[user])
        tree.place(tree.root / path, user, kind, Path(path).name)


def build_second_day(first: Path, second: Path, pool: Pool, rng: random.Random) -> None:
    """Copy the first day (copies, never links) and change five percent of its files."""
    shutil.copytree(first, second, copy_function=shutil.copy2)
    paths = sorted(walk(second))
    total = sum(count for name, count in CHANGES.items() if name != "add")
    picked = rng.sample(paths, total)
    edited, picked = picked[: CHANGES["edit"]], picked[CHANGES["edit"] :]
    appended, picked = picked[: CHANGES["append"]], picked[CHANGES["append"] :]
    renamed, deleted = picked[: CHANGES["rename"]], picked[CHANGES["rename"] :]
    for number, path in enumerate(edited):
        _edit(path, rng)
        _stamp(path, number)
    for number, path in enumerate(appended):
        with path.open("ab") as stream:
            stream.write(_filling(path, rng.randint(500, 8_000), rng))
        _stamp(path, 1_000 + number)
    for path in renamed:
        path.rename(path.with_name(f"{path.stem} final{path.suffix}"))
    for path in deleted:
        path.unlink()
    _add(second, pool, rng)


def _add(second: Path, pool: Pool, rng: random.Random) -> None:
    """Add files nobody had on the first day."""
    for number, source in enumerate(pool.spare[: CHANGES["add"]]):
        folder = second / f"user-{rng.randint(1, USERS):04d}" / "Reports" / "2026-11"
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{number:03d} {UNSAFE.sub('_', source.name)}"
        shutil.copyfile(source, target)
        _stamp(target, 2_000 + number)


def _edit(path: Path, rng: random.Random) -> None:
    """Replace some bytes in the middle by others, of another length."""
    data = path.read_bytes()
    middle = len(data) // 2
    removed = min(rng.randint(0, 500), len(data) - middle)
    filling = _filling(path, rng.randint(20, 2_000), rng)
    path.write_bytes(data[:middle] + filling + data[middle + removed :])


def _filling(path: Path, length: int, rng: random.Random) -> bytes:
    """Return new content: lines of figures for text files, random bytes for packed formats."""
    if path.suffix.lower() not in TEXT_KINDS:
        return rng.randbytes(length)
    lines: list[str] = []
    while sum(map(len, lines)) < length:
        lines.append(f"{rng.randint(1, 28):02d}.11.2026, item {rng.randint(1, 9999)}, {rng.random():.4f}\n")
    return "".join(lines).encode()[:length]


def _stamp(path: Path, number: int) -> None:
    """Give a changed file a fixed time of the second day."""
    os.utime(path, (DAY_2 + number, DAY_2 + number))
