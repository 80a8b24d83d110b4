"""Alarms: everything that must wake somebody, each with a page that says what to do."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.alarm import Alarm, Series
from components.alarm_list import Watched, alarm_list
from components.refs import TopicRef
from components.settings.watching import Alarms as Limits
from functions.engine.errors import ConfigurationError

RUNBOOKS = "docs/runbooks"


@dataclass(frozen=True)
class ReplicaPlace:
    """Where alarms about the replica stand: CloudWatch alarms on metrics of its own region, and tells topics there."""

    region: str
    topic: TopicRef


@dataclass(frozen=True)
class AlarmsArgs:
    """What is watched, who is told, and from which value on.

    A topic that is encrypted with a CMK must let `cloudwatch.amazonaws.com` publish, and its key let it use
    kms:Decrypt and kms:GenerateDataKey*: without, alarms ring and nobody hears them (AWS Knowledge Center, "Why didn't
    I receive an SNS notification for my CloudWatch alarm trigger?").
    """

    watched: Watched
    limits: Limits
    topic: TopicRef
    replica: ReplicaPlace | None = None
    runbooks: str = RUNBOOKS
    """Where the pages are: a path of the repository, or the address of its folder."""
    quiet: bool = False
    """Rings, and tells nobody: nothing comes by the clock, so that nothing can be missed."""


class Alarms(pulumi.ComponentResource):
    """All alarms on metrics. `arns` are those in the stack's region, which a dashboard can show."""

    arns: list[pulumi.Output[str]]
    names: list[str]

    def __init__(self, name: str, args: AlarmsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("strongroom:index:Alarms", name, None, opts)
        if (args.watched.replicated is None) != (args.replica is None):
            raise ConfigurationError("a replica is watched from its own region: give region and topic, or no replica")
        self._args = args
        alarms = alarm_list(args.watched, args.limits)
        made = [(alarm, self._metric_alarm(alarm)) for alarm in alarms]
        self.arns = [one.arn for alarm, one in made if not alarm.in_replica_region]
        self.names = [self._physical_name(alarm) for alarm in alarms]
        self.register_outputs({"names": self.names})

    def _physical_name(self, alarm: Alarm) -> str:
        return f"{self._args.watched.stack}-{alarm.name}"

    def _metric_alarm(self, alarm: Alarm) -> aws.cloudwatch.MetricAlarm:
        region, topic = self._place(alarm)
        one = alarm.series[0] if alarm.expression is None else None
        return aws.cloudwatch.MetricAlarm(
            alarm.name,
            name=self._physical_name(alarm),
            region=region,
            alarm_description=f"{alarm.says} What to do: {self._args.runbooks}/{alarm.page}.md",
            alarm_actions=[topic.arn],
            ok_actions=[topic.arn] if alarm.tells_end else [],
            actions_enabled=False if self._args.quiet else None,
            comparison_operator=alarm.comparison.value,
            threshold=alarm.threshold,
            evaluation_periods=alarm.periods,
            datapoints_to_alarm=alarm.datapoints or alarm.periods,
            treat_missing_data=alarm.silence.treatment,
            namespace=one.namespace if one else None,
            metric_name=one.metric if one else None,
            dimensions=one.dimensions if one else None,
            statistic=one.statistic if one else None,
            period=alarm.period if one else None,
            metric_queries=None if one else _queries(alarm),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _place(self, alarm: Alarm) -> tuple[str | None, TopicRef]:
        """Give region and topic. An alarm watches metrics of its own region only, and tells topics there only."""
        if alarm.in_replica_region and self._args.replica is not None:
            return self._args.replica.region, self._args.replica.topic
        return None, self._args.topic


def _queries(alarm: Alarm) -> list[aws.cloudwatch.MetricAlarmMetricQueryArgs]:
    """Give the expression of an alarm, with the series that it is made of."""
    total = aws.cloudwatch.MetricAlarmMetricQueryArgs(
        id="total", expression=alarm.expression, label=alarm.name, return_data=True
    )
    return [total, *(_query(series, alarm.period) for series in alarm.series)]


def _query(series: Series, period: int) -> aws.cloudwatch.MetricAlarmMetricQueryArgs:
    return aws.cloudwatch.MetricAlarmMetricQueryArgs(
        id=series.id,
        return_data=False,
        metric=aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
            namespace=series.namespace,
            metric_name=series.metric,
            dimensions=series.dimensions,
            stat=series.statistic,
            period=period,
        ),
    )
