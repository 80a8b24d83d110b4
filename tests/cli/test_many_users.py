"""A run over many users takes several processes; nothing else may differ."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.ministack import MiniStack
from tests.strategies import noise

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

ROOT = Path(__file__).resolve().parents[2]
USERS = 12


def strongroom(server: MiniStack, *arguments: str, status: int = 0) -> dict[str, Any]:
    """Run the tool with two workers; give what it printed."""
    command = [sys.executable, "-m", "cli", *arguments, "--endpoint", server.endpoint, "--workers", "2", "--json"]
    done = subprocess.run(  # noqa: S603 - this interpreter, on the tool itself
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, env=dict(os.environ)
    )
    assert done.returncode == status, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def fill(s3: S3Client, bucket: str) -> dict[str, bytes]:
    """Give every user a file of their own and one that all have."""
    shared = noise(1, 300_000)
    files = {f"user-{number:02d}/own.bin": noise(number + 10, 20_000) for number in range(USERS)}
    files |= {f"user-{number:02d}/shared.bin": shared for number in range(USERS)}
    for key, body in files.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/x-test")
    return files


def test_many_users_are_backed_up_verified_and_restored_exactly(
    ministack: MiniStack, s3: S3Client, make_bucket: Callable[..., str], tmp_path: Path
) -> None:
    """Content that all users share is stored once, though two processes met it."""
    source, repository, restored = make_bucket(), make_bucket(), make_bucket()
    files = fill(s3, source)
    place = ("--repository", repository)
    run = strongroom(ministack, "backup", *place, "--source", source)
    assert (run["backups"], run["files"]) == (USERS, len(files))
    assert run["new"] < 2 * 300_000 + USERS * 20_000 + 1
    again = strongroom(ministack, "backup", *place, "--source", source)
    assert (again["read"], again["new"]) == (0, 0)
    verified = strongroom(ministack, "verify", *place, "--source-name", source, "--depth", "full")
    assert (verified["backups"], verified["files"], verified["damages"]) == (2 * USERS, 2 * len(files), [])
    s3.put_object(Bucket=source, Key="user-03", Body=b"a file beside a folder")
    strongroom(ministack, "backup", *place, "--source", source)
    everybody = ("--source-name", source, "--all-users", *place)
    report = strongroom(ministack, "restore", *everybody, "--to-directory", str(tmp_path / "out"))
    assert (report["restored"], report["failed"]) == (len(files) + 1, 0)
    assert (tmp_path / "out" / "user-03%f").read_bytes() == b"a file beside a folder"
    assert {key: (tmp_path / "out" / key).read_bytes() for key in files} == files
    notes = (tmp_path / "out" / ".strongroom-metadata.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["key"] for line in notes) == sorted([*files, "user-03"])
    assert [path.name for path in (tmp_path / "out").glob(".strongroom-*")] == [".strongroom-metadata.jsonl"]
    strongroom(ministack, "restore", *everybody, "--to-bucket", restored)
    assert {key: s3.get_object(Bucket=restored, Key=key)["Body"].read() for key in files} == files


def test_damage_is_found_once_and_touches_what_it_touches_in_all_processes(
    ministack: MiniStack, s3: S3Client, make_bucket: Callable[..., str]
) -> None:
    """Both processes meet the missing pack; the report names it once."""
    source, repository = make_bucket(), make_bucket()
    fill(s3, source)
    place = ("--repository", repository)
    strongroom(ministack, "backup", *place, "--source", source)
    packs = [item["Key"] for item in s3.list_objects_v2(Bucket=repository, Prefix="packs/")["Contents"]]
    largest = max(packs, key=lambda key: s3.head_object(Bucket=repository, Key=key)["ContentLength"])
    s3.delete_object(Bucket=repository, Key=largest)
    found = strongroom(ministack, "verify", *place, "--source-name", source, "--depth", "full", status=7)
    assert [damage["code"] for damage in found["damages"]] == ["PACK_MISSING"]
    assert found["damages"][0]["file_count"] > 0
