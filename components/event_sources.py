"""What feeds functions from queues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pulumi_aws as aws
from pulumi import ComponentResource, Output, ResourceOptions

from components.refs import FunctionRef, QueueRef
from functions.engine.errors import ConfigurationError

JOBS: Final = 10
"""Messages of a batch of users: small users that come together fill packs together. More would need to wait for it."""
RESTORES: Final = 1
"""Tasks of a restore are cut to fill an invocation each."""
_CONCURRENCY = range(2, 1_001)
"""AWS Lambda Developer Guide, "Configuring maximum concurrency for Amazon SQS event sources"."""


@dataclass(frozen=True)
class EventSourceArgs:
    """A queue, the function that it feeds, and how many invocations it may cause at once."""

    queue: QueueRef
    function: FunctionRef
    batch_size: int
    concurrency: int

    def __post_init__(self) -> None:
        """Refuse what Lambda would refuse."""
        if self.concurrency not in _CONCURRENCY:
            raise ConfigurationError(f"a concurrency of {self.concurrency} is not from 2 to 1,000, as Lambda has it")
        if not 0 < self.batch_size <= JOBS:
            raise ConfigurationError(f"a batch of {self.batch_size} messages is not from 1 to {JOBS}")


class EventSource(ComponentResource):
    """A mapping. Only messages that a function names as failed come again."""

    uuid: Output[str]

    def __init__(self, name: str, args: EventSourceArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("strongroom:index:EventSource", name, None, opts)
        mapping = aws.lambda_.EventSourceMapping(
            f"{name}-mapping",
            event_source_arn=args.queue.arn,
            function_name=args.function.arn,
            batch_size=args.batch_size,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config=aws.lambda_.EventSourceMappingScalingConfigArgs(maximum_concurrency=args.concurrency),
            opts=ResourceOptions(parent=self),
        )
        self.uuid = mapping.uuid
        self.register_outputs({"uuid": mapping.uuid})
