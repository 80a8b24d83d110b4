"""Reads all parts of a stack's state side by side. A part that cannot be read is missing, and says why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from cli.reporting.graph import Graph
from cli.reporting.model import Missing, Part, StackNames, StackStatus
from components.settings import Settings
from functions.engine.errors import StrongroomError
from functions.engine.ports import BlobStore
from functions.runtime.stack_reading import BackupRow, QueueDepth, StackReader, committed, held

T = TypeVar("T")

NO_GRAPH = Missing("no resource graph was given: --graph FILE, as `pulumi stack export` writes it")
NO_SETTINGS = Missing("the stack's settings were not named: --stack NAME, and --program FOLDER of Pulumi.NAME.yaml")
_FROM_BUCKET = "The backups were read from the bucket's commit records: failed ones are not among them."


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to look at: a stack, the days behind us, and what is known beforehand."""

    names: StackNames
    now: datetime
    days: int = 30
    graph: Part[Graph] = NO_GRAPH
    settings: Part[Settings] = NO_SETTINGS

    @property
    def since(self) -> datetime:
        """The first midnight that is looked at, in UTC."""
        day = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        return day - timedelta(days=self.days - 1)


def gather(reader: StackReader, store: BlobStore | None, question: Question) -> StackStatus:
    """Read everything that has a name. `store` is the repository, if it has one. Never raises an error of the tree."""
    names, since = question.names, question.since
    with ThreadPoolExecutor(max_workers=6, thread_name_prefix="gather") as pool:

        def begin(read: Callable[[], T]) -> Future[T | Missing]:
            return pool.submit(_part, read)

        users = begin(lambda: tuple(reader.users(_named(names.users, "users table", "--users-table"))))
        runs = begin(lambda: tuple(reader.runs(_named(names.runs, "runs table", "--runs-table"), since)))
        drills = begin(lambda: tuple(reader.drills(_named(names.drills, "drills table", "--drills-table"), since)))
        catalog = begin(lambda: tuple(reader.backups(_named(names.backups, "backups table", "--backups-table"), since)))
        queues = begin(lambda: tuple(_queues(reader, names)))
        packed = begin(lambda: held(_stored(store)))
        backups, remarks = _backups(catalog.result(), store, since)
        return StackStatus(
            stack=names.stack,
            read_at=question.now,
            since=since,
            users=users.result(),
            runs=runs.result(),
            backups=backups,
            drills=drills.result(),
            queues=queues.result(),
            held=packed.result(),
            graph=question.graph,
            settings=question.settings,
            remarks=remarks,
        )


class _NotNamedError(Exception):
    """Nobody asked for this part."""


def _part(read: Callable[[], T]) -> T | Missing:
    try:
        return read()
    except _NotNamedError as error:
        return Missing(str(error))
    except StrongroomError as error:
        return Missing(str(error), error)


def _named(name: str | None, what: str, option: str) -> str:
    if name is None:
        raise _NotNamedError(f"no {what} was named: {option} or --outputs")
    return name


def _stored(store: BlobStore | None) -> BlobStore:
    if store is None:
        raise _NotNamedError("no repository was named: --repository or --outputs")
    return store


def _queues(reader: StackReader, names: StackNames) -> Iterator[QueueDepth]:
    if not names.queues and not names.dead_letters:
        raise _NotNamedError("no queue was named: --queue or --outputs")
    for name, url in names.queues.items():
        yield reader.queue(name, url, dead=False)
    for name, url in names.dead_letters.items():
        yield reader.queue(name, url, dead=True)


def _backups(
    catalog: Part[tuple[BackupRow, ...]], store: BlobStore | None, since: datetime
) -> tuple[Part[tuple[BackupRow, ...]], tuple[str, ...]]:
    """Give the catalog's backups; those of the bucket when the catalog cannot be read: it knows what is committed."""
    if not isinstance(catalog, Missing) or store is None:
        return catalog, ()
    found = _part(partial(_committed, store, since))
    if isinstance(found, Missing):
        return found, ()
    return found, (_FROM_BUCKET, *((f"The catalog: {catalog.reason}",) if catalog.error else ()))


def _committed(store: BlobStore, since: datetime) -> tuple[BackupRow, ...]:
    return tuple(committed(store, since))
