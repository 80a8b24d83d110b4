"""Decides what is wrong with what holds backups: buckets, keys, tables, the copy, and the backups themselves. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from cli.doctor.facts import Bucket, Copied, Key, TableState
from cli.doctor.finding import DEPLOY, Finding, error, remark, warning
from functions.runtime.stack_reading import SourceUser

COPY_HOURS = 2
"""S3 copies most objects in 15 minutes, and may take hours for some (Amazon S3 User Guide, "Replicating objects")."""
_RUNBOOKS = "docs/runbooks"
_ENABLED = "Enabled"


def judge_bucket(
    name: str, found: Bucket, *, key_arn: str | None, lock: str | None, replica: str | None = None
) -> Iterator[Finding]:
    """Compare a bucket with what the program makes. `key_arn`, `lock` and `replica` are None where it makes none."""
    if found.versioning != _ENABLED:
        what = f"versioning is {found.versioning or 'off'}: what is written over is lost"
        yield error("bucket", name, what, DEPLOY)
    if not found.closed:
        yield error("bucket", name, "public access is not blocked as a whole", DEPLOY)
    if key_arn is not None and (found.encryption, found.key_arn) != ("aws:kms", key_arn):
        actual = f"{found.encryption or 'nothing'} {found.key_arn or ''}".rstrip()
        yield error("bucket", name, f"new objects are encrypted with {actual} instead of {key_arn}", DEPLOY)
    if key_arn is None and found.encryption is None:
        yield error("bucket", name, "new objects are not encrypted by default", DEPLOY)
    actual_lock = f"{found.lock_mode}, {found.lock_days} days" if found.lock_mode else None
    if lock is not None and actual_lock != lock:
        yield error("bucket", name, f"new objects are locked {actual_lock or 'not at all'} instead of {lock}", DEPLOY)
    if replica is not None and replica not in found.replicates_to:
        yield error("replication", name, f"no rule that is on copies to {replica}", DEPLOY)


def judge_key(name: str, found: Key) -> Iterator[Finding]:
    """Say whether a key can be used, and stays."""
    remedy = f"at once: {_RUNBOOKS}/key-at-risk.md"
    if found.deleted_on is not None:
        what = f"is deleted on {found.deleted_on:%Y-%m-%d}: every backup under it is lost then"
        yield error("key", name, what, f"aws kms cancel-key-deletion --key-id {name}; {remedy}")
    elif found.state != _ENABLED:
        what = f"is {found.state}: nothing can be read or written"
        yield error("key", name, what, f"aws kms enable-key --key-id {name}; {remedy}")
    if not found.rotates and found.deleted_on is None:
        yield warning("key", name, "does not rotate by itself", f"aws kms enable-key-rotation --key-id {name}")


def judge_table(name: str, found: TableState, *, copy: str | None, protect: bool) -> Iterator[Finding]:
    """Say whether a table works, comes back, and is copied to the region `copy`."""
    if found.status not in {"ACTIVE", "UPDATING"}:
        yield error("table", name, f"is {found.status}", f"wait, or see {_RUNBOOKS}/table-errors.md")
    if not found.recoverable:
        yield warning("table", name, "cannot be taken back to an earlier second", DEPLOY)
    if protect and not found.protected:
        yield warning("table", name, "may be deleted", DEPLOY)
    if copy is not None and found.copies.get(copy) not in {"ACTIVE", "UPDATING"}:
        state = found.copies.get(copy, "not there")
        yield error("replication", name, f"its copy in {copy} is {state}", DEPLOY)


def judge_copies(replica: str, found: Iterable[Copied], now: datetime) -> Iterator[Finding]:
    """Say how far the second region is behind, by the newest backups."""
    late = sorted((copied for copied in found if not copied.arrived), key=lambda copied: copied.made)
    if not late:
        return
    oldest, count = late[0], len(late)
    age = now - oldest.made
    if age > timedelta(hours=COPY_HOURS):
        who = f"{oldest.source}/{oldest.user}/{oldest.backup_id}"
        what = f"{count:,} of the newest backups have not arrived; {who} was made {hours(age)} ago"
        yield error("replication", replica, what, f"{_RUNBOOKS}/replication-late.md")


def judge_ages(found: Sequence[SourceUser], now: datetime, rpo_hours: int, *, paused: bool) -> Iterator[Finding]:
    """Say whose last good backup is too old. Who has no files any more has nothing to lose."""
    if not found:
        yield warning("backups", "users", "nobody has been backed up yet", "strongroom run --outputs FILE --wait")
        return
    held = [user for user in found if user.state.files and user.state.good is not None]
    limit = now - timedelta(hours=rpo_hours)
    late = sorted(
        ((user.state.good, user) for user in held if user.state.good is not None and user.state.good < limit),
        key=lambda pair: pair[0],
    )
    if not late:
        return
    oldest, user = late[0]
    who = f"user {user.state.user!r} of {user.source}"
    what = f"{len(late):,} of {len(held):,} users have no good backup of the last {rpo_hours} h; the oldest, of {who}, "
    remedy = f"strongroom run --outputs FILE --wait; {_RUNBOOKS}/rpo-age.md"
    say = remark if paused else error
    yield say("backups", "users", f"{what}is {hours(now - oldest)} old", remedy)


def hours(age: timedelta) -> str:
    """Give an age as people say it."""
    whole = int(age.total_seconds() // 3_600)
    return f"{whole // 24:,} days" if whole >= 48 else f"{whole:,} h"  # noqa: PLR2004 - two days
