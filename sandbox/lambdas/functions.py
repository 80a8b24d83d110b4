"""The functions themselves, their layer, and what feeds them from the queues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bundle.code import functions_archive
from bundle.layer import layer_archive
from bundle.paths import BUILD, LOCK, ROOT
from bundle.target import this_machine
from functions.contract.rights import HANDS_ON
from sandbox.lambdas.names import Names

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient

RUNTIME: Final = "python3.13"
"""A label here: the embedded AWS runs its own interpreter, so the layer is built for this machine."""
FEEDS = {"worker": ("priority_queue", "job_queue"), "restore_worker": ("restore_queue",)}
"""Which queues feed a function."""

_BATCH = 10


@dataclass(frozen=True, slots=True)
class Archives:
    """What is shipped, as bytes."""

    code: bytes
    layer: bytes

    @classmethod
    def build(cls) -> Archives:
        """Build both from this checkout; the layer is taken from the build folder if it is there."""
        code, layer = functions_archive(ROOT, BUILD), layer_archive(LOCK, this_machine(), BUILD)
        return cls(code.path.read_bytes(), layer.path.read_bytes())


@dataclass(frozen=True, slots=True)
class Sizing:
    """How large and how many: `workers` is the concurrency of each event source mapping, at least 2 (Lambda's rule)."""

    workers: int = 2
    timeout_s: int = 900
    memory_mb: int = 1_769
    visibility_s: int = 5_400
    """Six times the timeout (Lambda Developer Guide, "Configuring an SQS event source")."""


def publish_layer(client: LambdaClient, names: Names, archives: Archives) -> str:
    """Publish the layer; gives its ARN with the version."""
    answer = client.publish_layer_version(
        LayerName=names.of("packages"), Content={"ZipFile": archives.layer}, CompatibleRuntimes=[RUNTIME]
    )
    return answer["LayerVersionArn"]


def make_function(
    client: LambdaClient,
    names: Names,
    function: str,
    *,
    code: bytes,
    layer: str,
    sizing: Sizing,
    variables: Mapping[str, str],
) -> None:
    """Make a function whose module has the function's name, traced, and allowed to go on by itself if it does so."""
    name = names.of(function)
    client.create_function(
        FunctionName=name,
        Runtime=RUNTIME,
        Handler=f"functions.handlers.{function}.handle",
        Role=names.role_arn(function),
        Code={"ZipFile": code},
        Layers=[layer],
        Timeout=sizing.timeout_s,
        MemorySize=sizing.memory_mb,
        Environment={"Variables": dict(variables)},
        TracingConfig={"Mode": "Active"},
    )
    if function in HANDS_ON:
        client.put_function_recursion_config(FunctionName=name, RecursiveLoop="Allow")


def feed_functions(client: LambdaClient, names: Names, sizing: Sizing) -> None:
    """Let the queues feed their functions."""
    for function, queues in FEEDS.items():
        for queue in queues:
            client.create_event_source_mapping(
                EventSourceArn=names.queue_arn(queue),
                FunctionName=names.of(function),
                BatchSize=_BATCH,
                FunctionResponseTypes=["ReportBatchItemFailures"],
                ScalingConfig={"MaximumConcurrency": sizing.workers},
            )
