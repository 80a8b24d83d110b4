"""An endpoint that does not answer, or not as S3 does: exit status 5, soon."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.cli.kit import Tool

BACKUPS = ["backups", "--repository", "my-backups", "--source-name", "my-source"]


class Stranger(BaseHTTPRequestHandler):
    """A web server that knows nothing of S3."""

    def do_GET(self) -> None:
        """Answer everything with a page."""
        page = b"<html>Welcome to our shop!</html>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_arguments: object) -> None:
        """Keep quiet."""


@pytest.fixture
def stranger() -> Iterator[str]:
    """The endpoint of a web server that is no S3."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stranger)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_nobody_listens() -> None:
    """The address stands in the message."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    done = Tool(f"http://{address}")(*BACKUPS)
    assert (done.status, done.code) == (5, "STORE_UNAVAILABLE")
    assert address in done.err


def test_no_such_host() -> None:
    """A name that does not resolve is not looked up for ever."""
    done = Tool("http://nowhere.invalid")(*BACKUPS, env={"NO_PROXY": "*", "no_proxy": "*"})
    assert (done.status, done.code) == (5, "STORE_UNAVAILABLE")
    assert "nowhere.invalid" in done.err


def test_something_else_listens(stranger: str) -> None:
    """A page is not a listing."""
    done = Tool(stranger)(*BACKUPS)
    assert (done.status, done.code) == (5, "REQUEST_REFUSED")
