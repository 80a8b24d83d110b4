"""One DynamoDB table: plain values in and out, conditions that answer instead of raising, and retries."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from functions.adapters.aws_calls import AwsCalls, cancellations, code_of
from functions.adapters.records import Record, Value
from functions.adapters.side_by_side import side_by_side

if TYPE_CHECKING:
    from collections.abc import Iterable

    from types_boto3_dynamodb.client import DynamoDBClient

T = TypeVar("T")

WRITE_LIMIT = 25
"""Items of one BatchWriteItem (Amazon DynamoDB API Reference)."""
_WRITERS = 4
_REFUSED = "ConditionalCheckFailedException"
_UNMET = "ConditionalCheckFailed"


class Answer(NamedTuple):
    """Whether the condition held and the write was done; the item as it is now, or, when refused, as it stands."""

    done: bool
    item: Record


class Expression:
    """Collects the names and values of a request's expressions, which stand in them by aliases.

    An attribute's name may be one of DynamoDB's reserved words, so every name gets an alias.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._names: dict[str, str] = {}
        self._values: list[Any] = []

    def name(self, attribute: str) -> str:
        """Give the alias of an attribute's name."""
        return self._names.setdefault(attribute, f"#n{len(self._names)}")

    def value(self, value: Value) -> str:
        """Give the alias of a value."""
        self._values.append(marshal_value(value))
        return f":v{len(self._values) - 1}"

    def sets(self, record: Mapping[str, Value]) -> str:
        """Give the assignments of a SET clause."""
        return ", ".join(f"{self.name(name)} = {self.value(value)}" for name, value in record.items())

    def arguments(self) -> dict[str, Any]:
        """Give what goes into the request beside the expressions."""
        names = {alias: attribute for attribute, alias in self._names.items()}
        values = {f":v{number}": value for number, value in enumerate(self._values)}
        found = {"ExpressionAttributeNames": names, "ExpressionAttributeValues": values}
        return {argument: value for argument, value in found.items() if value}


class Update(NamedTuple):
    """An update of one item: its key, what changes, on which condition, and the names and values of both."""

    key: Record
    change: str
    condition: str | None
    expression: Expression

    def arguments(self, table: str) -> dict[str, Any]:
        """Give the request."""
        condition = {"ConditionExpression": self.condition} if self.condition else {}
        return {
            "TableName": table,
            "Key": marshal(self.key),
            "UpdateExpression": self.change,
            **condition,
            **self.expression.arguments(),
        }


class Table:
    """One table. Reads are strongly consistent unless they are of an index. Safe from any thread."""

    def __init__(
        self,
        client: Callable[[], DynamoDBClient],
        name: str,
        sleep: Callable[[float], None] = time.sleep,
        token: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        """Use the table `name`. `client` is called once, when the table is first needed.

        `token` names transactions, so that DynamoDB knows one that is sent again because its answer was lost.
        """
        self.name = name
        self.calls: AwsCalls[DynamoDBClient] = AwsCalls(client, f"table {name}", sleep)
        self._token = token

    def get(self, key: Record) -> Record | None:
        """Give an item, or None when there is none."""

        def request(client: DynamoDBClient) -> Record | None:
            item = client.get_item(TableName=self.name, Key=marshal(key), ConsistentRead=True).get("Item")
            return unmarshal(item) if item is not None else None

        return self.calls.call("dynamodb:GetItem", request)

    def put(self, item: Record, condition: str | None = None, expression: Expression | None = None) -> Answer:
        """Write a whole item if the condition holds. The answer holds the item that it replaced, or that refused it."""
        arguments: dict[str, Any] = {"TableName": self.name, "Item": marshal(item), "ReturnValues": "ALL_OLD"}
        if condition is not None:
            arguments["ConditionExpression"] = condition
            arguments["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        if expression is not None:
            arguments |= expression.arguments()
        return self.calls.call("dynamodb:PutItem", lambda client: _answer(lambda: client.put_item(**arguments)))

    def update(self, update: Update) -> Answer:
        """Change an item if the condition holds; it is made when it is not there and the condition allows that."""
        arguments = {**update.arguments(self.name), "ReturnValues": "ALL_NEW"}
        if update.condition:
            arguments["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        return self.calls.call("dynamodb:UpdateItem", lambda client: _answer(lambda: client.update_item(**arguments)))

    def update_once(self, *updates: Update) -> tuple[bool, ...]:
        """Do all updates or none, and never twice; say of each whether its condition held.

        All True means that all were done by this call. A plain conditional update could not tell that from one
        whose answer was lost: sent again, its condition no longer holds.
        """
        items: list[Any] = [{"Update": update.arguments(self.name)} for update in updates]
        token = self._token()

        def request(client: DynamoDBClient) -> tuple[bool, ...]:
            try:
                client.transact_write_items(TransactItems=items, ClientRequestToken=token)
            except Exception as error:
                codes = [str(reason.get("Code")) for reason in cancellations(error)]
                if _UNMET in codes:
                    return tuple(code != _UNMET for code in codes)
                raise
            return (True,) * len(updates)

        return self.calls.call("dynamodb:UpdateItem", request)

    def query(self, condition: str, expression: Expression, **arguments: Any) -> Iterator[Record]:  # noqa: ANN401
        """Give the items of one partition in the order of their sort keys, page by page."""
        for page in self._pages(condition, expression, arguments):
            yield from (unmarshal(item) for item in page["Items"])

    def count(self, condition: str, expression: Expression) -> int:
        """Count the items of one partition."""
        return sum(page["Count"] for page in self._pages(condition, expression, {"Select": "COUNT"}))

    def write_all(self, items: Iterable[Record], key: Callable[[Record], object]) -> None:
        """Put any number of items, several requests under way. Of two with the same key one stands."""

        def write(some: list[Record]) -> None:
            unique = {key(item): item for item in some}
            self.write_batch([{"PutRequest": {"Item": marshal(item)}} for item in unique.values()])

        side_by_side(write, slices(items, WRITE_LIMIT), _WRITERS)

    def write_batch(self, writes: list[Any]) -> None:
        """Do up to WRITE_LIMIT writes in one request; what DynamoDB hands back as unprocessed is sent again."""

        def request(client: DynamoDBClient, some: list[Any]) -> list[Any]:
            answer = client.batch_write_item(RequestItems={self.name: some})
            return list(answer["UnprocessedItems"].get(self.name, []))

        self.calls.until_done("dynamodb:BatchWriteItem", writes, request)

    def _pages(self, condition: str, expression: Expression, arguments: dict[str, Any]) -> Iterator[Any]:
        request: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": condition,
            "ConsistentRead": "IndexName" not in arguments,
            **expression.arguments(),
            **arguments,
        }
        following: Any = {}
        while following is not None:
            page = self.calls.call("dynamodb:Query", partial(_query, request | following))
            yield page
            last = page.get("LastEvaluatedKey")
            following = {"ExclusiveStartKey": last} if last else None


def marshal(record: Mapping[str, Value]) -> dict[str, Any]:
    """Give an item as DynamoDB writes it."""
    return {name: marshal_value(value) for name, value in record.items()}


def marshal_value(value: Value) -> dict[str, Any]:
    """Give one value as DynamoDB writes it."""
    match value:
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case bytes():
            return {"B": value}
        case _:
            return {"NS": sorted(map(str, value))}


def unmarshal(item: Mapping[str, Any]) -> Record:
    """Undo `marshal`."""
    return {name: _unmarshal_value(value) for name, value in item.items()}


def slices(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cut items into lists of `size`."""
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some


def _query(arguments: dict[str, Any], client: DynamoDBClient) -> Any:  # noqa: ANN401 - an answer of boto3
    return client.query(**arguments)


def _answer(request: Callable[[], Any]) -> Answer:
    try:
        return Answer(done=True, item=unmarshal(request().get("Attributes", {})))
    except Exception as error:
        if code_of(error) != _REFUSED:
            raise
        return Answer(done=False, item=unmarshal(getattr(error, "response", {}).get("Item", {})))


def _unmarshal_value(value: Mapping[str, Any]) -> Value:
    (kind, content), *_ = value.items()
    match kind:
        case "N":
            return int(content)
        case "NS":
            return frozenset(map(int, content))
        case "B":
            return bytes(content)
        case _:
            return str(content)
