"""Build the data sets of the benchmarks: `python -m benchmarks.datasets [--root DIR]`.

`reports` is 200 users' folders of small office-like files on two days, `big` is tars of successive
releases of one package set. Sources are pinned, choices are seeded, nothing built is committed.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
from pathlib import Path

from benchmarks import manifest
from benchmarks.pool import build_pool
from benchmarks.reports import build_first_day, build_second_day
from benchmarks.sources import fetch_documents
from benchmarks.tars import build_big

SEED = 20_261_120
RECIPE = 1
SETS = ("day1/reports", "day2/reports", "day1/big", "day2/big")
DEFAULT_ROOT = Path("build/bench-data")
HEADINGS = ("set", "files", "MB", "mean KB", "unique files", "unique MB", "manifest sha256")


def manifest_path(root: Path, name: str) -> Path:
    """Return where the manifest of a set lies."""
    return root / f"{name.replace('/', '-')}.manifest"


def build_reports(root: Path, cache: Path) -> None:
    """Build both days of `reports`."""
    pool_folder = root / "pool"
    shutil.rmtree(pool_folder, ignore_errors=True)
    fetch_documents(cache, pool_folder)
    rng = random.Random(SEED)
    pool = build_pool(pool_folder, pool_folder / "made", rng)
    build_first_day(root / "day1" / "reports", pool, rng)
    build_second_day(root / "day1" / "reports", root / "day2" / "reports", pool, rng)
    shutil.rmtree(pool_folder)


def build(root: Path) -> None:
    """Build all sets below `root`, unless a complete build of this recipe is there."""
    marker = root / "complete.json"
    if marker.exists() and json.loads(marker.read_text(encoding="utf-8"))["recipe"] == RECIPE:
        return
    marker.unlink(missing_ok=True)
    for day in ("day1", "day2"):
        shutil.rmtree(root / day, ignore_errors=True)
    cache = root / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    build_reports(root, cache)
    build_big(root, cache, SEED)
    hashes = {name: manifest.write(manifest.scan(root / name), manifest_path(root, name)) for name in SETS}
    marker.write_text(json.dumps({"recipe": RECIPE, "sha256": hashes}, indent=2), encoding="utf-8")


def table(root: Path) -> str:
    """Return the sets and their figures as a Markdown table."""
    hashes = json.loads((root / "complete.json").read_text(encoding="utf-8"))["sha256"]
    lines = [f"| {' | '.join(HEADINGS)} |", "|---" * len(HEADINGS) + "|"]
    for name in SETS:
        figures = manifest.summarise(manifest.read(manifest_path(root, name)))
        cells = (
            name,
            str(figures.files),
            f"{figures.total / 1e6:,.1f}",
            f"{figures.total / figures.files / 1e3:,.1f}",
            str(figures.unique_files),
            f"{figures.unique_total / 1e6:,.1f}",
            hashes[name][:16],
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Build what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=DEFAULT_ROOT)
    root = parser.parse_args().root.resolve()
    build(root)
    print(table(root))


if __name__ == "__main__":
    main()
