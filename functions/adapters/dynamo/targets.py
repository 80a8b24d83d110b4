"""The retention's Targets on the dedup table.

Rights, on the table: dynamodb:BatchGetItem (forget, named) and dynamodb:BatchWriteItem (forget, record), beside the
use of its key.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from functions.adapters.dynamo.index import GET_LIMIT, chunk_key, find, item_of
from functions.adapters.dynamo.table import WRITE_LIMIT, Table, slices
from functions.adapters.side_by_side import side_by_side
from functions.engine.model import ChunkId, ChunkRef, PackId

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

_AT_ONCE = 8
"""Requests under way. A pack has some hundred chunks, so few packs need more."""


class DynamoTargets:
    """The items that DynamoIndex writes, read strongly consistently.

    What DynamoDB hands back as unprocessed is asked for again, with back-off. Safe from any thread.
    """

    def __init__(
        self, client: Callable[[], DynamoDBClient], table: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Use `table`. `client` is called once, when the index is first needed."""
        self._table = Table(client, table, sleep)

    def forget(self, refs: Collection[ChunkRef]) -> None:
        """See Targets. Looks first: a read costs a fifth of a write, and what leads elsewhere by now can stay.

        What comes to lead elsewhere between the two is forgotten too, which the port allows: it is stored again.
        """
        places = {(ref.chunk, ref.pack) for ref in refs}
        found = [chunk for chunk, pack in self._packs_of(refs).items() if (chunk, pack) in places]
        writes = ({"DeleteRequest": {"Key": chunk_key(chunk)}} for chunk in found)
        side_by_side(self._table.write_batch, slices(writes, WRITE_LIMIT), _AT_ONCE)

    def named(self, refs: Collection[ChunkRef]) -> AbstractSet[PackId]:
        """See Targets."""
        found = self._packs_of(refs)
        return {ref.pack for ref in refs if found.get(ref.chunk) == ref.pack}

    def record(self, refs: Iterable[ChunkRef]) -> None:
        """See DedupIndex."""
        unique = {ref.chunk: ref for ref in refs}
        writes = ({"PutRequest": {"Item": item_of(ref)}} for ref in unique.values())
        side_by_side(self._table.write_batch, slices(writes, WRITE_LIMIT), _AT_ONCE)

    def _packs_of(self, refs: Collection[ChunkRef]) -> dict[ChunkId, PackId]:
        """Give the pack to which each chunk's entry leads at this moment, if it has one."""
        chunks = dict.fromkeys(ref.chunk for ref in refs)
        packs: dict[ChunkId, PackId] = {}
        lock = threading.Lock()

        def look(some: list[ChunkId]) -> None:
            found = find(self._table, some, consistent=True)
            with lock:
                packs.update((ref.chunk, ref.pack) for ref in found)

        side_by_side(look, slices(chunks, GET_LIMIT), _AT_ONCE)
        return packs
