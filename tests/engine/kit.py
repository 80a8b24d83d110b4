"""A small world to back up, restore and verify in: the engine on in-memory ports, with ids and times that repeat."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from functions.adapters.memory import MemoryBlobStore, MemoryDestination, MemoryIndex, MemorySource, answered
from functions.contract.object_keys import PACKS, commit_key, manifest_key, pack_key
from functions.engine.backup import BackupJob, BackupResult, BackupSession, Ports
from functions.engine.codec import Encoder
from functions.engine.commit import CommitRecord, encode_commit
from functions.engine.manifest import Header, Line, ManifestWriter, Trailer, encode_entry
from functions.engine.model import BackupType, Buffer, ChunkRef, FileEntry, PackId, Properties
from functions.engine.pack import FOOTER_SIZE, PackBuilder, SealedPack, read_footer, read_index
from functions.engine.repository import BackupName, Repository
from functions.engine.restore import Restorer, everything
from functions.engine.restore_work import RestoreReport
from functions.engine.safety import KIB, SafetyParameters
from functions.engine.verify import Verifier
from functions.engine.verify_report import Depth, VerifyReport

T = TypeVar("T")

SOURCE = "reports"
WORKERS = 2
START = datetime(2026, 11, 20, 2, 0, 0, tzinfo=UTC)

SMALL_SAFETY = SafetyParameters(
    pack_target=256 * KIB,
    buffer_budget=2048 * KIB,
    part_size=512 * KIB,
    batch_bytes=64 * KIB,
    batch_files=8,
    entry_window=16,
    restore_window=64,
    restore_group=256 * KIB,
    restore_budget=2048 * KIB,
    coalesce_gap=4 * KIB,
)
"""Every limit so small that a test of a few megabytes meets it."""

PROPERTIES = Properties({"content-type": "text/plain"}, {"owner": "Ada", "purpose": "naïve"}, {"class": "secret"})


class Clock:
    """A clock that goes on by one second each time somebody looks at it."""

    def __init__(self) -> None:
        """Start at 2026-11-20 02:00:00 UTC."""
        self.now = START

    def __call__(self) -> datetime:
        """Give the time."""
        self.now += timedelta(seconds=1)
        return self.now


class Ids:
    """Ids that look random and are the same on every run."""

    def __init__(self, seed: str = "") -> None:
        """Start the sequence that `seed` names."""
        self._seed = seed
        self._count = 0

    def __call__(self, count: int) -> str:
        """Give the next id of `count` bytes."""
        self._count += 1
        return hashlib.shake_256(f"{self._seed}{self._count}".encode()).hexdigest(count)


@dataclass
class World:
    """A source, a repository and a dedup index, with one call for each job of the engine."""

    source: MemorySource = field(default_factory=MemorySource)
    store: MemoryBlobStore = field(default_factory=MemoryBlobStore)
    index: MemoryIndex = field(default_factory=MemoryIndex)
    safety: SafetyParameters = SMALL_SAFETY
    clock: Clock = field(default_factory=Clock)
    ids: Ids = field(default_factory=Ids)

    @property
    def ports(self) -> Ports:
        """The ports of a session."""
        return Ports(self.source, self.store, self.index, self.clock, self.ids)

    @property
    def repository(self) -> Repository:
        """The reader of what is committed."""
        return Repository(self.store)

    def session(self) -> BackupSession:
        """Give a session; use it as a context manager."""
        return BackupSession(self.ports, workers=WORKERS, safety=self.safety)

    def job(self, user: str = "alice", kind: BackupType = BackupType.INCREMENTAL, *, prefix: str = "") -> BackupJob:
        """Give the job of one user, on top of the newest backup."""
        parent = self.repository.newest(SOURCE).get(user)
        return BackupJob(SOURCE, user, prefix, kind, "run-1", parent)

    def back_up(
        self, user: str = "alice", kind: BackupType = BackupType.INCREMENTAL, *, prefix: str = ""
    ) -> BackupResult:
        """Make one user's next backup in a session of its own."""
        with self.session() as session:
            return session.backup(self.job(user, kind, prefix=prefix))

    def entries(self, result: BackupResult) -> dict[str, FileEntry]:
        """Give the files of a backup by key."""
        lines = self.repository.entries(result.record)
        return {line.key: line.entry() for line in lines if isinstance(line, Line)}

    def restore(
        self,
        *results: BackupResult,
        into: MemoryDestination | None = None,
        wanted: Callable[[FileEntry], bool] = everything,
    ) -> tuple[RestoreReport, MemoryDestination]:
        """Restore backups; give the report and the destination."""
        return self.restore_records(*(result.record for result in results), into=into, wanted=wanted)

    def restore_records(
        self,
        *records: CommitRecord,
        into: MemoryDestination | None = None,
        wanted: Callable[[FileEntry], bool] = everything,
    ) -> tuple[RestoreReport, MemoryDestination]:
        """Restore what commit records name; give the report and the destination."""
        destination = into or MemoryDestination()
        with Restorer(self.store, destination, workers=WORKERS, safety=self.safety) as restorer:
            report = restorer.restore(records, wanted)
        return report, destination

    def verify(self, *results: BackupResult, depth: Depth = Depth.FULL, percent: float = 100.0) -> VerifyReport:
        """Verify backups."""
        with Verifier(self.store, workers=WORKERS, safety=self.safety) as verifier:
            return verifier.verify(map(name_of, results), depth, percent=percent)

    def packs(self) -> list[PackId]:
        """Give the ids of all stored packs."""
        return [key.rpartition("/")[2] for key in sorted(self.store.blobs) if key.startswith(PACKS)]

    def pack_refs(self, pack: PackId) -> list[ChunkRef]:
        """Give the chunks of a stored pack, as its index names them."""
        data = self.store.blobs[pack_key(pack)]
        footer = read_footer(pack, data, len(data))
        return read_index(pack, footer, data[footer.index_offset : -FOOTER_SIZE])

    def content(self, prefix: str = "") -> dict[str, bytes]:
        """Give what the source holds below `prefix`."""
        return {key: found.data for key, found in self.source.objects.items() if key.startswith(prefix)}


def name_of(result: BackupResult) -> BackupName:
    """Give the name of a committed backup."""
    return BackupName(result.record.source, result.record.user, result.record.backup_id)


def commit_of(result: BackupResult) -> str:
    """Give the key of a backup's commit record."""
    return commit_key(*name_of(result))


def manifest_of(result: BackupResult, segment: int = 0) -> str:
    """Give the key of one of a backup's manifests."""
    return manifest_key(*name_of(result), segment)


def within(seconds: float, call: Callable[[], T]) -> T:
    """Give what `call` gives; TimeoutError when it takes longer, instead of a test that never ends."""
    done: Future[Future[T]] = Future()
    threading.Thread(target=lambda: done.set_result(answered(call)), daemon=True).start()
    return done.result(seconds).result()


def flip(data: bytes, position: int, bit: int = 0) -> bytes:
    """Give `data` with one bit turned over."""
    damaged = bytearray(data)
    damaged[position] ^= 1 << bit
    return bytes(damaged)


def contents(destination: MemoryDestination) -> dict[str, bytes]:
    """Give the bytes of what is visible at a destination."""
    return {name: file.data for name, file in destination.files.items()}


def make_pack(pack_id: PackId, plains: Iterable[bytes]) -> SealedPack:
    """Seal a pack of the given plain chunks."""
    builder = PackBuilder(pack_id)
    encoder = Encoder()
    for plain in plains:
        builder.add(hashlib.sha256(plain).digest(), encoder.encode(plain), len(plain))
    return builder.seal()


def joined(parts: Iterable[Buffer]) -> bytes:
    """Join the parts of an object."""
    return b"".join(parts)


def put_all(source: MemorySource, objects: Mapping[str, bytes]) -> None:
    """Write objects into a source."""
    for key, data in objects.items():
        source.put(key, data)


def rewrite(
    world: World,
    result: BackupResult,
    change: Callable[[FileEntry], FileEntry | bytes],
    change_record: Callable[[CommitRecord], CommitRecord] = lambda record: record,
) -> None:
    """Replace a one-segment backup by what a writer with a bug would have written: all digests are right."""
    record = result.record
    lines = [change(entry) for entry in world.entries(result).values()]
    writer = ManifestWriter(Header(*name_of(result), 0))
    for line in lines:
        writer.add(line if isinstance(line, bytes) else encode_entry(line))
    parts, sha256 = writer.finish(Trailer(record.totals, frozenset(record.packs)))
    world.store.blobs[manifest_of(result)] = joined(parts)
    segment = replace(record.segments[0], sha256=sha256)
    world.store.blobs[commit_of(result)] = encode_commit(change_record(replace(record, segments=(segment,))))
