"""The repository that the first release wrote: every later release lists, verifies and restores it, byte for byte."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from functions.adapters.memory import MemoryBlobStore, MemoryDestination, MemoryIndex, MemorySource
from functions.contract.object_keys import parse_pack_key, parse_snapshot_key
from functions.engine.backup import BackupJob, BackupSession, Ports
from functions.engine.commit import CommitRecord
from functions.engine.manifest import Line
from functions.engine.model import BackupType, SourceObject, Unreadable
from functions.engine.pack_indexes import fill_index
from functions.engine.repository import BackupName, Repository
from functions.engine.restore import Restorer
from functions.engine.verify import Verifier
from functions.engine.verify_report import Depth
from tests.engine.kit import Clock, Ids

FOLDER = Path(__file__).parent / "v1"
EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))
BACKUPS: list[dict[str, Any]] = EXPECTED["backups"]
SOURCE: str = EXPECTED["source"]
every_backup = pytest.mark.parametrize("backup", BACKUPS, ids=[item["backup_id"] for item in BACKUPS])


@pytest.fixture
def store() -> MemoryBlobStore:
    """The stored repository."""
    made = MemoryBlobStore()
    root = FOLDER / "objects"
    for path in root.rglob("*"):
        if path.is_file():
            made.blobs[path.relative_to(root).as_posix()] = path.read_bytes()
    return made


def name_of(backup: Mapping[str, Any]) -> BackupName:
    """Give the name of an expected backup."""
    return BackupName(SOURCE, backup["user"], backup["backup_id"])


def record_of(store: MemoryBlobStore, backup: Mapping[str, Any]) -> CommitRecord:
    """Read the commit record of an expected backup."""
    return Repository(store).commit(name_of(backup))


def test_the_stored_repository_is_what_the_release_wrote(store: MemoryBlobStore) -> None:
    """Not a byte of it may change: it stands for the repositories that people have."""
    digest = hashlib.sha256()
    for key in sorted(store.blobs):
        digest.update(f"{key}\n{hashlib.sha256(store.blobs[key]).hexdigest()}\n".encode())
    assert len(store.blobs) == 22
    assert digest.hexdigest() == "917442e06628f775b46a71ebbea36958418b554fe072313a7d5f9046db6dc675"


def test_every_object_is_known_by_its_key(store: MemoryBlobStore) -> None:
    """Nothing of it has become foreign."""
    assert all(parse_pack_key(key) or parse_snapshot_key(key) for key in store.blobs)


def test_all_its_backups_are_listed(store: MemoryBlobStore) -> None:
    """Of all users, odd names included."""
    assert sorted(Repository(store).backups(SOURCE)) == sorted(map(name_of, BACKUPS))
    assert {backup["user"] for backup in BACKUPS} == {"", "/", "alice", "Zoë & co. 100%~"}


@every_backup
def test_its_commit_records_say_what_they_said(store: MemoryBlobStore, backup: dict[str, Any]) -> None:
    """Type, status, parent and counts."""
    record = record_of(store, backup)
    assert (record.type, record.status, record.parent) == (backup["type"], backup["status"], backup["parent"])
    assert len(record.segments) == backup["segments"]
    assert record.totals.files == len(backup["files"])
    assert [asdict(item) for item in record.unreadable] == backup["unreadable"]
    assert record.engine == "0.1.0"


def test_all_of_it_verifies(store: MemoryBlobStore) -> None:
    """Every byte of every pack."""
    with Verifier(store, workers=2) as verifier:
        report = verifier.verify(map(name_of, BACKUPS), Depth.FULL)
    assert report.damages == []
    assert report.orphans == 0
    assert (report.backups, report.packs_read) == (len(BACKUPS), 6)
    assert report.files == sum(len(backup["files"]) for backup in BACKUPS)


@every_backup
def test_every_byte_and_property_comes_back(store: MemoryBlobStore, backup: dict[str, Any]) -> None:
    """Of every file of every backup."""
    destination = MemoryDestination()
    with Restorer(store, destination, workers=2) as restorer:
        report = restorer.restore([record_of(store, backup)])
    assert report.failures == []
    assert set(destination.files) == set(backup["files"])
    for key, file in destination.files.items():
        wanted = backup["files"][key]
        assert len(file.data) == wanted["size"]
        assert hashlib.sha256(file.data).hexdigest() == wanted["sha256"]
        assert asdict(file.properties) == wanted["properties"]
        assert (file.modified, file.key) == (wanted["modified"], key)


@every_backup
def test_its_entries_say_what_they_said(store: MemoryBlobStore, backup: dict[str, Any]) -> None:
    """What a restore does not need too: etags, versions, and what could not be read."""
    lines = list(Repository(store).entries(record_of(store, backup)))
    assert [asdict(line) for line in lines if isinstance(line, Unreadable)] == backup["unreadable"]
    for entry in (line.entry() for line in lines if isinstance(line, Line)):
        wanted = backup["files"][entry.key]
        assert (entry.etag, entry.version, len(entry.chunks)) == (wanted["etag"], wanted["version"], wanted["chunks"])


def test_it_holds_one_of_everything() -> None:
    """Chunked, raw, compressed, empty and unreadable objects, hard keys, properties, several segments and parents."""
    files = {key: file for backup in BACKUPS for key, file in backup["files"].items()}
    assert max(file["chunks"] for file in files.values()) > 1
    assert min(file["size"] for file in files.values()) == 0
    assert max(len(key.encode()) for key in files) == 1024
    assert any("\n" in key for key in files)
    assert any("%" in key for key in files)
    assert any(file["properties"]["tags"] for file in files.values())
    assert {backup["status"] for backup in BACKUPS} == {"COMPLETED", "PARTIAL"}
    assert {backup["parent"] is None for backup in BACKUPS} == {True, False}
    assert max(backup["segments"] for backup in BACKUPS) > 1


def test_its_dedup_index_can_be_rebuilt(store: MemoryBlobStore) -> None:
    """From its packs alone, to the places that its manifests name."""
    index = MemoryIndex()
    assert fill_index(store, index) == 6
    repository = Repository(store)
    lines = [line for backup in BACKUPS for line in repository.entries(record_of(store, backup))]
    refs = {ref for line in lines if isinstance(line, Line) for ref in line.entry().chunks}
    assert {index.places[ref.chunk] for ref in refs} == refs
    assert any(ref.stored == ref.length for ref in refs)
    assert any(ref.stored < ref.length for ref in refs)


def test_a_new_backup_goes_on_from_it(store: MemoryBlobStore) -> None:
    """Unchanged objects carry over, and a file of known chunks stores nothing: the chunker still cuts as it did."""
    parent = BACKUPS[-2]
    record = record_of(store, parent)
    destination = MemoryDestination()
    with Restorer(store, destination, workers=2) as restorer:
        restorer.restore([record])
    source = _Listed(parent)
    source.put("home/alice/copy of big.txt", destination.files["home/alice/big.txt"].data)
    index = MemoryIndex()
    fill_index(store, index)
    job = BackupJob(SOURCE, "alice", "home/", BackupType.INCREMENTAL, "run-3", name_of(parent))
    with BackupSession(Ports(source, store, index, Clock(), Ids()), workers=2) as session:
        result = session.backup(job)
    assert result.warnings == ()
    assert result.record.totals.files == len(parent["files"]) + 1
    assert source.reads == {"home/alice/copy of big.txt": 1}
    assert (result.record.totals.new, result.record.totals.read) == (0, 700_012)
    assert set(result.record.packs) == set(record.packs)


class _Listed(MemorySource):
    """A source that lists what a backup saw, beside what is put into it."""

    def __init__(self, backup: dict[str, Any]) -> None:
        """List the files of `backup`."""
        super().__init__()
        self._seen = backup["files"]

    def list(self, prefix: str, start_after: str = "", *, recursive: bool = True) -> Any:  # noqa: ANN401
        """See Source."""
        seen = [SourceObject(key, file["size"], file["etag"], file["modified"]) for key, file in self._seen.items()]
        return iter(sorted([*seen, *super().list(prefix, start_after, recursive=recursive)]))
