"""A small HTTP server that does what a test tells it: answers, refuses, stalls, hangs up, cuts answers short."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import NamedTuple, Self, TypeAlias


class Asked(NamedTuple):
    """A request as it came over the wire. Header names in lower case; `number` counts all requests from 1."""

    number: int
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What the server does. `cut` sends so many bytes of the body and hangs up; `drop` hangs up at once."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    drop: bool = False
    wait: float = 0.0
    close: bool = False


Script: TypeAlias = Callable[[Asked], Reply]


def refusal(
    status: int, code: str, message: str = "no", extra: str = "", headers: dict[str, str] | None = None
) -> Reply:
    """Give an error as S3 writes it."""
    text = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{message}</Message>{extra}</Error>'
    return Reply(status, text.encode(), headers or {})


def in_turn(replies: Iterable[Reply]) -> Script:
    """Give the replies one after the other; the last one again and again."""
    waiting = list(replies)
    lock = threading.Lock()

    def script(_asked: Asked) -> Reply:
        with lock:
            return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    return script


class ScriptedServer:
    """Runs for the length of a `with` block. `asked` holds all requests, `most` the most that were open at once."""

    def __init__(self, script: Script) -> None:
        """Answer by `script`, which is called in the thread of each connection."""
        self.asked: list[Asked] = []
        self.connections = 0
        self.most = 0
        self._open = 0
        self._script = script
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._ended = threading.Event()

    @property
    def endpoint(self) -> str:
        """The server's URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                outer._serve(self)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 256

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        with self._lock:
            for open_socket in self._sockets:
                with suppress(OSError):
                    open_socket.shutdown(socket.SHUT_RDWR)

    def _serve(self, handler: socketserver.StreamRequestHandler) -> None:
        with self._lock:
            self.connections += 1
            self._sockets.add(handler.connection)
        try:
            with suppress(OSError):
                while (asked := self._read(handler)) is not None and self._reply(handler, asked):
                    pass
        finally:
            with self._lock:
                self._sockets.discard(handler.connection)

    def _read(self, handler: socketserver.StreamRequestHandler) -> Asked | None:
        line = handler.rfile.readline().decode("latin-1").split(" ")
        if len(line) != 3:
            return None
        headers: dict[str, str] = {}
        while (field_line := handler.rfile.readline().decode("latin-1").strip()) != "":
            name, _, value = field_line.partition(":")
            headers[name.lower()] = value.strip()
        body = handler.rfile.read(int(headers.get("content-length", "0")))
        with self._lock:
            asked = Asked(len(self.asked) + 1, line[0], line[1], headers, body)
            self.asked.append(asked)
            self._open += 1
            self.most = max(self.most, self._open)
        return asked

    def _reply(self, handler: socketserver.StreamRequestHandler, asked: Asked) -> bool:
        """Do what the script says; give whether the connection stays open."""
        try:
            reply = self._script(asked)
            if reply.wait:
                self._ended.wait(reply.wait)
        finally:
            with self._lock:
                self._open -= 1
        if reply.drop:
            return False
        fields = {"Content-Length": str(len(reply.body)), **reply.headers}
        lines = [f"HTTP/1.1 {reply.status} Because", *(f"{name}: {value}" for name, value in fields.items())]
        body = b"" if asked.method == "HEAD" else reply.body[: reply.cut]
        handler.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        return reply.cut is None and not reply.close


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until the condition holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)
