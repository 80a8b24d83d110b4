"""Tables, their keys and attributes. Components create them, adapters use them.

Names are DynamoDB's attribute names. Where a table has a TTL attribute it only clears away what nobody asks for any
more: no correctness depends on it.
"""

from __future__ import annotations

from typing import Final

TTL: Final = "expirationTime"
"""Seconds since 1970, in every table but the dedup index and the users."""

STATUS_INDEX: Final = "StatusIndex"
"""Global secondary index: `status`, then `timestamp`, all attributes."""

STATUS: Final = "status"
TIMESTAMP: Final = "timestamp"
"""RFC 3339 in UTC, so that it sorts by time."""


class DedupTable:
    """The dedup index: one item a chunk, chunk id -> its place in a pack.

    No attribute is a TTL: an item lives exactly as long as its pack is neither condemned nor expired.
    """

    PARTITION_KEY: Final = "contentHash"
    """Binary, 32 bytes: the SHA-256 of the chunk's plain bytes."""
    PACK: Final = "pack"
    """Binary, 16 bytes: the pack id."""
    OFFSET: Final = "offset"
    STORED: Final = "stored"
    LENGTH: Final = "length"


class BackupsTable:
    """The catalog: one item a backup. Has StatusIndex, UserIndex and a stream of new and old images."""

    PARTITION_KEY: Final = "backupId"
    """The backup's whole name, which is its prefix below `snapshots/`: `<source>/<user>/<backup-id>`, encoded."""
    SORT_KEY: Final = TIMESTAMP
    """When the backup was started."""
    USER_INDEX: Final = "UserIndex"
    """Global secondary index: `userId`, then `timestamp`, all attributes."""
    USER_ID: Final = "userId"
    """`<source>/<user>`, encoded: one user name may occur in several sources."""
    SOURCE: Final = "source"
    RUN_ID: Final = "runId"
    TYPE: Final = "backupType"
    TRIGGER: Final = "triggerType"
    STARTED: Final = "startTime"
    ENDED: Final = "endTime"
    UPDATED: Final = "updatedAt"
    FILES: Final = "fileCount"
    SIZE: Final = "totalSize"
    READ: Final = "bytesRead"
    NEW: Final = "bytesNew"
    STORED: Final = "bytesStored"
    UNREADABLE: Final = "unreadableCount"
    RECORD: Final = "metadataKey"
    """The key of the commit record."""
    ERROR: Final = "error"
    """`CODE: message`, only of a FAILED backup."""
    BEFORE: Final = "statusBefore"
    """What an EXPIRED backup was, and is again when it is brought back."""


class LedgerTable:
    """Runs, and in a second table of the same form restores: pieces of work that are made of tasks.

    Each piece of work has one item `work`, one `plan#<task>` a task, and one `task#<task>` for each that was begun.
    Tasks stand in sort keys by their plain names, so that a query gives them in the order of the names' bytes.
    A source's lease is the item `lease` under the id `source#<name>`. Only `work` items carry `status`, so only they
    are in StatusIndex.
    """

    PARTITION_KEY: Final = "id"
    SORT_KEY: Final = "item"
    WORK: Final = "work"
    LEASE: Final = "lease"
    PLAN_PREFIX: Final = "plan#"
    TASK_PREFIX: Final = "task#"
    PART_PREFIX: Final = "part#"
    """`part#<task>#<number>`: who holds a part of a task but the first, which is claimed as the task itself."""
    SOURCE_PREFIX: Final = "source#"
    FACTS: Final = "facts"
    """JSON."""
    EXPECTED: Final = "expected"
    DONE: Final = "done"
    COUNT_PREFIX: Final = "n_"
    """What finished tasks add up, one number attribute each."""
    STATE: Final = "state"
    OWNER: Final = "owner"
    UNTIL: Final = "leaseUntil"
    """Milliseconds since 1970."""
    PARTS: Final = "partsDone"
    """Number set: the parts of a task that are done."""
    OUTCOME: Final = "outcome"
    TOKEN: Final = "token"  # noqa: S105 - names what started the work, opens nothing
    HOLDER: Final = "holder"
    """The run that holds the source. Gone when it has been given back."""
    LAST: Final = "lastHolder"
    """The run that gave it back last."""
    REPLACED: Final = "replaced"
    """The run that lost the source to the holder, or empty."""
    CLOSING: Final = "closingUntil"


class UsersTable:
    """What is known of each user: last good backup, last proof by a restore. Never expires."""

    PARTITION_KEY: Final = "source"
    SORT_KEY: Final = "userId"
    """Encoded, as in object keys: the root user is `@root`."""
    BACKUP: Final = "lastBackupId"
    GOOD: Final = "lastGood"
    """When the last committed backup was started, RFC 3339."""
    FILES: Final = "lastFiles"
    PREFIX: Final = "prefix"
    """The source's prefix at that backup."""
    PROVEN: Final = "lastProven"
    """When a restore of this user was last compared byte for byte, RFC 3339."""
    FIRST: Final = "firstGood"
    """When the first committed backup that was noted had been started, RFC 3339. Set once."""


class DrillsTable:
    """The results of restore drills, for the auditor."""

    PARTITION_KEY: Final = "userId"
    """`<source>/<user>`, encoded."""
    SORT_KEY: Final = TIMESTAMP
    BACKUP: Final = "backupId"
    STATUS: Final = "status"
    """PROVEN or FAILED."""
    FILES: Final = "fileCount"
    SIZE: Final = "totalSize"
    ERROR: Final = "error"
