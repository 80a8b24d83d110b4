"""Chaos: trouble during a run must lose nothing and leave nobody untold. And its judges must see what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from functions.contract.metric_names import Metric
from functions.engine.orchestration.ports import Work
from functions.runtime.stack_reading import BackupRow
from sandbox import state
from sandbox.chaos.alarms import Alarm, Signals
from sandbox.chaos.expected import Aftermath, lines_of, unexplained
from sandbox.chaos.proof import forgotten_runs, held_at
from sandbox.chaos.storm import Storm, Victims
from sandbox.chaos.switch import Rule, Switch
from sandbox.ministack import PROJECT_ROOT
from sandbox.nights.record import Night
from sandbox.nights.stack import Notice
from tests.sandbox.conftest import command

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
WHOSE = {"Stack": "s", "Source": "reports"}


@pytest.fixture(scope="module")
def after_chaos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A sandbox of its own, with few users, and what `chaos` has printed."""
    folder = tmp_path_factory.mktemp("chaos") / "state"
    try:
        done = command("up", "--state", folder)
        assert done.returncode == 0, done.stdout + done.stderr
        data = PROJECT_ROOT / "functions" / "contract"
        done = command("chaos", "--state", folder, "--users", "5", "--data", data)
        assert done.returncode == 0, done.stdout + done.stderr
        yield folder, done.stdout
    finally:
        command("down", "--state", folder)


def test_nothing_is_lost_and_every_alarm_rings(after_chaos: tuple[Path, str]) -> None:
    """A night before, the storm, a calm night: 15 backups, and each comes back as the source was."""
    _folder, told = after_chaos
    assert "3 killed" in told
    assert "15 backups of 3 runs" in told
    assert " 0 differences" in told
    assert "function-errors-worker hears 3" in told
    assert "backups-partial-reports hears 1" in told
    assert "FAULT" not in told


def test_it_leaves_the_sandbox_as_others_need_it(after_chaos: tuple[Path, str]) -> None:
    """S3 refuses nothing, nobody works, no message is left; the nights tell what was before and after."""
    folder, _told = after_chaos
    up = state.read(folder)
    switch = Switch(up.endpoint)
    assert switch.outage() == switch.outage()
    assert switch.is_idle()
    nights = json.loads((folder / "nights.state.json").read_text())
    assert [night["name"] for night in nights] == ["before the storm", "evening", "after the storm"]
    assert nights[1]["held"] == nights[2]["held"]


def test_only_functions_are_refused(after_chaos: tuple[Path, str]) -> None:
    """Whoever looks on, or runs the operator's tool, is not part of the experiment."""
    folder, _told = after_chaos
    up = state.read(folder)
    switch = Switch(up.endpoint)
    refused = switch.outage(Rule(1.0))
    try:
        done = command("status", "--state", folder, "--page", folder.parent / "page.html")
        assert done.returncode == 0, done.stderr
        assert switch.outage(Rule(1.0)) == refused
    finally:
        switch.outage()


def night(name: str, moment: datetime) -> Night:
    """A night on which nobody had anything."""
    return Night(name, moment, {})


def row(user: str, when: datetime = NOW, run: str = "r", status: str = "COMPLETED", unreadable: int = 0) -> BackupRow:
    """A backup in the catalog."""
    return BackupRow("reports", user, f"b-{user}", "FULL", status, when, run_id=run, unreadable=unreadable)


def test_a_backup_may_have_seen_the_nights_around_it() -> None:
    """The first that ended after it began, and the one before: between them the source was changed some time."""
    nights = [night("a", NOW), night("b", NOW + 2 * HOUR), night("c", NOW + 4 * HOUR)]
    assert [one.name for one in held_at(nights, NOW - HOUR)] == ["a"]
    assert [one.name for one in held_at(nights, NOW + HOUR)] == ["a", "b"]
    assert [one.name for one in held_at(nights, NOW + 3 * HOUR)] == ["b", "c"]
    assert [one.name for one in held_at(nights, NOW + 5 * HOUR)] == ["c"]


def test_runs_before_the_first_night_are_forgotten() -> None:
    """But for the last of them, which is the run of that night."""
    rows = [row("a", NOW - 3 * HOUR, "1"), row("a", NOW - HOUR, "2"), row("a", NOW + HOUR, "3")]
    assert forgotten_runs(rows, [night("a", NOW)]) == {"1"}
    assert forgotten_runs(rows, []) == {"1", "2", "3"}


ALARMS = [
    Alarm("backups-failed-reports", "Strongroom", Metric.USERS_FAILED, WHOSE, "Maximum", 1),
    Alarm("backups-partial-reports", "Strongroom", Metric.USERS_PARTIAL, WHOSE, "Maximum", 1),
    Alarm("function-errors-worker", "AWS/Lambda", "Errors", {"FunctionName": "w"}, "Sum", 1),
    Alarm("dead-letters-jobs", "AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": "d"}, "Maximum", 1),
    Alarm("run-slow-reports", "Strongroom", Metric.RUN_DURATION, WHOSE, "Maximum", 14_400),
]


def signals(**changed: float) -> Signals:
    """What is heard after a storm as it must be; `changed` gives other values by the names of metrics."""
    heard = Signals()
    values: dict[str, float] = {
        Metric.USERS_FAILED: 1,
        Metric.USERS_PARTIAL: 1,
        Metric.BYTES_STORED: 9,
        Metric.RUN_SKIPPED: 1,
    }
    for name, value in {**values, Metric.RUN_DURATION: 60, **changed}.items():
        heard.add("Strongroom", str(name), WHOSE, [value])
    heard.add("AWS/Lambda", "Errors", {"FunctionName": "w"}, [1, 2])
    heard.add("AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": "d"}, [1])
    return heard


def aftermath(heard: Signals) -> Aftermath:
    """A storm that hit three users, and was told of."""
    counts = {"completed": 1, "partial": 1, "failed": 1}
    run = Work("r", "PARTIAL", NOW, {}, expected=3, done=3, counts=counts)
    storm = Storm(Victims("user-3", ("k1", "k2"), "user-2"), NOW, run, killed=3, erased=5, replayed=6, refused=7)
    storm.second = {"reports": {"state": "SKIPPED", "active": "r"}}
    storm.notices = [Notice("Backup skipped", "r"), Notice("Backup", "Run r: user-2 FAILED, user-3 PARTIAL")]
    rows = [row("user-1"), row("user-2", status="FAILED"), row("user-3", status="PARTIAL", unreadable=2)]
    return Aftermath(storm, "reports", "jobs", ALARMS, heard, rows)


def faults(after: Aftermath) -> list[str]:
    """Give all that is wrong."""
    return [fault for line in lines_of(after) for fault in line.faults]


def test_a_storm_that_everybody_was_told_of_is_as_it_must_be() -> None:
    """No fault in any line, and a line for each trouble."""
    assert faults(aftermath(signals())) == []
    assert len(lines_of(aftermath(signals()))) == 8


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"UsersFailed": 0}, "the alarm backups-failed-reports does not ring"),
        ({"UsersPartial": 0}, "the alarm backups-partial-reports does not ring"),
        ({"RunSkipped": 0}, "RunSkipped was not counted"),
        ({"BytesStored": 0}, "BytesStored was not counted"),
        ({"RunDuration": 20_000}, "the alarm run-slow-reports rings"),
    ],
)
def test_a_signal_that_is_missing_or_wrong_is_a_fault(changed: dict[str, float], fault: str) -> None:
    """Each is named."""
    assert faults(aftermath(signals(**changed))) == [fault]


def test_what_is_lost_or_counted_twice_is_a_fault() -> None:
    """Users without a backup, with two of them, uncounted, untold."""
    after = aftermath(signals())
    assert any("2 users have a backup" in fault for fault in faults(replace(after, rows=after.rows[1:])))
    twice = replace(after, rows=[*after.rows, row("user-1")])
    assert any("['user-1']" in fault for fault in faults(twice))
    after.storm.run = replace(after.ended, counts={"completed": 4, "partial": 1, "failed": 1})
    assert any("6 users are counted instead of 3" in fault for fault in faults(after))
    after.storm.notices = [Notice("Backup skipped", "r"), Notice("Backup", "Run r: user-22 FAILED")]
    assert faults(after).count("the summary does not name the user") == 2


def test_errors_that_no_trouble_explains_are_faults() -> None:
    """Refused requests and killed processes are explained, up to as many as were killed."""
    known = ["worker: Worker process died", 'worker: {"code":"UNAVAILABLE"}']
    assert list(unexplained(known, killed=1)) == []
    assert list(unexplained(known, killed=0)) == ["1 processes died, 0 were killed"]
    assert list(unexplained(["worker: Traceback"], killed=1)) == ["worker: Traceback"]
