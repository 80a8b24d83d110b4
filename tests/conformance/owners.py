"""Owners of sources: they write to a source behind the adapter's back."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from typing import NamedTuple, Protocol
from urllib.parse import quote, urlencode, urlsplit

from functions.adapters.faults import Faults, FaultySource
from functions.adapters.memory import MemorySource
from functions.engine.model import Properties
from functions.engine.ports import Source

PLAIN = Properties()


class Owner(Protocol):
    """The owner of a source: writes to it behind the adapter's back."""

    port: Source

    def put(self, key: str, data: bytes, properties: Properties = PLAIN, storage_class: str = "STANDARD") -> str | None:
        """Write an object; give its version id, if the source has versions."""
        ...

    def delete(self, key: str) -> None:
        """Take an object away."""
        ...


class MemoryOwner:
    """Owns a source in memory."""

    def __init__(self, *, versioned: bool, faulty: bool) -> None:
        """Start empty."""
        self._source = MemorySource(versioned=versioned)
        self.port: Source = FaultySource(self._source, Faults()) if faulty else self._source

    def put(self, key: str, data: bytes, properties: Properties = PLAIN, storage_class: str = "STANDARD") -> str | None:
        """See Owner."""
        self._source.put(key, data, properties=properties, storage_class=storage_class)
        return self._source.objects[key].version

    def delete(self, key: str) -> None:
        """See Owner."""
        self._source.delete(key)


class Answer(NamedTuple):
    """What a plain HTTP request got."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class PlainHttp:
    """Talks to the embedded S3 without any of the product's code, and without a client that tidies keys up."""

    def __init__(self, endpoint: str, bucket: str) -> None:
        """Connect to `bucket`."""
        parts = urlsplit(endpoint)
        self.bucket = bucket
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)

    def send(
        self, method: str, key: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request about `key`."""
        path = f"/{self.bucket}/{quote(key, safe='/')}"
        self._connection.request(method, path, body=body, headers=dict(headers or {}))
        answer = self._connection.getresponse()
        found = Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        assert found.status < 300, found
        return found

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()


class S3Owner:
    """Owns a bucket of the embedded S3."""

    def __init__(self, http: PlainHttp, port: Source) -> None:
        """Write over plain HTTP."""
        self._http = http
        self.port = port

    def put(self, key: str, data: bytes, properties: Properties = PLAIN, storage_class: str = "STANDARD") -> str | None:
        """See Owner."""
        headers = {"content-type": "binary/octet-stream", "x-amz-storage-class": storage_class, **properties.system}
        headers |= {f"x-amz-meta-{name}": value for name, value in properties.user.items()}
        if properties.tags:
            headers["x-amz-tagging"] = urlencode(properties.tags)
        return self._http.send("PUT", key, data, headers).headers.get("x-amz-version-id")

    def delete(self, key: str) -> None:
        """See Owner."""
        self._http.send("DELETE", key)
