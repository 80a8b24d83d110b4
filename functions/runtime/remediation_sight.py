"""What the remediator sees: dead letters by run and restore, users without a backup, runs that brought nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Final

from functions.contract.messages import BackupMessage, RestoreMessage
from functions.contract.states import RestoreState, RunState
from functions.engine.errors import MessageInvalidError, NotFoundError
from functions.engine.orchestration.ports import Envelope, Ledger, Work
from functions.engine.orchestration.runs import ACTIVE, SCHEDULE, RunFacts
from functions.engine.remediation.decide import RERUN_USERS
from functions.engine.remediation.memory import is_fruitless
from functions.engine.remediation.model import DeadLetters, FailedRuns, Unfinished
from functions.engine.remediation.ports import DeadLetterQueue, Letter

LOOKS_BACK: Final = timedelta(days=40)
"""Runs of five weeks, and more: a schedule may come once a week."""
_ENDED: Final = frozenset({RestoreState.COMPLETED.value, RestoreState.PARTIAL.value, RestoreState.FAILED.value})
_FAILED: Final = "FAILED"


@dataclass(frozen=True, slots=True)
class Box:
    """A dead-letter queue, its URL, the ledger that knows what its messages belong to, and what reads them."""

    queue: DeadLetterQueue
    url: str
    ledger: Ledger
    read: Callable[[str], BackupMessage | RestoreMessage]
    """Raises MessageInvalidError."""


@dataclass(slots=True)
class Held:
    """The letters that a look holds, by queue and then by run or restore; None is what nobody understands."""

    letters: dict[str, dict[str | None, list[Letter]]] = field(default_factory=dict)
    users: dict[str, set[str]] = field(default_factory=dict)
    """Of each run: whose messages are dead."""

    def take(self, queue: str, work: str | None) -> list[Letter]:
        """Give the letters of a run or a restore, which then are the caller's."""
        return self.letters.get(queue, {}).pop(work, [])


def read_letters(boxes: Mapping[str, Box], held: Held) -> Iterator[DeadLetters]:
    """Receive all dead letters, and say what they belong to. What is received is put into `held` at once."""
    for name, box in boxes.items():
        groups = held.letters.setdefault(name, {})
        for letter in box.queue.receive():
            message = _message(letter, box)
            groups.setdefault(None if message is None else _work(message), []).append(letter)
            if isinstance(message, BackupMessage):
                held.users.setdefault(message.run_id, set()).add(message.user)
        for work, letters in groups.items():
            yield DeadLetters(name, box.url, work, len(letters), work is None or _is_active(box.ledger, work))


def envelope_of(letter: Letter, box: Box) -> Envelope:
    """Give a letter as it was sent first: the same body, in the same group."""
    message = _message(letter, box)
    if isinstance(message, BackupMessage):
        return Envelope(letter.body, message.user or "/")
    return Envelope(letter.body, "" if message is None else message.restore_id)


def nightly_runs(ledger: Ledger, source: str, now: datetime) -> list[Work]:
    """Give the scheduled runs of all users of a source, newest first. Runs of a few users are nobody's business here.

    So what the remediator starts is never what it acts on.
    """
    found = [work for state in RunState for work in ledger.with_status(state, now - LOOKS_BACK)]
    facts = [(work, RunFacts.of(work)) for work in found]
    mine = [work for work, run in facts if run.source == source and run.everybody and run.trigger == SCHEDULE]
    return sorted(mine, key=lambda work: (work.started, work.id), reverse=True)


def unfinished(
    ledger: Ledger, runs: Sequence[Work], dead: Mapping[str, set[str]], waiting: Callable[[], int]
) -> Unfinished | None:
    """Give the users who lack a backup of the newest run: because it failed, or because nobody works on them.

    A run that has not ended counts when the watchdog has found it overdue. Whose message is a dead letter is not named:
    that one is sent again, or was.
    """
    if not runs:
        return None
    work = ledger.get(runs[0].id)  # what has the status may be a moment behind
    facts = RunFacts.of(work)
    if work.status in ACTIVE:
        if not facts.overdue or work.expected is None:
            return None
        gone = (user for user in ledger.missing(work.id) if user not in dead.get(work.id, ()))
        users = tuple(islice(gone, RERUN_USERS + 1))
        total, failed = len(users), False
    else:
        outcomes = (user for user, outcome in ledger.outcomes(work.id) if outcome.partition(": ")[0] == _FAILED)
        users = tuple(islice(outcomes, RERUN_USERS + 1))
        total, failed = max(len(users), work.counts.get("failed", 0) if users else 0), True
    if not users:
        return None
    return Unfinished(facts.source, work.id, work.started, users, total, failed, 0 if failed else waiting())


def failed_runs(source: str, runs: Sequence[Work], since: datetime | None) -> FailedRuns:
    """Give the newest runs of which nobody got a backup, as far back as they follow each other, or to `since`."""
    ended = [work for work in runs if work.status not in ACTIVE and (since is None or work.started > since)]
    return FailedRuns(source, tuple(work.id for work in takewhile(is_fruitless, ended)))


def _message(letter: Letter, box: Box) -> BackupMessage | RestoreMessage | None:
    try:
        return box.read(letter.body)
    except MessageInvalidError:
        return None


def _work(message: BackupMessage | RestoreMessage) -> str:
    return message.run_id if isinstance(message, BackupMessage) else message.restore_id


def _is_active(ledger: Ledger, work_id: str) -> bool:
    try:
        status = ledger.get(work_id).status
    except NotFoundError:
        return False
    return status in ACTIVE or (status not in set(RunState) and status not in _ENDED)
