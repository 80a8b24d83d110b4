"""Table facts: names that deployed tables carry may not change by accident."""

from functions.contract.tables import DedupTable


def test_the_dedup_tables_names_are_pinned() -> None:
    """Another name would not find what a deployed table holds."""
    assert (DedupTable.PARTITION_KEY, DedupTable.PACK) == ("contentHash", "pack")
    assert (DedupTable.OFFSET, DedupTable.STORED, DedupTable.LENGTH) == ("offset", "stored", "length")
