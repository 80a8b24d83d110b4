"""What works every night: queues, functions and schedules, in a network of their own."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi import ComponentResource, Input, ResourceOptions

from components.data_plane import DESCRIPTIONS, DataPlane, DataPlaneArgs, Sizing
from components.network import Network, NetworkArgs, zone_names
from components.package import Package, PackageArgs
from components.queue import RECEIVES, DeadLetters, DeadLettersArgs, Queue, QueueArgs, visibility_for
from components.refs import FunctionRef, NetworkRef, QueueRef, TopicRef
from components.remediation import Remediation, RemediationArgs
from components.resources import REMEDIATOR, Resources
from components.rights_policy import endpoint_access
from components.schedules import TARGETS, Schedules, SchedulesArgs, entries
from components.settings import Names, Settings
from components.settings.retention import Retention
from components.settings.rules_time import COLLECTION_DAYS
from components.storage import Storage
from functions.contract.environment import SourceSetting

SCRATCH_PREFIX = "drills/"
QUEUES = ("jobs", "priority", "restores")


@dataclass(frozen=True)
class ServiceArgs:
    """The settings, what everything is called, where data lies, and who is told."""

    settings: Settings
    names: Names
    storage: Storage
    topic: TopicRef


class Service(ComponentResource):
    """The functions of a stack and what starts them."""

    functions: dict[str, FunctionRef]
    queues: dict[str, QueueRef]
    dead_letters: dict[str, QueueRef]
    schedule_group: Input[str]

    def __init__(self, name: str, args: ServiceArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("strongroom:index:Service", name, None, opts)
        self._args, self._own = args, ResourceOptions(parent=self)
        settings, names = args.settings, args.names
        made = {queue: self._queue(queue) for queue in QUEUES}
        failures = DeadLetters("failures", DeadLettersArgs(names.queue("failures"), args.storage.key), self._own).ref
        self.queues = {queue: one.ref for queue, one in made.items()}
        self.dead_letters = {**{queue: one.dead_letters for queue, one in made.items()}, "failures": failures}
        resources = self._resources()
        package = Package("package", PackageArgs(names.of("layer")), self._own)
        plane = DataPlane(
            "functions",
            DataPlaneArgs(
                stack=names.stack,
                resources=resources,
                code=package.code,
                layer_arn=package.layer_arn,
                failures=failures,
                network=self._network(resources) if settings.network.isolated else None,
                sizing=_sizing(settings),
                values=_values(settings),
            ),
            self._own,
        )
        self.functions = plane.functions
        self._remediation()
        self.schedule_group = self._schedules(failures)
        self.register_outputs({"functions": {key: ref.name for key, ref in self.functions.items()}})

    def _queue(self, queue: str) -> Queue:
        names, timeout = self._args.names, self._args.settings.workers.timeout_seconds
        args = QueueArgs(names.queue(queue), self._args.storage.key, visibility_for(timeout))
        return Queue(queue, args, self._own)

    def _resources(self) -> Resources:
        settings, names, storage = self._args.settings, self._args.names, self._args.storage
        return Resources(
            account_id=settings.account_id,
            region=settings.region,
            functions={function: names.function(function) for function in DESCRIPTIONS},
            key=storage.key,
            repository_key=storage.repository_key,
            more_table_keys=(storage.repository_key.arn,) if settings.promote and settings.promote.tables else (),
            sources=tuple(SourceSetting(s.name, s.bucket, s.prefix, s.priority) for s in settings.sources),
            source_keys=tuple(source.key_arn for source in settings.sources if source.key_arn),
            repository=storage.repository,
            scratch=storage.scratch,
            scratch_prefix=SCRATCH_PREFIX,
            restore_buckets=settings.restore.buckets,
            restore_keys=settings.restore.key_arns,
            tables=storage.tables,
            job_queue=self.queues["jobs"],
            priority_queue=self.queues["priority"],
            restore_queue=self.queues["restores"],
            job_dead_letters=self.dead_letters["jobs"],
            priority_dead_letters=self.dead_letters["priority"],
            restore_dead_letters=self.dead_letters["restores"],
            topic=self._args.topic,
            partition=settings.partition,
        )

    def _network(self, resources: Resources) -> NetworkRef:
        settings = self._args.settings
        args = NetworkArgs(
            cidr=settings.network.cidr,
            zones=zone_names(settings.region, settings.network.zones),
            region=settings.region,
            account_id=settings.account_id,
            access=endpoint_access(resources),
            principals=tuple(resources.role_pattern(function) for function in DESCRIPTIONS),
            key=resources.key,
            log_days=settings.workers.log_days,
            partition=settings.partition,
        )
        return Network("network", args, self._own).ref

    def _remediation(self) -> None:
        names = self._args.names
        args = RemediationArgs(
            stack=names.stack,
            account_id=self._args.settings.account_id,
            remediator=self.functions[REMEDIATOR],
            functions={names.function(name): ref for name, ref in self.functions.items() if name != REMEDIATOR},
            enabled=self._args.settings.remediation.enabled,
        )
        Remediation("remediation", args, self._own)

    def _schedules(self, failures: QueueRef) -> Input[str]:
        settings = self._args.settings
        expressions = {name: str(getattr(settings.schedules, name)) for name in TARGETS}
        args = SchedulesArgs(
            group=self._args.names.of("schedules"),
            entries=entries(expressions, self.functions),
            dead_letters=failures,
            key=self._args.storage.key,
            account_id=settings.account_id,
            region=settings.region,
            timezone=settings.schedules.timezone,
            partition=settings.partition,
            paused=settings.schedules.paused,
        )
        return Schedules("schedules", args, self._own).group


def _values(settings: Settings) -> dict[str, object]:
    """Give what functions know of the settings, by the fields of their environments."""
    verification, retention, remediation = settings.verification, settings.retention, settings.remediation
    return {
        "max_receive_count": RECEIVES,
        "retention_days": retention.days,
        "catalog_days": catalog_days(retention),
        # 0 is off, and no number that an environment may hold.
        "keep_daily": retention.daily or None,
        "keep_weekly": retention.weekly or None,
        "keep_monthly": retention.monthly or None,
        "keep_yearly": retention.yearly or None,
        "expire_share": retention.expire_share,
        "lock_days": retention.lock_days,
        "run_window_minutes": settings.alarms.run_window_minutes,
        "rpo_hours": settings.alarms.rpo_hours,
        "sample_percent": verification.sample_percent,
        "drills_a_day": verification.drills_a_day,
        "drill_coverage_days": verification.drill_coverage_days,
        "drills_kept_days": retention.audit_days,
        "remediation_enabled": remediation.enabled,
        "memory_ceiling_mb": remediation.memory_ceiling_mb,
        "redrives_per_day": remediation.redrives_per_day or None,
        "reruns_per_day": remediation.reruns_per_day or None,
        "backoff_minutes": remediation.backoff_minutes,
        "pause_after_failures": remediation.pause_after_failures or None,
    }


def catalog_days(retention: Retention) -> int:
    """Say for how many days the catalog should know a backup: until collections have let go of whatever rules keep."""
    longest = max(retention.days, retention.daily, 7 * retention.weekly, 31 * retention.monthly, 366 * retention.yearly)
    return longest + COLLECTION_DAYS


def _sizing(settings: Settings) -> Sizing:
    workers = settings.workers
    return Sizing(
        memory_mb=workers.memory_mb,
        timeout_seconds=workers.timeout_seconds,
        concurrency=workers.concurrency,
        priority_concurrency=workers.priority_concurrency,
        restore_concurrency=workers.restore_concurrency,
        event_concurrency=workers.event_concurrency,
        log_days=workers.log_days,
        reserved=workers.reserved,
    )
