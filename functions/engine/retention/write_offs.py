"""Backups that were written off: their commit record cannot be read, and nobody hopes for it any more.

write-offs/<source>/<user>/<backup-id>/order.json    why, and who said so; written once

Nothing is done to the backup itself. Collections just stop waiting for it: what only it needs may go.
"""

from __future__ import annotations

from datetime import datetime

from functions.contract.object_keys import WRITE_OFFS, parse_write_off_key, write_off_key
from functions.engine.backup import rfc3339
from functions.engine.errors import ConfigurationError, ConflictError, CorruptionError, FormatError
from functions.engine.ports import BlobStore
from functions.engine.repository import BackupName, Repository
from functions.engine.retention.holds import Author
from functions.engine.retention.plan import encode
from functions.engine.segments import put_once

VERSION = 1


def write_off(store: BlobStore, name: BackupName, author: Author, now: datetime) -> None:
    """Write a backup off. ConfigurationError when it can be read, BackupNotFoundError when there is none.

    A record that a newer release wrote is none to write off: that release can read it. ConflictError when it was
    written off before.
    """
    if name in read_write_offs(store):
        raise ConflictError(f"backup {name.backup_id} was written off before", hint="nothing is left to do")
    try:
        Repository(store).commit(name)
    except CorruptionError:
        pass
    except FormatError as error:
        raise ConfigurationError(f"backup {name.backup_id} is not damaged: {error.message}", hint=error.hint) from error
    else:
        raise ConfigurationError(
            f"backup {name.backup_id} of user {name.user!r} can be read: there is nothing to write off",
            hint="retention lets it go in its time; `strongroom erase` erases a user",
        )
    document = {"format": VERSION, **name._asdict(), "reason": author.reason, "by": author.by, "time": rfc3339(now)}
    put_once(store, write_off_key(*name), encode(document))


def read_write_offs(store: BlobStore) -> frozenset[BackupName]:
    """Give the backups that were written off. The object says it by being there."""
    found = (parse_write_off_key(blob.key) for blob in store.list(WRITE_OFFS))
    return frozenset(BackupName(*parsed[:3]) for parsed in found if parsed is not None)
