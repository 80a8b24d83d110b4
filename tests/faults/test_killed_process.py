"""The operator's tool, killed with SIGKILL in the middle of its work: the next run makes everything good."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from random import Random
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from functions.adapters.local_directory import METADATA_FILE
from functions.adapters.local_names import RESERVED, key_of
from functions.engine.errors import AccessError
from sandbox.ministack import PROJECT_ROOT, MiniStack
from tests.adapters.scripted import Asked, Reply, refusal, until
from tests.faults.flaky_proxy import FlakyProxy
from tests.faults.office import fill, office
from tests.faults.scenario import Content

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client as Boto3S3

SECONDS = 30
SOURCE = "the office"


class Run(NamedTuple):
    """How a run of the tool ended: its exit status, its JSON document if it wrote one, and its messages."""

    status: int
    report: dict[str, Any]
    messages: str


class Tool:
    """Runs `python -m cli` against the proxy, with users enough for several processes, and kills it when told."""

    def __init__(self, proxy: FlakyProxy, source: str, store: str) -> None:
        """Back up `source` into `store`."""
        self._proxy = proxy
        self._source = source
        self._store = store

    def backup(self, kill_after: int | None = None, *, worker: bool = False) -> Run:
        """Back up everything. When so many requests have begun, the first process dies, or one of its workers."""
        arguments = ["backup", "--source", f"{self._source}/clients/", "--source-name", SOURCE, "--jobs", "2"]
        return self._run(arguments, kill_after, worker=worker)

    def restore(self, directory: Path, kill_after: int | None = None) -> Run:
        """Restore everybody's backup into a directory."""
        arguments = ["restore", "--source-name", SOURCE, "--all-users", "--yes", "--to-directory", str(directory)]
        return self._run(arguments, kill_after)

    def verify(self) -> Run:
        """Read every byte of every backup."""
        return self._run(["verify", "--source-name", SOURCE, "--depth", "full"])

    def _run(self, arguments: list[str], kill_after: int | None = None, *, worker: bool = False) -> Run:
        command = [sys.executable, "-m", "cli", *arguments, "--json"]
        command += ["--repository", self._store, "--endpoint", self._proxy.endpoint, "--workers", "2"]
        begun = len(self._proxy.asked)
        with TemporaryFile() as output, TemporaryFile() as errors:
            process = subprocess.Popen(  # noqa: S603 - this interpreter and this project's tool
                command, cwd=PROJECT_ROOT, env=os.environ, stdout=output, stderr=errors, start_new_session=True
            )

            def watch(asked: Asked) -> None:
                if kill_after is not None and asked.number >= begun + kill_after:
                    kill(process, worker=worker)

            self._proxy.watch = watch
            try:
                status = process.wait(SECONDS)
                until(lambda: not group_of(process))
            finally:
                end_group(process)
                self._proxy.watch = lambda _asked: None
            output.seek(0)
            errors.seek(0)
            return Run(status, json.loads(output.read() or b"{}"), errors.read().decode())


def group_of(process: subprocess.Popen[bytes]) -> list[int]:
    """Give the processes that the tool consists of and that still run; the first one comes first."""
    command = ["ps", "-A", "-o", "pid=,pgid=,stat="]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - the system's ps
    rows = [line.split() for line in listed.stdout.splitlines()]
    found = [int(pid) for pid, group, state in rows if int(group) == process.pid and not state.startswith("Z")]
    return sorted(found, key=lambda pid: pid != process.pid)


def kill(process: subprocess.Popen[bytes], *, worker: bool) -> None:
    """Kill the first process, or the last of its workers if it has any."""
    found = group_of(process) if worker else [process.pid]
    with suppress(ProcessLookupError):
        os.kill(found[-1] if found else process.pid, signal.SIGKILL)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing behind, whatever the test found."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(SECONDS)


def visible(root: Path) -> dict[str, bytes]:
    """Give what a person sees in a directory, by key below the source's prefix."""
    files = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    return {
        f"clients/{key_of(name)}": path.read_bytes() for name, path in files.items() if not name.startswith(RESERVED)
    }


def changed(content: Content, seed: int) -> Content:
    """Change a third of the files, as a day's work does."""
    random = Random(seed)
    return {
        key: (random.randbytes(5_000), properties) if random.random() < 1 / 3 else (data, properties)
        for key, (data, properties) in content.items()
    }


def bytes_of(content: Content) -> dict[str, bytes]:
    """Leave the properties out."""
    return {key: data for key, (data, _properties) in content.items()}


def check(tool: Tool, root: Path, content: Content) -> None:
    """Prove that a run completes, that every byte of the repository is good, and that it restores exactly."""
    done = tool.backup()
    assert done.status == 0, done.messages
    verified = tool.verify()
    assert (verified.status, verified.report["damages"]) == (0, []), verified.messages
    restored = tool.restore(root)
    assert restored.status == 0, restored.messages
    assert visible(root) == bytes_of(content)


@pytest.mark.parametrize("worker", [False, True], ids=["the first process", "a worker process"])
def test_a_backup_that_is_killed_is_made_good_by_the_next(
    ministack: MiniStack, s3: Boto3S3, buckets: tuple[str, str, str], tmp_path: Path, *, worker: bool
) -> None:
    """Killed at random requests, again and again: what was committed stays good, and no process is left behind."""
    random = Random(worker)
    older = office(users=10, files=4, seed=3)
    newer = changed(older, seed=3)
    source, store, _target = buckets
    fill(s3, source, older)
    with FlakyProxy(ministack.endpoint) as proxy:
        tool = Tool(proxy, source, store)
        assert tool.backup().status == 0
        fill(s3, source, newer)
        for moment in (1, *random.sample(range(20, 80), 1 + (not worker))):
            killed = tool.backup(moment, worker=worker)
            assert killed.status != 0
        verified = tool.verify()
        assert (verified.status, verified.report["damages"]) == (0, []), verified.messages
        check(tool, tmp_path, newer)


def test_a_worker_whose_pack_is_refused_leaves_nobody_waiting(
    ministack: MiniStack, s3: Boto3S3, buckets: tuple[str, str, str], tmp_path: Path
) -> None:
    """Users share chunks, and so packs: when a pack cannot be written the run ends with the error, and soon."""
    content = office(users=10, files=4, seed=5)
    source, store, _target = buckets
    fill(s3, source, content)
    refused: set[str] = set()

    def instead(asked: Asked) -> Reply | None:
        if asked.method == "PUT" and "/packs/" in asked.target and not refused:
            refused.add(asked.target)
        return refusal(403, "AccessDenied") if asked.target in refused else None

    with FlakyProxy(ministack.endpoint) as proxy:
        tool = Tool(proxy, source, store)
        proxy.instead = instead
        failed = tool.backup()
        assert refused
        assert failed.status == AccessError.exit_status, failed.messages
        proxy.instead = lambda _asked: None
        check(tool, tmp_path, content)


def test_a_restore_that_is_killed_is_made_good_by_the_next(
    ministack: MiniStack, s3: Boto3S3, buckets: tuple[str, str, str], tmp_path: Path
) -> None:
    """What is visible after the kill is whole; the next run brings the rest, and the metadata of all."""
    content = office(users=10, files=4, seed=4)
    source, store, _target = buckets
    fill(s3, source, content)
    with FlakyProxy(ministack.endpoint) as proxy:
        tool = Tool(proxy, source, store)
        assert tool.backup().status == 0
        before = len(proxy.asked)
        assert tool.restore(tmp_path / "undisturbed").status == 0
        requests = len(proxy.asked) - before
        for moment in (requests // 2, requests - 5):
            root = tmp_path / str(moment)
            assert tool.restore(root, moment).status == -signal.SIGKILL
            assert visible(root).items() <= bytes_of(content).items()
            assert tool.restore(root).status == 0
            assert visible(root) == visible(tmp_path / "undisturbed") == bytes_of(content)
            assert noted(root) == content.keys()


def noted(root: Path) -> set[str]:
    """Name the keys whose metadata a restore has written down."""
    lines = (root / METADATA_FILE).read_text(encoding="utf-8").splitlines()
    return {json.loads(line)["key"] for line in lines}
