"""What a person may ask of the restore function, read strictly: all problems at once, and nothing ignored."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from enum import StrEnum
from fnmatch import translate
from typing import Any, TypeAlias, TypeVar

from functions.contract.messages import RestoreEvent
from functions.contract.object_keys import is_backup_id
from functions.engine.backup import rfc3339
from functions.engine.conflict import Conflict
from functions.engine.errors import ConfigurationError
from functions.engine.orchestration.archive import Tier
from functions.engine.orchestration.ports import Facts

E = TypeVar("E", bound=StrEnum)

ALL_USERS = "all"
PREFIX_BYTES = 900
"""Bytes of a destination prefix: S3 keys have 1,024 (Amazon S3 User Guide, "Naming Amazon S3 objects")."""
PATTERNS = 100
REQUEST_BYTES = 200_000
"""Bytes of a request as JSON: it is kept in one item of the ledger."""

_EXAMPLE = (
    '{"source": "reports", "users": ["alice"], "as_of": "2026-11-20T02:00:00Z", "patterns": ["alice/*.pdf"], '
    '"destination_bucket": "restored", "dry_run": true}'
)
_KEYS = (
    RestoreEvent.SOURCE,
    RestoreEvent.USERS,
    RestoreEvent.BACKUP,
    RestoreEvent.AS_OF,
    RestoreEvent.PATTERNS,
    RestoreEvent.BUCKET,
    RestoreEvent.PREFIX,
    RestoreEvent.CONFLICT,
    RestoreEvent.DRY_RUN,
    RestoreEvent.TIER,
    RestoreEvent.REQUEST,
)
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FIRST_YEAR = 2000
_SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreRequest:
    """What to restore, and where to. `users` empty means all; without `backup_id` and `as_of`, the newest backups."""

    source: str
    bucket: str
    users: tuple[str, ...] = ()
    backup_id: str | None = None
    as_of: datetime | None = None
    patterns: tuple[str, ...] = ()
    prefix: str = ""
    conflict: Conflict = Conflict.SKIP
    dry_run: bool = False
    tier: Tier = Tier.STANDARD
    request_id: str | None = None

    def facts(self) -> dict[str, Any]:
        """Give the request as the event that asks for it."""
        facts: dict[str, Any] = {
            RestoreEvent.SOURCE: self.source,
            RestoreEvent.USERS: list(self.users) or ALL_USERS,
            RestoreEvent.BACKUP: self.backup_id,
            RestoreEvent.AS_OF: rfc3339(self.as_of) if self.as_of is not None else None,
            RestoreEvent.PATTERNS: list(self.patterns),
            RestoreEvent.BUCKET: self.bucket,
            RestoreEvent.PREFIX: self.prefix,
            RestoreEvent.CONFLICT: self.conflict.value,
            RestoreEvent.DRY_RUN: self.dry_run,
            RestoreEvent.TIER: self.tier.value,
            RestoreEvent.REQUEST: self.request_id,
        }
        return {name: value for name, value in facts.items() if value is not None}

    @staticmethod
    def from_facts(facts: Facts) -> RestoreRequest:
        """Undo `facts`."""
        return parse_request(facts, (str(facts[RestoreEvent.BUCKET]),))


@dataclass(frozen=True, slots=True)
class Follow:
    """Say how a restore stands."""

    restore_id: str


@dataclass(frozen=True, slots=True)
class Continue:
    """Go on with a restore for the `owner` who began: the ledger knows where."""

    restore_id: str
    owner: str


@dataclass(frozen=True, slots=True)
class Poll:
    """Look after the restores that wait."""


Asked: TypeAlias = RestoreRequest | Follow | Continue | Poll


def read_event(event: object, buckets: Sequence[str]) -> Asked:
    """Say what an event asks for. ConfigurationError with all that is wrong; `buckets` may be restored into."""
    if not isinstance(event, Mapping):
        raise ConfigurationError(f"the event is {_shown(event)}, must be an object", hint=f"e.g. {_EXAMPLE}")
    if RestoreEvent.POLL in event:
        _only(event, RestoreEvent.POLL)
        if event[RestoreEvent.POLL] is not True:
            raise ConfigurationError(f"{RestoreEvent.POLL} is {_shown(event[RestoreEvent.POLL])}, must be true")
        return Poll()
    if RestoreEvent.RESTORE in event:
        return _about_one(event)
    return parse_request(event, buckets)


def parse_request(event: Mapping[str, object], buckets: Sequence[str]) -> RestoreRequest:
    """Read a request. ConfigurationError with all that is wrong."""
    fields = _Fields(event)
    fields.refuse_unknown(_KEYS)
    users = _users(fields)
    backup_id, as_of = _backup(fields, users)
    request = RestoreRequest(
        source=fields.text(RestoreEvent.SOURCE, "the name of a source", needed=True),
        bucket=_bucket(fields, buckets),
        users=users or (),
        backup_id=backup_id,
        as_of=as_of,
        patterns=_patterns(fields),
        prefix=_prefix(fields),
        conflict=fields.choice(RestoreEvent.CONFLICT, Conflict.SKIP),
        dry_run=fields.truth(RestoreEvent.DRY_RUN),
        tier=fields.choice(RestoreEvent.TIER, Tier.STANDARD),
        request_id=_request_id(fields),
    )
    fields.refuse_large()
    fields.finish()
    return request


def wanted_keys(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Want the keys that match one of the shell patterns; `*` matches `/` too. None means every key."""
    if not patterns:
        return lambda _key: True
    match = re.compile("|".join(f"(?:{translate(pattern)})" for pattern in patterns)).match
    return lambda key: match(key) is not None


class _Fields:
    """The values of an event, and the problems found so far."""

    def __init__(self, event: Mapping[str, object]) -> None:
        self._event = event
        self._problems: list[str] = []

    def get(self, name: str) -> object:
        return self._event.get(name)

    def problem(self, name: str, wanted: str) -> None:
        given = f"is {_shown(self._event[name])}" if self._event.get(name) is not None else "is missing"
        self._problems.append(f"{name} {given}, must be {wanted}")

    def say(self, problem: str) -> None:
        self._problems.append(problem)

    def refuse_unknown(self, known: Sequence[str]) -> None:
        for name in self._event:
            if name not in known:
                near = get_close_matches(str(name), known, 1)
                self.say(
                    f"{_shown(name)} is unknown, " + (f"is it {near[0]}?" if near else f"known: {', '.join(known)}")
                )

    def refuse_large(self) -> None:
        size = len(json.dumps(dict(self._event), default=str, ensure_ascii=False).encode(errors="replace"))
        if size > REQUEST_BYTES:
            self.say(f"the request has {size:,} bytes, must have {REQUEST_BYTES:,} at most: ask in several")

    def text(self, name: str, wanted: str, *, needed: bool = False) -> str:
        value = self.get(name)
        if _is_text(value) and (value or not needed):
            return str(value)
        if value is not None or needed:
            self.problem(name, wanted)
        return ""

    def truth(self, name: str) -> bool:
        value = self.get(name)
        if value is not None and not isinstance(value, bool):
            self.problem(name, "true or false")
        return value is True

    def choice(self, name: str, default: E) -> E:
        value = self.get(name)
        if value is None:
            return default
        kind = type(default)
        if isinstance(value, str) and value in [item.value for item in kind]:
            return kind(value)
        self.problem(name, f"one of {', '.join(kind)}")
        return default

    def texts(self, name: str, wanted: str) -> tuple[str, ...]:
        value = self.get(name)
        if value is None:
            return ()
        if isinstance(value, list | tuple) and all(_is_text(item) for item in value):
            return tuple(dict.fromkeys(value))
        self.problem(name, wanted)
        return ()

    def finish(self) -> None:
        if self._problems:
            count = len(self._problems)
            title = "a problem" if count == 1 else f"{count} problems"
            raise ConfigurationError(f"the request has {title}: " + "; ".join(self._problems), hint=f"e.g. {_EXAMPLE}")


def _users(fields: _Fields) -> tuple[str, ...] | None:
    """Give the users, nothing for all of them, None when it cannot be told."""
    wanted = f'a list of users, or "{ALL_USERS}"'
    if fields.get(RestoreEvent.USERS) == ALL_USERS:
        return ()
    users = fields.texts(RestoreEvent.USERS, wanted)
    if not users:
        if fields.get(RestoreEvent.USERS) in (None, [], ()):
            fields.problem(RestoreEvent.USERS, wanted)
        return None
    for user in users:
        if "/" in user and user != "/":
            near = user.strip("/").partition("/")[0]
            fields.say(f"user {_shown(user)} must be a first-level folder, without '/': is it {near!r}?")
    return users


def _backup(fields: _Fields, users: tuple[str, ...] | None) -> tuple[str | None, datetime | None]:
    backup_id = fields.text(RestoreEvent.BACKUP, "a backup's id") or None
    as_of = _time(fields)
    if backup_id is not None:
        if not is_backup_id(backup_id):
            fields.problem(RestoreEvent.BACKUP, "a backup's id, e.g. 20261120T020000Z-1f3a9c20")
        if fields.get(RestoreEvent.AS_OF) is not None:
            fields.say(f"{RestoreEvent.BACKUP} and {RestoreEvent.AS_OF} are given, must be one of them")
        if users is not None and len(users) != 1:
            fields.say(f"{RestoreEvent.BACKUP} is given, so {RestoreEvent.USERS} must be the one user it belongs to")
    return backup_id, as_of


def _time(fields: _Fields) -> datetime | None:
    text = fields.text(RestoreEvent.AS_OF, "a time, e.g. 2026-11-20T02:00:00Z")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        moment = None
    if moment is None or moment.year < _FIRST_YEAR:
        fields.problem(RestoreEvent.AS_OF, f"a time after {_FIRST_YEAR}, e.g. 2026-11-20T02:00:00Z")
        return None
    return moment.replace(microsecond=0)


def _patterns(fields: _Fields) -> tuple[str, ...]:
    wanted = f"a list of up to {PATTERNS} patterns of keys, e.g. alice/*.pdf"
    patterns = fields.texts(RestoreEvent.PATTERNS, wanted)
    if len(patterns) > PATTERNS or "" in patterns:
        fields.problem(RestoreEvent.PATTERNS, wanted)
    return patterns


def _bucket(fields: _Fields, buckets: Sequence[str]) -> str:
    wanted = f"one of {', '.join(buckets) or 'none: no bucket may be restored into'}"
    bucket = fields.text(RestoreEvent.BUCKET, wanted, needed=True)
    if bucket and bucket not in buckets:
        fields.problem(RestoreEvent.BUCKET, wanted)
    return bucket


def _prefix(fields: _Fields) -> str:
    prefix = fields.text(RestoreEvent.PREFIX, "text that is put before each key")
    if len(prefix.encode()) > PREFIX_BYTES:
        fields.problem(RestoreEvent.PREFIX, f"at most {PREFIX_BYTES} bytes long")
    return prefix


def _request_id(fields: _Fields) -> str | None:
    wanted = "up to 64 letters, digits, '-' and '_'"
    text = fields.text(RestoreEvent.REQUEST, wanted)
    if text and not _REQUEST_ID.fullmatch(text):
        fields.problem(RestoreEvent.REQUEST, wanted)
    return text or None


def _about_one(event: Mapping[str, object]) -> Follow | Continue:
    _only(event, RestoreEvent.RESTORE, RestoreEvent.CONTINUE)
    restore_id = event[RestoreEvent.RESTORE]
    if not isinstance(restore_id, str) or not restore_id:
        raise ConfigurationError(f"{RestoreEvent.RESTORE} is {_shown(restore_id)}, must be the id of a restore")
    owner = event.get(RestoreEvent.CONTINUE)
    if owner is None:
        return Follow(restore_id)
    if not isinstance(owner, str):
        raise ConfigurationError(f"{RestoreEvent.CONTINUE} is {_shown(owner)}, must be what the function wrote")
    return Continue(restore_id, owner)


def _only(event: Mapping[str, object], *known: str) -> None:
    fields = _Fields(event)
    fields.refuse_unknown(known)
    fields.finish()


def _is_text(value: object) -> bool:
    """Say whether a value is text that can be written down: JSON may hold halves of surrogate pairs."""
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
