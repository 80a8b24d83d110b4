"""What the API's operations are given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from functions.adapters.dynamo.ledger import DynamoLedger
from functions.engine.orchestration.ports import Facts
from functions.engine.ports import BlobStore, Clock
from functions.runtime.api_errors import UnknownError
from functions.runtime.stack_reading import BackupRow

P_co = TypeVar("P_co", covariant=True)
Q_co = TypeVar("Q_co", covariant=True)
B_co = TypeVar("B_co", covariant=True)


class History(Protocol):
    """The catalog of backups, read by user."""

    def latest(self, source: str, user: str, until: str) -> Iterator[BackupRow]:
        """Give a user's backups that were started at `until` at the latest, newest first, in any state but EXPIRED."""
        ...

    def get(self, source: str, user: str, backup_id: str) -> BackupRow | None:
        """Give one backup; None for one that is not there, or was let go."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiPorts:
    """What is read, and who is asked to do what writes. The API itself writes nothing."""

    sources: tuple[str, ...]
    restore_buckets: tuple[str, ...]
    runs: DynamoLedger
    restores: DynamoLedger
    history: History
    store: BlobStore
    """The repository."""
    start_run: Callable[[Facts], None]
    start_restore: Callable[[Facts], None]
    clock: Clock
    restore_concurrency: int = 50


@dataclass(frozen=True, slots=True)
class Asked(Generic[P_co, Q_co, B_co]):
    """A request, read and checked. `scope` names the list that it asks for, whatever its page."""

    path: P_co
    query: Q_co
    body: B_co
    scope: str = ""
    seconds_left: Callable[[], float] = field(default=lambda: 29.0)


def require_source(ports: ApiPorts, source: str) -> None:
    """Raise UnknownError for a source that the stack does not have."""
    if source not in ports.sources:
        raise UnknownError("the stack has no source of that name")
