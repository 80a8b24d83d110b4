"""What functions are asked and answer becomes a table, a document and a status that says how it ended."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cli import asking
from cli.commands import run as run_command
from cli.following import Followed, follow
from cli.main import run
from components.schedules import TARGETS
from functions.adapters.answered_invocation import AnsweredInvocation
from functions.adapters.memory_ledger import MemoryLedger
from functions.contract.states import RunState
from functions.engine.errors import (
    ConfigurationError,
    FunctionFailedError,
    StrongroomError,
    UnavailableError,
)
from functions.engine.orchestration.ports import Planned, Work

NOW = datetime(2026, 11, 20, 2, tzinfo=UTC)
RUN = "20261120T020000Z-1f3a9c20"
OUTPUTS = {
    "BackupBucketName": "my-backups",
    "Region": "us-east-1",
    "Stack": "strongroom-x",
    "Tables": {"runs": "strongroom-x-runs"},
    "Functions": {"initiator": "f-initiator", "verifier": "f-verifier", "remediator": "f-remediator"},
}


@pytest.fixture
def outputs(tmp_path: Path) -> str:
    """The file of a stack's outputs."""
    path = tmp_path / "outputs.json"
    path.write_text(json.dumps(OUTPUTS))
    return str(path)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What functions are asked; `answer` says what they answer."""
    events: list[Any] = []
    monkeypatch.setattr(asking, "hand_over", lambda _tools, function, event: events.append((function, event)))
    return events


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch, asked: list[Any]) -> Callable[[Any], None]:
    """Let functions answer something."""

    def let(document: Any) -> None:  # noqa: ANN401 - of any form
        def call(_tools: object, function: str, event: Mapping[str, Any]) -> Any:  # noqa: ANN401 - as above
            asked.append((function, event))
            return document

        monkeypatch.setattr(asking, "answer_of", call)

    return let


@pytest.mark.parametrize(
    ("options", "event"),
    [
        ([], {"backup_type": "MANUAL"}),
        (["--full"], {"backup_type": "FULL"}),
        (["--source-name", "reports"], {"backup_type": "MANUAL", "source": "reports"}),
        (
            ["--source-name", "reports", "--user", "b", "--user", "a", "--user", "b"],
            {"backup_type": "MANUAL", "source": "reports", "users": ["b", "a"]},
        ),
    ],
)
def test_the_event_is_the_documented_one(
    options: list[str], event: dict[str, Any], outputs: str, answer: Callable[[Any], None], asked: list[Any]
) -> None:
    """As the runbooks have it."""
    answer({"reports": {"state": "RUNNING", "run_id": RUN, "users": 2}})
    assert run(["run", "--outputs", outputs, *options]) == 0
    assert asked == [("f-initiator", event)]


@pytest.mark.parametrize(
    ("found", "status", "words"),
    [
        ({"state": "RUNNING", "run_id": RUN, "users": 3}, 0, ""),
        ({"state": "HANDED_ON", "run_id": RUN}, 0, ""),
        ({"state": "SKIPPED", "active": RUN}, 8, f"RUN_ACTIVE: source reports has a run already: {RUN}"),
        ({"state": "ENDED", "run_id": RUN}, 0, ""),
    ],
)
def test_a_start_says_whether_there_is_a_run(
    found: dict[str, Any],
    status: int,
    words: str,
    outputs: str,
    answer: Callable[[Any], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Another one that holds the source is not ours."""
    answer({"reports": found})
    assert run(["run", "--outputs", outputs, "--json"]) == status
    printed = capsys.readouterr()
    assert json.loads(printed.out)["runs"][0]["run"] == RUN
    assert words in printed.err


def followed(**changes: Any) -> Followed:  # noqa: ANN401 - what a Followed has
    """Give a run that has ended."""
    return Followed(**{"source": "reports", "state": RunState.COMPLETED.value, "run": RUN, "users": 2, **changes})


@pytest.mark.parametrize(
    ("ended", "status", "words"),
    [
        (followed(), 0, ""),
        (followed(state="PARTIAL", outcomes=[("bob", "FAILED: no right")]), 9, "reports: bob: FAILED: no right"),
        (followed(unknown=["typo"]), 9, "reports: typo: owns nothing there, and has no backup"),
        (followed(users=0, unknown=["typo"]), 3, "NOT_FOUND: user 'typo' owns nothing in source reports"),
        (followed(state="FAILED"), 10, "RUN_FAILED: run"),
        (followed(state="EXPIRED"), 10, "was taken over by another"),
    ],
)
def test_the_status_says_how_a_run_ended(
    ended: Followed,
    status: int,
    words: str,
    outputs: str,
    answer: Callable[[Any], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And stderr says whose backup is missing, and why."""
    answer({"reports": {"state": "RUNNING", "run_id": RUN}})
    monkeypatch.setattr(run_command, "follow", lambda *_arguments: ended)
    assert run(["run", "--outputs", outputs, "--wait"]) == status
    assert words in capsys.readouterr().err


def test_a_run_is_followed_until_it_is_closed() -> None:
    """Whoever was named and is nobody is told apart from whose backup failed."""
    ledger = MemoryLedger()
    ledger.open(Work(RUN, RunState.DISPATCHING.value, NOW, {}), NOW)
    ledger.plan(RUN, [Planned("al", {}), Planned("bob", {})], NOW)
    ledger.seal(RUN)
    steps: list[Callable[[], object]] = [
        lambda: ledger.change(RUN, [RunState.DISPATCHING], RunState.RUNNING),
        lambda: ledger.finish(RUN, "al", "COMPLETED", {"read": 7}),
        lambda: ledger.finish(RUN, "bob", "FAILED: no right", {"failed": 1}),
        lambda: ledger.change(RUN, [RunState.RUNNING], RunState.PARTIAL),
    ]

    def step(_seconds: float) -> None:
        steps.pop(0)()

    found = follow(ledger, "reports", {"state": "RUNNING", "run_id": RUN}, ["al", "bob", "typo"], sleep=step)
    assert (found.state, found.users, found.done, found.counts["read"]) == ("PARTIAL", 2, 2, 7)
    assert found.troubles == [("bob", "FAILED: no right"), ("typo", "owns nothing there, and has no backup")]
    assert steps == []


PROVEN = {"source": "reports", "user": "al", "state": "PROVEN", "backup": RUN, "files": 2, "bytes": 9}
FAILED = {**PROVEN, "user": "bob", "state": "FAILED", "error": "CHUNK_CORRUPT: x"}
UNKNOWN = {"source": None, "user": "typo", "state": "UNKNOWN"}
LEFT = {"source": "reports", "user": "zoe", "state": "NOT_REACHED"}


@pytest.mark.parametrize(
    ("drills", "status", "words"),
    [
        ([PROVEN], 0, ""),
        ([PROVEN, FAILED, UNKNOWN, LEFT], 10, "DRILL_FAILED: 1 of 4 users were not proven: 'bob'"),
        ([PROVEN, FAILED], 10, "bob: CHUNK_CORRUPT: x"),
        ([PROVEN, UNKNOWN], 3, "BACKUP_NOT_FOUND: user 'typo' has no backup"),
        ([PROVEN, LEFT], 9, "zoe: the time of the function ended"),
    ],
)
def test_a_drill_says_of_each_user_how_it_ended(
    drills: list[dict[str, Any]],
    status: int,
    words: str,
    outputs: str,
    answer: Callable[[Any], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The worst decides the status."""
    answer({"drills": drills})
    command = ["drill", "--outputs", outputs, "--user", "al", "--wait"]
    assert run(command) == status
    printed = capsys.readouterr()
    assert all(drill["state"] in printed.out for drill in drills)
    assert words in printed.err
    assert run([*command, "--json"]) == status
    assert json.loads(capsys.readouterr().out)["drills"] == drills


def test_a_drill_need_not_be_waited_for(outputs: str, asked: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    """It is asked for, and that is all."""
    assert run(["drill", "--outputs", outputs, "--user", "al", "--source-name", "reports"]) == 0
    assert asked == [("f-verifier", {"verify": "drill", "users": ["al"], "source": "reports"})]
    assert "asked for" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["drill", "sample", "structure"])
def test_a_round_is_what_the_schedule_of_that_name_starts(
    kind: str, outputs: str, asked: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Of all users: nobody is named."""
    assert run(["round", kind, "--outputs", outputs, "--json"]) == 0
    assert asked == [("f-verifier", TARGETS[kind].event)]
    assert json.loads(capsys.readouterr().out) == {"function": "f-verifier", "round": kind}
    assert run(["round", kind, "--outputs", outputs]) == 0
    assert kind in capsys.readouterr().out


@pytest.mark.parametrize("words", [["everything"], []])
def test_a_round_of_nothing_that_there_is_starts_nothing(words: list[str], outputs: str, asked: list[Any]) -> None:
    """Which must be said: none goes without saying."""
    assert run(["round", *words, "--outputs", outputs]) == 2
    assert asked == []


@pytest.mark.parametrize(("state", "words"), [("RESUMED", ""), ("NOT_PAUSED", "reports was not paused")])
def test_a_schedule_starts_runs_again_and_once_is_enough(
    state: str,
    words: str,
    outputs: str,
    answer: Callable[[Any], None],
    asked: list[Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whoever did not see the answer may ask again."""
    answer({"state": state})
    command = ["resume", "--outputs", outputs, "--source-name", "reports"]
    assert run(command) == 0
    assert asked == [("f-remediator", {"resume": "reports"})]
    printed = capsys.readouterr()
    assert state in printed.out
    assert words in printed.err
    assert run([*command, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == {"function": "f-remediator", "source": "reports", "state": state}


def test_a_pause_of_no_source_or_of_no_stack_is_not_ended(outputs: str, asked: list[Any]) -> None:
    """It must be said which."""
    assert run(["resume", "--outputs", outputs]) == 2
    assert run(["resume", "--source-name", "reports"]) == 2
    assert asked == []


class Lambda:
    """Answers one call."""

    def __init__(self, payload: bytes, error: str | None = None) -> None:
        """With this payload."""
        self._answer = {"Payload": io.BytesIO(payload), **({"FunctionError": error} if error else {})}

    def invoke(self, **_asked: object) -> dict[str, Any]:
        """Give it."""
        return self._answer


@pytest.mark.parametrize(
    ("payload", "kind", "text"),
    [
        (
            b'{"errorType": "ConfigurationError", "errorMessage": "CONFIG_INVALID: no (do this)"}',
            ConfigurationError,
            None,
        ),
        (b'{"errorType": "Unavailable", "errorMessage": "STORE_UNAVAILABLE: off (again)"}', UnavailableError, None),
        (b'{"errorType": "KeyError", "errorMessage": "\'x\'"}', FunctionFailedError, "function f: KeyError: 'x'"),
        (b'{"errorMessage": "Task timed out after 900.00 seconds"}', FunctionFailedError, "Task timed out"),
        (b"<html>", FunctionFailedError, "answered no JSON"),
        (b"[1]", FunctionFailedError, "[1]"),
    ],
)
def test_an_error_of_a_function_stays_what_it_was(
    payload: bytes, kind: type[StrongroomError], text: str | None
) -> None:
    """With its code and its remedy; anything else is a function that failed."""
    client: Any = Lambda(payload, "Unhandled")
    with pytest.raises(kind) as caught:
        AnsweredInvocation(lambda: client, "arn:aws:lambda:us-east-1:1:function:f:live")({})
    assert (text or "function f: ") in str(caught.value)


def test_what_a_function_answers_is_given() -> None:
    """As JSON."""
    client: Any = Lambda(b'{"a": [1]}')
    assert AnsweredInvocation(lambda: client, "f")({}) == {"a": [1]}
