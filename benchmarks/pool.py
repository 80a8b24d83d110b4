"""The distinct files `reports` is made of: real documents, slices of real tables, office files."""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import office
from benchmarks.manifest import file_sha256, walk

SMALLEST, LARGEST = 200, 4_000_000
QUOTA = {
    "pdf": 1_400,
    "html": 3_900,
    "png": 2_000,
    "jpg": 420,
    "svg": 300,
    "txt": 1_400,
    "csv": 500,
    "docx": 500,
    "xlsx": 300,
    "pptx": 250,
}
TABLE_ROWS = (300, 4_000)
KINDS = {"htm": "html", "jpeg": "jpg"} | {kind: kind for kind in QUOTA}


@dataclass
class Pool:
    """Distinct files by kind: those `reports` starts with and those kept for later days."""

    chosen: list[Path] = field(default_factory=list)
    spare: list[Path] = field(default_factory=list)


def find_documents(root: Path) -> dict[str, list[Path]]:
    """Return the distinct documents below `root` by kind, in name order."""
    found: dict[str, list[Path]] = defaultdict(list)
    seen: set[str] = set()
    for path in walk(root):
        kind = KINDS.get(path.suffix[1:].lower())
        if kind is None or not SMALLEST <= path.stat().st_size <= LARGEST:
            continue
        digest = file_sha256(path)
        if digest not in seen:
            seen.add(digest)
            found[kind].append(path)
    return found


def build_pool(root: Path, made: Path, rng: random.Random) -> Pool:
    """Choose the files of every kind; tables and office files are made up to their quota."""
    found = find_documents(root)
    made.mkdir(parents=True, exist_ok=True)
    _slice_tables(found, made, rng)
    for kind in ("docx", "xlsx", "pptx"):
        _make_office(kind, found, made, rng)
    pool = Pool()
    for kind, quota in QUOTA.items():
        files = found[kind]
        rng.shuffle(files)
        pool.chosen += files[:quota]
        pool.spare += files[quota : quota + 40]
    rng.shuffle(pool.chosen)
    rng.shuffle(pool.spare)
    return pool


def _slice_tables(found: dict[str, list[Path]], made: Path, rng: random.Random) -> None:
    """Cut monthly extracts out of the real tables until the quota of CSV files is met."""
    tables = [path for path in found["csv"] if path.read_bytes().count(b"\n") > TABLE_ROWS[0]]
    while tables and len(found["csv"]) < QUOTA["csv"]:
        table = rng.choice(tables)
        head, *rows = table.read_bytes().splitlines(keepends=True)
        count = min(rng.randint(*TABLE_ROWS), len(rows) // 2)
        start = rng.randint(0, len(rows) - count)
        target = made / f"{table.stem}-extract-{len(found['csv']):04d}.csv"
        target.write_bytes(head + b"".join(rows[start : start + count]))
        found["csv"].append(target)


def _make_office(kind: str, found: dict[str, list[Path]], made: Path, rng: random.Random) -> None:
    """Make office files of one kind up to its quota from real containers, texts and pictures."""
    containers = [office.load_container(path) for path in found[kind]]
    containers = [c for c in containers if office.TEXT_PART[kind] in c.parts]
    texts = found["csv"] if kind == "xlsx" else found["html"] + found["txt"]
    seen: set[bytes] = set()
    while containers and len(found[kind]) < QUOTA[kind]:
        text = rng.choice(texts)
        pictures = [rng.choice(found["png"]).read_bytes() for _ in range(rng.randint(0, 2))]
        lines = office.plain_lines(text.read_bytes())[:2_000]
        data = office.compose(rng.choice(containers), lines, pictures)
        digest = hashlib.sha256(data).digest()
        if digest in seen or len(data) > LARGEST:
            continue
        seen.add(digest)
        target = made / f"{text.stem}-{len(found[kind]):04d}.{kind}"
        target.write_bytes(data)
        found[kind].append(target)
