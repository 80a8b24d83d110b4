"""The engine's BlobStore on an S3 bucket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future

from functions.adapters.s3.client import S3Client
from functions.adapters.s3.transport import Response
from functions.engine.model import BlobInfo, Buffer
from functions.engine.ports import Tail


class S3BlobStore:
    """Objects of a repository. Encryption, lock and lifecycle are the bucket's defaults, not asked for here."""

    def __init__(self, client: S3Client) -> None:
        """Use `client`'s bucket."""
        self._client = client

    def put_new(self, key: str, parts: Sequence[Buffer]) -> Future[None]:
        """See BlobStore."""
        call = self._client.call(lambda _response: None, f"write {key}", "s3:PutObject")
        return self._client.put(key, parts, call, {"if-none-match": "*"})

    def get(self, key: str, start: int = 0, length: int | None = None) -> Future[Buffer]:
        """See BlobStore."""
        call = self._client.call(_body, f"read {key}", "s3:GetObject")
        return self._client.get(key, call, range_header(start, length))

    def get_tail(self, key: str, length: int) -> Future[Tail]:
        """See BlobStore."""
        call = self._client.call(_tail, f"read the end of {key}", "s3:GetObject")
        return self._client.get(key, call, {"range": f"bytes=-{length}"})

    def list(self, prefix: str, start_after: str = "") -> Iterator[BlobInfo]:
        """See BlobStore."""
        for page in self._client.pages(prefix, start_after=start_after):
            for item in page.objects:
                yield BlobInfo(item.key, item.size, item.modified)


def range_header(start: int, length: int | None) -> dict[str, str]:
    """Give the Range header for `length` bytes from `start`, none for a whole object."""
    if start == 0 and length is None:
        return {}
    return {"range": f"bytes={start}-" if length is None else f"bytes={start}-{start + length - 1}"}


def _body(response: Response) -> Buffer:
    return response.body


def _tail(response: Response) -> Tail:
    total = response.headers.get("content-range", "").rpartition("/")[2]
    return Tail(response.body, int(total) if total.isdigit() else len(response.body))
