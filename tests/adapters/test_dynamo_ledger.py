"""The DynamoDB ledger against a service that conflicts, throttles and refuses: the rest is in the conformance tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError, ReadTimeoutError

from functions.adapters.dynamo.ledger import DynamoLedger
from functions.adapters.side_by_side import side_by_side
from functions.engine.errors import AccessError, NotFoundError, RequestError, StrongroomError, UnavailableError
from functions.engine.orchestration.ports import ClaimState, Planned

NOW = datetime(2026, 11, 20, 2, 0, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=15)
WORK = {
    "Item": {
        "id": {"S": "run-1"},
        "item": {"S": "work"},
        "status": {"S": "RUNNING"},
        "timestamp": {"S": "2026-11-20T02:00:00Z"},
        "facts": {"S": "{}"},
        "done": {"N": "1"},
        "expirationTime": {"N": "1800000000"},
    }
}
CLAIMED = {"Attributes": {"state": {"S": "CLAIMED"}, "owner": {"S": "me"}, "leaseUntil": {"N": "1795140900000"}}}


def refusal(code: str, **details: object) -> ClientError:
    """Give an error as boto3 raises it."""
    response: Any = {"Error": {"Code": code, "Message": "because"}, **details}
    return ClientError(response, "Operation")


def cancelled(*codes: str) -> ClientError:
    """Give a cancelled transaction, with the reason of each action."""
    return refusal("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes])


class Script:
    """A client that answers each operation with what was written down for it; the last line repeats for ever."""

    def __init__(self, **lines: list[Any]) -> None:
        """Answer the operations named."""
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._lines = lines

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Give the operation."""

        def call(**arguments: Any) -> Any:  # noqa: ANN401 - any operation
            self.calls.append((name, arguments))
            lines = self._lines[name]
            answer = lines.pop(0) if len(lines) > 1 else lines[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    def named(self, name: str) -> list[dict[str, Any]]:
        """Give the arguments of each call of one operation."""
        return [arguments for called, arguments in self.calls if called == name]


def ledger_on(script: Script, sleeps: list[float] | None = None) -> DynamoLedger:
    """Give a ledger that does not really wait."""
    slept = sleeps if sleeps is not None else []
    return DynamoLedger(lambda: script, "runs", slept.append)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize(
    "trouble",
    [
        cancelled("None", "TransactionConflict"),
        cancelled("ThrottlingError", "None"),
        cancelled("None", "ProvisionedThroughputExceeded"),
        refusal("TransactionInProgressException"),
        refusal("ThrottlingException"),
        ReadTimeoutError(endpoint_url="x"),
    ],
    ids=repr,
)
def test_a_transaction_in_trouble_is_made_again_under_the_same_token(trouble: Exception) -> None:
    """So that the service knows it, should it have been done; it waits between."""
    sleeps: list[float] = []
    script = Script(get_item=[WORK], transact_write_items=[trouble, trouble, {}])
    assert ledger_on(script, sleeps).finish("run-1", "a", "COMPLETED", {"files": 1}).done == 1
    tokens = [call["ClientRequestToken"] for call in script.named("transact_write_items")]
    assert len(tokens) == 3
    assert len(set(tokens)) == 1
    assert len(sleeps) == 2


def test_each_transaction_has_a_token_of_its_own() -> None:
    """Two calls are two deeds."""
    script = Script(get_item=[WORK], transact_write_items=[{}])
    for _ in range(2):
        ledger_on(script).change("run-1", ["RUNNING"], "COMPLETED")
    assert len({call["ClientRequestToken"] for call in script.named("transact_write_items")}) == 2


def test_a_conflict_that_does_not_end_is_an_outage() -> None:
    """After a bounded number of attempts; the message comes again."""
    script = Script(get_item=[WORK], transact_write_items=[cancelled("None", "TransactionConflict")])
    with pytest.raises(UnavailableError, match="dynamodb:UpdateItem on table runs"):
        ledger_on(script).finish("run-1", "a", "COMPLETED", {})
    assert 5 <= len(script.named("transact_write_items")) <= 20


@pytest.mark.parametrize("other", ["None", "TransactionConflict"])
def test_a_task_that_is_done_already_gives_the_work_as_it_is(other: str) -> None:
    """At once: the condition is refused, whatever else there was."""
    sleeps: list[float] = []
    script = Script(get_item=[WORK], transact_write_items=[cancelled("ConditionalCheckFailed", other)])
    assert ledger_on(script, sleeps).finish("run-1", "a", "COMPLETED", {}).done == 1
    assert len(script.named("transact_write_items")) == 1
    assert sleeps == []


def test_a_task_of_work_that_was_forgotten_meanwhile_is_not_found() -> None:
    """Nothing is written beside the work that it belongs to."""
    script = Script(get_item=[WORK], transact_write_items=[cancelled("None", "ConditionalCheckFailed")])
    with pytest.raises(NotFoundError, match="run-1"):
        ledger_on(script).finish("run-1", "a", "COMPLETED", {})


def test_a_transaction_that_can_never_go_through_is_refused_at_once() -> None:
    """It is not tried again."""
    script = Script(get_item=[WORK], transact_write_items=[cancelled("ValidationError", "None")])
    with pytest.raises(RequestError):
        ledger_on(script).finish("run-1", "a", "COMPLETED", {})
    assert len(script.named("transact_write_items")) == 1


def test_a_claim_is_one_write() -> None:
    """Whether the work exists is read once, for all claims of it."""
    script = Script(get_item=[WORK], update_item=[CLAIMED])
    ledger = ledger_on(script)
    for number in range(50):
        assert ledger.claim("run-1", f"user-{number}", "me", NOW, LATER).state is ClaimState.GRANTED
    assert (len(script.named("get_item")), len(script.named("update_item"))) == (1, 50)
    assert script.named("get_item")[0]["ConsistentRead"]


def test_a_refused_claim_tells_what_stands_there_without_another_read() -> None:
    """The refusal brings the item along."""
    held = {"state": {"S": "CLAIMED"}, "owner": {"S": "you"}, "leaseUntil": {"N": "1795140900000"}}
    done = {"state": {"S": "DONE"}, "facts": {"S": '{"id":1}'}}
    lines = [refusal("ConditionalCheckFailedException", Item=item) for item in (held, done)]
    script = Script(get_item=[WORK], update_item=[*lines])
    ledger = ledger_on(script)
    assert ledger.claim("run-1", "a", "me", NOW, LATER).state is ClaimState.HELD
    assert ledger.claim("run-1", "a", "me", NOW, LATER) == (ClaimState.DONE, NOW, {"id": 1})
    assert len(script.named("get_item")) == 1


def test_work_that_is_absent_is_asked_for_each_time() -> None:
    """It may come."""
    script = Script(get_item=[{}, WORK], update_item=[CLAIMED])
    ledger = ledger_on(script)
    with pytest.raises(NotFoundError):
        ledger.claim("run-1", "a", "me", NOW, LATER)
    assert ledger.claim("run-1", "a", "me", NOW, LATER).state is ClaimState.GRANTED


def test_what_a_batch_hands_back_is_planned_again() -> None:
    """Until there is nothing left."""
    names = [{"PutRequest": {"Item": {"item": {"S": "plan#b"}}}}]
    script = Script(batch_write_item=[{"UnprocessedItems": {"runs": names}}, {"UnprocessedItems": {}}])
    ledger_on(script).plan("run-1", [Planned("a", {}), Planned("b", {})], LATER)
    assert [len(call["RequestItems"]["runs"]) for call in script.named("batch_write_item")] == [2, 1]


@pytest.mark.parametrize(
    ("code", "kind"), [("AccessDeniedException", AccessError), ("ResourceNotFoundException", NotFoundError)]
)
def test_a_refusal_is_final_and_names_table_and_right(code: str, kind: type[StrongroomError]) -> None:
    """It is not tried again."""
    script = Script(get_item=[refusal(code)])
    with pytest.raises(kind, match="dynamodb:GetItem on table runs"):
        ledger_on(script).get("run-1")
    assert len(script.calls) == 1


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ParamValidationError(report="empty"), RequestError),
        (ConnectionResetError("gone"), UnavailableError),
        (KeyError("a mistake of ours"), KeyError),
    ],
    ids=repr,
)
def test_a_mistake_of_ours_is_not_taken_for_an_outage(error: Exception, kind: type[Exception]) -> None:
    """Only what may pass is tried again."""
    script = Script(get_item=[error])
    with pytest.raises(kind):
        ledger_on(script).get("run-1")
    assert (len(script.calls) > 1) is (kind is UnavailableError)


def test_pages_are_read_when_they_are_needed() -> None:
    """Nobody holds all tasks of a huge run in memory, and a throttled page is asked for again."""
    pages = [
        {"Items": [{"item": {"S": f"plan#{number}"}, "facts": {"S": "{}"}}], "LastEvaluatedKey": {"item": {"S": "x"}}}
        for number in range(3)
    ]
    script = Script(query=[pages[0], refusal("ThrottlingException"), pages[1], pages[2]])
    tasks = ledger_on(script).planned("run-1")
    assert [next(tasks).task, next(tasks).task] == ["0", "1"]
    calls = script.named("query")
    assert [call.get("ExclusiveStartKey") for call in calls] == [None, {"item": {"S": "x"}}, {"item": {"S": "x"}}]
    assert all(call["ConsistentRead"] for call in calls)


def test_work_side_by_side_takes_no_more_than_is_under_way() -> None:
    """However much there is, and the first error ends it."""
    taken: list[int] = []

    def numbers() -> Any:  # noqa: ANN401 - a generator
        for number in range(1_000):
            taken.append(number)
            yield number

    def work(number: int) -> None:
        if number == 20:
            raise UnavailableError("20")

    with pytest.raises(UnavailableError, match="20"):
        side_by_side(work, numbers(), 4)
    assert len(taken) < 40
