"""Runs the program of a stack with Pulumi's mocks and gives everything that it registers, drained to the last."""

from __future__ import annotations

import asyncio
import json
import runpy
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
import yaml
from pulumi.runtime import mocks, rpc, set_all_config, settings
from pulumi.runtime.stack import run_in_stack

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = "123456789012"
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "alone": ("dev", {"strongroom:replica": {}, "strongroom:network": {"isolated": False}}),
}
"""Stacks that differ from one that has a file: that one, and what is different."""


@dataclass(frozen=True)
class Registration:
    """One resource as the engine is told of it. `parents` are the names of its components, the nearest first."""

    type: str
    name: str
    inputs: dict[str, Any]
    protect: bool
    retain: bool
    parent: str
    urn: str = ""
    dependencies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Program:
    """What a program has registered, and what it exports."""

    resources: tuple[Registration, ...]
    outputs: dict[str, Any]
    cpu_seconds: float = 0.0

    def of(self, *types: str) -> list[Registration]:
        """Give the resources of these types."""
        return [item for item in self.resources if item.type in types]


class _Mocks(mocks.Mocks):
    """Answers as AWS would, with an ARN and an id for everything. A preview knows what goes in and nothing else."""

    def __init__(self, region: str, *, preview: bool = False) -> None:
        self._region, self._preview = region, preview

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        """Give an id and the outputs of a resource."""
        if self._preview:
            return "", args.inputs
        service = args.typ.split(":")[1].split("/")[0] if args.typ.startswith("aws:") else "strongroom"
        name = str(args.inputs.get("name") or args.inputs.get("bucket") or args.name)
        known = {"arn": self._arn(service, name, args), "name": name, "url": f"https://{service}/{name}", "keyId": name}
        # The id of a bucket is its name.
        identity = name if args.typ == "aws:s3/bucket:Bucket" else f"{args.name}-id"
        return identity, {**known, **args.inputs}

    def _arn(self, service: str, name: str, args: mocks.MockResourceArgs) -> str:
        if args.typ == "aws:s3/bucket:Bucket":
            return f"arn:aws:s3:::{name}"
        if args.typ == "aws:lambda/alias:Alias":
            name = f"function:{args.inputs['functionName']}:{name}"
        return f"arn:aws:{service}:{args.inputs.get('region') or self._region}:{ACCOUNT}:{name}"

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        """Refuse: a preview in CI cannot look things up."""
        raise AssertionError(f"the program looks up {args.token}")


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


class _Monitor(mocks.MockMonitor):
    """Also keeps what the plain mock forgets: parents and what protects a resource."""

    def __init__(self, answers: mocks.Mocks) -> None:
        super().__init__(answers)
        self.registrations: list[Registration] = []
        self.outputs: dict[str, Any] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: ANN401, N802 - gRPC's name and messages
        """Keep a registration."""
        inputs = rpc.deserialize_properties(request.object)
        self.registrations.append(
            Registration(
                request.type,
                request.name,
                inputs,
                bool(request.protect),
                bool(request.retainOnDelete),
                request.parent,
                self.make_urn(request.parent, request.type, request.name),
                tuple(sorted(request.dependencies)),
            )
        )
        with _own_loop():
            return super().RegisterResource(request)

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: ANN401, N802 - gRPC's name and messages
        """Keep the stack's outputs."""
        if request.urn.endswith(f"::{pulumi.get_project()}-{pulumi.get_stack()}"):
            self.outputs = rpc.deserialize_properties(request.outputs)
        return super().RegisterResourceOutputs(request)


def read_config(stack: str) -> dict[str, str]:
    """Give a stack's configuration as the Pulumi CLI hands it to the program: text by full key."""
    if stack in VARIANTS:
        base, changes = VARIANTS[stack]
        return read_config(base) | {key: _as_text(value) for key, value in changes.items()}
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    values = {
        key: spec["default"] for key, spec in project["config"].items() if isinstance(spec, dict) and "default" in spec
    }
    values |= yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    full = {key if ":" in key else f"{project['name']}:{key}": value for key, value in values.items()}
    return {key: _as_text(value) for key, value in full.items()}


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def run_here(stack: str, *, preview: bool, changes: dict[str, Any]) -> Program:
    """Run the program in this process, which must not have run one before."""
    config = read_config(stack) | {key: _as_text(value) for key, value in changes.items()}
    monitor = _Monitor(_Mocks(config["aws:region"], preview=preview))
    asyncio.set_event_loop(asyncio.new_event_loop())
    settings.configure(
        mocks.MockSettings(
            monitor=monitor,
            monitor_features=set(monitor.GetDeploymentInfo(None).supportedFeatures),
            engine=mocks.MockEngine(None),
            project="strongroom",
            stack=stack,
            dry_run=preview,
            organization=None,
            callbacks=None,
        )
    )
    set_all_config(config)

    def program() -> None:
        runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")

    asyncio.new_event_loop().run_until_complete(run_in_stack(program))
    return Program(tuple(monitor.registrations), monitor.outputs)


def run(stack: str, *, preview: bool = False, changes: dict[str, Any] | None = None) -> Program:
    """Run the program once, in a process of its own: Pulumi's runtime keeps state from one program to the next."""
    asked = json.dumps({"stack": stack, "preview": preview, "changes": changes or {}})
    command = [sys.executable, "-m", "tests.program.kit", asked]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own module
    assert done.returncode == 0, done.stderr[-4_000:]
    found = json.loads(done.stdout.splitlines()[-1])
    return Program(tuple(Registration(**item) for item in found["resources"]), found["outputs"], found["cpu_seconds"])


@cache
def recorded(stack: str) -> Program:
    """Run the program once for all tests."""
    return run(stack)


def main() -> None:
    """Print what a program registers, as JSON."""
    begun = time.process_time()
    found = run_here(**json.loads(sys.argv[1]))
    document = {
        "resources": [asdict(item) for item in found.resources],
        "outputs": found.outputs,
        "cpu_seconds": time.process_time() - begun,
    }
    sys.stdout.write(f"\n{json.dumps(document, default=repr)}\n")


if __name__ == "__main__":
    main()
