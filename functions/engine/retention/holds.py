"""Legal holds, in the bucket: two objects each, written once, so a lost table or a wrong click takes none away.

holds/<source>/<user>/<hold-id>/set.json         whom it keeps, why, and who said so
holds/<source>/<user>/<hold-id>/released.json    why it is over, and who said so
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Any, NamedTuple

from functions.contract.object_keys import (
    HOLD_RELEASED_NAME,
    HOLD_SET_NAME,
    HOLDS,
    HoldKey,
    hold_key,
    parse_hold_key,
)
from functions.engine.backup import new_backup_id, rfc3339
from functions.engine.errors import NotFoundError
from functions.engine.model import BlobInfo, Buffer
from functions.engine.ports import BlobStore, Ids
from functions.engine.repository import look_ahead
from functions.engine.retention.policy import Hold
from functions.engine.segments import put_once

VERSION = 1
_AHEAD = 64


class ActiveHolds(NamedTuple):
    """The holds that are not released, by source and user, and the objects that say so."""

    by_user: Mapping[tuple[str, str], Sequence[Hold]]
    blobs: Sequence[BlobInfo]

    def of(self, source: str, user: str) -> Sequence[Hold]:
        """Give the holds on a user and on his backups."""
        return self.by_user.get((source, user), ())


class Author(NamedTuple):
    """Who sets or releases a hold, and why."""

    by: str
    reason: str


def set_hold(
    store: BlobStore, source: str, user: str, backup_id: str | None, author: Author, now: datetime, ids: Ids
) -> Hold:
    """Keep a backup, or all of a user's when `backup_id` is None, from the next collection on."""
    hold = Hold(new_backup_id(now, ids), source, user, backup_id, author.reason)
    _put(store, hold, HOLD_SET_NAME, author, now)
    return hold


def release_hold(store: BlobStore, hold: Hold, author: Author, now: datetime) -> None:
    """End a hold. NotFoundError when there is none. It cannot be set again: set a new one."""
    key = hold_key(hold.source, hold.user, hold.hold_id, HOLD_SET_NAME)
    if next(iter(store.list(key)), None) is None:
        raise NotFoundError(f"there is no hold {hold.hold_id} on user {hold.user!r} of source {hold.source!r}")
    _put(store, hold, HOLD_RELEASED_NAME, author, now)


def read_holds(store: BlobStore) -> ActiveHolds:
    """Read all holds that are not released. One that cannot be understood counts for the whole user."""
    holds: dict[tuple[str, str], list[Hold]] = defaultdict(list)
    blobs: list[BlobInfo] = []

    def begin(item: tuple[HoldKey, BlobInfo]) -> tuple[HoldKey, BlobInfo, Future[Buffer]]:
        return *item, store.get(item[1].key)

    for parsed, blob, answer in look_ahead(begin, _unreleased(store), _AHEAD):
        blobs.append(blob)
        holds[parsed.source, parsed.user].append(_decode(parsed, answer.result()))
    return ActiveHolds(holds, blobs)


def _unreleased(store: BlobStore) -> Iterator[tuple[HoldKey, BlobInfo]]:
    """Give what was set and not released. `released.json` comes right before `set.json` in a listing."""
    released: HoldKey | None = None
    for blob in store.list(HOLDS):
        parsed = parse_hold_key(blob.key)
        if parsed is None:
            continue
        if parsed.name == HOLD_RELEASED_NAME:
            released = parsed
        elif released is None or released[:3] != parsed[:3]:
            yield parsed, blob


def _decode(parsed: HoldKey, data: Buffer) -> Hold:
    backup_id, reason = None, "the hold cannot be read, so it counts for the whole user"
    try:
        document = json.loads(bytes(data))
        if document["format"] == VERSION:
            backup_id, reason = document["backup_id"], str(document["reason"])
    except (KeyError, TypeError, ValueError):
        pass
    return Hold(parsed.hold_id, parsed.source, parsed.user, backup_id, reason)


def _put(store: BlobStore, hold: Hold, name: str, author: Author, now: datetime) -> None:
    document: dict[str, Any] = {
        "format": VERSION,
        "hold_id": hold.hold_id,
        "backup_id": hold.backup_id,
        "reason": author.reason,
        "by": author.by,
        "time": rfc3339(now),
    }
    data = json.dumps(document, sort_keys=True, ensure_ascii=False, indent=1).encode()
    put_once(store, hold_key(hold.source, hold.user, hold.hold_id, name), data)
