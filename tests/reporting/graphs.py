"""Resource graphs to draw: the one that the program registers, and small ones."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from cli.reporting.graph import Graph, parse_graph

_STACK = "urn:pulumi:prod::strongroom::pulumi:pulumi:Stack::strongroom-prod"


def component(name: str, kind: str, parent: str = _STACK) -> dict[str, Any]:
    """Give a component."""
    return {"urn": f"urn:{name}", "type": f"strongroom:index:{kind}", "name": name, "parent": parent}


def resource(name: str, kind: str, parent: str, *dependencies: str, **more: object) -> dict[str, Any]:
    """Give a resource of AWS; dependencies by their names."""
    return {
        "urn": f"urn:{name}",
        "type": f"aws:{kind}",
        "name": name,
        "parent": f"urn:{parent}",
        "dependencies": [f"urn:{one}" for one in dependencies],
        **more,
    }


def pipeline() -> list[dict[str, Any]]:
    """Give a schedule, two functions, a queue between them, a bucket with a copy, and an alarm that tells somebody."""
    components = (
        ("schedules", "Schedules"),
        ("start", "Function"),
        ("jobs", "Queue"),
        ("work", "Function"),
        ("feed", "EventSource"),
        ("vault", "Bucket"),
        ("copy", "Bucket"),
        ("replication", "Replication"),
        ("alarms", "Alarms"),
        ("notices", "Topic"),
        ("net", "Network"),
    )
    return [
        {"urn": _STACK, "type": "pulumi:pulumi:Stack", "name": "strongroom-prod", "parent": ""},
        {"urn": "urn:aws", "type": "pulumi:providers:aws", "name": "default"},
        *(component(name, kind) for name, kind in components),
        resource("nightly", "scheduler/schedule:Schedule", "schedules", "start-live"),
        resource("start-function", "lambda/function:Function", "start", "jobs-queue"),
        resource("start-live", "lambda/alias:Alias", "start", "start-function"),
        resource("jobs-queue", "sqs/queue:Queue", "jobs"),
        resource("work-function", "lambda/function:Function", "work", "jobs-queue", "vault-versions"),
        resource("mapping", "lambda/eventSourceMapping:EventSourceMapping", "feed", "jobs-queue", "work-function"),
        resource("vault-bucket", "s3/bucket:Bucket", "vault", region="us-east-1"),
        resource("vault-versions", "s3/bucketVersioning:BucketVersioning", "vault", "vault-bucket"),
        resource("copy-bucket", "s3/bucket:Bucket", "copy", region="us-west-2"),
        resource(
            "rule",
            "s3/bucketReplicationConfig:BucketReplicationConfig",
            "replication",
            "vault-versions",
            "copy-bucket",
            region="us-east-1",
        ),
        *(
            resource(f"alarm-{number}", "cloudwatch/metricAlarm:MetricAlarm", "alarms", "notices-topic", "jobs-queue")
            for number in range(9)
        ),
        resource("notices-topic", "sns/topic:Topic", "notices"),
        resource("vpc", "ec2/vpc:Vpc", "net"),
    ]


@cache
def graph() -> Graph:
    """Give the pipeline as a graph."""
    return parse_graph(json.dumps(pipeline()), "graph.json")
