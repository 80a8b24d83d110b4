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

_KEYS = frozenset({VerifyEvent.VERIFY, VerifyEvent.SEED, VerifyEvent.CONTINUE})
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
    """A verification to do. `after` is the last pack that a sample has read, `cursor` where a structure check is."""

    kind: Kind
    seed: int
    after: PackId | None = None
    cursor: Cursor | None = None

    def event(self) -> dict[str, Any]:
        """Give the event that asks for it."""
        event: dict[str, Any] = {VerifyEvent.VERIFY: self.kind.value, VerifyEvent.SEED: self.seed}
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
    return VerifyRequest(kind, seed, after, cursor)


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
