"""A whole cycle against the embedded S3, through a network that loses, delays and cuts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import pytest

from functions.adapters.local_index import LocalIndex
from functions.adapters.s3.blobs import S3BlobStore
from functions.adapters.s3.client import S3Client
from functions.adapters.s3.destination import S3Destination
from functions.adapters.s3.source import S3Source
from functions.engine.backup import Ports
from functions.engine.commit import CommitRecord
from functions.engine.conflict import Conflict
from functions.engine.model import BackupStatus
from functions.engine.pack_indexes import fill_index
from functions.engine.repository import BackupName, Repository
from functions.engine.restore import Restorer
from functions.engine.restore_work import RestoreReport
from functions.engine.safety import KIB, MIB, SafetyParameters
from functions.engine.verify import Verifier
from functions.engine.verify_report import Depth, VerifyReport
from functions.runtime.local_run import RunRequest, back_up
from functions.runtime.toolbox import now, random_hex
from sandbox.ministack import MiniStack
from tests.adapters.scripted import Asked
from tests.faults.flaky_proxy import FIVE_PERCENT, FlakyProxy, Troubles
from tests.faults.office import Connect, fill, office, stored
from tests.faults.scenario import PATIENCE, within

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client as Boto3S3

SMALL = SafetyParameters(
    pack_target=256 * KIB,
    part_size=5 * MIB,
    batch_bytes=64 * KIB,
    batch_files=8,
    segment_entries=20,
    restore_group=256 * KIB,
    restore_window=64,
)
"""Many requests for few bytes; parts as large as S3 takes them at least."""


@dataclass(frozen=True)
class Cycle:
    """A source bucket, a repository and a place to restore to, all reached through a proxy."""

    source: S3Client
    store: S3Client
    target: S3Client

    def back_up(self) -> list[CommitRecord]:
        """Back up all users; give what was committed."""
        blobs = S3BlobStore(self.store)
        index = LocalIndex(lambda empty: fill_index(blobs, empty))
        ports = Ports(S3Source(self.source), blobs, index, now, random_hex)
        report = within(PATIENCE, lambda: back_up(ports, RunRequest("s", "clients/"), workers=2, safety=SMALL))
        assert [outcome.error for outcome in report.outcomes if outcome.error is not None] == []
        repository = Repository(blobs)
        return [repository.commit(name) for name in repository.newest("s").values()]

    def restore(self, records: list[CommitRecord]) -> RestoreReport:
        """Restore into the target bucket."""
        destination = S3Destination(self.target, cut="", prefix="", conflict=Conflict.SKIP, label="x")
        with Restorer(S3BlobStore(self.store), destination, workers=2, safety=SMALL) as restorer:
            return within(PATIENCE, lambda: restorer.restore(records))

    def verify(self, records: list[CommitRecord]) -> VerifyReport:
        """Read every byte of the backups."""
        names = [BackupName(record.source, record.user, record.backup_id) for record in records]
        with Verifier(S3BlobStore(self.store), workers=2, safety=SMALL) as verifier:
            return within(PATIENCE, lambda: verifier.verify(names, Depth.FULL))


@pytest.mark.parametrize("seed", [9])
def test_a_cycle_through_a_flaky_network_is_exact(
    ministack: MiniStack, s3: Boto3S3, buckets: tuple[str, str, str], connect: Connect, seed: int
) -> None:
    """Every twentieth request fails, in one of six ways; many users are backed up and restored all the same."""
    content = office(users=16, files=6, seed=seed)
    fill(s3, buckets[0], content)
    with FlakyProxy(ministack.endpoint, FIVE_PERCENT, seed) as proxy:
        cycle = Cycle(*(connect(proxy.endpoint, bucket) for bucket in buckets))
        records = cycle.back_up()
        restored = cycle.restore(records)
        verified = cycle.verify(records)
        assert set(proxy.met) == {field.name for field in fields(Troubles)}
    assert {record.status for record in records} == {BackupStatus.COMPLETED}
    assert verified.damages == []
    assert (verified.backups, verified.files) == (16, len(content))
    assert restored.failed == 0
    assert restored.restored + restored.skipped == len(content)
    assert stored(connect(ministack.endpoint, buckets[2])) == content


WRITES: dict[str, Callable[[Asked], bool]] = {
    "pack": lambda asked: asked.method == "PUT" and "/packs/" in asked.target,
    "manifest": lambda asked: asked.method == "PUT" and ".jsonl.zst" in asked.target,
    "commit": lambda asked: asked.method == "PUT" and "commit.json" in asked.target,
    "file": lambda asked: asked.method == "PUT" and "/clients/" in asked.target and "uploadId" not in asked.target,
    "start of a large file": lambda asked: asked.method == "POST" and "uploads=" in asked.target,
    "part of a large file": lambda asked: asked.method == "PUT" and "uploadId=" in asked.target,
    "end of a large file": lambda asked: asked.method == "POST" and "uploadId=" in asked.target,
}


@pytest.mark.parametrize("write", WRITES)
def test_a_write_whose_answer_is_lost_is_a_write(
    ministack: MiniStack, s3: Boto3S3, buckets: tuple[str, str, str], connect: Connect, write: str
) -> None:
    """The first answer to each such write never arrives: the retry meets its own effect, and knows it."""
    content = {key: value for key, value in office(2, 2, seed=5).items() if "user 00" in key}
    fill(s3, buckets[0], content)
    seen: set[str] = set()

    def lost(asked: Asked) -> bool:
        first = WRITES[write](asked) and asked.target not in seen
        seen.add(asked.target)
        return first

    with FlakyProxy(ministack.endpoint) as proxy:
        proxy.lost = lost
        cycle = Cycle(*(connect(proxy.endpoint, bucket) for bucket in buckets))
        records = cycle.back_up()
        report = cycle.restore(records)
        assert any(WRITES[write](asked) for asked in proxy.asked)
        assert cycle.verify(records).damages == []
    assert stored(connect(ministack.endpoint, buckets[2])) == content
    assert (report.restored, report.skipped, report.failed) == (len(content), 0, 0)
