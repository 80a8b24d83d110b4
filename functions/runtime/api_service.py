"""Wires the API's function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from functions.adapters.dynamo.ledger import DynamoLedger
from functions.adapters.self_invocation import SelfInvocation
from functions.contract.environment import ApiEnvironment
from functions.runtime.api_history import DynamoHistory
from functions.runtime.api_ports import ApiPorts
from functions.runtime.api_router import Router
from functions.runtime.batches import LambdaContext
from functions.runtime.cloud import Cloud
from functions.runtime.environment import read_environment
from functions.runtime.telemetry import Telemetry
from functions.runtime.toolbox import Connection, Toolbox, now


class ApiService:
    """The API's function, once for each execution environment."""

    def __init__(self, environment: ApiEnvironment, variables: Mapping[str, str]) -> None:
        """Make clients; nothing is sent yet."""
        self._telemetry = Telemetry("api", environment.stack, environment.log_level)
        tools = Toolbox(Connection(environment.aws_region, environment.aws_endpoint_url), variables)
        cloud = Cloud(environment.aws_region, environment.aws_endpoint_url)
        ports = ApiPorts(
            sources=tuple(source.name for source in environment.sources),
            restore_buckets=environment.restore_buckets,
            runs=DynamoLedger(cloud.dynamodb, environment.runs_table),
            restores=DynamoLedger(cloud.dynamodb, environment.restores_table),
            history=DynamoHistory(cloud.dynamodb, environment.backups_table),
            store=tools.store(environment.repository_bucket),
            start_run=SelfInvocation(cloud.lambda_, environment.initiator_function_name),
            start_restore=SelfInvocation(cloud.lambda_, environment.restore_function_name),
            clock=now,
            restore_concurrency=environment.restore_concurrency,
        )
        self._router = Router(ports, self._telemetry)

    @classmethod
    def from_variables(cls, variables: Mapping[str, str]) -> Self:
        """Read the environment. ConfigurationError names all that is wrong with it."""
        return cls(read_environment(ApiEnvironment, variables), variables)

    def run(self, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Answer one request."""
        with self._telemetry.invocation(context.aws_request_id):
            return self._router.answer(event, lambda: context.get_remaining_time_in_millis() / 1_000).event()
