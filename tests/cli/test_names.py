"""A name that means nothing is an error with a code of its own, exit status 3, and never an empty result."""

import pytest

from tests.cli.kit import Tool, World

NOWHERE = "no-such-bucket-anywhere"


def test_an_unknown_source_bucket(world: World) -> None:
    """Nothing is written, not even a folder."""
    done = world.tool("backup", "--repository", world.repository, "--source", NOWHERE)
    assert (done.status, done.code) == (3, "BUCKET_NOT_FOUND")
    assert NOWHERE in done.err
    assert world.keys() == []


@pytest.mark.parametrize("command", ["backup", "backups", "restore", "verify"])
def test_an_unknown_repository_bucket(world: World, command: str) -> None:
    """Every command says so."""
    source = ["--source" if command == "backup" else "--source-name", world.source]
    target = ["--all-users", "--to-directory", "/nonexistent/never-made"] if command == "restore" else []
    done = world.tool(command, "--repository", NOWHERE, *source, *target)
    assert (done.status, done.code) == (3, "BUCKET_NOT_FOUND")
    assert NOWHERE in done.err


def test_an_unknown_destination_bucket(kept: World) -> None:
    """A restore into a bucket that does not exist fails before it reads packs."""
    done = kept.restore("--all-users", "--to-bucket", NOWHERE)
    assert (done.status, done.code) == (3, "BUCKET_NOT_FOUND")
    assert NOWHERE in done.err


def test_an_unknown_user_is_not_backed_up_as_nothing(world: World) -> None:
    """A user without files and without backups is a typing error; the users named beside it wait."""
    done = world.back_up("--user", "alice", "--user", "Alice")
    assert (done.status, done.code) == (3, "NOT_FOUND")
    assert "user 'Alice' owns nothing" in done.err
    assert world.keys() == []


def test_a_user_who_has_deleted_everything_is_still_known(world: World) -> None:
    """Named or not, the user gets a backup that says that nothing is left; a second run has nothing to add."""
    assert world.back_up("--user", "bob").status == 0
    world.s3.delete_object(Bucket=world.source, Key="bob/notes.txt")
    assert world.back_up("--user", "bob").status == 0
    assert [row["files"] for row in world.backups("--every", "--json").document["backups"]] == [1, 0]
    assert world.back_up("--user", "bob", "--json").document["files"] == 0


def test_a_run_over_everybody_includes_users_whose_folder_is_gone(world: World) -> None:
    """Once: without that backup, a restore of everybody's newest backup would bring the files back."""
    assert world.back_up().status == 0
    world.s3.delete_object(Bucket=world.source, Key="bob/notes.txt")
    runs = [world.back_up("--json").document["backups"] for _ in range(2)]
    assert runs == [3, 2]
    assert [row["files"] for row in world.backups("--user", "bob", "--json").document["backups"]] == [1, 0]


def test_an_unknown_user_of_a_restore(kept: World) -> None:
    """The message names the user and the source."""
    done = kept.restore("--user", "dave", "--to-directory", "/nonexistent/never-made")
    assert (done.status, done.code) == (3, "BACKUP_NOT_FOUND")
    assert "user 'dave'" in done.err


@pytest.mark.parametrize("command", ["backups", "verify"])
def test_an_unknown_user_of_a_list(kept: World, command: str) -> None:
    """A list of nothing would look like an answer."""
    done = kept.tool(
        command, "--repository", kept.repository, "--source-name", kept.source, "--user", "alice", "--user", "dave"
    )
    assert (done.status, done.code) == (3, "BACKUP_NOT_FOUND")
    assert "user 'dave'" in done.err


@pytest.mark.parametrize("command", ["backups", "verify"])
def test_an_unknown_source_name_shows_those_that_exist(kept: World, command: str) -> None:
    """The remedy is the list of names."""
    done = kept.tool(command, "--repository", kept.repository, "--source-name", "recipes")
    assert (done.status, done.code) == (3, "BACKUP_NOT_FOUND")
    assert "source 'recipes' has no backup" in done.err
    assert f"it has backups of {kept.source}" in done.err


def test_an_empty_repository(world: World) -> None:
    """Nothing has been backed up yet, and that is what the message says."""
    done = world.tool("verify", "--repository", world.repository)
    assert (done.status, done.code) == (3, "BACKUP_NOT_FOUND")
    assert "nothing has been backed up into this bucket yet" in done.err


def test_an_unknown_backup(kept: World) -> None:
    """An id that looks like one and names nothing."""
    done = kept.restore("--user", "alice", "--backup", "20010101T000000Z-00000000", "--to-directory", "/nonexistent/x")
    assert (done.status, done.code) == (3, "BACKUP_NOT_FOUND")


def test_no_backup_that_early(kept: World) -> None:
    """A time before the first backup has nothing to restore."""
    done = kept.restore("--user", "alice", "--as-of", "2001-01-01", "--to-directory", "/nonexistent/x")
    assert (done.status, done.code) == (3, "BACKUP_NOT_FOUND")
    assert "2001-01-01 00:00:00 UTC" in done.err


def test_an_unknown_dedup_table(world: World) -> None:
    """The index that was named must exist: falling back to another would hide that dedup does not work."""
    done = world.back_up("--dedup-table", "no-such-table")
    assert (done.status, done.code) == (3, "NOT_FOUND")
    assert "no-such-table" in done.err
    assert world.commits() == []


def test_two_prefixes_of_a_bucket_are_two_sources(world: World, tool: Tool) -> None:
    """Their users may have the same names, so their backups must not be each other's parents."""
    for prefix in ("alice", "bob/"):
        source = f"{world.source}/{prefix}"
        assert tool("backup", "--repository", world.repository, "--source", source).status == 0
        name = source.rstrip("/")
        listed = tool("backups", "--repository", world.repository, "--source-name", name, "--json").document
        assert len(listed["backups"]) == (2 if prefix == "alice" else 1)
