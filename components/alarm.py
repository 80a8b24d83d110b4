"""What an alarm is, as data: a comparison of metrics, what silence means to it, and the page that says what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple

from pulumi import Input

from functions.contract.metric_names import NAMESPACE, Dimension, MetricName
from functions.engine.errors import ConfigurationError

Statistic = Literal["Average", "Maximum", "Minimum", "SampleCount", "Sum"]

HOUR = 3_600
DAY = 86_400
LONGEST = 7 * DAY
"""Seconds that an alarm can look back when its period is an hour or more, a day when it is less (Amazon CloudWatch
API Reference, PutMetricAlarm)."""


class Compared(StrEnum):
    """How a value is compared with the threshold."""

    AT_LEAST = "GreaterThanOrEqualToThreshold"
    BELOW = "LessThanThreshold"


class Silence(NamedTuple):
    """What a period without data means, and why."""

    treatment: Literal["breaching", "ignore", "notBreaching"]
    reason: str


STAYS = Silence("ignore", "each look and each run counts it, zero included: until the next one, nothing has changed")
NOTHING = Silence("notBreaching", "it is counted only when it happens: silence means that nothing happened")
ALARMING = Silence("breaching", "silence is what this alarm is about")
IDLE_QUEUE = Silence("ignore", "SQS stops reporting on a queue that nobody touched for six hours, full or empty")
QUIET_QUEUE = Silence("notBreaching", "SQS stops reporting on a queue that nobody touched for six hours: nothing waits")
TABLE = Silence("ignore", "alarms on AWS/DynamoDB ignore silence whatever is set; FILL gives the zero that ends them")
DAILY = Silence("ignore", "S3 reports once a day, some hours late: until then, yesterday's size holds")


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one metric of one thing. `id` names them in the alarm's expression."""

    namespace: str
    metric: str
    dimensions: Mapping[str, Input[str]]
    statistic: Statistic
    id: str = "m"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """An alarm. With an expression it compares that, else its only series.

    `name` is unique in a stack, `subject` the thing that it watches, `says` a sentence for whoever is woken. It rings
    when `datapoints` of the last `periods` are over the threshold; by default all of them.
    """

    name: str
    page: str
    says: str
    series: tuple[Series, ...]
    threshold: float
    silence: Silence
    expression: str | None = None
    comparison: Compared = Compared.AT_LEAST
    period: int = 300
    """Seconds."""
    periods: int = 1
    datapoints: int | None = None
    tells_end: bool = False
    """Whether people are told when it is over."""
    in_replica_region: bool = False

    def __post_init__(self) -> None:
        """Refuse what CloudWatch would."""
        longest = LONGEST if self.period >= HOUR else DAY
        if self.period % 60 or not 0 < self.period * self.periods <= longest:
            span = f"{self.periods} x {self.period} s"
            raise ConfigurationError(f"{self.name} looks back {span}, which CloudWatch refuses")
        if self.expression is None and len(self.series) != 1:
            raise ConfigurationError(f"{self.name} has {len(self.series)} series and no expression")


def own(
    metric: MetricName, stack: str, source: str | None = None, *, code: str | None = None, statistic: Statistic
) -> Series:
    """Give the values of a metric of ours, with the dimensions that functions.runtime.telemetry writes."""
    dimensions: dict[str, Input[str]] = {Dimension.STACK: stack}
    if source is not None:
        dimensions[Dimension.SOURCE] = source
    if code is not None:
        dimensions[Dimension.CODE] = code
    return Series(NAMESPACE, str(metric), dimensions, statistic)


def silent(series: Series, hours: int) -> tuple[str, int, int]:
    """Give expression, period and number of periods of an alarm that rings when nothing came for so many hours.

    FILL is exact where a treatment of missing data alone is not: CloudWatch looks back farther than the periods that
    it evaluates, and lets a value from there stand in for those that are missing (Amazon CloudWatch User Guide,
    "Configuring how CloudWatch alarms treat missing data").
    """
    return f"FILL({series.id}, 0)", HOUR, hours
