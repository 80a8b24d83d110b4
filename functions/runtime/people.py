"""Wires what people do about retention from a machine of their own: look at a collection, ask for one, bring back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from functions.adapters.answered_invocation import AnsweredInvocation
from functions.adapters.dynamo.ledger import DynamoLedger
from functions.adapters.dynamo.shelf import DynamoShelf
from functions.adapters.dynamo.targets import DynamoTargets
from functions.adapters.dynamo.users import DynamoUsers
from functions.adapters.self_invocation import SelfInvocation
from functions.engine.model import ChunkRef, PackId
from functions.engine.orchestration.ports import Ledger
from functions.engine.retention.ports import CollectorPorts, NoShelf, Shelf
from functions.runtime.cloud import Cloud
from functions.runtime.toolbox import Toolbox, random_hex


class NoTargets:
    """Targets where nobody was told of a dedup index: it leads nowhere. Not for a collection that acts."""

    def forget(self, refs: Collection[ChunkRef]) -> None:
        """Do nothing."""

    def named(self, refs: Collection[ChunkRef]) -> AbstractSet[PackId]:
        """Give none."""
        del refs
        return frozenset()

    def record(self, refs: Iterable[ChunkRef]) -> None:
        """Do nothing."""


def collector_ports(
    tools: Toolbox, bucket: str, dedup_table: str | None = None, backups_table: str | None = None
) -> CollectorPorts:
    """Give the ports of a collection on `bucket`. Tables that nobody names are left alone."""
    cloud = tools.cloud()
    return CollectorPorts(
        store=tools.store(bucket),
        vault=tools.vault(bucket),
        targets=DynamoTargets(cloud.dynamodb, dedup_table) if dedup_table else NoTargets(),
        ids=random_hex,
        shelf=shelf_of(cloud, backups_table),
    )


def shelf_of(cloud: Cloud, backups_table: str | None) -> Shelf:
    """Give the catalog, if one is named."""
    return DynamoShelf(cloud.dynamodb, backups_table) if backups_table else NoShelf()


def forget_user(cloud: Cloud, users_table: str | None, source: str, user: str) -> None:
    """Let the table of users, if one is named, forget all but a user's name. His next backup stands in it again."""
    if users_table is not None:
        DynamoUsers(cloud.dynamodb, users_table).forget(source, user)


def answer_of(cloud: Cloud, function: str, event: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whatever it answers
    """Call a function by its name or ARN, and wait 15 minutes at most. Raises its error as ours when it is one."""
    return AnsweredInvocation(cloud.patient_lambda, function)(event)


def hand_over(cloud: Cloud, function: str, event: Mapping[str, Any]) -> None:
    """Have a function called, by its name or ARN, and do not wait."""
    SelfInvocation(cloud.lambda_, function)(event)


def ledger_of(cloud: Cloud, runs_table: str) -> Ledger:
    """Give the ledger of runs."""
    return DynamoLedger(cloud.dynamodb, runs_table)


def ask_for_collection(cloud: Cloud, function: str, event: Mapping[str, Any]) -> None:
    """Invoke the collector by its name or ARN; its answer is the plan that it writes."""
    SelfInvocation(cloud.lambda_, function)(event)
