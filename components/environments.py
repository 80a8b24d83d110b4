"""The environment variables of a function, written from the contract's dataclasses. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from typing import Any, Final

from pulumi import Input, Output

from components.resources import Resources
from functions.contract.environment import ENVIRONMENTS
from functions.engine.errors import ConfigurationError

_SET_BY_LAMBDA = frozenset({"aws_region", "aws_lambda_function_name", "aws_endpoint_url"})
"""Reserved on AWS; the last one the embedded AWS sets itself."""
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
        "job_queue_url": resources.job_queue.url,
        "priority_queue_url": resources.priority_queue.url,
        "restore_queue_url": resources.restore_queue.url,
        **{f"{name}_table": table.name for name, table in resources.tables.items()},
        **values,
    }


def variables(function: str, resources: Resources, stack: str, values: Mapping[str, object]) -> dict[str, Input[str]]:
    """Write the variables of a function; what Lambda sets itself and what is as the contract has it are left out.

    ConfigurationError when something is missing, or when they are longer together than Lambda takes.
    """
    given = {"dead_letter_queue_url": resources.dead_letters(function).url, **facts(resources, stack, values)}
    wanted = [field for field in fields(ENVIRONMENTS[function]) if field.name not in _SET_BY_LAMBDA]
    missing = [item.name for item in wanted if given.get(item.name) is None and item.default is MISSING]
    if missing:
        raise ConfigurationError(f"the environment of {function} lacks {', '.join(missing)}")
    written = {item.name.upper(): _text(given[item.name]) for item in wanted if given.get(item.name) is not None}
    size = sum(len(f"{name}{text}".encode()) for name, text in written.items() if isinstance(text, str))
    if size > _BYTES:
        raise ConfigurationError(
            f"the environment of {function} has {size:,} bytes, more than the {_BYTES:,} that Lambda takes",
            hint="name fewer sources, buckets to restore into or priority users in one stack",
        )
    return written


def _text(value: Any) -> Input[str]:  # noqa: ANN401 - as many types as fields have
    return value if isinstance(value, str | Output) else json.dumps(value, default=_plain)


def _plain(value: Any) -> object:  # noqa: ANN401 - what json does not know
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"{type(value).__name__} has no place in an environment variable")
