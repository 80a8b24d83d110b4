"""The report of an erasure, for the auditor: what there was, what goes until when, what stays, and what is gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

from functions.contract.object_keys import pack_key
from functions.engine.backup import rfc3339
from functions.engine.retention.erasure_dates import Timetable
from functions.engine.retention.erasure_survey import Share, Survey
from functions.engine.retention.holds import Author
from functions.engine.retention.policy import Erasure, Hold
from functions.engine.retention.ports import Vault, Version
from functions.engine.retention.walk import modified

Mapper: TypeAlias = Callable[[Callable[[str], "State"], Iterable[str]], Iterator["State"]]
"""`map`, or something like it with several threads."""


class State(StrEnum):
    """What is left of an object."""

    THERE = "there"
    LET_GO = "let go"
    """Tagged as expired: the lifecycle will hide it."""
    HIDDEN = "hidden"
    """Older versions are left, until `undeleteDays` and their locks are over."""
    GONE = "gone"


STAYS = (
    "chunks of his that others have too: they are theirs, and nothing says that they were his",
    (
        "chunks of his alone in packs that others need: encrypted, named by no manifest; they go with the last backup "
        "that needs the pack, and from the next FULL backup on nobody builds on these packs"
    ),
    "this order and its report, which name him, as proof that he was erased",
    "holds that name him, and plans of collections, which name him and the ids of his backups",
    "trail, access logs and logs, which name keys with his name, as long as the stack keeps them (auditDays, logDays)",
    "his name in the table of users, and his lines in those of backups, runs, restores and drills until they expire",
    "what other places keep: older versions in the source, restored copies, backups of the tables",
)
"""What an erasure does not touch. The documents say the same."""


def state_of(versions: Sequence[Version]) -> State:
    """Say what is left of an object, given its versions, newest first."""
    if not versions or all(version.marker for version in versions):
        return State.GONE
    if versions[0].marker:
        return State.HIDDEN
    return State.LET_GO if versions[0].expired else State.THERE


def erasure_report(
    order: Erasure, author: Author, found: Survey, holds: Sequence[Hold], timetable: Timetable, source: str
) -> dict[str, Any]:
    """Give the report as plain JSON values. `source` says what is known of him in the source."""
    return {
        "erasure_id": order.erasure_id,
        "source": order.source,
        "user": order.user,
        "reason": order.reason,
        "by": author.by,
        "ordered": rfc3339(order.ordered),
        "in_the_source": source,
        "held": [{"hold": hold.hold_id, "backup": hold.backup_id, "reason": hold.reason} for hold in holds],
        "lock": {"mode": timetable.protection.lock_mode, "days": timetable.protection.lock_days},
        "undelete_days": timetable.protection.undelete_days,
        "backups": {
            "count": len(found.backups),
            "first": found.backups[0].backup_id if found.backups else None,
            "last": found.backups[-1].backup_id if found.backups else None,
            "objects": len(found.blobs),
            "bytes": sum(blob.size for blob in found.blobs),
        },
        "packs": {
            Share.ALONE.value: found.amount(iter(found.own)).document(),
            Share.BESIDE_OTHERS.value: found.amount(iter(found.mixed)).document(),
        },
        "chunks": {share.value: amount.document() for share, amount in found.chunks.items()} or None,
        "not_counted": found.damaged,
        "dates": None if holds else _dates(found, timetable),
        "stays": list(STAYS),
        "keys": {
            "backups": [blob.key for blob in found.blobs],
            "packs": [pack_key(pack) for pack in found.own],
            "packs_beside_others": [pack_key(pack) for pack in sorted(found.mixed)],
        },
    }


def _dates(found: Survey, timetable: Timetable) -> dict[str, str | None]:
    """Give the latest moments. None where nothing ever deletes."""
    backups = timetable.backups_gone(map(modified, found.blobs))
    packs = timetable.packs_gone(found.births())
    return {
        "condemned": rfc3339(timetable.condemned),
        "not_offered": rfc3339(timetable.backups_let_go),
        "hidden": rfc3339(timetable.hidden),
        "backups_gone": _moment(backups),
        "packs_gone": _moment(packs),
        "last_byte_gone": _moment(max(backups, packs) if backups and packs else None),
    }


def check_erasure(report: Mapping[str, Any], vault: Vault, mapper: Mapper = map) -> dict[str, Any]:
    """Say what is left of what a report names, and whether all that was his alone is gone."""

    def states(keys: Sequence[str]) -> dict[str, int]:
        counts = Counter(mapper(lambda key: state_of(vault.versions(key)), keys))
        return {state.value: counts[state] for state in State}

    left = {kind: states(keys) for kind, keys in report["keys"].items()}
    alone = (left["backups"], left["packs"])
    return {**left, "gone": all(counts[State.GONE.value] == sum(counts.values()) for counts in alone)}


def _moment(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment is not None else None
