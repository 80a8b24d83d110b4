"""Wires the worker function: what outlives an invocation, and what each batch gets anew."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from functions.adapters.dynamo.catalog import DynamoCatalog
from functions.adapters.dynamo.ledger import DynamoLedger
from functions.adapters.dynamo.users import DynamoUsers
from functions.adapters.sns import SnsNotifier
from functions.adapters.sqs import SqsQueue, SqsVisibility
from functions.contract.environment import SourceSetting, WorkerEnvironment
from functions.contract.messages import BackupMessage
from functions.contract.metric_names import Metric
from functions.engine.backup import BackupSession, Ports
from functions.engine.safety import SafetyParameters
from functions.runtime.backup_worker import OBJECT_LIMIT, BackupWorker, WorkerPorts, WorkerSettings
from functions.runtime.batches import BatchRunner, LambdaContext
from functions.runtime.closing import RunCloser
from functions.runtime.cloud import Cloud
from functions.runtime.drained import DrainedPacks
from functions.runtime.environment import read_environment
from functions.runtime.telemetry import Telemetry
from functions.runtime.toolbox import Connection, Toolbox, now, random_hex

_CORES = 1
"""A worker has 1,769 MB, which is one vCPU (AWS Lambda Developer Guide, "Configure Lambda function memory")."""


class BackupService:
    """The worker function, once for each execution environment."""

    def __init__(self, environment: WorkerEnvironment, variables: Mapping[str, str]) -> None:
        """Make clients; nothing is sent yet."""
        self._environment = environment
        self._telemetry = Telemetry("worker", environment.stack, environment.log_level)
        self._tools = Toolbox(Connection(environment.aws_region, environment.aws_endpoint_url), variables)
        cloud = Cloud(environment.aws_region, environment.aws_endpoint_url)
        self._ports = _ports(environment, cloud, self._tools, self._telemetry)
        self._drained = DrainedPacks(self._ports.store)
        self._settings = WorkerSettings(
            {setting.name: setting for setting in environment.sources},
            environment.max_receive_count,
            timedelta(days=environment.catalog_days),
            environment.split_files,
        )
        self._runner = BatchRunner(
            BackupMessage,
            SqsQueue(cloud.sqs, environment.dead_letter_queue_url),
            SqsVisibility(cloud.sqs, [environment.job_queue_url, environment.priority_queue_url]),
            self._telemetry,
        )

    @classmethod
    def from_variables(cls, variables: Mapping[str, str]) -> Self:
        """Read the environment. ConfigurationError names all that is wrong with it."""
        return cls(read_environment(WorkerEnvironment, variables), variables)

    def run(self, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Work on one batch of messages; give the partial batch response."""
        with self._telemetry.invocation(context.aws_request_id):
            before = sum(self._tools.requests.values())
            with _Sessions(self._ports, self._tools, self._environment, self._drained) as sessions:
                worker = BackupWorker(self._ports, self._settings, sessions.of)
                answer = self._runner.run(event, context, worker.work)
            self._telemetry.count(Metric.REQUESTS, sum(self._tools.requests.values()) - before)
            return answer


class _Sessions:
    """The sessions of one batch, one a source, each made when first asked for."""

    def __init__(
        self, ports: WorkerPorts, tools: Toolbox, environment: WorkerEnvironment, drained: DrainedPacks
    ) -> None:
        self._ports = ports
        self._drained = drained
        self._tools = tools
        self._table = environment.dedup_table
        self._open: dict[str, BackupSession] = {}
        self._stack = ExitStack()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def of(self, setting: SourceSetting) -> BackupSession:
        """Give the session of a source. Safe from any thread."""
        with self._lock:
            if setting.name not in self._open:
                ports = self._ports
                index = self._tools.index(ports.store, self._table)
                engine = Ports(ports.source(setting), ports.store, index, ports.clock, ports.ids)
                safety = SafetyParameters(object_limit=OBJECT_LIMIT)
                session = BackupSession(engine, workers=_CORES, safety=safety, avoid=self._drained.known())
                self._open[setting.name] = self._stack.enter_context(session)
            return self._open[setting.name]


def _ports(environment: WorkerEnvironment, cloud: Cloud, tools: Toolbox, telemetry: Telemetry) -> WorkerPorts:
    ledger = DynamoLedger(cloud.dynamodb, environment.runs_table)
    users = DynamoUsers(cloud.dynamodb, environment.users_table)
    notifier = SnsNotifier(cloud.sns, environment.topic_arn)
    return WorkerPorts(
        store=tools.store(environment.repository_bucket),
        source=lambda setting: tools.source(setting.bucket),
        ledger=ledger,
        catalog=DynamoCatalog(cloud.dynamodb, environment.backups_table),
        users=users,
        queues={
            True: SqsQueue(cloud.sqs, environment.priority_queue_url),
            False: SqsQueue(cloud.sqs, environment.job_queue_url),
        },
        closer=RunCloser(ledger, users, notifier, telemetry, now, environment.stack),
        telemetry=telemetry,
        clock=now,
        ids=random_hex,
    )
