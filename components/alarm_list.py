"""Which alarms a stack has. Pure: what there is and the limits, to a list of alarms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
    Silence,
    Statistic,
    own,
    silent,
)
from components.refs import BucketRef, FunctionRef, QueueRef, TableRef
from components.resources import REMEDIATOR
from components.settings.api import Api as ApiLimits
from components.settings.watching import Alarms as Limits
from functions.contract.metric_names import OUT_OF_MEMORY, Metric, MetricName
from functions.contract.rights import HANDS_ON, RIGHTS

_GB = 1_000_000_000
_MINUTE = 60
_MOST_HOURS = 168
"""That an alarm looks back."""
WATCHED_KINDS = ("drill", "sample")
"""Kinds of verification whose silence is an alarm. A weekly one needs more than the seven days that CloudWatch can look
back."""
STORAGE_TYPES = (
    "StandardStorage",
    "StandardIAStorage",
    "IntelligentTieringFAStorage",
    "IntelligentTieringIAStorage",
    "IntelligentTieringAIAStorage",
    "GlacierInstantRetrievalStorage",
    "GlacierStorage",
    "DeepArchiveStorage",
)
"""Of `BucketSizeBytes` (Amazon S3 User Guide, "Amazon S3 CloudWatch dimensions")."""
SCHEDULER_FAILURES = ("TargetErrorCount", "InvocationDroppedCount", "InvocationsFailedToBeSentToDeadLetterCount")

VAULT_FAILURES = ("NumberOfBackupJobsFailed", "NumberOfBackupJobsExpired", "NumberOfBackupJobsAborted")
VAULT_COMPLETED = "NumberOfBackupJobsCompleted"


class Replicated(NamedTuple):
    """A replication rule between two buckets."""

    source: BucketRef
    replica: BucketRef
    rule: Input[str]


class WatchedApi(NamedTuple):
    """An HTTP API, and what it may do before somebody is told."""

    id: Input[str]
    limits: ApiLimits


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
    vault: str | None = None
    """Of AWS Backup, for the tables."""
    source_vault: str | None = None
    """Of AWS Backup, for the sources."""
    api: WatchedApi | None = None


def alarm_list(watched: Watched, limits: Limits) -> list[Alarm]:
    """Give all alarms on metrics, in a stable order."""
    return list(
        chain(
            *(_source_alarms(watched.stack, source, limits) for source in watched.sources),
            _proof_alarms(watched.stack, limits),
            _collection_alarms(watched.stack, limits.collection_hours),
            _function_alarms(watched.functions, limits),
            _remediation_alarms(watched),
            _queue_alarms(watched, limits),
            _table_alarms(watched.tables, limits),
            _schedule_alarms(watched.schedule_group),
            _storage_alarms(watched, limits),
            _replication_alarms(watched.replicated, limits),
            _vault_alarms(watched.vault, "", "table", limits.silence_hours),
            # A large bucket takes hours, not the same ones each day.
            _vault_alarms(watched.source_vault, "sources", "source", min(2 * limits.silence_hours, _MOST_HOURS)),
            _api_alarms(watched.api),
        )
    )


def _alarm(
    page: str,
    thing: str,
    says: str,
    series: Series,
    threshold: float = 1,
    silence: Silence = NOTHING,
    *,
    tells_end: bool = False,
) -> Alarm:
    """Give the alarm of one page on one series of one thing. Without a thing there is only one such alarm."""
    return Alarm(
        name=f"{page}-{thing}" if thing else page,
        page=page,
        says=says,
        series=(series,),
        threshold=threshold,
        silence=silence,
        tells_end=tells_end,
    )


def _silence_alarm(page: str, thing: str, says: str, series: Series, hours: int) -> Alarm:
    """Give the alarm that rings when nothing of a series came for so many hours."""
    expression, period, periods = silent(series, hours)
    return Alarm(
        name=f"{page}-{thing}" if thing else page,
        page=page,
        says=says,
        series=(series,),
        expression=expression,
        comparison=Compared.BELOW,
        threshold=1,
        period=period,
        periods=periods,
        silence=ALARMING,
        tells_end=True,
    )


def _sum_alarm(
    page: str, thing: str, says: str, series: Sequence[Series], threshold: float, silence: Silence, periods: int = 1
) -> Alarm:
    """Give the alarm on the sum of several series, of which some may have no values."""
    return Alarm(
        name=f"{page}-{thing}" if thing else page,
        page=page,
        says=says,
        series=tuple(series),
        expression=" + ".join(f"FILL({one.id}, 0)" for one in series),
        threshold=threshold,
        periods=periods,
        silence=silence,
    )


def _lasting_alarm(name: str, page: str, says: str, series: Series, hours: int) -> Alarm:
    """Give the alarm that rings for so many hours after it was counted once."""
    return Alarm(
        name=name,
        page=page,
        says=says,
        series=(series,),
        threshold=1,
        period=HOUR,
        periods=hours,
        datapoints=1,
        silence=NOTHING,
    )


def _source_alarms(stack: str, source: str, limits: Limits) -> Iterator[Alarm]:
    """Give the alarms on the runs and users of one source."""
    of = partial(own, stack=stack, source=source)
    whose = f"of source {source}"

    def counted(page: str, metric: MetricName, says: str, threshold: float = 1, *, tells_end: bool = False) -> Alarm:
        return _alarm(page, source, says, of(metric, statistic="Maximum"), threshold, STAYS, tells_end=tells_end)

    yield counted("run-missed", Metric.RUN_MISSED, f"No run {whose} was started in time.", tells_end=True)
    yield _silence_alarm(
        "watchdog-silent",
        source,
        f"The watchdog has not looked at source {source} for {limits.silence_hours} hours.",
        of(Metric.RUN_MISSED, statistic="SampleCount"),
        limits.silence_hours,
    )
    yield counted("run-overdue", Metric.RUN_OVERDUE, f"A run {whose} has not ended within its window.", tells_end=True)
    says = f"A run {whose} took longer than {limits.run_window_minutes} minutes."
    yield counted("run-slow", Metric.RUN_DURATION, says, limits.run_window_minutes * _MINUTE)
    says = f"The backups of some users {whose} failed."
    yield counted("backups-failed", Metric.USERS_FAILED, says, limits.failed_users, tells_end=True)
    says = f"The backups of some users {whose} lack objects that could not be read."
    yield counted("backups-partial", Metric.USERS_PARTIAL, says, limits.partial_users)
    says = f"A user {whose} has had no good backup for {limits.rpo_hours} hours."
    yield counted("rpo-age", Metric.RPO_AGE_MAX, says, limits.rpo_hours * HOUR, tells_end=True)
    says = f"A run {whose} stored more than {limits.storage_growth_gb} GB."
    yield counted("storage-growth", Metric.BYTES_STORED, says, limits.storage_growth_gb * _GB)
    yield _lasting_alarm(
        f"drill-failed-{source}",
        "drill-failed",
        f"A restore drill did not prove a backup {whose}.",
        of(Metric.DRILLS_FAILED, statistic="Sum"),
        limits.silence_hours,
    )
    says = f"A user {whose} has gone unproven for more than {limits.drill_age_days} days."
    yield counted("drill-age", Metric.DRILL_AGE_MAX, says, limits.drill_age_days * DAY)
    failed = of(Metric.RESTORES_FAILED, statistic="Sum")
    yield _alarm("restore-failed", source, f"A restore {whose} ended FAILED or PARTIAL.", failed)


def _proof_alarms(stack: str, limits: Limits) -> Iterator[Alarm]:
    """Give the alarms on verifications, and on messages that nobody understands."""
    yield _lasting_alarm(
        "verify-damages",
        "verify-damages",
        "A verification found damage in the repository. This alarm ends by time, not because it was mended.",
        own(Metric.VERIFY_DAMAGES, stack, statistic="Sum"),
        7 * 24,
    )
    for kind in WATCHED_KINDS:
        ended = own(Metric.VERIFY_RUN, stack, code=kind, statistic="Sum")
        says = f"No verification of kind {kind} has ended for {limits.silence_hours} hours."
        yield _silence_alarm("verify-missing", kind, says, ended, limits.silence_hours)
    says = "A message on a job queue could not be understood. It lies in the dead-letter queue."
    yield _alarm("messages-rejected", "", says, own(Metric.MESSAGES_REJECTED, stack, statistic="Sum"))


def _collection_alarms(stack: str, hours: int) -> Iterator[Alarm]:
    """Give the alarms on collections. Each collection counts all of it, zero included."""
    ended = own(Metric.COLLECTIONS_COMPLETED, stack, statistic="Sum")
    yield _silence_alarm("collection-missing", "", f"No collection has ended for {hours} hours.", ended, hours)
    for page, metric, says in (
        ("collection-refused", Metric.COLLECTION_REFUSED, "A collection would not let go of what was due."),
        ("packs-missing", Metric.PACKS_MISSING, "Packs that a backup needs were not there."),
        ("records-unreadable", Metric.RECORDS_UNREADABLE, "Commit records cannot be read."),
        ("clock-skewed", Metric.BACKUPS_SKEWED, "Backups have names from the future: a clock was wrong."),
    ):
        yield _alarm(page, "", says, own(metric, stack, statistic="Maximum"), 1, STAYS, tells_end=True)


def _function_alarms(functions: Mapping[str, FunctionRef], limits: Limits) -> Iterator[Alarm]:
    for name, function in functions.items():
        thing, of = _spelt(name), partial(Series, "AWS/Lambda", dimensions={"FunctionName": function.name})
        percent = limits.duration_percent if name in HANDS_ON else limits.single_duration_percent
        says = f"The function {name} ended with an error, ran out of time or out of memory."
        yield _alarm("function-errors", thing, says, of("Errors", statistic="Sum"), limits.function_errors)
        says = f"Lambda refused to start the function {name}: too many run already."
        throttles = of("Throttles", statistic="Sum")
        yield replace(_alarm("function-throttles", thing, says, throttles, limits.throttles), periods=3)
        says = f"The function {name} used more than {percent} % of its {function.timeout} seconds."
        threshold = function.timeout * 1_000 * percent // 100
        yield _alarm("function-duration", thing, says, of("Duration", statistic="Maximum"), threshold)


def _remediation_alarms(watched: Watched) -> Iterator[Alarm]:
    """Give the alarms on what was mended without a person, what was not, and why it may have to be."""
    of = partial(own, stack=watched.stack)
    says = "The remediator did something by itself. This alarm ends by itself: somebody should look why it was needed."
    yield _alarm("remediation-acted", "", says, of(Metric.REMEDIES, statistic="Sum"))
    says = "The remediator tried something that failed, or will not do what would be needed."
    yield _alarm("remediation-gave-up", "", says, of(Metric.REMEDIES_REFUSED, statistic="Sum"))
    for source in watched.sources:
        paused = of(Metric.SCHEDULE_PAUSED, source=source, statistic="Maximum")
        says = f"The schedule of source {source} is paused: run after run failed."
        yield _alarm("remediation-paused", source, says, paused, 1, STAYS, tells_end=True)
    for name in watched.functions:
        if name != REMEDIATOR:
            # Counted in the metric of the function's own name: see components.remediation.
            killed = Series(OUT_OF_MEMORY, f"{watched.stack}-{_spelt(name)}", {}, "Sum")
            yield _alarm("function-memory", _spelt(name), f"The function {name} ran out of memory.", killed)


def _spelt(name: str) -> str:
    """Spell a Python name as components.settings.names does. Names of sources stay as they are, and so unique."""
    return name.replace("_", "-")


def _queue_alarms(watched: Watched, limits: Limits) -> Iterator[Alarm]:
    for name, queue in watched.queues.items():
        age = _queue(queue, "ApproximateAgeOfOldestMessage")
        says = f"A message has waited in the queue {name} for more than {limits.oldest_message_minutes} minutes."
        threshold = limits.oldest_message_minutes * _MINUTE
        waited = _alarm("queue-age", _spelt(name), says, age, threshold, QUIET_QUEUE, tells_end=True)
        yield replace(waited, periods=2)
    for name, queue in watched.dead_letters.items():
        depth = _queue(queue, "ApproximateNumberOfMessagesVisible")
        says = f"Messages lie in the dead-letter queue {name}."
        yield _alarm("dead-letters", _spelt(name), says, depth, limits.dead_letters, IDLE_QUEUE, tells_end=True)


def _queue(queue: QueueRef, metric: str) -> Series:
    return Series("AWS/SQS", metric, {"QueueName": queue.name}, "Maximum")


def _table_alarms(tables: Mapping[str, TableRef], limits: Limits) -> Iterator[Alarm]:
    for name, table in tables.items():
        throttles = [
            Series("AWS/DynamoDB", metric, {"TableName": table.name}, "Sum", f"m{number}")
            for number, metric in enumerate(("ReadThrottleEvents", "WriteThrottleEvents"))
        ]
        says = f"DynamoDB throttles the table {name}, and goes on doing so."
        yield _sum_alarm("table-throttles", _spelt(name), says, throttles, limits.catalog_throttles, TABLE, 3)
        errors = [
            Series("AWS/DynamoDB", "SystemErrors", {"TableName": table.name, "Operation": operation}, "Sum", f"m{n}")
            for n, operation in enumerate(table_operations(name))
        ]
        says = f"DynamoDB answered calls on the table {name} with errors of its own."
        yield _sum_alarm("table-errors", _spelt(name), says, errors, 1, TABLE, 3)


def table_operations(name: str) -> list[str]:
    """Give the DynamoDB operations that the functions call on a table: SystemErrors are counted by operation."""
    rights = chain.from_iterable(RIGHTS.values())
    actions = {action for right in rights if right.resource == f"{name}_table" for action in right.actions}
    return sorted(action.removeprefix("dynamodb:") for action in actions)


def _schedule_alarms(group: Input[str]) -> Iterator[Alarm]:
    failures = [
        Series("AWS/Scheduler", metric, {"ScheduleGroup": group}, "Sum", f"m{number}")
        for number, metric in enumerate(SCHEDULER_FAILURES)
    ]
    yield _sum_alarm("schedule-failed", "", "EventBridge Scheduler could not start a function.", failures, 1, NOTHING)


def _storage_alarms(watched: Watched, limits: Limits) -> Iterator[Alarm]:
    sizes = [
        bucket_size(watched.repository, storage, "Average", f"m{number}")
        for number, storage in enumerate(STORAGE_TYPES)
    ]
    says = f"The repository has grown beyond {limits.repository_gb} GB."
    # Most stacks use one or two of the classes: the others have no values.
    yield replace(_sum_alarm("storage-size", "", says, sizes, limits.repository_gb * _GB, DAILY), period=DAY)


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
    late = _alarm(
        "replication-late",
        "",
        f"The replica is more than {limits.replication_latency_minutes} minutes behind, or reports nothing.",
        replication(replicated, "ReplicationLatency", "Maximum"),
        limits.replication_latency_minutes * _MINUTE,
        # It is reported also when there is nothing to replicate, but no more when the replica is gone.
        ALARMING,
        tells_end=True,
    )
    yield replace(late, periods=6, in_replica_region=True)
    says = "S3 could not replicate some objects, and does not try again."
    yield _alarm("replication-failed", "", says, replication(replicated, "OperationsFailedReplication", "Sum"))


def replication(replicated: Replicated, metric: str, statistic: Statistic) -> Series:
    """Give the values of a replication metric of the rule."""
    dimensions = {
        "SourceBucket": replicated.source.name,
        "DestinationBucket": replicated.replica.name,
        "RuleId": replicated.rule,
    }
    return Series("AWS/S3", metric, dimensions, statistic)


def _vault_alarms(vault: str | None, thing: str, kept: str, silence_hours: int) -> Iterator[Alarm]:
    """Give the alarms on a vault. A daily backup starts within an hour, and the tables are small."""
    if vault is None:
        return
    of = partial(Series, "AWS/Backup", dimensions={"BackupVaultName": vault}, statistic="Sum")
    failures = [of(metric, id=f"m{number}") for number, metric in enumerate(VAULT_FAILURES)]
    yield _sum_alarm("vault-failed", thing, f"AWS Backup could not back up a {kept}.", failures, 1, NOTHING)
    says = f"AWS Backup has backed up no {kept} for {silence_hours} hours."
    yield _silence_alarm("vault-silent", thing, says, of(VAULT_COMPLETED), silence_hours)


def _api_alarms(api: WatchedApi | None) -> Iterator[Alarm]:
    """Give the alarms on the API. A stray mistake of a caller is no alarm, and two periods of them are one."""
    if api is None:
        return
    limits = api.limits
    says = f"The API refused {limits.client_errors} requests and more in 5 minutes, and again."
    refused = _alarm("api-client-errors", "", says, api_series(api, "4xx", "Sum"), limits.client_errors)
    yield replace(refused, periods=2)
    says = f"The API could not answer {limits.server_errors} requests and more in 5 minutes."
    yield _alarm("api-server-errors", "", says, api_series(api, "5xx", "Sum"), limits.server_errors, tells_end=True)
    says = f"The API took {limits.latency_ms} milliseconds and more to answer, in the mean of 5 minutes, and again."
    yield replace(_alarm("api-latency", "", says, api_series(api, "Latency", "Average"), limits.latency_ms), periods=2)


def api_series(api: WatchedApi, metric: str, statistic: Statistic) -> Series:
    """Give a metric of an HTTP API (Amazon API Gateway Developer Guide, "CloudWatch metrics for HTTP APIs")."""
    return Series("AWS/ApiGateway", metric, {"ApiId": api.id}, statistic)
