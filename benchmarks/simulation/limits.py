"""What AWS allows and how fast it answers, each with its source, or marked as assumed.

Sources are pages of AWS by title, as they read in 2026: (1) Lambda quotas; (2) Configuring scaling behavior for SQS
event source mappings; (3) Lambda scaling behavior; (4) Best practices design patterns: optimizing Amazon S3
performance; (5) DynamoDB on-demand capacity mode; (6) Quotas in Amazon DynamoDB; (7) AWS KMS request quotas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    """Seconds until an answer begins. Assumed: AWS promises none."""

    get: float = 0.030
    """A small object: (4) says tens of milliseconds."""
    put: float = 0.060
    list: float = 0.100
    table: float = 0.010
    """(5) says single-digit milliseconds, to which the client adds its own."""
    send: float = 0.015


NO_WAITS = Latencies(get=0.0, put=0.0, list=0.0, table=0.0, send=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Quotas, and the settings of ours that limit. Rates are a second, times in seconds."""

    concurrency: float = 1_000
    """Invocations at once: the account's default (1), and the most an SQS mapping takes by default (2)."""
    pollers: float = 5
    """Batches at once when messages begin to arrive (2)."""
    pollers_added: float = 5.0
    """... and how many more each second: 300 a minute (2)."""
    environments_added: float = 100.0
    """New execution environments a second: 1,000 every 10 seconds a function (3)."""
    timeout: float = 900.0
    """(1)"""
    margin: float = 90.0
    """Ours: how long before the deadline a worker hands on."""
    cold_start: float = 2.5
    """Assumed: below 1 s of CPU on the machine of the benchmarks, by the vCPU factor."""
    vcpu_factor: float = 2.5
    """Assumed: how much slower the one vCPU of 1,769 MB (1), arm64, is than a core of the benchmarks' machine, a
    Zen 5 with SHA extensions. Not measured."""
    network: float = 75.0
    """MB a second of one function, in and out together. Assumed: AWS names none; published measurements of downloads
    in one function say 400 to 700 Mbit/s sustained, which is 50 to 87 MB/s."""
    connections: int = 96
    """Ours: requests to S3 in flight in one worker."""
    batch: int = 10
    """Messages of one invocation: ours, and the most without a batching window (2)."""
    restore_batch: int = 1
    """A restore worker does one task after the other."""
    parts: int = 100
    """Ours: key ranges that one user is split into at most."""
    split_files: int = 1_000_000
    """Ours: a user whose parent has more files is split."""
    first_split_keys: int = 50_000
    """Ours: a user without a parent is split at folders from this many on."""
    s3_gets: float = 5_500
    """GET, HEAD and LIST of one partition of a bucket (4)."""
    s3_puts: float = 3_500
    """PUT, COPY, POST and DELETE of one partition of a bucket (4)."""
    partitions: int = 1
    """Partitions that a bucket begins with: a new one has one prefix that counts."""
    partitions_top: int = 256
    """... and may have in the end. Ours: packs are spread over 256 prefixes."""
    partition_split: float = 1_800.0
    """How long a partition is busy before S3 splits it: 30 to 60 minutes, by a support article on (4)."""
    table_writes: float = 4_000
    """Of a new on-demand table (5)."""
    table_reads: float = 12_000
    """Of a new on-demand table (5)."""
    table_top: float = 40_000
    """Reads, and writes, of one table before a quota is raised (6)."""
    table_doubling: float = 1_800.0
    """An on-demand table takes twice its former peak within 30 minutes (5)."""
    table_partition: float = 1_000
    """Writes of one partition key (5). All items of a run stand under one key; so do all backups of one status."""
    transaction: float = 0.010
    """Assumed: how long a transaction keeps the others from the run's item. Conflicting transactions are refused."""
    kms: float = 10_000
    """Symmetric requests of the smallest regions (7)."""
    kms_share: float = 0.01
    """KMS requests to one of S3: a bucket key saves up to 99 %."""
    initiators: int = 1
    """One function finds users and sends one batch after the other."""
    planners: int = 1
    """One function plans a restore ..."""
    planner_at_once: int = 16
    """... and, assumed, has so many answers in flight."""
    latencies: Latencies = Latencies()

    @property
    def working_time(self) -> float:
        """Seconds of an invocation in which it works."""
        return self.timeout - self.margin

    def opens(self, worker: float) -> float:
        """Give the second at which so many workers may run at once."""
        mapping = max(0.0, worker - self.pollers) / self.pollers_added
        return max(mapping, worker / self.environments_added)


DEFAULT = Limits()

MANY = 1e9
"""Instead of a limit."""

RELAXED: Mapping[str, Callable[[Limits], Limits]] = {
    "worker CPU": lambda limits: replace(limits, vcpu_factor=1 / MANY),
    "worker network": lambda limits: replace(limits, network=MANY),
    "waiting for answers": lambda limits: replace(limits, latencies=NO_WAITS),
    "cold start": lambda limits: replace(limits, cold_start=0.0),
    "concurrency": lambda limits: replace(limits, concurrency=MANY),
    "ramp of the pollers": lambda limits: replace(limits, pollers_added=MANY, environments_added=MANY),
    "15 minutes": lambda limits: replace(limits, timeout=MANY),
    "10 messages a batch": lambda limits: replace(limits, batch=1),
    "parts of one user": lambda limits: replace(limits, parts=10_000),
    "S3 requests a partition": lambda limits: replace(limits, s3_gets=MANY, s3_puts=MANY),
    "dedup table": lambda limits: replace(limits, table_writes=MANY, table_reads=MANY, table_top=MANY),
    "the run's partition key": lambda limits: replace(limits, table_partition=MANY),
    "the run's one counter": lambda limits: replace(limits, transaction=0.0),
    "one initiator, one planner": lambda limits: replace(limits, initiators=1_000, planners=1_000),
    "KMS requests": lambda limits: replace(limits, kms=MANY),
}
"""One limit at a time that is taken away, to see how much sooner it would end."""


def relax(limits: Limits, name: str) -> Limits:
    """Take one limit away. Raises KeyError for a name that is none."""
    return RELAXED[name](limits)
