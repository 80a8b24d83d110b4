"""The engine's DedupIndex on a DynamoDB table."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, TypeVar

from functions.contract.tables import DedupTable
from functions.engine.errors import (
    AccessError,
    CredentialsError,
    NotFoundError,
    RequestError,
    StrongroomError,
    UnavailableError,
)
from functions.engine.model import ChunkId, ChunkRef, PackId

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

T = TypeVar("T")

_GET_LIMIT = 100
"""Keys of one BatchGetItem (Amazon DynamoDB API Reference)."""
_WRITE_LIMIT = 25
"""Items of one BatchWriteItem (Amazon DynamoDB API Reference)."""
_ATTEMPTS = 10
_BACKOFF_CAP = 5.0
_THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
        "InternalServerError",
    }
)
_NO_CREDENTIALS = frozenset(
    {"CredentialRetrievalError", "NoCredentialsError", "PartialCredentialsError", "TokenRetrievalError"}
)
"""botocore's classes, by name: importing them takes longer than most runs need the table for."""
_CREDENTIALS = frozenset({"ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException"})


class DynamoIndex:
    """One item a chunk; the newest place wins.

    Reads are eventually consistent: a chunk that is not seen yet is only stored again.

    What DynamoDB hands back as unprocessed is asked for again, with back-off.
    """

    def __init__(
        self, client: Callable[[], DynamoDBClient], table: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Use `table`. `client` is called once, when the index is first needed."""
        self._make = client
        self._table = table
        self._sleep = sleep
        self._client: DynamoDBClient | None = None
        self._lock = threading.Lock()

    @classmethod
    def connect(cls, table: str, *, region: str, endpoint: str | None, profile: str | None) -> DynamoIndex:
        """Give an index that makes its own client."""

        def client() -> DynamoDBClient:
            from boto3.session import Session  # noqa: PLC0415 - 0.4 s that a run without new chunks does not need

            return Session(profile_name=profile).client("dynamodb", region_name=region, endpoint_url=endpoint)

        return cls(client, table)

    def lookup(self, chunks: Sequence[ChunkId]) -> Mapping[ChunkId, ChunkRef]:
        """See DedupIndex."""
        found: dict[ChunkId, ChunkRef] = {}

        def get(keys: list[Any]) -> list[Any]:
            answer = self._dynamo().batch_get_item(RequestItems={self._table: {"Keys": keys}})
            for item in answer["Responses"].get(self._table, []):
                ref = _ref_of(item)
                found[ref.chunk] = ref
            unprocessed = answer["UnprocessedKeys"].get(self._table)
            return list(unprocessed["Keys"]) if unprocessed else []

        keys = [{DedupTable.PARTITION_KEY: {"B": chunk}} for chunk in dict.fromkeys(chunks)]
        for some in _slices(keys, _GET_LIMIT):
            self._until_done(some, get, "dynamodb:BatchGetItem")
        return found

    def record(self, refs: Iterable[ChunkRef]) -> None:
        """See DedupIndex."""

        def put(writes: list[Any]) -> list[Any]:
            answer = self._dynamo().batch_write_item(RequestItems={self._table: writes})
            return list(answer["UnprocessedItems"].get(self._table, []))

        unique = {ref.chunk: ref for ref in refs}
        for some in _slices([{"PutRequest": {"Item": _item_of(ref)}} for ref in unique.values()], _WRITE_LIMIT):
            self._until_done(some, put, "dynamodb:BatchWriteItem")

    def announce(self, refs: Sequence[ChunkRef]) -> None:
        """See DedupIndex. Nobody shares this index before its packs are durable."""

    def withdraw(self, packs: AbstractSet[PackId], error: BaseException) -> None:
        """See DedupIndex. Nobody was told of them."""

    def unsettled(self, packs: AbstractSet[PackId]) -> bool:  # noqa: ARG002
        """See DedupIndex. Every place that `lookup` names is durable."""
        return False

    def _dynamo(self) -> DynamoDBClient:
        with self._lock:
            if self._client is None:
                self._client = self._make()
            return self._client

    def _until_done(self, items: list[Any], call: Callable[[list[Any]], list[Any]], action: str) -> None:
        """Repeat `call` on what it hands back until that is nothing."""
        for attempt in range(_ATTEMPTS):
            try:
                items = call(items)
            except Exception as error:
                translated = self._translate(error, action)
                if not translated.retryable or attempt == _ATTEMPTS - 1:
                    raise translated from error
            if not items:
                return
            self._sleep(random.uniform(0, min(_BACKOFF_CAP, 0.05 * 2**attempt)))  # noqa: S311 - jitter
        raise UnavailableError(f"{action} on table {self._table}: throttled {_ATTEMPTS} times")

    def _translate(self, error: Exception, action: str) -> StrongroomError:
        """Give the tree's error. botocore's own classes are not imported for it: they carry all in `response`."""
        response = getattr(error, "response", None)
        what = f"{action} on table {self._table}: {error}"
        if type(error).__name__ in _NO_CREDENTIALS:
            return CredentialsError(what)
        if not isinstance(response, Mapping):
            return UnavailableError(what)
        code = response.get("Error", {}).get("Code", "")
        if code == "AccessDeniedException":
            return AccessError(what, hint=f"grant {action} on the table, and its key's use in KMS")
        if code == "ResourceNotFoundException":
            return NotFoundError(what, hint="check the table's name and region")
        kinds: dict[frozenset[str], type[StrongroomError]] = {
            _THROTTLED: UnavailableError,
            _CREDENTIALS: CredentialsError,
        }
        return next((kind(what) for codes, kind in kinds.items() if code in codes), RequestError(what))


def _item_of(ref: ChunkRef) -> dict[str, Any]:
    return {
        DedupTable.PARTITION_KEY: {"B": ref.chunk},
        DedupTable.PACK: {"B": bytes.fromhex(ref.pack)},
        DedupTable.OFFSET: {"N": str(ref.offset)},
        DedupTable.STORED: {"N": str(ref.stored)},
        DedupTable.LENGTH: {"N": str(ref.length)},
    }


def _ref_of(item: Mapping[str, Any]) -> ChunkRef:
    return ChunkRef(
        bytes(item[DedupTable.PARTITION_KEY]["B"]),
        bytes(item[DedupTable.PACK]["B"]).hex(),
        int(item[DedupTable.OFFSET]["N"]),
        int(item[DedupTable.STORED]["N"]),
        int(item[DedupTable.LENGTH]["N"]),
    )


def _slices(items: list[T], size: int) -> Iterator[list[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
