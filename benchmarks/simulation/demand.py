"""What a piece of work asks for: CPU, network, answers, tokens of quotas, and what AWS bills."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from benchmarks.simulation.clock import Bucket
from benchmarks.simulation.limits import Limits


class Quota(StrEnum):
    """What all workers share. S3 counts by bucket; listings count as reads."""

    SOURCE_GETS = "source, GET and LIST"
    REPOSITORY_GETS = "repository, GET and LIST"
    REPOSITORY_PUTS = "repository, PUT"
    TARGET_PUTS = "target, PUT"
    DEDUP_READS = "dedup table, reads"
    DEDUP_WRITES = "dedup table, writes"
    RUN_WRITES = "run's partition key, writes"
    STATUS_WRITES = "catalog's status index, writes"
    TRANSACTIONS = "run's counter, transactions"
    KMS = "KMS requests"


_S3_GETS = (Quota.SOURCE_GETS, Quota.REPOSITORY_GETS)
_S3_PUTS = (Quota.REPOSITORY_PUTS, Quota.TARGET_PUTS)
_S3 = frozenset(_S3_GETS + _S3_PUTS)


def buckets(limits: Limits) -> dict[Quota, Bucket]:
    """Make the quotas as they are when a run begins."""
    first, top, split = limits.partitions, max(limits.partitions, limits.partitions_top), limits.partition_split
    made = {name: Bucket(limits.s3_gets * first, limits.s3_gets * top, split) for name in _S3_GETS}
    made |= {name: Bucket(limits.s3_puts * first, limits.s3_puts * top, split) for name in _S3_PUTS}
    made[Quota.DEDUP_READS] = Bucket(limits.table_reads, limits.table_top, limits.table_doubling)
    made[Quota.DEDUP_WRITES] = Bucket(limits.table_writes, limits.table_top, limits.table_doubling)
    made[Quota.RUN_WRITES] = Bucket(limits.table_partition)
    made[Quota.STATUS_WRITES] = Bucket(limits.table_partition)
    made[Quota.TRANSACTIONS] = Bucket(1 / max(limits.transaction, 2 / limits.table_partition))
    made[Quota.KMS] = Bucket(limits.kms)
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Of one worker. What it waits for goes on side by side, so the slowest of the first five says how long it takes.

    `cpu` is in seconds of the benchmarks' core; `chained` are seconds of answers, each asked for after the one
    before; `waits` are seconds of answers that share the worker's connections. `lists` are part of the GETs, and
    `other_writes` are writes to tables without a quota here: theirs are spread over many keys.
    """

    cpu: float = 0.0
    mb: float = 0.0
    chained: float = 0.0
    waits: float = 0.0
    quotas: Mapping[Quota, float] = field(default_factory=dict)
    lists: float = 0.0
    other_writes: float = 0.0

    def seconds(self, limits: Limits) -> float:
        """Say how long it takes one worker when no quota holds it up."""
        return max(
            self.cpu * limits.vcpu_factor,
            self.mb / limits.network,
            self.chained,
            self.waits / limits.connections,
        )

    def share(self, part: float) -> Demand:
        """Give a part of it."""
        return Demand(
            cpu=self.cpu * part,
            mb=self.mb * part,
            chained=self.chained * part,
            waits=self.waits * part,
            quotas={name: tokens * part for name, tokens in self.quotas.items()},
            lists=self.lists * part,
            other_writes=self.other_writes * part,
        )

    def s3_requests(self) -> float:
        """Count the requests to S3."""
        return math.fsum([tokens for name, tokens in self.quotas.items() if name in _S3])

    def bill(self) -> dict[str, float]:
        """Say what AWS bills, but for Lambda and SQS."""
        asked = self.quotas
        gets = math.fsum(asked.get(name, 0.0) for name in _S3_GETS) - self.lists
        return {
            "gets": gets,
            "lists": self.lists,
            "puts": math.fsum(asked.get(name, 0.0) for name in _S3_PUTS),
            "reads": asked.get(Quota.DEDUP_READS, 0.0),
            "writes": math.fsum(
                (
                    asked.get(Quota.DEDUP_WRITES, 0.0),
                    asked.get(Quota.RUN_WRITES, 0.0),
                    asked.get(Quota.STATUS_WRITES, 0.0),
                    self.other_writes,
                )
            ),
        }
