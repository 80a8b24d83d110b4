"""Restores every backup of the catalog, and compares every byte with what the source held when it was made."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final, NamedTuple

from functions.adapters.memory import MemoryDestination, MemoryFile
from functions.contract.states import BackupState
from functions.engine.repository import BackupName, Repository
from functions.engine.restore import Restorer
from functions.runtime.local_run import records_of
from functions.runtime.stack_reading import BackupRow, StackReader
from functions.runtime.toolbox import cores
from sandbox.looking import AdminCloud, toolbox
from sandbox.nights.record import Night
from sandbox.nights.stack import Stack
from sandbox.nights.witness import Seen, Witness, differences, of_user

COMMITTED: Final = frozenset({BackupState.COMPLETED.value, BackupState.PARTIAL.value})
_BEGINNING: Final = datetime(2000, 1, 1, tzinfo=UTC)
_USERS_AT_ONCE: Final = 50
"""Their files are held in memory."""


class Proof(NamedTuple):
    """How many backups of how many runs were restored, and what was not as it must be."""

    backups: int
    runs: int
    files: int
    bytes: int
    faults: tuple[str, ...]
    forgotten: int
    """Backups of a time that no night tells of: they were restored, and compared with nothing."""


def catalog(stack: Stack) -> list[BackupRow]:
    """Give all backups that the catalog knows, oldest first."""
    reader = StackReader(AdminCloud(stack.state.region, stack.state.endpoint))
    return reader.backups(stack.state.exports["Tables"]["backups"], _BEGINNING)


def prove(stack: Stack, rows: Sequence[BackupRow], nights: Sequence[Night]) -> Proof:
    """Restore the committed backups among `rows`; the source at their times is known by the nights."""
    committed = sorted((row for row in rows if row.state in COMMITTED), key=lambda row: (row.run_id, row.user))
    files, size, faults = 0, 0, list(_unknown(stack, committed))
    forgotten = forgotten_runs(rows, nights)
    with toolbox(stack.state) as tools:
        store = tools.store(stack.state.exports["BackupBucketName"])
        for _run, group in groupby(committed, key=lambda row: row.run_id):
            of_run = list(group)
            for first in range(0, len(of_run), _USERS_AT_ONCE):
                some = of_run[first : first + _USERS_AT_ONCE]
                found = _restored(store, some)
                files, size = files + len(found), size + sum(seen.size for seen in found.values())
                for row in some:
                    known = nights if row.run_id not in forgotten else ()
                    faults += _faults(row, found, known, stack.source["prefix"])
    runs = {row.run_id for row in committed}
    compared_not = sum(row.run_id in forgotten for row in committed)
    return Proof(len(committed), len(runs), files, size, tuple(faults), compared_not)


def _unknown(stack: Stack, committed: Iterable[BackupRow]) -> Iterator[str]:
    """Say what the catalog and the bucket do not agree on."""
    known = {BackupName(row.source, row.user, row.backup_id) for row in committed}
    with toolbox(stack.state) as tools:
        repository = Repository(tools.store(stack.state.exports["BackupBucketName"]))
        there = set(repository.backups(stack.source["name"]))
    yield from (f"{name} is in the bucket and not in the catalog" for name in sorted(there - known))
    yield from (f"{name} is in the catalog and not in the bucket" for name in sorted(known - there))


def _restored(store: Any, rows: Sequence[BackupRow]) -> Witness:  # noqa: ANN401 - a BlobStore
    """Restore backups of different users into memory; give what came, by key."""
    destination = MemoryDestination()
    names = [BackupName(row.source, row.user, row.backup_id) for row in rows]
    with Restorer(store, destination, workers=cores()) as restorer:
        report = restorer.restore(records_of(Repository(store), names))
    if report.failed:
        # What is missing is named by the comparison.
        return {}
    return {key: _seen(file) for key, file in destination.files.items()}


def _seen(file: MemoryFile) -> Seen:
    """Put a restored file as the witness puts an object."""
    carried = file.properties
    facts = dict(carried.system)
    facts |= {f"x-amz-meta-{name}": value for name, value in carried.user.items()}
    facts |= {f"tag {name}": value for name, value in carried.tags.items()}
    return Seen(len(file.data), hashlib.sha256(file.data).hexdigest(), facts)


def _faults(row: BackupRow, found: Witness, nights: Sequence[Night], prefix: str) -> list[str]:
    """Say how a backup differs from what the source held. Of several that may have been, the nearest counts."""
    folder = f"{prefix}{row.user}/"
    restored = of_user(found, folder)
    compared = [_differ(row, of_user(night.held, folder), restored) for night in held_at(nights, row.started)]
    nearest = min(compared, key=len, default=[])
    if len(restored) != row.files:
        nearest = [f"{len(restored):,} files came back of {row.files:,}", *nearest]
    return [f"backup {row.backup_id} of {row.user}, run {row.run_id}: {text}" for text in nearest]


def forgotten_runs(rows: Sequence[BackupRow], nights: Sequence[Night]) -> set[str]:
    """Give the runs before the one of the first night: the source was another then, and nobody remembers which."""
    begun: dict[str, datetime] = {}
    for row in rows:
        begun[row.run_id] = min(row.started, begun.get(row.run_id, row.started))
    early = sorted((when, run) for run, when in begun.items() if not nights or when <= nights[0].moment)
    return {run for _when, run in (early[:-1] if nights else early)}


def held_at(nights: Sequence[Night], when: datetime) -> list[Night]:
    """Give the nights whose source a backup may have seen: the first that ended later, and the one before it.

    Between two of them the source was changed, at a moment that nobody noted.
    """
    later = [number for number, night in enumerate(nights) if night.moment >= when]
    number = later[0] if later else len(nights)
    return list(nights[max(0, number - 1) : number + 1])


def _differ(row: BackupRow, held: Mapping[str, Seen], restored: Mapping[str, Seen]) -> list[str]:
    """Say how it differs. A partial backup may lack as many files as it says could not be read."""
    lacking = held.keys() - restored.keys()
    if len(lacking) == row.unreadable:
        return list(differences({key: seen for key, seen in held.items() if key not in lacking}, restored))
    return list(differences(held, restored))
