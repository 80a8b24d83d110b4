"""Bytes that go bad in the store: a restore never shows them, verify names them, a backup does not build on them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from functions.adapters.faults import Corruption, Damage, Faults, FaultyBlobStore, FaultySource
from functions.adapters.memory import MemoryDestination
from functions.contract.object_keys import COMMIT_NAME, MANIFEST_SUFFIX, PACKS
from functions.engine.backup import Ports
from functions.engine.errors import CorruptionError
from functions.engine.model import BackupStatus
from functions.engine.repository import BackupName
from functions.engine.verify import Verifier
from functions.engine.verify_report import Depth
from tests.faults.scenario import (
    PATIENCE,
    TINY,
    clock,
    content_of,
    ids,
    no_thread_left,
    older,
    owned_by,
    records_of,
    restored,
    run_backup,
    run_restore,
    verified,
    within,
)


def is_pack(key: str) -> bool:
    """Say whether the key is a pack's."""
    return key.startswith(PACKS)


def is_manifest(key: str) -> bool:
    """Say whether the key is a manifest's."""
    return key.endswith(MANIFEST_SUFFIX)


def is_commit(key: str) -> bool:
    """Say whether the key is a commit record's."""
    return key.endswith(COMMIT_NAME)


def plan(damage: Damage, wanted: Callable[[str], bool], *, rate: float = 1.0, seed: int = 0) -> Faults:
    """Damage what is read under the wanted keys."""
    return Faults(corruption=Corruption(damage, wanted, rate), seed=seed)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("damage", Damage)
def test_a_restore_from_damaged_packs_shows_only_files_that_it_has_proven(damage: Damage, seed: int) -> None:
    """Some reads of packs are bad: the files that need them are reported, the others are exact."""
    destination = MemoryDestination()
    store = FaultyBlobStore(older().state.store(), plan(damage, is_pack, rate=0.4, seed=seed))
    with no_thread_left():
        report = within(PATIENCE, lambda: run_restore(store, destination, older().records))
    visible = content_of(destination)
    assert report.failed > 0
    assert len(visible) == report.restored == len(older().content) - report.failed
    assert visible.items() <= older().content.items()
    failed = {failure.name for failure in report.failures}
    assert failed == older().content.keys() - visible.keys()
    assert destination.unfinished == 0


@pytest.mark.parametrize("damage", Damage)
def test_a_restore_from_damaged_manifests_shows_nothing_wrong_and_reports_each_backup(damage: Damage) -> None:
    """A manifest that is not what the commit record states is not believed in any line."""
    destination = MemoryDestination()
    store = FaultyBlobStore(older().state.store(), plan(damage, is_manifest))
    report = run_restore(store, destination, older().records)
    assert destination.files == {}
    assert report.failed == len(older().records)


@pytest.mark.parametrize("wanted", [is_pack, is_manifest, is_commit])
@pytest.mark.parametrize("damage", Damage)
def test_verify_names_what_is_damaged(damage: Damage, wanted: Callable[[str], bool]) -> None:
    """Whatever is damaged in whatever way, the report is not clean."""
    store = FaultyBlobStore(older().state.store(), plan(damage, wanted))
    names = [BackupName(record.source, record.user, record.backup_id) for record in older().records]
    with no_thread_left(), Verifier(store, workers=1, safety=TINY) as verifier:
        report = within(PATIENCE, lambda: verifier.verify(names, Depth.FULL))
    assert report.damages


@pytest.mark.parametrize("wanted", [is_manifest, is_commit])
@pytest.mark.parametrize("damage", [Damage.TRUNCATE, Damage.MISSING])
def test_a_backup_over_a_damaged_parent_reads_everything_again(damage: Damage, wanted: Callable[[str], bool]) -> None:
    """What the parent says is not believed, and the backup is whole without it."""
    state = older().state.copy()
    good = state.ports()
    faults = plan(damage, lambda key: wanted(key) and key in older().state.blobs)
    ports = Ports(good.source, FaultyBlobStore(good.store, faults), good.index, clock, ids)
    report = within(PATIENCE, lambda: run_backup(ports, jobs=2))
    done = [outcome.result for outcome in report.outcomes if outcome.result is not None]
    assert len(done) == len(report.outcomes)
    assert sum(bool(result.warnings) for result in done) == len(older().records)
    assert restored(state.store(), records_of(state.store(), [o.user for o in report.outcomes])) == state.content()
    assert verified(state.store()).damages == []


@pytest.mark.parametrize("seed", range(6))
def test_a_source_that_answers_with_too_few_bytes_never_gets_a_short_file_into_a_backup(seed: int) -> None:
    """A truncated answer is read again, or named as unreadable; no short file passes for a whole one."""
    state = older().state.copy()
    good = state.ports()
    faults = plan(Damage.TRUNCATE, lambda _key: True, rate=0.5, seed=seed)
    report = run_backup(Ports(FaultySource(good.source, faults), good.store, good.index, clock, ids), jobs=2)
    for outcome in report.outcomes:
        assert outcome.result is not None
        record = outcome.result.record
        found, expected = restored(state.store(), [record]), owned_by(record.user, state.content())
        assert found.items() <= expected.items()
        assert (record.status is BackupStatus.PARTIAL) is (len(found) < len(expected))
        assert {item.key for item in record.unreadable} == expected.keys() - found.keys()


def test_a_restore_of_backups_with_damaged_commit_records_names_the_error() -> None:
    """Half a commit record is an error of the tree, before anything is restored."""
    store = FaultyBlobStore(older().state.store(), plan(Damage.TRUNCATE, is_commit))
    with pytest.raises(CorruptionError, match="commit"):
        records_of(store, ["ada"])
