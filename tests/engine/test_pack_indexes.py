"""Reading many packs' indexes: order, damage, and what an outage is not."""

from concurrent.futures import Future

import pytest

from functions.adapters.memory import MemoryBlobStore, MemoryIndex, answered
from functions.contract.object_keys import pack_key
from functions.engine.errors import BlobArchivedError, PackCorruptError, PackMissingError, UnavailableError
from functions.engine.model import PackId
from functions.engine.pack import SUFFIX_READ
from functions.engine.pack_indexes import IndexCache, fill_index, list_packs, read_pack_indexes
from functions.engine.ports import Tail
from tests.engine.kit import Ids, flip, joined, make_pack
from tests.strategies import noise


class CountingStore(MemoryBlobStore):
    """Counts tail reads, and answers none of them while `down`."""

    def __init__(self) -> None:
        """Start up and running."""
        super().__init__()
        self.tails: list[str] = []
        self.down = False
        self.archived: set[str] = set()

    def get_tail(self, key: str, length: int) -> Future[Tail]:
        """See BlobStore."""
        self.tails.append(key)
        if self.down:
            return answered(self._fail)
        if key in self.archived:
            return answered(self._freeze)
        return super().get_tail(key, length)

    def _fail(self) -> Tail:
        raise UnavailableError("the store is down")

    def _freeze(self) -> Tail:
        raise BlobArchivedError("it lies in an archive class")


@pytest.fixture
def store() -> CountingStore:
    """An empty store."""
    return CountingStore()


def fill(store: MemoryBlobStore, count: int, chunks: int = 3) -> list[PackId]:
    """Store packs; give their ids in the order of their keys."""
    ids = Ids()
    for number in range(count):
        sealed = make_pack(ids(16), [noise((number, chunk), 60) for chunk in range(chunks)])
        store.blobs[pack_key(sealed.pack_id)] = joined(sealed.parts)
    return list(list_packs(store))


def test_packs_are_listed_in_the_order_of_their_keys(store: CountingStore) -> None:
    """Only keys that are those of packs count."""
    packs = fill(store, 5)
    store.blobs["packs/zz/readme"] = b""
    assert list(list_packs(store)) == sorted(packs)
    assert len(packs) == 5


def test_indexes_come_in_the_order_that_was_asked_for(store: CountingStore) -> None:
    """However many are under way at once."""
    packs = fill(store, 50)[::-1]
    found = list(read_pack_indexes(store, packs))
    assert [item.pack_id for item in found] == packs
    assert all(len(item.refs) == 3 and item.error is None for item in found)


def test_an_index_larger_than_the_first_read_is_read_whole(store: CountingStore) -> None:
    """A pack of very many small chunks costs a second read."""
    (pack,) = fill(store, 1, chunks=2 * SUFFIX_READ // 40)
    (found,) = read_pack_indexes(store, [pack])
    assert len(found.refs) == 2 * SUFFIX_READ // 40
    assert store.tails == [pack_key(pack)] * 2


def test_a_pack_that_cannot_be_read_does_not_hide_the_others(store: CountingStore) -> None:
    """Damage and absence come as the pack's own error."""
    packs = fill(store, 3)
    store.blobs[pack_key(packs[0])] = flip(store.blobs[pack_key(packs[0])], -10)
    del store.blobs[pack_key(packs[1])]
    found = list(read_pack_indexes(store, packs))
    assert [type(item.error) for item in found] == [PackCorruptError, PackMissingError, type(None)]


def test_an_outage_is_not_taken_for_damage(store: CountingStore) -> None:
    """A store that does not answer says nothing about its packs."""
    packs = fill(store, 1)
    store.down = True
    with pytest.raises(UnavailableError):
        list(read_pack_indexes(store, packs))


def test_the_dedup_index_can_be_rebuilt_from_packs_alone(store: CountingStore) -> None:
    """Every chunk of every readable pack is found again; a damaged pack is left out."""
    packs = fill(store, 4)
    store.blobs[pack_key(packs[3])] = store.blobs[pack_key(packs[3])][:-1]
    index = MemoryIndex()
    assert fill_index(store, index) == 3
    assert {ref.pack for ref in index.places.values()} == set(packs[:3])
    assert len(index.places) == 9


def test_an_archived_pack_is_left_out_and_ends_nothing(store: CountingStore) -> None:
    """Who may find out later reads on. Who must know whether it is damaged is told that nobody can say."""
    packs = fill(store, 3)
    store.archived = {pack_key(packs[1])}
    found = list(read_pack_indexes(store, packs))
    assert [type(item.error) for item in found] == [type(None), BlobArchivedError, type(None)]
    index = MemoryIndex()
    assert fill_index(store, index) == 2
    cache = IndexCache(store)
    with pytest.raises(BlobArchivedError):
        cache.load(packs)


def test_a_cache_reads_each_index_once(store: CountingStore) -> None:
    """Asking again costs nothing."""
    packs = fill(store, 3)
    cache = IndexCache(store)
    cache.load(packs)
    cache.load(packs)
    assert [len(cache.get(pack).places) for pack in packs] == [3, 3, 3]
    assert len(store.tails) == 3


def test_a_cache_keeps_what_was_asked_for_last(store: CountingStore) -> None:
    """Beyond its size it forgets the index that nobody asked for longest, and reads it again when asked."""
    one, two, three = fill(store, 3)
    cache = IndexCache(store, keep=2)
    for pack in (one, two, one, three, one, two):
        assert cache.get(pack).error is None
    assert store.tails == [pack_key(pack) for pack in (one, two, three, two)]


def test_a_cache_loads_no_more_than_it_can_keep(store: CountingStore) -> None:
    """Reading ahead what would be forgotten at once would be waste."""
    cache = IndexCache(store, keep=2)
    cache.load(fill(store, 5))
    assert len(store.tails) == 2


@pytest.mark.parametrize("packs", [1, 16, 17, 40])
@pytest.mark.parametrize("chunks", [1, 96, 97, 1_000])
def test_what_a_cache_loads_is_there_when_it_is_asked_for(store: CountingStore, packs: int, chunks: int) -> None:
    """Also beside what it kept before. What does not fit is not loaded, but read when its turn comes."""
    found = fill(store, 5 + packs)
    before, wanted = found[:5], found[5:]
    cache = IndexCache(store, chunks=chunks)
    cache.load(before)
    cache.load(wanted)
    loaded = len(store.tails)
    if chunks >= 3 * packs and packs < 40:
        assert loaded == 5 + packs
    for pack in wanted:
        assert len(cache.get(pack).places) == 3
    if chunks > 1:
        assert len(store.tails) == 5 + packs


@pytest.mark.parametrize("chunks", [2, 3, 8, 9, 10])
def test_a_cache_keeps_no_more_chunks_than_it_may(store: CountingStore, chunks: int) -> None:
    """Packs of tiny files hold very many. The one that was asked for last is kept, however large."""
    packs = fill(store, 6)
    cache = IndexCache(store, chunks=chunks)
    cache.load(packs)
    for pack in (*packs, *packs):
        assert len(cache.get(pack).places) == 3
        kept = [len(future.result().places) for future in cache._kept.values()]
        assert cache._held == sum(kept) <= max(3, chunks)
        read = len(store.tails)
        cache.get(pack)
        assert len(store.tails) == read


def test_a_cache_keeps_a_packs_error(store: CountingStore) -> None:
    """A missing pack stays missing."""
    cache = IndexCache(store)
    assert isinstance(cache.get("0" * 32).error, PackMissingError)
    assert cache.get("0" * 32).places == frozenset()
