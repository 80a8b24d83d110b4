"""Which of the stack's own alarms would ring: their series, as the functions and the embedded AWS have counted them.

The alarms are those that the program registered. Metrics of ours are read from the functions' logs, where CloudWatch
finds them too (embedded metric format); those of Lambda and SQS from the embedded AWS. Left out are alarms on what
nothing here counts (DynamoDB, S3, the scheduler, the age of messages), and those on silence, which take hours.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from functions.contract.metric_names import NAMESPACE
from sandbox.nights.logs import lines
from sandbox.nights.stack import Stack

ALARM: Final = "aws:cloudwatch/metricAlarm:MetricAlarm"
_LAMBDA: Final = "AWS/Lambda"
_DEPTH: Final = ("AWS/SQS", "ApproximateNumberOfMessagesVisible")
_AT_LEAST: Final = "GreaterThanOrEqualToThreshold"
_COMBINED: Final[Mapping[str, Callable[[list[float]], float]]] = {"Sum": sum, "Maximum": max, "SampleCount": len}


class Alarm(NamedTuple):
    """An alarm on one series. `name` is without the stack."""

    name: str
    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    statistic: str
    threshold: float


@dataclass
class Signals:
    """Values of series by namespace, metric and dimensions."""

    values: dict[tuple[str, str, frozenset[tuple[str, str]]], list[float]] = field(default_factory=dict)

    def add(self, namespace: str, metric: str, dimensions: Mapping[str, str], values: Iterable[float]) -> None:
        """Add values."""
        self.values.setdefault((namespace, metric, frozenset(dimensions.items())), []).extend(values)

    def of(self, namespace: str, metric: str, dimensions: Mapping[str, str]) -> list[float]:
        """Give the values of a series."""
        return self.values.get((namespace, metric, frozenset(dimensions.items())), [])

    def read(self, alarm: Alarm) -> float | None:
        """Give what an alarm compares, or None when nobody counted it."""
        values = self.of(alarm.namespace, alarm.metric, alarm.dimensions)
        return _COMBINED[alarm.statistic](values) if values else None

    def ringing(self, alarms: Iterable[Alarm]) -> dict[str, float]:
        """Give the alarms that ring, with what they have heard."""
        heard = ((alarm, self.read(alarm)) for alarm in alarms)
        return {alarm.name: value for alarm, value in heard if value is not None and value >= alarm.threshold}


def alarms_of(stack: Stack) -> list[Alarm]:
    """Give the stack's alarms on one series whose values are known here."""
    found = []
    for item in stack.state.of(ALARM):
        given = item.inputs
        series = given.get("namespace"), given.get("metricName")
        counted = series[0] in {NAMESPACE, _LAMBDA} or series == _DEPTH
        if counted and given["comparisonOperator"] == _AT_LEAST and given["statistic"] in _COMBINED:
            found.append(
                Alarm(item.name, *series, given["dimensions"], given["statistic"], float(given["threshold"]))  # type: ignore[arg-type] # both are there
            )
    return found


def listen(stack: Stack, alarms: Iterable[Alarm], since: datetime) -> Signals:
    """Give what was counted since a moment, and how many messages lie in the queues now."""
    signals = Signals()
    for function in stack.functions().values():
        for line in lines(stack, function, since):
            for metric, dimensions, values in _embedded(line, since):
                signals.add(NAMESPACE, metric, dimensions, values)
    for alarm in alarms:
        if alarm.namespace == _LAMBDA:
            signals.add(_LAMBDA, alarm.metric, alarm.dimensions, _counted(stack, alarm, since))
        elif (alarm.namespace, alarm.metric) == _DEPTH:
            signals.add(*_DEPTH, alarm.dimensions, [_waiting(stack, alarm.dimensions["QueueName"])])
    return signals


def _embedded(line: str, since: datetime) -> Iterator[tuple[str, dict[str, str], list[float]]]:
    """Give metric, dimensions and values of a line in the embedded metric format; nothing of any other line."""
    try:
        told = json.loads(line)
    except ValueError:
        return
    described = told.get("_aws") if isinstance(told, dict) else None
    if described is None or described["Timestamp"] < int(since.timestamp() * 1_000):
        return
    for group in described["CloudWatchMetrics"]:
        for names in group["Dimensions"]:
            dimensions = {name: str(told[name]) for name in names}
            for metric in group["Metrics"]:
                values = told[metric["Name"]]
                yield metric["Name"], dimensions, values if isinstance(values, list) else [values]


def _counted(stack: Stack, alarm: Alarm, since: datetime) -> list[float]:
    """Give what Lambda has counted, a value a minute."""
    answer: Any = stack.client("cloudwatch").get_metric_statistics(
        Namespace=alarm.namespace,
        MetricName=alarm.metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in alarm.dimensions.items()],
        StartTime=since,
        EndTime=datetime.now(UTC) + timedelta(seconds=1),
        Period=60,
        Statistics=[alarm.statistic],
    )
    return [float(point[alarm.statistic]) for point in answer["Datapoints"]]


def _waiting(stack: Stack, queue: str) -> float:
    sqs = stack.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return float(answer["Attributes"]["ApproximateNumberOfMessages"])
