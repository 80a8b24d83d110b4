"""The verifier function: reads what it is asked to do, and wires and runs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from functions.adapters.dynamo.drills import DynamoDrills
from functions.adapters.dynamo.users import DynamoUsers
from functions.adapters.self_invocation import SelfInvocation
from functions.adapters.sns import SnsNotifier
from functions.contract.environment import VerifierEnvironment
from functions.contract.metric_names import Metric
from functions.engine.conflict import Conflict
from functions.engine.orchestration.verify_request import Kind, parse_request
from functions.engine.timed_store import TimeLeft
from functions.runtime.batches import LambdaContext
from functions.runtime.cloud import Cloud
from functions.runtime.drill_round import DrillRound
from functions.runtime.environment import read_environment
from functions.runtime.repository_checks import RepositoryChecks
from functions.runtime.telemetry import Telemetry
from functions.runtime.toolbox import Connection, RestoreNames, Toolbox, cores, now, random_hex
from functions.runtime.verifier_ports import VerifierPorts, VerifierSettings


def verify(
    ports: VerifierPorts, settings: VerifierSettings, event: Mapping[str, Any], time_left: TimeLeft
) -> dict[str, Any]:
    """Do what the event asks for; give what was looked at and found. Raises what kept it from looking."""
    request = parse_request(event, ports.clock().date())
    if request.kind is Kind.DRILL:
        return DrillRound(ports, settings).run(request, time_left)
    checks = RepositoryChecks(ports, settings)
    return (checks.sample if request.kind is Kind.SAMPLE else checks.structure)(request, time_left)


class VerifyService:
    """The verifier function, once for each execution environment."""

    def __init__(self, environment: VerifierEnvironment, variables: Mapping[str, str]) -> None:
        """Make clients; nothing is sent yet."""
        self._telemetry = Telemetry("verifier", environment.stack, environment.log_level)
        self._tools = Toolbox(Connection(environment.aws_region, environment.aws_endpoint_url), variables)
        self._ports = _ports(environment, self._tools, self._telemetry)
        self._settings = _settings(environment)

    @classmethod
    def from_variables(cls, variables: Mapping[str, str]) -> Self:
        """Read the environment. ConfigurationError names all that is wrong with it."""
        return cls(read_environment(VerifierEnvironment, variables), variables)

    def run(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Do one verification, or a part of one."""
        before = sum(self._tools.requests.values())
        with self._telemetry.invocation(context.aws_request_id):
            try:
                return verify(
                    self._ports, self._settings, event, lambda: context.get_remaining_time_in_millis() / 1_000
                )
            finally:
                self._telemetry.count(Metric.REQUESTS, sum(self._tools.requests.values()) - before)

    def close(self) -> None:
        """End the transport."""
        self._tools.close()


def _ports(environment: VerifierEnvironment, tools: Toolbox, telemetry: Telemetry) -> VerifierPorts:
    cloud = Cloud(environment.aws_region, environment.aws_endpoint_url)
    # Names are made by the drill, and its folder is its own: nothing to cut, to put before, or to leave alone.
    names = RestoreNames(cut="", prefix="", label="")
    return VerifierPorts(
        store=tools.store(environment.repository_bucket),
        source=lambda setting: tools.source(setting.bucket),
        destination=lambda: tools.to_bucket(environment.scratch_bucket, names, Conflict.OVERWRITE),
        scratch=tools.source(environment.scratch_bucket),
        users=DynamoUsers(cloud.dynamodb, environment.users_table),
        drills=DynamoDrills(cloud.dynamodb, environment.drills_table),
        notifier=SnsNotifier(cloud.sns, environment.topic_arn),
        telemetry=telemetry,
        clock=now,
        ids=random_hex,
        invoke_self=SelfInvocation(cloud.lambda_, environment.aws_lambda_function_name),
    )


def _settings(environment: VerifierEnvironment) -> VerifierSettings:
    return VerifierSettings(
        stack=environment.stack,
        sources=environment.sources,
        repository_bucket=environment.repository_bucket,
        scratch_prefix=environment.scratch_prefix,
        sample_percent=environment.sample_percent,
        drills_a_day=environment.drills_a_day,
        drill_coverage_days=environment.drill_coverage_days,
        drill_bytes=environment.drill_bytes,
        drills_kept_days=environment.drills_kept_days,
        workers=cores(),
    )
