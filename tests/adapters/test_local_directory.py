"""A local directory as the destination of a restore: whole files or none, and nothing lost that a disk cannot hold."""

import itertools
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from functions.adapters.local_directory import METADATA_FILE, LocalDirectory, make_folders, write_all
from functions.engine.conflict import Conflict
from functions.engine.errors import ConfigurationError, DestinationExistsError
from functions.engine.model import Properties
from functions.engine.ports import Target

MODIFIED = "2026-11-20T02:00:00.000Z"
PROPERTIES = Properties({"content-type": "text/plain"}, {"owner": "Ada"}, {"class": "secret"})
NONE = Properties()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A directory that does not exist yet."""
    return tmp_path / "new" / "root"


def directory(root: Path, conflict: Conflict = Conflict.SKIP, prefix: str = "") -> LocalDirectory:
    """Open the destination."""
    return LocalDirectory(root, prefix=prefix, conflict=conflict, label="LABEL")


def put(destination: LocalDirectory, key: str, data: bytes) -> str | None:
    """Restore one small file; give its name, or None when it was skipped."""
    target = destination.place(key)
    if target is None:
        return None
    return destination.write(target, [data], NONE, MODIFIED).result()


def tree(root: Path) -> dict[str, bytes]:
    """Give all files below `root` but the metadata."""
    found = {str(path.relative_to(root)): path for path in root.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if name != METADATA_FILE}


def names(folder: Path) -> list[str]:
    """List a folder."""
    return sorted(path.name for path in folder.iterdir())


def metadata(root: Path) -> list[dict[str, Any]]:
    """Give the lines of the metadata file."""
    return [json.loads(line) for line in (root / METADATA_FILE).read_text(encoding="utf-8").splitlines()]


def test_a_file_has_the_bytes_and_the_time_of_its_object(root: Path) -> None:
    """However many parts its bytes come in."""
    destination = directory(root)
    target = Target("a/b.txt", "a/b.txt")
    name = destination.write(target, [b"one ", b"", bytearray(b"two"), memoryview(b"!")], NONE, MODIFIED).result()
    destination.finish()
    assert name == "a/b.txt"
    assert tree(root) == {"a/b.txt": b"one two!"}
    assert (root / "a/b.txt").stat().st_mtime == datetime(2026, 11, 20, 2, tzinfo=UTC).timestamp()


def test_what_a_file_system_cannot_hold_goes_into_the_metadata_file(root: Path) -> None:
    """Key, headers, user metadata and tags, one line a file."""
    destination = directory(root)
    target = destination.place("a/%\n")
    assert target is not None
    destination.write(target, [b"x"], PROPERTIES, MODIFIED).result()
    destination.finish()
    assert metadata(root) == [
        {
            "path": "a/%25%0A",
            "key": "a/%\n",
            "modified": MODIFIED,
            "system": {"content-type": "text/plain"},
            "user": {"owner": "Ada"},
            "tags": {"class": "secret"},
        }
    ]


def test_nothing_is_left_but_files_and_their_metadata(root: Path) -> None:
    """The scratch folder goes, and an old one of a restore that was killed goes first."""
    scratch = root / ".strongroom-scratch"
    scratch.mkdir(parents=True)
    (scratch / "0").write_bytes(b"half a file")
    destination = directory(root)
    put(destination, "a", b"x")
    assert scratch.is_dir()
    destination.finish()
    assert names(root) == [METADATA_FILE, "a"]


def test_a_large_file_is_visible_only_when_it_is_complete(root: Path) -> None:
    """Its parts come in any order, at their places."""
    destination = directory(root)
    large = destination.begin(Target("a/big", "a/big"), 9, PROPERTIES, MODIFIED)
    large.write(1, 4, [b"56", b"789"]).result()
    assert not (root / "a").exists()
    large.write(0, 0, [b"1234"]).result()
    assert large.complete().result() == "a/big"
    destination.finish()
    assert tree(root) == {"a/big": b"123456789"}
    assert (root / "a/big").stat().st_mtime == datetime(2026, 11, 20, 2, tzinfo=UTC).timestamp()
    assert [line["key"] for line in metadata(root)] == ["a/big"]


def test_a_large_file_that_is_given_up_leaves_nothing(root: Path) -> None:
    """Neither a file nor scratch, and giving up twice is harmless."""
    destination = directory(root)
    large = destination.begin(Target("big", "big"), 9, NONE, MODIFIED)
    large.write(0, 0, [b"1234"]).result()
    large.abort()
    assert names(root / ".strongroom-scratch") == []
    destination.finish()
    assert tree(root) == {}


def test_the_prefix_of_the_source_is_cut_off(root: Path) -> None:
    """Files land where the user knows them."""
    destination = directory(root, prefix="home/")
    assert destination.place("home/a/b") == Target("a/b", "home/a/b")
    destination.finish()


def test_skip_leaves_what_exists(root: Path) -> None:
    """It is not even placed."""
    root.mkdir(parents=True)
    (root / "a").write_bytes(b"mine")
    destination = directory(root, Conflict.SKIP)
    assert put(destination, "a", b"theirs") is None
    assert put(destination, "b", b"new") == "b"
    destination.finish()
    assert tree(root) == {"a": b"mine", "b": b"new"}


def test_rename_puts_the_restored_file_beside(root: Path) -> None:
    """With the label in its name."""
    root.mkdir(parents=True)
    (root / "a.txt").write_bytes(b"mine")
    destination = directory(root, Conflict.RENAME)
    assert put(destination, "a.txt", b"theirs") == "a.LABEL.txt"
    destination.finish()
    assert tree(root) == {"a.txt": b"mine", "a.LABEL.txt": b"theirs"}


def test_overwrite_replaces_what_exists(root: Path) -> None:
    """In one step: a reader sees the old file or the new one."""
    root.mkdir(parents=True)
    (root / "a").write_bytes(b"mine, and longer")
    with (root / "a").open("rb") as reader:
        destination = directory(root, Conflict.OVERWRITE)
        assert put(destination, "a", b"theirs") == "a"
        destination.finish()
        assert reader.read() == b"mine, and longer"
    assert tree(root) == {"a": b"theirs"}


@pytest.mark.parametrize("conflict", [Conflict.SKIP, Conflict.RENAME])
def test_a_file_that_appears_meanwhile_is_never_overwritten(root: Path, conflict: Conflict) -> None:
    """Between looking and writing others may write."""
    destination = directory(root, conflict)
    target = destination.place("a")
    assert target is not None
    (root / "a").write_bytes(b"mine")
    with pytest.raises(DestinationExistsError):
        destination.write(target, [b"theirs"], NONE, MODIFIED).result()
    large = destination.begin(target, 6, NONE, MODIFIED)
    large.write(0, 0, [b"theirs"]).result()
    with pytest.raises(DestinationExistsError):
        large.complete().result()
    destination.finish()
    assert tree(root) == {"a": b"mine"}


def test_a_broken_link_counts_as_a_file_that_exists(root: Path) -> None:
    """What a link points to is not ours to write."""
    root.mkdir(parents=True)
    (root / "a").symlink_to(root / "elsewhere")
    destination = directory(root)
    assert destination.place("a") is None
    destination.finish()


def test_keys_that_disks_do_not_like_are_restored_side_by_side(root: Path) -> None:
    """`a` beside `a/b`, folder markers, empty and dot segments; nothing leaves the directory."""
    keys = sorted(["a", "a/", "a/b", "a//b", "../up", "..", "/", ".strongroom-metadata.jsonl", "x" * 300])
    destination = directory(root)
    given = [put(destination, key, key.encode()) for key in keys]
    destination.finish()
    assert sorted(tree(root).values()) == sorted(key.encode() for key in keys)
    assert set(tree(root)) == set(given)
    assert names(root.parent) == ["root"]


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """As a wrong setting, with what to do."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigurationError, match=r"destination directory cannot be written.*choose a directory"):
        directory(tmp_path / "file" / "below")


def test_a_disk_that_refuses_ends_the_restore_with_a_reason(root: Path) -> None:
    """A folder stands where a file must go: the error says so, and no scratch file stays."""
    (root / "a").mkdir(parents=True)
    destination = directory(root, Conflict.OVERWRITE)
    target = destination.place("a")
    assert target is not None
    with pytest.raises(ConfigurationError, match="cannot be written"):
        destination.write(target, [b"x"], NONE, MODIFIED).result()
    assert names(root / ".strongroom-scratch") == []
    large = destination.begin(target, 1, NONE, MODIFIED)
    with pytest.raises(ConfigurationError, match="cannot be written"):
        large.complete().result()
    large.abort()
    with pytest.raises(ConfigurationError, match="cannot be written"):
        large.write(0, 0, [b"x"]).result()
    destination.finish()
    with pytest.raises(ConfigurationError, match="cannot be written"):
        destination.begin(target, 1, NONE, MODIFIED)


def test_a_key_with_a_thousand_slashes_is_restored(root: Path) -> None:
    """Folders are not made by recursion."""
    destination = directory(root)
    name = put(destination, "/" * 1_024, b"deep")
    destination.finish()
    assert name is not None
    path = root / name
    assert path.read_bytes() == b"deep"
    path.unlink()
    # The tools that clean up after tests do walk by recursion.
    for folder in itertools.takewhile(lambda folder: folder != root, path.parents):
        folder.rmdir()


def test_folders_are_made_once_and_with_those_above_them(root: Path) -> None:
    """What exists is left alone."""
    make_folders(f"{root}/a/b")
    (root / "a/b/file").write_bytes(b"")
    make_folders(f"{root}/a/b")
    make_folders(f"{root}/a/c")
    assert names(root / "a") == ["b", "c"]
    assert (root / "a/b/file").exists()


def test_all_bytes_are_written_however_little_the_system_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system call may write less than it was given, and takes a limited number of pieces."""
    whole = os.pwritev

    def little(descriptor: int, parts: list[memoryview], offset: int) -> int:
        return whole(descriptor, [parts[0][:3]], offset)

    monkeypatch.setattr(os, "pwritev", little)
    parts = [b"abcdefgh", b"", b"i", b"jklm"]
    with (tmp_path / "f").open("w+b") as file:
        write_all(file.fileno(), parts, 2)
        assert file.read() == b"\0\0abcdefghijklm"
    monkeypatch.undo()
    with (tmp_path / "g").open("w+b") as file:
        write_all(file.fileno(), [b"x"] * 5_000, 0)
        assert file.read() == b"x" * 5_000
