"""When the lock of an object is extended, and to what.

The end of a lock follows from the birth of the object alone: the days of the bucket's default retention, and as many
whole steps as it takes to reach over the horizon. So nobody has to ask S3 how long an object is locked, two
collections ask for the same, and an object costs one request in each step.

That holds while the bucket locks what is new for as many days as it did. When these days are changed, when the bucket
is another one than that of the newest plan, or when a lock was refused, one collection asks for all locks.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from functions.engine.errors import AccessError, BlobNotFoundError, ConfigurationError, CredentialsError
from functions.engine.retention.ports import Vault
from functions.engine.safety import SafetyParameters

AHEAD = 64
"""Requests under way at once."""


@dataclass(frozen=True, slots=True)
class LockPlan:
    """How locks are extended. `birth` is the bucket's default retention."""

    birth: timedelta
    horizon: timedelta
    step: timedelta

    def end(self, born: datetime, now: datetime) -> datetime | None:
        """Give the end that the lock must have at `now`, or None when that of its birth will do."""
        missing = now + self.horizon - (born + self.birth)
        if missing <= timedelta():
            return None
        return born + self.birth + -(-missing // self.step) * self.step

    def extension(self, born: datetime, now: datetime, before: datetime | None) -> datetime | None:
        """Give the end to ask for at `now`, or None when what was asked for at the time `before` still will do."""
        end = self.end(born, now)
        return None if before is not None and end == self.end(born, before) else end

    def full(self, born: datetime, now: datetime) -> datetime:
        """Give the end that the lock must have at `now`, for whom nothing is known of that of its birth."""
        return self.end(born, now) or born + self.birth


def lock_plan(lock_days: int, safety: SafetyParameters) -> LockPlan:
    """Give the plan for a bucket that locks for so many days.

    The horizon is at most those days: so no lock reaches further than one step beyond them, which is what the
    bucket's policy allows.
    """
    if lock_days < 1:
        raise ConfigurationError(f"objects are locked for {lock_days} days: 1 or more")
    birth = timedelta(days=lock_days)
    return LockPlan(birth, min(safety.lock_horizon, birth), safety.lock_step)


class Extender:
    """Extends locks, many requests under way at once. What is gone meanwhile is left out.

    One that is refused is counted and ends nothing: the others must not run out for its sake.
    """

    def __init__(
        self,
        vault: Vault,
        plan: LockPlan,
        now: datetime,
        before: datetime | None,
        *,
        everything: bool = False,
        idle: bool = False,
    ) -> None:
        """Extend as it is due at `now`, where all that stayed was extended at `before`. `idle` only counts.

        `everything` asks once for all locks: those of birth may be others than the plan says.
        """
        self.count = 0
        self.refused = 0
        self.refusal = ""
        """Why the first of them was refused."""
        self._everything = everything
        self._idle = idle
        self._vault = vault
        self._plan = plan
        self._now = now
        self._before = before
        self._pending: deque[Future[None]] = deque()

    def extend(self, key: str, born: datetime, *, changed: bool) -> None:
        """Ask for the end that a lock must have, if it may have another. `changed`: it was to go, before."""
        if self._everything:
            until: datetime | None = self._plan.full(born, self._now)
        else:
            until = self._plan.extension(born, self._now, None if changed else self._before)
        if until is None:
            return
        self.count += 1
        if self._idle:
            return
        self._pending.append(self._vault.extend(key, until))
        if len(self._pending) >= AHEAD:
            self._settle(self._pending.popleft())

    def finish(self) -> None:
        """Wait for all of them."""
        while self._pending:
            self._settle(self._pending.popleft())

    def _settle(self, future: Future[None]) -> None:
        try:
            settle(future)
        except CredentialsError:
            raise
        except AccessError as error:
            self.count -= 1
            self.refused += 1
            self.refusal = self.refusal or error.message


def settle(future: Future[None]) -> None:
    """Wait for a request about an object that may be gone meanwhile."""
    with suppress(BlobNotFoundError):
        future.result()
