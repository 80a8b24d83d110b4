"""Wires the initiator function."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Self

from functions.adapters.dynamo.ledger import DynamoLedger
from functions.adapters.dynamo.users import DynamoUsers
from functions.adapters.self_invocation import SelfInvocation
from functions.adapters.sns import SnsNotifier
from functions.adapters.sqs import SqsQueue
from functions.contract.environment import InitiatorEnvironment
from functions.runtime.batches import LambdaContext
from functions.runtime.closing import RunCloser
from functions.runtime.cloud import Cloud
from functions.runtime.environment import read_environment
from functions.runtime.initiator import Initiator, InitiatorPorts, InitiatorSettings
from functions.runtime.telemetry import Telemetry
from functions.runtime.toolbox import Connection, Toolbox, now, random_hex


class InitiatorService:
    """The initiator function, once for each execution environment."""

    def __init__(self, environment: InitiatorEnvironment, variables: Mapping[str, str]) -> None:
        """Make clients; nothing is sent yet."""
        self._telemetry = Telemetry("initiator", environment.stack, environment.log_level)
        self._tools = Toolbox(Connection(environment.aws_region, environment.aws_endpoint_url), variables)
        settings = InitiatorSettings(
            stack=environment.stack,
            sources=environment.sources,
            window=timedelta(minutes=environment.run_window_minutes),
            lease=timedelta(minutes=environment.run_lease_minutes),
            kept=timedelta(days=environment.ledger_days),
        )
        self._initiator = Initiator(_ports(environment, self._tools, self._telemetry), settings)

    @classmethod
    def from_variables(cls, variables: Mapping[str, str]) -> Self:
        """Read the environment. ConfigurationError names all that is wrong with it."""
        return cls(read_environment(InitiatorEnvironment, variables), variables)

    def run(self, event: object, context: LambdaContext) -> dict[str, Any]:
        """Start runs; give what became of each source."""
        with self._telemetry.invocation(context.aws_request_id):
            return self._initiator.start(
                event, context.aws_request_id, lambda: context.get_remaining_time_in_millis() / 1_000
            )

    def close(self) -> None:
        """End the transport."""
        self._tools.close()


def _ports(environment: InitiatorEnvironment, tools: Toolbox, telemetry: Telemetry) -> InitiatorPorts:
    cloud = Cloud(environment.aws_region, environment.aws_endpoint_url)
    ledger = DynamoLedger(cloud.dynamodb, environment.runs_table)
    users = DynamoUsers(cloud.dynamodb, environment.users_table)
    notifier = SnsNotifier(cloud.sns, environment.topic_arn)
    return InitiatorPorts(
        source=lambda setting: tools.source(setting.bucket),
        ledger=ledger,
        users=users,
        queues={
            True: SqsQueue(cloud.sqs, environment.priority_queue_url),
            False: SqsQueue(cloud.sqs, environment.job_queue_url),
        },
        notifier=notifier,
        closer=RunCloser(ledger, users, notifier, telemetry, now, environment.stack),
        invoke_self=SelfInvocation(cloud.lambda_, environment.aws_lambda_function_name),
        telemetry=telemetry,
        clock=now,
        ids=random_hex,
    )
