"""Decides what a run is: who is backed up, in which order, and how it ended. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from fnmatch import translate
from typing import Any, NamedTuple, Self

from functions.contract.environment import SourceSetting
from functions.contract.messages import BackupMessage, StartEvent
from functions.contract.states import RunState
from functions.engine.backup import new_backup_id, rfc3339
from functions.engine.errors import ConfigurationError
from functions.engine.model import BackupType
from functions.engine.orchestration.ports import Facts, UserState, Work
from functions.engine.ports import Clock, Ids

SCHEDULE = "schedule"
MANUAL = "manual"

ACTIVE = (RunState.DISPATCHING, RunState.RUNNING)
"""The states of a run that has not ended."""

_TYPES = tuple(item.value for item in BackupType)
_KEYS = (
    StartEvent.TYPE,
    StartEvent.PREFIX,
    StartEvent.USERS,
    StartEvent.SOURCE,
    StartEvent.SCHEDULED,
    StartEvent.CONTINUE,
)
NAMED_AT_MOST = 1_000
"""Users that an event may name: with names of 60 bytes, half of what a run's facts may hold."""
_UNOPENED = timedelta(minutes=15)
"""The longest that an invocation can take from getting a source to opening its run."""
_EXAMPLE = '{"backup_type": "INCREMENTAL"} or {"backup_type": "MANUAL", "source_prefix": "alice/"}'


class Position(NamedTuple):
    """A user in the order of a run. Users with priority come first; among equals, names' bytes decide."""

    later: bool
    user: str


@dataclass(frozen=True, slots=True)
class StartRequest:
    """What an event asks for.

    `token` and `after` are given by the invocation that could not finish: what started the run, and how far it came.
    """

    type: BackupType = BackupType.INCREMENTAL
    selected: str = ""
    source: str | None = None
    scheduled: str | None = None
    token: str | None = None
    after: Position | None = None
    users: tuple[str, ...] = ()

    @property
    def trigger(self) -> str:
        """Say who started the run: a schedule tells its time."""
        return MANUAL if self.scheduled is None else SCHEDULE

    def token_of(self, request_id: str) -> str:
        """Name what started the run: the same for a second delivery and for each retry of an event."""
        if self.token is not None:
            return self.token
        return request_id if self.scheduled is None else f"{self.scheduled}/{self.type.value}/{self.selected}"

    def event(self, source: str, token: str, after: Position | None) -> dict[str, Any]:
        """Give the event that goes on with one source after a user, or begins with it."""
        event: dict[str, Any] = {StartEvent.TYPE: self.type.value, StartEvent.PREFIX: self.selected}
        if self.scheduled is not None:
            event[StartEvent.SCHEDULED] = self.scheduled
        if self.users:
            event[StartEvent.USERS] = list(self.users)
        place = {} if after is None else {"after": list(after)}
        return {**event, StartEvent.SOURCE: source, StartEvent.CONTINUE: {"token": token, **place}}


def parse_start(event: object, sources: Sequence[str]) -> StartRequest:
    """Read the event that starts a run; `{}` is an incremental run of all sources.

    ConfigurationError names all that is wrong with it.
    """
    if not isinstance(event, Mapping):
        raise ConfigurationError(f"the event is {event!r}, must be a JSON object", hint=f"such as {_EXAMPLE}")
    problems = [f"{key!r} is unknown{_nearest(str(key), _KEYS)}" for key in event if key not in _KEYS]
    kind = event.get(StartEvent.TYPE, BackupType.INCREMENTAL.value)
    if not isinstance(kind, str) or kind.upper() not in _TYPES:
        problems.append(_wrong(event, StartEvent.TYPE, f"one of {', '.join(_TYPES)}{_nearest(str(kind), _TYPES)}"))
    if not isinstance(event.get(StartEvent.PREFIX, ""), str):
        problems.append(_wrong(event, StartEvent.PREFIX, "text, such as 'alice/'"))
    users = _named(event, problems)
    source = event.get(StartEvent.SOURCE)
    if StartEvent.SOURCE in event and source not in sources:
        near = get_close_matches(str(source), sources, 1)
        problems.append(_wrong(event, StartEvent.SOURCE, f"one of {', '.join(sources)}{_meant(near)}"))
    if StartEvent.SCHEDULED in event and not _is_moment(event[StartEvent.SCHEDULED]):
        problems.append(_wrong(event, StartEvent.SCHEDULED, "a time, such as '2026-11-20T02:00:00Z'"))
    token, after = _continued(event, problems)
    if problems:
        raise ConfigurationError(f"the event cannot be used: {'; '.join(problems)}", hint=f"such as {_EXAMPLE}")
    selected = event.get(StartEvent.PREFIX, "")
    return StartRequest(
        BackupType(kind.upper()), selected, source, event.get(StartEvent.SCHEDULED), token, after, users
    )


def _named(event: Mapping[str, Any], problems: list[str]) -> tuple[str, ...]:
    """Read the users that are named. An empty list is refused: it would be everybody."""
    if StartEvent.USERS not in event:
        return ()
    names = event[StartEvent.USERS]
    if event.get(StartEvent.PREFIX):
        problems.append(f"{StartEvent.USERS!r} and {StartEvent.PREFIX!r} both choose users: leave one out")
    if isinstance(names, list) and 0 < len(names) <= NAMED_AT_MOST and all(map(is_user, names)):
        return tuple(dict.fromkeys(names))
    allowed = f"up to {NAMED_AT_MOST:,} names of first-level folders, such as ['alice', 'bob']"
    problems.append(f"{StartEvent.USERS!r} is {shortened(names)}, must be {allowed}")
    return ()


def is_user(name: object) -> bool:
    """Say whether this can be a user: the name of one folder, `/` for the one without a name, or nothing."""
    return isinstance(name, str) and (name == "/" or "/" not in name)


def shortened(value: object, limit: int = 100) -> str:
    """Give a value as a message shows it."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}..."


def _continued(event: Mapping[str, Any], problems: list[str]) -> tuple[str | None, Position | None]:
    if StartEvent.CONTINUE not in event:
        return None, None
    match event[StartEvent.CONTINUE]:
        case {"token": str(token), "after": [bool(later), str(user)], **rest} if not rest and event.get("source"):
            return token, Position(later, user)
        case {"token": str(token), **rest} if not rest and event.get("source"):
            return token, None
    problems.append(f"{StartEvent.CONTINUE!r} is written by the function itself: leave it out")
    return None, None


def _wrong(event: Mapping[str, Any], key: str, allowed: str) -> str:
    return f"{key!r} is {event[key]!r}, must be {allowed}"


def _nearest(word: str, known: Sequence[str]) -> str:
    folded = {item.upper(): item for item in known}
    return _meant([folded[near] for near in get_close_matches(word.upper(), folded, 1)])


def _meant(near: Sequence[str]) -> str:
    return f" (did you mean {near[0]}?)" if near else ""


def _is_moment(value: object) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a run is, as its facts say. `priority` is kept, so that its order stays when the settings change."""

    source: str
    prefix: str
    type: BackupType
    trigger: str
    selected: str
    window_end: datetime
    priority: tuple[str, ...] = ()
    vanished: int = 0
    error: str | None = None
    overdue: bool = False
    users: tuple[str, ...] = ()

    @property
    def everybody(self) -> bool:
        """Say whether the run is of all users of its source."""
        return not self.selected and not self.users

    def chooses(self, user: str) -> bool:
        """Say whether the run is of a user."""
        return user in self.users if self.users else is_selected(user, self.selected)

    @classmethod
    def of(cls, work: Work) -> Self:
        """Read a run's facts."""
        facts = work.facts
        return cls(
            facts["source"],
            facts["prefix"],
            BackupType(facts["type"]),
            facts["trigger"],
            facts["selected"],
            datetime.fromisoformat(facts["window_end"]),
            tuple(facts.get("priority", ())),
            facts.get("vanished", 0),
            facts.get("error"),
            bool(facts.get("overdue")),
            tuple(facts.get("users", ())),
        )


def new_run(run_id: str, setting: SourceSetting, request: StartRequest, now: datetime, window: timedelta) -> Work:
    """Give a run as it begins."""
    facts: Facts = {
        "source": setting.name,
        "prefix": setting.prefix,
        "type": request.type.value,
        "trigger": request.trigger,
        "selected": selection(setting, request.selected),
        "window_end": rfc3339(now + window),
        "priority": list(setting.priority),
    }
    if request.users:
        facts = {**facts, "users": list(request.users)}
    if request.token is not None:
        # By which whoever asked for the run finds it.
        facts = {**facts, "token": request.token}
    return Work(run_id, RunState.DISPATCHING.value, now, facts)


def new_run_id(clock: Clock, ids: Ids) -> str:
    """Give an id that sorts by time: `20261120T020000Z-1f3a9c20`."""
    return new_backup_id(clock(), ids)


def selection(setting: SourceSetting, given: str) -> str:
    """Give the part of `source_prefix` that chooses users: the source's own prefix may stand in front of it.

    ConfigurationError when it names something inside a user: a backup is of whole users.
    """
    chosen = given.removeprefix(setting.prefix)
    if "/" in chosen[:-1]:
        raise ConfigurationError(
            f"{StartEvent.PREFIX!r} is {given!r}, which lies inside a user of {setting.name}",
            hint="name the user, such as 'alice/', or the beginning of names, such as 'al'",
        )
    return chosen


def is_selected(user: str, chosen: str) -> bool:
    """Say whether `source_prefix` chooses a user: by the name of its folder, which ends with a slash."""
    folder = user if user in {"", "/"} else f"{user}/"
    return folder.startswith(chosen)


def vanished_users(known: Iterable[UserState], present: Collection[str], facts: RunFacts) -> Iterator[str]:
    """Give the users whose last backup of this prefix held files, and whose folder is gone.

    Each gets one more backup, an empty one: without it, a restore of everybody's newest backup would bring back what
    was deleted.
    """
    for state in known:
        if facts.chooses(state.user) and state.files and state.prefix == facts.prefix and state.user not in present:
            yield state.user


def in_order(users: Iterable[str], priority: Sequence[str]) -> list[Position]:
    """Put users in order: those whose name matches a pattern of `priority` first."""
    first = re.compile("|".join(map(translate, priority)) or r"(?!)")
    return sorted(Position(first.match(user) is None, user) for user in users)


def message_for(work: Work, place: Position) -> BackupMessage:
    """Give the message that has a user backed up."""
    facts = RunFacts.of(work)
    return BackupMessage(
        run_id=work.id,
        source=facts.source,
        user=place.user,
        type=facts.type.value,
        trigger=facts.trigger,
        priority=not place.later,
    )


def is_abandoned(work: Work | None, run_id: str, now: datetime) -> bool:
    """Say whether the run that holds a source is one that nobody works on, and nobody will.

    It has ended; or it could not be dispatched, or not within its window; or it was never opened.
    """
    if work is None:
        opened = datetime.strptime(run_id.partition("-")[0], "%Y%m%dT%H%M%S%z")
        return now - opened > _UNOPENED
    if work.status not in ACTIVE:
        return True
    facts = RunFacts.of(work)
    undispatched = work.status == RunState.DISPATCHING and work.expected is None
    return undispatched and (facts.error is not None or now > facts.window_end)


def final_state(work: Work) -> RunState:
    """Say how a complete run ended."""
    completed, partial = work.counts.get("completed", 0), work.counts.get("partial", 0)
    if completed >= (work.expected or 0):
        return RunState.COMPLETED
    return RunState.PARTIAL if completed + partial else RunState.FAILED


def ratios(counts: Mapping[str, int]) -> tuple[float | None, float | None]:
    """Give bytes read / bytes new, and bytes new / bytes stored; None where there were none."""
    read, new, stored = (counts.get(name, 0) for name in ("read", "new", "stored"))
    return read / new if new else None, new / stored if stored else None


class RpoAges(NamedTuple):
    """Ages of users' last good backups: the oldest, and the one that 99 % are not older than."""

    oldest: timedelta
    p99: timedelta


def rpo_ages(users: Iterable[UserState], prefix: str, now: datetime) -> RpoAges:
    """Give the ages over all users of a source who have anything to lose; zero when there is none.

    Whose last backup is empty has nothing to lose; whose last backup is of another prefix is somebody else. p99 is
    by nearest rank: of n ages in ascending order, the one at ceil(0.99 n).
    """
    ages = sorted(now - user.good for user in users if user.good is not None and user.files and user.prefix == prefix)
    if not ages:
        return RpoAges(timedelta(), timedelta())
    return RpoAges(max(ages[-1], timedelta()), max(ages[math.ceil(0.99 * len(ages)) - 1], timedelta()))
