"""The orchestration's Archive on an S3 bucket.

Source: "HeadObject" and "RestoreObject" in the Amazon S3 API Reference.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from http import HTTPStatus

from functions.adapters.s3.client import Call, S3Client
from functions.adapters.s3.refusals import S3Error
from functions.adapters.s3.transport import Response
from functions.contract.object_keys import pack_key
from functions.engine.errors import BlobNotFoundError, ConflictError
from functions.engine.model import PackId
from functions.engine.orchestration.archive import PackState, StoredPack, Tier

_AT_ONCE = 64
_FROZEN = frozenset({"GLACIER", "DEEP_ARCHIVE"})
_IN_PROGRESS = "RestoreAlreadyInProgress"


class S3Archive:
    """Packs in a bucket, some of which may be in an archive class."""

    def __init__(self, client: S3Client) -> None:
        """Use `client`'s bucket."""
        self._client = client

    def states(self, packs: Iterable[PackId]) -> Iterator[StoredPack]:
        """See Archive."""
        waiting: deque[tuple[PackId, Future[StoredPack]]] = deque()
        for pack in packs:
            waiting.append((pack, self._head(pack)))
            if len(waiting) >= _AT_ONCE:
                yield _answer(*waiting.popleft())
        while waiting:
            yield _answer(*waiting.popleft())

    def thaw(self, packs: Iterable[StoredPack], tier: Tier, days: int) -> None:
        """See Archive."""
        waiting: deque[Future[None]] = deque()
        for pack in packs:
            waiting.append(self._restore(pack, tier, days))
            if len(waiting) >= _AT_ONCE:
                _settle(waiting.popleft())
        while waiting:
            _settle(waiting.popleft())

    def _head(self, pack: PackId) -> Future[StoredPack]:
        key = pack_key(pack)
        return self._client.head(
            key, self._client.call(lambda answer: _stored(pack, answer), f"look at {key}", "s3:GetObject")
        )

    def _restore(self, pack: StoredPack, tier: Tier, days: int) -> Future[None]:
        key = pack_key(pack.pack)

        def translate(error: BaseException) -> BaseException:
            if isinstance(error, S3Error) and (error.status, error.s3_code) == (HTTPStatus.CONFLICT, _IN_PROGRESS):
                return ConflictError(f"{key} is being thawed")
            return self._client.translate(error, f"thaw {key}", "s3:RestoreObject")

        return self._client.restore(key, _document(pack.place, tier, days), Call(lambda _answer: None, translate))


def _answer(pack: PackId, future: Future[StoredPack]) -> StoredPack:
    try:
        return future.result()
    except BlobNotFoundError:
        return StoredPack(pack, PackState.READY, "", 0)


def _settle(future: Future[None]) -> None:
    error = future.exception()
    if error is not None and not isinstance(error, ConflictError):
        raise error


def _stored(pack: PackId, answer: Response) -> StoredPack:
    headers = answer.headers
    # An object of S3 Intelligent-Tiering names its archive tier until it has been moved back.
    place = headers.get("x-amz-archive-status") or headers.get("x-amz-storage-class", "STANDARD")
    copy = headers.get("x-amz-restore", "")
    if place not in _FROZEN and not place.endswith("_ACCESS"):
        state = PackState.READY
    elif 'ongoing-request="true"' in copy:
        state = PackState.THAWING
    else:
        state = PackState.READY if 'ongoing-request="false"' in copy else PackState.ARCHIVED
    return StoredPack(pack, state, place, int(headers.get("content-length", "0")))


def _document(place: str, tier: Tier, days: int) -> bytes:
    """Give the request. S3 refuses a number of days for S3 Intelligent-Tiering, which moves the object for good."""
    lasting = f"<Days>{days}</Days>" if place in _FROZEN else ""
    return (
        '<RestoreRequest xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"{lasting}<GlacierJobParameters><Tier>{tier}</Tier></GlacierJobParameters></RestoreRequest>"
    ).encode()
