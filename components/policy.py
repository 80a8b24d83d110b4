"""Policy documents."""

from __future__ import annotations

from collections.abc import Iterable

from pulumi import Output

from components.rights_policy import Statement


def document(statements: Iterable[Statement]) -> Output[str]:
    """Give the JSON of a policy. Values of statements may be outputs."""
    return Output.json_dumps({"Version": "2012-10-17", "Statement": list(statements)})
