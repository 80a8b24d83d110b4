"""What only the embedded S3 can show: checksums that are compared, uploads in parts, versions that vanish."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from functions.adapters.s3.client import Location, S3Client
from functions.adapters.s3.destination import S3Destination
from functions.adapters.s3.signing import Credentials
from functions.adapters.s3.source import S3Source
from functions.adapters.s3.transport import Transport
from functions.engine.conflict import Conflict
from functions.engine.errors import BucketNotFoundError, StrongroomError
from functions.engine.model import Properties
from sandbox.ministack import MiniStack

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client as Boto3S3
    from types_boto3_s3.type_defs import CompletedPartTypeDef

WAIT = 20
PART = 5 * 1024 * 1024


@pytest.fixture
def client(ministack: MiniStack, quick_transport: Transport, bucket: str) -> S3Client:
    """Give the product's client of a fresh bucket."""
    location = Location(bucket, "us-east-1", ministack.endpoint)
    return S3Client(quick_transport, location, lambda: Credentials("test", "test"))


@pytest.fixture
def upload_in_parts(s3: Boto3S3, bucket: str) -> Callable[[str, list[bytes]], str]:
    """Write objects in parts, as most programs write large ones; give the etag."""

    def upload(key: str, parts: list[bytes]) -> str:
        started = s3.create_multipart_upload(Bucket=bucket, Key=key, ContentType="text/x", Metadata={"a": "b"})
        done: list[CompletedPartTypeDef] = []
        for number, part in enumerate(parts, 1):
            answer = s3.upload_part(Bucket=bucket, Key=key, UploadId=started["UploadId"], PartNumber=number, Body=part)
            done.append({"PartNumber": number, "ETag": answer["ETag"]})
        whole = s3.complete_multipart_upload(
            Bucket=bucket, Key=key, UploadId=started["UploadId"], MultipartUpload={"Parts": done}
        )
        return str(whole["ETag"])

    return upload


def test_an_object_that_was_written_in_parts_is_read_by_its_own_kind_of_etag(
    client: S3Client, upload_in_parts: Callable[[str, list[bytes]], str]
) -> None:
    """Such an etag ends with the number of parts; If-Match takes it as it stands, for ranges too."""
    parts = [b"a" * PART, b"b" * 10]
    etag = upload_in_parts("key", parts)
    source = S3Source(client)
    [item] = source.list("")
    assert f'"{item.etag}"' == etag
    assert item.etag.endswith("-2")
    read = source.read(item).result(WAIT)
    assert bytes(read.data) == b"".join(parts)
    assert (read.etag, read.properties) == (item.etag, Properties({"content-type": "text/x"}, {"a": "b"}))
    assert bytes(source.read(item, PART - 1, 3).result(WAIT).data) == b"abb"


@pytest.mark.parametrize("sha256", [None, hashlib.sha256(b"something else").digest()], ids=["crc32", "sha256"])
def test_a_body_that_does_not_have_its_checksum_is_refused(
    client: S3Client, s3: Boto3S3, bucket: str, sha256: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bit that flips on its way is caught by S3, and nothing is written."""
    monkeypatch.setattr("functions.adapters.s3.client.isal_zlib.crc32", lambda _body: 12345)
    call = client.call(lambda _response: None, "write", "s3:PutObject")
    error = client.put("key", [b"content"], call, sha256=sha256).exception(WAIT)
    assert isinstance(error, StrongroomError)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_part_that_does_not_have_its_checksum_is_refused(client: S3Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for the parts of a large file."""
    monkeypatch.setattr("functions.adapters.s3.client.isal_zlib.crc32", lambda _body: 12345)
    upload = client.create_upload("key", {}).result(WAIT)
    assert isinstance(client.put_part("key", upload, 1, [b"content"]).exception(WAIT), StrongroomError)


def test_a_bucket_that_does_not_exist_is_named(ministack: MiniStack, quick_transport: Transport) -> None:
    """By every operation, so that a typing error is found at once."""
    location = Location("no-such-bucket-anywhere", "us-east-1", ministack.endpoint)
    client = S3Client(quick_transport, location, lambda: Credentials("test", "test"))
    source = S3Source(client)
    with pytest.raises(BucketNotFoundError, match="no-such-bucket-anywhere"):
        list(source.list(""))
    with pytest.raises(BucketNotFoundError):
        list(source.users(""))
    destination = S3Destination(client, cut="", prefix="", conflict=Conflict.SKIP, label="x")
    with pytest.raises(BucketNotFoundError):
        destination.place("key")


def test_a_restore_prefix_is_put_before_the_keys(client: S3Client, s3: Boto3S3, bucket: str) -> None:
    """After the source's prefix was taken off."""
    destination = S3Destination(client, cut="clients/", prefix="restored/2026/", conflict=Conflict.SKIP, label="x")
    target = destination.place("clients/ada/x")
    assert target is not None
    assert destination.write(target, [b"x"], Properties(), "2026-11-19T00:00:00Z").result(WAIT) == target.name
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["restored/2026/ada/x"]
