"""What the rules keep, what other rules would, and collections: looked at, done, read."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

from cli.commands import collect
from cli.main import run
from sandbox.ministack import MiniStack
from tests.cli.keeping import Office, make_office
from tests.cli.kit import World
from tests.tables import make_dedup

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

ID = "20010101T000000Z-00000000"
WHERE = ["--repository", "my-backups"]
WHY = ["--reason", "case 7"]
ALICE = ["--source-name", "s", "--user", "alice"]


@pytest.fixture
def office(s3: "S3Client", world: World, make_bucket: Callable[..., str]) -> Office:
    """A repository with three users."""
    return make_office(s3, world, make_bucket)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["retention", "plan", *WHERE, "--user", "alice"], "--user has no effect without --source-name"),
        (["retention", "plan", *WHERE, "--days", "0"], "--days"),
        (["retention", "plan", *WHERE, "--program", "."], "--program has no effect without --stack"),
        (["retention", "diff", *WHERE], "diff has no effect without --at or another rule"),
        (["retention", "diff", *WHERE, "--at", "soon"], "--at is 'soon', must be a time"),
        (["retention", "plan"], "name either --repository or --outputs"),
        (["retention", "prune"], "No such command 'prune'"),
        (["collect", "show", *WHERE, "newest"], "COLLECTION is 'newest', must be a collection's id"),
        (["collect", "run", *WHERE, "--allow-share", "2"], "--allow-share"),
        (["collect", "run", *WHERE], "nobody knows the collector"),
        (["collect", "run", *WHERE, "--here"], "--here needs --dedup-table"),
        (["hold", *WHERE, *ALICE], "--reason"),
        (["hold", *WHERE, *ALICE, "--reason", " "], "--reason is ' ', must be one line"),
        (["hold", *WHERE, *ALICE, "--reason", "a\nb"], "must be one line"),
        (["hold", *WHERE, *ALICE, *WHY, "--by", ""], "--by is '', must be one line"),
        (["hold", *WHERE, "--source-name", "s", "--user", "a/b", *WHY], "must be a first-level folder"),
        (["hold", *WHERE, *ALICE, "--backup", "x", *WHY], "must be a backup's id"),
        (["release", *WHERE, "x", *WHY], "HOLD is 'x', must be a hold's id"),
        (["write-off", *WHERE, "x", *ALICE, *WHY], "must be a backup's id"),
        (["undelete", *WHERE], "name either --user or --pack"),
        (["undelete", *WHERE, "--user", "alice"], "--user has no effect without --source-name"),
        (["undelete", *WHERE, "--pack", "ab" * 16, "--backup", ID], "--backup has no effect without --user"),
        (["undelete", *WHERE, "--pack", "xyz"], "--pack is 'xyz', must be a pack's id"),
        (["erase", *WHERE], "name either --user or --check or --withdraw"),
        (["erase", *WHERE, *ALICE, *WHY], "name either --source or --source-gone or --still-in-source"),
        (["erase", *WHERE, *ALICE, *WHY, "--source", "x/y", "--source-gone"], "name either --source or --source-gone"),
        (["erase", *WHERE, *ALICE, "--source-gone"], "--reason is '', must be one line"),
        (["erase", *WHERE, "--user", "alice", *WHY, "--source-gone"], "--user needs --source-name"),
        (["erase", *WHERE, "--check", "x"], "--check is 'x', must be an erasure's id"),
        (["erase", *WHERE, "--withdraw", "x", *WHY], "--withdraw is 'x', must be an erasure's id"),
        (["erase", *WHERE, "--check", ID, "--dry-run"], "--dry-run has no effect without --user"),
    ],
)
def test_what_cannot_be_used_is_named(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is sent: the bucket does not even exist."""
    assert run(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("strongroom: CONFIG_INVALID: ")
    assert words in printed.err
    assert printed.err.count("\n") == 1


def test_the_plan_gives_every_backup_with_its_reasons(office: Office) -> None:
    """By the rules of a stack's file, or others; what stays is shown on request."""
    found = office("retention", "plan", "--stack", "dev", "--days", 7, "--json").document
    assert (found["rules"]["days"], found["counts"]["stays"]) == (7, 3)
    assert found["backups"][0]["reasons"][0] == ["days", "0 days old, kept for 7"]
    text = office("retention", "plan", "--days", 7)
    assert (text.out, text.status) == ("3 stays\n", 0)
    who = ("--source-name", office.world.source, "--user", "bob")
    one = office("retention", "plan", *who, "--days", 7, "--all")
    assert one.out.count("days: 0 days old, kept for 7") == 1


def test_the_diff_says_what_another_day_or_other_rules_change(office: Office) -> None:
    """The newest of each user stays on any day."""
    office("backup", "--source", office.world.source)
    later = office("retention", "diff", "--stack", "dev", "--at", "2031-01-01", "--json").document
    assert later["counts"] == {"goes": 3, "stays": 3, "stays after all": 0, "goes as before": 0}
    assert {item["change"] for item in later["backups"]} == {"goes"}
    kept = office("retention", "diff", "--stack", "dev", "--at", "2031-01-01", "--daily", 1, "--weekly", 2)
    assert kept.status == 0
    assert "- snapshots/" in kept.out
    assert "3 more are as they were; --all shows them" in kept.err
    same = office("retention", "diff", "--stack", "dev", "--yearly", 5)
    assert same.out == "6 stays\n"


def test_without_a_collection_the_rules_have_to_be_named(office: Office) -> None:
    """Nothing is guessed: a plan by other rules than the collector's would be no plan."""
    for command in (["retention", "plan"], ["collect", "plan"]):
        done = office(*command)
        assert (done.status, done.code) == (2, "CONFIG_INVALID")
        assert "nobody knows the rules: no collection has been done yet" in done.err


def test_unknown_names_are_errors(office: Office) -> None:
    """A user, a source, a plan, a bucket."""
    who = ("--source-name", office.world.source, "--user", "dave")
    cases = [
        (("retention", "plan", "--days", 7, *who), "BACKUP_NOT_FOUND"),
        (("collect", "show"), "NOT_FOUND"),
        (("collect", "show", ID), "NOT_FOUND"),
        (("undelete", *who), "BACKUP_NOT_FOUND"),
        (("erase", *who, "--reason", "x", "--source-gone"), "BACKUP_NOT_FOUND"),
        (("erase", "--check", ID), "NOT_FOUND"),
        (("erase", "--withdraw", ID, "--reason", "x"), "NOT_FOUND"),
    ]
    for arguments, code in cases:
        done = office(*arguments)
        assert (done.status, done.code) == (3, code), arguments
    for command in (["holds"], ["collect", "show"], ["retention", "plan", "--days", "7"]):
        assert run([*command, "--repository", "no-such-bucket-at-all", "--endpoint", office.world.tool.endpoint]) == 3


def test_a_collection_on_this_machine_leaves_a_plan_that_can_be_read(office: Office, ministack: MiniStack) -> None:
    """Then its rules are the present ones, and the next dry run tells the same."""
    dynamodb = boto3.client("dynamodb", endpoint_url=ministack.endpoint)
    table = make_dedup(dynamodb)
    dry = office("collect", "plan", "--stack", "dev", "--dedup-table", table, "--json").document
    assert office.world.keys("gc/") == []
    done = office("collect", "run", "--here", "--stack", "dev", "--dedup-table", table, "--json").document
    locks = {"locks_extended": done["counts"]["locks_extended"], "locks_refused": 0}
    assert done["counts"] == dry["counts"] | locks
    shown = office("collect", "show", "--json").document
    assert (shown["collection"], shown["counts"]["backups"]) == (done["collection"], 3)
    assert shown["done"]["finished"]
    lines = [json.loads(line) for line in office("collect", "show", done["collection"], "--lines").out.splitlines()]
    assert [line["fate"] for line in lines] == ["KEEP"] * 3
    assert office("collect", "show").out.startswith(f"collection {done['collection']} did")
    assert office("retention", "plan").status == 0
    text = office("collect", "plan")
    assert text.status == 0
    assert "whether the index leads to what is due was not asked" in text.err


def test_the_collector_is_asked_by_its_name(office: Office, tmp_path: Path) -> None:
    """A function that does not exist is an error of its own."""
    done = office("collect", "run", "--function", "no-such-collector", "--allow-share", 0.3)
    assert (done.status, done.code) == (3, "NOT_FOUND")
    assert "no-such-collector" in done.err


def test_whoever_waits_is_told_which_collection_it_was(
    office: Office, ministack: MiniStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event says what was asked for; the bucket says when it is done."""
    table = make_dedup(boto3.client("dynamodb", endpoint_url=ministack.endpoint))
    asked: list[tuple[str, Mapping[str, object]]] = []

    def collector(_cloud: object, function: str, event: Mapping[str, object]) -> None:
        asked.append((function, event))
        office("collect", "run", "--here", "--stack", "dev", "--dedup-table", table)

    office("collect", "run", "--here", "--stack", "dev", "--dedup-table", table)
    before = set(office.world.keys("gc/"))
    monkeypatch.setattr(collect, "ask_for_collection", collector)
    options = ("--function", "mine", "--allow-share", 0.3, "--measure", "--wait")
    done = office("collect", "run", *options, "--json").document
    assert asked == [("mine", {"measure": True, "expire_share": 0.3})]
    new = {key.split("/")[1] for key in set(office.world.keys("gc/")) - before}
    assert new == {done["collection"]}
