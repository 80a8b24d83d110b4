"""Reads what a program has registered: policies, keys, and which resource belongs to which component."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tests.program.kit import ACCOUNT, Program, Registration, read_config

STACKS = ("dev", "prod", "local", "alone")
ALL_STACKS = (*STACKS, "prod-recovery")
"""With the one that stands by to take over what another one has made."""
BUCKET = "aws:s3/bucket:Bucket"
FUNCTION = "aws:lambda/function:Function"
KEY = "aws:kms/key:Key"
QUEUE = "aws:sqs/queue:Queue"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
TABLE = "aws:dynamodb/table:Table"
TOPIC = "aws:sns/topic:Topic"
VAULT = "aws:backup/vault:Vault"
POLICIES = ("policy", "assumeRolePolicy")
"""Properties that hold policies."""


class Policy(NamedTuple):
    """A policy of a resource."""

    owner: Registration
    kind: str
    statements: list[dict[str, Any]]
    text: str


def policies(program: Program) -> Iterator[Policy]:
    """Give every policy of a program, whatever it stands in."""
    for item in program.resources:
        for kind in POLICIES:
            text = item.inputs.get(kind)
            if isinstance(text, str) and text.startswith("{"):
                yield Policy(item, kind, json.loads(text)["Statement"], text)


def policy_of(program: Program, kind: str, field: str, value: str) -> list[dict[str, Any]]:
    """Give the statements of the one policy of a type whose field has a value."""
    (found,) = [item for item in program.of(kind) if item.inputs[field] == value]
    statements: list[dict[str, Any]] = json.loads(found.inputs["policy"])["Statement"]
    return statements


def listed(value: object) -> list[Any]:
    """Give one or several as a list; of a mapping, its values."""
    if isinstance(value, Mapping):
        return [one for each in value.values() for one in listed(each)]
    return list(value) if isinstance(value, list) else [value]


def account_of(stack: str) -> str:
    """Give the account of a stack."""
    return read_config(stack)["strongroom:accountId"]


def is_isolated(stack: str) -> bool:
    """Say whether the functions of a stack run in a network without a way out."""
    return bool(json.loads(read_config(stack)["strongroom:network"]).get("isolated", True))


def replica_region(stack: str) -> str | None:
    """Give the second region of a stack."""
    found: str | None = json.loads(read_config(stack)["strongroom:replica"]).get("region")
    return found


def tables_of(stack: str, program: Program) -> set[str]:
    """Give the names of the tables that a stack works on: made by it, or copies of another one's that it takes over."""
    made = {str(item.inputs["name"]) for item in program.of(TABLE)}
    promoted = json.loads(read_config(stack)["strongroom:promote"])
    taken = set(program.outputs["Tables"].values()) - made
    assert all(name.startswith(f"strongroom-{promoted.get('environment')}-") for name in taken)
    return made | taken


def region_of(stack: str, item: Registration) -> str:
    """Give the region that a resource stands in."""
    return str(item.inputs.get("region") or read_config(stack)["aws:region"])


def arn(service: str, stack: str, item: Registration, name: str | None = None) -> str:
    """Give the ARN that the mocks give a resource."""
    return f"arn:aws:{service}:{region_of(stack, item)}:{ACCOUNT}:{name or item.inputs.get('name') or item.name}"


def keys(program: Program, stack: str) -> dict[str, list[dict[str, Any]]]:
    """Give the policies of the program's keys, by their ARNs."""
    return {arn("kms", stack, key): json.loads(key.inputs["policy"])["Statement"] for key in program.of(KEY)}


def beside(program: Program, item: Registration, kind: str) -> list[Registration]:
    """Give the resources of a type in the same component."""
    return [other for other in program.of(kind) if other.parent == item.parent]
