"""Where each object of a repository lives in its bucket: format and parse, both ways round.

    packs/<hh>/<pack-id>
    snapshots/<source>/<user>/<backup-id>/<nnnnn>.jsonl.zst
    snapshots/<source>/<user>/<backup-id>/commit.json
    gc/<collection-id>/<nnnnn>.jsonl.zst
    gc/<collection-id>/plan.json
    gc/<collection-id>/done.json
    holds/<source>/<user>/<hold-id>/set.json
    holds/<source>/<user>/<hold-id>/released.json
    erasures/<source>/<user>/<erasure-id>/order.json
    erasures/<source>/<user>/<erasure-id>/report.json
    erasures/<source>/<user>/<erasure-id>/withdrawn.json
    write-offs/<source>/<user>/<backup-id>/order.json

Ids of collections, holds and erasures have the form of backup ids, so they sort by time.

Source and user names are percent-encoded, so a name may hold anything that an S3 key may hold.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote, unquote

PACKS = "packs/"
SNAPSHOTS = "snapshots/"
COLLECTIONS = "gc/"
HOLDS = "holds/"
ERASURES = "erasures/"
WRITE_OFFS = "write-offs/"
COMMIT_NAME = "commit.json"
INCOMPLETE_NAME = "incomplete.json"
"""Beside a commit record whose packs or manifests were never replicated: nobody builds on it. Sorts after it."""
MANIFEST_SUFFIX = ".jsonl.zst"
PLAN_NAME = "plan.json"
"""What a collection decided, and why. Written before it does anything."""
DONE_NAME = "done.json"
"""Says that a collection has done all that its plan says."""
HOLD_SET_NAME = "set.json"
HOLD_RELEASED_NAME = "released.json"
ORDER_NAME = "order.json"
"""Says that a user is to be erased, or that a backup is written off."""
ERASURE_REPORT_NAME = "report.json"
ERASURE_WITHDRAWN_NAME = "withdrawn.json"

ROOT_USER = ""
"""The user that owns the objects which lie directly in a source, below no folder."""

_ROOT_NAME = "@root"
_UNRESERVED = re.compile(r"[A-Za-z0-9_-]+")
_BACKUP_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}")
_PACK_ID = re.compile(r"[0-9a-f]{32}")


class SnapshotKey(NamedTuple):
    """What a key below `snapshots/` says: whose backup it belongs to and which file of it this is."""

    source: str
    user: str
    backup_id: str
    name: str


class CollectionKey(NamedTuple):
    """What a key below `gc/` says: which collection it belongs to and which file of it this is."""

    collection: str
    name: str


class HoldKey(NamedTuple):
    """What a key below `holds/` says: on whom the hold is, its id, and whether it is set or released."""

    source: str
    user: str
    hold_id: str
    name: str


class ErasureKey(NamedTuple):
    """What a key below `erasures/` says: who is erased, the erasure's id, and which file of it this is."""

    source: str
    user: str
    erasure_id: str
    name: str


def encode_name(name: str) -> str:
    """Percent-encode `name` into one key segment; letters, digits, `-` and `_` stay as they are.

    Dots are encoded too: a segment `.` or `..` would be folded away by many HTTP clients. The root user's
    name starts with `@`, which no encoded name can hold.
    """
    if name == ROOT_USER:
        return _ROOT_NAME
    if _UNRESERVED.fullmatch(name):
        return name
    return quote(name, safe="-_").replace(".", "%2E").replace("~", "%7E")


def decode_name(segment: str) -> str:
    """Undo `encode_name`."""
    return ROOT_USER if segment == _ROOT_NAME else unquote(segment, errors="strict")


def pack_key(pack_id: str) -> str:
    """Give the key of a pack: 256 folders, so that S3 can split the load by prefix."""
    return f"{PACKS}{pack_id[:2]}/{pack_id}"


def parse_pack_key(key: str) -> str | None:
    """Give the pack id that `key` holds, or None when it is not the key of a pack."""
    pack_id = key.rpartition("/")[2]
    return pack_id if _PACK_ID.fullmatch(pack_id) and pack_key(pack_id) == key else None


def source_prefix(source: str) -> str:
    """Give the prefix of all backups of one source."""
    return f"{SNAPSHOTS}{encode_name(source)}/"


def user_prefix(source: str, user: str) -> str:
    """Give the prefix of all backups of one user."""
    return f"{source_prefix(source)}{encode_name(user)}/"


def backup_prefix(source: str, user: str, backup_id: str) -> str:
    """Give the prefix of all objects of one backup."""
    return f"{user_prefix(source, user)}{backup_id}/"


def manifest_key(source: str, user: str, backup_id: str, segment: int) -> str:
    """Give the key of a segment's manifest."""
    return f"{backup_prefix(source, user, backup_id)}{segment:05d}{MANIFEST_SUFFIX}"


def commit_key(source: str, user: str, backup_id: str) -> str:
    """Give the key of a commit record."""
    return f"{backup_prefix(source, user, backup_id)}{COMMIT_NAME}"


def incomplete_key(source: str, user: str, backup_id: str) -> str:
    """Give the key of the note that a backup has not arrived whole."""
    return f"{backup_prefix(source, user, backup_id)}{INCOMPLETE_NAME}"


def parse_snapshot_key(key: str) -> SnapshotKey | None:
    """Give the parts of a key below `snapshots/`, or None when it is not one of ours."""
    parts = key.split("/")
    if len(parts) != len(SnapshotKey._fields) + 1 or f"{parts[0]}/" != SNAPSHOTS or not _BACKUP_ID.fullmatch(parts[3]):
        return None
    try:
        source, user = decode_name(parts[1]), decode_name(parts[2])
    except UnicodeDecodeError:
        return None
    # Two keys must not say the same thing: only the spelling that `encode_name` gives is ours.
    if (encode_name(source), encode_name(user)) != (parts[1], parts[2]):
        return None
    return SnapshotKey(source, user, parts[3], parts[4])


def collection_key(collection: str, name: str) -> str:
    """Give the key of a file of a collection."""
    return f"{COLLECTIONS}{collection}/{name}"


def plan_part_key(collection: str, part: int) -> str:
    """Give the key of a part of a collection's plan."""
    return collection_key(collection, f"{part:05d}{MANIFEST_SUFFIX}")


def parse_collection_key(key: str) -> CollectionKey | None:
    """Give the parts of a key below `gc/`, or None when it is not one of ours."""
    parts = key.split("/")
    if len(parts) != len(CollectionKey._fields) + 1 or f"{parts[0]}/" != COLLECTIONS or not is_backup_id(parts[1]):
        return None
    return CollectionKey(parts[1], parts[2])


def hold_key(source: str, user: str, hold_id: str, name: str) -> str:
    """Give the key of one of the two files of a hold."""
    return f"{HOLDS}{encode_name(source)}/{encode_name(user)}/{hold_id}/{name}"


def parse_hold_key(key: str) -> HoldKey | None:
    """Give the parts of a key below `holds/`, or None when it is not one of ours."""
    if not key.startswith(HOLDS):
        return None
    parsed = parse_snapshot_key(SNAPSHOTS + key.removeprefix(HOLDS))
    if parsed is None or parsed.name not in {HOLD_SET_NAME, HOLD_RELEASED_NAME}:
        return None
    return HoldKey(*parsed)


def source_erasures(source: str) -> str:
    """Give the prefix of all erasures of one source."""
    return f"{ERASURES}{encode_name(source)}/"


def erasure_prefix(source: str, user: str) -> str:
    """Give the prefix of all erasures of one user."""
    return f"{source_erasures(source)}{encode_name(user)}/"


def erasure_key(source: str, user: str, erasure_id: str, name: str) -> str:
    """Give the key of one of the files of an erasure."""
    return f"{erasure_prefix(source, user)}{erasure_id}/{name}"


def parse_erasure_key(key: str) -> ErasureKey | None:
    """Give the parts of a key below `erasures/`, or None when it is not one of ours."""
    if not key.startswith(ERASURES):
        return None
    parsed = parse_snapshot_key(SNAPSHOTS + key.removeprefix(ERASURES))
    if parsed is None or parsed.name not in {ORDER_NAME, ERASURE_REPORT_NAME, ERASURE_WITHDRAWN_NAME}:
        return None
    return ErasureKey(*parsed)


def write_off_key(source: str, user: str, backup_id: str) -> str:
    """Give the key of the object that says that a backup is written off."""
    return f"{WRITE_OFFS}{encode_name(source)}/{encode_name(user)}/{backup_id}/{ORDER_NAME}"


def parse_write_off_key(key: str) -> SnapshotKey | None:
    """Give the parts of a key below `write-offs/`, or None when it is not one of ours."""
    if not key.startswith(WRITE_OFFS):
        return None
    parsed = parse_snapshot_key(SNAPSHOTS + key.removeprefix(WRITE_OFFS))
    return parsed if parsed is not None and parsed.name == ORDER_NAME else None


def is_backup_id(text: str) -> bool:
    """Say whether `text` has the form of a backup id, such as `20261120T020000Z-1f3a9c20`."""
    return _BACKUP_ID.fullmatch(text) is not None


def user_objects(prefix: str, user: str) -> tuple[str, bool]:
    """Give the prefix of a user's objects in a source with `prefix`, and whether to look below further folders."""
    if user == ROOT_USER:
        return prefix, False
    return (f"{prefix}/" if user == "/" else f"{prefix}{user}/"), True
