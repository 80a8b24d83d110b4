"""AWS Signature Version 4 for S3, headers variant.

Source: "Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)", Amazon S3 API
Reference. S3 differs from other services: the path is encoded once and not normalised.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import quote

UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
_RESERVED = re.compile(r"[^A-Za-z0-9/_.~-]+")


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key. The secret parts never show in a repr."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


CredentialProvider: TypeAlias = Callable[[], Credentials]
"""Gives credentials that are valid now; called for every request, so it must cache."""


def encode_path(key: str) -> str:
    """Percent-encode a key for the path of a URL: everything but unreserved characters and `/`."""
    return _RESERVED.sub(lambda found: _percent(found[0]), key)


def encode_query(query: Mapping[str, str]) -> str:
    """Give the canonical query string: encoded and sorted by name."""
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


def sign(  # noqa: PLR0913 - the parts of a request, as the specification names them
    *,
    method: str,
    host: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    payload_sha256: str,
    credentials: Credentials,
    region: str,
    now: datetime,
) -> dict[str, str]:
    """Give the headers to add to a request so that S3 accepts it.

    `path` and `query` are encoded already; of `headers` (lower-case names) those that start with `x-amz-` are
    signed. `now` must be within 15 minutes of AWS's time.
    """
    stamp, scope, key = _moment(int(now.timestamp()), region, credentials.secret_key)
    added = {"x-amz-content-sha256": payload_sha256, "x-amz-date": stamp}
    if credentials.token:
        added["x-amz-security-token"] = credentials.token
    signed = {"host": host, **added}
    amazons = {name: " ".join(value.split()) for name, value in headers.items() if name.startswith("x-amz-")}
    if amazons:  # else they are in order
        signed = dict(sorted((amazons | signed).items()))
    lines = "".join([f"{name}:{value}\n" for name, value in signed.items()])
    listed = ";".join(signed)
    canonical = f"{method}\n{path}\n{query}\n{lines}\n{listed}\n{payload_sha256}"
    digest = hashlib.sha256(canonical.encode("latin-1")).hexdigest()
    mac = key.copy()
    mac.update(f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}".encode())
    added["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, SignedHeaders={listed}, "
        f"Signature={mac.hexdigest()}"
    )
    return added


@lru_cache(maxsize=256)
def _percent(text: str) -> str:
    return quote(text, safe="")


@lru_cache(maxsize=8)
def _moment(second: int, region: str, secret: str) -> tuple[str, str, hmac.HMAC]:
    """Give what all requests of a second share: the time stamp, the scope, and a MAC that has taken the day's key.

    Copying a MAC, unlike `hmac.digest`, does not let go of the lock.
    """
    stamp = datetime.fromtimestamp(second, UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = (stamp[:8], region, "s3", "aws4_request")
    key = f"AWS4{secret}".encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    return stamp, "/".join(scope), hmac.new(key, digestmod="sha256")
