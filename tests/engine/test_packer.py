"""The packer: packs are shared, closed when full or when everybody waits, and told durable when they are."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby

import pytest

from functions.adapters.memory import MemoryBlobStore, MemoryIndex
from functions.contract.object_keys import pack_key
from functions.engine.errors import ConflictError, UnavailableError
from functions.engine.model import Buffer, ChunkRef
from functions.engine.pack import RECORD_SIZE
from functions.engine.packer import Packer, StoredChunk
from functions.engine.safety import SafetyParameters
from tests.engine.kit import Ids, World
from tests.strategies import noise

PATIENCE = 10.0
SAFETY = SafetyParameters(pack_target=10 * (100 + RECORD_SIZE), packs_in_flight=2)


class SlowStore(MemoryBlobStore):
    """Answers a put only when it is told to."""

    def __init__(self) -> None:
        """Start with nothing under way."""
        super().__init__()
        self.waiting: list[tuple[str, bytes, Future[None]]] = []
        self.arrived = threading.Semaphore(0)

    def put_new(self, key: str, parts: Sequence[Buffer]) -> Future[None]:
        """See BlobStore."""
        future: Future[None] = Future()
        self.waiting.append((key, b"".join(parts), future))
        self.arrived.release()
        return future

    def answer(self, error: Exception | None = None) -> str:
        """End the oldest put; give its key."""
        assert self.arrived.acquire(timeout=PATIENCE)
        key, data, future = self.waiting.pop(0)
        if error is None:
            self.blobs[key] = data
            future.set_result(None)
        else:
            future.set_exception(error)
        return key


class WatchedIndex(MemoryIndex):
    """Calls `before` each time it is to remember something."""

    before: Callable[[], object] = staticmethod(lambda: None)

    def record(self, refs: Iterable[ChunkRef]) -> None:
        """See DedupIndex."""
        self.before()
        super().record(refs)


class Bench:
    """A packer over a store that answers when it is told to."""

    def __init__(self) -> None:
        """Start with nothing packed."""
        self.store = SlowStore()
        self.index = WatchedIndex()
        self.packer = Packer(self.store, self.index, Ids(), SAFETY)
        self.threads = ThreadPoolExecutor(4)

    def close(self) -> None:
        """End all threads, and what they wait for."""
        for _key, _data, future in self.store.waiting:
            future.cancel()
        self.threads.shutdown()
        self.packer.close()

    def wait_in_thread(self, *refs: ChunkRef) -> Future[None]:
        """Wait for the packs of `refs` in a thread of its own."""
        return self.threads.submit(self.packer.await_durable, {ref.pack for ref in refs})


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A fresh bench; the threads end with the test."""
    made = Bench()
    yield made
    made.close()


def chunk(number: int, size: int = 100) -> StoredChunk:
    """Give a chunk to add."""
    return StoredChunk(bytes([number]) * 32, noise(number, size), size)


def test_chunks_go_into_one_pack_until_it_is_full(bench: Bench) -> None:
    """It is closed by the chunk that reaches the target, and the next chunk opens another."""
    refs = bench.packer.add([chunk(number) for number in range(11)])
    assert len({ref.pack for ref in refs[:10]}) == 1
    assert refs[10].pack != refs[9].pack
    assert bench.store.answer() == pack_key(refs[0].pack)
    assert bench.store.waiting == []


def test_a_pack_of_very_many_tiny_chunks_is_no_larger_than_the_limit() -> None:
    """Its index counts too: a record is larger than a tiny chunk."""
    store = MemoryBlobStore()
    packer = Packer(store, MemoryIndex(), Ids(), SafetyParameters(pack_target=10_000, pack_limit=20_000))
    packer.add([StoredChunk(noise(number, 32), noise(number, 5), 5) for number in range(4_000)])
    packer.close()
    assert len(store.blobs) > 1
    assert max(map(len, store.blobs.values())) <= 20_000


def test_a_pack_holds_no_more_chunks_than_its_readers_shall_hold() -> None:
    """However tiny they are."""
    store = MemoryBlobStore()
    packer = Packer(store, MemoryIndex(), Ids(), SafetyParameters(pack_chunks=100))
    refs = packer.add([StoredChunk(noise(number, 32), noise(number, 5), 5) for number in range(250)])
    packer.close()
    assert [len(list(same)) for _, same in groupby(refs, lambda ref: ref.pack)] == [100, 100, 50]
    assert len(store.blobs) == 2


def test_chunks_of_packs_under_way_are_found(bench: Bench) -> None:
    """Until they are durable, and the index takes over."""
    bench.packer.register()
    (ref,) = bench.packer.add([chunk(1)])
    assert bench.packer.find([ref.chunk, b"?" * 32]) == {ref.chunk: ref}
    durable = bench.wait_in_thread(ref)
    bench.store.answer()
    durable.result(PATIENCE)
    assert bench.packer.find([ref.chunk]) == {}
    assert bench.index.places == {ref.chunk: ref}


def test_the_open_pack_is_closed_when_everybody_waits_for_it(bench: Bench) -> None:
    """As a group commit: one backup alone that waits leaves it open for the others, the last one closes it."""
    bench.packer.register()
    bench.packer.register()
    first, second = (bench.packer.add([chunk(number)])[0] for number in (1, 2))
    assert first.pack == second.pack
    one = bench.wait_in_thread(first)
    with pytest.raises(TimeoutError):
        one.result(0.02)
    assert bench.store.waiting == []
    other = bench.wait_in_thread(second)
    bench.store.answer()
    one.result(PATIENCE)
    other.result(PATIENCE)


def test_a_backup_that_ends_lets_the_others_stop_waiting(bench: Bench) -> None:
    """Those that wait may be the only ones left."""
    bench.packer.register()
    bench.packer.register()
    (ref,) = bench.packer.add([chunk(1)])
    durable = bench.wait_in_thread(ref)
    with pytest.raises(TimeoutError):
        durable.result(0.02)
    bench.packer.unregister()
    bench.store.answer()
    durable.result(PATIENCE)


def test_a_pack_is_durable_when_it_is_stored_and_indexed_and_not_before(bench: Bench) -> None:
    """A manifest may name it only then: packs, then index, then manifest."""
    bench.packer.register()
    (ref,) = bench.packer.add([chunk(1)])
    indexing = threading.Event()
    bench.index.before = lambda: indexing.wait(PATIENCE)
    durable = bench.wait_in_thread(ref)
    with pytest.raises(TimeoutError):
        durable.result(0.02)
    bench.store.answer()
    with pytest.raises(TimeoutError):
        durable.result(0.02)
    indexing.set()
    durable.result(PATIENCE)
    assert bench.index.places == {ref.chunk: ref}


def test_packs_that_were_durable_before_need_no_waiting(bench: Bench) -> None:
    """A backup of known chunks writes no pack."""
    bench.packer.register()
    bench.packer.await_durable({"f" * 32})
    bench.packer.unregister()
    assert bench.store.waiting == []


def test_adding_waits_while_too_many_packs_are_under_way(bench: Bench) -> None:
    """Memory is bounded by the packs in flight."""
    adding = bench.threads.submit(bench.packer.add, [chunk(number, 2_000) for number in range(3)])
    with pytest.raises(TimeoutError):
        adding.result(0.02)
    assert len(bench.store.waiting) == 2
    bench.store.answer()
    assert len(adding.result(PATIENCE)) == 3


def test_a_pack_that_exists_was_written_by_an_earlier_attempt(bench: Bench) -> None:
    """Its id is random: nobody else can have written it."""
    bench.packer.register()
    (ref,) = bench.packer.add([chunk(1)])
    durable = bench.wait_in_thread(ref)
    bench.store.answer(ConflictError("it exists"))
    durable.result(PATIENCE)
    assert bench.index.places == {ref.chunk: ref}


def test_a_pack_that_cannot_be_stored_fails_everybody(bench: Bench) -> None:
    """Who waits is woken, who adds or comes later is refused, and the index never hears of the pack."""
    for _ in range(3):
        bench.packer.register()
    refs = bench.packer.add([chunk(number) for number in range(10)])
    waiting = [bench.wait_in_thread(refs[0]), bench.wait_in_thread(refs[0])]
    bench.store.answer(UnavailableError("down"))
    for future in waiting:
        with pytest.raises(UnavailableError, match="down"):
            future.result(PATIENCE)
    with pytest.raises(UnavailableError, match="down"):
        bench.packer.add([chunk(20)])
    with pytest.raises(UnavailableError, match="down"):
        bench.packer.await_durable(set())
    assert bench.index.places == {}


def test_an_index_that_does_not_take_the_chunks_fails_everybody(bench: Bench) -> None:
    """A pack that nobody can find again must not be referred to."""
    bench.packer.register()
    (ref,) = bench.packer.add([chunk(1)])

    def down() -> None:
        raise UnavailableError("the table is down")

    bench.index.before = down
    durable = bench.wait_in_thread(ref)
    bench.store.answer()
    with pytest.raises(UnavailableError, match="the table is down"):
        durable.result(PATIENCE)


def test_a_store_that_refuses_at_once_fails_everybody(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error before the request is under way is told to the one who adds and to all others."""

    def refuse(_key: str, _parts: Sequence[Buffer]) -> Future[None]:
        raise UnavailableError("no connection")

    monkeypatch.setattr(bench.store, "put_new", refuse)
    for _ in range(2):
        with pytest.raises(UnavailableError, match="no connection"):
            bench.packer.add([chunk(number) for number in range(10)])


def test_the_first_failure_is_the_one_that_is_told(bench: Bench) -> None:
    """What came first is the cause."""
    bench.packer.fail(UnavailableError("cause"))
    bench.packer.fail(UnavailableError("consequence"))
    with pytest.raises(UnavailableError, match="cause"):
        bench.packer.add([chunk(1)])


def test_closing_waits_for_what_is_under_way_and_forgets_the_open_pack(bench: Bench) -> None:
    """Nobody refers to chunks that were never durable."""
    bench.packer.add([chunk(number) for number in range(11)])
    bench.store.answer()
    bench.packer.close()
    assert len(bench.store.blobs) == 1
    assert len(bench.index.places) == 10


def test_a_session_without_new_chunks_writes_no_pack(world: World) -> None:
    """Nor does an empty pack exist."""
    world.back_up()
    assert world.packs() == []
