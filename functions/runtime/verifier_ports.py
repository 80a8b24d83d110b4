"""What the verifier needs from outside, and how it is set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from functions.contract.environment import SourceSetting
from functions.engine.orchestration.ports import Drills, Notifier, Users
from functions.engine.ports import BlobStore, Clock, Destination, Ids, Source
from functions.runtime.telemetry import Telemetry

MARGIN = 90.0
"""Seconds before the deadline at which nothing new is begun."""

CLOSING = 30.0
"""Seconds that are left in any case to tell what was found and to hand on."""


@dataclass(frozen=True, slots=True)
class VerifierPorts:
    """Everything from outside. `destination` writes to the scratch bucket over what is there, `scratch` reads it.

    `invoke_self` starts this function once more with an event, and does not wait for it.
    """

    store: BlobStore
    source: Callable[[SourceSetting], Source]
    destination: Callable[[], Destination]
    scratch: Source
    users: Users
    drills: Drills
    notifier: Notifier
    telemetry: Telemetry
    clock: Clock
    ids: Ids
    invoke_self: Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierSettings:
    """How the verifier works; see VerifierEnvironment. `workers` is the number of threads: one a core."""

    stack: str
    sources: tuple[SourceSetting, ...]
    repository_bucket: str
    scratch_prefix: str = "drills/"
    sample_percent: float = 1.0
    drills_a_day: int = 12
    drill_coverage_days: int = 90
    drill_bytes: int = 2 * 1024**3
    drills_kept_days: int = 2_555
    workers: int = 1
