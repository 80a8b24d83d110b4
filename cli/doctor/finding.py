"""What `doctor` has found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum

from functions.engine.errors import AccessError, NotFoundError, StrongroomError, UnavailableError

DEPLOY = "look at the difference with `pulumi preview --refresh`, then deploy: `pulumi up --refresh`"
"""The remedy of whatever is not as the program made it."""
_NO_DATA = ", and its key's use in KMS"
"""Of the remedy of a refused call: to look at settings takes no key."""


class Level(StrEnum):
    """How bad it is. What could not be seen may be as bad as anything."""

    ERROR = "ERROR"
    WARNING = "WARNING"
    UNSEEN = "UNSEEN"
    NOTE = "NOTE"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a person should know: which check, about what, what is the matter, and what to do."""

    level: Level
    check: str
    where: str
    what: str
    remedy: str

    def document(self) -> dict[str, str]:
        """Give it for `--json`."""
        return asdict(self)


def error(check: str, where: str, what: str, remedy: str) -> Finding:
    """Give something that puts backups at risk now."""
    return Finding(Level.ERROR, check, where, what, remedy)


def warning(check: str, where: str, what: str, remedy: str) -> Finding:
    """Give something that should be otherwise."""
    return Finding(Level.WARNING, check, where, what, remedy)


def remark(check: str, where: str, what: str, remedy: str) -> Finding:
    """Give something that is as it was wanted, and good to know."""
    return Finding(Level.NOTE, check, where, what, remedy)


def unread(check: str, where: str, trouble: StrongroomError) -> Finding:
    """Give what it means that something could not be read."""
    if isinstance(trouble, NotFoundError):
        return error(check, where, f"is not there: {trouble.message}", DEPLOY)
    remedy = trouble.remedy
    if isinstance(trouble, UnavailableError):
        remedy = "run doctor again; does this machine reach the service, by a proxy or a VPC endpoint?"
    if isinstance(trouble, AccessError):
        return Finding(Level.UNSEEN, check, where, f"may not be seen: {trouble.message}", remedy.removesuffix(_NO_DATA))
    return Finding(Level.UNSEEN, check, where, f"cannot be seen: {trouble.message}", remedy)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Put the worst first; the same in any order of finding."""
    rank = list(Level)
    return sorted(findings, key=lambda found: (rank.index(found.level), found.check, found.where, found.what))
