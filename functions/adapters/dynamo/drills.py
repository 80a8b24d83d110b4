"""The orchestration's Drills on a DynamoDB table."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from functions.adapters.dynamo.table import Table
from functions.adapters.records import drill_record
from functions.engine.orchestration.ports import DrillResult

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


class DynamoDrills:
    """One item a drill."""

    def __init__(
        self, client: Callable[[], DynamoDBClient], table: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Use `table`. `client` is called once, when a result is first recorded."""
        self._table = Table(client, table, sleep)

    def record(self, result: DrillResult, expires: datetime) -> None:
        """See Drills."""
        self._table.put(drill_record(result, expires))
