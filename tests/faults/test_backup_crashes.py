"""A backup that dies, at whatever call: nothing committed is lost, nothing half is committed, a rerun completes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random

import pytest

from functions.adapters.faults import CrashPoint, Faults, Moment, SimulatedCrash
from functions.contract.object_keys import pack_key
from functions.engine.model import BackupStatus
from tests.faults.crash_points import counted, every_point, name_of
from tests.faults.scenario import (
    PATIENCE,
    State,
    all_backups,
    no_thread_left,
    older,
    owned_by,
    records_of,
    restored,
    run_backup,
    verified,
    within,
)

INCREMENTAL, FULL = "incremental", "full"


def undisturbed(faults: Faults, *, full: bool = False) -> None:
    """Do the job that the crash tests disturb."""
    run_backup(older().state.copy().ports(faults), full=full)


JOBS: dict[str, Callable[[Faults], None]] = {INCREMENTAL: undisturbed, FULL: partial(undisturbed, full=True)}
WRITES = {"store.put_new", "index.record"}


def cases() -> list[tuple[str, CrashPoint]]:
    """Give every point of an incremental backup, and of a full one those where it writes: the reads are the same."""
    points = [(kind, point) for kind, job in JOBS.items() for point in every_point(job)]
    return [(kind, point) for kind, point in points if kind == INCREMENTAL or point.call in WRITES]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the crash test a case for each kind of backup, call and moment."""
    if "point" in metafunc.fixturenames:
        metafunc.parametrize(("kind", "point"), cases(), ids=name_of)


def test_there_are_enough_crash_points(record_property: Callable[[str, object], None]) -> None:
    """The scenario reaches every call of every port that a backup uses, and many times."""
    record_property("crash points of a backup", len(cases()))
    counts = counted(JOBS[INCREMENTAL])
    assert set(counts) == {
        "index.announce",
        "index.lookup",
        "index.record",
        "index.unsettled",
        "source.list",
        "source.list.next",
        "source.read",
        "source.stat",
        "source.users",
        "source.users.next",
        "store.get",
        "store.list",
        "store.list.next",
        "store.put_new",
    }
    assert counts["store.put_new"] >= 20, "packs, segments and commit records"
    assert counts["index.record"] >= 6, "packs"
    assert counts["source.stat"] >= 2, "objects that changed while they were read"
    assert len(cases()) >= 300


def test_a_backup_that_dies_leaves_a_repository_that_is_whole(kind: str, point: CrashPoint) -> None:
    """Kill it there; older backups restore, what is committed is right, and a rerun backs up everything."""
    state = older().state.copy()
    die(state, point, full=kind == FULL)
    check_survivors(state)
    check_rerun(state)


@pytest.mark.parametrize("seed", range(40))
def test_a_run_of_many_users_at_once_that_dies_leaves_a_repository_that_is_whole(seed: int) -> None:
    """The same when several users share packs and the crash meets them wherever they happen to be."""
    random = Random(seed)
    total = sum(counted(JOBS[INCREMENTAL]).values())
    state = older().state.copy()
    die(state, CrashPoint("", random.randint(1, total), random.choice(list(Moment))), jobs=4, workers=2)
    check_survivors(state)
    check_rerun(state, jobs=4, workers=2)


@pytest.mark.parametrize("seed", range(12))
def test_a_rerun_that_dies_too_does_no_harm(seed: int) -> None:
    """Crash after crash, each somewhere else, only adds orphans."""
    random = Random(seed)
    state = older().state.copy()
    for _attempt in range(4):
        die(state, CrashPoint("", random.randint(20, 90), Moment.AFTER), jobs=2)
        check_survivors(state)
    check_rerun(state)


@pytest.mark.parametrize("number", range(1, counted(undisturbed)["store.put_new"] + 1))
def test_a_table_lost_with_the_process_changes_nothing(number: int) -> None:
    """After a crash the dedup index may be gone too: the bucket alone is enough."""
    state = older().state.copy()
    die(state, CrashPoint("store.put_new", number, Moment.AFTER))
    state.places.clear()
    check_survivors(state)
    check_rerun(state)


def die(state: State, point: CrashPoint, *, full: bool = False, jobs: int = 1, workers: int = 1) -> None:
    """Run a backup until it meets its crash. The threads end, and what was written before stays as it was.

    How chunks fall into packs depends on timing, so that a run may need a pack less and never meet the last calls.
    """
    before = dict(state.blobs)
    faults = Faults(crash=point)
    with no_thread_left():
        try:
            within(PATIENCE, lambda: run_backup(state.ports(faults), full=full, jobs=jobs, workers=workers))
        except SimulatedCrash:
            assert faults.dead
        else:
            met = faults.counts[point.call] if point.call else faults.counts.total()
            assert point.number - 12 < met < point.number, "the process should have ended"
    assert before.items() <= state.blobs.items(), "an object that existed was changed or lost"


def check_survivors(state: State) -> None:
    """Prove that nothing which exists after the crash is a lie."""
    assert restored(state.store(), older().records) == older().content
    assert all(pack_key(ref.pack) in state.blobs for ref in state.places.values()), "the index names a missing pack"
    committed = {name.user for name in all_backups(state.store())}
    assert committed >= {record.user for record in older().records}
    for record in records_of(state.store(), committed):
        if record not in older().records:
            assert record.status is BackupStatus.COMPLETED
            assert restored(state.store(), [record]) == owned_by(record.user, state.content())


def check_rerun(state: State, *, jobs: int = 1, workers: int = 1) -> None:
    """Prove that a fresh process completes the work over what the dead one left."""
    before = dict(state.blobs)
    report = within(PATIENCE, lambda: run_backup(state.ports(), jobs=jobs, workers=workers))
    assert [outcome.error for outcome in report.outcomes if outcome.error is not None] == []
    assert before.items() <= state.blobs.items(), "an object that existed was changed or lost"
    records = records_of(state.store(), [outcome.user for outcome in report.outcomes])
    assert {record.run_id for record in records} == {report.run_id}
    assert {record.status for record in records} == {BackupStatus.COMPLETED}
    assert restored(state.store(), records) == state.content()
    assert verified(state.store()).damages == []
