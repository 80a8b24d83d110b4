"""Names of metrics, their units and their dimensions. Alarms, dashboards and functions share them."""

from __future__ import annotations

from typing import Final, Self

NAMESPACE: Final = "Strongroom"

OUT_OF_MEMORY: Final = "Strongroom/OutOfMemory"
"""Counted from the functions' logs, each in a metric of the function's own name."""


class Dimension:
    """Dimensions of the metrics below.

    Every value stands under Stack, or under Stack and Source when it belongs to a source. One that has a Code stands
    there too, and once more with Code beside them: an alarm needs no list of codes.
    """

    STACK: Final = "Stack"
    SOURCE: Final = "Source"
    CODE: Final = "Code"


class Unit:
    """Units, as CloudWatch names them (Amazon CloudWatch API Reference, MetricDatum)."""

    COUNT: Final = "Count"
    SECONDS: Final = "Seconds"
    BYTES: Final = "Bytes"
    NONE: Final = "None"


class MetricName(str):
    """The name of a metric, which knows its unit."""

    __slots__ = ("unit",)
    unit: str

    def __new__(cls, name: str, unit: str) -> Self:
        """Give a name with a unit."""
        made = super().__new__(cls, name)
        made.unit = unit
        return made


class Metric:
    """Metrics of the data plane."""

    RUN_STARTED: Final = MetricName("RunStarted", Unit.COUNT)
    RUN_SKIPPED: Final = MetricName("RunSkipped", Unit.COUNT)
    RUN_DURATION: Final = MetricName("RunDuration", Unit.SECONDS)
    RUN_OVERDUE: Final = MetricName("RunOverdue", Unit.COUNT)
    """Unfinished at start + window."""
    RUN_MISSED: Final = MetricName("RunMissed", Unit.COUNT)
    """No run was started within the RPO."""
    USERS_COMPLETED: Final = MetricName("UsersCompleted", Unit.COUNT)
    USERS_PARTIAL: Final = MetricName("UsersPartial", Unit.COUNT)
    USERS_FAILED: Final = MetricName("UsersFailed", Unit.COUNT)
    USERS_MISSING: Final = MetricName("UsersMissing", Unit.COUNT)
    """Planned, not done at start + window."""
    FILES: Final = MetricName("Files", Unit.COUNT)
    UNREADABLE: Final = MetricName("UnreadableObjects", Unit.COUNT)
    BYTES_SOURCE: Final = MetricName("BytesSource", Unit.BYTES)
    BYTES_READ: Final = MetricName("BytesRead", Unit.BYTES)
    BYTES_NEW: Final = MetricName("BytesNew", Unit.BYTES)
    BYTES_STORED: Final = MetricName("BytesStored", Unit.BYTES)
    DEDUP_RATIO: Final = MetricName("DedupRatio", Unit.NONE)
    """Bytes read / bytes new."""
    COMPRESSION_RATIO: Final = MetricName("CompressionRatio", Unit.NONE)
    """Bytes new / bytes stored."""
    RPO_AGE_MAX: Final = MetricName("RpoAgeMax", Unit.SECONDS)
    """Age of the last good backup of the user worst off."""
    RPO_AGE_P99: Final = MetricName("RpoAgeP99", Unit.SECONDS)
    QUEUE_TO_DONE: Final = MetricName("QueueToDone", Unit.SECONDS)
    """From the message's sending to the job's end."""
    REQUESTS: Final = MetricName("Requests", Unit.COUNT)
    """S3 requests of an invocation."""
    ERRORS: Final = MetricName("Errors", Unit.COUNT)
    """With Code."""
    MESSAGES_REJECTED: Final = MetricName("MessagesRejected", Unit.COUNT)
    """With Code: malformed or of an unknown version."""
    RESTORES_FAILED: Final = MetricName("RestoresFailed", Unit.COUNT)
    """Ended PARTIAL or FAILED."""
    RESTORE_DURATION: Final = MetricName("RestoreDuration", Unit.SECONDS)
    VERIFY_DAMAGES: Final = MetricName("VerifyDamages", Unit.COUNT)
    VERIFY_RUN: Final = MetricName("VerifyRun", Unit.COUNT)
    """A verification ended; Code is its kind: sample, structure, drill."""
    DRILLS_PROVEN: Final = MetricName("DrillsProven", Unit.COUNT)
    DRILLS_FAILED: Final = MetricName("DrillsFailed", Unit.COUNT)
    DRILL_AGE_MAX: Final = MetricName("DrillAgeMax", Unit.SECONDS)
    """Since the proof of the user proven longest ago."""
    COLLECTIONS_COMPLETED: Final = MetricName("CollectionsCompleted", Unit.COUNT)
    COLLECTION_REFUSED: Final = MetricName("CollectionRefused", Unit.COUNT)
    """Reasons for which a collection let nothing go, or less than was due."""
    COLLECTION_DURATION: Final = MetricName("CollectionDuration", Unit.SECONDS)
    BACKUPS_EXPIRED: Final = MetricName("BackupsExpired", Unit.COUNT)
    PACKS_CONDEMNED: Final = MetricName("PacksCondemned", Unit.COUNT)
    PACKS_EXPIRED: Final = MetricName("PacksExpired", Unit.COUNT)
    BYTES_EXPIRED: Final = MetricName("BytesExpired", Unit.BYTES)
    """Of packs."""
    LOCKS_EXTENDED: Final = MetricName("LocksExtended", Unit.COUNT)
    PACKS_MISSING: Final = MetricName("PacksMissing", Unit.COUNT)
    """Needed by a backup and not there when the collection looked; and backups that could not be brought back whole."""
    RECORDS_UNREADABLE: Final = MetricName("RecordsUnreadable", Unit.COUNT)
    """Commit records that cannot be read, and that nobody has written off."""
    REMEDIES: Final = MetricName("Remedies", Unit.COUNT)
    """Done without a person, with Code: memory, pause, redrive, rerun."""
    REMEDIES_REFUSED: Final = MetricName("RemediesRefused", Unit.COUNT)
    """Not done, or failed, with Code; each once for each cause and reason."""
    SCHEDULE_PAUSED: Final = MetricName("SchedulePaused", Unit.COUNT)
    """1 while a source's schedule starts no runs."""
    BACKUPS_SKEWED: Final = MetricName("BackupsSkewed", Unit.COUNT)
    """Backups whose names are from the future."""
