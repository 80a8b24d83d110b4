"""What cannot be used is refused before anything is sent: one line, exit status 2."""

import pytest

from cli.main import run

BACKUP = ["backup", "--repository", "my-backups", "--source", "my-source"]
RESTORE = ["restore", "--repository", "my-backups", "--source-name", "my-source"]
VERIFY = ["verify", "--repository", "my-backups"]
TO = ["--to-directory", "/nonexistent/never-made"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([*BACKUP, "--endpoint", "localhost:4566"], "--endpoint is 'localhost:4566', must be a URL"),
        ([*BACKUP, "--endpoint", "http://"], "--endpoint is 'http://', must be a URL"),
        ([*BACKUP, "--endpoint", "http://host:port"], "--endpoint is 'http://host:port', must be a URL"),
        ([*BACKUP, "--endpoint", "http://host/path"], "--endpoint is 'http://host/path', must be a URL"),
        ([*BACKUP, "--endpoint", "http://[::1"], "--endpoint is 'http://[::1', must be a URL"),
        ([*BACKUP, "--region", "Frankfurt"], "--region is 'Frankfurt', must be a region's name, e.g. eu-central-1"),
        ([*BACKUP, "--repository", "a"], "--repository is 'a', must be a bucket's name"),
        ([*BACKUP, "--repository", "a/b/c"], "--repository is 'a/b/c', must be a bucket's name"),
        ([*BACKUP, "--source", "s3:///x"], "--source is 's3:///x', must name a bucket"),
        ([*BACKUP, "--source", "my-backups"], "bucket my-backups cannot be source and repository at once"),
        ([*BACKUP, "--source", "s3://my-backups/x"], "bucket my-backups cannot be source and repository at once"),
        ([*BACKUP, "--user", "alice/2026"], "--user is 'alice/2026', must be a first-level folder"),
        ([*BACKUP, "--user", "alice/"], "e.g. --user alice"),
        ([*BACKUP, "--type", "weekly"], "--type"),
        ([*BACKUP, "--jobs", "0"], "--jobs"),
        ([*BACKUP, "--workers", "many"], "--workers"),
        ([*BACKUP, "--bogus"], "No such option: --bogus"),
        (["backup", "--source", "my-source"], "--repository"),
        (["back-up"], "No such command 'back-up'"),
        ([*RESTORE, *TO], "name either --user or --all-users"),
        ([*RESTORE, *TO, "--user", "alice", "--all-users"], "name either --user or --all-users"),
        ([*RESTORE, "--all-users"], "name either --to-bucket or --to-directory"),
        ([*RESTORE, "--all-users", *TO, "--to-bucket", "xyz"], "name either --to-bucket or --to-directory"),
        ([*RESTORE, "--all-users", *TO, "--to-prefix", "x/"], "--to-prefix has no effect without --to-bucket"),
        ([*RESTORE, "--all-users", "--to-bucket", "x"], "--to-bucket is 'x', must be a bucket's name"),
        ([*RESTORE, "--all-users", *TO, "--as-of", "yesterday"], "--as-of is 'yesterday', must be a time"),
        ([*RESTORE, "--all-users", *TO, "--as-of", "0001-01-01T00:00:00+14:00"], "must be a time"),
        ([*RESTORE, "--user", "alice", *TO, "--backup", "newest"], "--backup is 'newest', must be a backup's id"),
        (
            [*RESTORE, "--all-users", *TO, "--backup", "20261120T020000Z-1f3a9c20"],
            "--backup has no effect without a single --user",
        ),
        (
            [*RESTORE, "--user", "a", *TO, "--backup", "20261120T020000Z-1f3a9c20", "--as-of", "2026-11-20"],
            "name either --backup or --as-of",
        ),
        ([*RESTORE, "--all-users", *TO, "--conflict", "merge"], "--conflict"),
        ([*VERIFY, "--percent", "5"], "--percent has no effect without --depth sample"),
        ([*VERIFY, "--depth", "full", "--seed", "5"], "--seed has no effect without --depth sample"),
        ([*VERIFY, "--depth", "sample", "--percent", "101"], "--percent"),
        ([*VERIFY, "--user", "alice"], "--user has no effect without --source-name"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message names the option, its value and what would do; nothing else is printed."""
    assert run(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("strongroom: CONFIG_INVALID: ")
    assert words in printed.err
    assert printed.err.count("\n") == 1


def test_help_needs_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command the tool says what it can do."""
    assert run([]) == 0
    printed = capsys.readouterr().out
    assert all(command in printed for command in ("backup", "backups", "restore", "verify"))


def test_debug_shows_the_traceback_wherever_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    """The last line stays the message, and the status stays the same."""
    for arguments in ([*BACKUP, "--region", "x y", "--debug"], ["--debug", *BACKUP, "--region", "x y"]):
        assert run(arguments) == 2
        lines = capsys.readouterr().err.splitlines()
        assert lines[0].startswith("Traceback")
        assert lines[-1].startswith("strongroom: CONFIG_INVALID: --region is 'x y'")
