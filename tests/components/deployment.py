"""Registers components with Pulumi's mocks and gives everything that was registered, drained to the last."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from pulumi import FileArchive
from pulumi.runtime import mocks, settings
from pulumi.runtime.stack import run_in_stack

from components.refs import BucketRef, FunctionRef, KeyRef, QueueRef, TableRef, TopicRef
from components.resources import Resources
from functions.contract.environment import ENVIRONMENTS, SourceSetting
from tests.program.kit import ACCOUNT, Program, Registration, _Mocks, _Monitor

REGION = "eu-central-1"
KEY = KeyRef(f"arn:aws:kms:{REGION}:{ACCOUNT}:key/primary")
SOURCE_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/source"
RESTORE_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/restored"
CODE = FileArchive("functions.zip")


def deploy(build: Callable[[], object], *, preview: bool = False) -> Program:
    """Run `build` as the program of a stack. In a preview no output of a resource is known."""
    monitor = _Monitor(_Mocks(REGION, preview=preview))
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    settings.configure(
        mocks.MockSettings(
            monitor=monitor,
            monitor_features=set(monitor.GetDeploymentInfo(None).supportedFeatures),
            engine=mocks.MockEngine(None),
            project="strongroom",
            stack="test",
            dry_run=preview,
            organization=None,
            callbacks=None,
        )
    )

    async def program() -> None:
        build()

    try:
        loop.run_until_complete(run_in_stack(program))
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    return Program(tuple(monitor.registrations), monitor.outputs)


def queue_ref(name: str) -> QueueRef:
    """A queue that is there already."""
    return QueueRef(
        name, f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    )


def function_ref(function: str) -> FunctionRef:
    """A function that is there already, called by its alias."""
    return FunctionRef(function, f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:test-{function}:live", 900)


def resources(**changes: Any) -> Resources:  # noqa: ANN401 - fields of any type
    """Everything that functions work on, in plain text."""
    tables = ("runs", "backups", "users", "dedup", "restores", "drills")
    given: dict[str, Any] = {
        "account_id": ACCOUNT,
        "region": REGION,
        "functions": {function: f"test-{function.replace('_', '-')}" for function in ENVIRONMENTS},
        "key": KEY,
        "repository_key": KEY,
        "sources": (
            SourceSetting("reports", "acme-reports", "clients/", ("board", "legal-*")),
            SourceSetting("drafts", "acme-drafts"),
        ),
        "source_keys": (SOURCE_KEY,),
        "repository": BucketRef("test-primary", "arn:aws:s3:::test-primary"),
        "scratch": BucketRef("test-scratch", "arn:aws:s3:::test-scratch"),
        "scratch_prefix": "drills/",
        "restore_buckets": ("acme-restored",),
        "restore_keys": (RESTORE_KEY,),
        "tables": {
            name: TableRef(f"test-{name}", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/test-{name}") for name in tables
        },
        "job_queue": queue_ref("jobs"),
        "priority_queue": queue_ref("priority"),
        "restore_queue": queue_ref("restores"),
        "job_dead_letters": queue_ref("jobs-dead"),
        "priority_dead_letters": queue_ref("priority-dead"),
        "restore_dead_letters": queue_ref("restores-dead"),
        "topic": TopicRef("notices", f"arn:aws:sns:{REGION}:{ACCOUNT}:notices"),
    }
    return Resources(**{**given, **changes})


def policy(registration: Registration, field: str = "policy") -> list[dict[str, Any]]:
    """Give the statements of a policy that was registered as JSON."""
    statements: list[dict[str, Any]] = json.loads(registration.inputs[field])["Statement"]
    return statements
