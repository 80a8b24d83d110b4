"""Two dashboards: what is stored, and how the work goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import pulumi
import pulumi_aws as aws

from components.alarm import DAY, Series, Statistic, own
from components.alarm_list import (
    SCHEDULER_FAILURES,
    STORAGE_TYPES,
    WATCHED_KINDS,
    Watched,
    api_series,
    bucket_size,
    replication,
    table_operations,
)
from components.refs import BucketRef
from components.resources import log_group_name
from components.settings.watching import Alarms as Limits
from components.widgets import Widget, alarm_states, graph, laid_out, latest_errors, text
from functions.contract.metric_names import Metric, MetricName

_ALARMS_SHOWN = 100
"""In one widget (Amazon CloudWatch User Guide, "Dashboard body structure and syntax")."""


@dataclass(frozen=True)
class DashboardsArgs:
    """What is shown. `alarms` are ARNs of alarms in the same region."""

    watched: Watched
    limits: Limits
    region: str
    replica_region: str | None = None
    alarms: Sequence[pulumi.Input[str]] = ()


class Dashboards(pulumi.ComponentResource):
    """The dashboards `<stack>-storage` and `<stack>-operations`; `urls` by these two words."""

    urls: dict[str, str]

    def __init__(self, name: str, args: DashboardsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("strongroom:index:Dashboards", name, None, opts)
        bodies = {"storage": storage(args), "operations": operations(args)}
        for kind, body in bodies.items():
            aws.cloudwatch.Dashboard(
                kind,
                dashboard_name=f"{args.watched.stack}-{kind}",
                dashboard_body=pulumi.Output.json_dumps(body),
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.urls = {kind: _url(args.region, f"{args.watched.stack}-{kind}") for kind in bodies}
        self.register_outputs({"urls": self.urls})


def _url(region: str, name: str) -> str:
    return f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#dashboards/dashboard/{name}"


# ---------------------------------------------------------------------------------------------- storage


def storage(args: DashboardsArgs) -> dict[str, object]:
    """Give the body of the storage dashboard: what is held, in which class, how late the replica is, what runs add."""
    watched = args.watched
    widgets = [
        text(f"# {watched.stack}: storage\nWhat the repository holds, all versions counted, and what each run adds."),
        _sizes("Repository", watched.repository, args.region),
        _objects("Repository", watched.repository, args.region),
    ]
    if watched.replicated is not None and args.replica_region is not None:
        widgets += [
            _sizes("Replica", watched.replicated.replica, args.replica_region),
            _objects("Replica", watched.replicated.replica, args.replica_region),
            *_replication(args, args.replica_region),
        ]
    for source in watched.sources:
        widgets += _source_storage(watched.stack, source, args)
    return {"widgets": laid_out(widgets)}


def _sizes(title: str, bucket: BucketRef, region: str) -> Widget:
    series = [(storage, bucket_size(bucket, storage, "Average", "m")) for storage in STORAGE_TYPES]
    return graph(f"{title}: bytes by storage class", series, region, period=DAY)


def _objects(title: str, bucket: BucketRef, region: str) -> Widget:
    dimensions = {"BucketName": bucket.name, "StorageType": "AllStorageTypes"}
    series = Series("AWS/S3", "NumberOfObjects", dimensions, "Average")
    return graph(f"{title}: objects", [("objects", series)], region, period=DAY)


def _replication(args: DashboardsArgs, region: str) -> Iterator[Widget]:
    replicated = args.watched.replicated
    if replicated is None:
        return
    limit = args.limits.replication_latency_minutes * 60
    late = [("seconds behind", replication(replicated, "ReplicationLatency", "Maximum"))]
    yield graph("Replication: latency", late, region, limit=limit)
    pending = [("operations pending", replication(replicated, "OperationsPendingReplication", "Maximum"))]
    yield graph("Replication: waiting", pending, region)
    failed = [("operations failed", replication(replicated, "OperationsFailedReplication", "Sum"))]
    yield graph("Replication: failed", failed, args.region)


def _source_storage(stack: str, source: str, args: DashboardsArgs) -> list[Widget]:
    of = partial(_own, stack, source)
    amounts = of("Maximum", Metric.BYTES_SOURCE, Metric.BYTES_READ, Metric.BYTES_NEW, Metric.BYTES_STORED)
    return [
        graph(f"{source}: bytes of a run", amounts, args.region, limit=args.limits.storage_growth_gb * 1e9),
        graph(f"{source}: ratios", of("Average", Metric.DEDUP_RATIO, Metric.COMPRESSION_RATIO), args.region),
        graph(f"{source}: files", of("Maximum", Metric.FILES, Metric.UNREADABLE), args.region),
    ]


def _own(stack: str, source: str | None, statistic: Statistic, *metrics: MetricName) -> list[tuple[str, Series]]:
    return [(str(metric), own(metric, stack, source, statistic=statistic)) for metric in metrics]


# ------------------------------------------------------------------------------------------- operations


def operations(args: DashboardsArgs) -> dict[str, object]:
    """Give the body of the operations dashboard: alarms, runs, proofs, collections, queues, functions, tables."""
    watched = args.watched
    # No metric has the cost of one stack: `EstimatedCharges` is the whole account's, in all regions.
    says = f"Every alarm names its page in docs/runbooks. Cost: budget `{watched.stack}-budget`."
    widgets = [text(f"# {watched.stack}: operations\n{says}")]
    starts = range(0, len(args.alarms), _ALARMS_SHOWN)
    widgets += [alarm_states("Alarms", args.alarms[start : start + _ALARMS_SHOWN]) for start in starts]
    for source in watched.sources:
        widgets += _runs(source, args)
    widgets += [*_proofs(args), *_collections(args), *_queues(args), *_api(args), *_functions(args), *_tables(args)]
    return {"widgets": laid_out(widgets)}


def _runs(source: str, args: DashboardsArgs) -> list[Widget]:
    of, limits, region = partial(_own, args.watched.stack, source), args.limits, args.region
    users = of("Maximum", Metric.USERS_COMPLETED, Metric.USERS_PARTIAL, Metric.USERS_FAILED, Metric.USERS_MISSING)
    events = of("Sum", Metric.RUN_STARTED, Metric.RUN_SKIPPED, Metric.RUN_OVERDUE, Metric.RUN_MISSED, Metric.ERRORS)
    duration = of("Maximum", Metric.RUN_DURATION, Metric.QUEUE_TO_DONE)
    ages = of("Maximum", Metric.RPO_AGE_MAX, Metric.RPO_AGE_P99)
    return [
        graph(f"{source}: users of a run", users, region),
        graph(f"{source}: runs and errors", events, region),
        graph(f"{source}: seconds of a run", duration, region, limit=limits.run_window_minutes * 60),
        graph(f"{source}: age of the last good backup", ages, region, limit=limits.rpo_hours * 3_600),
    ]


def _proofs(args: DashboardsArgs) -> Iterator[Widget]:
    stack, region = args.watched.stack, args.region
    ended = [
        (kind, own(Metric.VERIFY_RUN, stack, code=kind, statistic="Sum")) for kind in (*WATCHED_KINDS, "structure")
    ]
    yield graph("Verifications ended", ended, region)
    yield graph(
        "Damage and rejected messages",
        _own(stack, None, "Sum", Metric.VERIFY_DAMAGES, Metric.MESSAGES_REJECTED),
        region,
    )
    for source in args.watched.sources:
        of = partial(_own, stack, source)
        yield graph(f"{source}: drills", of("Sum", Metric.DRILLS_PROVEN, Metric.DRILLS_FAILED), region)
        limit = args.limits.drill_age_days * DAY
        yield graph(f"{source}: longest without proof", of("Maximum", Metric.DRILL_AGE_MAX), region, limit=limit)
        restores = [*of("Sum", Metric.RESTORES_FAILED), *of("Maximum", Metric.RESTORE_DURATION)]
        yield graph(f"{source}: restores", restores, region)


def _collections(args: DashboardsArgs) -> Iterator[Widget]:
    of, region = partial(_own, args.watched.stack, None), args.region
    gone = of("Sum", Metric.BACKUPS_EXPIRED, Metric.PACKS_CONDEMNED, Metric.PACKS_EXPIRED, Metric.LOCKS_EXTENDED)
    yield graph("Collections: let go, and kept locked", gone, region, period=DAY)
    yield graph("Collections: bytes let go", of("Sum", Metric.BYTES_EXPIRED), region, period=DAY)
    ended = [*of("Sum", Metric.COLLECTIONS_COMPLETED), *of("Maximum", Metric.COLLECTION_REFUSED)]
    troubles = of("Maximum", Metric.PACKS_MISSING, Metric.RECORDS_UNREADABLE, Metric.BACKUPS_SKEWED)
    yield graph("Collections: ended, refused, troubles", [*ended, *troubles], region)
    yield graph("Collections: seconds", of("Maximum", Metric.COLLECTION_DURATION), region)


def _queues(args: DashboardsArgs) -> Iterator[Widget]:
    watched, region = args.watched, args.region
    for name, queue in watched.queues.items():
        of = partial(Series, "AWS/SQS", dimensions={"QueueName": queue.name}, statistic="Maximum")
        messages = [("waiting", of("ApproximateNumberOfMessagesVisible"))]
        messages += [("being worked on", of("ApproximateNumberOfMessagesNotVisible"))]
        age = [("seconds", of("ApproximateAgeOfOldestMessage"))]
        yield graph(f"Queue {name}: messages", messages, region)
        yield graph(f"Queue {name}: oldest", age, region, limit=args.limits.oldest_message_minutes * 60)
    dead = [
        (name, Series("AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": queue.name}, "Maximum"))
        for name, queue in watched.dead_letters.items()
    ]
    yield graph("Dead letters", dead, region)


def _api(args: DashboardsArgs) -> Iterator[Widget]:
    api = args.watched.api
    if api is None:
        return
    counts = [(metric, api_series(api, metric, "Sum")) for metric in ("Count", "4xx", "5xx")]
    times = [
        ("mean", api_series(api, "Latency", "Average")),
        ("longest", api_series(api, "Latency", "Maximum")),
        ("of the function, mean", api_series(api, "IntegrationLatency", "Average")),
    ]
    yield graph("API: requests and refusals", counts, args.region, limit=api.limits.client_errors)
    yield graph("API: milliseconds", times, args.region, limit=api.limits.latency_ms)


def _functions(args: DashboardsArgs) -> Iterator[Widget]:
    functions = args.watched.functions
    for name, function in functions.items():
        of = partial(Series, "AWS/Lambda", dimensions={"FunctionName": function.name})
        counts = [(metric.lower(), of(metric, statistic="Sum")) for metric in ("Invocations", "Errors", "Throttles")]
        counts += [("at once", of("ConcurrentExecutions", statistic="Maximum"))]
        duration = [("milliseconds", of("Duration", statistic="Maximum"))]
        yield graph(f"Function {name}: invocations", counts, args.region)
        yield graph(f"Function {name}: duration", duration, args.region, limit=function.timeout * 1_000)
    groups = [pulumi.Output.from_input(function.name).apply(log_group_name) for function in functions.values()]
    yield latest_errors("Latest errors", groups, args.region)
    group = {"ScheduleGroup": args.watched.schedule_group}
    schedule = [(metric, Series("AWS/Scheduler", metric, group, "Sum")) for metric in SCHEDULER_FAILURES]
    yield graph("Schedules: failures", schedule, args.region)


def _tables(args: DashboardsArgs) -> Iterator[Widget]:
    for name, table in args.watched.tables.items():
        of = partial(Series, "AWS/DynamoDB", statistic="Sum")
        names = {"TableName": table.name}
        units = [(metric, of(metric, names)) for metric in ("ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits")]
        throttles = [(metric, of(metric, names)) for metric in ("ReadThrottleEvents", "WriteThrottleEvents")]
        calls = {operation: {**names, "Operation": operation} for operation in table_operations(name)}
        errors = [(operation, of("SystemErrors", called)) for operation, called in calls.items()]
        latency = partial(Series, "AWS/DynamoDB", "SuccessfulRequestLatency", statistic="Average")
        times = [(operation, latency(called)) for operation, called in calls.items()]
        yield graph(f"Table {name}: units", units, args.region)
        yield graph(f"Table {name}: throttles and errors", [*throttles, *errors], args.region)
        yield graph(f"Table {name}: mean milliseconds of a call", times, args.region)
