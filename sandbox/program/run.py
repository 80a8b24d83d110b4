"""Runs the program once. Pulumi's runtime keeps state: a process runs one program at a time."""

from __future__ import annotations

import asyncio
import runpy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pulumi import RunError
from pulumi.runtime import mocks, set_all_config, settings
from pulumi.runtime.stack import run_in_stack

from bundle.paths import ROOT
from functions.engine.errors import StrongroomError
from sandbox.aws import Clients
from sandbox.differences import RECORDED_ONLY, Gap
from sandbox.errors import SandboxError
from sandbox.program.config import REGION
from sandbox.program.graph import Deployed, Resource
from sandbox.program.monitor import Engine, Log, Monitor
from sandbox.resources.creator import Creator
from sandbox.resources.registry import CREATORS

PROJECT: Final = "strongroom"
PROGRAM: Final = ROOT / "__main__.py"


@dataclass(frozen=True)
class Making:
    """How resources are made; other than the default in tests only."""

    program: Path = PROGRAM
    creators: Mapping[str, Creator] = field(default_factory=lambda: CREATORS)
    gaps: Mapping[str, Gap] = field(default_factory=lambda: RECORDED_ONLY)


def run_program(
    stack: str,
    config: Mapping[str, str],
    endpoint: str,
    tell: Callable[[Resource], None],
    making: Making | None = None,
) -> Deployed:
    """Make everything that the program of `stack` registers, at `endpoint`, in the order of its dependencies.

    `tell` is called for each resource that is there. Raises what went wrong first: UnknownResourceError for a type
    without a creator, RefusedError for what AWS refuses, ConfigurationError for the configuration.
    """
    how = making or Making()
    engine = Engine(Clients(endpoint), how.creators, how.gaps, config[REGION])
    monitor, log = Monitor(engine, tell), Log()
    loop = asyncio.new_event_loop()
    # What fails is raised below, once; without this everything that waited for it would complain as well.
    loop.set_exception_handler(lambda _loop, _context: None)
    asyncio.set_event_loop(loop)
    try:
        _configure(monitor, log, stack, config)
        loop.run_until_complete(run_in_stack(lambda: _main(how.program)))
    except StrongroomError as error:
        raise engine.failure or error from None
    except RunError as error:  # the program's way to say what is wrong
        raise engine.failure or SandboxError(str(error), hint="") from None
    except Exception as error:
        raise engine.failure or SandboxError(f"the program failed: {type(error).__name__}: {error}") from error
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    if engine.failure is not None:
        raise engine.failure
    return Deployed(tuple(monitor.graph), monitor.exports, tuple(log.warnings))


def _configure(monitor: Monitor, log: Log, stack: str, config: Mapping[str, str]) -> None:
    features = set(monitor.GetDeploymentInfo(None).supportedFeatures)
    settings.configure(
        mocks.MockSettings(
            monitor=monitor,
            monitor_features=features,
            engine=log,
            project=PROJECT,
            stack=stack,
            dry_run=False,
            organization=None,
            callbacks=None,
        )
    )
    set_all_config(dict(config))


def _main(program: Path) -> None:
    runpy.run_path(str(program), run_name="__main__")
