"""The HTTP transport against a server that misbehaves on command."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace

import pycurl
import pytest

from functions.adapters.s3.transport import (
    Request,
    Response,
    Transport,
    TransportError,
    TransportSettings,
    worth_having,
)
from tests.adapters.scripted import Asked, Reply, Script, ScriptedServer, in_turn, until

WAIT = 20
QUICK = TransportSettings(connections=4, attempts=4, stall_timeout=1, backoff_base=0.001, backoff_cap=0.01)
MakeTransport = Callable[..., Transport]
Serve = Callable[[Script], ScriptedServer]


@pytest.fixture
def make_transport() -> Iterator[MakeTransport]:
    """Make transports that are closed at the end: `make_transport(attempts=2)`."""
    made: list[Transport] = []

    def make(**settings: float) -> Transport:
        made.append(Transport(replace(QUICK, **settings)))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for transport in made:
        transport.close()


def send(
    transport: Transport,
    url: str,
    method: str = "GET",
    body: bytes | None = None,
    headers: Callable[[], list[bytes]] = list,
    retry_if: Callable[[Response], bool] | None = None,
) -> Future[Response]:
    """Send a request; give its answer as a future."""
    future: Future[Response] = Future()

    def done(outcome: Response | Exception) -> None:
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    transport.send(Request("Test", method, url, lambda: [*headers(), b"Expect:"], done, body, retry_if))
    return future


def test_an_answer_comes_with_status_headers_and_body(make_transport: MakeTransport, serve: Serve) -> None:
    """Header names are in lower case, values as they stand."""
    server = serve(lambda _asked: Reply(206, b"content", {"X-Amz-Meta-A": "b: c", "ETag": '"e"'}))
    response = send(make_transport(), server.endpoint + "/key?x=1").result(WAIT)
    assert (response.status, response.body, response.attempt) == (206, b"content", 1)
    assert response.headers["x-amz-meta-a"] == "b: c"
    assert response.headers["etag"] == '"e"'
    assert [(asked.method, asked.target) for asked in server.asked] == [("GET", "/key?x=1")]


@pytest.mark.parametrize("size", [0, 1, 100_000, 3_000_000])
def test_bodies_of_any_size_pass_both_ways(make_transport: MakeTransport, serve: Serve, size: int) -> None:
    """Whole, and in one piece."""
    body = bytes(range(256)) * (size // 256 + 1)
    body = body[:size]
    server = serve(lambda asked: Reply(200, asked.body))
    assert bytes(send(make_transport(), server.endpoint, "PUT", body).result(WAIT).body) == body
    assert server.asked[0].body == body


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE", "HEAD"])
@pytest.mark.parametrize("before", ["GET", "PUT", "POST", "DELETE", "HEAD"])
def test_one_request_leaves_nothing_behind_for_the_next_on_its_connection(
    make_transport: MakeTransport, serve: Serve, before: str, method: str
) -> None:
    """No method, no body and no header of the last one."""
    server = serve(lambda asked: Reply(200, f"{asked.method} {asked.target}".encode()))
    transport = make_transport(connections=1)
    for number, name in enumerate((before, method)):
        body = b"body %d" % number if name in {"PUT", "POST"} else None
        fields = [b"x-number: %d" % number, b"x-only-%d: yes" % number]
        response = send(transport, f"{server.endpoint}/{number}", name, body, lambda fields=fields: fields).result(WAIT)  # type: ignore[misc]
        assert response.body == (b"" if name == "HEAD" else f"{name} /{number}".encode())
    last = server.asked[1]
    assert (last.method, last.body) == (method, b"body 1" if method in {"PUT", "POST"} else b"")
    assert last.headers["x-number"] == "1"
    assert "x-only-0" not in last.headers
    assert server.connections == 1


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_an_empty_body_is_said_to_be_empty(make_transport: MakeTransport, serve: Serve, method: str) -> None:
    """A length of 0 stands in the request: S3 refuses a PUT without a length."""
    server = serve(lambda _asked: Reply())
    send(make_transport(), server.endpoint, method, b"").result(WAIT)
    assert server.asked[0].headers["content-length"] == "0"
    assert "expect" not in server.asked[0].headers


@pytest.mark.parametrize("target", ["/a/../b", "/./x", "/a//b", "/%2E%2E/x", "/a%2Fb", "/x?q=a%20b&c=%2B"])
def test_a_path_is_sent_as_it_stands(make_transport: MakeTransport, serve: Serve, target: str) -> None:
    """Folding dots away would ask for another key than was signed."""
    server = serve(lambda _asked: Reply())
    send(make_transport(), server.endpoint + target).result(WAIT)
    assert server.asked[0].target == target


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_server_in_trouble_is_asked_again(make_transport: MakeTransport, serve: Serve, status: int) -> None:
    """With the same body, and with headers made anew, since a signature holds the time."""
    server = serve(in_turn([Reply(status, b"slow down"), Reply(status), Reply(200, b"fine")]))
    signed: list[int] = []

    def headers() -> list[bytes]:
        signed.append(1)
        return [b"x-attempt: %d" % len(signed)]

    response = send(make_transport(), server.endpoint, "PUT", b"body", headers).result(WAIT)
    assert (response.status, response.body, response.attempt) == (200, b"fine", 3)
    assert [(asked.body, asked.headers["x-attempt"]) for asked in server.asked] == [
        (b"body", "1"),
        (b"body", "2"),
        (b"body", "3"),
    ]


@pytest.mark.parametrize("status", [200, 204, 206, 301, 307, 400, 401, 403, 404, 405, 409, 411, 412, 416, 501])
def test_a_final_answer_is_not_asked_for_twice(make_transport: MakeTransport, serve: Serve, status: int) -> None:
    """Nor is a redirection followed: the next host would get a signature that is not meant for it."""
    body = b"" if status == 204 else b"why"
    server = serve(lambda _asked: Reply(status, body, {"Location": "http://127.0.0.1:9/"}))
    response = send(make_transport(), server.endpoint).result(WAIT)
    assert (response.status, response.body) == (status, body)
    assert len(server.asked) == 1


def test_the_caller_may_name_other_answers_worth_a_retry(make_transport: MakeTransport, serve: Serve) -> None:
    """Such as a 400 whose body says that the request came too slowly."""
    server = serve(in_turn([Reply(400, b"RequestTimeout"), Reply(400, b"Other")]))
    response = send(make_transport(), server.endpoint, retry_if=lambda found: found.body == b"RequestTimeout").result(
        WAIT
    )
    assert (response.body, response.attempt) == (b"Other", 2)


def test_it_gives_up_after_its_attempts_with_the_last_answer(make_transport: MakeTransport, serve: Serve) -> None:
    """The caller sees what the server said."""
    server = serve(lambda asked: Reply(503, b"%d" % asked.number))
    response = send(make_transport(attempts=3), server.endpoint).result(WAIT)
    assert (response.status, response.body, len(server.asked)) == (503, b"3", 3)


@pytest.mark.parametrize(
    "trouble",
    [
        Reply(drop=True),
        Reply(200, b"x" * 1000, cut=0),
        Reply(200, b"x" * 1000, cut=999),
        Reply(200, b"x" * 5_000_000, cut=4_000_000),
        Reply(503, b"x" * 1000, cut=10),
    ],
    ids=["dropped", "headers only", "one byte short", "large and short", "error cut short"],
)
def test_an_answer_that_breaks_off_is_asked_for_again(
    make_transport: MakeTransport, serve: Serve, trouble: Reply
) -> None:
    """Nobody ever sees the part that came."""
    server = serve(in_turn([trouble, trouble, Reply(200, b"whole")]))
    response = send(make_transport(), server.endpoint).result(WAIT)
    assert (response.status, response.body, response.attempt) == (200, b"whole", 3)


def test_an_answer_that_always_breaks_off_is_an_error(make_transport: MakeTransport, serve: Serve) -> None:
    """After all attempts; it says what happened."""
    server = serve(lambda _asked: Reply(200, b"x" * 1000, cut=10))
    error = send(make_transport(attempts=3), server.endpoint).exception(WAIT)
    assert isinstance(error, TransportError)
    assert (error.curl_code, error.attempt, len(server.asked)) == (pycurl.E_PARTIAL_FILE, 3, 3)
    assert "attempt 3" in str(error)


def test_a_server_that_stalls_is_asked_again(make_transport: MakeTransport, serve: Serve) -> None:
    """No byte for the time allowed ends the attempt."""
    server = serve(in_turn([Reply(wait=WAIT), Reply(200, b"fine")]))
    assert send(make_transport(stall_timeout=1), server.endpoint).result(WAIT).body == b"fine"
    assert len(server.asked) == 2


def test_a_connection_that_the_server_has_closed_meanwhile_costs_nothing(
    make_transport: MakeTransport, serve: Serve
) -> None:
    """Idle connections end; the next request gets a new one."""
    server = serve(lambda _asked: Reply(200, b"fine", close=True))
    transport = make_transport(connections=1)
    assert [send(transport, server.endpoint).result(WAIT).body for _ in range(5)] == [b"fine"] * 5


def test_a_refused_connection_is_told_soon(make_transport: MakeTransport) -> None:
    """A wrong endpoint should not take minutes: fewer attempts than for a server in trouble."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        started = time.monotonic()
        error = send(make_transport(attempts=100, connect_attempts=3), url).exception(WAIT)
    assert isinstance(error, TransportError)
    assert (error.curl_code, error.attempt) == (pycurl.E_COULDNT_CONNECT, 3)
    assert time.monotonic() - started < 2


def test_a_malformed_url_is_not_tried_again(make_transport: MakeTransport) -> None:
    """It would not get better."""
    error = send(make_transport(), "http://[").exception(WAIT)
    assert isinstance(error, TransportError)
    assert error.attempt == 1


def test_many_requests_share_the_connections(make_transport: MakeTransport, serve: Serve) -> None:
    """All are answered, each with its own answer, over no more connections than allowed."""
    server = serve(lambda asked: Reply(200, asked.target.encode(), wait=0.001))
    transport = make_transport(connections=8)
    futures = {f"/{number}": send(transport, f"{server.endpoint}/{number}") for number in range(500)}
    assert {target: future.result(WAIT).body.decode() for target, future in futures.items()} == {  # type: ignore[union-attr]
        target: target for target in futures
    }
    assert server.connections <= 8
    assert 2 <= server.most <= 8


@pytest.mark.parametrize(
    ("latency", "most", "worth"),
    [(0.0, 96, 32), (0.0005, 96, 32), (0.008, 96, 64), (0.02, 96, 96), (5.0, 96, 96), (0.0, 4, 4)],
)
def test_as_many_requests_are_worth_having_as_hide_the_latency(latency: float, most: int, worth: int) -> None:
    """8,000 a second, 32 at least, and never more than there are connections."""
    assert worth_having(latency, most) == worth


@pytest.mark.parametrize(("latency", "together"), [(0.0, 32), (0.05, 48)])
def test_a_near_server_gets_fewer_requests_at_once(
    make_transport: MakeTransport, serve: Serve, latency: float, together: int
) -> None:
    """It is learned from the first answers, one after the other here; then all come at once."""
    released = threading.Event()

    def script(asked: Asked) -> Reply:
        if asked.number > 64:
            released.wait(WAIT)
        return Reply(200, b"", wait=latency)

    server = serve(script)
    transport = make_transport(connections=48, stall_timeout=WAIT)
    rounds = [1] * 64 if latency == 0 else [32, 32]
    for count in rounds:
        for future in [send(transport, server.endpoint) for _ in range(count)]:
            future.result(WAIT)
    futures = [send(transport, server.endpoint) for _ in range(100)]
    until(lambda: len(server.asked) == 64 + together)
    time.sleep(0.05)
    assert len(server.asked) == 64 + together
    released.set()
    assert {future.result(WAIT).status for future in futures} == {200}


def test_many_threads_may_send(make_transport: MakeTransport, serve: Serve) -> None:
    """While a third of the answers are troubles."""

    def script(asked: Asked) -> Reply:
        return (Reply(503), Reply(drop=True), Reply(200, asked.body))[asked.number % 3]

    server = serve(script)
    transport = make_transport(connections=8, attempts=100)
    found: Counter[bytes] = Counter()

    def work(worker: int) -> None:
        for number in range(20):
            body = b"%d-%d" % (worker, number)
            found[bytes(send(transport, server.endpoint, "PUT", body).result(WAIT).body)] += 1

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert found == Counter(b"%d-%d" % (worker, number) for worker in range(8) for number in range(20))


def test_operations_are_counted_attempt_by_attempt(make_transport: MakeTransport, serve: Serve) -> None:
    """That is what AWS bills."""
    server = serve(in_turn([Reply(503), Reply(200)]))
    transport = make_transport()
    send(transport, server.endpoint).result(WAIT)
    assert transport.counts == {"Test": 2}


def test_what_making_the_headers_raises_reaches_the_caller(make_transport: MakeTransport, serve: Serve) -> None:
    """And the transport goes on."""

    def headers() -> list[bytes]:
        raise LookupError("no credentials today")

    server = serve(lambda _asked: Reply(200, b"fine"))
    transport = make_transport(connections=1)
    for _ in range(3):
        with pytest.raises(LookupError, match="today"):
            send(transport, server.endpoint, "PUT", b"x", headers).result(WAIT)
    assert send(transport, server.endpoint).result(WAIT).body == b"fine"
    assert [(asked.method, asked.body) for asked in server.asked] == [("GET", b"")]


def test_close_ends_what_is_under_way_and_what_waits(make_transport: MakeTransport, serve: Serve) -> None:
    """Requests in every state: sent, waiting for a connection, waiting for their next attempt."""
    server = serve(lambda asked: Reply(503) if asked.target == "/again" else Reply(wait=WAIT))
    transport = make_transport(connections=2, backoff_base=WAIT, backoff_cap=WAIT)
    again = send(transport, server.endpoint + "/again")
    until(lambda: len(server.asked) == 1)
    others = [send(transport, f"{server.endpoint}/{number}") for number in range(6)]
    until(lambda: len(server.asked) == 3)
    started = time.monotonic()
    transport.close()
    transport.close()
    assert time.monotonic() - started < 2
    assert [type(future.exception(0)) for future in (again, *others)] == [TransportError] * 7


def test_a_closed_transport_takes_no_more_requests(make_transport: MakeTransport) -> None:
    """A request that nobody would ever answer is refused at once."""
    transport = make_transport()
    transport.close()
    assert "closed" in str(send(transport, "http://127.0.0.1:9/").exception(0))


def test_a_transport_ends_its_thread_and_its_files(serve: Serve) -> None:
    """Nothing is left of it."""
    server = serve(lambda _asked: Reply())
    before = threading.active_count()
    transport = Transport(QUICK)
    send(transport, server.endpoint).result(WAIT)
    transport.close()
    until(lambda: threading.active_count() <= before + 1)
