"""What the commands do and print when all is well."""

import os
import pty
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.kit import FILES, World, list_keys, restored_files

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


def test_a_cycle_of_backups(world: World) -> None:
    """The first reads everything, the second what changed, a full one everything again; all are listed."""
    assert world.back_up("--json").document["read"] == sum(map(len, FILES.values()))
    world.s3.put_object(Bucket=world.source, Key="bob/notes.txt", Body=b"changed")
    second = world.back_up("--json").document
    assert (second["files"], second["read"], second["new"]) == (4, 7, 7)
    full = world.back_up("--type", "full", "--json").document
    assert (full["files"], full["new"]) == (4, 0)
    rows = world.backups("--every", "--json").document["backups"]
    assert [(row["user"], row["type"]) for row in rows] == [
        (user, kind) for user in ("alice", "bob", "carol") for kind in ("INCREMENTAL", "INCREMENTAL", "FULL")
    ]


def test_backups_within_one_second_have_an_order(world: World, tmp_path: Path) -> None:
    """The newest is the one that was made last, however quickly they follow each other."""
    for number in range(4):
        world.s3.put_object(Bucket=world.source, Key="bob/notes.txt", Body=b"notes %d" % number)
        assert world.back_up("--user", "bob").status == 0
    rows = world.backups("--user", "bob", "--json").document["backups"]
    assert len({row["backup"] for row in rows}) == 4
    assert world.restore("--user", "bob", "--to-directory", tmp_path).status == 0
    assert restored_files(tmp_path) == {"bob/notes.txt": b"notes 3"}


def test_the_numbers_are_printed_as_a_table(world: World) -> None:
    """People get tables on stdout, and nothing on stderr."""
    done = world.back_up()
    assert (done.status, done.err) == (0, "")
    for words in ("users backed up", "3 of 3", "dedup", "compression", "requests", "MB/s"):
        assert words in done.out
    listed = world.backups()
    assert (listed.status, listed.err) == (0, "")
    assert all(user in listed.out for user in ("alice", "bob", "carol"))
    assert "COMPLETED" in listed.out
    assert "damages" in world.verify().out


def test_a_restore_to_a_directory(kept: World, tmp_path: Path) -> None:
    """Everything comes back; a second restore leaves it as it is, a third replaces it."""
    to = ("--all-users", "--to-directory", tmp_path, "--json")
    assert kept.restore(*to).document["restored"] == len(FILES)
    assert restored_files(tmp_path) == FILES
    (tmp_path / "bob/notes.txt").write_bytes(b"mine")
    assert kept.restore(*to).document["skipped"] == len(FILES)
    assert (tmp_path / "bob/notes.txt").read_bytes() == b"mine"
    assert kept.restore(*to, "--conflict", "overwrite").document["restored"] == len(FILES)
    assert restored_files(tmp_path) == FILES


def test_a_restore_of_some_files_under_other_names(
    kept: World, make_bucket: Callable[..., str], s3: "S3Client"
) -> None:
    """Patterns choose keys, and the prefix goes before them."""
    target = make_bucket()
    where = ("--to-bucket", f"s3://{target}", "--to-prefix", "back/")
    done = kept.restore("--user", "alice", "--pattern", "*/2026/*", *where)
    assert done.status == 0
    assert "restored 1 backups" in done.out
    assert list_keys(s3, target) == ["back/alice/2026/report.txt"]


def test_a_restore_of_one_backup_by_its_id(kept: World, tmp_path: Path) -> None:
    """The id is the one that is listed."""
    [row] = kept.backups("--user", "alice", "--json").document["backups"]
    assert kept.restore("--user", "alice", "--backup", row["backup"], "--to-directory", tmp_path).status == 0
    assert set(restored_files(tmp_path)) == {"alice/plan.txt", "alice/2026/report.txt"}


@pytest.mark.parametrize("place", ["file/below", "file"])
def test_a_directory_that_cannot_be_written(kept: World, tmp_path: Path, place: str) -> None:
    """The system's reason stands in the message; what is there stays as it is."""
    (tmp_path / "file").write_bytes(b"in the way")
    done = kept.restore("--all-users", "--to-directory", tmp_path / place)
    assert (done.status, done.code) == (2, "CONFIG_INVALID")
    assert str(tmp_path / "file") in done.err
    assert restored_files(tmp_path) == {"file": b"in the way"}


@pytest.mark.parametrize(("answer", "status", "files"), [("n", 130, 0), ("y", 0, 2)])
def test_a_person_at_a_terminal_is_asked_first(
    kept: World, tmp_path: Path, answer: str, status: int, files: int
) -> None:
    """The question says how much goes where; `no` leaves everything as it is."""
    master, slave = pty.openpty()
    where = ("--repository", kept.repository, "--source-name", kept.source, "--user", "alice")
    with (
        os.fdopen(master, "r+b", buffering=0) as person,
        kept.tool.start("restore", *where, "--to-directory", tmp_path, terminal=slave) as running,
    ):
        os.close(slave)
        person.write(f"{answer}\n".encode())
        running.communicate(timeout=30)
        shown = person.read(10_000).decode()
    assert running.returncode == status
    assert f"1 backups with 2 files, 1.1 KB, to {tmp_path}?" in shown
    assert len(restored_files(tmp_path)) == files


def test_files_that_lie_in_no_folder_belong_to_the_user_without_a_name(world: World, tmp_path: Path) -> None:
    """They are backed up with the others, and restored alone on request."""
    world.s3.put_object(Bucket=world.source, Key="top.txt", Body=b"top")
    assert world.back_up("--json").document["backups"] == 4
    assert world.restore("--user", "", "--to-directory", tmp_path).status == 0
    assert restored_files(tmp_path) == {"top.txt": b"top"}


def test_verify_looks_at_all_sources_unless_one_is_named(world: World) -> None:
    """The sample is drawn from all packs."""
    for name in ("first", "second"):
        assert world.back_up("--source-name", name).status == 0
    where = ("--repository", world.repository, "--json")
    assert world.tool("verify", *where).document["backups"] == 6
    assert world.tool("verify", *where, "--source-name", "first").document["backups"] == 3
    sample = world.tool("verify", *where, "--depth", "sample", "--percent", 1, "--seed", 7).document
    assert 1 == sample["packs_read"] <= sample["packs"]
