"""What the embedded S3 cannot show of a vault: S3's refusals, answers of many pages, and the requests themselves."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from functions.adapters.s3.client import S3Client
from functions.adapters.s3.vault import S3Vault
from functions.engine.errors import (
    AccessError,
    BlobArchivedError,
    BlobNotFoundError,
    BucketNotFoundError,
    ConfigurationError,
    ConflictError,
    RequestError,
    StrongroomError,
    UnavailableError,
)
from functions.engine.retention.ports import Version
from tests.adapters.scripted import Asked, Reply, Script, ScriptedServer, refusal

KEY = "packs/01/0123"
UNTIL = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)
WAIT = 30
SUBRESOURCES = frozenset({"tagging", "retention", "object-lock", "versions"})
Serve = Callable[[Script], ScriptedServer]
Connect = Callable[..., S3Client]


def locks(mode: str = "COMPLIANCE") -> Reply:
    """Give the settings of a bucket that locks by default."""
    rule = f"<Rule><DefaultRetention><Mode>{mode}</Mode><Days>60</Days></DefaultRetention></Rule>" if mode else ""
    text = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>"
    return Reply(200, f"{text}{rule}</ObjectLockConfiguration>".encode())


def tags(**found: str) -> Reply:
    """Give the tags of an object."""
    rows = "".join(f"<Tag><Key>{key}</Key><Value>{value}</Value></Tag>" for key, value in found.items())
    return Reply(200, f"<Tagging><TagSet>{rows}</TagSet></Tagging>".encode())


def retained(until: str) -> Reply:
    """Give the lock of an object."""
    text = f"<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>"
    return Reply(200, text.encode())


def query_of(asked: Asked) -> dict[str, str]:
    """Give the query of a request."""
    found = parse_qs(urlsplit(asked.target).query, keep_blank_values=True)
    return {name: values[0] for name, values in found.items()}


def script(**replies: Reply) -> Script:
    """Answer by method and subresource: `put_tagging`, `get_retention`, or `get` and `put` of objects."""

    def answer(asked: Asked) -> Reply:
        names = [name.replace("-", "_") for name in query_of(asked) if name in SUBRESOURCES]
        return replies["_".join([asked.method.lower(), *names])]

    return answer


# ---------------------------------------------------------------------------------------------- tags


def test_other_tags_stay(serve: Serve, connect: Connect) -> None:
    """Whatever they hold; and what is sent has the checksum that S3 asks for."""
    server = serve(script(get_tagging=tags(scan="&lt;clean&gt; &amp; fine"), put_tagging=Reply()))
    S3Vault(connect(server.endpoint)).expire(KEY).result(WAIT)
    written = server.asked[1]
    assert written.target == f"/bucket/{KEY}?tagging="
    assert written.body.decode() == (
        '<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet>'
        "<Tag><Key>scan</Key><Value>&lt;clean&gt; &amp; fine</Value></Tag>"
        "<Tag><Key>strongroom:state</Key><Value>expired</Value></Tag>"
        "</TagSet></Tagging>"
    )
    digest = hashlib.sha256(written.body).digest()
    assert written.headers["x-amz-checksum-sha256"] == base64.b64encode(digest).decode()
    assert written.headers["x-amz-content-sha256"] == digest.hex()


def test_taking_the_tag_off_leaves_the_others(serve: Serve, connect: Connect) -> None:
    """Nothing of it is left."""
    found = tags(scan="clean", **{"strongroom:state": "expired"})
    server = serve(script(get_tagging=found, put_tagging=Reply()))
    S3Vault(connect(server.endpoint)).readmit(KEY).result(WAIT)
    assert b"<Tag><Key>scan</Key><Value>clean</Value></Tag></TagSet>" in server.asked[1].body
    assert b"strongroom" not in server.asked[1].body


def test_what_has_the_right_tags_already_is_not_written(serve: Serve, connect: Connect) -> None:
    """A write costs twelve times as much as a look."""
    server = serve(script(get_tagging=tags(scan="clean")))
    S3Vault(connect(server.endpoint)).readmit(KEY).result(WAIT)
    assert [asked.method for asked in server.asked] == ["GET"]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (refusal(405, "MethodNotAllowed", headers={"x-amz-delete-marker": "true"}), BlobNotFoundError),
        (refusal(404, "NoSuchKey"), BlobNotFoundError),
        (refusal(404, "NoSuchBucket"), BucketNotFoundError),
        (refusal(403, "AccessDenied"), AccessError),
        (refusal(503, "SlowDown"), UnavailableError),
    ],
)
def test_what_s3_refuses_is_an_error_of_the_tree(
    serve: Serve, connect: Connect, reply: Reply, error: type[StrongroomError]
) -> None:
    """Of the first request and of the second."""
    for answers in ({"get_tagging": reply}, {"get_tagging": tags(), "put_tagging": reply}):
        server = serve(script(**answers))
        assert type(S3Vault(connect(server.endpoint)).expire(KEY).exception(WAIT)) is error


def test_the_right_that_is_missing_is_named(serve: Serve, connect: Connect) -> None:
    """By the name that a policy has for it."""
    denied = refusal(403, "AccessDenied")
    for action, answers in (
        ("s3:GetObjectTagging", {"get_tagging": denied}),
        ("s3:PutObjectTagging", {"get_tagging": tags(), "put_tagging": denied}),
    ):
        server = serve(script(**answers))
        with pytest.raises(AccessError, match=action):
            S3Vault(connect(server.endpoint)).expire(KEY).result(WAIT)


# --------------------------------------------------------------------------------------------- locks


@pytest.mark.parametrize("mode", ["COMPLIANCE", "GOVERNANCE"])
def test_a_lock_is_extended_in_the_mode_of_the_bucket(serve: Serve, connect: Connect, mode: str) -> None:
    """The bucket is asked once; nothing is ever sent that would bypass a lock."""
    server = serve(script(get_object_lock=locks(mode), put_retention=Reply()))
    vault = S3Vault(connect(server.endpoint))
    for _ in range(3):
        vault.extend(KEY, UNTIL).result(WAIT)
    asked = [urlsplit(item.target).query for item in server.asked]
    assert asked == ["object-lock=", "retention=", "retention=", "retention="]
    assert server.asked[1].body.decode() == (
        f'<Retention xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Mode>{mode}</Mode>'
        "<RetainUntilDate>2027-01-02T03:04:05Z</RetainUntilDate></Retention>"
    )
    assert "x-amz-checksum-sha256" in server.asked[1].headers
    assert not [name for item in server.asked for name in item.headers if "bypass" in name]


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        (UNTIL + timedelta(microseconds=1), "2027-01-02T03:04:06Z"),
        (UNTIL.astimezone(datetime.fromisoformat("2027-01-01T00:00:00+05:30").tzinfo), "2027-01-02T03:04:05Z"),
    ],
)
def test_an_end_is_rounded_up_and_told_in_utc(serve: Serve, connect: Connect, asked: datetime, sent: str) -> None:
    """Never a moment shorter than it was asked for."""
    server = serve(script(get_object_lock=locks(), put_retention=Reply()))
    S3Vault(connect(server.endpoint)).extend(KEY, asked).result(WAIT)
    assert f"<RetainUntilDate>{sent}<".encode() in server.asked[1].body


@pytest.mark.parametrize("until", ["2027-01-02T03:04:05.000Z", "2027-01-02T03:04:05.500Z", "2030-01-01T00:00:00Z"])
def test_a_lock_that_is_longer_already_is_fine(serve: Serve, connect: Connect, until: str) -> None:
    """S3 refuses to shorten it, which is what the port promises."""
    denied = refusal(403, "AccessDenied")
    server = serve(script(get_object_lock=locks(), put_retention=denied, get_retention=retained(until)))
    S3Vault(connect(server.endpoint)).extend(KEY, UNTIL).result(WAIT)


@pytest.mark.parametrize(
    "found",
    [
        retained("2027-01-02T03:04:04.999Z"),
        refusal(404, "NoSuchObjectLockConfiguration"),
        refusal(403, "AccessDenied"),
        Reply(200, b"<Retention/>"),
    ],
)
def test_a_refusal_of_a_lock_that_is_shorter_is_an_error(serve: Serve, connect: Connect, found: Reply) -> None:
    """A right is missing, or the bucket's policy allows no more."""
    denied = refusal(403, "AccessDenied")
    server = serve(script(get_object_lock=locks(), put_retention=denied, get_retention=found))
    with pytest.raises(AccessError, match=f"lock {KEY} .*") as caught:
        S3Vault(connect(server.endpoint)).extend(KEY, UNTIL).result(WAIT)
    assert "s3:PutObjectRetention" in str(caught.value)


def test_wrong_credentials_are_not_taken_for_a_lock_that_is_longer(serve: Serve, connect: Connect) -> None:
    """Nobody is asked a second time."""
    server = serve(script(get_object_lock=locks(), put_retention=refusal(403, "ExpiredToken")))
    with pytest.raises(AccessError, match="ExpiredToken"):
        S3Vault(connect(server.endpoint)).extend(KEY, UNTIL).result(WAIT)
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (refusal(404, "ObjectLockConfigurationNotFoundError"), ConfigurationError),
        (locks(""), ConfigurationError),
        (refusal(404, "NoSuchBucket"), BucketNotFoundError),
        (refusal(403, "AccessDenied"), AccessError),
    ],
)
def test_a_bucket_that_does_not_lock_is_an_error(
    serve: Serve, connect: Connect, reply: Reply, error: type[StrongroomError]
) -> None:
    """Nothing is extended in a mode that somebody guessed."""
    vault = S3Vault(connect(serve(script(get_object_lock=reply)).endpoint))
    for _ in range(2):
        with pytest.raises(error):
            vault.extend(KEY, UNTIL)


def test_an_object_that_is_gone_is_not_taken_for_a_missing_right(serve: Serve, connect: Connect) -> None:
    """Also when it is hidden."""
    for gone in (refusal(404, "NoSuchKey"), refusal(405, "MethodNotAllowed")):
        server = serve(script(get_object_lock=locks(), put_retention=gone))
        with pytest.raises(BlobNotFoundError):
            S3Vault(connect(server.endpoint)).extend(KEY, UNTIL).result(WAIT)


# ------------------------------------------------------------------------------------------ versions


def version(key: str, version_id: str, *, marker: bool = False) -> str:
    """Give a version as S3 lists it."""
    kind, size = ("DeleteMarker", "") if marker else ("Version", "<ETag>&quot;e&quot;</ETag><Size>7</Size>")
    fields = f"<Key>{key}</Key><VersionId>{version_id}</VersionId><IsLatest>false</IsLatest>"
    owner = "<Owner><ID>1</ID><DisplayName>o</DisplayName></Owner>"
    return f"<{kind}>{fields}<LastModified>2026-11-20T02:03:04.000Z</LastModified>{size}{owner}</{kind}>"


def page(*versions: str, following: tuple[str, str] | None = None, encoded: bool = True) -> Reply:
    """Give a page of versions."""
    encoding = "<EncodingType>url</EncodingType>" if encoded else ""
    markers = (
        f"<NextKeyMarker>{following[0]}</NextKeyMarker><NextVersionIdMarker>{following[1]}</NextVersionIdMarker>"
        if following
        else ""
    )
    truncated = f"<IsTruncated>{str(following is not None).lower()}</IsTruncated>"
    return Reply(
        200, f"<ListVersionsResult>{encoding}{truncated}{markers}{''.join(versions)}</ListVersionsResult>".encode()
    )


def paged(first: Reply, second: Reply) -> Script:
    """Give two pages, and tags by the id of the version."""

    def answer(asked: Asked) -> Reply:
        query = query_of(asked)
        if "tagging" in query:
            found = {"v2": refusal(404, "NoSuchVersion"), "v3": tags(**{"strongroom:state": "expired"})}
            return found.get(query["versionId"], tags(other="x"))
        return second if "key-marker" in query else first

    return answer


MOMENT = datetime(2026, 11, 20, 2, 3, 4, tzinfo=UTC)


def test_versions_of_many_pages(serve: Serve, connect: Connect) -> None:
    """Page by page, until another key comes; one that is gone when its tags are asked for counts as untagged."""
    first = page(version("a%2Fb+c", "m", marker=True), version("a%2Fb+c", "v1"), following=("a%2Fb+c", "v1"))
    second = page(version("a%2Fb+c", "v2"), version("a%2Fb+c", "v3"), version("a%2Fb+c/d", "x"), following=("z", "x"))
    server = serve(paged(first, second))
    found = S3Vault(connect(server.endpoint)).versions("a/b c")
    assert found == [
        Version("m", MOMENT, 0, marker=True),
        Version("v1", MOMENT, 7),
        Version("v2", MOMENT, 7),
        Version("v3", MOMENT, 7, expired=True),
    ]
    queries = [query_of(asked) for asked in server.asked[:2]]
    plain = {"versions": "", "encoding-type": "url", "prefix": "a/b c"}
    assert queries == [plain, {**plain, "key-marker": "a/b c", "version-id-marker": "v1"}]


def test_keys_that_are_not_encoded_are_taken_as_they_are(serve: Serve, connect: Connect) -> None:
    """Some services ignore that they were asked to."""
    server = serve(paged(page(version("a%2Fb&amp;+", "v1"), encoded=False), Reply(500)))
    assert [item.version_id for item in S3Vault(connect(server.endpoint)).versions("a%2Fb&+")] == ["v1"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html></html>",
        b"<ListVersionsResult><IsTruncated>false</IsTruncated>",
        b"<ListVersionsResult><IsTruncated>true</IsTruncated></ListVersionsResult>",
    ],
)
def test_an_answer_that_is_no_listing_is_an_error(serve: Serve, connect: Connect, body: bytes) -> None:
    """No versions would mean that the object is gone for good."""
    with pytest.raises(RequestError):
        S3Vault(connect(serve(lambda _asked: Reply(200, body)).endpoint)).versions(KEY)


def test_a_missing_right_to_see_tags_is_an_error(serve: Serve, connect: Connect) -> None:
    """It is not that there are none."""
    server = serve(script(get_versions=page(version(KEY, "v1")), get_tagging=refusal(403, "AccessDenied")))
    with pytest.raises(AccessError, match="s3:GetObjectVersionTagging"):
        S3Vault(connect(server.endpoint)).versions(KEY)


# ---------------------------------------------------------------------------------------- bring back


def test_what_comes_back_is_written_as_anything_new_is(serve: Serve, connect: Connect) -> None:
    """On condition that the key is free; encryption, lock and class are the bucket's defaults, and there is no tag."""
    server = serve(script(get=Reply(200, b"bytes"), put=Reply()))
    S3Vault(connect(server.endpoint)).bring_back(KEY, "a+b/c").result(WAIT)
    read, written = server.asked
    assert (read.target, written.target) == (f"/bucket/{KEY}?versionId=a%2Bb%2Fc", f"/bucket/{KEY}")
    assert written.body == b"bytes"
    sent = {name for name in written.headers if name.startswith(("x-amz-", "if-"))} - {"x-amz-date"}
    assert sent == {"if-none-match", "x-amz-checksum-crc32", "x-amz-content-sha256", "x-amz-security-token"}


@pytest.mark.parametrize(
    ("read", "written", "error"),
    [
        (refusal(404, "NoSuchVersion"), Reply(), BlobNotFoundError),
        (refusal(405, "MethodNotAllowed"), Reply(), BlobNotFoundError),
        (refusal(403, "InvalidObjectState"), Reply(), BlobArchivedError),
        (refusal(403, "AccessDenied"), Reply(), AccessError),
        (Reply(200, b"x"), refusal(412, "PreconditionFailed"), ConflictError),
        (Reply(200, b"x"), refusal(409, "ConditionalRequestConflict"), UnavailableError),
        (Reply(200, b"x"), refusal(403, "AccessDenied"), AccessError),
    ],
)
def test_what_cannot_come_back_says_why(
    serve: Serve, connect: Connect, read: Reply, written: Reply, error: type[StrongroomError]
) -> None:
    """Of the reading and of the writing."""
    server = serve(script(get=read, put=written))
    assert type(S3Vault(connect(server.endpoint)).bring_back(KEY, "v").exception(WAIT)) is error


# ----------------------------------------------------------------------------------------------- now


def test_the_time_is_the_date_of_an_answer(serve: Serve, connect: Connect) -> None:
    """Whatever the clock of this machine says."""
    server = serve(lambda _asked: Reply(200, headers={"Date": "Sat, 01 Jan 2000 00:00:07 GMT"}))
    assert S3Vault(connect(server.endpoint)).now() == datetime(2000, 1, 1, 0, 0, 7, tzinfo=UTC)
    assert (server.asked[0].method, server.asked[0].target) == ("HEAD", "/bucket/")


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(404), BucketNotFoundError),
        (Reply(403), AccessError),
        (Reply(503), UnavailableError),
        (Reply(200), RequestError),
        (Reply(200, headers={"Date": "yesterday"}), RequestError),
    ],
)
def test_a_bucket_that_does_not_tell_the_time(
    serve: Serve, connect: Connect, reply: Reply, error: type[StrongroomError]
) -> None:
    """A collection does not begin."""
    with pytest.raises(error):
        S3Vault(connect(serve(lambda _asked: reply).endpoint)).now()
