"""Decides what the remediator does. Pure: observations, memory and policy to actions and refusals, each with a reason.

It ends, whatever comes: for one cause something is done at most once; a day has a bound for every remedy; what was
refused is told once for each reason. Nothing of its own is an observation: not its errors, its alarms or its notices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from functions.engine.remediation.model import (
    ACTED,
    Action,
    DeadLetters,
    Decision,
    Entry,
    FailedRuns,
    Observation,
    OutOfMemory,
    Policy,
    Refusal,
    Remedy,
    Unfinished,
    Wait,
    Why,
)

DAY: Final = timedelta(days=1)
SETTLING: Final = timedelta(minutes=30)
"""After a memory step, invocations of the old version may go on for 15 minutes, and their alarm comes later still."""
RERUN_USERS: Final = 100
"""When more than these lack a backup, a second try of all is no remedy."""
RERUN_WITHIN: Final = timedelta(hours=12)
"""Later, the next night is nearer than a run of its own is worth."""
PAUSE_LASTS: Final = timedelta(days=3)
"""A pause ends by itself: what nobody looks at must not stay without backups for good."""
_GROWTH: Final = (3, 2)
"""A memory step is to 3/2 of what there was."""


def decide(seen: Iterable[Observation], memory: Mapping[str, Entry], policy: Policy, now: datetime) -> Decision:
    """Say what is to be done now, what not, and what later; `memory` is by cause.

    A bound of a day counts what this call decides too.
    """
    if not policy.enabled:
        return Decision()
    look = _Look(memory, policy, now)
    found: list[Action | Refusal | Wait] = []
    for observation in seen:
        answer = look.at(observation)
        # The same cause may be observed twice in one look, and may then be acted on once.
        if answer is not None and all(answer.cause != other.cause for other in found):
            found.append(answer)
            if isinstance(answer, Action):
                look.count(answer)
    return Decision(
        tuple(one for one in found if isinstance(one, Action)),
        tuple(one for one in found if isinstance(one, Refusal)),
        tuple(one for one in found if isinstance(one, Wait)),
    )


def next_memory(memory_mb: int, ceiling_mb: int) -> int:
    """Give the memory of a step in whole MB: half as much again, never above the ceiling, never less than before."""
    over, under = _GROWTH
    return max(memory_mb, min(-(-memory_mb * over // under), ceiling_mb))


class _Subject(NamedTuple):
    """What an answer is about."""

    cause: str
    remedy: Remedy
    target: str

    def refused(self, why: Why, reason: str) -> Refusal:
        return Refusal(self.cause, self.remedy, self.target, why, reason)


class _Look:
    """One look: knows what was done in the last day, what this look has decided included."""

    def __init__(self, memory: Mapping[str, Entry], policy: Policy, now: datetime) -> None:
        self._memory, self._policy, self._now = memory, policy, now
        self._today = [
            (entry.remedy, entry.target, entry.acted)
            for entry in memory.values()
            if entry.state in ACTED and entry.acted is not None and now - entry.acted < DAY
        ]

    def count(self, action: Action) -> None:
        """Count an action for the bounds of the day."""
        self._today.append((action.remedy, action.target, self._now))

    def at(self, observation: Observation) -> Action | Refusal | Wait | None:
        """Answer to one observation. None: nothing is to be done, and nobody need know."""
        match observation:
            case OutOfMemory():
                return self._memory_step(observation)
            case DeadLetters():
                return self._redrive(observation)
            case Unfinished():
                return self._rerun(observation)
            case FailedRuns():
                return self._pause(observation)

    def _memory_step(self, seen: OutOfMemory) -> Action | Refusal | Wait | None:
        subject = _Subject(f"memory/{seen.function}/{seen.memory_mb}", Remedy.MEMORY, seen.function)
        policy, stepped = self._policy, self._last(Remedy.MEMORY, seen.function)
        if policy.functions.get(seen.function) != seen.arn:
            return subject.refused(Why.FOREIGN, f"{seen.arn} is not a function that may be changed")
        if stepped is not None and self._now - stepped < SETTLING:
            until = stepped + SETTLING
            return Wait(*subject, until, "it got more memory a moment ago: what ran before may still fail")
        refusal = self._no_more_memory(subject, seen, stepped)
        if refusal is not None:
            return refusal
        return Action(
            *subject,
            f"it ran out of {seen.memory_mb:,} MB",
            address=policy.functions[seen.function],
            memory_from=seen.memory_mb,
            memory_to=next_memory(seen.memory_mb, policy.memory_ceiling_mb),
        )

    def _no_more_memory(self, subject: _Subject, seen: OutOfMemory, stepped: datetime | None) -> Refusal | None:
        ceiling = self._policy.memory_ceiling_mb
        if self._is_acted(subject.cause):
            reason = f"it was given more than {seen.memory_mb:,} MB once, and has {seen.memory_mb:,} MB again"
            return subject.refused(Why.AGAIN, f"{reason}: a deployment took it back, or the step failed")
        if seen.memory_mb >= ceiling:
            return subject.refused(Why.CEILING, f"it has {seen.memory_mb:,} MB, and may have {ceiling:,} MB")
        if stepped is not None:
            return subject.refused(Why.ENOUGH, "it got more memory once in the last 24 hours, and needs more still")
        if not seen.stable:
            return subject.refused(Why.DEPLOYING, "it is being deployed, or runs a version that is not the newest")
        return None

    def _redrive(self, seen: DeadLetters) -> Action | Refusal | Wait | None:
        subject = _Subject(f"redrive/{seen.queue}/{seen.work or ''}", Remedy.REDRIVE, seen.queue)
        policy, times = self._policy, self._times(Remedy.REDRIVE, seen.queue)
        if not policy.redrives_per_day:
            return None
        if policy.queues.get(seen.queue) != seen.url:
            return subject.refused(Why.FOREIGN, f"{seen.url} is not a queue that may be redriven")
        if seen.work is None:
            return subject.refused(Why.UNREADABLE, f"{seen.count:,} messages make no sense: they would come back")
        refusal = self._not_again(subject, seen, times)
        if refusal is not None:
            return refusal
        # Twice as long each time: whatever is wrong with the queue gets longer to be mended.
        until = self._seen(subject.cause) + policy.backoff * 2**times
        if self._now < until:
            return Wait(*subject, until, f"{seen.count:,} messages of {seen.work}: what failed gets time to be mended")
        reason = f"{seen.count:,} messages of {seen.work}, which still waits for them"
        return Action(*subject, reason, address=policy.queues[seen.queue], work=seen.work)

    def _not_again(self, subject: _Subject, seen: DeadLetters, times: int) -> Refusal | None:
        if self._is_acted(subject.cause):
            return subject.refused(
                Why.AGAIN, f"messages of {seen.work} were sent once more, and {seen.count:,} lie there again or still"
            )
        if not seen.active:
            return subject.refused(Why.ENDED, f"{seen.work} has ended: nothing would come of its messages")
        if times >= self._policy.redrives_per_day:
            return subject.refused(Why.ENOUGH, f"the queue was redriven {times} times in the last 24 hours")
        return None

    def _rerun(self, seen: Unfinished) -> Action | Refusal | Wait | None:
        way = "failed" if seen.failed else "missing"
        subject = _Subject(f"rerun/{way}/{seen.run}", Remedy.RERUN, seen.source)
        policy, times = self._policy, self._times(Remedy.RERUN, seen.source)
        late = self._now - seen.started >= RERUN_WITHIN
        busy = not seen.failed and seen.waiting > 0  # somebody may be at work on just these users
        if not (seen.users and policy.reruns_per_day) or self._is_acted(subject.cause) or late or busy:
            return None
        if seen.source not in policy.sources:
            return subject.refused(Why.FOREIGN, f"{seen.source} is not a source of this stack")
        if seen.total > RERUN_USERS:
            return subject.refused(
                Why.TOO_MANY, f"{seen.total:,} users of {seen.run} lack a backup; more than {RERUN_USERS} have a reason"
            )
        if times >= policy.reruns_per_day:
            return subject.refused(Why.ENOUGH, f"users were tried again {times} times in the last 24 hours")
        until = self._seen(subject.cause) + policy.backoff
        if self._now < until:
            return Wait(*subject, until, f"{seen.total:,} users of {seen.run}: what failed gets time to be mended")
        words = "whose backups failed" if seen.failed else "whom nobody works on any more"
        reason = f"{seen.total:,} users of {seen.run} {words}"
        return Action(*subject, reason, work=seen.run, users=seen.users, failed=seen.failed)

    def _pause(self, seen: FailedRuns) -> Action | Refusal | Wait | None:
        limit = self._policy.pause_after_failures
        if not limit or len(seen.runs) < limit:
            return None
        subject = _Subject(f"pause/{seen.source}/{seen.runs[0]}", Remedy.PAUSE, seen.source)
        if seen.source not in self._policy.sources:
            return subject.refused(Why.FOREIGN, f"{seen.source} is not a source of this stack")
        if self._is_acted(subject.cause) or self._times(Remedy.PAUSE, seen.source):
            return None
        reason = f"of its last {len(seen.runs)} scheduled runs nobody got a backup"
        return Action(*subject, reason, work=seen.runs[0], until=self._now + PAUSE_LASTS)

    def _times(self, remedy: Remedy, target: str) -> int:
        return sum((remedy, target) == (done, what) for done, what, _when in self._today)

    def _last(self, remedy: Remedy, target: str) -> datetime | None:
        return max((when for done, what, when in self._today if (remedy, target) == (done, what)), default=None)

    def _is_acted(self, cause: str) -> bool:
        entry = self._memory.get(cause)
        return entry is not None and entry.state in ACTED

    def _seen(self, cause: str) -> datetime:
        entry = self._memory.get(cause)
        return entry.seen if entry is not None else self._now
