"""What a collection does to a backup or a pack, and why. Pure: what is known of it and the waiting times decide."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from functions.engine.retention.pack_table import Fate, PackFacts, Past
from functions.engine.safety import SafetyParameters

LIVE = frozenset({Fate.KEEP, Fate.READMIT, Fate.RESCUE, Fate.CONDEMN, Fate.WAIT})
"""A backup with one of these fates is there to be restored when the collection is over: what it needs is needed."""


class Verdict(NamedTuple):
    """What is done, and why."""

    fate: Fate
    why: str = ""


_LIFECYCLE = timedelta(days=3)
"""What is tagged is hidden by then, at the latest: it counts days from midnight, and takes its time (Amazon S3 User
Guide, "Lifecycle configuration elements")."""


REMEMBERED = timedelta(days=7)
"""So long plans name what was expired and is listed no more: a hold, or the end of an erasure, may come late."""


class BackupPast(NamedTuple):
    """What earlier collections did to a backup: condemned it, expired it, or perhaps tagged some of it."""

    condemned: datetime | None = None
    expired: bool = False
    tagged: bool = False
    since: datetime | None = None
    """When it was expired."""
    erasure: str = ""
    """The order for which it was condemned or expired."""
    committed: bool = False
    """Whether it had a commit record. Segments without one may be tagged too."""


def backup_verdict(*, keep: bool, past: BackupPast, now: datetime, safety: SafetyParameters) -> Verdict:
    """Judge a backup, given what retention says of it now. The reasons are retention's."""
    if keep:
        if past.expired or past.tagged:
            return Verdict(Fate.RESCUE, "was expired, and is kept now")
        return Verdict(Fate.KEEP if past.condemned is None else Fate.READMIT)
    if past.expired:
        # It is tagged again: somebody may have brought it back, and what it needs counts no more.
        return Verdict(Fate.GONE, "was expired before")
    if past.condemned is not None and now - past.condemned >= safety.second_look:
        return Verdict(Fate.EXPIRE)
    return Verdict(Fate.CONDEMN if past.condemned is None else Fate.WAIT)


def pack_verdict(pack: PackFacts, needed_share: float, now: datetime, safety: SafetyParameters) -> Verdict:
    """Judge a pack."""
    return _needed(pack, needed_share, now, safety) if pack.live else _not_needed(pack, now, safety)


def verdict_as_before(pack: PackFacts, why: str) -> Verdict:
    """Leave a pack that seems not to be needed as it was. What carries the tag is not forgotten."""
    fates = {Past.CONDEMNED: Fate.WAIT, Past.EXPIRED: Fate.GONE, Past.DRAINED: Fate.DRAINED}
    return Verdict(fates.get(pack.past, Fate.GONE if pack.tagged else Fate.KEEP), why)


def is_young(modified: datetime, now: datetime, safety: SafetyParameters) -> bool:
    """Say whether an object that no backup needs may belong to one that is not finished yet."""
    return now - modified < safety.grace


def _needed(pack: PackFacts, needed_share: float, now: datetime, safety: SafetyParameters) -> Verdict:
    if pack.past is Past.EXPIRED or pack.tagged:
        return Verdict(Fate.RESCUE, "was expired, and a backup needs it")
    if pack.past is Past.CONDEMNED:
        return Verdict(Fate.READMIT, "was condemned, and a backup needs it")
    if pack.past is Past.DRAINED:
        return Verdict(Fate.DRAINED, "takes part in deduplication no more")
    if needed_share < safety.sparse_share and not is_young(pack.modified, now, safety):
        return Verdict(Fate.DRAIN, f"only {needed_share:.0%} of it is needed")
    return Verdict(Fate.KEEP)


def _not_needed(pack: PackFacts, now: datetime, safety: SafetyParameters) -> Verdict:
    if pack.past is Past.EXPIRED:
        if pack.since is not None and now - pack.since < _LIFECYCLE:
            return Verdict(Fate.GONE, "was expired, and waits for the lifecycle")
        return Verdict(Fate.CONDEMN, "was expired, and is still there: waits anew")
    if pack.past is Past.CONDEMNED and pack.since is not None:
        waited = _hours(now - pack.since)
        if now - pack.since >= safety.second_look:
            return Verdict(Fate.EXPIRE, f"no backup needs it, condemned {waited} ago")
        return Verdict(Fate.WAIT, f"no backup needs it, condemned {waited} ago")
    age = now - pack.modified
    if is_young(pack.modified, now, safety):
        return Verdict(Fate.KEEP, f"only {_hours(age)} old")
    return Verdict(Fate.CONDEMN, f"no backup needs it, {_hours(age)} old")


def _hours(span: timedelta) -> str:
    return f"{span // timedelta(hours=1)} hours"
