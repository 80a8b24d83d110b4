"""Wires the watchdog function."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Self

from functions.adapters.dynamo.ledger import DynamoLedger
from functions.adapters.dynamo.users import DynamoUsers
from functions.adapters.sns import SnsNotifier
from functions.contract.environment import WatchdogEnvironment
from functions.runtime.batches import LambdaContext
from functions.runtime.closing import RunCloser
from functions.runtime.cloud import Cloud
from functions.runtime.environment import read_environment
from functions.runtime.telemetry import Telemetry
from functions.runtime.toolbox import now
from functions.runtime.watchdog import Watchdog, WatchdogPorts, WatchdogSettings


class WatchdogService:
    """The watchdog function, once for each execution environment."""

    def __init__(self, environment: WatchdogEnvironment) -> None:
        """Make clients; nothing is sent yet."""
        self._telemetry = Telemetry("watchdog", environment.stack, environment.log_level)
        cloud = Cloud(environment.aws_region, environment.aws_endpoint_url)
        ledger = DynamoLedger(cloud.dynamodb, environment.runs_table)
        users = DynamoUsers(cloud.dynamodb, environment.users_table)
        notifier = SnsNotifier(cloud.sns, environment.topic_arn)
        closer = RunCloser(ledger, users, notifier, self._telemetry, now, environment.stack)
        self._watchdog = Watchdog(
            WatchdogPorts(ledger, users, notifier, closer, self._telemetry, now),
            WatchdogSettings(
                stack=environment.stack, sources=environment.sources, rpo=timedelta(hours=environment.rpo_hours)
            ),
        )

    @classmethod
    def from_variables(cls, variables: Mapping[str, str]) -> Self:
        """Read the environment. ConfigurationError names all that is wrong with it."""
        return cls(read_environment(WatchdogEnvironment, variables))

    def run(self, context: LambdaContext) -> dict[str, Any]:
        """Look at every source; give what was found."""
        with self._telemetry.invocation(context.aws_request_id):
            return self._watchdog.look()
