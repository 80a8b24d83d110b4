"""Writes `v1/`, a small repository of format version 1, and what it holds. Was run once, by the release that made it.

It is kept as the record of how the repository came to be. Do not run it again: the stored repository must stay as
that release wrote it, and `test_v1` pins its bytes. A new format version gets a script and a folder of its own.

    python -m tests.formats.make_v1
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from functions.adapters.memory import MemorySource
from functions.engine.backup import BackupJob, BackupResult, BackupSession
from functions.engine.model import BackupType, Properties, Unreadable
from functions.engine.repository import Repository
from tests.engine.kit import Ids, World
from tests.strategies import noise, prose

FOLDER = Path(__file__).parent / "v1"
SOURCE = "sales.reports"
PREFIX = "home/"
ODD_USER = "Zoë & co. 100%~"
BIG = prose("v1 big", 700_000)


def first_day(source: MemorySource) -> None:
    """Put what the first backups see."""
    full = Properties(
        {"content-type": "text/csv; charset=utf-8", "cache-control": "no-cache", "content-disposition": "attachment"},
        {"owner": "Ada Lovelace", "note": "naïve — 日本"},
        {"class": "secret", "project": "x/y=z"},
    )
    source.put("home/alice/", b"")
    source.put("home/alice/big.txt", BIG)
    source.put("home/alice/empty.bin", b"")
    source.put("home/alice/photo.raw", noise("v1 raw", 3_000))
    source.put("home/alice/report.csv", prose("v1 report", 20_000), properties=full)
    source.put("home/alice/report.csv/beside", b"a file below a file's name")
    source.put("home/alice//./..", b"empty and dot segments")
    source.put("home/alice/line\nbreak\t100%25 \x7f", b"control characters and percent signs")
    source.put("home/alice/日本/\U0001f512", b"beyond the basic plane")
    source.put("home/alice/" + "k" * (1024 - len("home/alice/")), b"the longest key")
    source.put("home/alice/doomed.txt", b"deleted before the second backup")
    source.put(f"home/{ODD_USER}/shared.csv", prose("v1 report", 20_000))
    source.put("home/readme.txt", b"owned by the root user")
    source.put("home//nameless.txt", b"owned by the user without a name")


def second_day(source: MemorySource) -> None:
    """Change what the second backup of alice sees."""
    source.put("home/alice/big.txt", BIG[:350_000] + b"an insertion" + BIG[350_000:])
    source.put("home/alice/archived.tar", b"not thawed", storage_class="DEEP_ARCHIVE")
    source.delete("home/alice/doomed.txt")


def make() -> tuple[World, list[BackupResult]]:
    """Make the repository in memory."""
    world = World(source=MemorySource(versioned=True), ids=Ids("v1"))
    world.safety = replace(world.safety, segment_entries=5, pack_target=65_536)
    first_day(world.source)
    users = list(world.source.users(PREFIX))
    results = [back_up(world, user, BackupType.FULL, "run-1") for user in users]
    second_day(world.source)
    results += [back_up(world, user, BackupType.INCREMENTAL, "run-2") for user in ("alice", "")]
    return world, results


def back_up(world: World, user: str, kind: BackupType, run: str) -> BackupResult:
    """Back up one user with one worker, so that chunks are packed in the order of keys."""
    parent = Repository(world.store).newest(SOURCE).get(user)
    with BackupSession(world.ports, workers=1, safety=world.safety) as session:
        return session.backup(BackupJob(SOURCE, user, PREFIX, kind, run, parent))


def expectation(world: World, result: BackupResult) -> dict[str, Any]:
    """Say what a backup holds, from what the engine reads back."""
    _, destination = world.restore(result)
    files = {
        key: {
            "size": entry.size,
            "sha256": hashlib.sha256(destination.files[key].data).hexdigest(),
            "etag": entry.etag,
            "modified": entry.modified,
            "version": entry.version,
            "chunks": len(entry.chunks),
            "properties": asdict(entry.properties),
        }
        for key, entry in world.entries(result).items()
    }
    record = result.record
    return {
        "user": record.user,
        "backup_id": record.backup_id,
        "type": record.type.value,
        "status": record.status.value,
        "parent": record.parent,
        "segments": len(record.segments),
        "files": files,
        "unreadable": [asdict(line) for line in world.repository.entries(record) if isinstance(line, Unreadable)],
    }


def main() -> None:
    """Write objects and expectations."""
    world, results = make()
    for key, data in world.store.blobs.items():
        path = FOLDER / "objects" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    expected = {"source": SOURCE, "prefix": PREFIX, "backups": [expectation(world, result) for result in results]}
    text = json.dumps(expected, indent=1, ensure_ascii=True, sort_keys=True)
    (FOLDER / "expected.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
