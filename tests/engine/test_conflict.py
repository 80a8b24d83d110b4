"""Names that the conflict policy `rename` gives."""

import pytest

from functions.engine.conflict import renamed


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a/report.pdf", "a/report.L.pdf"),
        ("report.pdf", "report.L.pdf"),
        ("report", "report.L"),
        ("a.b/report", "a.b/report.L"),
        ("archive.tar.gz", "archive.tar.L.gz"),
        (".profile", ".profile.L"),
        ("a/", "a/.L"),
    ],
)
def test_a_renamed_file_keeps_its_folder_and_its_suffix(name: str, expected: str) -> None:
    """Programs still know what kind of file it is."""
    assert renamed(name, "L") == expected
