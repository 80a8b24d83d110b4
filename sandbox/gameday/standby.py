"""The stack that stands by in the second region: the same program, with the setting that takes the replica over."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from sandbox.nights.stack import Stack
from sandbox.program.beside import keep_notices
from sandbox.program.config import REGION
from sandbox.program.graph import Resource
from sandbox.program.run import run_program
from sandbox.state import State

STACK: Final = "local-recovery"
ENVIRONMENT: Final = "local-west"


def make_standby(first: Stack, tell: Callable[[Resource], None], *, tables: bool) -> State:
    """Make the stack that takes over the replica of the first one, and an empty bucket to restore into; give its state.

    With `tables` it uses the copies of the first stack's tables, otherwise it makes tables of its own.
    """
    state, region = first.state, first.state.replica_region
    if region is None:
        raise ValueError("a stack without a replica cannot be taken over")
    config = standby_config(state, region, tables=tables)
    recovered = recovered_bucket(first)
    place = {"CreateBucketConfiguration": {"LocationConstraint": region}}
    first.client("s3", region).create_bucket(Bucket=recovered, **place)
    deployed = run_program(STACK, config, state.endpoint, tell)
    notices = keep_notices(first.clients, deployed.exports["NotificationTopicArn"], region)
    return replace(
        state,
        stack=STACK,
        config=config,
        exports=deployed.exports,
        notices_queue=notices,
        buckets=(recovered,),
        graph=deployed.graph,
    )


def standby_config(state: State, region: str, *, tables: bool) -> dict[str, str]:
    """Give the configuration of the stack that stands by: the first one's, but for what must be another.

    Pulumi.prod-recovery.yaml is the same for production.
    """
    source = dict(state.sources[0])
    source["bucket"] = f"{source['bucket']}-recovered"
    changes: dict[str, Any] = {
        "strongroom:environment": ENVIRONMENT,
        "strongroom:promote": {
            "environment": state.config["strongroom:environment"],
            "keyArn": state.exports["ReplicationKeyArn"],
            "tables": tables,
        },
        "strongroom:replica": {},
        "strongroom:sources": [source],
        "strongroom:restore": {"buckets": [source["bucket"]]},
    }
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in changes.items()}
    return {**state.config, REGION: region, "strongroom:region": region, **texts}


def recovered_bucket(first: Stack) -> str:
    """Give the bucket of the second region that everybody is restored into, and that is backed up from then on."""
    return f"{first.source['bucket']}-recovered"
