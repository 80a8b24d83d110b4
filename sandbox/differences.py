"""In what the sandbox differs from a real deployment. All of it is printed by `up`; nothing is hidden."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True)
class Gap:
    """Why the embedded AWS cannot hold resources of a type: all of them, or those with a certain input."""

    reason: str
    only_with: str = ""

    def covers(self, inputs: Mapping[str, Any]) -> bool:
        """Say whether a resource with these inputs cannot be held."""
        return not self.only_with or bool(inputs.get(self.only_with))


RECORDED_ONLY: Final[Mapping[str, Gap]] = {
    "aws:cloudwatch/metricAlarm:MetricAlarm": Gap(
        "the embedded AWS takes an alarm of an expression and forgets the expression", only_with="metricQueries"
    ),
}
"""By type. What is recorded only is in the graph of the state file, and nowhere else."""


def why_recorded_only(gaps: Mapping[str, Gap], type_: str, inputs: Mapping[str, Any]) -> str:
    """Give why a resource cannot be made; empty when it can."""
    gap = gaps.get(type_)
    return gap.reason if gap is not None and gap.covers(inputs) else ""


CHANGED: Final[Mapping[str, str]] = {
    "endpoints": "every service of Pulumi.local.yaml is answered at a free port of this machine",
    "layer": "the packages are the locked ones, built for this machine instead of Lambda's python3.13 on arm64",
    "TLS": "loopback counts as TLS, so that policies which refuse plain HTTP stay as they are",
    "scheduler": (
        "looks every second; fills in payloads and lets a rate come at once, as on AWS, which the embedded AWS does not"
    ),
    "replicas": "have the key that the rule names and their bucket's lock, as on AWS; the embedded AWS leaves both out",
    "cost forecasts": "count with the settings of production: here schedules are paused, and backups kept for a day",
    "roles": "count by their own ARN in `aws:PrincipalArn`, as on AWS; the embedded AWS takes the session's",
    "aliases of functions": "ask for the right to the call that is made, as on AWS; the embedded AWS asks for another",
    "SQS batches": "ask for the right to the single call, as on AWS; the embedded AWS wants actions that AWS lacks",
}
"""What is made otherwise than the program says, or counts as something else."""

NOT_PROVED: Final[Mapping[str, str]] = {
    "KMS": "no call asks for the right to use a key; keys, their policies and the buckets' defaults are there",
    "services' own roles": (
        "what the scheduler, replication and event source mappings do is not checked against their roles"
    ),
    "HTTP API": "is held; its function is asked as API Gateway asks it, and signatures only by its tests",
    "AWS Backup": "is off, since it would back nothing up here",
    "alarms, traces, trail, access logs, budget": "are held, and nothing is measured, written or sent by them",
}
"""What the embedded AWS holds but does not enforce, so that a run in the sandbox says nothing about it."""
