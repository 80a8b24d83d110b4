"""Messages on the queues, and the events that start functions. All carry a version but those that people type."""

from __future__ import annotations

from dataclasses import dataclass

MESSAGE_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupMessage:
    """Back up one user, or one part of a very large one. `kind` is `backup`.

    Part 0 decides what the parts are; a message for another part names its range of keys: after `start_after`, up to
    and with `end_at`. `hop` counts continuations, for the log only: what is written is read from the bucket.
    """

    run_id: str
    source: str
    user: str
    type: str
    trigger: str
    part: int = 0
    hop: int = 0
    priority: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreMessage:
    """Do one task of a restore. `kind` is `restore`. What the task is stands in the restores table's plan."""

    restore_id: str
    task: str


KINDS: dict[str, type[BackupMessage | RestoreMessage]] = {"backup": BackupMessage, "restore": RestoreMessage}


class StartEvent:
    """Keys of the event that starts a run: `{"backup_type": "INCREMENTAL"}`, or `{}`.

    The schedule adds `scheduled_time`, by which a second delivery is known for what it is. `source_prefix` chooses
    users: `test/` is the user `test`, `te` everybody whose name begins so. `users` chooses them by their names, as in
    `["alice", "bob"]`. `source` chooses one source.
    """

    TYPE = "backup_type"
    PREFIX = "source_prefix"
    USERS = "users"
    SOURCE = "source"
    SCHEDULED = "scheduled_time"
    CONTINUE = "continue"


class RestoreEvent:
    """Keys of the event that asks for a restore, follows one (`restore_id` alone) or wakes waiting ones (`poll`)."""

    SOURCE = "source"
    USERS = "users"
    BACKUP = "backup_id"
    AS_OF = "as_of"
    PATTERNS = "patterns"
    BUCKET = "destination_bucket"
    PREFIX = "destination_prefix"
    CONFLICT = "conflict"
    DRY_RUN = "dry_run"
    TIER = "thaw_tier"
    RESTORE = "restore_id"
    REQUEST = "request_id"
    POLL = "poll"
    CONTINUE = "continue"


class VerifyEvent:
    """Keys of the event that starts a verification: `{"verify": "sample" | "structure" | "drill"}`.

    A drill proves the `users` that are named, of one `source`, and the day's drills are left as they are.
    """

    VERIFY = "verify"
    SEED = "seed"
    SOURCE = "source"
    USERS = "users"
    CONTINUE = "continue"


class CollectEvent:
    """Keys of the event that starts a collection: `{}`, or `{"measure": true}` before a FULL run.

    `dry_run` decides and writes nothing. `expire_share` is the part that this one may let go at once, when people have
    looked at why another one refused to.
    """

    MEASURE = "measure"
    DRY_RUN = "dry_run"
    EXPIRE_SHARE = "expire_share"


class RemediateEvent:
    """Keys of the event that has the remediator look: `{}`, an alarm's change as EventBridge sends it, or `resume`.

    `{"resume": "reports"}` ends the pause of a source's schedule.
    """

    RESUME = "resume"
