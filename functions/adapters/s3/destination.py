"""The engine's Destination on an S3 bucket."""

from __future__ import annotations

import base64
import bisect
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlencode

from isal import isal_zlib

from functions.adapters.s3.client import Call, S3Client
from functions.adapters.s3.listing import ListingPage, parse_listing
from functions.adapters.s3.refusals import S3Error
from functions.adapters.s3.source import USER_METADATA
from functions.adapters.s3.transport import Response
from functions.engine.conflict import Conflict, renamed
from functions.engine.errors import DestinationExistsError
from functions.engine.model import Buffer, Properties
from functions.engine.ports import Target


class _Content(NamedTuple):
    """What a put wrote, as far as an answer to HeadObject can show it."""

    parts: Sequence[Buffer]
    sha256: bytes | None

    def is_in(self, response: Response) -> bool:
        """Say whether the object has the same length, and the same checksum if it shows one."""
        headers = response.headers
        if int(headers["content-length"]) != sum(map(len, self.parts)):
            return False
        if self.sha256 is not None:
            ours = base64.b64encode(self.sha256).decode()
            return headers.get("x-amz-checksum-sha256", ours) == ours
        crc = 0
        for part in self.parts:
            crc = isal_zlib.crc32(part, crc)
        ours = base64.b64encode(crc.to_bytes(4, "big")).decode()
        return headers.get("x-amz-checksum-crc32", ours) == ours


class S3Destination:
    """Objects below a prefix. `If-None-Match` guards what exists, so no race can overwrite it."""

    def __init__(self, client: S3Client, *, cut: str, prefix: str, conflict: Conflict, label: str) -> None:
        """Write to `client`'s bucket: `cut` is taken off the keys and `prefix` put in front of them."""
        self.client = client
        self._cut = cut
        self._prefix = prefix
        self._conflict = conflict
        self._label = label
        self._known = _Known(client, prefix)

    def place(self, key: str) -> Target | None:
        """See Destination."""
        name = self._prefix + key.removeprefix(self._cut)
        if self._conflict is not Conflict.OVERWRITE and self._known.exists(name):
            if self._conflict is Conflict.SKIP:
                return None
            name = renamed(name, self._label)
        return Target(name, key)

    def write(
        self,
        target: Target,
        parts: Sequence[Buffer],
        properties: Properties,
        modified: str,  # noqa: ARG002 - S3 sets the time itself
        sha256: bytes | None = None,
    ) -> Future[str]:
        """See Destination."""
        headers = {**self.guard(), **properties_headers(properties)}
        future = self.client.put(target.name, parts, self.call(target), headers, sha256)
        return self._unless_ours(future, target, _Content(parts, sha256))

    def begin(self, target: Target, size: int, properties: Properties, modified: str) -> S3LargeWrite:  # noqa: ARG002
        """See Destination. Waits for the upload id."""
        upload = self.client.create_upload(target.name, properties_headers(properties)).result()
        return S3LargeWrite(self, target, upload)

    def finish(self) -> None:
        """See Destination. Every answered put is durable."""

    def _unless_ours(self, future: Future[str], target: Target, content: _Content) -> Future[str]:
        """Look again when a put finds the object there: libcurl or we may have repeated one that came through."""
        settled: Future[str] = Future()

        def settle(done: Future[str]) -> None:
            error = done.exception()
            if error is None:
                settled.set_result(done.result())
            elif isinstance(error, DestinationExistsError):
                call = Call(content.is_in, lambda _: error)
                self.client.head(target.name, call).add_done_callback(partial(compare, error))
            else:
                settled.set_exception(error)

        def compare(error: BaseException, same: Future[bool]) -> None:
            if same.exception() is None and same.result():
                settled.set_result(target.name)
            else:
                settled.set_exception(error)

        future.add_done_callback(settle)
        return settled

    def guard(self) -> dict[str, str]:
        """Give the condition under which a write may become visible."""
        return {} if self._conflict is Conflict.OVERWRITE else {"if-none-match": "*"}

    def call(self, target: Target) -> Call[str]:
        """Describe a call that makes `target` visible."""

        def translate(error: BaseException) -> BaseException:
            if isinstance(error, S3Error) and error.status == HTTPStatus.PRECONDITION_FAILED:
                return DestinationExistsError(f"s3://{self.client.location.bucket}/{target.name} exists")
            return self.client.translate(error, f"restore {target.name}", "s3:PutObject and s3:PutObjectTagging")

        return Call(lambda _response: target.name, translate)


class S3LargeWrite:
    """A multipart upload."""

    def __init__(self, destination: S3Destination, target: Target, upload: str) -> None:
        """Go on with `upload`."""
        self._destination = destination
        self._client = destination.client
        self._target = target
        self._upload = upload
        self._etags: dict[int, Future[str]] = {}

    def write(self, number: int, offset: int, parts: Sequence[Buffer]) -> Future[None]:  # noqa: ARG002
        """See LargeWrite."""
        done: Future[None] = Future()
        future = self._client.put_part(self._target.name, self._upload, number + 1, parts)
        self._etags[number] = future

        def settle(answer: Future[str]) -> None:
            error = answer.exception()
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

        future.add_done_callback(settle)
        return done

    def complete(self) -> Future[str]:
        """See LargeWrite."""
        etags = [self._etags[number].result() for number in sorted(self._etags)]
        call = self._destination.call(self._target)
        return self._client.complete_upload(self._target.name, self._upload, etags, call, self._destination.guard())

    def abort(self) -> None:
        """See LargeWrite. The bucket's rule for incomplete uploads removes what this cannot."""
        self._client.abort_upload(self._target.name, self._upload)


class _Known:
    """Answers whether keys exist, asked mostly in key order: one listing answers for up to a thousand."""

    def __init__(self, client: S3Client, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._after = ""
        self._keys: list[str] = []
        self._complete = False
        self._loaded = False

    def exists(self, name: str) -> bool:
        """Say whether `name` existed when its page was listed."""
        if not self._covers(name):
            self._load(name[:-1])
        if not self._covers(name):  # more than a page of keys stands between
            return name in self._page(name, limit=1)
        position = bisect.bisect_left(self._keys, name)
        return position < len(self._keys) and self._keys[position] == name

    def _covers(self, name: str) -> bool:
        if not self._loaded or name <= self._after:
            return False
        return self._complete or (bool(self._keys) and name <= self._keys[-1])

    def _load(self, after: str) -> None:
        page = self._list(self._prefix, start_after=after)
        self._after = after
        self._keys = [item.key for item in page.objects]
        self._complete = page.token is None
        self._loaded = True

    def _page(self, prefix: str, limit: int) -> list[str]:
        return [item.key for item in self._list(prefix, limit=limit).objects]

    def _list(self, prefix: str, *, start_after: str = "", limit: int = 1000) -> ListingPage:
        call = self._client.call(lambda r: parse_listing(r.body), f"list {prefix or 'all'}", "s3:ListBucket")
        return self._client.list_page(prefix, call, start_after=start_after, limit=limit).result()


def properties_headers(properties: Properties) -> dict[str, str]:
    """Give the request headers that set metadata and tags."""
    headers = dict(properties.system)
    headers.update({USER_METADATA + name: value for name, value in properties.user.items()})
    if properties.tags:
        headers["x-amz-tagging"] = urlencode(properties.tags)
    return headers
