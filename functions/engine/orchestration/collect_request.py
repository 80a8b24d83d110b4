"""What a collection is asked to do: the event of a schedule, or of a person. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.contract.messages import CollectEvent
from functions.engine.errors import ConfigurationError

_KEYS = frozenset({CollectEvent.MEASURE, CollectEvent.DRY_RUN, CollectEvent.EXPIRE_SHARE})


@dataclass(frozen=True, slots=True)
class CollectRequest:
    """A collection to do. Without a share of its own it may let go as much as the stack's settings say."""

    measure: bool = False
    dry_run: bool = False
    expire_share: float | None = None


def parse_collect(event: Mapping[str, Any]) -> CollectRequest:
    """Read an event. Raises ConfigurationError, which lists all problems."""
    problems = [
        f"{key} is {event[key]!r}, must be true or false"
        for key in (CollectEvent.MEASURE, CollectEvent.DRY_RUN)
        if not isinstance(event.get(key, False), bool)
    ]
    share = event.get(CollectEvent.EXPIRE_SHARE)
    if share is not None and (isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1):
        problems.append(f"{CollectEvent.EXPIRE_SHARE} is {share!r}, must be a number above 0, up to 1")
    unknown = sorted(str(key) for key in event.keys() - _KEYS)
    if unknown:
        problems.append(f"unknown: {', '.join(unknown)}")
    if problems:
        raise ConfigurationError(
            f"the event cannot be understood: {'; '.join(problems)}", hint='send {} or {"measure": true}'
        )
    return CollectRequest(event.get(CollectEvent.MEASURE, False), event.get(CollectEvent.DRY_RUN, False), share)
