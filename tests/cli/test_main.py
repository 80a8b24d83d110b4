"""The one place that turns errors into messages and statuses."""

import inspect

import pytest

from cli import main, options, statuses
from cli.commands import verify
from cli.main import COMMANDS, build, run
from functions.engine import errors
from functions.engine.errors import ConfigurationError, StrongroomError

VERIFY = ["verify", "--repository", "my-backups"]
CLASSES = [
    member
    for _, member in inspect.getmembers(errors, inspect.isclass)
    if issubclass(member, StrongroomError) and member is not StrongroomError
]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command with a bug."""

    def fail(*_arguments: object) -> None:
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr(options, "open_toolbox", fail)
    monkeypatch.setattr(verify, "tune_process", lambda: None)


@pytest.mark.usefixtures("broken")
def test_a_bug_is_one_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    """It names the exception and how to learn more; no status of a foreseen error is used for it."""
    assert run(VERIFY) == statuses.BUG
    assert (
        capsys.readouterr().err == "strongroom: BUG: ZeroDivisionError: division by zero (a bug; run it with --debug)\n"
    )


@pytest.mark.usefixtures("broken")
def test_debug_shows_where_the_bug_is(capsys: pytest.CaptureFixture[str]) -> None:
    """With the traceback there is nothing more to learn, only to report."""
    assert run([*VERIFY, "--debug"]) == statuses.BUG
    printed = capsys.readouterr().err
    assert "in fail" in printed
    assert "please report" in printed.splitlines()[-1]


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_has_a_documented_status(
    error: type[StrongroomError], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The status is the error's own, and neither success nor a bug."""

    def fail(*_arguments: object) -> None:
        raise error("it broke")

    monkeypatch.setattr(options, "open_toolbox", fail)
    monkeypatch.setattr(verify, "tune_process", lambda: None)
    status = run(VERIFY)
    assert status == error.exit_status
    assert status in statuses.MEANINGS
    assert status not in {statuses.DONE, statuses.BUG, statuses.INTERRUPTED}
    assert capsys.readouterr().err == f"strongroom: {error('it broke')}\n"


def test_only_the_command_that_is_named_is_built() -> None:
    """The others' imports would cost every run; without a name, as in --help, all are there."""
    assert [item.name for item in build(["verify"]).registered_commands] == ["verify"]
    everything = build()
    found = {str(command.name) for command in everything.registered_commands}
    found |= {str(group.name) for group in everything.registered_groups}
    assert sorted(found) == sorted(COMMANDS)


@pytest.mark.parametrize("arguments", [["--help"], []])
def test_the_help_names_all_commands(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Though none of them runs."""
    assert run(arguments) == statuses.DONE
    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)


def test_a_command_that_does_not_exist_is_one_clear_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Even when the rest of the line names one that does."""
    for arguments in (["frobnicate"], ["frobnicate", "--user", "backup"]):
        assert run(arguments) == ConfigurationError.exit_status
        assert "frobnicate" in capsys.readouterr().err


def test_an_interrupt_while_the_command_is_loaded_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The imports take a moment; Ctrl-C may come in it."""

    def interrupted(_name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(main, "import_module", interrupted)
    assert run(VERIFY) == statuses.INTERRUPTED
    assert capsys.readouterr().err.startswith("strongroom: INTERRUPTED: ")


def test_every_documented_status_is_somebodys() -> None:
    """None is left over from an error that is gone."""
    assert set(statuses.MEANINGS) == {0, 1, 130, *(error.exit_status for error in CLASSES)}


def test_the_worst_of_several_statuses_is_the_highest() -> None:
    """Any failure beats success."""
    assert statuses.worst([]) == 0
    assert statuses.worst([9, 4]) == 9
