"""The rolling sample of packs: every pack has its night, no more is listed than is read, damage is attributed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.adapters.memory import MemoryBlobStore, answered
from functions.contract.object_keys import PACKS, pack_key
from functions.engine.backup import BackupResult
from functions.engine.errors import BlobArchivedError, ConfigurationError, UnavailableError
from functions.engine.model import BlobInfo, Buffer
from functions.engine.pack_sample import PackProver, Window, attribute, sample_packs
from tests.engine.kit import WORKERS, World, commit_of, flip, make_pack, manifest_of, name_of, put_all, within
from tests.strategies import noise, pack_ids, prose

FOREVER = 1_000.0


class CountingStore(MemoryBlobStore):
    """Counts the keys that it lists."""

    listed = 0

    def list(self, prefix: str, start_after: str = "") -> Iterator[BlobInfo]:
        """See BlobStore."""
        for blob in super().list(prefix, start_after):
            self.listed += 1
            yield blob


def packs_in(store: MemoryBlobStore, percent: float, seed: int) -> list[str]:
    """Give the packs that a night reads."""
    return list(sample_packs(store, Window.of(percent, seed)))


def store_of(packs: set[str]) -> CountingStore:
    """Give a store with empty packs."""
    store = CountingStore()
    store.blobs = {pack_key(pack): b"" for pack in packs}
    return store


@given(st.sets(pack_ids, max_size=60), st.sampled_from([0.7, 1.0, 3.0, 30.0, 51.0, 100.0]), st.integers(0, 10**6))
def test_as_many_nights_in_a_row_as_there_are_windows_read_every_pack(
    packs: set[str], percent: float, first: int
) -> None:
    """At 1 percent a hundred nights prove everything, from whatever night one counts."""
    store = store_of(packs)
    nights = [packs_in(store, percent, first + night) for night in range(int(100 / percent))]
    assert {pack for night in nights for pack in night} == packs
    assert all(night == sorted(set(night)) for night in nights)
    assert all(nights) == bool(packs)


@given(st.floats(0.001, 100.0), st.integers(-(10**6), 10**6))
def test_a_window_has_at_least_its_percentage_of_all_ids(percent: float, seed: int) -> None:
    """And never more than twice that."""
    window = Window.of(percent, seed)
    share = (window.end - window.start) / 2**128 * 100
    assert percent * 0.999_999 <= share <= min(100.0, percent * 2)
    assert 0 <= window.start < window.end <= 2**128


@pytest.mark.parametrize("percent", [0.0, -1.0, 100.1, float("nan"), float("inf")])
def test_a_percentage_that_cannot_be_is_refused(percent: float) -> None:
    """Before anything is read."""
    with pytest.raises(ConfigurationError, match="sample_percent is"):
        Window.of(percent, 1)


def test_a_night_reads_about_its_percentage_and_lists_no_more() -> None:
    """Ten thousand packs: a hundred of them, and a hundred keys of the listing and one."""
    store = store_of({noise(number, 16).hex() for number in range(10_000)})
    sizes = Counter[int]()
    for seed in range(100):
        store.listed = 0
        found = packs_in(store, 1.0, seed)
        assert store.listed <= len(found) + 1
        sizes[len(found)] += 1
    assert sum(size * count for size, count in sizes.items()) == 10_000
    assert min(sizes) > 60
    assert max(sizes) < 150


def test_the_same_seed_reads_the_same_packs() -> None:
    """A finding can be looked at again."""
    store = store_of({noise(number, 16).hex() for number in range(1_000)})
    first, second, other = (packs_in(store, 5.0, seed) for seed in (7, 7, 8))
    assert first == second
    assert not set(first) & set(other)


def test_a_small_repository_is_looked_at_every_night() -> None:
    """A window without a pack reads the next one, round the end; an empty repository reads none."""
    only = noise("only", 16).hex()
    assert [packs_in(store_of({only}), 1.0, seed) for seed in range(100)] == [[only]] * 100
    assert packs_in(store_of(set()), 1.0, 1) == []


def test_a_sample_goes_on_after_a_pack() -> None:
    """Nothing is read twice and nothing is left out; the end of the window stays the end."""
    store = store_of({noise(number, 16).hex() for number in range(1_000)})
    whole = packs_in(store, 5.0, 3)
    for last in (0, len(whole) // 2, len(whole) - 1):
        assert list(sample_packs(store, Window.of(5.0, 3), after=whole[last])) == whole[last + 1 :]


def test_objects_that_are_no_packs_are_passed_over() -> None:
    """Whoever put them there."""
    store = store_of({"0f" * 16})
    store.blobs |= {f"{PACKS}zz": b"", f"{PACKS}0f/x": b""}
    assert packs_in(store, 100.0, 0) == ["0f" * 16]


@pytest.fixture
def results(world: World) -> list[BackupResult]:
    """Backups of two users who share a file."""
    objects = {
        "alice/large": noise("large", 900_000),
        "alice/shared": prose("shared", 40_000),
        "bob/own": noise("own", 50_000),
        "bob/shared": prose("shared", 40_000),
    }
    put_all(world.source, objects)
    return [world.back_up("alice"), world.back_up("bob")]


def prove_all(world: World) -> PackProver:
    """Prove every pack."""
    with PackProver(world.store, workers=WORKERS, safety=world.safety) as prover:
        for pack in sample_packs(world.store, Window.of(100.0, 0)):
            prover.prove(pack)
        prover.wait()
    return prover


def test_whole_packs_are_proven(world: World, results: list[BackupResult]) -> None:
    """Every one is read, every byte of it."""
    prover = prove_all(world)
    sizes = [len(data) for key, data in world.store.blobs.items() if key.startswith(PACKS)]
    assert (prover.report.packs_read, prover.report.bytes_read) == (len(sizes), sum(sizes))
    assert prover.log.all() == []


def test_a_wrong_byte_is_found_and_attributed(world: World, results: list[BackupResult]) -> None:
    """To every backup and file that needs it, and to no other."""
    ref = world.entries(results[0])["alice/shared"].chunks[0]
    key = pack_key(ref.pack)
    world.store.blobs[key] = flip(world.store.blobs[key], ref.offset)
    prover = prove_all(world)
    search = attribute(world.store, prover.log, lambda: FOREVER)
    (found,) = prover.log.all()
    assert (found.code, found.pack, found.chunk) == ("CHUNK_CORRUPT", ref.pack, ref.chunk)
    assert found.backups == [name_of(result) for result in results]
    assert found.files == ["alice/shared", "bob/shared"]
    assert search == (2, True)


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: b"", lambda data: flip(data, -1)])
def test_a_pack_without_its_end_is_found(world: World, results: list[BackupResult], change: object) -> None:
    """Cut short, empty, or with another footer."""
    assert callable(change)
    key = pack_key(world.packs()[0])
    world.store.blobs[key] = change(world.store.blobs[key])
    (found,) = prove_all(world).log.all()
    assert (found.code, found.pack) == ("PACK_CORRUPT", world.packs()[0])


def test_a_pack_that_is_gone_when_it_is_read_is_missing(world: World, results: list[BackupResult]) -> None:
    """The reading has the last word."""
    with PackProver(world.store, workers=WORKERS) as prover:
        prover.prove("0f" * 16)
        prover.wait()
    assert [item.code for item in prover.log.all()] == ["PACK_MISSING"]


def test_packs_in_an_archive_class_are_passed_over(
    world: World, results: list[BackupResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They cannot be read, and are no damage; the others are proven."""
    whole, frozen = world.store.get, pack_key(world.packs()[0])

    def get(key: str, start: int = 0, length: int | None = None) -> Future[Buffer]:
        return answered(_archived) if key == frozen else whole(key, start, length)

    monkeypatch.setattr(world.store, "get", get)
    prover = prove_all(world)
    assert (prover.archived, prover.report.packs_read) == (1, len(world.packs()) - 1)
    assert prover.log.all() == []


def test_damaged_records_and_manifests_do_not_end_the_search(world: World, results: list[BackupResult]) -> None:
    """They are damages themselves."""
    world.source.put("carol/shared", prose("shared", 40_000))
    carol = world.back_up("carol")
    ref = world.entries(carol)["carol/shared"].chunks[0]
    world.store.blobs[pack_key(ref.pack)] = flip(world.store.blobs[pack_key(ref.pack)], ref.offset)
    world.store.blobs[commit_of(results[0])] = b"{"
    del world.store.blobs[manifest_of(results[1])]
    prover = prove_all(world)
    assert attribute(world.store, prover.log, lambda: FOREVER) == (3, True)
    assert [item.code for item in prover.log.all()] == ["COMMIT_CORRUPT", "MANIFEST_CORRUPT", "CHUNK_CORRUPT"]
    assert prover.log.all()[2].backups == [name_of(carol)]


def test_the_search_ends_with_the_time(world: World, results: list[BackupResult]) -> None:
    """And says how far it came."""
    ref = world.entries(results[0])["alice/shared"].chunks[0]
    world.store.blobs[pack_key(ref.pack)] = flip(world.store.blobs[pack_key(ref.pack)], ref.offset)
    prover = prove_all(world)
    assert attribute(world.store, prover.log, lambda: 0.0) == (0, False)


def test_an_outage_is_no_damage(world: World, results: list[BackupResult], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is raised, and nobody waits for ever."""

    def down(key: str, start: int = 0, length: int | None = None) -> Future[Buffer]:
        return answered(_down)

    monkeypatch.setattr(world.store, "get", down)
    with pytest.raises(UnavailableError):
        within(10, lambda: prove_all(world))


def test_no_more_packs_are_in_memory_than_the_budget_allows(world: World) -> None:
    """The next one is read when one has been proven."""
    packs = [noise(number, 16).hex() for number in range(40)]
    for pack in packs:
        sealed = make_pack(pack, [noise(pack, 1_000)])
        world.store.blobs[pack_key(pack)] = b"".join(sealed.parts)
    held: list[Future[Buffer]] = []
    most = 0
    whole = world.store.get

    def slow(key: str, start: int = 0, length: int | None = None) -> Future[Buffer]:
        nonlocal most
        future: Future[Buffer] = Future()
        held.append(future)
        most = max(most, len(held))
        if len(held) == limit:  # no more comes until these are answered
            for waiting in held[:]:
                held.remove(waiting)
                waiting.set_result(whole(key).result())
        return future

    limit = world.safety.restore_budget // world.safety.pack_target
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.store, "get", slow)
        prover = within(20, lambda: prove_some(world, packs[: limit * 4]))
    assert most == limit
    assert prover.report.packs_read + len(prover.log.all()) == limit * 4


def prove_some(world: World, packs: list[str]) -> PackProver:
    """Prove some packs."""
    with PackProver(world.store, workers=WORKERS, safety=world.safety) as prover:
        for pack in packs:
            prover.prove(pack)
        prover.wait()
    return prover


def _archived() -> Buffer:
    raise BlobArchivedError("in GLACIER")


def _down() -> Buffer:
    raise UnavailableError("down")
