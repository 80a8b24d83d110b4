"""What was let go comes back: tags are taken off, older versions are written anew, and a hold keeps it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from functions.contract.object_keys import erasure_prefix
from tests.cli.keeping import Office, make_office
from tests.cli.kit import FILES, World, restored_files

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@pytest.fixture
def office(s3: "S3Client", world: World, make_bucket: Callable[..., str]) -> Office:
    """A repository with three users."""
    return make_office(s3, world, make_bucket)


def keys_of(office: Office, user: str) -> list[str]:
    """Give everything that a user's backup needs: all packs are shared here."""
    return [key for key in office.world.keys("snapshots/") if f"/{user}/" in key] + office.world.keys("packs/")


def test_a_hidden_backup_comes_back_under_a_hold(office: Office, tmp_path: Path) -> None:
    """The dry run says what is left; a restore then gives every byte."""
    hidden = keys_of(office, "alice")
    office.let_go(*hidden, hide=True)
    dry = office.about("undelete", "alice", "--dry-run", "--json").document
    assert [(item["there"], item["hidden"], item["gone"]) for item in dry["found"]] == [(0, len(hidden), 0)]
    assert keys_of(office, "alice") == []
    done = office.about("undelete", "alice", "--reason", "wrong rules", "--by", "ann")
    assert done.status == 0
    assert "each backup has a hold" in done.out
    assert set(keys_of(office, "alice")) == set(hidden)
    [hold] = office("holds", "--json").document["holds"]
    assert (hold["user"], hold["by"], hold["reason"]) == ("alice", "ann", "wrong rules")
    assert office.about("restore", "alice", "--to-directory", tmp_path).status == 0
    assert restored_files(tmp_path) == {key: data for key, data in FILES.items() if key.startswith("alice/")}


def test_a_backup_that_is_only_tagged_loses_its_tag(office: Office) -> None:
    """And a backup that is simply there stays as it is."""
    backup = office.backup_of("bob")
    office.let_go(*(key for key in office.world.keys("snapshots/") if "/bob/" in key))
    found = office.about("undelete", "bob", "--dry-run", "--json").document["found"]
    assert [(item["let go"], item["hidden"]) for item in found] == [(2, 0)]
    assert office.about("undelete", "bob").status == 0
    again = office.about("undelete", "bob")
    assert (again.status, again.code) == (3, "BACKUP_NOT_FOUND")
    assert "no backup of user 'bob'" in again.err
    there = office.about("undelete", "bob", "--backup", backup, "--dry-run", "--json").document["found"]
    assert [(item["let go"], item["hidden"], item["gone"]) for item in there] == [(0, 0, 0)]


def test_single_packs_come_back(office: Office) -> None:
    """Without a hold: if nobody needs them, the next collection condemns them again."""
    packs = office.world.keys("packs/")
    office.let_go(*packs, hide=True)
    options = [word for key in packs for word in ("--pack", key.rpartition("/")[2])]
    assert office("undelete", *options).status == 0
    assert office.world.keys("packs/") == packs
    assert office("holds", "--json").document["holds"] == []


def test_what_is_gone_for_good_is_named(office: Office) -> None:
    """Status 9: the others come back."""
    office.let_go(*keys_of(office, "carol"))
    done = office("undelete", "--pack", "ab" * 16)
    assert done.status == 9
    assert "parts of it are gone for good; look for it in the replica" in done.err
    missing = office.about("undelete", "carol", "--backup", "20010101T000000Z-00000000")
    assert (missing.status, missing.code) == (3, "BACKUP_NOT_FOUND")


def test_nobody_who_is_erased_comes_back(office: Office) -> None:
    """Unless the erasure is withdrawn first."""
    office.about("erase", "alice", "--reason", "a request", "--still-in-source")
    office.let_go(*keys_of(office, "alice"))
    done = office.about("undelete", "alice")
    assert (done.status, done.code) == (2, "CONFIG_INVALID")
    erasure = office.world.keys(erasure_prefix(office.world.source, "alice"))[0].split("/")[3]
    assert f"strongroom erase --withdraw {erasure} first" in done.err
    assert office("erase", "--withdraw", erasure, "--reason", "another alice").status == 0
    assert office.about("undelete", "alice").status == 0
