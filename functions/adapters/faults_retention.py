"""Wraps the collector's ports so that they die or fail on command, as `faults` does with the engine's."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future
from datetime import datetime

from functions.adapters.faults import Faults
from functions.engine.model import Buffer, ChunkRef, PackId
from functions.engine.repository import BackupName
from functions.engine.retention.ports import Shelf, Targets, Vault, Version


class FaultyVault:
    """A Vault that follows a plan."""

    def __init__(self, inner: Vault, faults: Faults) -> None:
        """Wrap `inner`."""
        self._inner = inner
        self._faults = faults

    def now(self) -> datetime:
        """See Vault."""
        return self._faults.run("vault.now", self._inner.now)

    def expire(self, key: str) -> Future[None]:
        """See Vault."""
        return self._faults.start("vault.expire", lambda: self._inner.expire(key))

    def readmit(self, key: str) -> Future[None]:
        """See Vault."""
        return self._faults.start("vault.readmit", lambda: self._inner.readmit(key))

    def extend(self, key: str, until: datetime) -> Future[None]:
        """See Vault."""
        return self._faults.start("vault.extend", lambda: self._inner.extend(key, until))

    def versions(self, key: str) -> Sequence[Version]:
        """See Vault."""
        return self._faults.run("vault.versions", lambda: self._inner.versions(key))

    def read_version(self, key: str, version_id: str) -> Future[Buffer]:
        """See Vault."""
        return self._faults.start("vault.read_version", lambda: self._inner.read_version(key, version_id))

    def bring_back(self, key: str, version_id: str) -> Future[None]:
        """See Vault."""
        return self._faults.start("vault.bring_back", lambda: self._inner.bring_back(key, version_id))


class FaultyTargets:
    """Targets that follow a plan."""

    def __init__(self, inner: Targets, faults: Faults) -> None:
        """Wrap `inner`."""
        self._inner = inner
        self._faults = faults

    def forget(self, refs: Collection[ChunkRef]) -> None:
        """See Targets."""
        self._faults.run("targets.forget", lambda: self._inner.forget(refs))

    def named(self, refs: Collection[ChunkRef]) -> AbstractSet[PackId]:
        """See Targets."""
        return self._faults.run("targets.named", lambda: self._inner.named(refs))

    def record(self, refs: Iterable[ChunkRef]) -> None:
        """See Targets."""
        self._faults.run("targets.record", lambda: self._inner.record(refs))


class FaultyShelf:
    """A Shelf that follows a plan."""

    def __init__(self, inner: Shelf, faults: Faults) -> None:
        """Wrap `inner`."""
        self._inner = inner
        self._faults = faults

    def let_go(self, backup: BackupName) -> None:
        """See Shelf."""
        self._faults.run("shelf.let_go", lambda: self._inner.let_go(backup))

    def brought_back(self, backup: BackupName) -> None:
        """See Shelf."""
        self._faults.run("shelf.brought_back", lambda: self._inner.brought_back(backup))
