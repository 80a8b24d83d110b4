"""What a stack should be like: what it says of itself, and the settings of its file where those are at hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cli.outputs import StackOutputs
from components.settings import Settings
from components.settings.schedules import Schedules
from functions.engine.errors import ConfigurationError

SCHEDULES = tuple(
    sorted(name.replace("_", "-") for name in Schedules.model_fields if name not in {"paused", "timezone"})
)
"""Names of the schedules that a stack of this release has."""
_RPO_HOURS = 24


@dataclass(frozen=True, slots=True)
class Expected:
    """What doctor compares with. Without settings, sizes and times are only looked at, not compared."""

    said: StackOutputs
    settings: Settings | None = None

    @property
    def stack(self) -> str:
        """What all names of the stack begin with."""
        return f"strongroom-{self.said.stack}"

    @property
    def capabilities(self) -> Mapping[str, Any]:
        """What the stack says that it is made to do. ConfigurationError when that cannot be read."""
        try:
            found = json.loads(str(self.said.document.get("SystemCapabilities") or "{}"))
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise ConfigurationError("--outputs: SystemCapabilities is no JSON object", hint="do not edit the file")
        return found

    @property
    def paused(self) -> bool:
        """Whether the schedules are switched off by the settings, and alarms tell nobody."""
        schedules = self.capabilities.get("schedules")
        return isinstance(schedules, dict) and bool(schedules.get("paused"))

    @property
    def lock(self) -> str | None:
        """How objects are locked at birth, such as `COMPLIANCE, 30 days`."""
        found = self.capabilities.get("objectLock")
        return found if isinstance(found, str) else None

    @property
    def at_once(self) -> int:
        """Invocations of all functions together, as far as they are known."""
        if self.settings is not None:
            return self.settings.workers.at_once
        workers = (self.capabilities.get(name) for name in ("backupWorkers", "restoreWorkers"))
        return sum(count for count in workers if isinstance(count, int))

    @property
    def rpo_hours(self) -> int:
        """Hours that a user's last good backup may be old."""
        found = self.capabilities.get("alarmAfterHoursWithoutBackup")
        return found if isinstance(found, int) and found > 0 else _RPO_HOURS

    def name(self, output: str) -> str | None:
        """Give an output that is a name, if the stack has it."""
        found = self.said.document.get(output)
        return found if isinstance(found, str) and found else None
