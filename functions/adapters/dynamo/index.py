"""The engine's DedupIndex on a DynamoDB table."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

from functions.adapters.dynamo.table import WRITE_LIMIT, Table, slices
from functions.contract.tables import DedupTable
from functions.engine.model import ChunkId, ChunkRef, PackId

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

GET_LIMIT = 100
"""Keys of one BatchGetItem (Amazon DynamoDB API Reference)."""


class DynamoIndex:
    """One item a chunk; the newest place wins.

    Reads are eventually consistent: a chunk that is not seen yet is only stored again.

    What DynamoDB hands back as unprocessed is asked for again, with back-off.
    """

    def __init__(
        self, client: Callable[[], DynamoDBClient], table: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Use `table`. `client` is called once, when the index is first needed."""
        self._table = Table(client, table, sleep)

    @classmethod
    def connect(cls, table: str, *, region: str, endpoint: str | None, profile: str | None) -> DynamoIndex:
        """Give an index that makes its own client."""

        def client() -> DynamoDBClient:
            from boto3.session import Session  # noqa: PLC0415 - 0.4 s that a run without new chunks does not need

            return Session(profile_name=profile).client("dynamodb", region_name=region, endpoint_url=endpoint)

        return cls(client, table)

    def lookup(self, chunks: Sequence[ChunkId]) -> Mapping[ChunkId, ChunkRef]:
        """See DedupIndex."""
        wanted = dict.fromkeys(chunks)
        return {ref.chunk: ref for some in slices(wanted, GET_LIMIT) for ref in find(self._table, some)}

    def record(self, refs: Iterable[ChunkRef]) -> None:
        """See DedupIndex."""
        unique = {ref.chunk: ref for ref in refs}
        for some in slices(unique.values(), WRITE_LIMIT):
            self._table.write_batch([{"PutRequest": {"Item": item_of(ref)}} for ref in some])

    def announce(self, refs: Sequence[ChunkRef]) -> None:
        """See DedupIndex. Nobody shares this index before its packs are durable."""

    def withdraw(self, packs: AbstractSet[PackId], error: BaseException) -> None:
        """See DedupIndex. Nobody was told of them."""

    def unsettled(self, packs: AbstractSet[PackId]) -> bool:  # noqa: ARG002
        """See DedupIndex. Every place that `lookup` names is durable."""
        return False


def find(table: Table, chunks: list[ChunkId], *, consistent: bool = False) -> list[ChunkRef]:
    """Give the places of the known ones among up to GET_LIMIT different chunks."""
    found: list[ChunkRef] = []

    def get(client: DynamoDBClient, keys: list[Any]) -> list[Any]:
        answer = client.batch_get_item(RequestItems={table.name: {"Keys": keys, "ConsistentRead": consistent}})
        found.extend(map(_ref_of, answer["Responses"].get(table.name, [])))
        unprocessed = answer["UnprocessedKeys"].get(table.name)
        return list(unprocessed["Keys"]) if unprocessed else []

    table.calls.until_done("dynamodb:BatchGetItem", [chunk_key(chunk) for chunk in chunks], get)
    return found


def chunk_key(chunk: ChunkId) -> dict[str, Any]:
    """Give the key of a chunk's item, as DynamoDB writes it."""
    return {DedupTable.PARTITION_KEY: {"B": chunk}}


def item_of(ref: ChunkRef) -> dict[str, Any]:
    """Give a chunk's item, as DynamoDB writes it."""
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
