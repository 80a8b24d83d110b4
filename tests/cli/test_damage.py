"""A repository that is damaged, or newer than the tool: one clear error, or a list of exactly what is lost."""

import json
from pathlib import Path

import pytest

from tests.cli.kit import FILES, World, restored_files


@pytest.fixture
def stored(world: World) -> World:
    """A source with one backup of every user."""
    assert world.back_up().status == 0
    return world


def commit_of(world: World, user: str) -> str:
    """Give the key of a user's commit record."""
    return next(key for key in world.commits() if f"/{user}/" in key)


def pack_of(world: World, user: str) -> str:
    """Give the key of the pack that a user's backup needs."""
    record = json.loads(world.s3.get_object(Bucket=world.repository, Key=commit_of(world, user))["Body"].read())
    return f"packs/{record['packs'][0][:2]}/{record['packs'][0]}"


def newer(data: bytes) -> bytes:
    """Give a commit record of a format that does not exist yet."""
    return json.dumps(json.loads(data) | {"format": 2}).encode()


def flipped(data: bytes) -> bytes:
    """Give the bytes with one bit turned over in their first chunk."""
    return bytes([data[0] ^ 1]) + data[1:]


def test_a_repository_of_a_newer_format_is_left_alone(stored: World, tmp_path: Path) -> None:
    """Reading it would be guessing, and a backup on top of it might not fit."""
    for key in stored.commits():
        stored.rewrite(key, newer)
    before = stored.keys()
    to = ("--all-users", "--to-directory", tmp_path / "new")
    for done in (stored.backups(), stored.restore(*to), stored.back_up()):
        assert (done.status, done.code) == (6, "FORMAT_UNSUPPORTED")
        assert "has format 2, this release reads up to 1" in done.err
    assert stored.keys() == before
    assert not (tmp_path / "new").exists()


def test_a_newer_format_of_one_user_does_not_keep_others_from_their_backup(stored: World) -> None:
    """The run ends with the status of the newer format, and says whose it is."""
    stored.rewrite(commit_of(stored, "bob"), newer)
    done = stored.back_up("--json")
    assert (done.status, done.document["backups"]) == (6, 2)
    assert [note.partition(": ")[0] for note in done.document["notes"]] == ["bob"]


def test_a_commit_record_that_is_none(stored: World) -> None:
    """Whatever it is, it is not taken for a backup."""
    stored.rewrite(commit_of(stored, "bob"), lambda _data: b"{}")
    done = stored.backups()
    assert (done.status, done.code) == (7, "COMMIT_CORRUPT")
    assert commit_of(stored, "bob") in done.err


def test_a_damaged_parent_costs_a_full_read_and_a_warning(stored: World) -> None:
    """The next backup does not depend on it."""
    stored.rewrite(commit_of(stored, "bob"), lambda _data: b"{}")
    done = stored.back_up("--json")
    assert (done.status, done.document["backups"]) == (0, 3)
    assert "is damaged, so everything was read again" in done.document["notes"][0]


def test_verify_names_what_a_flipped_bit_touches(stored: World) -> None:
    """Status 7; the damaged chunk, its file and its backup stand in the list."""
    stored.rewrite(pack_of(stored, "carol"), flipped)
    done = stored.verify("--depth", "full", "--json")
    assert done.status == 7
    [damage] = done.document["damages"]
    assert damage["code"] == "CHUNK_CORRUPT"
    assert set(damage["files"]) < set(FILES)
    assert damage["file_count"] == len(damage["files"]) == 1
    shown = stored.verify("--depth", "full")
    assert shown.status == 7
    assert f"CHUNK_CORRUPT: {damage['name']}" in shown.err
    assert damage["files"][0] in shown.err


def test_a_restore_leaves_out_what_it_cannot_prove(stored: World, tmp_path: Path) -> None:
    """Status 9; the others are there, and the damaged file is not, not even in part."""
    stored.rewrite(pack_of(stored, "carol"), flipped)
    done = stored.restore("--all-users", "--to-directory", tmp_path, "--json")
    assert done.status == 9
    [failure] = done.document["failures"]
    assert failure[1] == "CHUNK_CORRUPT"
    assert restored_files(tmp_path) == {key: data for key, data in FILES.items() if key != failure[0]}
    shown = stored.restore("--all-users", "--to-directory", tmp_path)
    assert f"{failure[0]}: CHUNK_CORRUPT: " in shown.err


def test_a_missing_pack_is_found_without_reading_packs(stored: World) -> None:
    """The cheapest depth sees it."""
    stored.s3.delete_object(Bucket=stored.repository, Key=pack_of(stored, "alice"))
    done = stored.verify("--json")
    assert done.status == 7
    assert done.document["packs_read"] == 0
    assert {damage["code"] for damage in done.document["damages"]} == {"PACK_MISSING"}


def test_a_key_cannot_command_the_terminal(world: World, tmp_path: Path) -> None:
    """Whoever names a file does not control the operator's screen."""
    world.s3.put_object(Bucket=world.source, Key="mallory/\x1b[2J\x9b31m\nred", Body=b"x" * 100)
    assert world.back_up().status == 0
    world.rewrite(pack_of(world, "mallory"), lambda data: bytes(len(data)))
    done = world.restore("--user", "mallory", "--to-directory", tmp_path)
    assert done.status == 9
    assert "mallory/\\x1b[2J\\x9b31m\\nred: CHUNK_CORRUPT: " in done.err
    assert all(line.isprintable() for line in done.err.splitlines())
