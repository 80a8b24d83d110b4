"""Targets: every adapter keeps the port's promises, also when calls are throttled and answers are lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, cast

import pytest

from functions.adapters.dynamo.index import DynamoIndex
from functions.adapters.dynamo.targets import DynamoTargets
from functions.adapters.faults import Failures, Faults
from functions.adapters.faults_retention import FaultyTargets
from functions.adapters.memory_versioned import MemoryTargets
from functions.engine.model import ChunkId, ChunkRef
from functions.engine.retention.ports import Targets
from tests.conformance.lossy import Patient
from tests.conformance.test_dedup_index import ref


class TargetsView(NamedTuple):
    """Targets, and what a backup finds in them."""

    port: Targets
    found: Callable[[list[ChunkRef]], Mapping[ChunkId, ChunkRef]]


@pytest.fixture(params=["memory", "faulty", "dynamo", "lossy"])
def targets(request: pytest.FixtureRequest) -> TargetsView:
    """Give empty targets."""
    memory = MemoryTargets()
    if request.param == "memory":
        return TargetsView(memory, lambda refs: memory.lookup([ref.chunk for ref in refs]))
    if request.param == "faulty":
        port = cast("Targets", Patient(FaultyTargets(memory, Faults(failures=Failures(0.25)))))
        return TargetsView(port, lambda refs: memory.lookup([ref.chunk for ref in refs]))
    table, dynamo = request.getfixturevalue("make_table")(), request.getfixturevalue("dynamo")
    index = DynamoIndex(lambda: dynamo, table)
    client = request.getfixturevalue("dynamo_of")(request.param)
    port = DynamoTargets(client, table, lambda _seconds: None)
    return TargetsView(port, lambda refs: index.lookup([ref.chunk for ref in refs]))


def places(count: int, pack: int = 1) -> list[ChunkRef]:
    """Give the places of so many chunks in one pack."""
    return [ref(number, pack) for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, 25, 26, 100, 101, 1_234])
def test_what_is_forgotten_is_found_no_more(targets: TargetsView, count: int) -> None:
    """Any number at once, and again; the others stay."""
    refs, others = places(count), [ref(number, 2) for number in range(5_000, 5_003)]
    targets.port.record([*refs, *others])
    assert len(targets.found(refs)) == count
    for _ in range(2):
        targets.port.forget(refs)
        assert not targets.found(refs)
    assert len(targets.found(others)) == 3


def test_what_was_never_known_can_be_forgotten(targets: TargetsView) -> None:
    """A pack whose upload was never recorded."""
    targets.port.forget(places(3))
    assert not targets.found(places(3))


def test_what_is_recorded_anew_is_found_again(targets: TargetsView) -> None:
    """A pack that is needed after all."""
    refs = places(30)
    targets.port.record(refs)
    targets.port.forget(refs)
    targets.port.record(refs)
    assert targets.found(refs) == {place.chunk: place for place in refs}


def test_an_entry_that_names_another_pack_may_stay_or_go(targets: TargetsView) -> None:
    """But it leads nowhere else."""
    refs, moved = places(10), places(5, pack=2)
    targets.port.record(refs)
    targets.port.record(moved)
    targets.port.forget(refs)
    assert set(targets.found(refs).values()) <= set(moved)
    assert targets.port.named(refs) == set()


@pytest.mark.parametrize("pack", [1, 2])
def test_a_chunk_in_two_packs_is_forgotten_in_both(targets: TargetsView, pack: int) -> None:
    """Wherever its entry leads, and in whatever order they are named."""
    for refs in ([ref(1, 1), ref(1, 2)], [ref(1, 2), ref(1, 1)]):
        targets.port.record([ref(1, pack)])
        assert targets.port.named(refs) == {f"{pack:032x}"}
        targets.port.forget(refs)
        assert not targets.found(refs)


@pytest.mark.parametrize("count", [1, 100, 101, 450])
def test_a_pack_is_named_while_one_entry_leads_to_it(targets: TargetsView, count: int) -> None:
    """Among any number of others."""
    refs = places(count)
    assert targets.port.named(refs) == set()
    targets.port.record(refs)
    assert targets.port.named(refs) == {refs[0].pack}
    targets.port.forget(refs[1:])
    assert targets.port.named(refs) == {refs[0].pack}
    targets.port.forget(refs)
    assert targets.port.named(refs) == set()


def test_only_packs_that_were_asked_for_are_named(targets: TargetsView) -> None:
    """Of a chunk that lies in another one by now, nobody is told."""
    targets.port.record(places(3, pack=7))
    targets.port.record([ref(8, 8)])
    assert targets.port.named([*places(3, pack=1), ref(8, 8), ref(9, 9)]) == {f"{8:032x}"}
    assert targets.port.named([]) == set()


def test_many_threads_may_use_it(targets: TargetsView) -> None:
    """Each packs' chunks are its own."""

    def work(worker: int) -> bool:
        mine = [ref(1_000 * worker + number, worker) for number in range(60)]
        targets.port.record(mine)
        named = targets.port.named(mine)
        targets.port.forget(mine[:30])
        return named == {mine[0].pack} and set(targets.found(mine).values()) == set(mine[30:])

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(work, range(8)))
