"""The ports of the orchestration in memory: for tests of runs and restores, which need no cloud for them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import NamedTuple

from functions.adapters.records import (
    COMMITTED,
    Record,
    advanced_backup,
    backup_key,
    backup_name,
    committed_backup,
    decode_facts,
    drill_record,
    encode_facts,
    good_backup,
    may_become,
    milliseconds,
    moment_of,
    shortened,
    started_backup,
    user_state,
)
from functions.contract.object_keys import commit_key, encode_name
from functions.contract.states import BackupState
from functions.contract.tables import STATUS, BackupsTable, UsersTable
from functions.engine.backup import rfc3339
from functions.engine.commit import CommitRecord
from functions.engine.errors import NotFoundError
from functions.engine.orchestration.ports import (
    BackupStart,
    Claim,
    ClaimState,
    DrillResult,
    Envelope,
    Facts,
    Lease,
    Notice,
    Planned,
    UserState,
    Work,
)
from functions.engine.ports import Clock
from functions.engine.repository import BackupName


class _Holder(NamedTuple):
    owner: str
    until: int


@dataclass(slots=True)
class _Task:
    claims: dict[int, _Holder] = field(default_factory=dict)
    facts: str | None = None
    parts: frozenset[int] = frozenset()
    outcome: str | None = None


@dataclass(slots=True)
class _Work:
    work: Work
    facts: str
    closing: int | None = None
    tasks: dict[str, _Task] = field(default_factory=dict)


class _Source(NamedTuple):
    token: str
    run_id: str
    until: int | None
    replaced: str | None


class MemoryLedger:
    """A Ledger in dicts, behind one lock."""

    def __init__(self) -> None:
        """Start empty."""
        self._works: dict[str, _Work] = {}
        self._plans: dict[str, dict[str, str]] = {}
        self._sources: dict[str, _Source] = {}
        self._lock = threading.RLock()

    def open(self, work: Work, expires: datetime) -> Work:  # noqa: ARG002
        """See Ledger."""
        facts = encode_facts(work.facts, work.id)
        kept = replace(work, started=work.started.astimezone(UTC).replace(microsecond=0), facts={})
        with self._lock:
            return _given(self._works.setdefault(work.id, _Work(kept, facts)))

    def get(self, work_id: str) -> Work:
        """See Ledger."""
        with self._lock:
            return _given(self._find(work_id))

    def with_status(self, status: str, since: datetime | None = None) -> Iterator[Work]:
        """See Ledger."""
        with self._lock:
            found = [_given(entry) for entry in self._works.values() if entry.work.status == status]
        for work in sorted(found, key=lambda work: (work.started, work.id)):
            if since is None or work.started >= since.replace(microsecond=0):
                yield work

    def change(self, work_id: str, before: Iterable[str], after: str, facts: Facts | None = None) -> bool:
        """See Ledger."""
        text = encode_facts(facts, work_id) if facts is not None else None
        with self._lock:
            entry = self._works.get(work_id)
            if entry is None or entry.work.status not in set(before):
                return False
            entry.work = replace(entry.work, status=after)
            entry.facts = text if text is not None else entry.facts
            return True

    def acquire(self, source: str, token: str, run_id: str, now: datetime, until: datetime) -> Lease:
        """See Ledger."""
        with self._lock:
            last = self._sources.get(source)
            if last is not None and last.token == token:
                return Lease(granted=True, run_id=last.run_id, ended=last.until is None, replaced=last.replaced)
            if last is not None and last.until is not None and last.until > milliseconds(now):
                return Lease(granted=False, run_id=last.run_id)
            replaced = last.run_id if last is not None and last.until is not None else None
            self._sources[source] = _Source(token, run_id, milliseconds(until), replaced)
            return Lease(granted=True, run_id=run_id, replaced=replaced)

    def release(self, source: str, run_id: str) -> None:
        """See Ledger."""
        with self._lock:
            last = self._sources.get(source)
            if last is not None and last.run_id == run_id:
                self._sources[source] = last._replace(until=None)

    def plan(self, work_id: str, tasks: Iterable[Planned], expires: datetime) -> None:  # noqa: ARG002
        """See Ledger."""
        for planned in tasks:
            text = encode_facts(planned.facts, f"task {planned.task!r} of {work_id}")
            with self._lock:
                self._plans.setdefault(work_id, {})[planned.task] = text

    def planned(self, work_id: str) -> Iterator[Planned]:
        """See Ledger."""
        with self._lock:
            found = dict(self._plans.get(work_id, {}))
        for task in sorted(found, key=str.encode):
            yield Planned(task, decode_facts(found[task]))

    def planned_task(self, work_id: str, task: str) -> Planned:
        """See Ledger."""
        with self._lock:
            text = self._plans.get(work_id, {}).get(task)
        if text is None:
            raise NotFoundError(f"{work_id} has no task {task!r}")
        return Planned(task, decode_facts(text))

    def seal(self, work_id: str) -> Work:
        """See Ledger."""
        with self._lock:
            entry = self._find(work_id)
            if entry.work.expected is None:
                entry.work = replace(entry.work, expected=len(self._plans.get(work_id, {})))
            return _given(entry)

    def claim(self, work_id: str, task: str, owner: str, now: datetime, until: datetime, part: int = 0) -> Claim:
        """See Ledger."""
        with self._lock:
            known = self._find(work_id).tasks.setdefault(task, _Task())
            facts = decode_facts(known.facts) if known.facts is not None else None
            if known.outcome is not None:
                return Claim(ClaimState.DONE, now, facts)
            holder = known.claims.get(part)
            if holder is not None and holder.owner != owner and holder.until > milliseconds(now):
                return Claim(ClaimState.HELD, moment_of(holder.until), facts)
            known.claims[part] = _Holder(owner, milliseconds(until))
            return Claim(ClaimState.GRANTED, moment_of(milliseconds(until)), facts)

    def note(self, work_id: str, task: str, facts: Facts) -> Facts:
        """See Ledger."""
        text = encode_facts(facts, f"task {task!r} of {work_id}")
        with self._lock:
            known = self._find(work_id).tasks.setdefault(task, _Task())
            known.facts = known.facts if known.facts is not None else text
            return decode_facts(known.facts)

    def yield_claim(self, work_id: str, task: str, owner: str, part: int = 0) -> None:
        """See Ledger."""
        with self._lock:
            entry = self._works.get(work_id)
            known = entry.tasks.get(task) if entry is not None else None
            holder = known.claims.get(part) if known is not None else None
            if known is not None and holder is not None and holder.owner == owner:
                del known.claims[part]

    def finish_part(self, work_id: str, task: str, part: int) -> frozenset[int]:
        """See Ledger."""
        with self._lock:
            known = self._find(work_id).tasks.setdefault(task, _Task())
            known.parts |= {part}
            return known.parts

    def finish(self, work_id: str, task: str, outcome: str, counts: Mapping[str, int]) -> Work:
        """See Ledger."""
        with self._lock:
            entry = self._find(work_id)
            known = entry.tasks.setdefault(task, _Task())
            if known.outcome is None:
                known.outcome = shortened(outcome)
                known.claims.clear()
                sums = dict(entry.work.counts)
                for name, count in counts.items():
                    sums[name] = sums.get(name, 0) + count
                entry.work = replace(entry.work, done=entry.work.done + 1, counts=sums)
            return _given(entry)

    def missing(self, work_id: str) -> Iterator[str]:
        """See Ledger."""
        done = {task for task, _outcome in self.outcomes(work_id)}
        return (planned.task for planned in self.planned(work_id) if planned.task not in done)

    def outcomes(self, work_id: str) -> Iterator[tuple[str, str]]:
        """See Ledger."""
        with self._lock:
            entry = self._works.get(work_id)
            tasks = entry.tasks if entry is not None else {}
            found = [(task, known.outcome) for task, known in tasks.items() if known.outcome is not None]
        return iter(sorted(found, key=lambda pair: pair[0].encode()))

    def begin_close(self, work_id: str, now: datetime, until: datetime) -> bool:
        """See Ledger."""
        with self._lock:
            entry = self._works.get(work_id)
            if entry is None or (entry.closing is not None and entry.closing > milliseconds(now)):
                return False
            entry.closing = milliseconds(until)
            return True

    def _find(self, work_id: str) -> _Work:
        try:
            return self._works[work_id]
        except KeyError:
            raise NotFoundError(f"there is no work {work_id}") from None


def _given(entry: _Work) -> Work:
    """Give a copy that its receiver cannot change for others."""
    return replace(entry.work, facts=decode_facts(entry.facts), counts=dict(entry.work.counts))


class MemoryCatalog:
    """A Catalog in a dict. `backups` holds what the table would: attributes by backup's whole name and start."""

    def __init__(self, clock: Clock = lambda: datetime.now(UTC)) -> None:
        """Start empty."""
        self.backups: dict[tuple[str, str], Record] = {}
        self._clock = clock
        self._lock = threading.RLock()

    def start(self, backup: BackupStart) -> None:
        """See Catalog."""
        with self._lock:
            self.backups.setdefault(_key_of(backup), started_backup(backup))

    def advance(self, backup: BackupStart, state: BackupState, error: str | None = None) -> bool:
        """See Catalog."""
        with self._lock:
            self.start(backup)
            entry = self.backups[_key_of(backup)]
            allowed = entry[STATUS] in may_become(state)
            if allowed:
                entry.update(advanced_backup(state, self._clock(), error))
            return allowed

    def complete(self, record: CommitRecord, trigger: str, expires: datetime) -> None:
        """See Catalog. The trigger stays what it was when the backup was started; so does what was expired."""
        entry = committed_backup(record, commit_key(record.source, record.user, record.backup_id), trigger, expires)
        name, started = backup_key(record.source, record.user, record.backup_id, record.started).values()
        with self._lock:
            known = self.backups.get((str(name), str(started)), entry)
            if known[STATUS] == BackupState.EXPIRED:
                return
            self.backups[str(name), str(started)] = {**entry, BackupsTable.TRIGGER: known[BackupsTable.TRIGGER]}


class MemoryShelf:
    """A Shelf on a MemoryCatalog."""

    def __init__(self, catalog: MemoryCatalog, clock: Clock = lambda: datetime.now(UTC)) -> None:
        """Change what `catalog` holds."""
        self._backups = catalog.backups
        self._clock = clock
        self._lock = threading.Lock()

    def let_go(self, backup: BackupName) -> None:
        """See Shelf."""
        for entry in self._entries(backup):
            if entry[STATUS] in COMMITTED:
                changed = {BackupsTable.BEFORE: entry[STATUS], STATUS: BackupState.EXPIRED.value}
                entry.update({**changed, BackupsTable.UPDATED: rfc3339(self._clock())})

    def brought_back(self, backup: BackupName) -> None:
        """See Shelf."""
        for entry in self._entries(backup):
            if entry[STATUS] == BackupState.EXPIRED:
                entry.update({STATUS: entry.pop(BackupsTable.BEFORE), BackupsTable.UPDATED: rfc3339(self._clock())})

    def _entries(self, backup: BackupName) -> list[Record]:
        with self._lock:
            return [entry for (name, _), entry in self._backups.items() if name == backup_name(*backup)]


def _key_of(backup: BackupStart) -> tuple[str, str]:
    name, started = backup_key(backup.source, backup.user, backup.backup_id, rfc3339(backup.started)).values()
    return str(name), str(started)


class MemoryUsers:
    """Users in a dict. `users` holds what the table would: attributes by source and encoded name."""

    def __init__(self) -> None:
        """Start empty."""
        self.users: dict[tuple[str, str], Record] = {}
        self._lock = threading.Lock()

    def backed_up(self, record: CommitRecord) -> None:
        """See Users."""
        self._forward(record.source, record.user, UsersTable.GOOD, good_backup(record), UsersTable.FIRST)

    def proven(self, source: str, user: str, when: datetime) -> None:
        """See Users."""
        self._forward(source, user, UsersTable.PROVEN, {UsersTable.PROVEN: rfc3339(when)})

    def all(self, source: str) -> Iterator[UserState]:
        """See Users."""
        with self._lock:
            found = {name: dict(entry) for (of, name), entry in self.users.items() if of == source}
        for name in sorted(found):
            yield user_state(name, found[name])

    def _forward(self, source: str, user: str, time: str, values: Record, once: str | None = None) -> None:
        """Set `values` unless the one named `time` would go back. That one is also kept as `once`, the first time."""
        with self._lock:
            entry = self.users.setdefault((source, encode_name(user)), {})
            if str(entry.get(time, "")) < str(values[time]):
                first = {once: values[time]} if once is not None else {}
                self.users[source, encode_name(user)] = {**first, **entry, **values}


class MemoryDrills:
    """Drills in lists: `results` as they came, each once, `records` as the table would hold them."""

    def __init__(self) -> None:
        """Start empty."""
        self.results: list[DrillResult] = []
        self.records: list[Record] = []
        self._lock = threading.Lock()

    def record(self, result: DrillResult, expires: datetime) -> None:
        """See Drills."""
        record = drill_record(result, expires)
        with self._lock:
            if record not in self.records:
                self.records.append(record)
                self.results.append(result)


class MemoryQueue:
    """A Queue in a list: `sent` holds the messages, `delays` the seconds that each of them was put off."""

    def __init__(self) -> None:
        """Start empty."""
        self.sent: list[Envelope] = []
        self.delays: list[int] = []
        self._lock = threading.Lock()

    def send(self, messages: Sequence[Envelope], *, delay: int = 0) -> None:
        """See Queue."""
        with self._lock:
            self.sent.extend(messages)
            self.delays.extend([delay] * len(messages))


class MemoryNotifier:
    """A Notifier in a list."""

    def __init__(self) -> None:
        """Start empty."""
        self.sent: list[Notice] = []
        self._lock = threading.Lock()

    def publish(self, notice: Notice) -> None:
        """See Notifier."""
        with self._lock:
            self.sent.append(notice)
