"""`python -m sandbox.demo`: the whole cycle in a process of its own, on a small folder."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox.demo_files import USERS, UnusableFolderError, growth, in_words, plan, plan_changes
from sandbox.ministack import PROJECT_ROOT

MEASURES = ["files", "bytes read", "new", "stored", "dedup", "compression", "S3 requests", "seconds", "MB/s"]
STRANGER = {
    "AWS_PROFILE": "somebody",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ACCESS_KEY_ID": "real",
    "AWS_REGION": "eu-central-1",
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with 45 files; one is read and restored in parts."""
    folder = tmp_path / "data"
    for number in range(44):
        path = folder / f"folder {number % 3}" / f"file {number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"line of file {number}\n" * number * 20)
    (folder / "large.bin").write_bytes(bytes(number % 251 for number in range(10_000)) * 1_000)
    return folder


def start(data: Path, tmp_path: Path, *options: str) -> subprocess.Popen[str]:
    """Start the demo with a temporary folder of its own."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return subprocess.Popen(  # noqa: S603 - this interpreter and the demo
        [sys.executable, "-m", "sandbox.demo", *options],
        cwd=PROJECT_ROOT,
        env={**os.environ, **STRANGER, "DATA": str(data), "TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def left_behind(tmp_path: Path) -> list[str]:
    """Say what is left in the temporary folder."""
    return [path.name for path in (tmp_path / "scratch").iterdir()]


def test_it_ends_well_and_prints_the_table(data: Path, tmp_path: Path) -> None:
    """Status 0, all measures of all steps, and nothing left; whose account the environment names does not matter."""
    with start(data, tmp_path) as running:
        out, err = running.communicate(timeout=120)
    assert (running.returncode, err) == (0, "")
    table = [re.split(r"  +", line) for line in out.splitlines() if line.count("  ") >= 2]
    steps = ["", "first backup", "second backup", "verify every byte", "restore to bucket", "restore to folder"]
    assert table[0] == steps
    assert [row[0] for row in table[1:]] == MEASURES
    backups_only = {"new", "stored", "dedup", "compression"}
    assert all(len(row) == (3 if row[0] in backups_only else 6) for row in table[1:])
    assert re.search(r"Equal: (\d+) objects in the bucket and \1 files in the folder, 20\.\d MB", out)
    assert "\r" not in out
    assert left_behind(tmp_path) == []


def test_one_wrong_bit_makes_it_fail(data: Path, tmp_path: Path) -> None:
    """The comparison sees it, names the file, and the status is not 0."""
    with start(data, tmp_path, "--flip-a-bit") as running:
        out, err = running.communicate(timeout=120)
    assert running.returncode == 1
    assert [line for line in out.splitlines() if "DIFFERENT" in line] == [
        "DIFFERENT: folder: 'user-01/large.bin': the bytes differ"
    ]
    assert err == "demo: 1 differences\n"
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [(signal.SIGINT, 130, "demo: interrupted; everything it started is gone\n"), (signal.SIGTERM, 143, "")],
)
def test_it_cleans_up_when_it_is_stopped(
    data: Path, tmp_path: Path, sent: signal.Signals, status: int, said: str
) -> None:
    """Ctrl-C, or an end from outside, leaves neither files nor a server."""
    with start(data, tmp_path) as running:
        assert running.stdout is not None
        assert "become" in running.stdout.readline()
        assert left_behind(tmp_path) != []
        server = _child(running.pid)
        running.send_signal(sent)
        err = _end(running, sent)
    assert running.returncode == status
    assert err == said
    assert left_behind(tmp_path) == []
    assert not Path(f"/proc/{server}").exists()


@pytest.mark.parametrize("place", ["nowhere", "empty"])
def test_a_folder_without_files_is_refused(tmp_path: Path, place: str) -> None:
    """The message names the folder and the remedy."""
    (tmp_path / "empty").mkdir()
    with start(tmp_path / place, tmp_path) as running:
        out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (2, "")
    assert err == f"demo: {tmp_path / place} holds no file that can be read; name another: make demo DATA=folder\n"


def test_a_folder_that_does_not_fit_into_memory_is_refused(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded AWS keeps objects in memory: a home folder must not take the machine down."""
    monkeypatch.setattr(os, "sysconf", lambda _name: 4096)
    with pytest.raises(UnusableFolderError, match=r"holds 20\.\d MB, .* name a folder of up to 3\.4 MB"):
        plan(data)


def test_files_are_dealt_out_to_all_users(data: Path) -> None:
    """Every user has some, every eighth file lies with two, and some carry more than bytes."""
    uploads = plan(data)
    keys = [item.key for item in uploads]
    assert len(set(keys)) == len(keys) == 45 + 6 + 6
    assert len({key.partition("/")[0] for key in keys}) == USERS
    for kind in ("headers", "metadata", "tags"):
        assert any(getattr(item, kind) for item in uploads)


def test_the_same_five_percent_change_each_time(data: Path) -> None:
    """Every kind of change happens, and the count of files afterwards is known."""
    uploads = plan(data)
    changes = plan_changes(uploads)
    assert changes == plan_changes(uploads)
    assert in_words(changes) == "1 edited, 1 appended, 1 added, 1 deleted, 1 properties only"
    assert growth(changes) == 0
    many = plan_changes(uploads * 20)
    assert len(many) == round(len(uploads) * 20 * 0.05)
    assert growth(many) == sum({"added": 1, "deleted": -1}.get(item.kind, 0) for item in many)


def test_names_that_are_no_keys_are_left_out(data: Path) -> None:
    """A file name that is not UTF-8 cannot be a key; caches and links are not anybody's files."""
    before = len(plan(data))
    (data / os.fsdecode(b"\xff.txt")).write_text("x")
    (data / "__pycache__").mkdir()
    (data / "__pycache__" / "x.pyc").write_text("x")
    (data / "link").symlink_to(data / "large.bin")
    assert len(plan(data)) == before


def _end(running: subprocess.Popen[str], sent: signal.Signals) -> str:
    """Wait for the end; send the signal once more if Python lost it in a destructor, as a person would."""
    try:
        return running.communicate(timeout=20)[1]
    except subprocess.TimeoutExpired:
        running.send_signal(sent)
        return running.communicate(timeout=20)[1]


def _child(pid: int) -> int:
    """Give the process id of the embedded AWS that `pid` has started."""
    deadline = time.monotonic() + 5
    while not (children := Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return int(children[0])
