"""Every alarm watches something that exists, tells somebody, and says what to do."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from itertools import chain

import pulumi_aws as aws
import pytest

from components.alarm import DAY, HOUR, Alarm, Compared, Series, own
from components.alarm_list import VAULT_COMPLETED, VAULT_FAILURES, WATCHED_KINDS, Watched, alarm_list, table_operations
from components.alarms import Alarms, AlarmsArgs, ReplicaPlace
from components.refs import QueueRef, TableRef, TopicRef
from components.settings.watching import Alarms as Limits
from functions.contract.environment import ENVIRONMENTS
from functions.contract.metric_names import NAMESPACE, OUT_OF_MEMORY, Metric
from functions.contract.rights import HANDS_ON
from functions.engine.errors import ConfigurationError
from functions.engine.orchestration.verify_request import Kind
from tests.components.emitted import Written, emissions, written
from tests.components.watched import FAR_TOPIC, STACK, THERE, TOPIC, registered, watched
from tests.program.kit import Registration

LIMITS = Limits()
LIST = alarm_list(watched(), LIMITS)
DIMENSIONS: dict[tuple[str, str], set[str]] = {
    # Filters on logs write these, one a function: tests/components/test_remediation.py.
    **{(OUT_OF_MEMORY, f"{STACK}-{name.replace('_', '-')}"): set() for name in ENVIRONMENTS if name != "remediator"},
    ("AWS/Lambda", "Errors"): {"FunctionName"},
    ("AWS/Lambda", "Throttles"): {"FunctionName"},
    ("AWS/Lambda", "Duration"): {"FunctionName"},
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): {"QueueName"},
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): {"QueueName"},
    ("AWS/DynamoDB", "ReadThrottleEvents"): {"TableName"},
    ("AWS/DynamoDB", "WriteThrottleEvents"): {"TableName"},
    ("AWS/DynamoDB", "SystemErrors"): {"TableName", "Operation"},
    **{("AWS/ApiGateway", metric): {"ApiId"} for metric in ("4xx", "5xx", "Latency")},
    ("AWS/S3", "BucketSizeBytes"): {"BucketName", "StorageType"},
    ("AWS/S3", "ReplicationLatency"): {"SourceBucket", "DestinationBucket", "RuleId"},
    ("AWS/S3", "OperationsFailedReplication"): {"SourceBucket", "DestinationBucket", "RuleId"},
    **{("AWS/Backup", metric): {"BackupVaultName"} for metric in (*VAULT_FAILURES, VAULT_COMPLETED)},
    ("AWS/Scheduler", "TargetErrorCount"): {"ScheduleGroup"},
    ("AWS/Scheduler", "InvocationDroppedCount"): {"ScheduleGroup"},
    ("AWS/Scheduler", "InvocationsFailedToBeSentToDeadLetterCount"): {"ScheduleGroup"},
}
"""Metrics of AWS and their dimensions, from the user guides of the services."""


def named(name: str) -> Alarm:
    """Give an alarm."""
    return next(alarm for alarm in LIST if alarm.name == name)


def made(things: Watched | None = None, *, replica: bool = True) -> list[Registration]:
    """Give the alarms that the component registers."""
    args = AlarmsArgs(
        watched=things or watched(),
        limits=LIMITS,
        topic=TOPIC,
        replica=ReplicaPlace(THERE, FAR_TOPIC) if replica else None,
    )
    found = registered(lambda: Alarms("alarms", args))
    return [item for item in found if item.type == "aws:cloudwatch/metricAlarm:MetricAlarm"]


@pytest.mark.parametrize("alarm", LIST, ids=lambda alarm: alarm.name)
def test_every_series_is_one_that_somebody_writes(alarm: Alarm) -> None:
    """Ours as telemetry writes them, dimension by dimension; those of AWS with the dimensions of its guides."""
    for series in alarm.series:
        names = set(series.dimensions)
        if series.namespace == NAMESPACE:
            assert Written(NAMESPACE, series.metric, frozenset(names)) in written()
        else:
            assert DIMENSIONS[series.namespace, series.metric] == names


def test_a_metric_with_dimensions_that_nobody_writes_is_not_found() -> None:
    """The test above can fail: VerifyDamages has no source, DrillsFailed never stands alone."""
    for series in (
        own(Metric.VERIFY_DAMAGES, STACK, "reports", statistic="Sum"),
        own(Metric.DRILLS_FAILED, STACK, statistic="Sum"),
    ):
        assert Written(NAMESPACE, series.metric, frozenset(series.dimensions)) not in written()


@pytest.mark.parametrize("alarm", LIST, ids=lambda alarm: alarm.name)
def test_an_alarm_that_keeps_its_state_over_silence_hears_of_the_end_too(alarm: Alarm) -> None:
    """What is counted only when it happens would never end such an alarm."""
    names = {str(getattr(Metric, emission.metric)): emission.metric for emission in emissions()}
    events = {emission.metric for emission in emissions() if emission.only_events}
    for series in alarm.series:
        if series.namespace == NAMESPACE and alarm.silence.treatment == "ignore":
            assert names[series.metric] not in events


@pytest.mark.parametrize("alarm", LIST, ids=lambda alarm: alarm.name)
def test_silence_is_treated_for_a_reason(alarm: Alarm) -> None:
    """Each alarm says which treatment and why; one about silence is never soothed by it."""
    assert len(alarm.silence.reason) > 20
    if alarm.comparison is Compared.BELOW:
        assert alarm.silence.treatment == "breaching"
        assert alarm.expression == "FILL(m, 0)"


@pytest.mark.parametrize("alarm", LIST, ids=lambda alarm: alarm.name)
def test_cloudwatch_can_look_back_so_far_and_count_so_many(alarm: Alarm) -> None:
    """Ten metrics in an expression at most; every id in it is a series."""
    assert alarm.period * alarm.periods <= (7 * DAY if alarm.period >= HOUR else DAY)
    assert (alarm.datapoints or 1) <= alarm.periods
    assert len(alarm.series) <= 10
    ids = [series.id for series in alarm.series]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[a-z][A-Za-z0-9_]*", one) for one in ids)
    if alarm.expression is not None:
        assert set(re.findall(r"FILL\((\w+), 0\)", alarm.expression)) == set(ids)


def test_names_are_unique_and_fit() -> None:
    """Also with two sources and names with underscores."""
    names = [alarm.name for alarm in alarm_list(watched(sources=("a-b", "a_b", "jobs")), LIMITS)]
    assert [name for name, count in Counter(names).items() if count > 1] == []
    assert all(len(f"{STACK}-{name}") <= 255 for name in names)


def test_the_whole_list_of_the_design_is_there() -> None:
    """Section 8 of the design; keys and cost are told by a rule and a budget."""
    assert {alarm.page for alarm in LIST} == {
        *("run-missed", "watchdog-silent", "run-overdue", "run-slow", "rpo-age"),
        *("backups-failed", "backups-partial", "messages-rejected", "restore-failed"),
        *("queue-age", "dead-letters", "schedule-failed"),
        *("function-errors", "function-throttles", "function-duration", "table-throttles", "table-errors"),
        *("replication-late", "replication-failed", "storage-growth", "storage-size"),
        *("verify-damages", "verify-missing", "drill-failed", "drill-age"),
        *("function-memory", "remediation-acted", "remediation-gave-up", "remediation-paused"),
        *("api-client-errors", "api-server-errors", "api-latency"),
        *("collection-missing", "collection-refused", "packs-missing", "records-unreadable", "clock-skewed"),
        *("vault-failed", "vault-silent"),
    }


def test_every_source_function_queue_and_table_has_its_alarms() -> None:
    """Nothing is left unwatched when there is one more of it."""
    names = {alarm.name for alarm in LIST}
    things = watched()
    for source in things.sources:
        assert {f"run-missed-{source}", f"rpo-age-{source}", f"drill-failed-{source}"} <= names
    for function in things.functions:
        spelt = function.replace("_", "-")
        assert {f"function-{what}-{spelt}" for what in ("errors", "throttles", "duration")} <= names
    assert {f"queue-age-{name}" for name in things.queues} <= names
    assert {f"dead-letters-{name}" for name in things.dead_letters} <= names
    assert {f"table-{what}-{name}" for what in ("errors", "throttles") for name in things.tables} <= names


def test_duration_is_held_against_the_function_s_own_timeout() -> None:
    """Functions that work until shortly before the end by design have a limit of their own."""
    assert named("function-duration-watchdog").threshold == LIMITS.single_duration_percent * 9_000
    assert named("function-duration-restore-worker").threshold == LIMITS.single_duration_percent * 9_000
    for name in HANDS_ON:
        assert named(f"function-duration-{name}").threshold == LIMITS.duration_percent * 9_000


def test_tables_are_asked_for_the_errors_of_the_operations_that_functions_call() -> None:
    """The operations are those of the contract's rights; without any, the alarm could never ring."""
    assert table_operations("dedup") == ["BatchGetItem", "BatchWriteItem"]
    for name in watched().tables:
        operations = [series.dimensions["Operation"] for series in named(f"table-errors-{name}").series]
        assert operations == table_operations(name) != []


def test_the_silence_of_what_comes_daily_is_an_alarm() -> None:
    """Of the kinds that exist, two hours after the next one was due."""
    assert set(WATCHED_KINDS) <= set(Kind)
    for name in ("watchdog-silent-reports", *(f"verify-missing-{kind}" for kind in WATCHED_KINDS)):
        assert (named(name).period, named(name).periods) == (3_600, 26)


def test_the_size_of_the_repository_counts_every_class_that_packs_may_be_in() -> None:
    """Also those between which S3 moves them itself."""
    counted = {str(series.dimensions["StorageType"]) for series in named("storage-size").series}
    assert {name for name in counted if name.startswith("Intelligent")} == {
        f"IntelligentTiering{tier}Storage" for tier in ("FA", "IA", "AIA")
    }
    assert len(counted) <= 10, "what one alarm may look at"


def test_thresholds_of_the_settings_arrive() -> None:
    """Each number that the settings have changes some alarm."""
    base = [(alarm.threshold, alarm.periods) for alarm in LIST]
    for field in Limits.model_fields:
        value = 77 if field != "duration_percent" else 66
        changed = [(alarm.threshold, alarm.periods) for alarm in alarm_list(watched(), Limits(**{field: value}))]
        assert changed != base, f"nothing listens to {field}"


@pytest.mark.parametrize(("period", "periods"), [(300, 289), (3_600, 169), (90, 1), (300, 0)])
def test_an_alarm_that_cloudwatch_refuses_cannot_be_made(period: int, periods: int) -> None:
    """Seven days, or one with periods under an hour; whole minutes."""
    with pytest.raises(ConfigurationError, match="looks back"):
        Alarm(
            name="a",
            page="p",
            says="s",
            series=(Series("n", "m", {}, "Sum"),),
            threshold=1,
            silence=LIST[0].silence,
            period=period,
            periods=periods,
        )


def test_several_series_need_an_expression() -> None:
    """CloudWatch would not know which one to compare."""
    with pytest.raises(ConfigurationError, match="no expression"):
        Alarm(name="a", page="p", says="s", series=(), threshold=1, silence=LIST[0].silence)


def test_every_alarm_tells_a_topic_of_its_own_region_and_names_its_page() -> None:
    """An alarm cannot tell a topic elsewhere."""
    alarms = made()
    assert len(alarms) == len(LIST)
    pages = {alarm.name: alarm.page for alarm in LIST}
    for alarm in alarms:
        topic = FAR_TOPIC if alarm.inputs.get("region") == THERE else TOPIC
        assert alarm.inputs["alarmActions"] == [topic.arn]
        assert alarm.inputs.get("okActions") in ([], [topic.arn], None)
        assert alarm.inputs["alarmDescription"].endswith(f"What to do: docs/runbooks/{pages[alarm.name]}.md")
        assert len(alarm.inputs["alarmDescription"]) <= 1_024
        assert alarm.inputs["name"] == f"{STACK}-{alarm.name}"
        assert alarm.inputs["treatMissingData"] in {"breaching", "ignore", "notBreaching"}


def test_an_alarm_has_either_a_metric_or_an_expression() -> None:
    """Exactly one query of an expression gives the value that is compared."""
    for alarm in made():
        queries = alarm.inputs.get("metricQueries", [])
        assert bool(queries) != ("metricName" in alarm.inputs)
        assert bool(queries) != ("period" in alarm.inputs)
        if queries:
            assert [query["id"] for query in queries if query["returnData"]] == ["total"]
            periods = {query["metric"]["period"] for query in queries if not query["returnData"]}
            assert len(periods) == 1


def test_only_how_late_the_replica_is_is_watched_in_its_region() -> None:
    """S3 reports failures of replication in the source's region."""
    assert [alarm.name for alarm in made() if alarm.inputs.get("region")] == ["replication-late"]


def test_without_a_replica_nothing_is_said_of_it() -> None:
    """And the far region is not touched."""
    alarms = made(watched(replicated=False), replica=False)
    assert len(alarms) == len(LIST) - 2
    assert not any("replication" in alarm.name or alarm.inputs.get("region") for alarm in alarms)


def test_half_a_replica_is_refused() -> None:
    """An alarm on it would stand in the wrong region, and never ring."""
    with pytest.raises(ConfigurationError, match="from its own region"):
        made(replica=False)


def test_the_component_says_what_it_made() -> None:
    """ARNs of this region for a dashboard, and all names."""
    kept: list[Alarms] = []
    args = AlarmsArgs(watched=watched(), limits=LIMITS, topic=TOPIC, replica=ReplicaPlace(THERE, FAR_TOPIC))
    registered(lambda: kept.append(Alarms("alarms", args)))
    assert len(kept[0].arns) == len(LIST) - 1
    assert sorted(kept[0].names) == sorted(f"{STACK}-{alarm.name}" for alarm in LIST)
    assert len(set(chain(kept[0].names))) == len(LIST)


def test_a_preview_knows_no_names_and_shows_every_alarm_all_the_same() -> None:
    """Nothing that steers the list comes from a resource."""

    def build() -> None:
        topic = aws.sns.Topic("notices")
        waiting = aws.sqs.Queue("jobs")
        table = aws.dynamodb.Table("runs", attributes=[])
        things = replace(
            watched(),
            queues={"jobs": QueueRef(waiting.name, waiting.url, waiting.arn)},
            tables={"runs": TableRef(table.name, table.arn)},
        )
        place = ReplicaPlace(THERE, FAR_TOPIC)
        Alarms("alarms", AlarmsArgs(things, LIMITS, TopicRef(topic.name, topic.arn), place))

    found = [item for item in registered(build, preview=True) if item.type == "aws:cloudwatch/metricAlarm:MetricAlarm"]
    assert {item.name for item in found} < {alarm.name for alarm in LIST}
    assert len(found) == len(LIST) - 2 - 2 * 5
