"""Signatures: the same as those of AWS's own library, and those that AWS publishes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from unittest.mock import patch

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from functions.adapters.s3.signing import (
    EMPTY_SHA256,
    UNSIGNED_PAYLOAD,
    Credentials,
    encode_path,
    encode_query,
    sign,
)
from tests.strategies import keys

NOW = datetime(2026, 11, 20, 2, 3, 4, tzinfo=UTC)
HOST = "bucket.s3.eu-central-1.example:8443"
REGION = "eu-central-1"
ACCESS, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

printable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=30)
names = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12)
header_sets = st.dictionaries(names.map("x-amz-meta-{}".format), printable, max_size=4)
query_sets = st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=20), max_size=4)
tokens = st.none() | st.text("abcXYZ0189+/=", min_size=1, max_size=60)


def encodable(text: str) -> bool:
    """Say whether text can stand in a URL: half a surrogate pair cannot."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def by_botocore(
    method: str, url: str, headers: Mapping[str, str], token: str | None, body: bytes, *, sign_body: bool = True
) -> dict[str, str]:
    """Let AWS's own library sign a request; give the headers it then has, by lower-case name."""
    request = AWSRequest(method, url, headers=dict(headers), data=body)
    request.context["payload_signing_enabled"] = sign_body
    with patch("botocore.auth.get_current_datetime", return_value=NOW):
        auth = S3SigV4Auth(BotocoreCredentials(ACCESS, SECRET, token), "s3", REGION)
        with patch.object(auth, "_should_sha256_sign_payload", return_value=sign_body):
            auth.add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


def by_us(
    method: str, path: str, query: str, headers: Mapping[str, str], token: str | None, payload: str
) -> dict[str, str]:
    """Sign the same request."""
    return sign(
        method=method,
        host=HOST,
        path=path,
        query=query,
        headers=headers,
        payload_sha256=payload,
        credentials=Credentials(ACCESS, SECRET, token),
        region=REGION,
        now=NOW,
    )


def without_body(method: str, path: str, query: str, headers: Mapping[str, str], token: str | None) -> None:
    """Prove that both give the same headers."""
    url = f"http://{HOST}{path}" + (f"?{query}" if query else "")
    assert {**headers, **by_us(method, path, query, headers, token, EMPTY_SHA256)} == by_botocore(
        method, url, headers, token, b""
    )


@given(key=keys, method=st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"]), token=tokens)
def test_any_key_is_signed_as_aws_does(key: str, method: str, token: str | None) -> None:
    """Every key that S3 allows, with and without a session token."""
    without_body(method, "/" + encode_path(key), "", {}, token)


@given(query=query_sets.filter(lambda found: all(encodable(text) for pair in found.items() for text in pair)))
def test_any_query_is_signed_as_aws_does(query: dict[str, str]) -> None:
    """Names and values may hold anything; they are sorted by name."""
    without_body("GET", "/", encode_query(query), {}, None)


@given(headers=header_sets, token=tokens)
def test_any_metadata_is_signed_as_aws_does(headers: dict[str, str], token: str | None) -> None:
    """Outer spaces are cut off and inner ones folded into one before a value is signed."""
    without_body("PUT", "/key", "", headers, token)


@pytest.mark.parametrize("value", ["two  spaces", "  around ", "a   b    c", ""])
def test_spaces_in_metadata_are_signed_as_aws_does(value: str) -> None:
    """Two spaces in a file's metadata must not make its restore fail with SignatureDoesNotMatch."""
    without_body("PUT", "/key", "", {"x-amz-meta-note": value}, None)


@given(body=st.binary(max_size=100))
def test_a_signed_body_is_signed_as_aws_does(body: bytes) -> None:
    """The digest of the body stands in a header and in the signature."""
    ours = by_us("PUT", "/key", "", {}, None, hashlib.sha256(body).hexdigest())
    assert ours == by_botocore("PUT", f"http://{HOST}/key", {}, None, body)


def test_an_unsigned_body_is_signed_as_aws_does() -> None:
    """Its checksum is in another header."""
    headers = {"x-amz-checksum-crc32": "AAAAAA=="}
    ours = by_us("PUT", "/key", "", headers, None, UNSIGNED_PAYLOAD)
    assert {**headers, **ours} == by_botocore("PUT", f"http://{HOST}/key", headers, None, b"body", sign_body=False)


@pytest.mark.parametrize(
    ("query", "signature"),
    [
        ({"lifecycle": ""}, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        ({"max-keys": "2", "prefix": "J"}, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ],
)
def test_the_examples_that_aws_publishes_come_out(query: dict[str, str], signature: str) -> None:
    """From "Signature Calculations for the Authorization Header", Amazon S3 API Reference."""
    added = sign(
        method="GET",
        host="examplebucket.s3.amazonaws.com",
        path="/",
        query=encode_query(query),
        headers={},
        payload_sha256=EMPTY_SHA256,
        credentials=Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        region="us-east-1",
        now=datetime(2013, 5, 24, tzinfo=UTC),
    )
    assert added["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        f"SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={signature}"
    )


def test_a_clock_of_another_zone_gives_the_same_signature() -> None:
    """Time stands in a signature in UTC."""
    arguments = {"method": "GET", "host": HOST, "path": "/", "query": "", "headers": {}, "region": REGION}
    credentials = Credentials(ACCESS, SECRET)
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-7)))
    here, there = (
        sign(**arguments, payload_sha256=EMPTY_SHA256, credentials=credentials, now=now)  # type: ignore[arg-type]
        for now in (NOW, elsewhere)
    )
    assert here == there


def test_each_day_region_and_secret_has_a_key_of_its_own() -> None:
    """What is kept from the last signature is never used for another key."""
    seen = {
        sign(
            method="GET",
            host=HOST,
            path="/",
            query="",
            headers={},
            payload_sha256=EMPTY_SHA256,
            credentials=Credentials(ACCESS, secret),
            region=region,
            now=NOW + timedelta(days=day),
        )["authorization"]
        for secret in ("one", "two", "one")
        for region in ("eu-central-1", "us-east-1")
        for day in range(8)
    }
    assert len(seen) == 2 * 2 * 8


def test_secrets_do_not_show() -> None:
    """Neither in the credentials' own text nor in what is added to a request."""
    credentials = Credentials(ACCESS, SECRET, "the-session-token")
    assert ACCESS in repr(credentials)
    for secret in (SECRET, "the-session-token"):
        assert secret not in repr(credentials)
        assert secret not in str(credentials)
        assert secret not in f"{[credentials]}"
    added = by_us("GET", "/", "", {}, None, EMPTY_SHA256)
    assert SECRET not in str(added)
