"""Local names: every key gets a path of its own that a disk takes, and every path gives its key back."""

import os
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from functions.adapters.local_directory import make_folders
from functions.adapters.local_names import RESERVED, LocalNames, key_of
from tests.strategies import KEY_BYTES, keys

NAME_MAX = 255
LONG = "x" * 200

key_sets = st.sets(keys, max_size=12)


def paths(chosen: set[str]) -> dict[str, str]:
    """Give the path of each key, fed in key order as a restore does."""
    names = LocalNames()
    return {key: names.path(key) for key in sorted(chosen)}


def folders(path: str) -> set[str]:
    """Give the folders that a path needs."""
    return {str(parent) for parent in PurePosixPath(path).parents}


@given(key_sets)
@example({"a", "a/", "a//b", "a/b", "a/b/c", "a%d/b"})
@example({LONG + "..", LONG + "../y", "y", "x"})
@example({LONG + "x", LONG, LONG + "/x", LONG + "%/x", LONG + "./x"})
def test_every_key_gets_a_path_of_its_own_that_gives_it_back(chosen: set[str]) -> None:
    """Names are injective and reversible."""
    made = paths(chosen)
    assert len(set(made.values())) == len(chosen)
    assert {key_of(path) for path in made.values()} == chosen
    assert all(key_of(path) == key for key, path in made.items())


@given(key_sets)
@example({"a", "a/b", "a/b/c"})
@example({"a", "a!", "a/b"})
@example({"/", "//", "///a"})
def test_no_path_is_a_folder_of_another(chosen: set[str]) -> None:
    """A file never stands where a folder must be, whichever keys come together."""
    made = set(paths(chosen).values())
    needed = {folder for path in made for folder in folders(path)}
    assert not made & needed


@given(key_sets)
@example({LONG + "..", LONG + ".", "x" * 199 + ".."})
def test_every_name_is_one_that_a_disk_takes(chosen: set[str]) -> None:
    """No piece is empty, a dot name, too long, a control character or one of our own names."""
    for path in paths(chosen).values():
        assert len(path.encode()) < 4_096
        for piece in path.split("/"):
            assert piece not in {"", ".", ".."}
            assert len(piece.encode()) <= NAME_MAX
            assert not any(ord(character) < 32 or ord(character) == 127 for character in piece)
            assert not piece.startswith(RESERVED)


@given(key_sets)
def test_a_path_depends_on_the_keys_before_it_only(chosen: set[str]) -> None:
    """A name can be given before the next key is known."""
    whole = paths(chosen)
    for key in chosen:
        assert paths({other for other in chosen if other <= key})[key] == whole[key]


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("a/b.txt", "a/b.txt"),
        ("Übung/日本.txt", "Übung/日本.txt"),
        (" lead and trail ", " lead and trail "),
        ("back\\slash:colon*", "back\\slash:colon*"),
        ("100%", "100%25"),
        ("a\nb", "a%0Ab"),
        ("\x00", "%00"),
        ("a/", "a/%-"),
        ("a//b", "a/%_/b"),
        ("/a", "%_/a"),
        ("/", "%_/%-"),
        (".", "%2E"),
        ("../../etc/passwd", "%2E%2E/%2E%2E/etc/passwd"),
        ("...", "..."),
        (".hidden", ".hidden"),
        (".strongroom-metadata.jsonl", "%2Estrongroom-metadata.jsonl"),
        ("x" * 250, "x" * 200 + "%/" + "x" * 50),
        (LONG + "..", LONG + "%/%2E%2E"),
        ("é" * 101, "é" * 100 + "%/é"),
    ],
)
def test_names_are_left_alone_where_that_is_possible(key: str, path: str) -> None:
    """And what is escaped is escaped the same way for ever: a second restore must find the first one's files."""
    assert LocalNames().path(key) == path
    assert key_of(path) == key


def test_a_file_beside_a_folder_of_its_name_keeps_its_own() -> None:
    """The folder gives way."""
    assert paths({"a", "a!", "a/b", "a/c/d", "b"}) == {
        "a": "a",
        "a!": "a!",
        "a/b": "a%d/b",
        "a/c/d": "a%d/c/d",
        "b": "b",
    }


def test_hard_keys_can_be_written_side_by_side(tmp_path: Path) -> None:
    """On a real disk, each with its own content."""
    chosen = {
        *("a", "a/", "a/b", "a//b", "a/./b", "a/../b", "..", ".", "../x", "/", "//", "a/b/c", "a/b/", "100%", "%2E"),
        *("a\nb", "a\tb", "\x7f", "é", "e\u0301", "日本/語", LONG, LONG + "x", LONG + "x/y", LONG + "..", "x" * 1024),
        *("y", LONG + "../y", RESERVED, RESERVED + "scratch/1", "\x01" * 1024, "/" * 400, "é" * 512, "con", "CON.txt"),
    }
    assert all(len(key.encode()) <= KEY_BYTES for key in chosen)
    made = paths(chosen)
    for key, path in made.items():
        file = tmp_path / path
        make_folders(str(file.parent))
        with file.open("x", encoding="utf-8", newline="") as stream:
            stream.write(key)
    assert sum(len(files) for _folder, _folders, files in os.walk(tmp_path)) == len(chosen)
    assert all((tmp_path / path).read_bytes().decode() == key for key, path in made.items())


def test_a_file_beside_the_folder_of_a_user_keeps_apart_from_it() -> None:
    """Users are restored side by side, in any order; the paths give the keys back."""
    users = frozenset({"", "/", "x"})
    paths = [LocalNames(users).path("x"), LocalNames(users).path("x/x"), LocalNames(users).path("y")]
    assert paths == ["x%f", "x/x", "y"]
    assert [key_of(path) for path in paths] == ["x", "x/x", "y"]
