"""What makes trouble inside MiniStack. Loaded there by `sandbox/front.py`, so it knows the standard library only.

- `PUT /_sandbox/outage` with `{"rules": [{"share": 0.5, "of": "text"}]}`: S3 answers that share of the functions'
  requests whose path or query has the text with 503, as it does when it is overloaded (Amazon S3 API Reference,
  "Error responses"). No rule ends it. Answers with `{"refused": n}`, counted since the start.
- `GET /_sandbox/workers`: the processes of functions, `[{"function", "pid", "busy"}]`. One that starts is not busy.
- `GET /_sandbox/idle`: whether no queue's messages are being worked on.
- `POST /_sandbox/elapse` with `{"queue": name}`: lets the time pass that hidden messages of a queue would wait, if
  no function is at work; `{"elapsed": n}`, or null when one is.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from importlib import import_module
from typing import Any, Final
from urllib.parse import unquote

_FUNCTIONS_S3: Final = re.compile(r"Credential=ASIA[^/]*/[^/]*/[^/]*/s3/")
"""A request to S3 that a role's session has signed."""
_SLOW_DOWN: Final = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
_App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


class Outage:
    """Which requests to S3 are refused, and how many were."""

    def __init__(self) -> None:
        self.rules: list[tuple[float, str]] = []
        self.refused = 0
        self._random = random.Random(7)  # noqa: S311 - chooses requests, keeps no secret

    def change(self, wanted: dict[str, Any]) -> dict[str, int]:
        """Begin, change or end it."""
        self.rules = [(float(rule["share"]), str(rule["of"])) for rule in wanted["rules"]]
        return {"refused": self.refused}

    def hits(self, scope: dict[str, Any]) -> bool:
        """Say whether this request is refused."""
        signed = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        if not self.rules or not _FUNCTIONS_S3.search(signed):
            return False
        place = unquote(f"{scope['path']}?{scope['query_string'].decode('latin-1')}")
        hit = any(text in place and self._random.random() < share for share, text in self.rules)
        self.refused += hit
        return hit


def troubled(app: _App) -> _App:
    """Wrap an application so that it can be made to fail."""
    _count_queued_invocations()
    ready, outage = _remember_ready_processes(), Outage()
    answers: dict[tuple[str, str], Callable[[dict[str, Any]], Any]] = {
        ("PUT", "/_sandbox/outage"): outage.change,
        ("GET", "/_sandbox/workers"): lambda _nothing: _workers(ready),
        ("GET", "/_sandbox/idle"): lambda _nothing: _is_idle(),
        ("POST", "/_sandbox/elapse"): lambda wanted: _elapse(str(wanted["queue"])),
    }

    async def wrapped(scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's own types
        answer = answers.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if answer is not None:
            wanted = json.loads(await _body(receive) or b"{}")
            await _respond(send, 200, json.dumps(answer(wanted)).encode())
        elif scope["type"] == "http" and outage.hits(scope):
            await _body(receive)
            await _respond(send, 503, _SLOW_DOWN)
        else:
            await app(scope, receive, send)

    return wrapped


def _count_queued_invocations() -> None:
    functions: Any = import_module("ministack.services.lambda_svc")
    queued: ContextVar[bool] = ContextVar("queued", default=False)
    run_batch, execute = functions._run_sqs_batch, functions._execute_function  # noqa: SLF001 - there is no other way in

    def run_sqs_batch(*arguments: Any) -> Any:  # noqa: ANN401 - MiniStack's own types
        token = queued.set(True)
        try:
            return run_batch(*arguments)
        finally:
            queued.reset(token)

    def execute_function(function: dict[str, Any], event: dict[str, Any]) -> Any:  # noqa: ANN401 - the same
        begun = time.time()
        result = execute(function, event)
        if queued.get():
            name, spent = function["config"]["FunctionName"], (time.time() - begun) * 1_000
            functions._emit_lambda_metrics(name, spent, bool(result.get("error")), bool(result.get("throttle")))  # noqa: SLF001
        return result

    functions._run_sqs_batch, functions._execute_function = run_sqs_batch, execute_function  # noqa: SLF001


def _remember_ready_processes() -> set[int]:
    """Give a set that will hold the process ids of functions that have started."""
    ready: set[int] = set()
    worker: Any = import_module("ministack.core.lambda_runtime").Worker
    spawn = worker._spawn  # noqa: SLF001 - there is no other way in

    def spawned(self: Any) -> None:  # noqa: ANN401 - MiniStack's own type
        spawn(self)
        ready.add(self._proc.pid)

    worker._spawn = spawned  # noqa: SLF001
    return ready


def _workers(ready: set[int]) -> list[dict[str, Any]]:
    """Give the processes of functions that are alive."""
    runtime: Any = import_module("ministack.core.lambda_runtime")
    with runtime._lock:  # noqa: SLF001 - there is no other way in
        pools = [worker for pool in runtime._workers.values() for worker in pool]  # noqa: SLF001
    alive = [(worker, worker._proc) for worker in pools]  # noqa: SLF001
    return [
        {"function": worker.func_name, "pid": process.pid, "busy": worker.in_use and process.pid in ready}
        for worker, process in alive
        if process is not None and process.poll() is None
    ]


def _is_idle() -> bool:
    functions: Any = import_module("ministack.services.lambda_svc")
    return not functions._esm_inflight  # noqa: SLF001 - there is no other way in


def _elapse(name: str) -> dict[str, int | None]:
    """Show the hidden messages of a queue, in every region, unless somebody may be working on one."""
    queues: Any = import_module("ministack.services.sqs")
    now, shown = time.time(), 0
    with queues._queues_lock:  # noqa: SLF001 - there is no other way in
        if not _is_idle():
            return {"elapsed": None}
        for (_account, _region, url), queue in queues._queues._data.items():  # noqa: SLF001
            for message in queue["messages"] if url.endswith(f"/{name}") else ():
                shown += message["visible_at"] > now
                message["visible_at"] = min(message["visible_at"], now)
    queues.esm_wake.set()
    return {"elapsed": shown}


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
