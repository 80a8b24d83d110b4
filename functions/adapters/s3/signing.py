"""AWS Signature Version 4 for S3, headers variant.

Source: "Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)", Amazon S3 API
Reference. S3 differs from other services: the path is encoded once and not normalised.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import quote

UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


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
    return quote(key, safe="/-_.~")


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
    stamp = _stamp(int(now.timestamp()))
    added = {"x-amz-content-sha256": payload_sha256, "x-amz-date": stamp}
    if credentials.token:
        added["x-amz-security-token"] = credentials.token
    signed = {name: " ".join(value.split()) for name, value in headers.items() if name.startswith("x-amz-")}
    signed.update(added)
    signed["host"] = host
    names = sorted(signed)
    lines = "\n".join(f"{name}:{signed[name]}" for name in names)
    listed = ";".join(names)
    canonical = f"{method}\n{path}\n{query}\n{lines}\n\n{listed}\n{payload_sha256}"
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    digest = hashlib.sha256(canonical.encode("latin-1")).hexdigest()
    mac = _keyed_mac(credentials.secret_key, stamp[:8], region).copy()
    mac.update(f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}".encode())
    added["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, SignedHeaders={listed}, "
        f"Signature={mac.hexdigest()}"
    )
    return added


@lru_cache(maxsize=8)
def _stamp(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y%m%dT%H%M%SZ")


@lru_cache(maxsize=8)
def _keyed_mac(secret: str, date: str, region: str) -> hmac.HMAC:
    """Give a MAC that has taken the day's key. Copying it, unlike `hmac.digest`, does not let go of the lock."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, digestmod="sha256")
