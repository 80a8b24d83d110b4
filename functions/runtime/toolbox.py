"""Wires engine and adapters for a program that runs outside Lambda."""

from __future__ import annotations

import ctypes
import gc
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import certifi

from functions.adapters.local_index import LocalIndex
from functions.adapters.s3.blobs import S3BlobStore
from functions.adapters.s3.client import Location, S3Client
from functions.adapters.s3.source import S3Source
from functions.adapters.s3.transport import Transport, TransportSettings
from functions.engine.pack_indexes import fill_index
from functions.engine.ports import BlobStore, DedupIndex, Destination, Source
from functions.runtime.cloud import Cloud
from functions.runtime.credentials import find_credentials

if TYPE_CHECKING:
    from functions.engine.conflict import Conflict
    from functions.engine.orchestration.archive import Archive
    from functions.engine.retention.erasure_dates import Protection
    from functions.engine.retention.ports import Vault

__all__ = [
    "Connection",
    "RestoreNames",
    "Toolbox",
    "clear_scratch",
    "cores",
    "now",
    "random_hex",
    "tune_process",
]

_GC_THRESHOLD = 50_000
_MALLOPT = ((-8, 2), (-3, 64 * 1024 * 1024), (-1, 256 * 1024 * 1024))
"""M_ARENA_MAX, M_MMAP_THRESHOLD and M_TRIM_THRESHOLD, as <malloc.h> numbers them."""


@dataclass(frozen=True, slots=True)
class Connection:
    """How AWS is reached. `endpoint` only for an emulator or a private endpoint."""

    region: str = "us-east-1"
    endpoint: str | None = None
    profile: str | None = None
    connections: int = 96


@dataclass(frozen=True, slots=True)
class RestoreNames:
    """How a restore names what it writes: `cut` off each key, `prefix` before it, `label` into renamed files.

    `users` are the folders that are restored side by side.
    """

    cut: str
    prefix: str
    label: str
    users: frozenset[str] = frozenset()


class Toolbox:
    """Makes the engine's ports for one connection. Use it as a context manager.

    What only some commands need is imported when they ask for it: a backup would wait 20 ms for all of it.
    """

    def __init__(self, connection: Connection, environment: Mapping[str, str]) -> None:
        """Find credentials and start the transport. Nothing is sent yet."""
        self._connection = connection
        self._credentials = find_credentials(environment, connection.profile)
        settings = TransportSettings(connections=connection.connections, ca_file=certifi.where())
        self._transport = Transport(settings)
        self._to_close = ExitStack()

    def __enter__(self) -> Self:
        """Give the toolbox."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the transport, and what was kept in files."""
        self.close()
        self._to_close.close()

    def close(self) -> None:
        """End the transport, from any thread. What is under way ends with UnavailableError, and nothing new begins."""
        self._transport.close()

    @property
    def requests(self) -> Mapping[str, int]:
        """Say how often each operation was asked for."""
        return self._transport.counts

    def store(self, bucket: str) -> BlobStore:
        """Give the repository in `bucket`."""
        return S3BlobStore(self._client(bucket))

    def archive(self, bucket: str) -> Archive:
        """Give the repository in `bucket` as a place where packs may be frozen."""
        from functions.adapters.s3.archive import S3Archive  # noqa: PLC0415 - see the class

        return S3Archive(self._client(bucket))

    def vault(self, bucket: str) -> Vault:
        """Give the repository in `bucket` as a place where things are locked and let go."""
        from functions.adapters.s3.vault import S3Vault  # noqa: PLC0415 - see the class

        return S3Vault(self._client(bucket))

    def protection(self, bucket: str) -> Protection:
        """Ask `bucket` how it locks, and what its lifecycle does."""
        from functions.adapters.s3.protection import read_protection  # noqa: PLC0415 - see the class

        return read_protection(self._client(bucket))

    def stored_keys(self, bucket: str, prefix: str) -> Iterator[str]:
        """Give the keys of `bucket` below a prefix that have any version left, hidden or not."""
        from functions.adapters.s3.protection import stored_keys  # noqa: PLC0415 - see the class

        return stored_keys(self._client(bucket), prefix)

    def source(self, bucket: str) -> Source:
        """Give the objects to protect in `bucket`."""
        return S3Source(self._client(bucket))

    def to_bucket(self, bucket: str, names: RestoreNames, conflict: Conflict) -> Destination:
        """Give a bucket to restore into."""
        from functions.adapters.s3.destination import S3Destination  # noqa: PLC0415 - see the class

        return S3Destination(
            self._client(bucket), cut=names.cut, prefix=names.prefix, conflict=conflict, label=names.label
        )

    def to_directory(self, directory: Path, names: RestoreNames, conflict: Conflict, part: str = "") -> Destination:
        """Give a local directory to restore into; `part` tells processes apart that do so at once."""
        from functions.adapters.local_directory import LocalDirectory  # noqa: PLC0415 - see the class

        return LocalDirectory(
            directory, prefix=names.cut, conflict=conflict, label=names.label, part=part, users=names.users
        )

    def index(self, store: BlobStore, table: str | None) -> DedupIndex:
        """Give the dedup index in DynamoDB's `table`; without one, an index that is read from the packs when needed."""
        if table is None:
            index = LocalIndex(lambda empty: fill_index(store, empty))
            self._to_close.callback(index.close)
            return index
        from functions.adapters.dynamo.index import DynamoIndex  # noqa: PLC0415 - 0.03 s that only a table needs

        return DynamoIndex.connect(
            table,
            region=self._connection.region,
            endpoint=self._connection.endpoint,
            profile=self._connection.profile,
        )

    def cloud(self) -> Cloud:
        """Give the clients of other services, for the same connection. Somebody waits: they soon give up."""
        return Cloud(self._connection.region, self._connection.endpoint, self._connection.profile, attempts=1)

    def _client(self, bucket: str) -> S3Client:
        location = Location(bucket, self._connection.region, self._connection.endpoint)
        return S3Client(self._transport, location, self._credentials)


def clear_scratch(place: Path) -> None:
    """Take away what an interrupted restore left half-written in a directory."""
    from functions.adapters.local_directory import clear_scratch as clear  # noqa: PLC0415 - see Toolbox

    clear(place)


def now() -> datetime:
    """Give the present time in UTC."""
    return datetime.now(UTC)


def random_hex(count: int) -> str:
    """Give `count` random bytes in hexadecimal."""
    return secrets.token_hex(count)


def cores() -> int:
    """Say how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def tune_process() -> None:
    """Fit the process to the engine. Call it before any thread is started.

    The cyclic collector runs less often: the engine makes few cycles, and looking for them costs 5 % of a backup.
    The C library keeps to two arenas and gives memory back late (mallopt(3)): fresh pages for every pack cost
    another 5 %, an arena for every thread doubles the memory.
    """
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD, 50, 100)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # musl has none
        for parameter, value in _MALLOPT:
            mallopt(parameter, value)
