"""An HTTP proxy in front of the embedded AWS that loses, delays, cuts and refuses a share of what passes it."""

from __future__ import annotations

import http.client
import socketserver
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from random import Random
from urllib.parse import urlsplit

from tests.adapters.scripted import Asked, Reply, ScriptedServer, refusal

_STALLED = 3.0
_HOP = {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"}


@dataclass(frozen=True)
class Troubles:
    """How often what goes wrong, as a share of all requests."""

    slow_down: float = 0.0
    """503 SlowDown, and nothing was done."""
    lost_before: float = 0.0
    """The connection ends before anything was done."""
    error_after: float = 0.0
    """500, though it was done."""
    lost_after: float = 0.0
    """The connection ends after it was done."""
    cut: float = 0.0
    """The answer breaks off in its middle."""
    stall: float = 0.0
    """No answer comes for longer than anybody waits, though it was done."""


FIVE_PERCENT = Troubles(slow_down=0.01, lost_before=0.01, error_after=0.008, lost_after=0.01, cut=0.01, stall=0.002)


class FlakyProxy(ScriptedServer):
    """Use it in a `with` block. `met` counts what went wrong.

    `watch` hears of each request before it passes, `instead` may answer in upstream's place, and the answers to
    requests that are `lost` never arrive.
    """

    def __init__(self, upstream: str, troubles: Troubles | None = None, seed: int = 0) -> None:
        """Pass requests on to `upstream`. The seed decides which are met by what."""
        super().__init__(self._pass)
        self.met: Counter[str] = Counter()
        self.watch: Callable[[Asked], object] = lambda _asked: None
        self.instead: Callable[[Asked], Reply | None] = lambda _asked: None
        self.lost: Callable[[Asked], bool] = lambda _asked: False
        self._upstream = urlsplit(upstream)
        self._troubles = troubles or Troubles()
        self._random = Random(seed)
        self._choice = threading.Lock()
        self._local = threading.local()

    def _pass(self, asked: Asked) -> Reply:
        self.watch(asked)
        if (answer := self.instead(asked)) is not None:
            return answer
        trouble = "lost_after" if self.lost(asked) else self._choose()
        if trouble == "slow_down":
            return refusal(503, "SlowDown", "Please reduce your request rate.")
        if trouble == "lost_before":
            return Reply(drop=True)
        return _spoilt(self._forward(asked), trouble)

    def _choose(self) -> str:
        with self._choice:
            point = self._random.random()
            for field in fields(Troubles):
                point -= getattr(self._troubles, field.name)
                if point < 0:
                    self.met[field.name] += 1
                    return field.name
        return ""

    def _forward(self, asked: Asked) -> Reply:
        """Ask upstream, over one connection for each that comes in: many short ones would fill its queue."""
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection(self._upstream.hostname or "", self._upstream.port, timeout=20)
            self._local.connection = connection
        connection.request(asked.method, asked.target, body=asked.body, headers=asked.headers)
        answer = connection.getresponse()
        body = answer.read()
        kept = _HOP - {"content-length"} if asked.method == "HEAD" else _HOP
        headers = {name: value for name, value in answer.getheaders() if name.lower() not in kept}
        return Reply(answer.status, body, headers)

    def _serve(self, handler: socketserver.StreamRequestHandler) -> None:
        try:
            super()._serve(handler)
        finally:
            if (connection := getattr(self._local, "connection", None)) is not None:
                connection.close()


def _spoilt(reply: Reply, trouble: str) -> Reply:
    """Let something happen to an answer on its way."""
    if trouble == "error_after":
        return refusal(500, "InternalError", "We encountered an internal error. Please try again.")
    if trouble == "lost_after" or (trouble == "cut" and not reply.body):
        return Reply(drop=True)
    if trouble == "cut":
        return replace(reply, cut=len(reply.body) // 2)
    if trouble == "stall":
        return replace(reply, wait=_STALLED, close=True)
    return reply
