"""What the roles of the functions may do, asked of IAM itself, and what of it was used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from sandbox.nights.stack import FUNCTION, Stack
from sandbox.rights.decisions import Decision


class Grant(NamedTuple):
    """One action that a function may do, and on what."""

    function: str
    """By the name of its module."""
    purpose: str
    """The statement's id: what the resources are for."""
    action: str
    resources: tuple[str, ...]


class Use(NamedTuple):
    """How often a grant was used."""

    grant: Grant
    calls: int


def grants(stack: Stack) -> list[Grant]:
    """Give every action that the policies of the functions' roles allow."""
    found = []
    for item in stack.state.of(FUNCTION):
        function, role = str(item.inputs["handler"]).split(".")[-2], str(item.inputs["role"]).rpartition("/")[2]
        found += [grant for statement in _statements(stack, role) for grant in _of(function, statement)]
    return sorted(found)


def uses(stack: Stack, granted: Iterable[Grant], decided: Iterable[Decision]) -> list[Use]:
    """Count for each grant the calls that were allowed by it."""
    names = stack.functions()
    allowed = [decision for decision in decided if decision.allowed]
    return [
        Use(grant, sum(one.calls for one in allowed if one.who == names[grant.function] and _covers(grant, one)))
        for grant in granted
    ]


def covered(stack: Stack, granted: Iterable[Grant], decision: Decision) -> bool:
    """Say whether one of the grants allows what a function asked for."""
    names = stack.functions()
    return any(names[grant.function] == decision.who and _covers(grant, decision) for grant in granted)


def _statements(stack: Stack, role: str) -> Iterator[dict[str, Any]]:
    """Give the statements of all policies of a role. It has none but those written for it."""
    iam = stack.client("iam")
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        yield from iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]


def _of(function: str, statement: dict[str, Any]) -> list[Grant]:
    if statement["Effect"] != "Allow":
        return []
    resources, purpose = tuple(_list(statement["Resource"])), str(statement.get("Sid", ""))
    return [Grant(function, purpose, action, resources) for action in _list(statement["Action"])]


def _covers(grant: Grant, decision: Decision) -> bool:
    return grant.action == decision.action and any(_matches(one, decision.resource) for one in grant.resources)


def _matches(granted: str, asked: str) -> bool:
    """Say whether the resource is the one that was granted. Decisions name an object by its bucket alone."""
    bucket, slash, _ = granted.partition("/")
    if slash and granted.startswith("arn:aws:s3:::"):
        return asked == f"{bucket}/*"
    return asked == granted or (granted.endswith("*") and asked.startswith(granted[:-1]))


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
