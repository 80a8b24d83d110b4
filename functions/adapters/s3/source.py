"""The engine's Source on an S3 bucket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from http import HTTPStatus
from typing import NamedTuple, TypeVar
from xml.etree import ElementTree as ET

from functions.adapters.s3.blobs import range_header
from functions.adapters.s3.client import Call, S3Client
from functions.adapters.s3.listing import ListingPage, parse_listing
from functions.adapters.s3.refusals import S3Error, refuse_failure
from functions.adapters.s3.transport import Response
from functions.contract.object_keys import ROOT_USER
from functions.engine.errors import (
    AccessError,
    CredentialsError,
    SourceArchivedError,
    SourceChangedError,
    SourceDeniedError,
    SourceVanishedError,
)
from functions.engine.model import ObjectRead, Properties, SourceObject

SYSTEM_HEADERS = frozenset(
    {
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-type",
        "expires",
        "x-amz-website-redirect-location",
    }
)
"""The system metadata that a restore gives back. S3 keeps no other that a PutObject may set freely."""

T = TypeVar("T")

USER_METADATA = "x-amz-meta-"
_TAG_COUNT = "x-amz-tagging-count"
_CHANGED = frozenset({HTTPStatus.PRECONDITION_FAILED, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE})


class S3Source:
    """Reads objects with `If-Match`, and their tags with one request more when S3 says that there are any."""

    def __init__(self, client: S3Client) -> None:
        """Read `client`'s bucket."""
        self._client = client
        self._bucket = client.location.bucket

    def users(self, prefix: str) -> Iterator[str]:
        """See Source."""
        pages = list(self._client.pages(prefix, delimiter="/"))
        if any(page.objects for page in pages):
            yield ROOT_USER
        for page in pages:
            for folder in page.prefixes:
                yield folder[len(prefix) : -1] or "/"

    def list(self, prefix: str, start_after: str = "", *, recursive: bool = True) -> Iterator[SourceObject]:
        """See Source."""
        delimiter = "" if recursive else "/"
        for page in self._client.pages(prefix, start_after=start_after, delimiter=delimiter):
            yield from page.objects

    def read(self, item: SourceObject, start: int = 0, length: int | None = None) -> Future[ObjectRead]:
        """See Source."""
        headers = {"if-match": f'"{item.etag}"'}
        if start or length is not None:
            headers |= range_header(start, length)
        return self._client.get(item.key, _Read(self, item, with_tags=not start), headers)

    def stat(self, key: str) -> Future[SourceObject]:
        """See Source."""
        call = self._call(lambda response: _only(key, parse_listing(response.body)), key, "s3:ListBucket")
        return self._client.list_page(key, call, limit=1)

    def add_tags(self, key: str, found: ObjectRead, whole: Future[ObjectRead]) -> None:
        """Get the tags of an object that was read, and settle `whole` with both."""

        def settle(outcome: Future[dict[str, str]]) -> None:
            error = outcome.exception()
            if error is not None:
                whole.set_exception(error)
                return
            properties = Properties(found.properties.system, found.properties.user, outcome.result())
            whole.set_result(found._replace(properties=properties))

        call = self._call(parse_tags, key, "s3:GetObjectTagging")
        self._client.tags(key, found.version, call).add_done_callback(settle)

    def _call(self, convert: Callable[[Response], T], key: str, action: str) -> Call[T]:
        return Call(convert, lambda error: self.translate(error, key, action))

    def translate(self, error: BaseException, key: str, action: str) -> BaseException:
        """Give the tree's error for what kept an object from being read."""
        what = f"read {key!r}"
        if isinstance(error, S3Error):
            if error.s3_code == "InvalidObjectState":
                return SourceArchivedError(f"{what} in s3://{self._bucket}: it is in an archive class")
            if error.status in _CHANGED:
                return SourceChangedError(f"{what} in s3://{self._bucket}: it changed since it was listed")
            if error.status == HTTPStatus.NOT_FOUND and error.s3_code != "NoSuchBucket":
                return SourceVanishedError(f"{what} in s3://{self._bucket}: it was deleted since it was listed")
        translated = self._client.translate(error, what, action)
        if isinstance(translated, AccessError) and not isinstance(translated, CredentialsError):
            return SourceDeniedError(translated.message, hint=translated.remedy)
        return translated


class _Read(NamedTuple):
    """Settles a read at once, unless the answer counts tags that are wanted: then `source` does so with both."""

    source: S3Source
    item: SourceObject
    with_tags: bool

    def settle(self, whole: Future[ObjectRead], outcome: Response | Exception) -> None:
        """See Settler."""
        if isinstance(outcome, Exception):
            self._fail(whole, outcome)
            return
        try:
            found = _object_read(refuse_failure(outcome), self.item)
        except Exception as error:  # noqa: BLE001 - the waiting thread gets it, whatever it is
            self._fail(whole, error)
            return
        if self.with_tags and outcome.headers.get(_TAG_COUNT, "0") != "0":
            self.source.add_tags(self.item.key, found, whole)
        else:
            whole.set_result(found)

    def _fail(self, whole: Future[ObjectRead], error: Exception) -> None:
        whole.set_exception(self.source.translate(error, self.item.key, "s3:GetObject"))


def _object_read(response: Response, item: SourceObject) -> ObjectRead:
    headers = response.headers
    system: dict[str, str] = {}
    user: dict[str, str] = {}
    for name, value in headers.items():
        if name in SYSTEM_HEADERS:
            system[name] = value
        elif name.startswith(USER_METADATA):
            user[name[len(USER_METADATA) :]] = value
    total = headers["content-range"].rpartition("/")[2] if "content-range" in headers else ""
    version = headers.get("x-amz-version-id")
    return ObjectRead(
        data=response.body,
        etag=headers.get("etag", item.etag).strip('"'),
        version=version if version != "null" else None,
        modified=item.modified,
        size=int(total) if total.isdigit() else len(response.body),
        properties=Properties(system, user),
    )


def _only(key: str, page: ListingPage) -> SourceObject:
    for item in page.objects:
        if item.key == key:
            return item
    raise SourceVanishedError(f"{key!r} was deleted since it was listed")


def parse_tags(response: Response) -> dict[str, str]:
    """Read the answer to GetObjectTagging."""
    root = ET.fromstring(bytes(response.body))  # noqa: S314 - S3's own answer, from the signed endpoint
    tags: dict[str, str] = {}
    for tag in root.iter():
        if tag.tag.rpartition("}")[2] == "Tag":
            fields = {child.tag.rpartition("}")[2]: child.text or "" for child in tag}
            tags[fields["Key"]] = fields["Value"]
    return tags
