"""Erasure of one user: an order in the bucket, written once. Collections follow it, and so do the next backups.

erasures/<source>/<user>/<erasure-id>/report.json       what was found of him, before the order
erasures/<source>/<user>/<erasure-id>/order.json        from here on nothing of his is kept, but by a hold
erasures/<source>/<user>/<erasure-id>/withdrawn.json    the order was a mistake
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from functions.contract.object_keys import (
    COMMIT_NAME,
    ERASURE_REPORT_NAME,
    ERASURE_WITHDRAWN_NAME,
    ERASURES,
    INCOMPLETE_NAME,
    ORDER_NAME,
    ErasureKey,
    erasure_key,
    erasure_prefix,
    parse_erasure_key,
    parse_snapshot_key,
    source_erasures,
    user_prefix,
)
from functions.engine.backup import rfc3339
from functions.engine.errors import ConflictError, CorruptionError, NotFoundError
from functions.engine.model import BlobInfo, Buffer
from functions.engine.ports import BlobStore
from functions.engine.repository import BackupName, look_ahead
from functions.engine.retention.holds import Author
from functions.engine.retention.plan import encode
from functions.engine.retention.policy import Erasure
from functions.engine.segments import put_once

VERSION = 1
_AHEAD = 64


class Erasures(NamedTuple):
    """The orders that were not withdrawn, by source and user, and the ids of those that cannot be read."""

    by_user: Mapping[tuple[str, str], Sequence[Erasure]]
    unreadable: Sequence[str]

    def of(self, source: str, user: str) -> Sequence[Erasure]:
        """Give the orders about a user, the oldest first."""
        return self.by_user.get((source, user), ())


def order_erasure(store: BlobStore, order: Erasure, author: Author, report: Mapping[str, Any]) -> None:
    """Order it. The report goes first: an order never stands without what was found."""
    put_once(store, _key(order, ERASURE_REPORT_NAME), encode({"format": VERSION, **report}))
    put_once(store, _key(order, ORDER_NAME), _document(order, author._replace(reason=order.reason), order.ordered))


def withdraw_erasure(store: BlobStore, order: Erasure, author: Author, now: datetime) -> None:
    """Take an order back, for good: what was not expired yet is kept by the rules again, and what was comes back.

    NotFoundError when there is none, ConflictError when it was withdrawn before.
    """
    names = {parsed.name for parsed, _ in _files(store, _key(order, ""))}
    if ORDER_NAME not in names:
        raise NotFoundError(f"there is no erasure {order.erasure_id} of user {order.user!r}")
    if ERASURE_WITHDRAWN_NAME in names:
        raise ConflictError(f"erasure {order.erasure_id} was withdrawn before", hint="nothing is left to do")
    put_once(store, _key(order, ERASURE_WITHDRAWN_NAME), _document(order, author, now))


def read_erasures(store: BlobStore, prefix: str = ERASURES) -> Erasures:
    """Read all orders that are not withdrawn. One that cannot be understood erases nothing, and is named."""
    orders: dict[tuple[str, str], list[Erasure]] = defaultdict(list)
    unreadable: list[str] = []
    asked = look_ahead(lambda key: (key, store.get(_key_of(key))), _standing(store, prefix), _AHEAD)
    for parsed, answer in asked:
        try:
            order = _order(parsed, str(_parse(answer.result())["reason"]))
        except (KeyError, TypeError, ValueError):
            unreadable.append(parsed.erasure_id)
        else:
            orders[parsed.source, parsed.user].append(order)
    return Erasures(orders, unreadable)


def find_erasure(store: BlobStore, erasure_id: str) -> Erasure:
    """Give an order by its id, withdrawn or not; NotFoundError when there is none."""
    for parsed, _blob in _files(store, ERASURES):
        if parsed.erasure_id == erasure_id and parsed.name == ORDER_NAME:
            document = _read(store, _key_of(parsed))
            return _order(parsed, str(document.get("reason", "")))
    raise NotFoundError(f"there is no erasure {erasure_id}", hint="its report names its id")


def is_withdrawn(store: BlobStore, order: Erasure) -> bool:
    """Say whether an order was taken back."""
    return any(parsed.name == ERASURE_WITHDRAWN_NAME for parsed, _ in _files(store, _key(order, "")))


def report_of(store: BlobStore, order: Erasure) -> dict[str, Any]:
    """Give what was found when the order was given."""
    return _read(store, _key(order, ERASURE_REPORT_NAME))


def parent_of(store: BlobStore, source: str, user: str) -> BackupName | None:
    """Give the newest backup on which the next one may build: none that was ever erased, or never arrived whole.

    Every other newest backup is kept, so whoever builds on one may rely on it. An erased one is let go while it is
    the newest: who began to build on it after the order would come too late, and an order that was withdrawn may
    have been followed.
    """
    files = _files(store, erasure_prefix(source, user))
    orders = [_order(parsed, "") for parsed, _ in files if parsed.name == ORDER_NAME]
    found: BackupName | None = None
    for blob in store.list(user_prefix(source, user)):
        parsed = parse_snapshot_key(blob.key)
        if parsed is not None and parsed.name == INCOMPLETE_NAME:
            found = None
        if parsed is None or parsed.name != COMMIT_NAME:
            continue
        if not any(order.covers(_taken(parsed.backup_id), datetime.fromisoformat(blob.modified)) for order in orders):
            found = BackupName(parsed.source, parsed.user, parsed.backup_id)
    return found


def erased_backups(store: BlobStore) -> frozenset[BackupName]:
    """Give the backups that are listed and that an order covers. A hold may keep one of them."""
    return frozenset(
        BackupName(*parsed[:3])
        for (source, user), orders in read_erasures(store).by_user.items()
        for blob in store.list(user_prefix(source, user))
        if (parsed := parse_snapshot_key(blob.key)) is not None and parsed.name == COMMIT_NAME
        if any(order.covers(_taken(parsed.backup_id), datetime.fromisoformat(blob.modified)) for order in orders)
    )


def erased_users(store: BlobStore, source: str) -> Sequence[str]:
    """Give the users of a source of whom something was ever erased, in the order of their keys."""
    files = _files(store, source_erasures(source))
    return list(dict.fromkeys(parsed.user for parsed, _ in files if parsed.name == ORDER_NAME))


def _taken(backup_id: str) -> datetime:
    """Give the time in a name; a name that holds none is as old as can be."""
    try:
        return datetime.strptime(backup_id.partition("-")[0], "%Y%m%dT%H%M%S%z")
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def _standing(store: BlobStore, prefix: str) -> Iterator[ErasureKey]:
    """Give the orders that were not withdrawn. The files of an erasure stand side by side in a listing."""
    current: ErasureKey | None = None
    for parsed, _blob in _files(store, prefix):
        if current is not None and parsed[:3] != current[:3]:
            yield current
            current = None
        if parsed.name == ORDER_NAME:
            current = parsed
        elif parsed.name == ERASURE_WITHDRAWN_NAME:
            current = None
    if current is not None:
        yield current


def _files(store: BlobStore, prefix: str) -> Iterator[tuple[ErasureKey, BlobInfo]]:
    for blob in store.list(prefix):
        parsed = parse_erasure_key(blob.key)
        if parsed is not None:
            yield parsed, blob


def _order(parsed: ErasureKey, reason: str) -> Erasure:
    return Erasure(parsed.erasure_id, parsed.source, parsed.user, reason)


def _key(order: Erasure, name: str) -> str:
    return erasure_key(order.source, order.user, order.erasure_id, name)


def _key_of(parsed: ErasureKey) -> str:
    return erasure_key(*parsed)


def _document(order: Erasure, author: Author, now: datetime) -> bytes:
    return encode(
        {
            "format": VERSION,
            "erasure_id": order.erasure_id,
            "reason": author.reason,
            "by": author.by,
            "time": rfc3339(now),
        }
    )


def _read(store: BlobStore, key: str) -> dict[str, Any]:
    try:
        return _parse(store.get(key).result())
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptionError(f"{key} cannot be read: {error!r}") from error


def _parse(data: Buffer) -> dict[str, Any]:
    """Read a document. KeyError, TypeError or ValueError when it is none of this format."""
    document: dict[str, Any] = json.loads(bytes(data))
    if document["format"] != VERSION:
        raise ValueError(f"format {document['format']}")
    return document
