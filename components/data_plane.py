"""The functions of a stack, each with the contract's environment and rights, and what feeds them from the queues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pulumi import Archive, ComponentResource, Input, Output, ResourceOptions

from components.environments import variables
from components.event_sources import JOBS, RESTORES, EventSource, EventSourceArgs
from components.function import Function, FunctionArgs
from components.refs import FunctionRef, NetworkRef, QueueRef
from components.resources import Resources
from components.rights_policy import statements
from functions.contract.rights import HANDS_ON

DESCRIPTIONS: Final[Mapping[str, str]] = {
    "initiator": "Starts runs: plans the users of every source and sends them to the queues",
    "worker": "Backs up users",
    "watchdog": "Looks for runs that did not happen or did not end",
    "restore": "Plans restores, fans them out and follows them",
    "restore_worker": "Does tasks of restores",
    "verifier": "Proves that backups can be restored",
    "collector": "Lets go of what no kept backup needs, and extends locks",
    "remediator": "Mends what may be mended without a person, within bounds",
    "api": "Answers the HTTP API: runs, backups, files, restores",
}
"""By the name of the function's module in `functions/handlers`."""


API_SECONDS: Final = 29
"""An HTTP API waits 30 seconds for its function, and no longer."""


@dataclass(frozen=True)
class Sizing:
    """How large and how many. All functions have one core: none runs long enough for less to save a cent."""

    memory_mb: int = 1_769
    timeout_seconds: int = 900
    concurrency: int = 50
    priority_concurrency: int = 5
    restore_concurrency: int = 50
    event_concurrency: int = 5
    """Of each function that events call: continuations, schedules and people may meet."""
    log_days: int = 30
    reserved: bool = True
    """Keep concurrency for these functions. The account must have 100 more than that (AWS Lambda quotas)."""


@dataclass(frozen=True)
class DataPlaneArgs:
    """What the functions run, what they work on, and how many of them."""

    stack: str
    """Stands in metrics and notices."""
    resources: Resources
    code: Archive
    layer_arn: Input[str]
    failures: QueueRef
    """Where events go that functions could not deal with."""
    network: NetworkRef | None
    """None runs the functions outside of a VPC."""
    sizing: Sizing = Sizing()
    values: Mapping[str, object] = field(default_factory=dict)
    """Numbers and words of the environments of `functions.contract.environment`, such as `retention_days`."""


def concurrency_of(function: str, sizing: Sizing) -> int | None:
    """Give what is kept for a function: as many as its queues may call at once. None keeps nothing."""
    if not sizing.reserved:
        return None
    kept = {
        "worker": sizing.concurrency + sizing.priority_concurrency,
        "restore_worker": sizing.restore_concurrency,
    }
    return kept.get(function, sizing.event_concurrency)


class DataPlane(ComponentResource):
    """The functions."""

    functions: dict[str, FunctionRef]
    """By the names of their modules in `functions/handlers`."""
    role_arns: dict[str, Output[str]]

    def __init__(self, name: str, args: DataPlaneArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("strongroom:index:DataPlane", name, None, opts)
        made = {
            function: Function(
                f"{name}-{function.replace('_', '-')}",
                function_args(function, args),
                ResourceOptions(parent=self),
            )
            for function in DESCRIPTIONS
        }
        self.functions = {function: made[function].ref for function in made}
        self.role_arns = {function: made[function].role_arn for function in made}
        self._feed(name, args)
        self.register_outputs({"functions": {function: ref.arn for function, ref in self.functions.items()}})

    def _feed(self, name: str, args: DataPlaneArgs) -> None:
        resources, sizing = args.resources, args.sizing
        worker, restorer = self.functions["worker"], self.functions["restore_worker"]
        feeds = {
            "jobs": EventSourceArgs(resources.job_queue, worker, JOBS, sizing.concurrency),
            "priority": EventSourceArgs(resources.priority_queue, worker, JOBS, sizing.priority_concurrency),
            "restores": EventSourceArgs(resources.restore_queue, restorer, RESTORES, sizing.restore_concurrency),
        }
        for feed, feed_args in feeds.items():
            EventSource(f"{name}-{feed}", feed_args, ResourceOptions(parent=self))


def function_args(function: str, args: DataPlaneArgs) -> FunctionArgs:
    """Say what a function is made of."""
    resources, sizing = args.resources, args.sizing
    values = {"restore_concurrency": sizing.restore_concurrency, **args.values}
    return FunctionArgs(
        name=resources.functions[function],
        arn=resources.function_arn(function),
        description=DESCRIPTIONS[function],
        handler=f"functions.handlers.{function}.handle",
        environment=variables(function, resources, args.stack, values),
        statements=statements(function, resources),
        code=args.code,
        layer_arn=args.layer_arn,
        key=resources.key,
        memory_mb=sizing.memory_mb,
        timeout_seconds=API_SECONDS if function == "api" else sizing.timeout_seconds,
        log_days=sizing.log_days,
        network=args.network,
        concurrency=concurrency_of(function, sizing),
        on_failure=args.failures,
        goes_on=function in HANDS_ON,
    )
