"""A stack to watch, and what components that watch it register."""

from __future__ import annotations

from collections.abc import Callable

from components.alarm_list import Replicated, Watched, WatchedApi
from components.refs import BucketRef, FunctionRef, KeyRef, QueueRef, TableRef, TopicRef
from components.settings.api import Api
from functions.contract.environment import ENVIRONMENTS
from tests.components.deployment import deploy
from tests.program.kit import ACCOUNT, Registration

STACK = "strongroom-test"
HERE, THERE = "us-east-1", "us-west-2"
TABLES = ("dedup", "backups", "runs", "users", "restores", "drills")
TOPIC = TopicRef("notices", f"arn:aws:sns:{HERE}:{ACCOUNT}:notices")
FAR_TOPIC = TopicRef("notices", f"arn:aws:sns:{THERE}:{ACCOUNT}:notices")
KEY = KeyRef(f"arn:aws:kms:{HERE}:{ACCOUNT}:key/here")
FAR_KEY = KeyRef(f"arn:aws:kms:{THERE}:{ACCOUNT}:key/there")


def bucket(name: str) -> BucketRef:
    """Give a bucket."""
    return BucketRef(name, f"arn:aws:s3:::{name}")


def queue(name: str) -> QueueRef:
    """Give a queue."""
    return QueueRef(name, f"https://sqs/{name}", f"arn:aws:sqs:{HERE}:{ACCOUNT}:{name}")


def watched(*, sources: tuple[str, ...] = ("reports", "mail"), replicated: bool = True) -> Watched:
    """Give a stack with everything."""
    repository = bucket("repository")
    return Watched(
        stack=STACK,
        sources=sources,
        functions={name: FunctionRef(f"{STACK}-{name}", f"arn:{name}", 900) for name in ENVIRONMENTS},
        queues={name: queue(name) for name in ("jobs", "priority", "restores")},
        dead_letters={name: queue(f"{name}-dead") for name in ("jobs", "restores", "schedules")},
        tables={name: TableRef(f"{STACK}-{name}", f"arn:{name}") for name in TABLES},
        repository=repository,
        schedule_group="group",
        vault=f"{STACK}-vault",
        source_vault=f"{STACK}-source-vault",
        api=WatchedApi("a1b2c3d4", Api()),
        replicated=Replicated(repository, bucket("replica"), "everything") if replicated else None,
    )


def registered(build: Callable[[], object], *, preview: bool = False) -> list[Registration]:
    """Give all that a piece of a program registers. In a preview no output of a resource is known."""
    return [item for item in deploy(build, preview=preview).resources if item.type != "pulumi:pulumi:Stack"]
