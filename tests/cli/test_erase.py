"""The erasure of one user: what it says, what it writes, what it refuses, and what a look later finds."""

import json
import os
import pty
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

from sandbox.ministack import MiniStack
from tests.cli.keeping import UNDELETE_DAYS, Office, make_office
from tests.cli.kit import World
from tests.tables import everything, make_backups, make_dedup, make_users

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

SECOND = 1.1
"""Names of backups and orders have whole seconds: what is younger than an order must be so by one of them."""
WHY = ("--reason", "article 17, request 2026-117", "--by", "ann")


@pytest.fixture
def office(s3: "S3Client", world: World, make_bucket: Callable[..., str]) -> Office:
    """A repository with three users, of whom bob has a file that alice has too."""
    s3.put_object(Bucket=world.source, Key="bob/copy.txt", Body=b"the plan")
    return make_office(s3, world, make_bucket)


def gone_from_source(office: Office, user: str) -> tuple[str, str]:
    """Let a user leave, and give the option that proves it."""
    for key in [item["Key"] for item in office.world.s3.list_objects_v2(Bucket=office.world.source)["Contents"]]:
        if key.startswith(f"{user}/"):
            office.world.s3.delete_object(Bucket=office.world.source, Key=key)
    return ("--source", office.world.source)


def test_a_dry_run_tells_everything_and_orders_nothing(office: Office, tmp_path: Path) -> None:
    """Counts, dates, and what stays; as JSON and as text."""
    sure = gone_from_source(office, "alice")
    before = office.world.keys()
    file = tmp_path / "report.json"
    done = office.about("erase", "alice", *WHY, *sure, "--dry-run", "--report", file)
    assert done.status == 0
    assert office.world.keys() == before
    report = json.loads(file.read_text())
    assert (report["dry_run"], report["user"], report["by"]) == (True, "alice", "ann")
    assert (report["backups"]["count"], report["backups"]["objects"]) == (1, 2)
    chunks = {share: amount["count"] for share, amount in report["chunks"].items()}
    assert chunks == {"alone": 0, "beside others": 1, "shared": 1}
    assert report["packs"]["alone"]["count"] == 0
    assert file.with_suffix(".txt").read_text() == done.out
    for words in ("Erasure, not ordered", "GOVERNANCE, 30 days at birth", "nothing of his was there", "What stays:"):
        assert words in done.out


def test_the_last_day_follows_from_waits_locks_and_lifecycle(office: Office) -> None:
    """The lock of thirty days ends later than the waits and the undelete days."""
    report = office.about("erase", "carol", *WHY, "--source-gone", "--dry-run", "--json").document
    dates = {name: datetime.fromisoformat(text) for name, text in report["dates"].items()}
    assert list(dates.values())[:3] == sorted(dates.values())[:3]
    assert dates["last_byte_gone"] == max(dates.values())
    ordered = datetime.fromisoformat(report["ordered"])
    assert timedelta(days=30) <= dates["backups_gone"] - ordered <= timedelta(days=42)
    assert dates["hidden"] + timedelta(days=UNDELETE_DAYS) <= dates["packs_gone"]


def test_an_order_is_followed_by_the_next_collection(office: Office, ministack: MiniStack) -> None:
    """His backup is condemned, the others' stay; the check says that nothing is gone yet."""
    table = make_dedup(boto3.client("dynamodb", endpoint_url=ministack.endpoint))
    sure = gone_from_source(office, "alice")
    erasure = office.about("erase", "alice", *WHY, *sure, "--json").document["erasure_id"]
    plan = office("retention", "plan", "--days", 60, "--json").document
    went = [item for item in plan["backups"] if item["change"] == "goes"]
    assert [(item["user"], item["reasons"]) for item in went] == [
        ("alice", [["erasure", f"erasure {erasure}: article 17, request 2026-117"]])
    ]
    done = office("collect", "run", "--here", "--stack", "dev", "--dedup-table", table, "--json").document
    assert (done["counts"]["backups_condemn"], done["counts"]["backups_keep"]) == (1, 2)
    assert done["counts"]["packs_drain"] == 1
    check = office("erase", "--check", erasure, "--json")
    assert check.status == 9
    assert check.document["left_of_backups"] == {"there": 2, "let go": 0, "hidden": 0, "gone": 0}
    assert "Not everything is gone yet." in office("erase", "--check", erasure).out


def test_the_tables_offer_nothing_of_an_erased_user(office: Office, ministack: MiniStack) -> None:
    """Nobody misses a backup of his, or proves one; a withdrawal brings the catalog's lines back."""
    dynamodb = boto3.client("dynamodb", endpoint_url=ministack.endpoint)
    dedup, backups, users = make_dedup(dynamodb), make_backups(dynamodb), make_users(dynamodb)
    tables = ("--backups-table", backups, "--users-table", users)
    assert office("rebuild", "--dedup-table", dedup, *tables).status == 0
    erasure = office.about("erase", "carol", *WHY, "--source-gone", *tables, "--json").document["erasure_id"]
    states = {str(item["userId"]).rpartition("/")[2]: item["status"] for item in everything(dynamodb, backups)}
    assert states == {"alice": "COMPLETED", "bob": "COMPLETED", "carol": "EXPIRED"}
    [carol] = [item for item in everything(dynamodb, users) if item["userId"] == "carol"]
    assert carol.keys() == {"source", "userId"}
    assert office("erase", "--withdraw", erasure, "--reason", "another carol", *tables).status == 0
    assert {item["status"] for item in everything(dynamodb, backups)} == {"COMPLETED"}


def test_the_check_says_when_it_is_gone(office: Office, tmp_path: Path) -> None:
    """Hidden is not gone; and who came back is named."""
    erasure = office.about("erase", "carol", *WHY, "--still-in-source", "--json").document["erasure_id"]
    keys = [key for key in office.world.keys("snapshots/") if "/carol/" in key]
    office.let_go(*keys, hide=True)
    hidden = office("erase", "--check", erasure, "--json")
    assert (hidden.status, hidden.document["left_of_backups"]["hidden"]) == (9, 2)
    time.sleep(SECOND)
    office("backup", "--source", office.world.source, "--user", "carol")
    s3, bucket = office.world.s3, office.world.repository
    for key in keys:
        for version in s3.list_object_versions(Bucket=bucket, Prefix=key)["Versions"]:
            s3.delete_object(Bucket=bucket, Key=key, VersionId=version["VersionId"], BypassGovernanceRetention=True)
    file = tmp_path / "check.json"
    gone = office("erase", "--check", erasure, "--report", file, "--json").document
    assert gone["left_of_backups"] == {"there": 0, "let go": 0, "hidden": 0, "gone": 2}
    assert len(gone["backed_up_since"]) == 1
    assert "objects of his backups: 2 gone" in file.with_suffix(".txt").read_text()


def test_who_is_erased_and_stays_is_backed_up_from_the_beginning(office: Office) -> None:
    """Nobody builds on what is erased, and the new backup is kept."""
    office.about("erase", "bob", *WHY, "--still-in-source")
    time.sleep(SECOND)
    again = office("backup", "--source", office.world.source, "--user", "bob", "--json").document
    assert again["read"] > 0
    office("backup", "--source", office.world.source, "--user", "alice", "--json")
    plan = office("retention", "plan", "--days", 60, "--json").document
    assert [item["change"] for item in plan["backups"] if item["user"] == "bob"] == ["goes", "stays"]


def test_a_user_who_is_still_in_the_source_is_refused(office: Office) -> None:
    """The next night would bring him back, so somebody has to say that this is meant."""
    done = office.about("erase", "bob", *WHY, "--source", office.world.source)
    assert (done.status, done.code) == (2, "CONFIG_INVALID")
    assert "user 'bob' still owns objects" in done.err
    assert "--still-in-source" in done.err
    assert office.world.keys("erasures/") == []


def test_a_hold_goes_before_an_erasure(office: Office) -> None:
    """The order is given, the report says what keeps it, and no day is promised."""
    office.about("hold", "bob", "--reason", "case 7")
    done = office.about("erase", "bob", *WHY, "--source-gone", "--json")
    assert done.status == 9
    assert "case 7" in done.err
    assert (done.document["dates"], len(done.document["held"])) == (None, 1)
    plan = office("retention", "plan", "--days", 60, "--json").document
    [bob] = [item for item in plan["backups"] if item["user"] == "bob"]
    assert bob["change"] == "stays"
    assert any("waits for the end of the hold" in text for _rule, text in bob["reasons"])


def test_twice_is_once_and_a_mistake_is_withdrawn(office: Office) -> None:
    """After that the rules decide again."""
    erasure = office.about("erase", "bob", *WHY, "--source-gone", "--json").document["erasure_id"]
    again = office.about("erase", "bob", *WHY, "--source-gone")
    assert (again.status, again.code) == (8, "ALREADY_EXISTS")
    assert f"strongroom erase --check {erasure}" in again.err
    assert office("erase", "--withdraw", erasure, "--reason", "another bob").status == 0
    assert office("retention", "plan", "--days", 60).out == "3 stays\n"
    twice = office("erase", "--withdraw", erasure, "--reason", "another bob")
    assert (twice.status, twice.code) == (8, "ALREADY_EXISTS")
    assert office("erase", "--check", erasure, "--json").document["withdrawn"] is True


def test_a_bucket_that_lets_nothing_go_says_so(s3: "S3Client", world: World) -> None:
    """Without a lifecycle no day can be promised."""
    office = Office(world)
    world.back_up()
    done = office.about("erase", "alice", *WHY, "--source-gone", "--packs-only")
    assert done.status == 9
    assert "the lifecycle of this bucket lets nothing go" in done.out + done.err
    assert "chunks were not counted" in done.out


def test_a_report_that_cannot_be_written_does_not_lose_the_order(office: Office, tmp_path: Path) -> None:
    """The bucket has it: a check writes it again."""
    (tmp_path / "file").write_text("in the way")
    done = office.about("erase", "bob", *WHY, "--source-gone", "--report", tmp_path / "file" / "below.json")
    assert (done.status, done.code) == (2, "CONFIG_INVALID")
    assert "--report cannot be written" in done.err


def test_a_person_at_a_terminal_is_asked_first(office: Office) -> None:
    """The question says how much it is about; `no` orders nothing."""
    master, slave = pty.openpty()
    where = ("--repository", office.world.repository, "--source-name", office.world.source, "--user", "bob")
    with (
        os.fdopen(master, "r+b", buffering=0) as person,
        office.world.tool.start("erase", *where, *WHY, "--source-gone", terminal=slave) as running,
    ):
        os.close(slave)
        person.write(b"n\n")
        running.communicate(timeout=60)
        shown = person.read(10_000).decode()
    assert running.returncode == 130
    assert "Erase all 1 backups of user 'bob'" in shown
    assert office.world.keys("erasures/") == []
