"""Functions, their layer, and what calls them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bundle.layer import layer_archive
from bundle.paths import BUILD, LOCK
from bundle.target import this_machine
from sandbox.aws import Clients
from sandbox.ministack import DEFAULT_PYTHON
from sandbox.resources.creator import Call, Creator, Made, Order

_FUNCTION = Call(
    "lambda.create_function",
    "{name}",
    {"arn": "{FunctionArn}", "version": "{Version}", "qualifiedArn": "{FunctionArn}:{Version}"},
    renamed={"name": "FunctionName"},
    unused=frozenset({"reservedConcurrentExecutions"}),
)
_PERMISSION = Call(
    "lambda.add_permission", "{statementId}", {"statementId": "{statementId}"}, renamed={"function": "FunctionName"}
)
_LAYER = Call(
    "lambda.publish_layer_version",
    "{LayerVersionArn}",
    {"arn": "{LayerVersionArn}", "layerArn": "{LayerArn}", "version": "{Version}"},
    renamed={"code": "Content"},
)


def function(clients: Clients, order: Order) -> Made:
    """Make a function of the very archive that would be deployed, and keep concurrency for it."""
    made = _FUNCTION(clients, order.having(code={"zipFile": _bytes(order.inputs["code"])}))
    if (kept := order.inputs.get("reservedConcurrentExecutions")) is not None:
        client = clients.get("lambda", order.region)
        client.put_function_concurrency(FunctionName=made.id, ReservedConcurrentExecutions=int(kept))
    return made


def permission(clients: Clients, order: Order) -> Made:
    """Let a service call a function, or its alias."""
    return _PERMISSION(clients, order.having(statementId=order.physical("statementId")))


def layer(clients: Clients, order: Order) -> Made:
    """Publish the layer of the same packages, built for the interpreter that runs functions here."""
    python = str(DEFAULT_PYTHON)
    here = layer_archive(LOCK, this_machine(python), BUILD, python=python)
    return _LAYER(clients, order.having(code={"zipFile": here.path.read_bytes()}))


def _bytes(archive: Any) -> bytes:  # noqa: ANN401 - an archive of Pulumi, which is not imported here
    return Path(archive.path).read_bytes()


CREATORS: dict[str, Creator] = {
    "aws:lambda/alias:Alias": Call("lambda.create_alias", "{AliasArn}", {"arn": "{AliasArn}"}),
    "aws:lambda/eventSourceMapping:EventSourceMapping": Call(
        "lambda.create_event_source_mapping", "{UUID}", {"uuid": "{UUID}", "functionArn": "{FunctionArn}"}
    ),
    "aws:lambda/function:Function": function,
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": Call(
        "lambda.put_function_event_invoke_config", "{FunctionArn}"
    ),
    "aws:lambda/functionRecursionConfig:FunctionRecursionConfig": Call(
        "lambda.put_function_recursion_config", "{functionName}"
    ),
    "aws:lambda/layerVersion:LayerVersion": layer,
    "aws:lambda/permission:Permission": permission,
}
