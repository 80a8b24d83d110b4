"""The first region and all tables are lost: everybody's files come back from the replica alone; then the stack does."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

from cli.render import size
from sandbox.nights.faults import insist
from sandbox.nights.figures import clock, operator
from sandbox.nights.record import Night
from sandbox.nights.stack import FaultError, Stack
from sandbox.nights.witness import differences, look, total
from sandbox.restores.tables import delete_tables, make_tables, make_tables_elsewhere, save_ledgers
from sandbox.restores.timing import Timing
from sandbox.restores.visitor import visit
from sandbox.telling import Teller


def restore_from_replica(stack: Stack, teller: Teller, night: Night) -> list[Timing]:
    """Restore everybody as of a night, with no tables and nothing but the second region; compare every byte.

    Somebody does it whose rights end at that region. Then the tables are brought back. FaultError when one file is
    not what it was.
    """
    region = stack.state.replica_region
    if region is None:
        raise FaultError("this stack has no replica")
    target = f"{stack.source['bucket']}-recovered"
    _empty_bucket(stack, target, region)
    keys = visit(stack, target)
    with _without_tables(stack, teller):
        rebuilt = _rebuild_there(stack, teller, region, keys)
        restored = _restore_there(stack, teller, night, target, keys)
    with teller.step("compare every byte of everybody with that night") as tell:
        found = look(stack.client("s3", region), target)
        tell(f"{len(found):,} files, {total(found):,} bytes")
    insist(teller, differences(night.held, found), "files that did not come back from the replica as they were")
    return [rebuilt, restored, _rebuild_here(stack, teller)]


@contextmanager
def _without_tables(stack: Stack, teller: Teller) -> Iterator[None]:
    """Let there be no tables during the block; afterwards they are there, those that are rebuilt empty."""
    saved = save_ledgers(stack)
    with teller.step("delete every table in both regions") as tell:
        tell(f"{delete_tables(stack):,} tables")
    try:
        yield
    finally:
        ledgers = ", ".join(sorted(name.rpartition("-")[2] for name in saved))
        with teller.step(f"make the tables again as the program says; {ledgers} as point-in-time recovery has them"):
            make_tables(stack, saved)


def _rebuild_there(stack: Stack, teller: Teller, region: str, keys: dict[str, str]) -> Timing:
    with teller.step(f"strongroom rebuild in {region}, from the replica into fresh tables") as tell:
        make_tables_elsewhere(stack, region)
        begun = time.monotonic()
        told = operator(stack, *_rebuild(stack, "ReplicationBucketName"), region=region, keys=keys)
        tell(", ".join(f"{told[name]:,} {name}" for name in ("packs", "chunks", "backups", "users")))
    return Timing("rebuild of the tables, second region", time.monotonic() - begun)


def _restore_there(stack: Stack, teller: Teller, night: Night, target: str, keys: dict[str, str]) -> Timing:
    region, exports, source = stack.state.replica_region, stack.state.exports, stack.source
    moment = clock(night.moment)
    with teller.step(f"strongroom restore in {region}: everybody as of {moment}, from the replica") as tell:
        begun = time.monotonic()
        told = operator(
            stack,
            "restore",
            *("--repository", exports["ReplicationBucketName"], "--source-name", source["name"], "--all-users"),
            *("--as-of", moment, "--to-bucket", target, "--to-prefix", source["prefix"]),
            region=region,
            keys=keys,
        )
        seconds = time.monotonic() - begun
        tell(f"{told['restored']:,} files, {size(told['bytes'])}")
    return Timing("everybody, from the replica alone", seconds, told["restored"], told["bytes"])


def _rebuild_here(stack: Stack, teller: Teller) -> Timing:
    """Fill the tables of the first region from the repository: the next night must find what it needs."""
    with teller.step("strongroom rebuild in the first region, from the repository") as tell:
        begun = time.monotonic()
        told = operator(stack, *_rebuild(stack, "BackupBucketName"))
        tell(", ".join(f"{told[name]:,} {name}" for name in ("packs", "chunks", "backups", "users")))
    return Timing("rebuild of the tables, first region", time.monotonic() - begun)


def _rebuild(stack: Stack, bucket: str) -> list[str]:
    exports, tables = stack.state.exports, stack.state.exports["Tables"]
    days = json.loads(stack.state.config["strongroom:retention"])["days"]
    named = [part for name in ("dedup", "backups", "users") for part in (f"--{name}-table", tables[name])]
    return ["rebuild", "--repository", exports[bucket], *named, "--retention-days", str(days)]


def _empty_bucket(stack: Stack, name: str, region: str) -> None:
    """Make the bucket, or empty the one that an earlier restore left."""
    s3 = stack.client("s3", region)
    if name not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
        for item in page.get("Contents", ()):
            s3.delete_object(Bucket=name, Key=item["Key"])
