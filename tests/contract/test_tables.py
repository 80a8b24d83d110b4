"""Table facts: names that deployed tables carry may not change by accident."""

from functions.contract import tables
from functions.contract.tables import BackupsTable, DedupTable, DrillsTable, LedgerTable, UsersTable


def test_the_dedup_tables_names_are_pinned() -> None:
    """Another name would not find what a deployed table holds."""
    assert (DedupTable.PARTITION_KEY, DedupTable.PACK) == ("contentHash", "pack")
    assert (DedupTable.OFFSET, DedupTable.STORED, DedupTable.LENGTH) == ("offset", "stored", "length")


def test_keys_and_indexes_are_pinned() -> None:
    """A table cannot be given other ones."""
    kinds = (BackupsTable, LedgerTable, UsersTable, DrillsTable)
    assert [(kind.PARTITION_KEY, kind.SORT_KEY) for kind in kinds] == [
        ("backupId", "timestamp"),
        ("id", "item"),
        ("source", "userId"),
        ("userId", "timestamp"),
    ]
    assert (tables.TTL, tables.STATUS, tables.STATUS_INDEX) == ("expirationTime", "status", "StatusIndex")
    assert (BackupsTable.USER_INDEX, BackupsTable.USER_ID) == ("UserIndex", "userId")


def test_no_kind_of_item_of_a_ledger_can_be_taken_for_another() -> None:
    """Whatever the names of works, tasks and sources are."""
    prefixes = [LedgerTable.PLAN_PREFIX, LedgerTable.TASK_PREFIX, LedgerTable.PART_PREFIX]
    assert prefixes == ["plan#", "task#", "part#"]
    assert not any(name.startswith(tuple(prefixes)) for name in (LedgerTable.WORK, LedgerTable.LEASE))
