"""The retention's Vault on an S3 bucket with versions and Object Lock.

Requests run in the client's transport, as all of ours, so it bounds how many are under way. The rights, on the
repository's bucket (B) and its objects (O), beside the use of its key for whatever reads or writes an object:

now            s3:ListBucket (B)
expire         s3:GetObjectTagging, s3:PutObjectTagging (O); readmit the same
extend         s3:PutObjectRetention, s3:GetObjectRetention (O); s3:GetBucketObjectLockConfiguration (B), once
versions       s3:ListBucketVersions (B), s3:GetObjectVersionTagging (O)
read_version   s3:GetObjectVersion (O)
bring_back     s3:GetObjectVersion, s3:PutObject (O)

None of them is a right to delete, to bypass a lock, or to tag a version that is not the current one.

Sources: "PutObjectTagging", "PutObjectRetention" and "ListObjectVersions" in the Amazon S3 API Reference; "How S3
Object Lock works" and "How to prevent object overwrites with conditional writes" in the Amazon S3 User Guide.
"""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from typing import TypeVar

from functions.adapters.s3.client import Call, S3Client
from functions.adapters.s3.listing import ListedVersion, parse_versions
from functions.adapters.s3.refusals import S3Error
from functions.adapters.s3.source import parse_tags
from functions.adapters.s3.transport import Response
from functions.contract.object_tags import EXPIRED, STATE
from functions.engine.backup import rfc3339
from functions.engine.errors import (
    AccessError,
    BlobNotFoundError,
    BucketNotFoundError,
    ConfigurationError,
    RequestError,
)
from functions.engine.model import Buffer
from functions.engine.retention.ports import Version

A = TypeVar("A")
B = TypeVar("B")

_NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
_MODE = re.compile(rb"<Mode>(GOVERNANCE|COMPLIANCE)</Mode>")
_UNTIL = re.compile(rb"<RetainUntilDate>([^<]+)</RetainUntilDate>")
_ON_A_MARKER = HTTPStatus.METHOD_NOT_ALLOWED
"""What S3 says when the current version is a delete marker, which has neither tags nor a lock."""


class S3Vault:
    """Objects of a repository, locked and let go. Safe from any thread."""

    def __init__(self, client: S3Client) -> None:
        """Use `client`'s bucket. Nothing is asked yet."""
        self._client = client
        self._bucket = client.location.bucket
        self._mode: str | None = None
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """See Vault. The date of an answer, in whole seconds; HeadBucket is the cheapest of them."""

        def translate(error: BaseException) -> BaseException:
            if isinstance(error, S3Error) and error.status == HTTPStatus.NOT_FOUND:  # an answer to HEAD has no code
                return BucketNotFoundError(f"bucket {self._bucket} does not exist")
            return self._client.translate(error, "ask for the time", "s3:ListBucket")

        return self._client.head_bucket(Call(_date, translate)).result()

    def expire(self, key: str) -> Future[None]:
        """See Vault. Other tags stay."""
        return _then(self._tags(key), lambda tags: self._put_tags(key, tags, tags | {STATE: EXPIRED}))

    def readmit(self, key: str) -> Future[None]:
        """See Vault. Other tags stay."""

        def untag(tags: dict[str, str]) -> Future[None]:
            return self._put_tags(key, tags, {name: value for name, value in tags.items() if name != STATE})

        return _then(self._tags(key), untag)

    def extend(self, key: str, until: datetime) -> Future[None]:
        """See Vault. One request: the mode is that of the bucket's default, and S3 itself refuses a shorter lock.

        When it is refused, a second request tells a lock that is longer already from a right that is missing.
        ConfigurationError when the bucket locks nothing by default.
        """
        moment = _whole_second(until)
        document = (
            f"<Retention {_NAMESPACE}><Mode>{self._default_mode()}</Mode>"
            f"<RetainUntilDate>{rfc3339(moment)}</RetainUntilDate></Retention>"
        )
        call = self._call(_nothing, f"lock {key}", "s3:PutObjectRetention")
        asked = self._client.put_retention(key, document.encode(), call)
        return _after_a_refusal(asked, partial(self._unless_longer, key, moment))

    def versions(self, key: str) -> Sequence[Version]:
        """See Vault. One request a thousand versions, and one a version for its tags."""
        listed = list(self._listed(key))
        tags = [None if item.marker else self._tags(key, item.version_id) for item in listed]
        return [_version(item, found) for item, found in zip(listed, tags, strict=True)]

    def read_version(self, key: str, version_id: str) -> Future[Buffer]:
        """See Vault. BlobArchivedError when it lies in an archive class."""
        call = self._call(lambda response: response.body, f"read version {version_id} of {key}", "s3:GetObjectVersion")
        return self._client.get(key, call, version=version_id)

    def bring_back(self, key: str, version_id: str) -> Future[None]:
        """See Vault. Whole, through the memory of this machine: no pack has more than 32 MiB.

        A key whose current version is a delete marker is free. Encryption and lock are the bucket's defaults, as for
        whatever S3BlobStore writes.
        """
        call = self._call(_nothing, f"bring back {key}", "s3:PutObject")
        return _then(
            self.read_version(key, version_id),
            lambda data: self._client.put(key, [data], call, {"if-none-match": "*"}),
        )

    def _tags(self, key: str, version_id: str | None = None) -> Future[dict[str, str]]:
        action = "s3:GetObjectVersionTagging" if version_id else "s3:GetObjectTagging"
        return self._client.tags(key, version_id, self._call(parse_tags, f"read the tags of {key}", action))

    def _put_tags(self, key: str, before: Mapping[str, str], after: Mapping[str, str]) -> Future[None]:
        if after == before:
            return _done()
        rows = "".join(
            f"<Tag><Key>{html.escape(name)}</Key><Value>{html.escape(value)}</Value></Tag>"
            for name, value in after.items()
        )
        document = f"<Tagging {_NAMESPACE}><TagSet>{rows}</TagSet></Tagging>"
        call = self._call(_nothing, f"tag {key}", "s3:PutObjectTagging")
        return self._client.put_tags(key, document.encode(), call)

    def _default_mode(self) -> str:
        """Give the mode in which the bucket locks what is new. Asked for once."""

        def translate(error: BaseException) -> BaseException:
            if isinstance(error, S3Error) and error.s3_code == "ObjectLockConfigurationNotFoundError":
                return ConfigurationError(f"bucket {self._bucket} has no Object Lock", hint="it can be made with one")
            return self._client.translate(error, "read how it locks", "s3:GetBucketObjectLockConfiguration")

        with self._lock:
            if self._mode is None:
                body = self._client.lock_configuration(Call(lambda response: response.body, translate)).result()
                found = _MODE.search(body)
                if found is None:
                    raise ConfigurationError(f"bucket {self._bucket} locks nothing by default", hint="set a retention")
                self._mode = found.group(1).decode()
            return self._mode

    def _unless_longer(self, key: str, until: datetime, refusal: AccessError) -> Future[None]:
        """Take a refusal as it is, unless the lock ends at `until` or later."""

        def compare(response: Response) -> None:
            found = _UNTIL.search(response.body)
            if found is None or datetime.fromisoformat(found.group(1).decode()) < until:
                raise refusal

        return self._client.retention(key, Call(compare, lambda _error: refusal))

    def _listed(self, key: str) -> Iterator[ListedVersion]:
        """List the versions of a key. It is a prefix of other keys, which come after it."""
        call = self._call(lambda response: parse_versions(response.body), f"list {key}", "s3:ListBucketVersions")
        markers: Mapping[str, str] = {}
        while True:
            page = self._client.versions_page(key, call, markers).result()
            for item in page.versions:
                if item.key != key:
                    return
                yield item
            if not page.markers:
                return
            markers = page.markers

    def _call(self, convert: Callable[[Response], A], what: str, action: str) -> Call[A]:
        def translate(error: BaseException) -> BaseException:
            if isinstance(error, S3Error) and error.status == _ON_A_MARKER:
                return BlobNotFoundError(f"{what} in s3://{self._bucket}: a delete marker is in its place")
            return self._client.translate(error, what, action)

        return Call(convert, translate)


def _version(item: ListedVersion, tags: Future[dict[str, str]] | None) -> Version:
    expired = False
    if tags is not None:
        with suppress(BlobNotFoundError):  # the lifecycle took it between the listing and now
            expired = tags.result().get(STATE) == EXPIRED
    modified = datetime.fromisoformat(item.modified)
    return Version(item.version_id, modified, item.size, marker=item.marker, expired=expired)


def _date(response: Response) -> datetime:
    try:
        return parsedate_to_datetime(response.headers["date"])
    except (KeyError, ValueError) as error:
        raise RequestError(f"S3 did not say what time it is: {error!r}") from error


def _whole_second(moment: datetime) -> datetime:
    """Round up: a lock never ends earlier than it was asked for."""
    return (moment.astimezone(UTC) + timedelta(seconds=1, microseconds=-1)).replace(microsecond=0)


def _nothing(_response: Response) -> None:
    return None


def _done() -> Future[None]:
    future: Future[None] = Future()
    future.set_result(None)
    return future


def _then(first: Future[A], following: Callable[[A], Future[B]]) -> Future[B]:
    """Give the end of two requests, the second of which follows from what the first gave. No thread waits."""
    whole: Future[B] = Future()

    def go_on(ended: Future[A]) -> None:
        try:
            following(ended.result()).add_done_callback(partial(_settle, whole))
        except Exception as error:  # noqa: BLE001 - the waiting thread gets it, whatever it is
            whole.set_exception(error)

    first.add_done_callback(go_on)
    return whole


def _after_a_refusal(first: Future[A], following: Callable[[AccessError], Future[A]]) -> Future[A]:
    """Give the end of a request, or, when a right was missing for it, of the one that follows."""
    whole: Future[A] = Future()

    def go_on(ended: Future[A]) -> None:
        error = ended.exception()
        if type(error) is AccessError:
            following(error).add_done_callback(partial(_settle, whole))
        else:
            _settle(whole, ended)

    first.add_done_callback(go_on)
    return whole


def _settle(whole: Future[A], ended: Future[A]) -> None:
    error = ended.exception()
    if error is None:
        whole.set_result(ended.result())
    else:
        whole.set_exception(error)
