"""How many of everything that costs by the month a stack has. Pure: from the settings and the contract.

Nothing here can ask the program, which needs Pulumi; a test runs it and holds every count against what it registers.
"""

from __future__ import annotations

from itertools import chain
from typing import Final, NamedTuple

from components.settings import Settings
from functions.contract.metric_names import Metric, MetricName
from functions.contract.rights import RIGHTS

WITHOUT_INTERFACE: Final = frozenset({"s3", "dynamodb", "kms", "logs", "xray"})
"""Services that functions reach by a gateway, which is free, or through another service."""
NOT_REPLICATED: Final = frozenset({"dedup"})
DASHBOARDS: Final = 2
QUEUES: Final = 3
"""That feed functions. Each has a dead-letter queue, and there is one more for events that failed."""
STORAGE_TYPES: Final = 8
SCHEDULER_METRICS: Final = 3
REPLICATION_METRICS: Final = 4
"""Of a rule: latency, bytes and operations pending, operations failed (Amazon S3 User Guide, "Monitoring progress with
replication metrics")."""
_SOURCE_ALARMS: Final = 11
_PROOF_ALARMS: Final = 4
_COLLECTION_ALARMS: Final = 5
_FUNCTION_ALARMS: Final = 3
_REMEDIATION_ALARMS: Final = 2
_TABLE_THROTTLES: Final = 2
_REPLICATION_ALARMS: Final = 2
_API_ALARMS: Final = 3
_VAULT_ALARMS: Final = 4
"""Of each vault: one metric for what is missing, three for what failed."""
_KINDS: Final = 3
"""Of verifications, each a Code of its metric."""
_CODES: Final = 5
"""Of errors and rejected messages, in a bad month."""


class Inventory(NamedTuple):
    """What there is."""

    alarm_metrics: int
    """Metrics that alarms look at: CloudWatch charges each of those that an expression names."""
    metrics: int
    """Custom metrics, replication's not counted."""
    dashboards: int
    endpoint_zones: int
    """Interface endpoints, once for each zone."""
    keys: int
    functions: int
    tables: int
    replicated_tables: int
    queues: int
    mails: int
    """Subscriptions that send mail."""
    trails: int = 1
    budgets: int = 1


def inventory(settings: Settings) -> Inventory:
    """Count what the program makes of the settings."""
    regions = 1 if settings.replica is None else 2
    copied = table_names() - NOT_REPLICATED
    adopted = copied if settings.promote and settings.promote.tables else set()
    replicated = copied - adopted if settings.replica else set()
    return Inventory(
        alarm_metrics=_alarm_metrics(len(settings.sources), copied=settings.replica is not None)
        + (_VAULT_ALARMS if settings.vault.enabled else 0)
        + (_VAULT_ALARMS if settings.vault.sources else 0)
        + (_API_ALARMS if settings.api.enabled else 0),
        metrics=_metrics(len(settings.sources)),
        dashboards=DASHBOARDS,
        endpoint_zones=len(interfaces()) * settings.network.zones if settings.network.isolated else 0,
        keys=regions,
        functions=len(RIGHTS),
        tables=len(table_names() - adopted),
        replicated_tables=len(replicated),
        queues=QUEUES,
        mails=regions if settings.notifications.email else 0,
    )


def table_names() -> set[str]:
    """Give the tables: those that some function has a right on."""
    kinds = {right.resource for right in chain.from_iterable(RIGHTS.values())}
    return {kind.removesuffix("_table") for kind in kinds if kind.endswith("_table")}


def interfaces() -> set[str]:
    """Give the services that functions reach by an interface endpoint."""
    rights = chain.from_iterable(RIGHTS.values())
    return {right.actions[0].partition(":")[0] for right in rights} - WITHOUT_INTERFACE


def _alarm_metrics(sources: int, *, copied: bool) -> int:
    tables = sum(_TABLE_THROTTLES + len(_operations(name)) for name in table_names())
    queues = QUEUES + QUEUES + 1
    places = SCHEDULER_METRICS + STORAGE_TYPES + (_REPLICATION_ALARMS if copied else 0)
    # Every function but the remediator has one more, on its memory; each source one, on its pause.
    remedied = _REMEDIATION_ALARMS + len(RIGHTS) - 1 + sources
    functions = len(RIGHTS) * _FUNCTION_ALARMS + remedied
    return sources * _SOURCE_ALARMS + _PROOF_ALARMS + _COLLECTION_ALARMS + functions + queues + tables + places


def _operations(table: str) -> set[str]:
    """Give the calls on a table: an alarm on errors looks at each."""
    rights = chain.from_iterable(RIGHTS.values())
    return {action for right in rights if right.resource == f"{table}_table" for action in right.actions}


def _metrics(sources: int) -> int:
    """Count custom metrics: each for every source, and once more for every code of those that have one."""
    names = sum(isinstance(value, MetricName) for value in vars(Metric).values())
    return names * sources + _KINDS + 2 * _CODES
