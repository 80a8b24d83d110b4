"""The collector function: reads what it is asked to do, wires and runs a collection, and tells what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from functions.adapters.dynamo.shelf import DynamoShelf
from functions.adapters.dynamo.targets import DynamoTargets
from functions.adapters.sns import SnsNotifier
from functions.contract.environment import CollectorEnvironment
from functions.contract.metric_names import Metric
from functions.engine.errors import OutOfTimeError
from functions.engine.orchestration.collect_notices import collection_notice, too_long_notice
from functions.engine.orchestration.collect_request import CollectRequest, parse_collect
from functions.engine.orchestration.ports import Notifier
from functions.engine.retention.collector import collect
from functions.engine.retention.policy import RetentionPolicy
from functions.engine.retention.ports import CollectorPorts
from functions.engine.retention.settings import CollectionReport, CollectSettings
from functions.engine.retention.timed_vault import TimedVault
from functions.engine.safety import SafetyParameters
from functions.engine.timed_store import TimedStore, TimeLeft
from functions.runtime.batches import LambdaContext
from functions.runtime.cloud import Cloud
from functions.runtime.environment import read_environment
from functions.runtime.telemetry import Telemetry
from functions.runtime.toolbox import Connection, Toolbox, random_hex

CLOSING: Final = 30.0
"""Seconds before the deadline at which nothing new is begun: enough to tell people."""
MEASURING: Final = 0.5
"""The part of the time after which measuring is given up: locks and waits are worth more than sparse packs."""

CONDEMNED: Final = 10_000
"""Packs that one invocation condemns at most, 160 GB: of small files that is a write of the table for every 2 KB. The
others are left for the next one."""

_COUNTED: Final = (
    (Metric.BACKUPS_EXPIRED, "backups_expire"),
    (Metric.PACKS_CONDEMNED, "packs_condemn"),
    (Metric.PACKS_EXPIRED, "packs_expire"),
    (Metric.LOCKS_EXTENDED, "locks_extended"),
    (Metric.RECORDS_UNREADABLE, "unreadable_needed"),
    (Metric.BACKUPS_SKEWED, "skewed"),
)


@dataclass(frozen=True, slots=True)
class CollectingPorts:
    """Everything from outside."""

    collector: CollectorPorts
    notifier: Notifier
    telemetry: Telemetry


@dataclass(frozen=True, slots=True)
class CollectingSettings:
    """How collections of this stack work; `collection` is what an event may change."""

    stack: str
    repository_bucket: str
    collection: CollectSettings


class Collecting:
    """Does one collection after the other. Two at once do no harm: see functions.engine.retention.collector."""

    def __init__(self, ports: CollectingPorts, settings: CollectingSettings) -> None:
        """Nothing is asked yet."""
        self._ports = ports
        self._settings = settings

    def run(self, event: Mapping[str, Any], time_left: TimeLeft) -> dict[str, Any]:
        """Do what the event asks for; give counts and troubles. A dry run writes, tells and counts nothing.

        A collection whose time ends tells people and gives `ended` as false. It is not done again by itself: the next
        one makes good whatever it left.
        """
        request, began = parse_collect(event), time_left()
        try:
            report = collect(self._timed(time_left), self._collection(request, time_left))
        except OutOfTimeError as error:
            return self._too_long(request, error)
        if not request.dry_run:
            self._tell(report, began - time_left())
        return _answer(report, request)

    def _timed(self, time_left: TimeLeft) -> CollectorPorts:
        ports = self._ports.collector

        def working_time() -> float:
            return time_left() - CLOSING

        return replace(ports, store=TimedStore(ports.store, working_time), vault=TimedVault(ports.vault, working_time))

    def _collection(self, request: CollectRequest, time_left: TimeLeft) -> CollectSettings:
        given, end = self._settings.collection, time_left() * (1 - MEASURING)
        return replace(
            given,
            measure=request.measure,
            measuring_time=lambda: time_left() - end,
            dry_run=request.dry_run,
            expire_share=given.expire_share if request.expire_share is None else request.expire_share,
        )

    def _tell(self, report: CollectionReport, seconds: float) -> None:
        """Count what was done, and let people know what needs them."""
        telemetry = self._ports.telemetry
        counts = {name: count for name, count in sorted(report.counts.items()) if count}
        telemetry.info("collection ended", collection=report.collection, counts=counts, bytes=dict(report.sizes))
        for reason in report.refused:
            telemetry.error("collection refused", reason=reason)
        for pack in report.damaged:
            telemetry.warning("pack stays: its index cannot be read", pack=pack)
        for metric, name in _COUNTED:
            telemetry.count(metric, report.counts[name])
        telemetry.count(Metric.BYTES_EXPIRED, report.sizes["expire"])
        telemetry.count(Metric.COLLECTION_REFUSED, len(report.refused))
        telemetry.count(Metric.PACKS_MISSING, report.counts["packs_missing"] + report.counts["backups_lost"])
        telemetry.count(Metric.COLLECTION_DURATION, seconds)
        telemetry.count(Metric.COLLECTIONS_COMPLETED, 1)
        notice = collection_notice(self._settings.stack, self._settings.repository_bucket, report)
        if notice is not None:
            self._ports.notifier.publish(notice)

    def _too_long(self, request: CollectRequest, error: OutOfTimeError) -> dict[str, Any]:
        self._ports.telemetry.error("collection did not end", code=error.code, reason=error.message)
        if not request.dry_run:
            notice = too_long_notice(
                self._settings.stack, self._settings.repository_bucket, error.message, measured=request.measure
            )
            self._ports.notifier.publish(notice)
        return {"ended": False, "dry_run": request.dry_run, "reason": error.message}


class CollectService:
    """The collector function, once for each execution environment."""

    def __init__(self, environment: CollectorEnvironment, variables: Mapping[str, str]) -> None:
        """Make clients; nothing is sent yet."""
        self._telemetry = Telemetry("collector", environment.stack, environment.log_level)
        self._tools = Toolbox(Connection(environment.aws_region, environment.aws_endpoint_url), variables)
        self._collecting = Collecting(_ports(environment, self._tools, self._telemetry), settings_of(environment))

    @classmethod
    def from_variables(cls, variables: Mapping[str, str]) -> Self:
        """Read the environment. ConfigurationError names all that is wrong with it."""
        return cls(read_environment(CollectorEnvironment, variables), variables)

    def run(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Do one collection."""
        before = sum(self._tools.requests.values())
        with self._telemetry.invocation(context.aws_request_id):
            try:
                return self._collecting.run(event, lambda: context.get_remaining_time_in_millis() / 1_000)
            finally:
                self._telemetry.count(Metric.REQUESTS, sum(self._tools.requests.values()) - before)

    def close(self) -> None:
        """End the transport."""
        self._tools.close()


def settings_of(environment: CollectorEnvironment) -> CollectingSettings:
    """Give how collections of a stack work. ConfigurationError for a policy that makes no sense."""
    policy = RetentionPolicy(
        environment.retention_days,
        environment.keep_daily or 0,
        environment.keep_weekly or 0,
        environment.keep_monthly or 0,
        environment.keep_yearly or 0,
    )
    collection = CollectSettings(
        policy,
        environment.lock_days,
        SafetyParameters(condemn_limit=CONDEMNED),
        expire_share=environment.expire_share,
        bucket=environment.repository_bucket,
    )
    return CollectingSettings(environment.stack, environment.repository_bucket, collection)


def _ports(environment: CollectorEnvironment, tools: Toolbox, telemetry: Telemetry) -> CollectingPorts:
    cloud = Cloud(environment.aws_region, environment.aws_endpoint_url)
    collector = CollectorPorts(
        store=tools.store(environment.repository_bucket),
        vault=tools.vault(environment.repository_bucket),
        targets=DynamoTargets(cloud.dynamodb, environment.dedup_table),
        ids=random_hex,
        shelf=DynamoShelf(cloud.dynamodb, environment.backups_table),
    )
    return CollectingPorts(collector, SnsNotifier(cloud.sns, environment.topic_arn), telemetry)


def _answer(report: CollectionReport, request: CollectRequest) -> dict[str, Any]:
    return {
        "ended": True,
        "dry_run": request.dry_run,
        "collection": report.collection,
        **{name: value for name, value in report.document().items() if value},
    }
