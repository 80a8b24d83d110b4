"""What doctor makes of what it has read: pure decisions, each finding with its level and its remedy."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.doctor import judge_data, judge_work
from cli.doctor.expected import SCHEDULES
from cli.doctor.facts import AlarmState, Bucket, Copied, Function, Key, Quota, Simulated, Subscription, TableState
from cli.doctor.finding import Finding, Level, in_order, unread
from components.rights_policy import WITHOUT_ENDPOINT
from components.settings.workers import Workers
from functions.engine import errors
from functions.engine.errors import AccessError, NotFoundError, RequestError, StrongroomError, UnavailableError
from functions.engine.orchestration.ports import UserState
from functions.runtime.stack_reading import QueueDepth, SourceUser
from tests.cli.kit import ROOT

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEY = "arn:aws:kms:us-east-1:111122223333:key/1"
LOCK = "COMPLIANCE, 30 days"
GOOD = Bucket(
    versioning="Enabled",
    lock_mode="COMPLIANCE",
    lock_days=30,
    encryption="aws:kms",
    key_arn=KEY,
    closed=True,
    replicates_to=("replica",),
)
WORKER = Function(
    state="Active",
    updated="Successful",
    memory_mb=1_769,
    timeout_seconds=900,
    reserved=55,
    feeds={"jobs": "Enabled", "priority": "Enabled"},
)
TABLE = TableState(status="ACTIVE", recoverable=True, protected=True, copies={"us-west-2": "ACTIVE"})
ALARM = AlarmState("s-rpo", "OK", NOW, tells=True, description="Old. What to do: docs/runbooks/rpo-age.md")
ON = dict.fromkeys(SCHEDULES, "ENABLED")


def said(found: Iterable[Finding]) -> list[str]:
    """Give level and text of each, and insist that every one of them says what to do."""
    findings = list(found)
    assert all(finding.remedy and finding.where for finding in findings)
    return [f"{finding.level}: {finding.what}" for finding in findings]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"versioning": None}, ["ERROR: versioning is off: what is written over is lost"]),
        ({"versioning": "Suspended"}, ["ERROR: versioning is Suspended: what is written over is lost"]),
        ({"closed": False}, ["ERROR: public access is not blocked as a whole"]),
        ({"key_arn": "k2"}, [f"ERROR: new objects are encrypted with aws:kms k2 instead of {KEY}"]),
        ({"encryption": None, "key_arn": None}, [f"ERROR: new objects are encrypted with nothing instead of {KEY}"]),
        ({"lock_mode": None}, [f"ERROR: new objects are locked not at all instead of {LOCK}"]),
        ({"lock_days": 3}, [f"ERROR: new objects are locked COMPLIANCE, 3 days instead of {LOCK}"]),
        ({"replicates_to": ()}, ["ERROR: no rule that is on copies to replica"]),
    ],
)
def test_a_bucket_must_be_as_the_program_makes_it(changes: dict[str, Any], expected: list[str]) -> None:
    """Whatever is otherwise loses data, or shows it."""
    found = judge_data.judge_bucket("b", replace(GOOD, **changes), key_arn=KEY, lock=LOCK, replica="replica")
    assert said(found) == expected


def test_a_bucket_of_logs_needs_neither_key_nor_lock() -> None:
    """But encryption it needs."""
    plain = Bucket(versioning="Enabled", encryption="AES256", closed=True)
    assert said(judge_data.judge_bucket("b", plain, key_arn=None, lock=None)) == []
    bare = replace(plain, encryption=None)
    assert said(judge_data.judge_bucket("b", bare, key_arn=None, lock=None)) == [
        "ERROR: new objects are not encrypted by default"
    ]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (Key("Enabled", rotates=True), []),
        (Key("Enabled", rotates=False), ["WARNING: does not rotate by itself"]),
        (Key("Disabled", rotates=True), ["ERROR: is Disabled: nothing can be read or written"]),
        (
            Key("PendingDeletion", rotates=False, deleted_on=NOW),
            ["ERROR: is deleted on 2026-11-20: every backup under it is lost then"],
        ),
    ],
)
def test_a_key_must_be_there_to_stay(key: Key, expected: list[str]) -> None:
    """The remedy of one that goes is the command that keeps it."""
    found = list(judge_data.judge_key(KEY, key))
    assert said(found) == expected
    assert all(f"--key-id {KEY}" in finding.remedy for finding in found)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"status": "ARCHIVED"}, ["ERROR: is ARCHIVED"]),
        ({"recoverable": False}, ["WARNING: cannot be taken back to an earlier second"]),
        ({"protected": False}, ["WARNING: may be deleted"]),
        ({"copies": {}}, ["ERROR: its copy in us-west-2 is not there"]),
        ({"copies": {"us-west-2": "REPLICATION_NOT_AUTHORIZED"}}, ["ERROR: its copy in us-west-2 is REPLICATION_"]),
    ],
)
def test_a_table_must_work_and_come_back(changes: dict[str, Any], expected: list[str]) -> None:
    """In both regions."""
    found = said(judge_data.judge_table("t", replace(TABLE, **changes), copy="us-west-2", protect=True))
    assert len(found) == len(expected)
    assert all(text.startswith(words) for text, words in zip(found, expected, strict=True))


@pytest.mark.parametrize(("hours", "count"), [(1, 0), (2, 0), (3, 1), (400, 1)])
def test_a_copy_may_take_two_hours(hours: int, count: int) -> None:
    """Then the oldest that is missing is named."""
    missing = Copied("reports", "bob", "id-1", NOW - timedelta(hours=hours), arrived=False)
    there = Copied("reports", "al", "id-0", NOW - timedelta(days=900), arrived=True)
    found = said(judge_data.judge_copies("replica", [missing, there], NOW))
    assert len(found) == count
    assert all("reports/bob/id-1" in text for text in found)


def user(name: str, age_hours: float | None, files: int = 1) -> SourceUser:
    """Give a user whose last good backup is so old."""
    good = None if age_hours is None else NOW - timedelta(hours=age_hours)
    return SourceUser("reports", UserState(name, "id", good, files))


def test_backups_must_not_be_older_than_was_promised() -> None:
    """The oldest is named; who has no files has nothing to lose; a paused stack is only remarked upon."""
    users = [user("al", 1), user("bob", 24), user("carol", 25), user("dave", 99), user("gone", 999, files=0)]
    (text,) = said(judge_data.judge_ages(users, NOW, 24, paused=False))
    assert text.startswith("ERROR: 2 of 4 users have no good backup of the last 24 h; the oldest, of user 'dave'")
    assert text.endswith("is 4 days old")
    assert said(judge_data.judge_ages(users[:2], NOW, 24, paused=False)) == []
    (quiet,) = judge_data.judge_ages(users, NOW, 24, paused=True)
    assert quiet.level is Level.NOTE
    assert said(judge_data.judge_ages([], NOW, 24, paused=False)) == ["WARNING: nobody has been backed up yet"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"state": "Failed"}, ["ERROR: is Failed, its last update Successful"]),
        ({"updated": "Failed"}, ["ERROR: is Active, its last update Failed"]),
        ({"feeds": {"jobs": "Enabled"}}, ["ERROR: 1 of 2 queues feed it"]),
        (
            {"feeds": {"jobs": "Disabled", "priority": "Enabled"}},
            ["ERROR: the queue jobs does not feed it: Disabled"],
        ),
        ({"memory_mb": 3_008}, ["WARNING: has 3,008 MB of memory, the settings say 1,769"]),
        ({"timeout_seconds": 3}, ["WARNING: has 3 seconds of timeout, the settings say 900"]),
        ({"reserved": None}, ["WARNING: no concurrency is reserved for it, though the settings say so"]),
    ],
)
def test_a_function_must_be_called_fed_and_sized_as_the_settings_say(
    changes: dict[str, Any], expected: list[str]
) -> None:
    """Without settings, sizes are nobody's business."""
    changed = replace(WORKER, **changes)
    assert said(judge_work.judge_function("worker", "s-worker", changed, Workers())) == expected
    bare = said(judge_work.judge_function("worker", "s-worker", changed, None))
    assert bare == [text for text in expected if text.startswith("ERROR")]


def test_a_drift_of_memory_can_be_made_permanent() -> None:
    """The remedy has both ways."""
    (found,) = judge_work.judge_function("worker", "s-worker", replace(WORKER, memory_mb=3_008), Workers())
    assert "pulumi config set --path 'strongroom:workers.memoryMb' 3008" in found.remedy


@pytest.mark.parametrize(
    ("quota", "reserved", "expected"),
    [
        (Quota(1_000, 860), True, []),
        (Quota(10, 10), True, ["ERROR: 10 executions at once, the stack takes 140 and Lambda keeps 100 free"]),
        (Quota(239, 99), True, ["ERROR: 239 executions at once, the stack takes 140 and Lambda keeps 100 free"]),
        (Quota(240, 100), True, []),
        (Quota(1_000, 139), False, ["WARNING: others have reserved all but 139 executions, the stack takes 140"]),
        (Quota(1_000, 139), True, []),
    ],
)
def test_the_account_must_let_all_work_at_once(quota: Quota, reserved: bool, expected: list[str]) -> None:  # noqa: FBT001 - a case
    """A new account has 10."""
    assert said(judge_work.judge_quota(quota, 140, reserved=reserved)) == expected


@pytest.mark.parametrize(
    ("found", "paused", "expected"),
    [
        (ON, False, []),
        ({**ON, "drill": "DISABLED"}, False, ["ERROR: are switched off: drill"]),
        ({name: "ENABLED" for name in SCHEDULES if name != "full"}, False, ["ERROR: are not there: full"]),
        (
            {**dict.fromkeys(SCHEDULES, "DISABLED"), "full": "ENABLED"},
            True,
            [
                "NOTE: are paused by the settings: nothing comes by the clock",
                "WARNING: are on, though the settings pause them: full",
            ],
        ),
    ],
)
def test_schedules_must_be_on_unless_they_are_paused(
    found: dict[str, str],
    paused: bool,  # noqa: FBT001 - a case
    expected: list[str],
) -> None:
    """And off when they are."""
    assert said(judge_work.judge_schedules("group", found, paused=paused)) == expected


@pytest.mark.parametrize(
    ("changes", "paused", "expected"),
    [
        ({}, False, []),
        ({"state": "ALARM"}, False, ["ERROR: rings since 0 h: Old."]),
        ({"state": "ALARM"}, True, ["ERROR: rings since 0 h: Old."]),
        ({"tells": False}, False, ["ERROR: s-rpo would tell nobody"]),
        ({"tells": False}, True, []),
        ({"state": "INSUFFICIENT_DATA"}, False, []),
        (
            {"state": "INSUFFICIENT_DATA", "since": NOW - timedelta(days=3)},
            False,
            ["WARNING: s-rpo have no data for two days"],
        ),
        ({"state": "INSUFFICIENT_DATA", "since": NOW - timedelta(days=3)}, True, []),
    ],
)
def test_alarms_must_see_and_tell(changes: dict[str, Any], paused: bool, expected: list[str]) -> None:  # noqa: FBT001 - a case
    """One that rings leads to its page; a new one knows nothing yet."""
    found = list(judge_work.judge_alarms("s", [ALARM._replace(**changes)], NOW, paused=paused))
    assert said(found) == expected
    if changes.get("state") == "ALARM":
        assert found[0].remedy == "docs/runbooks/rpo-age.md"


def test_a_stack_without_alarms_is_an_error_and_many_are_one_line() -> None:
    """A list of all of them would hide the rest."""
    assert said(judge_work.judge_alarms("s", [], NOW, paused=False)) == ["ERROR: there is no alarm"]
    mute = [ALARM._replace(name=f"s-{number}", tells=False) for number in range(9)]
    (text,) = said(judge_work.judge_alarms("s", mute, NOW, paused=False))
    assert text == "ERROR: s-0, s-1, s-2, s-3, s-4 and 4 more would tell nobody"


def test_what_was_given_up_is_an_error() -> None:
    """Also while somebody looks at it."""
    assert said(judge_work.judge_dead_letters(QueueDepth("jobs", 0, 0, 0, dead=True))) == []
    found = judge_work.judge_dead_letters(QueueDepth("jobs", 2, 1, 0, dead=True))
    assert said(found) == ["ERROR: 3 messages were given up"]


def test_people_must_have_confirmed_that_they_are_told() -> None:
    """Nobody at all is worse than one who has not."""
    ann = Subscription("email", "ann@example.com", confirmed=True)
    bob = Subscription("email", "bob@example.com", confirmed=False)
    assert said(judge_work.judge_subscriptions("topic", [ann])) == []
    pending = ["WARNING: bob@example.com is told nothing: the subscription was never confirmed"]
    assert said(judge_work.judge_subscriptions("topic", [ann, bob])) == pending
    assert said(judge_work.judge_subscriptions("topic", [bob])) == [*pending, "ERROR: nobody is told anything"]
    assert said(judge_work.judge_subscriptions("topic", [])) == ["ERROR: nobody is told anything"]


def test_a_network_must_have_a_way_to_every_service_that_functions_use() -> None:
    """As their rights say; keys, logs and traces are used for them by others."""
    services = judge_work.needed_services()
    assert {"s3", "dynamodb", "sqs", "sns", "lambda"} <= set(services)
    assert WITHOUT_ENDPOINT.keys() == judge_work.NO_ENDPOINT
    assert not judge_work.NO_ENDPOINT & set(services)
    there = {f"com.amazonaws.us-east-1.{service}": "available" for service in services}
    assert said(judge_work.judge_endpoints("vpc-1", there, "us-east-1")) == []
    broken = {**there, "com.amazonaws.us-east-1.sns": "failed"}
    del broken["com.amazonaws.us-east-1.sqs"]
    assert said(judge_work.judge_endpoints("vpc-1", broken, "us-east-1")) == [
        "ERROR: the endpoint of sns is failed",
        "ERROR: has no endpoint of sqs",
    ]


def test_commands_that_the_caller_may_not_use_are_only_remarked_upon() -> None:
    """Nobody needs all rights."""
    found = judge_work.judge_rights("ann", [Simulated("erase", ["s3:PutObject"]), Simulated("holds", [])])
    assert said(found) == ["NOTE: may not use `erase`: s3:PutObject"]


@pytest.mark.parametrize(
    ("trouble", "level", "remedy"),
    [
        (AccessError("no", hint="grant kms:DescribeKey"), Level.UNSEEN, "grant kms:DescribeKey"),
        (NotFoundError("gone"), Level.ERROR, "pulumi up"),
        (UnavailableError("silent"), Level.UNSEEN, "VPC endpoint"),
        (RequestError("odd"), Level.UNSEEN, "see the service's message"),
    ],
)
def test_what_cannot_be_read_is_a_finding_too(trouble: StrongroomError, level: Level, remedy: str) -> None:
    """It may be as bad as anything; what is not there is an error."""
    found = unread("key", KEY, trouble)
    assert found.level is level
    assert remedy in found.remedy
    assert trouble.message in found.what


def test_the_worst_comes_first() -> None:
    """In the same order whoever was the fastest."""
    levels = [Level.NOTE, Level.ERROR, Level.UNSEEN, Level.WARNING]
    found = in_order(Finding(level, "c", "w", "x", "r") for level in levels)
    assert [finding.level for finding in found] == [Level.ERROR, Level.WARNING, Level.UNSEEN, Level.NOTE]


def test_every_page_that_a_remedy_names_is_there() -> None:
    """And is named by its place in the repository."""
    sources = [Path(module.__file__ or "") for module in (judge_data, judge_work, errors)]
    pages = {page for path in sources for page in re.findall(r"[a-z-]+\.md", path.read_text())}
    assert {"dead-letters.md", "key-at-risk.md", "backups-failed.md"} <= pages
    known = {path.name for folder in ("docs", "docs/runbooks") for path in (ROOT / folder).glob("*.md")}
    assert pages - {"cli.md"} <= known
