"""Circumstances in which nothing can go well: one clear line with what to do, soon."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from cli.main import run
from sandbox.ministack import MiniStack
from tests.cli.kit import World

ACCOUNT = "000000000000"
ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function"
PATIENCE = 25.0
"""Seconds: connecting takes five, and is tried three times."""


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    """What a stack says of itself, of which nothing is there."""
    document = {
        "Stack": "strongroom-gone",
        "AccountId": ACCOUNT,
        "Region": "us-east-1",
        "BackupBucketName": "gone-primary",
        "Tables": {"runs": "gone-runs", "users": "gone-users"},
        "Functions": {"initiator": f"{ARN}:gone-initiator:live", "verifier": f"{ARN}:gone-verifier:live"},
    }
    path = tmp_path / "outputs.json"
    path.write_text(json.dumps(document))
    return path


class Expiring(BaseHTTPRequestHandler):
    """An AWS that takes no token any more: S3 says so in XML, the others in JSON or XML of their own."""

    def refuse(self) -> None:
        """Refuse everything, as the service that was asked does."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        code, text = "ExpiredToken", "The security token included in the request is expired"
        scope = self.headers.get("Authorization", "")
        if "/s3/" in scope or "/sts/" in scope:
            inner = f"<Code>{code}</Code><Message>{text}</Message>"
            body = (
                f"<Error>{inner}</Error>"
                if "/s3/" in scope
                else f"<ErrorResponse><Error>{inner}</Error></ErrorResponse>"
            )
        else:
            body = json.dumps({"__type": f"{code}Exception", "message": text})
        data = body.encode()
        self.send_response(400 if "/s3/" in scope else 403)
        self.send_header("x-amzn-ErrorType", f"{code}Exception")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = refuse  # noqa: N815 - the names that http.server looks for

    def log_message(self, *_arguments: object) -> None:
        """Keep quiet."""


@pytest.fixture(scope="module")
def expiring() -> Iterator[str]:
    """The endpoint of an AWS for which the token has expired."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Expiring)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def commands(outputs: Path) -> list[list[str]]:
    """Give a command of each kind: on the bucket, on tables, on functions, on everything."""
    stack = ["--outputs", str(outputs)]
    return [
        ["backups", "--repository", "gone-primary", "--source-name", "reports"],
        ["status", *stack],
        ["run", *stack],
        ["drill", *stack, "--user", "alice"],
        ["doctor", *stack],
    ]


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """Give the one line that was printed, with its remedy."""
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    [line] = printed.err.splitlines()
    assert line.startswith("strongroom: ")
    assert line.endswith(")")
    assert "()" not in line
    return line


@pytest.mark.parametrize("number", range(5))
def test_no_network_is_told_soon(
    number: int, outputs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status 5, with the address, and not after minutes."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    begun = time.monotonic()
    assert run(commands(outputs)[number]) == 5
    assert time.monotonic() - begun < PATIENCE
    line = told(capsys)
    assert "STORE_UNAVAILABLE" in line
    assert endpoint.removeprefix("http://") in line


@pytest.mark.parametrize("number", range(5))
def test_an_expired_token_says_to_renew_it(
    number: int, outputs: Path, expiring: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status 4."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", expiring)
    assert run(commands(outputs)[number]) == 4
    line = told(capsys)
    assert "CREDENTIALS_INVALID" in line
    assert "(renew the credentials)" in line


@pytest.mark.parametrize("number", range(5))
def test_no_credentials_at_all_say_so(
    number: int, outputs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status 4; nothing is sent."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert run(commands(outputs)[number]) == 4
    assert "CREDENTIALS_INVALID" in told(capsys)


@pytest.mark.parametrize("number", [2, 3, 4])
def test_credentials_of_another_account_name_both(
    number: int,
    outputs: Path,
    ministack: MiniStack,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of the embedded AWS, an access key of twelve digits is an account."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", ministack.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "111122223333")
    assert run(commands(outputs)[number]) == 4
    line = told(capsys)
    assert "WRONG_ACCOUNT" in line
    assert "111122223333" in line
    assert ACCOUNT in line


@pytest.mark.parametrize("command", ["run", "drill"])
def test_a_stack_that_is_gone_names_what_is_missing(
    command: str,
    outputs: Path,
    ministack: MiniStack,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Status 3."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", ministack.endpoint)
    user = ["--user", "alice", "--wait"] if command == "drill" else []
    assert run([command, "--outputs", str(outputs), *user]) == 3
    assert "gone-" in told(capsys)


@pytest.mark.parametrize("backup", ["20261120T020000Z-00000000", "19700101T000000Z-ffffffff"])
def test_an_unknown_backup_says_how_to_find_those_that_exist(
    kept: World, backup: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Status 3, and nothing is written."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", kept.tool.endpoint)
    where = ["--repository", kept.repository, "--source-name", kept.source, "--user", "alice"]
    assert run(["restore", *where, "--backup", backup, "--to-directory", str(tmp_path / "to")]) == 3
    line = told(capsys)
    assert "BACKUP_NOT_FOUND" in line
    assert backup in line
    assert not (tmp_path / "to").exists()
