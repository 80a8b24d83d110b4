"""Loses a region inside MiniStack. Loaded there by `sandbox/front.py`, so it knows the standard library only.

`PUT /_sandbox/lost` with `{"region": "us-east-1"}`: no service answers a request that was signed for that region; null
brings it back. Answers with the requests that were not answered since it was lost, by service and operation.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final

_PATH: Final = "/_sandbox/lost"
_SCOPE: Final = re.compile(r"Credential=[^/]+/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
_App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


class Loss:
    """Which region is lost, and what was asked of it."""

    def __init__(self) -> None:
        self.region: str | None = None
        self.asked: Counter[str] = Counter()

    def change(self, region: str | None) -> dict[str, int]:
        """Lose a region, or bring it back; give what was asked of it, and forget that when it is another one."""
        asked = dict(self.asked)
        if region != self.region:
            self.region, self.asked = region, Counter()
        return asked

    def hits(self, scope: dict[str, Any]) -> bool:
        """Say whether this request is for the lost region."""
        headers = dict(scope["headers"])
        found = _SCOPE.search(headers.get(b"authorization", b"").decode("latin-1"))
        if self.region is None or found is None or found[1] != self.region:
            return False
        operation = headers.get(b"x-amz-target", b"").decode("latin-1").rpartition(".")[2]
        self.asked[f"{found[2]}: {operation or scope['method'] + ' ' + scope['path']}"] += 1
        return True


def without_lost_region(app: _App) -> _App:
    """Wrap an application so that a region can be lost."""
    loss = Loss()

    async def wrapped(scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's own types
        if scope["type"] != "http":
            await app(scope, receive, send)
        elif (scope["method"], scope["path"]) == ("PUT", _PATH):
            wanted = json.loads(await _body(receive))["region"]
            await _respond(send, 200, json.dumps(loss.change(wanted)).encode())
        elif loss.hits(scope):
            await _body(receive)
            await _respond(send, 503, b"")
        else:
            await app(scope, receive, send)

    return wrapped


async def _body(receive: Callable[[], Awaitable[dict[str, Any]]]) -> bytes:
    parts, more = [], True
    while more:
        event = await receive()
        parts.append(event.get("body", b""))
        more = event.get("more_body", False)
    return b"".join(parts)


async def _respond(send: Callable[[dict[str, Any]], Awaitable[None]], status: int, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})
