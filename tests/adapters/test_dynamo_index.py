"""The DynamoDB index against a service that throttles, hands back and refuses: the rest is in the conformance tests."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from functions.adapters.dynamo.index import DynamoIndex
from functions.engine.errors import (
    AccessError,
    CredentialsError,
    NotFoundError,
    RequestError,
    StrongroomError,
    UnavailableError,
)
from functions.engine.model import ChunkRef

TABLE = "dedup"


def ref(number: int) -> ChunkRef:
    """Give a chunk's place; each number is another chunk."""
    return ChunkRef(hashlib.sha256(str(number).encode()).digest(), f"{number:032x}", number, 9, 10)


REFS = [ref(number) for number in range(250)]
CHUNKS = [place.chunk for place in REFS]


class FakeTable:
    """A table behind a client that takes only so many items of a request, and fails as told."""

    def __init__(self, takes: int = 1_000, errors: list[Exception] | None = None) -> None:
        """Handle `takes` items of each request and hand the others back; raise `errors` first, one a call."""
        self.items: dict[bytes, dict[str, Any]] = {}
        self.sizes: list[int] = []
        self._takes = takes
        self._errors = list(errors or [])

    def batch_get_item(self, RequestItems: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803 - AWS's name
        """See DynamoDB."""
        keys = list(RequestItems[TABLE]["Keys"])
        self._begin(keys, 100)
        found = [
            self.items[key["contentHash"]["B"]] for key in keys[: self._takes] if key["contentHash"]["B"] in self.items
        ]
        rest = keys[self._takes :]
        return {"Responses": {TABLE: found}, "UnprocessedKeys": {TABLE: {"Keys": rest}} if rest else {}}

    def batch_write_item(self, RequestItems: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803 - AWS's name
        """See DynamoDB."""
        writes = list(RequestItems[TABLE])
        self._begin(writes, 25)
        for write in writes[: self._takes]:
            item = write["PutRequest"]["Item"]
            self.items[item["contentHash"]["B"]] = item
        rest = writes[self._takes :]
        return {"UnprocessedItems": {TABLE: rest} if rest else {}}

    def _begin(self, items: list[Any], limit: int) -> None:
        self.sizes.append(len(items))
        hashes = [str(item) for item in items]
        assert 0 < len(items) <= limit, "the service refuses such a request"
        assert len(set(hashes)) == len(hashes), "the service refuses a key that comes twice"
        if self._errors:
            raise self._errors.pop(0)


def index_on(table: FakeTable, sleeps: list[float] | None = None) -> DynamoIndex:
    """Give an index that does not really wait."""
    slept = sleeps if sleeps is not None else []
    return DynamoIndex(lambda: table, TABLE, slept.append)  # type: ignore[arg-type, return-value]


def refusal(code: str, status: int = 400) -> ClientError:
    """Give an error as boto3 raises it."""
    return ClientError(
        {"Error": {"Code": code, "Message": "because"}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "Operation",
    )


def label(value: object) -> str:
    """Name a case by the service's code, or by the error's class."""
    if isinstance(value, ClientError):
        return str(value.response["Error"]["Code"])
    return value.__name__ if isinstance(value, type) else type(value).__name__


@pytest.mark.parametrize("takes", [1, 7, 24, 99])
def test_what_the_service_hands_back_is_asked_for_again(takes: int) -> None:
    """Unprocessed items and keys come again until there are none; nothing is lost, nothing asked for twice."""
    table = FakeTable(takes=takes)
    index = index_on(table)
    few = max(1, takes * 8)
    index.record(REFS[:few])
    assert set(table.items) == set(CHUNKS[:few])
    assert dict(index.lookup(CHUNKS[:few])) == {place.chunk: place for place in REFS[:few]}


def test_it_waits_longer_each_time_it_is_handed_something_back() -> None:
    """With jitter, below a cap; not at all when everything was taken."""
    sleeps: list[float] = []
    index_on(FakeTable(), sleeps).record(REFS)
    assert sleeps == []
    index_on(FakeTable(takes=3), sleeps).record(REFS[:24])
    assert len(sleeps) == 7
    assert all(0 <= slept <= 0.05 * 2**attempt for attempt, slept in enumerate(sleeps))
    assert all(slept <= 5 for slept in sleeps)


def test_a_service_that_takes_nothing_is_unavailable() -> None:
    """It gives up after a bounded number of attempts, for reading and for writing."""
    table = FakeTable(takes=0)
    with pytest.raises(UnavailableError, match="BatchWriteItem on table dedup"):
        index_on(table).record(REFS[:1])
    with pytest.raises(UnavailableError, match="BatchGetItem on table dedup"):
        index_on(table).lookup(CHUNKS[:1])
    assert 2 <= len(table.sizes) <= 40


@pytest.mark.parametrize(
    ("count", "writes", "reads"),
    [(1, [1], [1]), (25, [25], [25]), (26, [25, 1], [26]), (101, [25] * 4 + [1], [100, 1])],
)
def test_requests_are_as_large_as_the_service_takes_them(count: int, writes: list[int], reads: list[int]) -> None:
    """And no larger."""
    table = FakeTable()
    index = index_on(table)
    index.record(REFS[:count])
    assert table.sizes == writes
    table.sizes.clear()
    index.lookup(CHUNKS[:count])
    assert table.sizes == reads


@pytest.mark.parametrize(
    "error",
    [
        refusal("ProvisionedThroughputExceededException"),
        refusal("ThrottlingException"),
        refusal("RequestLimitExceeded"),
        refusal("InternalServerError", 500),
        refusal("ServiceUnavailable", 503),
        EndpointConnectionError(endpoint_url="http://127.0.0.1:9"),
        ConnectTimeoutError(endpoint_url="http://127.0.0.1:9"),
        ReadTimeoutError(endpoint_url="http://127.0.0.1:9"),
    ],
    ids=label,
)
def test_a_service_in_trouble_is_asked_again(error: Exception) -> None:
    """And when that does not help, the error is the tree's, retryable, and names table and action."""
    table = FakeTable(errors=[error, error])
    index = index_on(table)
    index.record(REFS[:1])
    assert set(table.items) == {CHUNKS[0]}
    for_ever = FakeTable(errors=[error] * 100)
    with pytest.raises(UnavailableError, match="dynamodb:BatchWriteItem on table dedup") as caught:
        index_on(for_ever).record(REFS[:1])
    assert caught.value.retryable
    assert len(for_ever.sizes) <= 20


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (refusal("AccessDeniedException"), AccessError),
        (refusal("ResourceNotFoundException"), NotFoundError),
        (refusal("ExpiredTokenException"), CredentialsError),
        (refusal("UnrecognizedClientException"), CredentialsError),
        (refusal("InvalidSignatureException"), CredentialsError),
        (refusal("ValidationException"), RequestError),
        (NoCredentialsError(), CredentialsError),
    ],
    ids=label,
)
def test_a_refusal_is_final_and_becomes_an_error_of_the_tree(error: Exception, kind: type[StrongroomError]) -> None:
    """It is not tried again, and keeps the service's words."""
    acts: list[Callable[[DynamoIndex], object]] = [
        lambda index: index.record(REFS[:1]),
        lambda index: index.lookup(CHUNKS[:1]),
    ]
    for act in acts:
        table = FakeTable(errors=[error] * 100)
        with pytest.raises(StrongroomError, match="table dedup") as caught:
            act(index_on(table))
        assert type(caught.value) is kind
        assert len(table.sizes) == 1


def test_the_client_is_made_when_it_is_first_needed_and_only_once() -> None:
    """A run without new chunks need not import it."""
    made: list[FakeTable] = []

    def make() -> FakeTable:
        made.append(FakeTable())
        return made[-1]

    factory: Callable[[], Any] = make
    index = DynamoIndex(factory, TABLE)
    index.record([])
    assert made == []
    index.record(REFS[:1])
    index.lookup(CHUNKS[:1])
    assert len(made) == 1
