"""What a verification is asked to do: the event of a schedule, of a person, or of the invocation before. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple, TypeGuard

from functions.contract.messages import VerifyEvent
from functions.contract.object_keys import pack_key, parse_pack_key
from functions.engine.errors import ConfigurationError
from functions.engine.model import PackId
from functions.engine.orchestration.runs import is_user, shortened

_KEYS = frozenset({VerifyEvent.VERIFY, VerifyEvent.SEED, VerifyEvent.SOURCE, VerifyEvent.USERS, VerifyEvent.CONTINUE})
NAMED_AT_MOST = 100
"""Users that people may have proven at once: one invocation does it, and says how each ended."""
_AFTER = "after"
_SOURCE = "source"
_USER = "user"
_SIZE = "size"


class Kind(StrEnum):
    """Kinds of verification."""

    SAMPLE = "sample"
    STRUCTURE = "structure"
    DRILL = "drill"


class Cursor(NamedTuple):
    """How far a structure check came: this user of this source is done. `size` backups are to be checked at once."""

    source: str
    user: str | None
    size: int


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """A verification to do. `after` is the last pack that a sample has read, `cursor` where a structure check is.

    A drill may name users, of one source or of any; else it is the day's.
    """

    kind: Kind
    seed: int
    after: PackId | None = None
    cursor: Cursor | None = None
    source: str | None = None
    users: tuple[str, ...] = ()

    def event(self) -> dict[str, Any]:
        """Give the event that asks for it."""
        event: dict[str, Any] = {VerifyEvent.VERIFY: self.kind.value, VerifyEvent.SEED: self.seed}
        if self.source is not None:
            event[VerifyEvent.SOURCE] = self.source
        if self.users:
            event[VerifyEvent.USERS] = list(self.users)
        if self.after is not None:
            event[VerifyEvent.CONTINUE] = {_AFTER: self.after}
        if self.cursor is not None:
            event[VerifyEvent.CONTINUE] = self.cursor._asdict()
        return event


def parse_request(event: Mapping[str, Any], today: date) -> VerifyRequest:
    """Read an event. Without a seed it is the day's: a retry, and a second delivery, look at the same.

    Raises ConfigurationError, which lists all problems.
    """
    problems: list[str] = []
    kinds = ", ".join(kind.value for kind in Kind)
    found = event.get(VerifyEvent.VERIFY)
    kind = Kind(found) if found in list(Kind) else None
    if kind is None:
        problems.append(f"{VerifyEvent.VERIFY} is {found!r}, must be one of {kinds}")
    seed = event.get(VerifyEvent.SEED, today.toordinal())
    if not _is_number(seed):
        problems.append(f"{VerifyEvent.SEED} is {seed!r}, must be a whole number")
    source, users = _named(event, kind, problems)
    unknown = sorted(str(key) for key in event.keys() - _KEYS)
    if unknown:
        problems.append(f"unknown: {', '.join(unknown)}")
    going_on = event.get(VerifyEvent.CONTINUE)
    after = _after(going_on) if kind is Kind.SAMPLE else None
    cursor = _cursor(going_on) if kind is Kind.STRUCTURE else None
    if going_on is not None and kind is not None and after is None and cursor is None:
        problems.append(f"{VerifyEvent.CONTINUE} is {going_on!r}, which no {kind} can go on from")
    if problems or kind is None:
        raise ConfigurationError(
            f"the event cannot be understood: {'; '.join(problems)}", hint='send {"verify": "..."}'
        )
    return VerifyRequest(kind, seed, after, cursor, source, users)


def _named(event: Mapping[str, Any], kind: Kind | None, problems: list[str]) -> tuple[str | None, tuple[str, ...]]:
    """Read whom a person wants to have proven."""
    source, users = event.get(VerifyEvent.SOURCE), event.get(VerifyEvent.USERS)
    if users is None and source is None:
        return None, ()
    if kind is not Kind.DRILL or users is None:
        problems.append(f"{VerifyEvent.SOURCE} and {VerifyEvent.USERS} are for a drill of named users")
        return None, ()
    if not (source is None or isinstance(source, str)):
        problems.append(f"{VerifyEvent.SOURCE} is {shortened(source)}, must be the name of a source")
        return None, ()
    if isinstance(users, list) and 0 < len(users) <= NAMED_AT_MOST and all(map(is_user, users)):
        return source, tuple(dict.fromkeys(users))
    problems.append(f"{VerifyEvent.USERS} is {shortened(users)}, must be up to {NAMED_AT_MOST} names of users")
    return None, ()


def _after(going_on: object) -> PackId | None:
    pack = going_on.get(_AFTER) if isinstance(going_on, Mapping) else None
    return pack if isinstance(pack, str) and parse_pack_key(pack_key(pack)) == pack else None


def _cursor(going_on: object) -> Cursor | None:
    if not isinstance(going_on, Mapping):
        return None
    source, user, size = going_on.get(_SOURCE), going_on.get(_USER), going_on.get(_SIZE)
    if not isinstance(source, str) or not (user is None or isinstance(user, str)):
        return None
    return Cursor(source, user, size) if _is_number(size) and size > 0 else None


def _is_number(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
