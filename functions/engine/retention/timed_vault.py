"""Ends a collection in good time: a vault that begins nothing when the time is up."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from datetime import datetime

from functions.engine.model import Buffer
from functions.engine.retention.ports import Vault, Version
from functions.engine.timed_store import TimeLeft, check_time


class TimedVault:
    """A Vault whose calls raise OutOfTimeError at once when no time is left. What is under way goes on."""

    def __init__(self, vault: Vault, time_left: TimeLeft) -> None:
        """Pass everything on to `vault`."""
        self._vault = vault
        self._time_left = time_left

    def now(self) -> datetime:
        """See Vault."""
        return self._vault.now()

    def expire(self, key: str) -> Future[None]:
        """See Vault."""
        check_time(self._time_left, f"{key} was let go")
        return self._vault.expire(key)

    def readmit(self, key: str) -> Future[None]:
        """See Vault."""
        check_time(self._time_left, f"{key} was taken back")
        return self._vault.readmit(key)

    def extend(self, key: str, until: datetime) -> Future[None]:
        """See Vault."""
        check_time(self._time_left, f"the lock of {key} was extended")
        return self._vault.extend(key, until)

    def versions(self, key: str) -> Sequence[Version]:
        """See Vault."""
        check_time(self._time_left, f"the versions of {key} were listed")
        return self._vault.versions(key)

    def read_version(self, key: str, version_id: str) -> Future[Buffer]:
        """See Vault."""
        check_time(self._time_left, f"a version of {key} was read")
        return self._vault.read_version(key, version_id)

    def bring_back(self, key: str, version_id: str) -> Future[None]:
        """See Vault."""
        check_time(self._time_left, f"{key} was brought back")
        return self._vault.bring_back(key, version_id)
