"""The DynamoDB targets against a service that hands back and refuses: the rest is in the conformance tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from functions.adapters.dynamo.targets import DynamoTargets
from functions.engine.errors import AccessError, StrongroomError, UnavailableError
from tests.adapters.test_dynamo_index import REFS, TABLE, label, refusal


class FakeTable:
    """A table behind a client that takes only so many items of a request, and fails as told. Safe from any thread."""

    def __init__(self, takes: int = 1_000, errors: list[Exception] | None = None, wait: float = 0.0) -> None:
        """Handle `takes` items of each request and hand the others back; raise `errors` first, one a call."""
        self.items: dict[bytes, dict[str, Any]] = {}
        self.sizes: list[int] = []
        self.consistent: set[bool] = set()
        self.deleted: list[bytes] = []
        self.most = 0
        self._takes = takes
        self._errors = list(errors or [])
        self._wait = wait
        self._lock = threading.Lock()
        self._open = 0

    def batch_get_item(self, RequestItems: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803 - AWS's name
        """See DynamoDB."""
        keys = list(RequestItems[TABLE]["Keys"])

        def answer() -> dict[str, Any]:
            self.consistent.add(RequestItems[TABLE]["ConsistentRead"])
            hashes = [key["contentHash"]["B"] for key in keys[: self._takes]]
            rest = keys[self._takes :]
            return {
                "Responses": {TABLE: [self.items[chunk] for chunk in hashes if chunk in self.items]},
                "UnprocessedKeys": {TABLE: {"Keys": rest}} if rest else {},
            }

        return self._do(keys, 100, answer)

    def batch_write_item(self, RequestItems: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803 - AWS's name
        """See DynamoDB."""
        writes = list(RequestItems[TABLE])

        def answer() -> dict[str, Any]:
            for write in writes[: self._takes]:
                if "PutRequest" in write:
                    item = write["PutRequest"]["Item"]
                    self.items[item["contentHash"]["B"]] = item
                else:
                    chunk = write["DeleteRequest"]["Key"]["contentHash"]["B"]
                    self.deleted.append(chunk)
                    self.items.pop(chunk, None)
            rest = writes[self._takes :]
            return {"UnprocessedItems": {TABLE: rest} if rest else {}}

        return self._do(writes, 25, answer)

    def _do(self, items: list[Any], limit: int, answer: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        assert 0 < len(items) <= limit, "the service refuses such a request"
        assert len(set(map(str, items))) == len(items), "the service refuses a key that comes twice"
        with self._lock:
            self._open += 1
            self.most = max(self.most, self._open)
        time.sleep(self._wait)
        with self._lock:
            self._open -= 1
            self.sizes.append(len(items))
            if self._errors:
                raise self._errors.pop(0)
            return answer()


def targets_on(table: FakeTable, sleeps: list[float] | None = None) -> DynamoTargets:
    """Give targets that do not really wait."""
    slept = sleeps if sleeps is not None else []
    return DynamoTargets(lambda: table, TABLE, slept.append)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("takes", [3, 7, 24, 99])
def test_what_the_service_hands_back_is_asked_for_again(takes: int) -> None:
    """Nothing stays, and every look is strongly consistent."""
    table, sleeps = FakeTable(takes=takes), list[float]()
    targets = targets_on(table, sleeps)
    few = REFS[: takes * 8]
    targets.record(few)
    assert targets.named(few) == {place.pack for place in few}
    targets.forget(few)
    assert not table.items
    assert targets.named(few) == set()
    assert table.consistent == {True}
    assert sleeps or takes > 25


def test_what_leads_elsewhere_or_nowhere_is_not_written() -> None:
    """A look costs a fifth of a write; a collection that comes again finds nothing left to delete."""
    table = FakeTable()
    targets = targets_on(table)
    moved = [place._replace(pack="f" * 32) for place in REFS[:10]]
    targets.record([*moved, *REFS[10:20]])
    for _ in range(2):
        targets.forget(REFS[:30])
    assert sorted(table.deleted) == sorted(place.chunk for place in REFS[10:20])
    assert set(table.items) == {place.chunk for place in moved}


@pytest.mark.parametrize(("call", "action"), [("named", "BatchGetItem"), ("forget", "BatchGetItem")])
def test_a_service_that_takes_nothing_is_unavailable(call: str, action: str) -> None:
    """It gives up after a bounded number of attempts."""
    table = FakeTable(takes=0)
    with pytest.raises(UnavailableError, match=f"{action} on table dedup"):
        getattr(targets_on(table), call)(REFS[:1])
    assert 2 <= len(table.sizes) <= 20


def test_it_says_when_not_everything_could_be_forgotten() -> None:
    """Nobody may believe that the index leads nowhere."""
    table = FakeTable()
    targets = targets_on(table)
    targets.record(REFS)
    table._errors = [refusal("AccessDeniedException")] * 1
    with pytest.raises(AccessError, match="dynamodb:BatchGetItem"):
        targets.forget(REFS)
    assert len(table.items) == len(REFS)


def test_only_so_many_requests_are_under_way() -> None:
    """Eight, however much there is to do."""
    table = FakeTable(wait=0.002)
    targets = targets_on(table)
    targets.record(REFS)
    targets.forget(REFS)
    assert 2 <= table.most <= 8
    assert not table.items


@pytest.mark.parametrize("takes", [1_000])
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (refusal("AccessDeniedException"), AccessError),
        (refusal("ValidationException"), StrongroomError),
    ],
    ids=label,
)
def test_refusals_are_errors_of_the_tree(takes: int, error: Exception, kind: type[StrongroomError]) -> None:
    """Of each call."""
    for call in ("record", "named", "forget"):
        with pytest.raises(kind):
            getattr(targets_on(FakeTable(takes, [error])), call)(REFS[:5])


def test_a_service_in_trouble_is_asked_again() -> None:
    """A throttled request is no loss."""
    troubles: list[Exception] = [refusal("ProvisionedThroughputExceededException"), refusal("InternalServerError", 500)]
    table = FakeTable(errors=troubles)
    targets = targets_on(table)
    targets.record(REFS[:5])
    assert targets.named(REFS[:5]) == {place.pack for place in REFS[:5]}
