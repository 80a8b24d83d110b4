"""Answers Pulumi's runtime as its engine would: makes what is registered, and remembers it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pulumi
from botocore.exceptions import BotoCoreError, ClientError
from pulumi import FileArchive
from pulumi.runtime import mocks, rpc
from pulumi.runtime.proto import engine_pb2

from functions.engine.errors import StrongroomError
from sandbox.aws import Clients
from sandbox.differences import Gap, why_recorded_only
from sandbox.errors import RefusedError, SandboxError, UnknownResourceError
from sandbox.program.graph import Resource
from sandbox.resources.creator import Creator, Made, Order

_OURS = "strongroom:"


class Engine(mocks.Mocks):
    """Makes resources through the AWS API. Several threads at once ask it to."""

    def __init__(self, clients: Clients, creators: Mapping[str, Creator], gaps: Mapping[str, Gap], region: str) -> None:
        self._clients, self._creators, self.gaps = clients, creators, gaps
        self._region = region
        self.failure: StrongroomError | None = None
        """The first thing that went wrong. Nothing is made after it."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        """Make a resource; give its id and outputs."""
        if self.failure is not None:
            raise SandboxError("stopped, since something else failed")
        try:
            made = self._make(args.typ, args.name, args.inputs)
        except StrongroomError as error:
            self._fail(error)
            raise
        return made.id, {**args.inputs, **made.outputs}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        """Refuse: the program looks nothing up, so that a preview needs no account."""
        error = SandboxError(f"the program looks up {args.token}, which nobody answers here")
        self._fail(error)
        raise error

    def _fail(self, error: StrongroomError) -> None:
        if self.failure is None:
            self.failure = error

    def _make(self, type_: str, name: str, inputs: Mapping[str, Any]) -> Made:
        if type_.startswith(_OURS) or why_recorded_only(self.gaps, type_, inputs):
            return Made("")
        creator = self._creators.get(type_)
        if creator is None:
            raise UnknownResourceError(f"{name} is of type {type_}, which nothing here makes")
        order = Order(type_, name, inputs, str(inputs.get("region") or self._region), pulumi.get_stack())
        try:
            return creator(self._clients, order)
        except (ClientError, BotoCoreError, RefusedError) as error:
            reason = error.message if isinstance(error, RefusedError) else str(error)
            raise RefusedError(f"{name}, of type {type_}: {reason}") from error


class Monitor(mocks.MockMonitor):
    """Also remembers the graph and the stack's outputs."""

    def __init__(self, engine: Engine, tell: Callable[[Resource], None]) -> None:
        """`tell` is called with each resource that is there, one at a time."""
        super().__init__(engine)
        self.graph: list[Resource] = []
        self.exports: dict[str, Any] = {}
        self._gaps, self._tell = engine.gaps, tell
        self._lock = threading.Lock()

    def RegisterResource(self, request: Any) -> Any:  # noqa: ANN401, N802 - gRPC's name and messages
        """Make a resource and remember it."""
        with _own_loop():
            answer = super().RegisterResource(request)
            inputs = rpc.deserialize_properties(request.object)
            outputs = rpc.deserialize_properties(answer.object)
        found = Resource(
            urn=answer.urn,
            type=request.type,
            name=request.name,
            parent=request.parent,
            dependencies=tuple(request.dependencies),
            inputs=_plain(inputs),
            id=answer.id,
            outputs={name: value for name, value in _plain(outputs).items() if name not in inputs},
            recorded_only=why_recorded_only(self._gaps, request.type, inputs),
        )
        with self._lock:
            self.graph.append(found)
            self._tell(found)
        return answer

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: ANN401, N802 - gRPC's name and messages
        """Remember what the stack exports."""
        if request.urn.endswith(f"::{pulumi.get_project()}-{pulumi.get_stack()}"):
            with _own_loop():
                self.exports = _plain(rpc.deserialize_properties(request.outputs))
        return super().RegisterResourceOutputs(request)


class Log(mocks.MockEngine):
    """Keeps what the program warns of."""

    def __init__(self) -> None:
        super().__init__(None)
        self.warnings: list[str] = []

    def Log(self, request: Any) -> None:  # noqa: ANN401, N802 - gRPC's name and message
        """Keep what people should know."""
        if request.severity >= engine_pb2.WARNING:
            self.warnings.append(request.message)


@contextmanager
def _own_loop() -> Iterator[None]:
    """Give a worker thread an event loop. The mock would make one for each thread and never close it."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON of any form
    """Give what JSON can hold: whole numbers as such, an archive as its path."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, FileArchive):
        return str(value.path)
    return int(value) if isinstance(value, float) and value.is_integer() else value
