"""Policy documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pulumi import Output

from components.rights_policy import Statement


def document(statements: Iterable[Statement]) -> Output[str]:
    """Give the JSON of a policy. Values of statements may be outputs."""
    return Output.json_dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(service: str, condition: Mapping[str, object] | None = None) -> Output[str]:
    """Give the JSON of the policy that lets a service take on a role."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return document([{**statement, "Condition": condition} if condition else statement])
