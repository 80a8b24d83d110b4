"""What work costs, as measured here: CPU seconds of a core of the benchmarks' machine, MB of 10^6 bytes.

Fitted to the rows `ours` of `benchmarks/RESULTS.md` (17,660 documents of 200 users, 1,177 MB; tars of 922 MB), whose
single runs are in `build/bench-records.json`. A test holds the fit against that table: it must explain the CPU of
every row within 25 %. The calls to DynamoDB and SQS are measured by `benchmarks.simulation.calls`, with the answer
ready, so without the socket.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """CPU seconds, each of one of something."""

    process: float = 0.17
    """A process that starts and finds nothing changed: big, unchanged, CPU 0.17."""
    user: float = 0.0005
    """Commit record, manifest, two listings: what reports, unchanged, leaves over for its 200 users."""
    key: float = 6e-6
    """A key listed and compared with the parent: reports, unchanged, 17,660 keys."""
    read: float = 71e-6
    """An object fetched: reports, first, less all the rest; libcurl, as ADR 0001 measured it, and the engine's part."""
    megabyte: float = 0.0012
    """A MB received, cut and hashed: SHA-256 0.5, FastCDC 0.2, copies 0.5 ms."""
    new_megabyte: float = 0.0012
    """A MB compressed, packed and sent, of documents: 21 % of the samples of reports, first. Tars take twice that."""
    restored: float = 35e-6
    """A file written: restore-s3 of reports, 17,667 files."""
    restored_megabyte: float = 0.0015
    """A MB fetched, expanded, proven and sent: restore-s3 of reports and of big."""
    lookup: float = 0.0012
    """A BatchGetItem of 100 chunks, half of them known."""
    record: float = 0.0008
    """A BatchWriteItem of 25 chunks."""
    call: float = 0.0003
    """Another call: one item, one transaction, one SendMessageBatch of 10."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """What the data is like: sizes and shares."""

    chunk_mb: float = 0.262
    """FastCDC's mean chunk, 256 KiB; a smaller file is one chunk."""
    unique: float = 0.62
    """Of what is read, how much was never stored before: reports, day 1, 734.6 of 1,177.3 MB."""
    packed: float = 0.84
    """Stored bytes to new bytes: reports, first, 616.0 of 734.6 MB."""
    pack_mb: float = 16.8
    part_mb: float = 8.39
    """Larger objects are read, and written, in parts of 8 MiB."""
    entry_mb: float = 91e-6
    """A line of a manifest: reports, unchanged, 1.6 MB more for 17,660."""
    listed_mb: float = 400e-6
    """Assumed: a key in the answer to a listing."""
    segment_entries: int = 100_000
    pack_reads: float = 0.9
    """Range reads for a MB restored: restore-s3 of reports, 1,480 GETs less one record and one manifest a user."""


COSTS = Costs()
DATA = Data()
