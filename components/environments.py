"""The environment variables of a function, written from the contract's dataclasses. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Final

from pulumi import Input

from components.resources import Resources
from functions.contract import environment
from functions.contract.environment import ENVIRONMENTS, SET_BY_LAMBDA
from functions.contract.rights import ALIAS, ASKED
from functions.engine.errors import ConfigurationError

_BYTES: Final = 4_096
"""Of all variables of a function together (AWS Lambda Developer Guide, "Lambda quotas")."""


def facts(resources: Resources, stack: str, values: Mapping[str, object]) -> dict[str, object]:
    """Give what fields of environments hold, by their names. `values` are numbers and words that a stack chooses.

    ConfigurationError when no function has a field for one of them.
    """
    known = {field.name for kind in ENVIRONMENTS.values() for field in fields(kind)}
    unknown = sorted(values.keys() - known)
    if unknown:
        raise ConfigurationError(f"no function has an environment variable for {', '.join(unknown)}")
    return {
        "stack": stack,
        "topic_arn": resources.topic.arn,
        "sources": resources.sources,
        "repository_bucket": resources.repository.name,
        "restore_buckets": resources.restore_buckets,
        "scratch_bucket": resources.scratch.name,
        "scratch_prefix": resources.scratch_prefix,
        **{f"{name}_function_name": resources.functions[name] for name in ASKED},
        "job_queue_url": resources.job_queue.url,
        "priority_queue_url": resources.priority_queue.url,
        "restore_queue_url": resources.restore_queue.url,
        "job_dead_letters_url": resources.job_dead_letters.url,
        "priority_dead_letters_url": resources.priority_dead_letters.url,
        "restore_dead_letters_url": resources.restore_dead_letters.url,
        "source_names": tuple(source.name for source in resources.sources),
        "initiator_arn": f"{resources.function_arn('initiator')}:{ALIAS}",
        "function_arns": tuple(resources.sized_arns()),
        **{f"{name}_table": table.name for name, table in resources.tables.items()},
        **values,
    }


def variables(function: str, resources: Resources, stack: str, values: Mapping[str, object]) -> dict[str, Input[str]]:
    """Write the variables of a function; what Lambda sets itself and what is as the contract has it are left out.

    ConfigurationError when something is missing, or when they are longer together than Lambda takes.
    """
    given = {"dead_letter_queue_url": resources.dead_letters(function).url, **facts(resources, stack, values)}
    kind = ENVIRONMENTS[function]
    needed = [field.name for field in fields(kind) if field.default is MISSING and field.name not in SET_BY_LAMBDA]
    if missing := [name for name in needed if given.get(name) is None]:
        raise ConfigurationError(f"the environment of {function} lacks {', '.join(missing)}")
    written: dict[str, Input[str]] = environment.variables(kind, given)
    size = sum(len(f"{name}{text}".encode()) for name, text in written.items() if isinstance(text, str))
    if size > _BYTES:
        raise ConfigurationError(
            f"the environment of {function} has {size:,} bytes, more than the {_BYTES:,} that Lambda takes",
            hint="name fewer sources, buckets to restore into or priority users in one stack",
        )
    return written
