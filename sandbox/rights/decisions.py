"""Decisions about roles' rights, as the embedded AWS has counted them since it was started."""

from __future__ import annotations

import json
from collections import Counter
from http.client import HTTPConnection
from typing import NamedTuple
from urllib.parse import urlsplit

_PATH = "/_sandbox/decisions"
_PATIENCE_S = 30
_NAMES = {"count": "calls"}


class Decision(NamedTuple):
    """Somebody asked for something so many times, and got it or not."""

    principal: str
    """`arn:aws:sts::000000000000:assumed-role/<role>/<session>`; the session of a function is its name."""
    action: str
    resource: str
    allowed: bool
    calls: int

    @property
    def who(self) -> str:
        """The session: for a function, its name."""
        return self.principal.rpartition("/")[2]

    def __str__(self) -> str:
        times = "" if self.calls == 1 else f", {self.calls:,} times"
        return f"{self.who} was {'allowed' if self.allowed else 'denied'} {self.action} on {self.resource}{times}"


def decisions(endpoint: str) -> list[Decision]:
    """Give all decisions about roles since the start, in a fixed order."""
    connection = HTTPConnection(urlsplit(endpoint).netloc, timeout=_PATIENCE_S)
    try:
        connection.request("GET", _PATH)
        found = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return [Decision(**{_NAMES.get(name, name): value for name, value in item.items()}) for item in found]


def calls(endpoint: str) -> Counter[str]:
    """Count what all roles together were allowed since the start, by action."""
    counted: Counter[str] = Counter()
    for decision in decisions(endpoint):
        counted[decision.action] += decision.calls if decision.allowed else 0
    return counted


def denied(endpoint: str) -> list[Decision]:
    """Give what was denied."""
    return [decision for decision in decisions(endpoint) if not decision.allowed]
