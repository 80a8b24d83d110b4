"""Backs up, restores and verifies many users from one process: what the operator's tool and the demo do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import NamedTuple

from functions.engine.arrival import parents
from functions.engine.backup import BackupJob, BackupResult, BackupSession, Ports, new_backup_id
from functions.engine.commit import CommitRecord
from functions.engine.errors import BackupNotFoundError, CorruptionError, StrongroomError
from functions.engine.model import BackupType, FileEntry, PackId, Totals
from functions.engine.ports import BlobStore, Clock, Ids, Source
from functions.engine.repository import BackupName, Repository
from functions.engine.retention.erasure import erased_users, parent_of
from functions.engine.safety import DEFAULT_SAFETY, SafetyParameters
from functions.runtime.drained import packs_to_avoid

JOBS = 12
"""Users backed up at once: enough to hide the waits of each for listings and commits."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to back up. `users` empty means all."""

    source: str
    prefix: str = ""
    users: Sequence[str] = ()
    type: BackupType = BackupType.INCREMENTAL
    jobs: int = JOBS


class UserOutcome(NamedTuple):
    """How one user's backup ended: with a result or with an error."""

    user: str
    result: BackupResult | None
    error: StrongroomError | None


@dataclass(frozen=True, slots=True)
class RunReport:
    """How a run ended."""

    run_id: str
    outcomes: list[UserOutcome]

    @property
    def totals(self) -> Totals:
        """Add up what the committed backups count."""
        totals = Totals()
        for outcome in self.outcomes:
            if outcome.result is not None:
                totals = totals.plus(outcome.result.record.totals)
        return totals


@dataclass(frozen=True, slots=True)
class RunPlan:
    """A run before it starts: whom to back up, and each one's parent."""

    run_id: str
    request: RunRequest
    users: Sequence[str]
    newest: Mapping[str, BackupName]
    avoid: frozenset[PackId] = frozenset()
    """Packs in which nothing that is read again is left."""


def plan_run(source: Source, store: BlobStore, clock: Clock, ids: Ids, request: RunRequest) -> RunPlan:
    """Find the users and their newest backups; an erased one is nobody's parent."""
    newest = parents(store, request.source)
    for user in erased_users(store, request.source):
        parent = parent_of(store, request.source, user)
        newest = {name: found for name, found in newest.items() if name != user}
        newest |= {user: parent} if parent is not None else {}
    users = list(request.users or _everybody(source, store, request, newest))
    return RunPlan(new_backup_id(clock(), ids), request, users, newest, packs_to_avoid(store))


def run_plan(
    ports: Ports, plan: RunPlan, turns: Iterable[int], *, workers: int, safety: SafetyParameters = DEFAULT_SAFETY
) -> list[UserOutcome]:
    """Back up the users whose numbers `turns` gives, several at once; give the outcomes in the order of the plan.

    One user's error does not keep the others from theirs.
    """
    request = plan.request
    numbers = iter(turns)
    lock = threading.Lock()
    outcomes: dict[int, UserOutcome] = {}

    def next_number() -> int | None:
        with lock:
            return next(numbers, None)

    def one_after_the_other() -> None:
        while (number := next_number()) is not None:
            user = plan.users[number]
            job = BackupJob(request.source, user, request.prefix, request.type, plan.run_id, plan.newest.get(user))
            try:
                outcomes[number] = UserOutcome(user, session.backup(job), None)
            except StrongroomError as error:
                outcomes[number] = UserOutcome(user, None, error)

    with (
        BackupSession(ports, workers=workers, safety=safety, avoid=plan.avoid) as session,
        ThreadPoolExecutor(request.jobs) as threads,
    ):
        try:
            for job in [threads.submit(one_after_the_other) for _ in range(min(request.jobs, len(plan.users)))]:
                job.result()
        except BaseException as error:
            session.abandon(error)
            raise
    return [outcomes[number] for number in sorted(outcomes)]


def back_up(ports: Ports, request: RunRequest, *, workers: int, safety: SafetyParameters = DEFAULT_SAFETY) -> RunReport:
    """Plan a run and do it, in this process."""
    plan = plan_run(ports.source, ports.store, ports.clock, ports.ids, request)
    turns = range(len(plan.users))
    return RunReport(plan.run_id, run_plan(ports, plan, turns, workers=workers, safety=safety))


def _everybody(
    source: Source, store: BlobStore, request: RunRequest, newest: Mapping[str, BackupName]
) -> Iterator[str]:
    """Give the users who own something in the source, then those who did at their newest backup.

    Whose folder is gone gets one more backup, an empty one: without it, a restore of everybody's newest backup
    would bring back what was deleted.
    """
    present: set[str] = set()
    for user in source.users(request.prefix):
        present.add(user)
        yield user
    repository = Repository(store)
    for user, name in newest.items():
        if user not in present and _held_files(repository, name, request.prefix):
            yield user


def _held_files(repository: Repository, name: BackupName, prefix: str) -> bool:
    """Say whether the backup of this prefix holds anything. A damaged record counts: it is not proven empty."""
    try:
        record = repository.commit(name)
    except (CorruptionError, BackupNotFoundError):
        return True
    return record.prefix == prefix and bool(record.totals.files or record.totals.unreadable)


def choose_backups(
    repository: Repository,
    source: str,
    users: Sequence[str],
    *,
    backup_id: str | None = None,
    as_of: datetime | None = None,
) -> list[BackupName]:
    """Give the backups that a request names: by id, or each user's newest as of a time. `users` empty means all."""
    if backup_id is not None:
        if len(users) != 1:
            raise BackupNotFoundError("a backup id belongs to one user", hint="name the user too")
        return [BackupName(source, users[0], backup_id)]
    if users:
        return [repository.newest_of(source, user, as_of) for user in users]
    found = list(repository.newest(source, as_of).values())
    if not found:
        raise BackupNotFoundError(f"source {source!r} has no backup")
    return found


def by_patterns(patterns: Iterable[str]) -> Callable[[FileEntry], bool]:
    """Want the files whose key matches one of the shell patterns; `*` matches `/` too. None means every file."""
    wanted = tuple(patterns)
    return lambda entry: not wanted or any(fnmatchcase(entry.key, pattern) for pattern in wanted)


def records_of(repository: Repository, names: Iterable[BackupName]) -> Iterable[CommitRecord]:
    """Read the commit records, one after the other, as they are asked for."""
    return (repository.commit(name) for name in names)
