"""A source, and a repository with forty nights of it: the newest ended an hour ago."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from cli.main import run
from functions.engine.backup import Ports
from functions.engine.ports import Clock
from functions.runtime.local_run import RunRequest, back_up
from functions.runtime.toolbox import Connection, Toolbox, now, random_hex
from tests.cli.kit import Finished, Tool

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

NIGHTS = 40
SOURCE = "reports"
PLAN = "home/alice/plans/budget.txt"
SHORT_LIVED = "home/alice/tmp/[draft] 1.txt"
BORN, GONE = 30, 28


def plan_of(days_ago: int) -> bytes:
    """Give what the plan held on a night: it was written anew every tenth."""
    return b"the plan of %d days ago" % (-(-days_ago // 10) * 10)


@dataclass(frozen=True)
class History:
    """What was made: nights are counted back from now."""

    tool: Tool
    bucket: str
    repository: str
    outputs: Path
    ended: datetime

    def __call__(self, command: str, *arguments: object) -> Finished:
        """Run a command of the tool on the repository, in this process: a tenth of the time of a new one."""
        line = [command, "--outputs", self.outputs, "--endpoint", self.tool.endpoint, *arguments]
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            status = run([*map(str, line)])
        return Finished(status, out.getvalue(), err.getvalue())

    def time(self, days_ago: int) -> str:
        """Give the time just after a night, as people write it."""
        return f"{self.ended - timedelta(days=days_ago) + timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}"


def stopped(at: datetime) -> Clock:
    """Give a clock that stands."""
    return lambda: at


def make_history(s3: S3Client, tool: Tool, make_bucket: Callable[..., str], folder: Path) -> History:
    """Make the nights, oldest first. The plan changes every tenth night; a draft lives for two of them."""
    bucket, repository = make_bucket(versioned=True), make_bucket(versioned=True)
    ended = now() - timedelta(hours=1)
    s3.put_object(Bucket=bucket, Key="home/bob/notes.txt", Body=b"the notes")
    s3.put_object(Bucket=bucket, Key="home/alice/big.bin", Body=b"0123456789" * 1000)
    with Toolbox(Connection(endpoint=tool.endpoint), os.environ) as tools:
        store = tools.store(repository)
        index = tools.index(store, None)
        for days_ago in range(NIGHTS, -1, -1):
            if days_ago % 10 == 0:
                s3.put_object(Bucket=bucket, Key=PLAN, Body=plan_of(days_ago))
            if days_ago == BORN:
                s3.put_object(Bucket=bucket, Key=SHORT_LIVED, Body=b"a draft")
            if days_ago == GONE:
                s3.delete_object(Bucket=bucket, Key=SHORT_LIVED)
            ports = Ports(tools.source(bucket), store, index, stopped(ended - timedelta(days=days_ago)), random_hex)
            report = back_up(ports, RunRequest(SOURCE, "home/"), workers=1)
            assert [outcome.error for outcome in report.outcomes] == [None, None]
    outputs = folder / "prod.json"
    outputs.write_text(json.dumps({"BackupBucketName": repository, "Region": "us-east-1", "Tables": {}}))
    return History(tool, bucket, repository, outputs, ended)
