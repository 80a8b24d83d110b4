"""`docs/restore_without_us.py` restores what the engine stored, with nothing of ours at hand."""

from __future__ import annotations

import ast
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from functions.engine.backup import Ports
from functions.engine.repository import Repository
from functions.runtime.local_run import RunRequest, back_up
from functions.runtime.toolbox import Connection, Toolbox, now, random_hex
from sandbox.ministack import MiniStack

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "restore_without_us.py"
RANDOM = random.Random(7)
FILES = {
    "alice/plan.txt": b"the plan\n" * 50,
    "alice/empty": b"",
    "alice/raw.bin": RANDOM.randbytes(300_000),
    "alice/large.bin": RANDOM.randbytes(2_500_000) * 4,
    "alice/zeros.bin": bytes(3_000_000),
    "alice/folder/": b"",
    "alice/two//slashes": b"a folder without a name",
    "alice/../up": b"two dots",
    "alice/./here": b"one dot",
    "alice/notes": b"a file",
    "alice/notes/today": b"a file below a file",
    "alice/100 %/\u00fcber\u2116\u20ac+&=?#.txt": b"signs",
    "alice/line\nbreak": b"a line break",
    "alice/" + "n" * 300: b"a long name",
    "alice/" + "n" * 60: b"the beginning of the long name",
    "alice/" + "n" * 60 + "/" + "n" * 240: b"a folder named as the beginning of the long name",
}


@dataclass(frozen=True)
class Vault:
    """A repository with backups of one source, and the program in a folder of its own."""

    s3: S3Client
    endpoint: str
    source: str
    bucket: str
    folder: Path

    def run(self, user: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Run the program, isolated, where it cannot find the project."""
        program = shutil.copy(SCRIPT, self.folder)
        where = [self.bucket, self.source, user, str(self.folder / "restored"), "--endpoint", self.endpoint]
        return subprocess.run(  # noqa: S603 - this interpreter and the program
            [sys.executable, "-I", program, *where, *options],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def restored(self) -> dict[str, bytes]:
        """Read what was restored: keys and bytes."""
        root = self.folder / "restored"
        there = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
        lines = self.notes()
        assert {line["path"] for line in lines} == there - {"%restored.jsonl"}
        return {line["key"]: (root / line["path"]).read_bytes() for line in lines}

    def notes(self) -> list[dict[str, Any]]:
        """Read what the program noted beside the files."""
        text = (self.folder / "restored" / "%restored.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def rewrite(self, key: str, change: Callable[[bytes], bytes]) -> None:
        """Change an object of the repository."""
        data = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=change(data))

    def copy(self, bucket: str) -> Vault:
        """Copy the repository, to damage it."""
        for key in self.objects():
            self.s3.copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": self.bucket, "Key": key})
        return Vault(self.s3, self.endpoint, self.source, bucket, self.folder)

    def objects(self) -> list[str]:
        """List the repository."""
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket=self.bucket)["Contents"]]


@pytest.fixture(scope="module")
def stored(s3: S3Client, ministack: MiniStack, make_bucket: Callable[..., str]) -> tuple[str, str, list[str]]:
    """Source, repository and backup ids of alice: all files, then one changed and one added."""
    source, repository = make_bucket(versioned=True), make_bucket()
    for key, data in FILES.items():
        s3.put_object(Bucket=source, Key=key, Body=data)
    carried: dict[str, Any] = {"ContentType": "text/plain", "Metadata": {"by": "alice"}, "Tagging": "class=secret"}
    s3.put_object(Bucket=source, Key="top.txt", Body=b"in no folder", **carried)
    with Toolbox(Connection(endpoint=ministack.endpoint), os.environ) as tools:
        store = tools.store(repository)
        for change in (b"the plan\n" * 50, b"another plan"):
            s3.put_object(Bucket=source, Key="alice/plan.txt", Body=change)
            ports = Ports(tools.source(source), store, tools.index(store, None), now, random_hex)
            assert not [outcome for outcome in back_up(ports, RunRequest(source), workers=2).outcomes if outcome.error]
        ids = [name.backup_id for name in Repository(store).backups(source, "alice")]
    return source, repository, ids


@pytest.fixture
def vault(s3: S3Client, ministack: MiniStack, stored: tuple[str, str, list[str]], tmp_path: Path) -> Vault:
    """The repository; nobody changes it."""
    return Vault(s3, ministack.endpoint, stored[0], stored[1], tmp_path)


@pytest.fixture
def damaged(vault: Vault, make_bucket: Callable[..., str]) -> Vault:
    """A copy of the repository, to damage."""
    return vault.copy(make_bucket())


def imports(tree: ast.Module) -> Iterator[str]:
    """Give the top-level packages that a program imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


def test_it_is_short_and_needs_two_packages() -> None:
    """Everything else is in Python."""
    text = SCRIPT.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 200
    needed = set(imports(ast.parse(text))) - set(sys.stdlib_module_names)
    assert needed == {"boto3", "botocore", "zstandard"}


def test_it_restores_the_newest_backup_byte_for_byte(vault: Vault, stored: tuple[str, str, list[str]]) -> None:
    """Whatever the keys look like."""
    done = vault.run("alice")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"backup {stored[2][-1]}: {len(FILES)} files restored, 0 NOT restored\n"
    assert vault.restored() == FILES | {"alice/plan.txt": b"another plan"}


def test_it_restores_an_older_backup(vault: Vault, stored: tuple[str, str, list[str]]) -> None:
    """By its id."""
    assert vault.run("alice", "--backup", stored[2][0]).returncode == 0
    assert vault.restored() == FILES


def test_it_notes_what_a_file_system_cannot_hold(vault: Vault) -> None:
    """Headers, user metadata and tags; the time is the file's own."""
    assert vault.run("").returncode == 0
    [note] = vault.notes()
    assert note["system"]["content-type"] == "text/plain"
    assert (note["key"], note["user"], note["tags"]) == ("top.txt", {"by": "alice"}, {"class": "secret"})
    modified = vault.s3.head_object(Bucket=vault.source, Key="top.txt")["LastModified"].timestamp()
    assert abs((vault.folder / "restored" / "top.txt").stat().st_mtime - modified) < 1


def test_a_damaged_pack_costs_the_files_in_it_only(damaged: Vault) -> None:
    """They are named, nothing of them is left, and the status says so."""
    for key in damaged.objects():
        if key.startswith("packs/"):
            damaged.rewrite(key, lambda data: bytes([data[0] ^ 1]) + data[1:])
    done = damaged.run("alice")
    assert done.returncode == 1
    lost = [line for line in done.stderr.splitlines() if line.startswith("NOT restored: ")]
    assert lost
    assert all("chunk" in line for line in lost)
    restored = damaged.restored()
    assert restored.items() <= FILES.items() | {("alice/plan.txt", b"another plan")}
    assert len(restored) == len(FILES) - len(lost) > 0
    assert f"{len(lost)} NOT restored" in done.stdout


def test_a_missing_pack_costs_the_files_in_it_only(damaged: Vault) -> None:
    """Files without chunks need no pack."""
    for key in damaged.objects():
        if key.startswith("packs/"):
            damaged.s3.delete_object(Bucket=damaged.bucket, Key=key)
    done = damaged.run("alice")
    assert done.returncode == 1
    assert "NoSuchKey" in done.stderr
    assert damaged.restored() == {key: data for key, data in FILES.items() if not data}


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        (".jsonl.zst", lambda data: data[:-1] + bytes([data[-1] ^ 1]), "does not have the SHA-256"),
        ("commit.json", lambda data: json.dumps(json.loads(data) | {"format": 2}).encode(), "has format 2"),
        ("commit.json", lambda data: json.dumps(json.loads(data) | {"user": "bob"}).encode(), "another backup"),
        ("commit.json", lambda data: data[:100], "cannot restore"),
    ],
    ids=["manifest", "newer", "moved", "cut"],
)
def test_damaged_records_end_it(damaged: Vault, name: str, change: Callable[[bytes], bytes], words: str) -> None:
    """With one clear line, and no file of which nobody knows what it should be."""
    for key in damaged.objects():
        if key.endswith(name):
            damaged.rewrite(key, change)
    done = damaged.run("alice")
    assert done.returncode == 1
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert damaged.restored() == {}


def test_it_does_not_mix_with_what_is_there(vault: Vault) -> None:
    """The folder must be empty."""
    (vault.folder / "restored").mkdir()
    (vault.folder / "restored" / "mine").write_bytes(b"mine")
    done = vault.run("alice")
    assert done.returncode == 1
    assert "is not empty" in done.stderr


def test_an_unknown_user_has_no_backup(vault: Vault) -> None:
    """The prefix that was looked at is named."""
    done = vault.run("nobody.at.all")
    assert done.returncode == 1
    assert f"s3://{vault.bucket}/snapshots/{vault.source}/nobody%2Eat%2Eall/" in done.stderr
