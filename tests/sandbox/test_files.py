"""The files that are dealt out to users: real ones, the same ones each time, and what may become of them overnight."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sandbox.errors import SandboxError
from sandbox.nights.files import in_words, plan, plan_changes
from sandbox.nights.people import deal

USERS = 20


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with 45 files; one is read and restored in parts."""
    folder = tmp_path / "data"
    for number in range(44):
        path = folder / f"folder {number % 3}" / f"file {number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"line of file {number}\n" * number * 20)
    (folder / "large.bin").write_bytes(bytes(number % 251 for number in range(10_000)) * 1_000)
    return folder


@pytest.mark.parametrize("place", ["nowhere", "empty"])
def test_a_folder_without_files_is_refused(tmp_path: Path, place: str) -> None:
    """The message names the folder and the remedy."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(SandboxError, match=rf"{place} holds no file that can be read; name another: make demo DATA="):
        deal(tmp_path / place, USERS, "clients/")


def test_a_folder_that_does_not_fit_into_memory_is_refused(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded AWS keeps objects in memory: a home folder must not take the machine down."""
    monkeypatch.setattr(os, "sysconf", lambda _name: 4096)
    with pytest.raises(SandboxError, match=r"holds 20\.\d MB, .* name a folder of up to 3\.4 MB"):
        deal(data, USERS, "clients/")


def test_files_are_dealt_out_to_all_users(data: Path) -> None:
    """Every user has some, every eighth file lies with two, and some carry more than bytes."""
    uploads = deal(data, USERS, "clients/")
    keys = [item.key for item in uploads]
    assert all(key.startswith("clients/") for key in keys)
    assert len(set(keys)) == len(keys) == 45 + 6 + 6
    assert len({key.split("/")[1] for key in keys}) == USERS
    for kind in ("headers", "metadata", "tags"):
        assert any(getattr(item, kind) for item in uploads)


def test_the_same_five_percent_change_each_time(data: Path) -> None:
    """Every kind of change happens."""
    uploads = plan(data, USERS)
    changes = plan_changes(uploads)
    assert changes == plan_changes(uploads)
    assert in_words(changes) == "1 edited, 1 appended, 1 added, 1 deleted, 1 properties only"
    assert len(plan_changes(uploads * 20)) == round(len(uploads) * 20 * 0.05)


def test_names_that_are_no_keys_are_left_out(data: Path) -> None:
    """A file name that is not UTF-8 cannot be a key; caches and links are not anybody's files."""
    before = len(plan(data, USERS))
    (data / os.fsdecode(b"\xff.txt")).write_text("x")
    (data / "__pycache__").mkdir()
    (data / "__pycache__" / "x.pyc").write_text("x")
    (data / "link").symlink_to(data / "large.bin")
    assert len(plan(data, USERS)) == before
