"""S3's operations as they go over the wire, and what becomes of S3's refusals."""

from __future__ import annotations

import base64
import hashlib
import time
import zlib
from collections.abc import Callable
from concurrent.futures import Future
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from functions.adapters.s3.blobs import S3BlobStore
from functions.adapters.s3.client import Location, S3Client
from functions.adapters.s3.destination import S3Destination
from functions.adapters.s3.signing import Credentials
from functions.adapters.s3.source import S3Source
from functions.adapters.s3.transport import Transport, TransportSettings
from functions.engine.conflict import Conflict
from functions.engine.errors import (
    AccessError,
    BlobNotFoundError,
    BucketNotFoundError,
    ConfigurationError,
    ConflictError,
    CredentialsError,
    RequestError,
    SourceArchivedError,
    SourceChangedError,
    SourceDeniedError,
    SourceVanishedError,
    StrongroomError,
    UnavailableError,
)
from functions.engine.model import Properties, SourceObject
from functions.engine.ports import Target
from tests.adapters.conftest import NOW, SECRETS
from tests.adapters.scripted import Asked, Reply, Script, ScriptedServer, in_turn, refusal
from tests.conformance.keys import EXOTIC_KEYS

WAIT = 20
Serve = Callable[[Script], ScriptedServer]
Connect = Callable[..., S3Client]
ITEM = SourceObject("key", 5, "etag", "2026-11-19T00:00:00Z")


def signature_by_botocore(asked: Asked) -> str:
    """Let AWS's own library sign what arrived; give the Authorization header that it should have had."""
    listed = asked.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    signed = {
        name: asked.headers[name] for name in listed if name not in {"host", "x-amz-date", "x-amz-security-token"}
    }
    payload = signed.pop("x-amz-content-sha256")
    request = AWSRequest(asked.method, f"http://{asked.headers['host']}{asked.target}", headers=signed, data=asked.body)
    auth = S3SigV4Auth(BotocoreCredentials(SECRETS.access_key, SECRETS.secret_key, SECRETS.token), "s3", "eu-central-1")
    with patch("botocore.auth.get_current_datetime", return_value=NOW), patch.object(auth, "payload") as found:
        found.return_value = payload
        auth.add_auth(request)
    return str(request.headers["Authorization"])


@pytest.mark.parametrize("key", EXOTIC_KEYS)
def test_what_arrives_is_what_was_signed(connect: Connect, serve: Serve, key: str) -> None:
    """For every exotic key, through the HTTP library and back: path, headers and body fit the signature."""
    server = serve(lambda _asked: Reply())
    store = S3BlobStore(connect(server.endpoint))
    store.put_new(key, [b"content"]).result(WAIT)
    store.get(key, 1, 2).result(WAIT)
    assert [asked.headers["authorization"] for asked in server.asked] == [
        signature_by_botocore(asked) for asked in server.asked
    ]
    assert [asked.method for asked in server.asked] == ["PUT", "GET"]


@pytest.mark.parametrize("value", ["plain", "", "a: b; c = d, e", "two  spaces", "=?UTF-8?Q?=C3=A9?=", "~!@#$%^&*()"])
def test_metadata_arrives_as_it_was_signed(connect: Connect, serve: Serve, value: str) -> None:
    """Whatever stands in it: a restore sends back what a source had."""
    server = serve(lambda _asked: Reply())
    properties = Properties({"content-type": "text/x"}, {"note": value}, {"a b": "c+d/\u00e9"})
    destination = S3Destination(connect(server.endpoint), cut="", prefix="", conflict=Conflict.SKIP, label="x")
    destination.write(Target("name", "key"), [b"content"], properties, "2026-11-19T00:00:00Z").result(WAIT)
    [asked] = server.asked
    assert asked.headers["x-amz-meta-note"] == value
    assert asked.headers["content-type"] == "text/x"
    assert parse_qs(asked.headers["x-amz-tagging"]) == {"a b": ["c+d/\u00e9"]}
    assert asked.headers["authorization"] == signature_by_botocore(asked)


def test_a_put_is_conditional_and_carries_a_checksum(connect: Connect, serve: Serve) -> None:
    """S3 compares the checksum before it accepts the object, and refuses to overwrite."""
    server = serve(lambda _asked: Reply())
    S3BlobStore(connect(server.endpoint)).put_new("key", [b"one", b"two"]).result(WAIT)
    [asked] = server.asked
    assert asked.headers["if-none-match"] == "*"
    checksum = zlib.crc32(b"onetwo").to_bytes(4, "big")
    assert asked.headers["x-amz-checksum-crc32"] == base64.b64encode(checksum).decode()
    assert asked.body == b"onetwo"


def test_a_known_digest_is_sent_along(connect: Connect, serve: Serve) -> None:
    """As the checksum, and in the signature."""
    server = serve(lambda _asked: Reply())
    digest = hashlib.sha256(b"content")
    client = connect(server.endpoint)
    client.put("key", [b"content"], client.call(str, "write", "s3:PutObject"), sha256=digest.digest()).result(WAIT)
    [asked] = server.asked
    assert asked.headers["x-amz-checksum-sha256"] == base64.b64encode(digest.digest()).decode()
    assert asked.headers["x-amz-content-sha256"] == digest.hexdigest()


@pytest.mark.parametrize(("conflict", "guard"), [("skip", "*"), ("rename", "*"), ("overwrite", None)])
def test_a_large_write_sends_properties_first_and_the_condition_last(
    connect: Connect, serve: Serve, conflict: str, guard: str | None
) -> None:
    """Metadata and tags go with the start of the upload, If-None-Match with its end, a checksum with each part."""

    def script(asked: Asked) -> Reply:
        if asked.target.endswith("?uploads="):
            return Reply(200, b"<R><UploadId>the id</UploadId></R>")
        return Reply(200, b"<CompleteMultipartUploadResult/>", {"ETag": f'"{parse_qs(asked.target)}"'[:9] + '"'})

    server = serve(script)
    destination = S3Destination(connect(server.endpoint), cut="", prefix="", conflict=Conflict(conflict), label="x")
    properties = Properties({"content-language": "de"}, {"owner": "ada"}, {"class": "a&b"})
    large = destination.begin(Target("name", "key"), 10, properties, "2026-11-19T00:00:00Z")
    large.write(1, 5, [b"world"]).result(WAIT)
    large.write(0, 0, [b"hello"]).result(WAIT)
    assert large.complete().result(WAIT) == "name"
    start, second, first, end = server.asked
    assert (start.headers["content-language"], start.headers["x-amz-meta-owner"]) == ("de", "ada")
    assert parse_qs(start.headers["x-amz-tagging"]) == {"class": ["a&b"]}
    assert [parse_qs(urlsplit(asked.target).query) for asked in (first, second)] == [
        {"partNumber": [number], "uploadId": ["the id"]} for number in ("1", "2")
    ]
    assert all("x-amz-checksum-crc32" in asked.headers for asked in (first, second))
    assert end.headers.get("if-none-match") == guard
    assert end.body.count(b"<PartNumber>") == 2
    assert end.body.index(b"<PartNumber>1<") < end.body.index(b"<PartNumber>2<")


def test_giving_up_a_large_write_never_raises(serve: Serve) -> None:
    """Not even when the connection has ended before: what was written falls to the bucket's rule for such uploads."""
    server = serve(lambda _asked: Reply(200, b"<R><UploadId>id</UploadId></R>"))
    transport = Transport(TransportSettings(connections=1))
    client = S3Client(transport, Location("bucket", "eu-central-1", server.endpoint), lambda: SECRETS)
    destination = S3Destination(client, cut="", prefix="", conflict=Conflict.SKIP, label="x")
    large = destination.begin(Target("name", "key"), 10, Properties(), "2026-11-19T00:00:00Z")
    transport.close()
    large.abort()
    assert len(server.asked) == 1


def test_an_error_behind_a_success_is_asked_for_again(connect: Connect, serve: Serve) -> None:
    """S3 may answer the end of an upload in parts with 200 and an error in the body; it says to try again."""
    trouble = Reply(200, b"<?xml version='1.0'?>\n<Error><Code>InternalError</Code><Message>again</Message></Error>")
    server = serve(in_turn([trouble, Reply(200, b"<CompleteMultipartUploadResult/>")]))
    client = connect(server.endpoint)
    call = client.call(lambda _response: "done", "write", "s3:PutObject")
    assert client.complete_upload("key", "id", ['"e"'], call, {}).result(WAIT) == "done"
    assert len(server.asked) == 2


def test_an_error_behind_every_success_is_an_error(connect: Connect, serve: Serve) -> None:
    """It never passes for a written file."""
    trouble = Reply(200, b"<?xml version='1.0'?>\n<Error><Code>InternalError</Code><Message>again</Message></Error>")
    server = serve(lambda _asked: trouble)
    client = connect(server.endpoint)
    call = client.call(lambda _response: "done", "write", "s3:PutObject")
    error = client.complete_upload("key", "id", ['"e"'], call, {}).exception(WAIT)
    assert isinstance(error, UnavailableError)


@pytest.mark.parametrize("token", ["1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=", "a+b c%20&d", "quote\"<'>"])
def test_a_listing_goes_on_with_the_token_that_it_got(connect: Connect, serve: Serve, token: str) -> None:
    """Escaped in the answer, encoded in the question, whatever stands in it."""
    escaped = token.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    rest = f"<NextContinuationToken>{escaped}</NextContinuationToken>"
    server = serve(
        lambda asked: Reply(
            200,
            f"<ListBucketResult><IsTruncated>{'true' if asked.number == 1 else 'false'}</IsTruncated>"
            f"{rest if asked.number == 1 else ''}<Contents><Key>k{asked.number}</Key><LastModified>t</LastModified>"
            "<ETag>&quot;e&quot;</ETag><Size>1</Size></Contents></ListBucketResult>".encode(),
        )
    )
    store = S3BlobStore(connect(server.endpoint))
    assert [blob.key for blob in store.list("pre fix/", "start+after")] == ["k1", "k2"]
    first, second = (parse_qs(urlsplit(asked.target).query) for asked in server.asked)
    assert (first["prefix"], first["start-after"]) == (["pre fix/"], ["start+after"])
    assert (second["prefix"], second["continuation-token"]) == (["pre fix/"], [token])
    assert "start-after" not in second


# -------------------------------------------------------------------------------------------- refusals

REFUSALS: list[tuple[Reply, type[StrongroomError]]] = [
    (refusal(404, "NoSuchBucket"), BucketNotFoundError),
    (refusal(404, "NoSuchKey"), BlobNotFoundError),
    (Reply(404), BlobNotFoundError),
    (refusal(403, "AccessDenied"), AccessError),
    (Reply(403), AccessError),
    (refusal(403, "AllAccessDisabled"), AccessError),
    (refusal(400, "ExpiredToken"), CredentialsError),
    (refusal(400, "InvalidToken"), CredentialsError),
    (refusal(403, "InvalidAccessKeyId"), CredentialsError),
    (refusal(403, "SignatureDoesNotMatch"), CredentialsError),
    (refusal(403, "RequestTimeTooSkewed"), CredentialsError),
    (refusal(301, "PermanentRedirect", headers={"x-amz-bucket-region": "eu-west-9"}), ConfigurationError),
    (Reply(301, b"", {"x-amz-bucket-region": "eu-west-9"}), ConfigurationError),
    (refusal(307, "TemporaryRedirect", headers={"x-amz-bucket-region": "eu-west-9"}), ConfigurationError),
    (
        refusal(400, "AuthorizationHeaderMalformed", headers={"x-amz-bucket-region": "eu-west-9"}),
        ConfigurationError,
    ),
    (refusal(412, "PreconditionFailed"), ConflictError),
    (refusal(409, "OperationAborted"), UnavailableError),
    (refusal(409, "ConditionalRequestConflict"), UnavailableError),
    (refusal(400, "InvalidRequest"), RequestError),
    (refusal(405, "MethodNotAllowed"), RequestError),
    (refusal(400, "KMS.DisabledException"), RequestError),
    (refusal(429, "TooManyRequests"), UnavailableError),
    (refusal(500, "InternalError"), UnavailableError),
    (refusal(503, "SlowDown"), UnavailableError),
    (refusal(503, "ServiceUnavailable"), UnavailableError),
    (Reply(502, b"<html>Bad Gateway</html>"), UnavailableError),
    (refusal(400, "RequestTimeout"), UnavailableError),
]
TRIED_AGAIN = {
    "ConditionalRequestConflict",
    "InternalError",
    "OperationAborted",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "TooManyRequests",
}


def label(value: object) -> str:
    """Name a case by status and code."""
    if isinstance(value, Reply):
        code = value.body.partition(b"<Code>")[2].partition(b"<")[0].decode()
        return f"{value.status}-{code or 'bare'}"
    return ""


@pytest.mark.parametrize(("reply", "kind"), REFUSALS, ids=label)
def test_a_refusal_becomes_an_error_of_the_tree(
    connect: Connect, serve: Serve, reply: Reply, kind: type[StrongroomError]
) -> None:
    """Of exactly that class, saying what was done where, what S3 said and what to do about it."""
    server = serve(lambda _asked: reply)
    error = S3BlobStore(connect(server.endpoint)).get("some/key").exception(WAIT)
    assert isinstance(error, StrongroomError)
    assert type(error) is kind
    assert "read some/key in s3://bucket" in str(error)
    assert error.remedy
    code = label(reply).partition("-")[2]
    assert len(server.asked) == (4 if code in TRIED_AGAIN or reply.status == 502 else 1)


@pytest.mark.parametrize("code", ["ConditionalRequestConflict", "OperationAborted", "InvalidBucketState"])
def test_only_a_failed_precondition_says_that_an_object_exists(connect: Connect, serve: Serve, code: str) -> None:
    """Another 409 means that nothing was written: who took it for `exists` would rely on a pack that is not there."""
    server = serve(lambda _asked: refusal(409, code))
    error = S3BlobStore(connect(server.endpoint)).put_new("packs/00/00", [b"chunk"]).exception(WAIT)
    assert error is not None
    assert not isinstance(error, ConflictError)


def test_a_bucket_in_another_region_is_named(connect: Connect, serve: Serve) -> None:
    """With the region that is right."""
    server = serve(lambda _asked: Reply(301, b"", {"x-amz-bucket-region": "eu-west-9"}))
    error = S3BlobStore(connect(server.endpoint)).get("key").exception(WAIT)
    assert "eu-west-9" in str(error)


def test_a_missing_right_is_named(connect: Connect, serve: Serve) -> None:
    """With the action, and the bucket."""
    server = serve(lambda _asked: refusal(403, "AccessDenied"))
    store = S3BlobStore(connect(server.endpoint))
    assert "s3:GetObject on bucket" in str(store.get("key").exception(WAIT))
    assert "s3:PutObject on bucket" in str(store.put_new("key", [b""]).exception(WAIT))
    with pytest.raises(AccessError, match="s3:ListBucket on bucket"):
        list(store.list(""))


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (refusal(403, "InvalidObjectState"), SourceArchivedError),
        (refusal(412, "PreconditionFailed"), SourceChangedError),
        (refusal(416, "InvalidRange"), SourceChangedError),
        (refusal(404, "NoSuchKey"), SourceVanishedError),
        (Reply(404), SourceVanishedError),
        (refusal(403, "AccessDenied"), SourceDeniedError),
        (refusal(404, "NoSuchBucket"), BucketNotFoundError),
        (refusal(403, "InvalidAccessKeyId"), CredentialsError),
        (refusal(403, "SignatureDoesNotMatch"), CredentialsError),
        (refusal(400, "ExpiredToken"), CredentialsError),
        (refusal(503, "SlowDown"), UnavailableError),
        (refusal(400, "InvalidRequest"), RequestError),
    ],
    ids=label,
)
def test_a_refusal_to_read_a_source_says_whether_it_is_the_objects_own(
    connect: Connect, serve: Serve, reply: Reply, kind: type[StrongroomError]
) -> None:
    """Only what concerns one object is an error that a backup goes on after."""
    server = serve(lambda _asked: reply)
    source = S3Source(connect(server.endpoint))
    for read in (source.read(ITEM), source.read(ITEM, 2, 2)):
        assert type(read.exception(WAIT)) is kind


def test_tags_that_may_not_be_read_make_the_object_unreadable(connect: Connect, serve: Serve) -> None:
    """A backup without them would not be the object. The missing right is named."""

    def script(asked: Asked) -> Reply:
        if "tagging" in asked.target:
            return refusal(403, "AccessDenied")
        return Reply(200, b"hello", {"ETag": '"etag"', "x-amz-tagging-count": "1"})

    source = S3Source(connect(serve(script).endpoint))
    error = source.read(ITEM).exception(WAIT)
    assert isinstance(error, SourceDeniedError)
    assert "s3:GetObjectTagging" in str(error)


def test_tags_are_asked_for_only_when_there_are_any_and_of_that_version(connect: Connect, serve: Serve) -> None:
    """A request less for each object without tags; never the tags of another version."""

    def script(asked: Asked) -> Reply:
        if "tagging" in asked.target:
            return Reply(200, b"<Tagging><TagSet><Tag><Key>a&amp;b</Key><Value>c</Value></Tag></TagSet></Tagging>")
        count = {"x-amz-tagging-count": "1"} if asked.target.endswith("/tagged") else {}
        return Reply(200, b"hello", {"ETag": '"etag"', "x-amz-version-id": "v/1+2", **count})

    server = serve(script)
    source = S3Source(connect(server.endpoint))
    assert source.read(ITEM).result(WAIT).properties.tags == {}
    assert len(server.asked) == 1
    assert source.read(ITEM._replace(key="tagged")).result(WAIT).properties.tags == {"a&b": "c"}
    assert parse_qs(urlsplit(server.asked[2].target).query, keep_blank_values=True) == {
        "tagging": [""],
        "versionId": ["v/1+2"],
    }


def test_an_unknown_host_or_a_closed_port_is_told_soon(connect: Connect) -> None:
    """A store that is not there is an error within seconds, not an outage of minutes."""
    started = time.monotonic()
    error = S3BlobStore(connect("http://127.0.0.1:9")).get("key").exception(WAIT)
    assert isinstance(error, UnavailableError)
    assert error.retryable
    assert time.monotonic() - started < 2


def test_an_answer_that_is_no_listing_is_an_error(connect: Connect, serve: Serve) -> None:
    """A captive portal's page does not pass for an empty bucket."""
    server = serve(lambda _asked: Reply(200, b"<html>Welcome to the hotel</html>"))
    with pytest.raises(RequestError, match="listing"):
        list(S3BlobStore(connect(server.endpoint)).list(""))


def test_credentials_that_cannot_be_had_reach_the_caller(connect: Connect, serve: Serve) -> None:
    """The provider's own error, and nothing is sent."""

    def provider() -> Credentials:
        raise CredentialsError("no AWS credentials were found")

    server = serve(lambda _asked: Reply())
    store = S3BlobStore(connect(server.endpoint, credentials=provider))
    error = store.get("key").exception(WAIT)
    assert isinstance(error, CredentialsError)
    with pytest.raises(CredentialsError):
        list(store.list(""))
    assert server.asked == []


def test_credentials_are_asked_for_at_every_attempt(connect: Connect, serve: Serve) -> None:
    """So that renewed ones are used by a retry."""
    rotated = [Credentials(f"KEY{number}", "secret") for number in range(3)]
    server = serve(in_turn([Reply(503), Reply(503), Reply(200)]))
    waiting = iter(rotated)
    S3BlobStore(connect(server.endpoint, credentials=lambda: next(waiting))).get("key").result(WAIT)
    assert [asked.headers["authorization"].partition("=")[2][:4] for asked in server.asked] == ["KEY0", "KEY1", "KEY2"]


@pytest.mark.parametrize(
    "reply",
    [
        *[reply for reply, _kind in REFUSALS],
        Reply(drop=True),
        Reply(200, b"x" * 100, cut=5),
        refusal(403, "InvalidToken", "bad", f"<Token-0>{SECRETS.token}</Token-0>"),
        refusal(403, "SignatureDoesNotMatch", "bad", f"<StringToSign>{SECRETS.token}</StringToSign>"),
    ],
    ids=label,
)
def test_secrets_never_show_in_an_error(connect: Connect, serve: Serve, reply: Reply) -> None:
    """Neither the key nor the token, in no text, no representation and no cause of any error."""
    server = serve(lambda _asked: reply)
    client = connect(server.endpoint)
    futures: list[Future[object]] = [
        S3BlobStore(client).put_new("key", [b"x"]),  # type: ignore[list-item]
        S3BlobStore(client).get_tail("key", 5),  # type: ignore[list-item]
        S3Source(client).stat("key"),  # type: ignore[list-item]
    ]
    for future in futures:
        error: BaseException | None = future.exception(WAIT)
        assert error is not None or reply.cut is None
        while error is not None:
            text = f"{error} {error!r} {error.args} {vars(error)}"
            assert SECRETS.secret_key not in text
            assert SECRETS.token is not None
            assert SECRETS.token not in text
            error = error.__cause__ or error.__context__


# --------------------------------------------------------------------------------------------- places


@pytest.mark.parametrize(
    ("location", "base"),
    [
        (
            Location("name", "eu-west-1"),
            ("https://name.s3.eu-west-1.amazonaws.com", "name.s3.eu-west-1.amazonaws.com", "/"),
        ),
        (
            Location("dotted.name", "eu-west-1"),
            ("https://s3.eu-west-1.amazonaws.com", "s3.eu-west-1.amazonaws.com", "/dotted.name/"),
        ),
        (
            Location("name", "cn-north-1"),
            ("https://name.s3.cn-north-1.amazonaws.com.cn", "name.s3.cn-north-1.amazonaws.com.cn", "/"),
        ),
        (
            Location("name", "us-east-1", "http://127.0.0.1:4566"),
            ("http://127.0.0.1:4566", "127.0.0.1:4566", "/name/"),
        ),
    ],
)
def test_a_bucket_is_reached_where_it_lies(location: Location, base: tuple[str, str, str]) -> None:
    """By its own host name at AWS, by path where no certificate would fit, at an endpoint when there is one."""
    assert location.base() == base
