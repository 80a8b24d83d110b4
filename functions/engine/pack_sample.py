"""Reads a part of all packs and proves what they hold, in a repository of any size.

Nothing but the packs is looked at: neither commit records nor a list of all packs is held. Which backups need a
damaged pack is found out only when there is one.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, Self

from functions.contract.object_keys import PACKS, SNAPSHOTS, commit_key, pack_key, parse_pack_key
from functions.engine.budget import Budget
from functions.engine.commit import CommitRecord
from functions.engine.errors import (
    BlobArchivedError,
    BlobNotFoundError,
    ConfigurationError,
    CorruptionError,
    FormatError,
    NotFoundError,
    OutOfTimeError,
    PackMissingError,
)
from functions.engine.manifest import Line
from functions.engine.model import Buffer, ChunkRef, PackId
from functions.engine.newest import all_backups
from functions.engine.pack import FOOTER_SIZE, read_footer, read_index
from functions.engine.ports import BlobStore
from functions.engine.repository import BackupName, Repository
from functions.engine.safety import DEFAULT_SAFETY, SafetyParameters
from functions.engine.timed_store import TimedStore, TimeLeft
from functions.engine.verify_report import DamageLog, VerifyReport
from functions.engine.workers import Pending, Tools, WorkerPool

_IDS = 1 << 128
_READERS = 32
_ALL = 100.0


class Window(NamedTuple):
    """Pack ids from `start`, up to but without `end`, as numbers.

    Ids are random, so the packs of a window are a fair sample of all packs, of every age and user; and to find them
    only the window is listed.
    """

    start: int
    end: int

    @classmethod
    def of(cls, percent: float, seed: int) -> Window:
        """Give the window of a night: at least `percent` of all ids. A hundred seeds in a row cover all at 1 percent.

        Raises ConfigurationError for a percentage that cannot be.
        """
        if not 0 < percent <= _ALL:
            raise ConfigurationError(f"sample_percent is {percent}", hint="name more than 0 and at most 100")
        parts = int(_ALL / percent)
        part = seed % parts
        return cls(part * _IDS // parts, (part + 1) * _IDS // parts)


def sample_packs(store: BlobStore, window: Window, after: PackId | None = None) -> Iterator[PackId]:
    """Give the packs of a window in the order of their ids, those after `after` if one is named.

    A window without any gives the next pack that there is, so that small repositories are looked at too.
    """
    empty = after is None
    for pack in _packs_from(store, window.start, after):
        if int(pack, 16) >= window.end:
            break
        empty = False
        yield pack
    if empty:
        following = next(_packs_from(store, window.end, None), None) or next(_packs_from(store, 0, None), None)
        if following is not None:
            yield following


def _packs_from(store: BlobStore, start: int, after: PackId | None) -> Iterator[PackId]:
    if after is None and start > 0:
        after = f"{start - 1:032x}"
    for blob in store.list(PACKS, pack_key(after) if after is not None else ""):
        pack = parse_pack_key(blob.key)
        if pack is not None:
            yield pack


class PackProver:
    """Reads whole packs and proves every chunk. Use it as a context manager: `prove` packs, `wait`, see `log`.

    Packs in an archive class are passed over and counted as `archived`: reading them would take hours and cost money.
    """

    def __init__(self, store: BlobStore, *, workers: int, safety: SafetyParameters = DEFAULT_SAFETY) -> None:
        """Start `workers` threads: one a core."""
        self.log = DamageLog()
        self.report = VerifyReport()
        self.archived = 0
        self._store = store
        self._safety = safety
        self._budget = Budget(safety.restore_budget)
        self._pending = Pending()
        self._lock = threading.Lock()
        self._pool = WorkerPool(workers, self._fail)

    def __enter__(self) -> Self:
        """Give the prover."""
        return self

    def __exit__(self, *_details: object) -> None:
        """End the threads."""
        self._pool.close()

    def prove(self, pack: PackId) -> None:
        """Start to prove a pack; wait until there is memory for it. Raises what keeps it from looking."""
        self._budget.acquire(self._safety.pack_target)
        self._pending.begin()
        self._store.get(pack_key(pack)).add_done_callback(self._arrival(pack))

    def wait(self) -> None:
        """Return when all are proven, or noted as damaged. Raises what kept it from looking."""
        self._pending.wait()

    def _arrival(self, pack: PackId) -> Callable[[Future[Buffer]], None]:
        return lambda future: self._pool.submit(lambda tools: self._prove(pack, future, tools))

    def _prove(self, pack: PackId, future: Future[Buffer], tools: Tools) -> None:
        try:
            data = future.result()
            for ref in _index_of(pack, data):
                self._prove_chunk(ref, data, tools)
            with self._lock:
                self.report.packs_read += 1
                self.report.bytes_read += len(data)
        except BlobArchivedError:
            with self._lock:
                self.archived += 1
        except BlobNotFoundError:
            self.log.add_pack(pack, PackMissingError(f"pack {pack} disappeared after it was listed"))
        except (CorruptionError, FormatError) as error:
            self.log.add_pack(pack, error)
        finally:
            self._budget.release(self._safety.pack_target)
            self._pending.end()

    def _prove_chunk(self, ref: ChunkRef, data: Buffer, tools: Tools) -> None:
        try:
            tools.decoder.decode(memoryview(data)[ref.offset : ref.offset + ref.stored], ref)
        except CorruptionError as error:
            self.log.add_chunk(ref, error)

    def _fail(self, error: BaseException) -> None:
        self._pending.fail(error)
        self._budget.fail(error)


class Search(NamedTuple):
    """How far the search for what a damage touches came."""

    backups: int
    complete: bool


def attribute(store: BlobStore, log: DamageLog, time_left: TimeLeft) -> Search:
    """Note in `log` which backups and files need what is damaged, as far as the time reaches.

    Reads all commit records, but only the manifests of backups that need a damaged pack.
    """
    timed = TimedStore(store, time_left)
    damaged = {damage.pack for damage in log.all()}
    repository = Repository(timed)
    looked = 0
    with ThreadPoolExecutor(_READERS, thread_name_prefix="attribute") as readers:
        try:
            for record in _ahead(readers, lambda name: _record(repository, name, log), all_backups(timed, SNAPSHOTS)):
                if record is not None and not damaged.isdisjoint(record.packs):
                    _attribute_record(repository, record, log)
                looked += 1
        except OutOfTimeError:
            return Search(looked, complete=False)
    return Search(looked, complete=True)


def _record(repository: Repository, name: BackupName, log: DamageLog) -> CommitRecord | None:
    try:
        return repository.commit(name)
    except NotFoundError:
        return None  # it ran out between the listing and now
    except (CorruptionError, FormatError) as error:
        log.add_backup(name, commit_key(*name), error)
        return None


def _attribute_record(repository: Repository, record: CommitRecord, log: DamageLog) -> None:
    name = BackupName(record.source, record.user, record.backup_id)
    try:
        for line in repository.entries(record):
            if isinstance(line, Line):
                log.attribute(name, line)
    except (CorruptionError, FormatError) as error:
        log.add_backup(name, f"backup {name.backup_id} of user {name.user!r}", error)


def _ahead(
    readers: ThreadPoolExecutor, read: Callable[[BackupName], CommitRecord | None], names: Iterable[BackupName]
) -> Iterator[CommitRecord | None]:
    """Read many at once, give them in order, and hold no more than those under way."""
    under_way: deque[Future[CommitRecord | None]] = deque()
    for name in names:
        under_way.append(readers.submit(read, name))
        if len(under_way) > 2 * _READERS:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()


def _index_of(pack: PackId, data: Buffer) -> list[ChunkRef]:
    footer = read_footer(pack, data, len(data))
    end = len(data) - FOOTER_SIZE
    return read_index(pack, footer, memoryview(data)[end - footer.index_stored : end])
