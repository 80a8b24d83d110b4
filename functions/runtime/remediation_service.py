"""Wires the remediator function."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Self

from functions.adapters.dead_letters import SqsDeadLetters, SqsDepth
from functions.adapters.dynamo.ledger import DynamoLedger
from functions.adapters.function_memory import LambdaMemory
from functions.adapters.self_invocation import SelfInvocation
from functions.adapters.sns import SnsNotifier
from functions.adapters.sqs import SqsQueue
from functions.contract.environment import RemediatorEnvironment
from functions.contract.messages import BackupMessage, RestoreMessage
from functions.engine.orchestration.messages import decode
from functions.engine.remediation.model import Policy
from functions.engine.remediation.requests import Known
from functions.runtime.batches import LambdaContext
from functions.runtime.cloud import Cloud
from functions.runtime.environment import read_environment
from functions.runtime.remediation import Remediator, RemediatorPorts
from functions.runtime.remediation_sight import Box
from functions.runtime.telemetry import Telemetry
from functions.runtime.toolbox import now, random_hex


class RemediationService:
    """The remediator function, once for each execution environment."""

    def __init__(self, environment: RemediatorEnvironment) -> None:
        """Make clients; nothing is sent yet."""
        self._telemetry = Telemetry("remediator", environment.stack, environment.log_level)
        cloud = Cloud(environment.aws_region, environment.aws_endpoint_url)
        ports = _ports(environment, cloud, self._telemetry)
        self._remediator = Remediator(ports, policy_of(environment), known_of(environment), environment.stack)

    @classmethod
    def from_variables(cls, variables: Mapping[str, str]) -> Self:
        """Read the environment. ConfigurationError names all that is wrong with it."""
        return cls(read_environment(RemediatorEnvironment, variables))

    def run(self, event: object, context: LambdaContext) -> dict[str, Any]:
        """Look, or end a pause; give what was done, refused and put off."""
        with self._telemetry.invocation(context.aws_request_id):
            return self._remediator.run(event)


def policy_of(environment: RemediatorEnvironment) -> Policy:
    """Give what may be done."""
    return Policy(
        functions=_functions(environment),
        queues={
            "jobs": environment.job_dead_letters_url,
            "priority": environment.priority_dead_letters_url,
            "restores": environment.restore_dead_letters_url,
        },
        sources=environment.source_names,
        enabled=environment.remediation_enabled,
        memory_ceiling_mb=environment.memory_ceiling_mb or 0,
        redrives_per_day=environment.redrives_per_day or 0,
        reruns_per_day=environment.reruns_per_day or 0,
        backoff=timedelta(minutes=environment.backoff_minutes),
        pause_after_failures=environment.pause_after_failures or 0,
    )


def known_of(environment: RemediatorEnvironment) -> Known:
    """Give which alarms say that a function ran out of memory; see components.alarm_list."""
    names = _functions(environment)
    account = environment.initiator_arn.split(":")[4]
    return Known(
        account=account,
        region=environment.aws_region,
        memory_alarms={f"{environment.stack}-function-memory-{name}": name for name in names},
        sources=environment.source_names,
    )


def _functions(environment: RemediatorEnvironment) -> dict[str, str]:
    arns = {arn.rpartition(":")[2].removeprefix(f"{environment.stack}-"): arn for arn in environment.function_arns}
    return dict(sorted(arns.items()))


def _ports(environment: RemediatorEnvironment, cloud: Cloud, telemetry: Telemetry) -> RemediatorPorts:
    runs = DynamoLedger(cloud.dynamodb, environment.runs_table)
    restores = DynamoLedger(cloud.dynamodb, environment.restores_table)
    jobs, priority, restore = (
        SqsQueue(cloud.sqs, url)
        for url in (environment.job_queue_url, environment.priority_queue_url, environment.restore_queue_url)
    )
    urls = policy_of(environment).queues
    backups, restores_of = partial(decode, kind=BackupMessage), partial(decode, kind=RestoreMessage)
    boxes = {
        "jobs": Box(SqsDeadLetters(cloud.sqs, urls["jobs"], jobs), urls["jobs"], runs, backups),
        "priority": Box(SqsDeadLetters(cloud.sqs, urls["priority"], priority), urls["priority"], runs, backups),
        "restores": Box(SqsDeadLetters(cloud.sqs, urls["restores"], restore), urls["restores"], restores, restores_of),
    }
    return RemediatorPorts(
        ledger=runs,
        boxes=boxes,
        queues={True: priority, False: jobs},
        waiting=SqsDepth(cloud.sqs, [environment.job_queue_url, environment.priority_queue_url]),
        functions=LambdaMemory(cloud.lambda_),
        start=SelfInvocation(cloud.lambda_, environment.initiator_arn),
        notifier=SnsNotifier(cloud.sns, environment.topic_arn),
        telemetry=telemetry,
        clock=now,
        ids=random_hex,
    )
