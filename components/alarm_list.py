"""Which alarms a stack has. Pure: what there is and the limits, to a list of alarms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import NamedTuple

from pulumi import Input

from components.alarm import (
    ALARMING,
    DAILY,
    DAY,
    HOUR,
    IDLE_QUEUE,
    NOTHING,
    QUIET_QUEUE,
    STAYS,
    TABLE,
    Alarm,
    Compared,
    Series,
    Statistic,
    own,
    silent,
)
from components.refs import BucketRef, FunctionRef, QueueRef, TableRef
from components.settings.watching import Alarms as Limits
from functions.contract.metric_names import Metric
from functions.contract.rights import HANDS_ON, RIGHTS

_GB = 1_000_000_000
_MINUTE = 60
_USUAL_PERCENT = 80
"""Of its timeout that a function may take. One that hands on works until a minute or two before its end, by design: it
has the limit of the settings."""
_DAILY_HOURS = 26
"""Within which something daily must have happened again; two hours for starting late and taking long."""
WATCHED_KINDS = ("drill", "sample")
"""Daily kinds of verification. A weekly one needs more than the seven days that CloudWatch can look back."""
STORAGE_TYPES = (
    "StandardStorage",
    "StandardIAStorage",
    "GlacierInstantRetrievalStorage",
    "GlacierStorage",
    "DeepArchiveStorage",
)
"""Of `BucketSizeBytes` (Amazon S3 User Guide, "Amazon S3 CloudWatch dimensions")."""
SCHEDULER_FAILURES = ("TargetErrorCount", "InvocationDroppedCount", "InvocationsFailedToBeSentToDeadLetterCount")


class Replicated(NamedTuple):
    """A replication rule between two buckets."""

    source: BucketRef
    replica: BucketRef
    rule: Input[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What there is to watch.

    The keys of the mappings name things in alarms; those of functions and tables are the names of the contract:
    `worker`, `runs`. `stack` is the functions' variable STACK.
    """

    stack: str
    sources: tuple[str, ...]
    functions: Mapping[str, FunctionRef]
    queues: Mapping[str, QueueRef]
    dead_letters: Mapping[str, QueueRef]
    tables: Mapping[str, TableRef]
    repository: BucketRef
    schedule_group: Input[str]
    replicated: Replicated | None = None


def alarm_list(watched: Watched, limits: Limits) -> list[Alarm]:
    """Give all alarms on metrics, in a stable order."""
    return list(
        chain(
            *(_source_alarms(watched.stack, source, limits) for source in watched.sources),
            _proof_alarms(watched.stack),
            _function_alarms(watched.functions, limits),
            _queue_alarms(watched, limits),
            _table_alarms(watched.tables, limits),
            _schedule_alarms(watched.schedule_group),
            _storage_alarms(watched, limits),
            _replication_alarms(watched.replicated, limits),
        )
    )


def _source_alarms(stack: str, source: str, limits: Limits) -> Iterator[Alarm]:
    """Give the alarms on the runs and users of one source."""
    of = partial(own, stack=stack, source=source)
    yield Alarm(
        name=f"run-missed-{source}",
        page="run-missed",
        says=f"No run of source {source} was started in time.",
        series=(of(Metric.RUN_MISSED, statistic="Maximum"),),
        threshold=1,
        silence=STAYS,
        tells_end=True,
    )
    looks = of(Metric.RUN_MISSED, statistic="SampleCount")
    expression, period, periods = silent(looks, _DAILY_HOURS)
    yield Alarm(
        name=f"watchdog-silent-{source}",
        page="watchdog-silent",
        says=f"The watchdog has not looked at source {source} for {_DAILY_HOURS} hours.",
        series=(looks,),
        expression=expression,
        comparison=Compared.BELOW,
        threshold=1,
        period=period,
        periods=periods,
        silence=ALARMING,
        tells_end=True,
    )
    yield Alarm(
        name=f"run-overdue-{source}",
        page="run-overdue",
        says=f"A run of source {source} has not ended within its window.",
        series=(of(Metric.RUN_OVERDUE, statistic="Maximum"),),
        threshold=1,
        silence=STAYS,
        tells_end=True,
    )
    yield Alarm(
        name=f"run-slow-{source}",
        page="run-slow",
        says=f"A run of source {source} took longer than {limits.run_window_minutes} minutes.",
        series=(of(Metric.RUN_DURATION, statistic="Maximum"),),
        threshold=limits.run_window_minutes * _MINUTE,
        silence=STAYS,
    )
    yield Alarm(
        name=f"backups-failed-{source}",
        page="backups-failed",
        says=f"The backups of some users of source {source} failed.",
        series=(of(Metric.USERS_FAILED, statistic="Maximum"),),
        threshold=limits.failed_users,
        silence=STAYS,
        tells_end=True,
    )
    yield Alarm(
        name=f"backups-partial-{source}",
        page="backups-partial",
        says=f"The backups of some users of source {source} lack objects that could not be read.",
        series=(of(Metric.USERS_PARTIAL, statistic="Maximum"),),
        threshold=limits.partial_users,
        silence=STAYS,
    )
    yield Alarm(
        name=f"rpo-age-{source}",
        page="rpo-age",
        says=f"A user of source {source} has had no good backup for {limits.rpo_hours} hours.",
        series=(of(Metric.RPO_AGE_MAX, statistic="Maximum"),),
        threshold=limits.rpo_hours * HOUR,
        silence=STAYS,
        tells_end=True,
    )
    yield Alarm(
        name=f"storage-growth-{source}",
        page="storage-growth",
        says=f"A run of source {source} stored more than {limits.storage_growth_gb} GB.",
        series=(of(Metric.BYTES_STORED, statistic="Maximum"),),
        threshold=limits.storage_growth_gb * _GB,
        silence=STAYS,
    )
    yield from _source_proof_alarms(partial(own, stack=stack, source=source), source, limits)


def _source_proof_alarms(of: partial[Series], source: str, limits: Limits) -> Iterator[Alarm]:
    """Give the alarms on drills and restores of one source."""
    yield Alarm(
        name=f"drill-failed-{source}",
        page="drill-failed",
        says=f"A restore drill did not prove a backup of source {source}.",
        series=(of(Metric.DRILLS_FAILED, statistic="Sum"),),
        threshold=1,
        period=HOUR,
        periods=_DAILY_HOURS,
        datapoints=1,
        silence=NOTHING,
    )
    yield Alarm(
        name=f"drill-age-{source}",
        page="drill-age",
        says=f"A user of source {source} has gone unproven for more than {limits.drill_age_days} days.",
        series=(of(Metric.DRILL_AGE_MAX, statistic="Maximum"),),
        threshold=limits.drill_age_days * DAY,
        silence=STAYS,
    )
    yield Alarm(
        name=f"restore-failed-{source}",
        page="restore-failed",
        says=f"A restore of source {source} ended FAILED or PARTIAL.",
        series=(of(Metric.RESTORES_FAILED, statistic="Sum"),),
        threshold=1,
        silence=NOTHING,
    )


def _proof_alarms(stack: str) -> Iterator[Alarm]:
    """Give the alarms on verifications, and on messages that nobody understands."""
    yield Alarm(
        name="verify-damages",
        page="verify-damages",
        says="A verification found damage in the repository. This alarm ends by time, not because it was mended.",
        series=(own(Metric.VERIFY_DAMAGES, stack, statistic="Sum"),),
        threshold=1,
        period=HOUR,
        periods=7 * 24,
        datapoints=1,
        silence=NOTHING,
    )
    for kind in WATCHED_KINDS:
        ended = own(Metric.VERIFY_RUN, stack, code=kind, statistic="Sum")
        expression, period, periods = silent(ended, _DAILY_HOURS)
        yield Alarm(
            name=f"verify-missing-{kind}",
            page="verify-missing",
            says=f"No verification of kind {kind} has ended for {_DAILY_HOURS} hours.",
            series=(ended,),
            expression=expression,
            comparison=Compared.BELOW,
            threshold=1,
            period=period,
            periods=periods,
            silence=ALARMING,
            tells_end=True,
        )
    yield Alarm(
        name="messages-rejected",
        page="messages-rejected",
        says="A message on a job queue could not be understood. It lies in the dead-letter queue.",
        series=(own(Metric.MESSAGES_REJECTED, stack, statistic="Sum"),),
        threshold=1,
        silence=NOTHING,
    )


def _function_alarms(functions: Mapping[str, FunctionRef], limits: Limits) -> Iterator[Alarm]:
    for name, function in functions.items():
        of = partial(Series, "AWS/Lambda", dimensions={"FunctionName": function.name})
        percent = limits.duration_percent if name in HANDS_ON else _USUAL_PERCENT
        yield Alarm(
            name=f"function-errors-{_spelt(name)}",
            page="function-errors",
            says=f"The function {name} ended with an error, ran out of time or out of memory.",
            series=(of("Errors", statistic="Sum"),),
            threshold=limits.function_errors,
            silence=NOTHING,
        )
        yield Alarm(
            name=f"function-throttles-{_spelt(name)}",
            page="function-throttles",
            says=f"Lambda refused to start the function {name}: too many run already.",
            series=(of("Throttles", statistic="Sum"),),
            threshold=limits.throttles,
            periods=3,
            silence=NOTHING,
        )
        yield Alarm(
            name=f"function-duration-{_spelt(name)}",
            page="function-duration",
            says=f"The function {name} used more than {percent} % of its {function.timeout} seconds.",
            series=(of("Duration", statistic="Maximum"),),
            threshold=function.timeout * 1_000 * percent // 100,
            silence=NOTHING,
        )


def _spelt(name: str) -> str:
    """Spell a Python name as components.settings.names does. Names of sources stay as they are, and so unique."""
    return name.replace("_", "-")


def _queue_alarms(watched: Watched, limits: Limits) -> Iterator[Alarm]:
    for name, queue in watched.queues.items():
        yield Alarm(
            name=f"queue-age-{_spelt(name)}",
            page="queue-age",
            says=f"A message has waited in the queue {name} for more than {limits.oldest_message_minutes} minutes.",
            series=(_queue(queue, "ApproximateAgeOfOldestMessage"),),
            threshold=limits.oldest_message_minutes * _MINUTE,
            periods=2,
            silence=QUIET_QUEUE,
            tells_end=True,
        )
    for name, queue in watched.dead_letters.items():
        yield Alarm(
            name=f"dead-letters-{_spelt(name)}",
            page="dead-letters",
            says=f"Messages lie in the dead-letter queue {name}.",
            series=(_queue(queue, "ApproximateNumberOfMessagesVisible"),),
            threshold=limits.dead_letters,
            silence=IDLE_QUEUE,
            tells_end=True,
        )


def _queue(queue: QueueRef, metric: str) -> Series:
    return Series("AWS/SQS", metric, {"QueueName": queue.name}, "Maximum")


def _table_alarms(tables: Mapping[str, TableRef], limits: Limits) -> Iterator[Alarm]:
    for name, table in tables.items():
        throttles = [
            Series("AWS/DynamoDB", metric, {"TableName": table.name}, "Sum", f"m{number}")
            for number, metric in enumerate(("ReadThrottleEvents", "WriteThrottleEvents"))
        ]
        yield Alarm(
            name=f"table-throttles-{_spelt(name)}",
            page="table-throttles",
            says=f"DynamoDB throttles the table {name}, and goes on doing so.",
            series=tuple(throttles),
            expression=_sum(throttles),
            threshold=limits.catalog_throttles,
            periods=3,
            silence=TABLE,
        )
        errors = [
            Series("AWS/DynamoDB", "SystemErrors", {"TableName": table.name, "Operation": operation}, "Sum", f"m{n}")
            for n, operation in enumerate(table_operations(name))
        ]
        yield Alarm(
            name=f"table-errors-{_spelt(name)}",
            page="table-errors",
            says=f"DynamoDB answered calls on the table {name} with errors of its own.",
            series=tuple(errors),
            expression=_sum(errors),
            threshold=1,
            periods=3,
            silence=TABLE,
        )


def table_operations(name: str) -> list[str]:
    """Give the DynamoDB operations that the functions call on a table: SystemErrors are counted by operation."""
    rights = chain.from_iterable(RIGHTS.values())
    actions = {action for right in rights if right.resource == f"{name}_table" for action in right.actions}
    return sorted(action.removeprefix("dynamodb:") for action in actions)


def _sum(series: list[Series]) -> str:
    return " + ".join(f"FILL({one.id}, 0)" for one in series)


def _schedule_alarms(group: Input[str]) -> Iterator[Alarm]:
    series = [
        Series("AWS/Scheduler", metric, {"ScheduleGroup": group}, "Sum", f"m{number}")
        for number, metric in enumerate(SCHEDULER_FAILURES)
    ]
    yield Alarm(
        name="schedule-failed",
        page="schedule-failed",
        says="EventBridge Scheduler could not start a function.",
        series=tuple(series),
        expression=_sum(series),
        threshold=1,
        silence=NOTHING,
    )


def _storage_alarms(watched: Watched, limits: Limits) -> Iterator[Alarm]:
    sizes = [
        bucket_size(watched.repository, storage, "Average", f"m{number}")
        for number, storage in enumerate(STORAGE_TYPES)
    ]
    yield Alarm(
        name="storage-size",
        page="storage-size",
        says=f"The repository has grown beyond {limits.repository_gb} GB.",
        series=tuple(sizes),
        # Most stacks use one or two of the classes: the others have no values.
        expression=_sum(sizes),
        threshold=limits.repository_gb * _GB,
        period=DAY,
        silence=DAILY,
    )


def bucket_size(bucket: BucketRef, storage: str, statistic: Statistic, identity: str) -> Series:
    """Give the bytes of a bucket in one storage type, all versions counted. One value a day."""
    return Series("AWS/S3", "BucketSizeBytes", {"BucketName": bucket.name, "StorageType": storage}, statistic, identity)


def _replication_alarms(replicated: Replicated | None, limits: Limits) -> Iterator[Alarm]:
    """Give the alarms on replication.

    S3 reports how late a replica is in the replica's region, and what failed in the source's (Amazon S3 User Guide,
    "Using S3 Replication metrics").
    """
    if replicated is None:
        return
    yield Alarm(
        name="replication-late",
        page="replication-late",
        says=f"The replica is more than {limits.replication_latency_minutes} minutes behind, or reports nothing.",
        series=(replication(replicated, "ReplicationLatency", "Maximum"),),
        threshold=limits.replication_latency_minutes * _MINUTE,
        periods=6,
        # It is reported also when there is nothing to replicate, but no more when the replica is gone.
        silence=ALARMING,
        tells_end=True,
        in_replica_region=True,
    )
    yield Alarm(
        name="replication-failed",
        page="replication-failed",
        says="S3 could not replicate some objects, and does not try again.",
        series=(replication(replicated, "OperationsFailedReplication", "Sum"),),
        threshold=1,
        silence=NOTHING,
    )


def replication(replicated: Replicated, metric: str, statistic: Statistic) -> Series:
    """Give the values of a replication metric of the rule."""
    dimensions = {
        "SourceBucket": replicated.source.name,
        "DestinationBucket": replicated.replica.name,
        "RuleId": replicated.rule,
    }
    return Series("AWS/S3", metric, dimensions, statistic)
