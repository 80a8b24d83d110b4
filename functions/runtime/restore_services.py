"""Wires the restore function and the restore worker: what outlives an invocation, and what each one gets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Self

from functions.adapters.dynamo.ledger import DynamoLedger
from functions.adapters.self_invocation import SelfInvocation
from functions.adapters.sns import SnsNotifier
from functions.adapters.sqs import SqsQueue, SqsVisibility
from functions.contract.environment import CommonEnvironment, RestoreEnvironment, RestoreWorkerEnvironment
from functions.contract.messages import RestoreMessage
from functions.contract.metric_names import Metric
from functions.runtime.batches import BatchRunner, LambdaContext
from functions.runtime.cloud import Cloud
from functions.runtime.environment import read_environment
from functions.runtime.restore_closing import RestoreCloser
from functions.runtime.restore_planning import RestorePlanner
from functions.runtime.restore_worker import RestoreWorker, RestoreWorkerPorts, RestoreWorkerSettings
from functions.runtime.restores import RestorePorts, Restores, RestoreSettings
from functions.runtime.telemetry import Telemetry
from functions.runtime.toolbox import Connection, Toolbox, now


class _Shared:
    """What both functions need."""

    def __init__(self, service: str, environment: CommonEnvironment, table: str, variables: Mapping[str, str]) -> None:
        self.telemetry = Telemetry(service, environment.stack, environment.log_level)
        self.tools = Toolbox(Connection(environment.aws_region, environment.aws_endpoint_url), variables)
        self.cloud = Cloud(environment.aws_region, environment.aws_endpoint_url)
        self.ledger = DynamoLedger(self.cloud.dynamodb, table)
        self.notifier = SnsNotifier(self.cloud.sns, environment.topic_arn)
        self.closer = RestoreCloser(self.ledger, self.notifier, self.telemetry, now)

    @contextmanager
    def invocation(self, context: LambdaContext) -> Iterator[None]:
        """Speak for one invocation; count its S3 requests and send all metrics at its end."""
        before = self._requests
        with self.telemetry.invocation(context.aws_request_id):
            try:
                yield
            finally:
                self.telemetry.count(Metric.REQUESTS, self._requests - before)

    @property
    def _requests(self) -> int:
        return sum(self.tools.requests.values())


class RestoreService:
    """The restore function, once for each execution environment."""

    def __init__(self, environment: RestoreEnvironment, variables: Mapping[str, str]) -> None:
        """Make clients; nothing is sent yet."""
        self._shared = shared = _Shared("restore", environment, environment.restores_table, variables)
        store = shared.tools.store(environment.repository_bucket)
        archive = shared.tools.archive(environment.repository_bucket)
        ports = RestorePorts(
            archive=archive,
            ledger=shared.ledger,
            queue=SqsQueue(shared.cloud.sqs, environment.restore_queue_url),
            notifier=shared.notifier,
            planner=RestorePlanner(store, archive, shared.ledger, now),
            closer=shared.closer,
            invoke=SelfInvocation(shared.cloud.lambda_, environment.aws_lambda_function_name),
            telemetry=shared.telemetry,
            clock=now,
        )
        kept = timedelta(days=environment.ledger_days)
        self._restores = Restores(
            ports, RestoreSettings(environment.restore_buckets, environment.restore_concurrency, kept)
        )

    @classmethod
    def from_variables(cls, variables: Mapping[str, str]) -> Self:
        """Read the environment. ConfigurationError names all that is wrong with it."""
        return cls(read_environment(RestoreEnvironment, variables), variables)

    def run(self, event: object, context: LambdaContext) -> dict[str, Any]:
        """Do what the event asks for; give how it stands."""
        with self._shared.invocation(context):
            return self._restores.handle(
                event, context.aws_request_id, lambda: context.get_remaining_time_in_millis() / 1_000
            )


class RestoreWorkerService:
    """The restore worker, once for each execution environment."""

    def __init__(self, environment: RestoreWorkerEnvironment, variables: Mapping[str, str]) -> None:
        """Make clients; nothing is sent yet."""
        self._shared = shared = _Shared("restore_worker", environment, environment.restores_table, variables)
        ports = RestoreWorkerPorts(
            store=shared.tools.store(environment.repository_bucket),
            destination=shared.tools.to_bucket,
            lister=lambda bucket: shared.tools.source(bucket).list,
            ledger=shared.ledger,
            closer=shared.closer,
            telemetry=shared.telemetry,
            clock=now,
        )
        settings = RestoreWorkerSettings(environment.restore_buckets, environment.max_receive_count)
        self._worker = RestoreWorker(ports, settings)
        self._runner = BatchRunner(
            RestoreMessage,
            SqsQueue(shared.cloud.sqs, environment.dead_letter_queue_url),
            SqsVisibility(shared.cloud.sqs, [environment.restore_queue_url]),
            shared.telemetry,
        )

    @classmethod
    def from_variables(cls, variables: Mapping[str, str]) -> Self:
        """Read the environment. ConfigurationError names all that is wrong with it."""
        return cls(read_environment(RestoreWorkerEnvironment, variables), variables)

    def run(self, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Work on one batch of messages; give the partial batch response."""
        with self._shared.invocation(context):
            return self._runner.run(event, context, self._worker.work)
