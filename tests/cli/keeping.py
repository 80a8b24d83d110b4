"""A repository with locks and a lifecycle, as a stack makes it; and the tool in this process, for many small runs."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli.main import run
from functions.contract.object_tags import EXPIRED, STATE
from tests.cli.kit import Finished, World

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

LOCK_DAYS, UNDELETE_DAYS = 30, 14


@dataclass(frozen=True)
class Office:
    """The tool, at a repository with three users who have one backup each."""

    world: World

    def __call__(self, *arguments: object) -> Finished:
        """Run it to the end, here."""
        out, err = io.StringIO(), io.StringIO()
        words = [*map(str, arguments), "--endpoint", self.world.tool.endpoint, "--repository", self.world.repository]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = run(words)
        return Finished(status, out.getvalue(), err.getvalue())

    def about(self, command: str, user: str, *arguments: object) -> Finished:
        """Run a command about a user of the source."""
        return self(command, "--source-name", self.world.source, "--user", user, *arguments)

    def backup_of(self, user: str) -> str:
        """Give the id of a user's newest backup."""
        return max(key.split("/")[3] for key in self.world.commits() if f"/{user}/" in key)

    def let_go(self, *keys: str, hide: bool = False) -> None:
        """Do to objects what a collection does, and then what the lifecycle does."""
        s3, bucket = self.world.s3, self.world.repository
        tags = {"TagSet": [{"Key": STATE, "Value": EXPIRED}]}
        for key in keys:
            s3.put_object_tagging(Bucket=bucket, Key=key, Tagging=tags)  # type: ignore[arg-type] # a plain dict
            if hide:
                s3.delete_object(Bucket=bucket, Key=key)


def make_office(s3: S3Client, world: World, make_bucket: Callable[..., str]) -> Office:
    """Give a repository with locks and a lifecycle, and back up three users."""
    bucket = make_bucket(object_lock=True)
    retention = {"Mode": "GOVERNANCE", "Days": LOCK_DAYS}
    lock = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}}
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=lock)  # type: ignore[arg-type] # a plain dict
    rule = {
        "ID": "expired",
        "Status": "Enabled",
        "Filter": {"Tag": {"Key": STATE, "Value": EXPIRED}},
        "Expiration": {"Days": 1},
        "NoncurrentVersionExpiration": {"NoncurrentDays": UNDELETE_DAYS},
    }
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})  # type: ignore[list-item] # a plain dict
    office = Office(World(s3, world.tool, world.source, bucket))
    assert office("backup", "--source", world.source).status == 0
    return office
