"""Ctrl-C ends a command soon, with status 130, one line, and nothing half-written."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox.ministack import MiniStack
from tests.cli.kit import FILES, Tool, World, list_keys, restored_files
from tests.cli.slow_proxy import SlowProxy, slow_proxy

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

SECONDS = 10


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    """Whoever runs the tests in the background of a script has interrupts ignored, and so has all that it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def proxy(ministack: MiniStack) -> Iterator[SlowProxy]:
    """A proxy in front of the embedded AWS."""
    with slow_proxy(ministack.endpoint) as running:
        yield running


def interrupt(proxy: SlowProxy, held: str, *arguments: object) -> None:
    """Start the tool, let it wait for an answer to `held`, press Ctrl-C, and check how it ends."""
    proxy.held = held
    with Tool(proxy.endpoint).start(*arguments) as running:
        try:
            assert proxy.waits.wait(SECONDS), "the request to hold never came"
            running.send_signal(signal.SIGINT)
            out, err = running.communicate(timeout=SECONDS)
        finally:
            if running.poll() is None:
                running.kill()
    assert running.returncode == 130
    assert err == "strongroom: INTERRUPTED: stopped on request (nothing is half-written; run it again)\n"
    assert out == ""


@pytest.mark.parametrize("held", ["GET /{source}/carol", "PUT /{repository}/packs/", "PUT /{repository}/snapshots/"])
def test_a_backup_leaves_no_record_of_what_is_not_there(world: World, proxy: SlowProxy, held: str) -> None:
    """Every backup that exists afterwards is whole, and the next run makes the others."""
    names = {"source": world.source, "repository": world.repository}
    where = ("--repository", world.repository, "--source", world.source)
    interrupt(proxy, held.format(**names), "backup", *where)
    assert all("carol" not in key for key in world.commits())
    assert world.back_up().status == 0
    assert world.verify("--depth", "full").status == 0


def test_a_restore_leaves_whole_files_and_no_scratch(kept: World, proxy: SlowProxy, tmp_path: Path) -> None:
    """What is there is right, and the restore that follows brings the rest."""
    where = ("--repository", kept.repository, "--source-name", kept.source, "--all-users", "--to-directory", tmp_path)
    interrupt(proxy, f"GET /{kept.repository}/packs/", "restore", *where)
    assert not [path for path in tmp_path.rglob("*") if "scratch" in path.name]
    assert restored_files(tmp_path).items() <= FILES.items()
    assert kept.restore("--all-users", "--to-directory", tmp_path).status == 0
    assert restored_files(tmp_path) == FILES


def test_a_restore_to_a_bucket_leaves_whole_objects(
    kept: World, proxy: SlowProxy, make_bucket: Callable[..., str], s3: "S3Client"
) -> None:
    """A write that nobody answered is not made visible later."""
    target = make_bucket()
    where = ("--repository", kept.repository, "--source-name", kept.source, "--all-users", "--to-bucket", target)
    interrupt(proxy, f"PUT /{target}/", "restore", *where)
    for key in list_keys(s3, target):
        assert s3.get_object(Bucket=target, Key=key)["Body"].read() == FILES[key]


def test_a_verification_stops(kept: World, proxy: SlowProxy) -> None:
    """It has nothing to leave behind."""
    where = ("--repository", kept.repository, "--source-name", kept.source, "--depth", "full")
    interrupt(proxy, f"GET /{kept.repository}/packs/", "verify", *where)


@pytest.fixture
def crowd(world: World) -> World:
    """A source with so many users that a run takes several processes, and one backup of each."""
    for number in range(12):
        world.s3.put_object(Bucket=world.source, Key=f"user-{number:02}/file.bin", Body=bytes([number]) * 100_000)
    assert world.back_up("--workers", 2).status == 0
    return world


def test_a_run_of_several_processes_ends_with_all_of_them(crowd: World, proxy: SlowProxy) -> None:
    """None goes on alone, and what they had committed is whole."""
    where = ("--repository", crowd.repository, "--source", crowd.source, "--workers", 2)
    before = crowd.commits()
    interrupt(proxy, f"GET /{crowd.source}/user-05", "backup", *where, "--type", "full")
    assert processes_about(crowd.repository) == []
    assert not [key for key in crowd.commits() if key not in before and "/user-05/" in key]
    assert crowd.verify("--depth", "full").status == 0


def test_a_restore_of_several_processes_leaves_no_scratch(crowd: World, proxy: SlowProxy, tmp_path: Path) -> None:
    """Each process has a scratch folder of its own."""
    where = ("--repository", crowd.repository, "--source-name", crowd.source, "--all-users", "--workers", 2)
    interrupt(proxy, f"GET /{crowd.repository}/packs/", "restore", *where, "--to-directory", tmp_path)
    assert processes_about(crowd.repository) == []
    assert [path.name for path in tmp_path.glob(".strongroom-*") if "metadata" not in path.name] == []


def processes_about(word: str) -> list[str]:
    """Give the command lines of the processes that run and name `word`."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended since it was listed
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in lines if word in line]


def test_who_had_interrupts_ignored_is_not_interrupted(world: World, proxy: SlowProxy) -> None:
    """As `nohup` and background jobs of a script expect."""
    proxy.held = "GET /"
    where = ("backup", "--repository", world.repository, "--source", world.source)
    ignoring = ("/bin/sh", "-c", "trap '' INT; exec \"$@\"", "sh")
    with Tool(proxy.endpoint).start(*where, before=ignoring) as running:
        try:
            assert proxy.waits.wait(SECONDS)
            running.send_signal(signal.SIGINT)
            with pytest.raises(subprocess.TimeoutExpired):
                running.wait(timeout=0.5)
            proxy.release.set()
            running.communicate(timeout=SECONDS)
        finally:
            if running.poll() is None:
                running.kill()
    assert running.returncode == 0
