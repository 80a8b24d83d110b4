"""Figures that neither the settings nor the volume say: measured here, or assumed with a reason.

The measured ones stand in benchmarks/RESULTS.md and benchmarks/simulation/costs.py.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from functions.engine.orchestration.restore_estimate import DEFAULT_SPEED, Speed
from functions.engine.safety import DEFAULT_SAFETY

GB: Final = 1_000_000_000
MB: Final = 1_000_000


class Assumptions(NamedTuple):
    """What a month is made of."""

    pack_bytes: float = DEFAULT_SAFETY.pack_target
    speed: Speed = DEFAULT_SPEED
    """Of a worker. It is made for restores, and fits the simulation of backups within a third."""
    chunk_bytes: float = 262_000
    """Measured mean of the cuts."""
    part_bytes: float = DEFAULT_SAFETY.part_size
    """Larger files are read in parts of this."""
    entry_bytes: float = 91
    """Measured: a file's line of a manifest, compressed. Every backup lists every file."""
    record_bytes: float = 4_000
    """Commit record, and the header of a manifest."""
    key_seconds: float = 15e-6
    """Measured 6 microseconds to list a file and compare it, on a core that is 2.5 times faster than Lambda's."""
    pack_reads: float = 0.9
    """Measured GETs for a megabyte restored."""
    job_batch: int = 10
    """Users of one invocation."""
    job_gets: int = 2
    """Measured: commit record and manifest of the parent."""
    job_lists: int = 2
    job_writes: int = 16
    """Table writes of a user's backup, indexes counted: the simulation has them one by one."""
    job_reads: int = 8
    job_log_bytes: float = 6_000
    """Assumed: five lines of JSON, one of them metrics, and what Lambda writes by itself."""
    job_messages: float = 0.3
    """Sent, received and deleted by ten."""
    call_bytes: float = 20_000
    """Through interface endpoints, a user: messages, with the handshakes."""
    item_bytes: float = 150
    """A chunk in the dedup index."""
    backup_item_bytes: float = 3_600
    """A backup in the catalog, three times with its two indexes."""
    task_item_bytes: float = 1_200
    """What the ledger of runs keeps of a user's backup."""
    other_seconds: float = 5
    """Of an invocation by schedule that is not counted by itself."""
    kms_share: float = 0.01
    """Requests to KMS for one to S3: with a bucket key S3 keeps data keys for a while, for each role."""
    api_requests_a_day: float = 1_000
    """Assumed: every user of a thousand asks once a day."""
    api_seconds: float = 0.3
    api_log_bytes: float = 1_500
    """Of the stage's line and the function's."""
    flow_bytes: float = 50_000
    """Of flow logs, an invocation: 96 connections, seen at both ends and in both directions, 130 bytes each."""
    polls_a_minute: float = 15
    """Lambda polls an idle queue with five batches, 20 seconds each (AWS Lambda Developer Guide, "Using Lambda with
    Amazon SQS")."""
    notices_a_day: float = 5
    drill_bytes: float = 2 * 1024**3
    """At most, of one user."""
    scratch_days: int = 3
    """Until a drill's files are gone, noncurrent versions included."""
    event_bytes: float = 200
    """Of a data event in the trail, compressed, and of a line of the access logs."""
    event_log_bytes: float = 1_500
    """Of a data event in the trail's log group, where it is not compressed when it is taken in."""
    trail_log_days: int = 365
    """Of that log group: `components.audit` keeps it so long whatever the settings say."""
    log_keep_days: int = 365
    """Of access logs."""


ASSUMED: Final = Assumptions()
