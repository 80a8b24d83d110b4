"""A repository with users to verify, a scratch bucket, and a verifier between them: all of it in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from functions.adapters.memory import MemoryDestination, MemoryFile, MemorySource
from functions.adapters.memory_ledger import MemoryDrills, MemoryNotifier, MemoryUsers
from functions.contract.environment import SourceSetting
from functions.contract.object_keys import pack_key
from functions.engine.backup import BackupResult
from functions.engine.conflict import Conflict
from functions.engine.model import Properties
from functions.engine.ports import BlobStore, Target
from functions.runtime.verifier_ports import VerifierPorts, VerifierSettings
from functions.runtime.verifying import verify
from tests.engine.kit import SOURCE, WORKERS, World, flip
from tests.listening import Listening

SETTING = SourceSetting(SOURCE, "source-bucket")
ALL_DAY = 900.0

Change = Callable[[MemoryFile], MemoryFile | None]


class Clock:
    """A clock that stands still until a test lets days go by."""

    def __init__(self, now: datetime) -> None:
        """Start at `now`."""
        self.now = now

    def __call__(self) -> datetime:
        """Give the time."""
        return self.now


class ScratchBucket(MemorySource):
    """A bucket to restore into. `change` sees every object before it is written, and may change or drop it."""

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self.change: Change = lambda file: file

    def destination(self) -> MemoryDestination:
        """Give what writes to it."""
        return _Into(self)


class _Into(MemoryDestination):
    def __init__(self, bucket: ScratchBucket) -> None:
        super().__init__(conflict=Conflict.OVERWRITE)
        self._bucket = bucket

    def publish(self, target: Target, file: MemoryFile) -> str:
        """Write into the bucket."""
        changed = self._bucket.change(file)
        if changed is not None:
            self._bucket.put(target.name, changed.data, properties=changed.properties)
        return target.name


@dataclass
class Watch:
    """Seconds that are left: fewer by `each` every time somebody looks."""

    left: float = ALL_DAY
    each: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> float:
        """Look."""
        with self._lock:
            self.left -= self.each
            return self.left


@dataclass
class Vault:
    """Everything that a verifier sees."""

    world: World = field(default_factory=World)
    scratch: ScratchBucket = field(default_factory=ScratchBucket)
    users: MemoryUsers = field(default_factory=MemoryUsers)
    drills: MemoryDrills = field(default_factory=MemoryDrills)
    notifier: MemoryNotifier = field(default_factory=MemoryNotifier)
    heard: Listening = field(default_factory=Listening)
    invoked: list[Mapping[str, Any]] = field(default_factory=list)
    store: BlobStore | None = None
    settings: VerifierSettings = field(
        default_factory=lambda: VerifierSettings(
            stack="test", sources=(SETTING,), repository_bucket="vault", sample_percent=100.0, workers=WORKERS
        )
    )
    clock: Clock = field(init=False)

    def __post_init__(self) -> None:
        """Start the clock where the world's stands, so that backups are of today."""
        self.clock = Clock(self.world.clock.now)

    def back_up(self, user: str, files: Mapping[str, bytes], properties: Properties | None = None) -> BackupResult:
        """Write a user's files and back them up."""
        for key, data in files.items():
            self.world.source.put(key, data, properties=properties)
        result = self.world.back_up(user)
        self.users.backed_up(result.record)
        self.clock.now = max(self.clock.now, self.world.clock.now + timedelta(seconds=1))
        return result

    def ports(self) -> VerifierPorts:
        """Give the verifier's ports."""
        return VerifierPorts(
            store=self.store or self.world.store,
            source=lambda _setting: self.world.source,
            destination=self.scratch.destination,
            scratch=self.scratch,
            users=self.users,
            drills=self.drills,
            notifier=self.notifier,
            telemetry=self.heard,
            clock=self.clock,
            ids=self.world.ids,
            invoke_self=self.invoked.append,
        )

    def verify(self, event: Mapping[str, Any], watch: Callable[[], float] = Watch()) -> dict[str, Any]:  # noqa: B008
        """Do one invocation."""
        try:
            return verify(self.ports(), self.settings, event, watch)
        finally:
            self.heard.flush()

    def runs(self, kind: str) -> int:
        """Count the verifications of a kind that ended."""
        return sum(value.dimensions.get("Code") == kind for value in self.heard.values("VerifyRun"))

    def set(self, **changes: Any) -> None:  # noqa: ANN401 - any setting
        """Change settings."""
        self.settings = replace(self.settings, **changes)

    def damage(self, result: BackupResult, key: str) -> str:
        """Turn one bit of the first chunk of a file; give the id of its pack."""
        ref = self.world.entries(result)[key].chunks[0]
        name = pack_key(ref.pack)
        self.world.store.blobs[name] = flip(self.world.store.blobs[name], ref.offset)
        return ref.pack
