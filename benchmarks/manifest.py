"""Content lists of trees: build, compare, verify."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """One file of a tree."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Summary:
    """The figures of one data set."""

    files: int
    total: int
    unique_files: int
    unique_total: int


def walk(root: Path) -> Iterator[Path]:
    """Yield the regular files below `root`, in name order."""
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path


def file_sha256(path: Path) -> str:
    """Hash one file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def scan(root: Path) -> list[Entry]:
    """Return the entries of a tree, sorted by path."""
    entries = [Entry(path.relative_to(root).as_posix(), path.stat().st_size, file_sha256(path)) for path in walk(root)]
    return sorted(entries, key=lambda entry: entry.path)


def write(entries: list[Entry], target: Path) -> str:
    """Write a manifest and return its own SHA-256."""
    text = "".join(f"{entry.sha256} {entry.size} {entry.path}\n" for entry in entries)
    target.write_text(text, encoding="utf-8")
    return hashlib.sha256(text.encode()).hexdigest()


def read(source: Path) -> list[Entry]:
    """Read a manifest that `write` wrote."""
    entries: list[Entry] = []
    for line in source.read_text(encoding="utf-8").splitlines():
        sha256, size, path = line.split(" ", 2)
        entries.append(Entry(path, int(size), sha256))
    return entries


def summarise(entries: list[Entry]) -> Summary:
    """Count files and bytes, and what is left when equal files count once."""
    unique = {entry.sha256: entry.size for entry in entries}
    total = sum(entry.size for entry in entries)
    return Summary(len(entries), total, len(unique), sum(unique.values()))


def differences(expected: list[Entry], found: dict[str, str]) -> list[str]:
    """Say what differs between a manifest and {path: sha256}; one common leading folder is allowed."""
    wanted = {entry.path: entry.sha256 for entry in expected}
    if found.keys() != wanted.keys():
        found = _without_lead(found, set(wanted))
    missing = [f"missing: {path}" for path in sorted(wanted.keys() - found.keys())]
    extra = [f"unexpected: {path}" for path in sorted(found.keys() - wanted.keys())]
    both = wanted.keys() & found.keys()
    changed = [f"content differs: {path}" for path in sorted(both) if wanted[path] != found[path]]
    return missing + extra + changed


def verify_tree(expected: list[Entry], root: Path) -> list[str]:
    """Say what differs between a manifest and a tree on disk, but for the file that holds S3's metadata."""
    found = {entry.path: entry.sha256 for entry in scan(root) if entry.path != ".strongroom-metadata.jsonl"}
    return differences(expected, found)


def _without_lead(found: dict[str, str], wanted: set[str]) -> dict[str, str]:
    """Strip the leading folders that all found paths share and no wanted path has."""
    while found and found.keys().isdisjoint(wanted):
        if len({path.partition("/")[0] for path in found}) != 1 or not all("/" in p for p in found):
            break
        found = {path.partition("/")[2]: sha256 for path, sha256 in found.items()}
    return found
