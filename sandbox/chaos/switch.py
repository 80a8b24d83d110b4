"""Asks the embedded AWS for trouble; see `sandbox/chaos/inside.py`."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import Any, NamedTuple
from urllib.parse import urlsplit

_PATIENCE_S = 30


class Worker(NamedTuple):
    """A process of a function. `busy` says that it works on an event."""

    function: str
    pid: int
    busy: bool


class Rule(NamedTuple):
    """S3 refuses this share of the functions' requests whose path or query has the text `of`."""

    share: float
    of: str = ""


class Switch:
    """Switches trouble on and off."""

    def __init__(self, endpoint: str) -> None:
        """Take the address of all services."""
        self._netloc = urlsplit(endpoint).netloc

    def outage(self, *rules: Rule) -> int:
        """Let S3 refuse requests by these rules only; give how many it has refused since it was started."""
        return int(self._ask("PUT", "outage", {"rules": [rule._asdict() for rule in rules]})["refused"])

    def workers(self, function: str) -> list[Worker]:
        """Give the processes of a function."""
        found = (Worker(**item) for item in self._ask("GET", "workers", {}))
        return [worker for worker in found if worker.function == function]

    def is_idle(self) -> bool:
        """Say whether no queue's messages are being worked on."""
        return bool(self._ask("GET", "idle", {}))

    def elapse(self, queue: str) -> int | None:
        """Let time pass for a queue's hidden messages; give how many, or None when a function is at work."""
        elapsed: int | None = self._ask("POST", "elapse", {"queue": queue})["elapsed"]
        return elapsed

    def _ask(self, method: str, what: str, wanted: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        connection = HTTPConnection(self._netloc, timeout=_PATIENCE_S)
        try:
            connection.request(method, f"/_sandbox/{what}", json.dumps(wanted))
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()
