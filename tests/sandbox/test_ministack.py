"""The launcher of the embedded AWS."""

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

from sandbox.ministack import DEFAULT_PYTHON, PROJECT_ROOT, MiniStack, MiniStackError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


def test_it_serves_objects(s3: "S3Client", bucket: str) -> None:
    """What was put into a bucket comes back."""
    s3.put_object(Bucket=bucket, Key="a/b", Body=b"content")
    assert s3.get_object(Bucket=bucket, Key="a/b")["Body"].read() == b"content"


def test_it_serves_more_connections_than_its_user_begins_with(tmp_path: Path) -> None:
    """An ordinary user may open 1,024 files unless he asks for more; whoever came after them would wait for long."""
    confined = tmp_path / "python"
    confined.write_text(f'#!/bin/sh\nulimit -S -n 256\nexec {DEFAULT_PYTHON} "$@"\n')
    confined.chmod(0o700)
    stack = MiniStack(python=confined)
    stack.start()
    with ExitStack() as open_ones:
        open_ones.callback(stack.stop)
        for _ in range(400):
            open_ones.enter_context(socket.create_connection(("127.0.0.1", _port(stack)), timeout=5))
        config = Config(read_timeout=10, retries={"total_max_attempts": 1})
        assert boto3.client("s3", endpoint_url=stack.endpoint, config=config).list_buckets()["Buckets"] == []


def test_it_takes_nothing_from_what_its_user_may() -> None:
    """Who may open more files than it needs keeps that."""
    begins, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        with MiniStack() as stack:
            assert resource.prlimit(stack.pid, resource.RLIMIT_NOFILE) == (most, most)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (begins, most))


def test_two_run_side_by_side_and_stop_closes_the_port(ministack: MiniStack) -> None:
    """Each has a port and a state of its own, and the port is closed after the block."""
    with MiniStack() as second:
        assert second.endpoint != ministack.endpoint
        port = _port(second)
        assert boto3.client("s3", endpoint_url=second.endpoint).list_buckets()["Buckets"] == []
    assert not _is_open(port)
    with pytest.raises(MiniStackError, match="not running"):
        _ = second.endpoint


def test_an_exception_in_the_block_stops_it() -> None:
    """Nothing is left running when the block fails."""
    ports = []

    def fail() -> None:
        with MiniStack() as stack:
            ports.append(_port(stack))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert not _is_open(ports[0])


def test_stop_may_be_called_twice() -> None:
    """Stopping what does not run is no error."""
    stack = MiniStack()
    stack.start()
    stack.stop()
    stack.stop()


def test_a_second_start_is_refused(ministack: MiniStack) -> None:
    """A second start would lose the first process."""
    with pytest.raises(MiniStackError, match="already running"):
        ministack.start()


def test_auth_refuses_unknown_keys() -> None:
    """With `auth`, a key nobody created is refused."""
    with MiniStack(auth=True) as stack:
        client = boto3.client(
            "s3",
            endpoint_url=stack.endpoint,
            aws_access_key_id="AKIAAAAAAAAAAAAAAAAA",
            aws_secret_access_key="wrong",
        )
        with pytest.raises(client.exceptions.ClientError, match="InvalidAccessKeyId"):
            client.list_buckets()


def test_a_missing_environment_says_what_to_do(tmp_path: Path) -> None:
    """The message names the path and the command that helps."""
    with pytest.raises(MiniStackError, match=r"/nowhere is not an executable file; `make setup`"):
        MiniStack(python=tmp_path / "nowhere").start()


def test_a_failed_start_shows_the_end_of_the_log(tmp_path: Path) -> None:
    """An interpreter without MiniStack fails with the child's own words and leaves no files."""
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho first line\necho no module named ministack >&2\nexit 3\n")
    fake.chmod(0o755)
    stack = MiniStack(python=fake)
    with pytest.raises(MiniStackError, match=r"(?s)status 3 while starting.*\n  no module named ministack"):
        stack.start()
    assert stack.log == ""


def test_a_start_that_hangs_is_ended(tmp_path: Path) -> None:
    """A child that never answers is killed after the time allowed, with what it started."""
    fake = tmp_path / "python"
    fake.write_text(f"#!/bin/sh\ntrap '' TERM\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    fake.chmod(0o755)
    with pytest.raises(MiniStackError, match=r"did not answer within 0\.2 s"):
        MiniStack(python=fake, start_seconds=0.2, stop_seconds=0.2).start()
    assert not _exists(int((tmp_path / "pid").read_text()))


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    """Even a killed parent leaves no server and no files behind."""
    program = (
        "from sandbox.ministack import MiniStack\n"
        "stack = MiniStack()\n"
        "stack.start()\n"
        "print(stack.endpoint, flush=True)\n"
        "input()\n"
    )
    with subprocess.Popen(  # noqa: S603 -- this interpreter and the program above
        [sys.executable, "-c", program],
        cwd=PROJECT_ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        port = urlsplit(parent.stdout.readline().strip()).port or 0
        assert _is_open(port)
        parent.send_signal(signal.SIGKILL)
    _wait_until_closed(port)
    assert list(tmp_path.iterdir()) == []


def _port(stack: MiniStack) -> int:
    return urlsplit(stack.endpoint).port or 0


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wait_until_closed(port: int) -> None:
    deadline = time.monotonic() + 5
    while _is_open(port):
        assert time.monotonic() < deadline, f"port {port} is still open"
        time.sleep(0.02)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
