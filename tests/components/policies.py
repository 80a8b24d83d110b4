"""Decides requests by policies as AWS does, as far as the policies of this stack go: an auditor asks, it answers.

AWS IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements: Condition operators". What it does not
know it refuses to judge.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

Answer = Literal["allowed", "denied", "not allowed"]
NEGATED = {"StringNotEquals": "StringEquals", "ArnNotEquals": "ArnEquals"}
"""True also when the request has no such key."""


@dataclass(frozen=True)
class Request:
    """Who (an ARN, or a service) asks for what, on what, and the keys of the request."""

    action: str
    resource: str = "*"
    principal: str = "arn:aws:iam::123456789012:role/anybody"
    context: Mapping[str, str] = field(default_factory=dict)

    def get(self, key: str) -> str | None:
        """Give a key of the request. IAM sets the principal's ARN itself."""
        if key == "aws:PrincipalArn" and self.principal.startswith("arn:"):
            return self.principal
        return self.context.get(key)


def decide(statements: Sequence[Mapping[str, Any]], request: Request) -> Answer:
    """Answer a request: any denial wins, else any permission."""
    effects = {statement["Effect"] for statement in statements if _applies(statement, request)}
    if "Deny" in effects:
        return "denied"
    return "allowed" if "Allow" in effects else "not allowed"


def wildcards(statements: Sequence[Mapping[str, Any]]) -> list[str]:
    """Give the sids of permissions for all actions of a service, on everything, or for everybody."""
    return [
        str(statement.get("Sid"))
        for statement in statements
        if statement["Effect"] == "Allow"
        and (
            any(
                action.endswith("*") and action.count(":") and action.split(":")[1] == "*"
                for action in _actions(statement)
            )
            or "*" in _list(statement.get("Resource", "x"))
            or statement.get("Principal") == "*"
            or "*" in _list(statement.get("Principal", {}))
        )
    ]


def _applies(statement: Mapping[str, Any], request: Request) -> bool:
    return (
        _is_principal(statement.get("Principal", "*"), request.principal)
        and any(fnmatchcase(request.action, pattern) for pattern in _actions(statement))
        and any(_like(request.resource, _filled(pattern, request)) for pattern in _list(statement.get("Resource", "*")))
        and all(
            _holds(operator, key, _list(values), request)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _is_principal(wanted: str | Mapping[str, Any], principal: str) -> bool:
    if isinstance(wanted, str):
        return wanted == "*"
    named = [one for values in wanted.values() for one in _list(values)]
    return principal in named or any(
        one.endswith(":root") and principal.startswith(one.removesuffix("root")) for one in named
    )


def _holds(operator: str, key: str, values: Sequence[str], request: Request) -> bool:
    given = request.get(key)
    if operator == "Null":
        return (given is None) == (values == ["true"])
    if operator in NEGATED:
        return given is None or not _holds(NEGATED[operator], key, values, request)
    if operator == "ForAllValues:StringEquals":
        return given is None or all(one in values for one in given.split(","))
    return given is not None and any(_COMPARED[operator](given, _filled(value, request)) for value in values)


def _like(given: str, pattern: str) -> bool:
    return fnmatchcase(given, pattern.replace("[", "[[]"))


_COMPARED: dict[str, Callable[[str, str], bool]] = {
    "ArnEquals": _like,
    "ArnLike": _like,
    "Bool": str.__eq__,
    "NumericGreaterThan": lambda given, value: float(given) > float(value),
    "NumericLessThan": lambda given, value: float(given) < float(value),
    "StringEquals": str.__eq__,
    "StringLike": _like,
}


def _filled(pattern: str, request: Request) -> str:
    """Put the request's keys into `${...}`. A key that it has not matches nothing."""
    return re.sub(r"\$\{([^}]+)\}", lambda found: request.get(found[1]) or "\0", pattern)


def _actions(statement: Mapping[str, Any]) -> list[str]:
    return _list(statement["Action"])


def _list(value: Any) -> list[Any]:  # noqa: ANN401 - text or a list, as policies have it
    if isinstance(value, Mapping):
        return [one for values in value.values() for one in _list(values)]
    return list(value) if isinstance(value, list) else [value]
