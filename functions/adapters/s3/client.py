"""S3's operations as futures, and S3's refusals as errors of the engine's tree."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, NamedTuple, Protocol, TypeVar
from urllib.parse import urlsplit

from isal import isal_zlib

from functions.adapters.s3 import signing
from functions.adapters.s3.listing import ListingPage, parse_listing
from functions.adapters.s3.refusals import (
    is_retryable,
    is_retryable_completion,
    refuse_error_body,
    refuse_failure,
    translate,
)
from functions.adapters.s3.transport import HeaderList, Request, Response, Transport
from functions.engine.errors import RequestError
from functions.engine.model import Buffer

T = TypeVar("T")

_COMPLETION = "CompleteMultipartUpload"


@dataclass(frozen=True, slots=True)
class Location:
    """A bucket and where it is reached. Without `endpoint`, AWS's own in `region`."""

    bucket: str
    region: str
    endpoint: str | None = None

    def base(self) -> tuple[str, str, str]:
        """Give scheme and authority, the Host header, and what precedes a key in the path.

        AWS gets the virtual-hosted style, other endpoints and names with dots (which no wildcard certificate
        covers) the path style.
        """
        if self.endpoint:
            parts = urlsplit(self.endpoint)
            return f"{parts.scheme}://{parts.netloc}", parts.netloc, f"/{self.bucket}/"
        suffix = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        if "." in self.bucket:
            host = f"s3.{self.region}.{suffix}"
            return f"https://{host}", host, f"/{self.bucket}/"
        host = f"{self.bucket}.s3.{self.region}.{suffix}"
        return f"https://{host}", host, "/"


class Call(NamedTuple, Generic[T]):
    """What to make of an answer, and of a failure: the two ends of a request."""

    convert: Callable[[Response], T]
    translate: Callable[[BaseException], BaseException]

    def settle(self, future: Future[T], outcome: Response | Exception) -> None:
        """End `future` with the converted answer or the translated error."""
        if isinstance(outcome, Exception):
            future.set_exception(self.translate(outcome))
            return
        try:
            value = self.convert(refuse_failure(outcome))
        except Exception as error:  # noqa: BLE001 - the waiting thread gets it, whatever it is
            future.set_exception(self.translate(error))
        else:
            future.set_result(value)


class Settler(Protocol[T]):
    """Whatever ends a future with what becomes of a request; a Call, mostly."""

    def settle(self, future: Future[T], outcome: Response | Exception) -> None:
        """End `future` now or later. Called in the transport's thread; must be quick and must not raise."""


class S3Client:
    """One bucket's operations. Thread safe; many clients may share a transport."""

    def __init__(
        self,
        transport: Transport,
        location: Location,
        credentials: signing.CredentialProvider,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Bind a bucket to a transport. Nothing is sent yet."""
        self.location = location
        self._transport = transport
        self._credentials = credentials
        self._clock = clock
        self._base, self._host, self._root = location.base()

    def get(
        self, key: str, call: Settler[T], headers: Mapping[str, str] | None = None, version: str | None = None
    ) -> Future[T]:
        """GetObject."""
        query = {"versionId": version} if version else None
        return self._send(call, "GetObject", "GET", key, query=query, headers=headers)

    def head(self, key: str, call: Call[T]) -> Future[T]:
        """HeadObject, with the checksum if the object has one."""
        return self._send(call, "HeadObject", "HEAD", key, headers={"x-amz-checksum-mode": "ENABLED"})

    def tags(self, key: str, version: str | None, call: Call[T]) -> Future[T]:
        """GetObjectTagging."""
        query = {"tagging": ""} | ({"versionId": version} if version else {})
        return self._send(call, "GetObjectTagging", "GET", key, query=query)

    def put_tags(self, key: str, document: bytes, call: Call[T]) -> Future[T]:
        """PutObjectTagging on the current version: all its tags, as the XML `document` says."""
        return self._describe(call, "PutObjectTagging", key, "tagging", document)

    def retention(self, key: str, call: Call[T]) -> Future[T]:
        """GetObjectRetention of the current version."""
        return self._send(call, "GetObjectRetention", "GET", key, query={"retention": ""})

    def put_retention(self, key: str, document: bytes, call: Call[T]) -> Future[T]:
        """PutObjectRetention on the current version, as the XML `document` says."""
        return self._describe(call, "PutObjectRetention", key, "retention", document)

    def lock_configuration(self, call: Call[T]) -> Future[T]:
        """GetObjectLockConfiguration of the bucket."""
        return self._send(call, "GetObjectLockConfiguration", "GET", "", query={"object-lock": ""})

    def lifecycle(self, call: Call[T]) -> Future[T]:
        """GetBucketLifecycleConfiguration."""
        return self._send(call, "GetBucketLifecycleConfiguration", "GET", "", query={"lifecycle": ""})

    def head_bucket(self, call: Call[T]) -> Future[T]:
        """HeadBucket."""
        return self._send(call, "HeadBucket", "HEAD", "")

    def versions_page(self, prefix: str, call: Call[T], markers: Mapping[str, str]) -> Future[T]:
        """ListObjectVersions, one page of up to 1,000 versions; `markers` say where it goes on."""
        query = {"versions": "", "encoding-type": "url", "prefix": prefix, **markers}
        return self._send(call, "ListObjectVersions", "GET", "", query=query)

    def put(
        self,
        key: str,
        parts: Sequence[Buffer],
        call: Call[T],
        headers: Mapping[str, str] | None = None,
        sha256: bytes | None = None,
    ) -> Future[T]:
        """PutObject, with a checksum that S3 compares before it accepts the object: `sha256` if given, else a CRC-32.

        The CRC-32 is taken of the bytes as they leave here; what they mean is proven by the chunks' own SHA-256.
        """
        return self._upload(call, "PutObject", key, parts, {}, headers or {}, sha256)

    def create_upload(self, key: str, headers: Mapping[str, str]) -> Future[str]:
        """CreateMultipartUpload; gives the upload id."""
        call = self.call(lambda r: xml_text(r.body, "UploadId"), f"start to write {key}", "s3:PutObject")
        return self._send(call, "CreateMultipartUpload", "POST", key, query={"uploads": ""}, headers=headers, body=b"")

    def put_part(self, key: str, upload: str, number: int, parts: Sequence[Buffer]) -> Future[str]:
        """UploadPart, `number` from 1; gives the part's etag."""
        query = {"partNumber": str(number), "uploadId": upload}
        call = self.call(lambda r: r.headers["etag"], f"write part {number} of {key}", "s3:PutObject")
        return self._upload(call, "UploadPart", key, parts, query, {})

    def complete_upload(
        self, key: str, upload: str, etags: Sequence[str], call: Call[T], headers: Mapping[str, str]
    ) -> Future[T]:
        """CompleteMultipartUpload. S3 may answer 200 and an error in the body; that is an error here too."""
        rows = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>" for number, etag in enumerate(etags, 1)
        )
        body = f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>".encode()
        checked = Call(lambda response: call.convert(refuse_error_body(response)), call.translate)
        return self._send(
            checked,
            _COMPLETION,
            "POST",
            key,
            query={"uploadId": upload},
            headers=headers,
            body=body,
        )

    def abort_upload(self, key: str, upload: str) -> Future[None]:
        """AbortMultipartUpload."""
        call = self.call(lambda _r: None, f"give up writing {key}", "s3:AbortMultipartUpload")
        return self._send(call, "AbortMultipartUpload", "DELETE", key, query={"uploadId": upload})

    def restore(self, key: str, document: bytes, call: Call[T]) -> Future[T]:
        """RestoreObject: ask for a readable copy of an archived object, as the XML `document` says."""
        return self._send(call, "RestoreObject", "POST", key, query={"restore": ""}, body=document)

    def list_page(
        self,
        prefix: str,
        call: Call[T],
        *,
        start_after: str = "",
        token: str | None = None,
        delimiter: str = "",
        limit: int = 1000,
    ) -> Future[T]:
        """ListObjectsV2, one page of up to `limit` keys, at most 1,000."""
        query = {"list-type": "2", "encoding-type": "url", "prefix": prefix, "max-keys": str(limit)}
        if delimiter:
            query["delimiter"] = delimiter
        if token:
            query["continuation-token"] = token
        elif start_after:
            query["start-after"] = start_after
        return self._send(call, "ListObjectsV2", "GET", "", query=query)

    def pages(self, prefix: str, *, start_after: str = "", delimiter: str = "") -> Iterator[ListingPage]:
        """List all pages; the next one is under way while the caller reads this one."""
        call = self.call(lambda r: parse_listing(r.body), f"list {prefix or 'all'}", "s3:ListBucket")
        pending = self.list_page(prefix, call, start_after=start_after, delimiter=delimiter)
        while True:
            page = pending.result()
            if page.token:
                pending = self.list_page(prefix, call, token=page.token, delimiter=delimiter)
            yield page
            if not page.token:
                return

    def call(self, convert: Callable[[Response], T], what: str, action: str) -> Call[T]:
        """Describe a call whose refusals get the tree's errors, naming `what` was done and the `action` it needs."""
        return Call(convert, lambda error: self.translate(error, what, action))

    def translate(self, error: BaseException, what: str, action: str) -> BaseException:
        """Give the tree's error for a refusal or a transport failure; other errors as they are."""
        return translate(error, f"{what} in s3://{self.location.bucket}", action, self.location.bucket)

    def _describe(self, call: Call[T], operation: str, key: str, what: str, document: bytes) -> Future[T]:
        """Send a document about an object. S3 takes none without a checksum."""
        return self._upload(call, operation, key, [document], {what: ""}, {}, hashlib.sha256(document).digest())

    def _upload(
        self,
        call: Call[T],
        operation: str,
        key: str,
        parts: Sequence[Buffer],
        query: Mapping[str, str],
        headers: Mapping[str, str],
        sha256: bytes | None = None,
    ) -> Future[T]:
        body = parts[0] if len(parts) == 1 and isinstance(parts[0], bytes) else b"".join(parts)
        if sha256 is not None:
            checksum = {"x-amz-checksum-sha256": base64.b64encode(sha256).decode()}
        else:
            checksum = {"x-amz-checksum-crc32": base64.b64encode(isal_zlib.crc32(body).to_bytes(4, "big")).decode()}
        return self._send(
            call,
            operation,
            "PUT",
            key,
            query=query,
            headers={**headers, **checksum},
            body=body,
            payload_sha256=sha256.hex() if sha256 else signing.UNSIGNED_PAYLOAD,
        )

    def _send(  # noqa: PLR0913 - the parts of a request
        self,
        call: Settler[T],
        operation: str,
        method: str,
        key: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        payload_sha256: str | None = None,
    ) -> Future[T]:
        path = self._root + signing.encode_path(key)
        encoded = signing.encode_query(query) if query else ""
        fields = dict(headers) if headers else {}
        if body is not None:
            fields.setdefault("content-type", "application/octet-stream")
        if payload_sha256 is None:
            payload_sha256 = hashlib.sha256(body).hexdigest() if body else signing.EMPTY_SHA256
        url = f"{self._base}{path}?{encoded}" if encoded else self._base + path
        future: Future[T] = Future()
        self._transport.send(
            Request(
                operation,
                method,
                url,
                lambda: self._header_list(method, path, encoded, fields, payload_sha256),
                lambda outcome: call.settle(future, outcome),
                body,
                is_retryable_completion if operation == _COMPLETION else is_retryable,
            )
        )
        return future

    def _header_list(
        self, method: str, path: str, query: str, fields: Mapping[str, str], payload_sha256: str
    ) -> HeaderList:
        added = signing.sign(
            method=method,
            host=self._host,
            path=path,
            query=query,
            headers=fields,
            payload_sha256=payload_sha256,
            credentials=self._credentials(),
            region=self.location.region,
            now=self._clock(),
        )
        lines = [f"{name}: {value}" if value else f"{name};" for name, value in fields.items()]
        lines += [f"{name}: {value}" for name, value in added.items()]
        lines.append("Expect:")
        return [line.encode("latin-1") for line in lines]


def xml_text(body: Buffer, tag: str) -> str:
    """Give the text of the first element `tag`."""
    found = re.search(rf"<{tag}>([^<]*)</{tag}>".encode(), body)
    if found is None:
        raise RequestError(f"the answer holds no {tag}")
    return found.group(1).decode()
