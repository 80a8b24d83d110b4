"""The environment variables of each function of a stack, written from the contract's dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from functions.contract.environment import (
    ENVIRONMENTS,
    CommonEnvironment,
    SourceSetting,
    variables,
)
from functions.contract.rights import ASKED
from sandbox.lambdas.names import JOBS_DLQ, QUEUES, REGION, RESTORES_DLQ, TABLES, Names
from sandbox.lambdas.roles import REPOSITORY, RESTORED, SCRATCH

LOCK_DAYS = 30
"""For so many days what the repository holds is locked at birth."""


def environment_of(
    names: Names, function: str, endpoint: str, sources: tuple[SourceSetting, ...], changes: Mapping[str, Any]
) -> CommonEnvironment:
    """Fill in a function's environment; `changes` are fields that differ from the stack's."""
    facts: dict[str, Any] = {
        "stack": names.stack,
        "aws_region": REGION,
        "topic_arn": names.topic_arn,
        "aws_lambda_function_name": names.of(function),
        "sources": sources,
        "repository_bucket": names.of(REPOSITORY),
        "restore_buckets": (names.of(RESTORED),),
        "scratch_bucket": names.of(SCRATCH),
        "scratch_prefix": "drills/",
        "lock_days": LOCK_DAYS,
        "source_names": tuple(source.name for source in sources),
        "initiator_arn": names.function_arn("initiator"),
        "function_arns": tuple(names.function_arn(known) for known in ENVIRONMENTS),
        "job_dead_letters_url": names.queue_url(endpoint, JOBS_DLQ),
        "priority_dead_letters_url": names.queue_url(endpoint, JOBS_DLQ),
        "restore_dead_letters_url": names.queue_url(endpoint, RESTORES_DLQ),
        **{f"{asked}_function_name": names.of(asked) for asked in ASKED},
        "dead_letter_queue_url": names.queue_url(endpoint, RESTORES_DLQ if function == "restore_worker" else JOBS_DLQ),
        **{table: names.of(table) for table in TABLES},
        **{f"{queue}_url": names.queue_url(endpoint, queue) for queue in QUEUES},
    }
    kind = ENVIRONMENTS[function]
    known = {field.name: facts[field.name] for field in fields(kind) if field.name in facts}
    return replace(kind(**known), **changes)


def variables_of(environment: CommonEnvironment) -> dict[str, str]:
    """Write an environment as variables; what Lambda sets itself and what is not set are left out."""
    return variables(type(environment), {field.name: getattr(environment, field.name) for field in fields(environment)})
