"""Shelf: every adapter keeps the port's promises, also when calls are throttled and answers are lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple, cast

import pytest

from functions.adapters.dynamo.catalog import DynamoCatalog
from functions.adapters.dynamo.shelf import DynamoShelf
from functions.adapters.faults import Failures, Faults
from functions.adapters.faults_retention import FaultyShelf
from functions.adapters.memory_ledger import MemoryCatalog, MemoryShelf
from functions.adapters.records import Record
from functions.contract.states import BackupState
from functions.contract.tables import STATUS, BackupsTable
from functions.engine.backup import rfc3339
from functions.engine.commit import CommitRecord
from functions.engine.model import BackupStatus
from functions.engine.orchestration.ports import Catalog
from functions.engine.repository import BackupName
from functions.engine.retention.ports import Shelf
from tests.conformance.conftest import KINDS
from tests.conformance.lossy import Patient
from tests.conformance.records import EXPIRES, NAMES, NOW, backup_start, commit
from tests.tables import everything, make_backups

LATER = NOW + timedelta(days=70)


class ShelfView(NamedTuple):
    """A shelf, the catalog it belongs to, and what stands there."""

    port: Shelf
    catalog: Catalog
    seen: Callable[[], list[Record]]

    def known(self, record: CommitRecord | None = None) -> Record:
        """Enter a committed backup; give what stands there of it."""
        self.catalog.complete(record or commit(), "schedule", EXPIRES)
        return self.one()

    def one(self) -> Record:
        """Give the only item."""
        (item,) = self.seen()
        return dict(item)


@pytest.fixture(params=KINDS)
def shelf(request: pytest.FixtureRequest) -> ShelfView:
    """Give an empty catalog and its shelf, some weeks later."""
    if request.param in {"memory", "faulty"}:
        catalog = MemoryCatalog(lambda: NOW)
        port: Shelf = MemoryShelf(catalog, lambda: LATER)
        if request.param == "faulty":
            port = cast("Shelf", Patient(FaultyShelf(port, Faults(failures=Failures(0.25)))))
        return ShelfView(port, catalog, lambda: list(catalog.backups.values()))
    dynamo = request.getfixturevalue("dynamo")
    table = make_backups(dynamo)
    client = request.getfixturevalue("dynamo_of")(request.param)
    return ShelfView(
        DynamoShelf(client, table, lambda: LATER, lambda _seconds: None),
        DynamoCatalog(lambda: dynamo, table, lambda: NOW),
        lambda: everything(dynamo, table),
    )


def name_of(user: str = "alice", number: int = 1) -> BackupName:
    """Give the name of the backup that `commit` gives."""
    record = commit(user, number)
    return BackupName(record.source, record.user, record.backup_id)


@pytest.mark.parametrize("status", list(BackupStatus))
def test_an_expired_backup_says_so_and_what_it_was(shelf: ShelfView, status: BackupStatus) -> None:
    """Everything else stays; twice is harmless."""
    before = shelf.known(commit(status=status))
    expired = {STATUS: "EXPIRED", BackupsTable.BEFORE: status.value, BackupsTable.UPDATED: rfc3339(LATER)}
    for _ in range(2):
        shelf.port.let_go(name_of())
        assert shelf.one() == {**before, **expired}


@pytest.mark.parametrize("status", list(BackupStatus))
def test_a_backup_that_is_brought_back_is_what_it_was(shelf: ShelfView, status: BackupStatus) -> None:
    """And may be let go again."""
    before = shelf.known(commit(status=status))
    for _ in range(2):
        shelf.port.let_go(name_of())
        for _ in range(2):
            shelf.port.brought_back(name_of())
            assert shelf.one() == {**before, BackupsTable.UPDATED: rfc3339(LATER)}


def test_a_backup_that_the_catalog_does_not_know_stays_unknown(shelf: ShelfView) -> None:
    """Its item has ended, or the table was lost."""
    shelf.port.let_go(name_of())
    shelf.port.brought_back(name_of())
    assert shelf.seen() == []


def test_bringing_back_what_is_there_changes_nothing(shelf: ShelfView) -> None:
    """Somebody undeletes a backup that nobody had let go."""
    before = shelf.known()
    shelf.port.brought_back(name_of())
    assert shelf.one() == before


@pytest.mark.parametrize("state", [BackupState.RUNNING, BackupState.FAILED])
def test_what_is_offered_to_nobody_is_left_alone(shelf: ShelfView, state: BackupState) -> None:
    """The catalog has not heard that it was committed; what it holds stays."""
    shelf.catalog.advance(backup_start(), state)
    before = shelf.one()
    shelf.port.let_go(name_of())
    shelf.port.brought_back(name_of())
    assert shelf.one() == before


def test_a_late_message_does_not_offer_an_expired_backup_again(shelf: ShelfView) -> None:
    """Nor does a rebuild of the table, which finds it listed."""
    shelf.known()
    shelf.port.let_go(name_of())
    expired = shelf.one()
    shelf.catalog.complete(commit(), "schedule", EXPIRES)
    shelf.catalog.start(backup_start())
    assert not shelf.catalog.advance(backup_start(), BackupState.RUNNING)
    assert not shelf.catalog.advance(backup_start(), BackupState.FAILED, "late")
    assert shelf.one() == expired


def test_the_backups_of_any_user_are_kept_apart(shelf: ShelfView) -> None:
    """And all backups of one: only the one that was named goes."""
    for name in NAMES:
        for number in (1, 2):
            shelf.catalog.complete(commit(name, number), "schedule", EXPIRES)
    for name in NAMES[::2]:
        shelf.port.let_go(name_of(name, 1))
    gone = {item[BackupsTable.RECORD] for item in shelf.seen() if item[STATUS] == "EXPIRED"}
    assert len(gone) == len(NAMES[::2])
    for name in NAMES:
        shelf.port.brought_back(name_of(name, 2))
        shelf.port.brought_back(name_of(name, 1))
    assert not [item for item in shelf.seen() if item[STATUS] == "EXPIRED" or BackupsTable.BEFORE in item]


def test_a_start_that_its_name_does_not_tell_is_found(shelf: ShelfView) -> None:
    """A worker's clock may have moved between the two."""
    shelf.known(commit(started=NOW + timedelta(minutes=3)))
    shelf.port.let_go(name_of())
    assert shelf.one()[STATUS] == "EXPIRED"
