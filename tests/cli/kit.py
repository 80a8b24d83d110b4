"""Runs the tool as an operator does, and sources and repositories to run it on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

ROOT = Path(__file__).resolve().parents[2]
FILES = {
    "alice/plan.txt": b"the plan",
    "alice/2026/report.txt": b"the report " * 100,
    "bob/notes.txt": b"the notes",
    "carol/big.bin": bytes(range(256)) * 2048,
}


@dataclass(frozen=True)
class Finished:
    """How a run of the tool ended."""

    status: int
    out: str
    err: str

    @property
    def code(self) -> str:
        """The code of the error, of which there must be exactly one, in one line."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        name, code, rest = lines[0].split(": ", 2)
        assert name == "strongroom"
        assert rest.endswith(")"), f"no remedy: {rest}"
        assert "Traceback" not in self.err + self.out
        return code

    @property
    def document(self) -> dict[str, Any]:
        """What `--json` printed."""
        found: dict[str, Any] = json.loads(self.out)
        return found


@dataclass(frozen=True)
class Tool:
    """The tool with an endpoint."""

    endpoint: str

    def __call__(self, *arguments: object, env: Mapping[str, str] | None = None) -> Finished:
        """Run it to the end."""
        done = subprocess.run(  # noqa: S603 - this interpreter and the tool
            self.command(*arguments),
            cwd=ROOT,
            env={**os.environ, "AWS_ENDPOINT_URL": self.endpoint, **(env or {})},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def start(
        self, *arguments: object, before: Sequence[str] = (), terminal: int | None = None
    ) -> subprocess.Popen[str]:
        """Start it, by a program named `before` it, or at a terminal, if need be."""
        return subprocess.Popen(  # noqa: S603 - this interpreter and the tool
            [*before, *self.command(*arguments)],
            cwd=ROOT,
            env={**os.environ, "AWS_ENDPOINT_URL": self.endpoint},
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if terminal is None else terminal,
            text=True,
        )

    @staticmethod
    def command(*arguments: object) -> list[str]:
        """Give the command line."""
        return [sys.executable, "-m", "cli", *map(str, arguments)]


@dataclass(frozen=True)
class World:
    """A source with three users, and an empty repository."""

    s3: S3Client
    tool: Tool
    source: str
    repository: str

    def back_up(self, *arguments: object, env: Mapping[str, str] | None = None) -> Finished:
        """Run `backup`."""
        return self.tool("backup", "--repository", self.repository, "--source", self.source, *arguments, env=env)

    def backups(self, *arguments: object) -> Finished:
        """Run `backups`."""
        return self.tool("backups", "--repository", self.repository, "--source-name", self.source, *arguments)

    def restore(self, *arguments: object, env: Mapping[str, str] | None = None) -> Finished:
        """Run `restore`."""
        where = ["--repository", self.repository, "--source-name", self.source]
        return self.tool("restore", *where, *arguments, env=env)

    def verify(self, *arguments: object) -> Finished:
        """Run `verify`."""
        return self.tool("verify", "--repository", self.repository, "--source-name", self.source, *arguments)

    def keys(self, prefix: str = "") -> list[str]:
        """List the repository."""
        return list_keys(self.s3, self.repository, prefix)

    def commits(self) -> list[str]:
        """List the commit records."""
        return [key for key in self.keys("snapshots/") if key.endswith("/commit.json")]

    def rewrite(self, key: str, change: Callable[[bytes], bytes]) -> None:
        """Change an object of the repository behind the tool's back."""
        data = self.s3.get_object(Bucket=self.repository, Key=key)["Body"].read()
        self.s3.put_object(Bucket=self.repository, Key=key, Body=change(data))


def list_keys(s3: S3Client, bucket: str, prefix: str = "") -> list[str]:
    """Give all keys of a small bucket."""
    answer = s3.list_objects_v2(Bucket=bucket, Prefix=prefix)
    return [item["Key"] for item in answer.get("Contents", [])]


def make_world(s3: S3Client, tool: Tool, make_bucket: Callable[..., str]) -> World:
    """Fill a new source."""
    world = World(s3, tool, make_bucket(versioned=True), make_bucket(versioned=True))
    for key, data in FILES.items():
        s3.put_object(Bucket=world.source, Key=key, Body=data)
    return world


def restored_files(folder: Path) -> dict[str, bytes]:
    """Read what lies in a folder, without what is the tool's own."""
    paths = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".strongroom-")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
