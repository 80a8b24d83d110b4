"""Days that pass for a bucket whose clock nobody can set: what it says of times is moved by them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from functions.engine.model import BlobInfo, Buffer
from functions.engine.ports import BlobStore, Tail
from functions.engine.retention.ports import Vault, Version


@dataclass
class Calendar:
    """How many days have passed, and how many had when each object was written."""

    passed: timedelta = timedelta()
    births: dict[str, timedelta] = field(default_factory=dict)

    def now(self) -> datetime:
        """Give the time by this machine's clock, those days later."""
        return datetime.now(UTC) + self.passed


class LaterStore:
    """A BlobStore whose objects are as young as the calendar says."""

    def __init__(self, inner: BlobStore, calendar: Calendar) -> None:
        """Wrap `inner`."""
        self._inner = inner
        self._calendar = calendar

    def put_new(self, key: str, parts: Sequence[Buffer]) -> Future[None]:
        """See BlobStore."""
        self._calendar.births.setdefault(key, self._calendar.passed)
        return self._inner.put_new(key, parts)

    def get(self, key: str, start: int = 0, length: int | None = None) -> Future[Buffer]:
        """See BlobStore."""
        return self._inner.get(key, start, length)

    def get_tail(self, key: str, length: int) -> Future[Tail]:
        """See BlobStore."""
        return self._inner.get_tail(key, length)

    def list(self, prefix: str, start_after: str = "") -> Iterator[BlobInfo]:
        """See BlobStore."""
        for blob in self._inner.list(prefix, start_after):
            written = datetime.fromisoformat(blob.modified) + self._calendar.births[blob.key]
            yield blob._replace(modified=written.isoformat())


class LaterVault:
    """A Vault whose clock is the calendar's. Locks really end when they are said to."""

    def __init__(self, inner: Vault, calendar: Calendar) -> None:
        """Wrap `inner`."""
        self._inner = inner
        self._calendar = calendar

    def now(self) -> datetime:
        """See Vault."""
        return self._inner.now() + self._calendar.passed

    def expire(self, key: str) -> Future[None]:
        """See Vault."""
        return self._inner.expire(key)

    def readmit(self, key: str) -> Future[None]:
        """See Vault."""
        return self._inner.readmit(key)

    def extend(self, key: str, until: datetime) -> Future[None]:
        """See Vault."""
        return self._inner.extend(key, until)

    def versions(self, key: str) -> Sequence[Version]:
        """See Vault."""
        return self._inner.versions(key)

    def read_version(self, key: str, version_id: str) -> Future[Buffer]:
        """See Vault."""
        return self._inner.read_version(key, version_id)

    def bring_back(self, key: str, version_id: str) -> Future[None]:
        """See Vault."""
        self._calendar.births[key] = self._calendar.passed
        return self._inner.bring_back(key, version_id)
