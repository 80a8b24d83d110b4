"""The commit record: the small JSON object whose existence makes a backup exist. Written last, never changed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from functions.engine.errors import CommitCorruptError, FormatError
from functions.engine.model import BackupStatus, BackupType, Buffer, PackId, Totals, Unreadable

VERSION = 1
SAMPLE = 100
"""How many unreadable keys a commit record names; the manifests name all of them."""


@dataclass(frozen=True, slots=True)
class SegmentRef:
    """A segment as the commit record names it. One key can be looked up by reading one manifest."""

    number: int
    sha256: str
    first_key: str = ""
    last_key: str = ""


@dataclass(frozen=True, slots=True)
class CommitRecord:
    """Everything about a backup but its files. Times in RFC 3339, UTC; bytes and counts in `totals`."""

    source: str
    user: str
    backup_id: str
    type: BackupType
    status: BackupStatus
    engine: str
    run_id: str
    prefix: str
    started: str
    finished: str
    totals: Totals
    segments: tuple[SegmentRef, ...]
    packs: tuple[PackId, ...]
    parent: str | None = None
    unreadable: tuple[Unreadable, ...] = field(default=())


def encode_commit(record: CommitRecord) -> bytes:
    """Give the record as JSON with sorted keys: the same record gives the same bytes."""
    document = {
        "format": VERSION,
        "source": record.source,
        "user": record.user,
        "backup_id": record.backup_id,
        "type": record.type.value,
        "status": record.status.value,
        "engine": record.engine,
        "run_id": record.run_id,
        "prefix": record.prefix,
        "started": record.started,
        "finished": record.finished,
        "parent": record.parent,
        "totals": record.totals._asdict(),
        "segments": [asdict(item) for item in record.segments],
        "packs": sorted(record.packs),
        "unreadable": [asdict(item) for item in record.unreadable[:SAMPLE]],
    }
    return json.dumps(document, sort_keys=True, ensure_ascii=False, indent=1).encode()


def decode_commit(data: Buffer, name: str) -> CommitRecord:
    """Parse a commit record; `name` stands in messages.

    Raises FormatError for a newer format and CommitCorruptError for anything that is not a commit record.
    """
    try:
        document: Any = json.loads(bytes(data))
        if document["format"] > VERSION:
            raise FormatError(f"{name} has format {document['format']}, this release reads up to {VERSION}")
        if document["format"] < 1:
            raise CommitCorruptError(f"commit record {name}: there is no format {document['format']}")
        return _from_document(document)
    except (KeyError, TypeError, ValueError) as error:
        raise CommitCorruptError(f"commit record {name}: {error!r}") from error


def _from_document(document: dict[str, Any]) -> CommitRecord:
    return CommitRecord(
        source=document["source"],
        user=document["user"],
        backup_id=document["backup_id"],
        type=BackupType(document["type"]),
        status=BackupStatus(document["status"]),
        engine=document["engine"],
        run_id=document["run_id"],
        prefix=document["prefix"],
        started=document["started"],
        finished=document["finished"],
        totals=Totals(**document["totals"]),
        segments=tuple(SegmentRef(**item) for item in document["segments"]),
        packs=tuple(document["packs"]),
        parent=document["parent"],
        unreadable=tuple(Unreadable(**item) for item in document["unreadable"]),
    )
