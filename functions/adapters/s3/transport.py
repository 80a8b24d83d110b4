"""HTTP over libcurl: one thread, many connections, retries with back-off.

libcurl's multi interface costs 0.03 ms of CPU for a small request; a thread per request costs 0.08 ms and more,
because every one of its steps has to win the interpreter's lock. Nothing here knows S3.
"""

from __future__ import annotations

import heapq
import math
import os
import select
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import NamedTuple, TypeAlias

import pycurl

from functions.engine.model import Buffer

_RETRYABLE_STATUS = frozenset({429, 500, 502, 503, 504})
_CONNECT_ERRORS = frozenset({pycurl.E_COULDNT_RESOLVE_HOST, pycurl.E_COULDNT_CONNECT, pycurl.E_COULDNT_RESOLVE_PROXY})
_FINAL_ERRORS = frozenset({pycurl.E_PEER_FAILED_VERIFICATION, pycurl.E_SSL_CACERT_BADFILE, pycurl.E_URL_MALFORMAT})
_IDLE_SECONDS = 60.0
_CLOSED = -1
_BUFFER = 512 * 1024
_UPLOAD_BUFFER = 256 * 1024

_LEAST_AT_WORK = 32
_REQUESTS_A_SECOND = 8_000
"""More than one core can begin and end."""
_SAMPLES = 64

HeaderList: TypeAlias = list[bytes]


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """How the transport behaves. Times in seconds."""

    connections: int = 64
    attempts: int = 8
    connect_attempts: int = 3
    connect_timeout: float = 5.0
    stall_timeout: int = 20
    backoff_base: float = 0.1
    backoff_cap: float = 8.0
    ca_file: str | None = None


class Response(NamedTuple):
    """An HTTP answer: status, header fields by lower-case name, body. `attempt` counts from 1."""

    status: int
    headers: dict[str, str]
    body: Buffer
    attempt: int


class TransportError(Exception):
    """No answer came. `curl_code` is libcurl's CURLcode."""

    def __init__(self, curl_code: int, text: str, attempt: int) -> None:
        """Keep libcurl's code and text."""
        super().__init__(f"{text} (curl {curl_code}, attempt {attempt})")
        self.curl_code = curl_code
        self.attempt = attempt


@dataclass(slots=True)
class Request:
    """One HTTP request.

    `headers` is called before every attempt, since a signature holds the time. `done` is called once, in the
    transport's thread, with a Response of any status or with the error that kept it away; it must be quick and
    must not raise.
    """

    operation: str
    method: str
    url: str
    headers: Callable[[], HeaderList]
    done: Callable[[Response | Exception], None]
    body: bytes | None = None
    retry_if: Callable[[Response], bool] | None = None
    attempt: int = 0


def worth_having(latency: float, most: int) -> int:
    """Say how many requests at once keep a core busy when the first byte takes `latency` seconds, `most` at most.

    By Little's law. More would only wait in buffers, and be cold in the processor's caches when their turn comes.
    """
    return min(most, max(_LEAST_AT_WORK, math.ceil(latency * _REQUESTS_A_SECOND)))


class _Transfer:
    """An easy handle at work for one request. Between requests it stays set up for a GET, the most frequent."""

    __slots__ = ("_body", "_headers", "_settings", "_special", "curl", "request")

    def __init__(self, settings: TransportSettings) -> None:
        self.curl = pycurl.Curl()
        self.request: Request | None = None
        self._settings = settings
        self._headers: list[bytes] = []
        self._body: list[bytes] = []
        self._special = False
        self._set_up()

    def begin(self, request: Request) -> None:
        """Set the handle up for one attempt at `request`."""
        request.attempt += 1
        curl = self.curl
        curl.setopt(pycurl.URL, request.url)
        curl.setopt(pycurl.HTTPHEADER, request.headers())
        if request.method != "GET":
            self._special = True
            if request.body is not None:
                curl.setopt(pycurl.POSTFIELDS, request.body)
            if request.method == "HEAD":
                curl.setopt(pycurl.NOBODY, 1)
            else:
                curl.setopt(pycurl.CUSTOMREQUEST, request.method)
        self.request = request

    def end(self, error: TransportError | None) -> tuple[Request | None, Response | TransportError]:
        """Give the request and what became of it, and make the handle ready for the next."""
        request, self.request = self.request, None
        outcome = error or self._response(request.attempt if request else 0)
        self._headers.clear()
        self._body.clear()
        if self._special:
            self._special = False
            self._set_up()
        return request, outcome

    def _response(self, attempt: int) -> Response:
        fields: dict[str, str] = {}
        for line in self._headers:
            name, colon, value = line.decode("latin-1").partition(":")
            if colon:
                fields[name.lower()] = value.strip()
            elif line.startswith(b"HTTP/"):
                fields.clear()
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        return Response(self.curl.getinfo(pycurl.RESPONSE_CODE), fields, body, attempt)

    def _set_up(self) -> None:
        curl, settings = self.curl, self._settings
        curl.reset()
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.PATH_AS_IS, 1)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        curl.setopt(pycurl.BUFFERSIZE, _BUFFER)
        curl.setopt(pycurl.UPLOAD_BUFFERSIZE, _UPLOAD_BUFFER)
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, int(settings.connect_timeout * 1000))
        curl.setopt(pycurl.LOW_SPEED_LIMIT, 1)
        curl.setopt(pycurl.LOW_SPEED_TIME, settings.stall_timeout)
        if settings.ca_file:
            curl.setopt(pycurl.CAINFO, settings.ca_file)
        curl.setopt(pycurl.HEADERFUNCTION, self._headers.append)
        curl.setopt(pycurl.WRITEFUNCTION, self._body.append)


class Transport:
    """Sends requests from any thread, and retries those that are worth it. Close it to end its thread."""

    def __init__(self, settings: TransportSettings, *, random: Random | None = None) -> None:
        """Start the thread. `random` spreads the retries."""
        self.counts: Counter[str] = Counter()
        self._settings = settings
        self._random = random or Random()  # noqa: S311 - jitter, not a secret
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, settings.connections)
        self._free = [_Transfer(settings) for _ in range(settings.connections)]
        self._spare = 0
        """Of the free ones, how many are not worth using: the shortest of some waits for a first byte says it."""
        self._waits: list[float] = []
        self._running: dict[pycurl.Curl, _Transfer] = {t.curl: t for t in self._free}
        self._inbox: deque[Request] = deque()
        self._delayed: list[tuple[float, int, Request]] = []
        self._sequence = 0
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._asleep = False
        self._closed = False
        self._entrance = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="s3-transport", daemon=True)
        self._thread.start()

    def send(self, request: Request) -> None:
        """Queue a request; it is told when it is answered, or that the transport is closed."""
        with self._entrance:
            closed = self._closed
            if not closed:
                self._inbox.append(request)
                if self._asleep:
                    self._wake()
        if closed:
            request.done(TransportError(_CLOSED, "the transport is closed", request.attempt))

    def close(self) -> None:
        """Let the thread end. Requests under way end with TransportError."""
        with self._entrance:
            first, self._closed = not self._closed, True
            if first:
                self._wake()
        self._thread.join()
        if first:
            with self._entrance:
                os.close(self._wake_read)
                os.close(self._wake_write)

    def _wake(self) -> None:
        with suppress(BlockingIOError):  # then the pipe is full of wake-ups already
            os.write(self._wake_write, b"!")

    def _run(self) -> None:
        try:
            while not self._closed:
                self._start_waiting()
                self._multi.perform()
                if not self._collect():
                    self._sleep()
        finally:
            with self._entrance:
                self._closed = True
            self._abandon()

    def _start_waiting(self) -> None:
        now = time.monotonic()
        while self._delayed and self._delayed[0][0] <= now:
            self._inbox.appendleft(heapq.heappop(self._delayed)[2])
        while self._may_begin():
            request = self._inbox.popleft()
            transfer = self._free.pop()
            self.counts[request.operation] += 1
            try:
                transfer.begin(request)
            except Exception as error:  # noqa: BLE001 - whatever signing raises belongs to the caller
                self._free.append(transfer)
                request.done(error)
                continue
            self._multi.add_handle(transfer.curl)

    def _may_begin(self) -> bool:
        return bool(self._inbox) and len(self._free) > self._spare

    def _learn(self, wait: float) -> None:
        """Take how long a first byte took. The shortest tells of the way there and back, not of what waits here."""
        self._waits.append(wait)
        if len(self._waits) == _SAMPLES:
            most = self._settings.connections
            self._spare = most - worth_having(min(self._waits), most)
            self._waits.clear()

    def _collect(self) -> int:
        finished = 0
        more = 1
        while more:
            more, done, failed = self._multi.info_read()
            for curl in done:
                self._settle(curl, None)
            for curl, code, text in failed:
                self._settle(curl, (code, text))
            finished += len(done) + len(failed)
        return finished

    def _settle(self, curl: pycurl.Curl, failure: tuple[int, str] | None) -> None:
        transfer = self._running[curl]
        self._multi.remove_handle(curl)
        if failure is None and transfer.request and transfer.request.body is None:
            self._learn(curl.getinfo(pycurl.STARTTRANSFER_TIME))
        attempt = transfer.request.attempt if transfer.request else 0
        request, outcome = transfer.end(TransportError(*failure, attempt) if failure else None)
        self._free.append(transfer)
        if request is None:
            return
        if self._worth_retrying(request, outcome):
            self._sequence += 1
            due = time.monotonic() + self._delay(request.attempt)
            heapq.heappush(self._delayed, (due, self._sequence, request))
        else:
            request.done(outcome)

    def _worth_retrying(self, request: Request, outcome: Response | TransportError) -> bool:
        if isinstance(outcome, Response):
            retryable = outcome.status in _RETRYABLE_STATUS or (
                request.retry_if is not None and request.retry_if(outcome)
            )
            return retryable and request.attempt < self._settings.attempts
        if outcome.curl_code in _FINAL_ERRORS:
            return False
        limit = self._settings.connect_attempts if outcome.curl_code in _CONNECT_ERRORS else self._settings.attempts
        return request.attempt < limit

    def _delay(self, attempt: int) -> float:
        """Full jitter, so that many workers do not come back at once (AWS Architecture Blog, 2015)."""
        ceiling = min(self._settings.backoff_cap, self._settings.backoff_base * 2**attempt)
        return self._random.uniform(ceiling / 4, ceiling)

    def _sleep(self) -> None:
        self._asleep = True
        try:
            if self._may_begin() or self._closed:
                return
            reads, writes, errors = self._multi.fdset()
            timeout = self._timeout()
            ready, _, _ = select.select([*reads, self._wake_read], writes, errors, timeout)
            if self._wake_read in ready:
                os.read(self._wake_read, 4096)
        finally:
            self._asleep = False

    def _timeout(self) -> float:
        timeout = _IDLE_SECONDS
        curl_wants = self._multi.timeout()
        if curl_wants >= 0:
            timeout = min(timeout, curl_wants / 1000)
        if self._delayed:
            timeout = min(timeout, max(0.0, self._delayed[0][0] - time.monotonic()))
        return timeout

    def _abandon(self) -> None:
        waiting = [*self._inbox, *(item[2] for item in self._delayed)]
        waiting += [t.request for t in self._running.values() if t.request is not None]
        for request in waiting:
            request.done(TransportError(_CLOSED, "the transport was closed", request.attempt))
        self._multi.close()
