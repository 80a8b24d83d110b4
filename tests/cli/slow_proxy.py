"""A proxy in front of the embedded AWS that lets some requests wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


class SlowProxy(ThreadingHTTPServer):
    """Forwards everything; requests whose method and path hold `held` wait, once `held` is set, until `release`."""

    daemon_threads = False

    def __init__(self, target: str) -> None:
        """Forward to the endpoint `target`."""
        super().__init__(("127.0.0.1", 0), _Forward)
        parts = urlsplit(target)
        self.target = (parts.hostname or "", parts.port or 80)
        self.held = ""
        self.waits = threading.Event()
        self.release = threading.Event()

    @property
    def endpoint(self) -> str:
        """The URL of the proxy."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def pause(self, request: str) -> None:
        """Let `request`, such as `GET /bucket/key`, wait if it is one of those."""
        if self.held and self.held in request:
            self.waits.set()
            self.release.wait()


class _Forward(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: SlowProxy

    def handle(self) -> None:
        """Serve a connection until the client hangs up, which it may do at any time."""
        with suppress(ConnectionError):
            super().handle()

    def finish(self) -> None:
        """Close the connection, whatever it still holds."""
        with suppress(ConnectionError):
            super().finish()

    def _forward(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if len(body) < length:  # the client is gone; nobody must wait for the rest
            self.close_connection = True
            return
        self.server.pause(f"{self.command} {self.path}")
        with closing(HTTPConnection(*self.server.target)) as upstream:
            upstream.request(self.command, self.path, body, dict(self.headers))
            answer = upstream.getresponse()
            data = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_POST = do_DELETE = _forward  # noqa: N815 - the names that http.server looks for

    def log_message(self, *_arguments: object) -> None:
        """Keep quiet."""


@contextmanager
def slow_proxy(target: str) -> Iterator[SlowProxy]:
    """Run a proxy for the length of a block."""
    with SlowProxy(target) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.release.set()
            proxy.shutdown()
            thread.join()
