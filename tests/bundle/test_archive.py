"""An archive is the same bytes for the same files."""

from pathlib import Path
from zipfile import ZipFile

import pytest

from bundle import archive as archive_module
from bundle.archive import BundleError, write_archive


def test_the_same_files_give_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    """What is deployed changes only when a file does."""
    files = {f"d/{number}.py": b"x" * number for number in range(30)}
    first = write_archive(tmp_path / "a.zip", files)
    second = write_archive(tmp_path / "b.zip", dict(reversed(files.items())))
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.code_sha256 == second.code_sha256


def test_names_are_sorted_and_say_nothing_of_when_and_by_whom(tmp_path: Path) -> None:
    """Time, owner and order of the files on disk do not reach the archive."""
    written = write_archive(tmp_path / "a.zip", {"b": b"", "a/c": b"1", "a/b": b"22"})
    with ZipFile(written.path) as archive:
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == ["a/b", "a/c", "b"]
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr >> 16 for entry in entries} == {0o100644}
    assert written.unpacked_bytes == 3


def test_a_changed_byte_changes_the_sum(tmp_path: Path) -> None:
    """A changed file is deployed."""
    first = write_archive(tmp_path / "a.zip", {"a": b"1"}).code_sha256
    assert write_archive(tmp_path / "a.zip", {"a": b"2"}).code_sha256 != first


def test_too_much_is_refused_and_the_archive_before_it_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is found here, not by Lambda, and nothing good is lost."""
    path = tmp_path / "a.zip"
    before = write_archive(path, {"a": b"1"}).code_sha256
    monkeypatch.setattr(archive_module, "UNPACKED_LIMIT", 9)
    with pytest.raises(BundleError, match="10 bytes"):
        write_archive(path, {"a": bytes(10)})
    assert archive_module.Archive(path).code_sha256 == before


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk leaves no half archive that a later build would take."""

    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(ZipFile, "writestr", full)
    with pytest.raises(OSError, match="no space"):
        write_archive(tmp_path / "a.zip", {"a": b"1"})
    assert list(tmp_path.iterdir()) == []
