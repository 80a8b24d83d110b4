"""Stacks to judge: what the program registers, and small ones made by hand."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from pulumi.runtime.mocks import MockResourceArgs

from policies.model import Finding, Resource, Stack
from policies.rules import RULES, findings
from tests.program.kit import Registration, _Mocks, read_config, recorded


def judged(rule: str, stack: Stack) -> list[str]:
    """Give what one rule says of a stack."""
    (chosen,) = [one for one in RULES if one.name == rule]
    return [finding.says for finding in chosen.check(stack)]


def judged_all(stack: Stack) -> list[tuple[str, str, str]]:
    """Give what all rules say: rule, resource, finding."""
    return [(rule.name, _name(finding), finding.says) for rule, finding in findings(stack)]


def _name(finding: Finding) -> str:
    return finding.resource.name if finding.resource else ""


def resource(kind: str, name: str = "it", *, protect: bool = False, **props: Any) -> Resource:  # noqa: ANN401 - as made
    """Make a resource of a kind such as `s3.Bucket`."""
    module, _, type_ = kind.partition(".")
    return Resource(f"aws:{module}/{type_[0].lower()}{type_[1:]}:{type_}", name, props, protect)


def stack(*resources: Resource) -> Stack:
    """Make a stack."""
    return Stack(resources)


def policy(*statements: dict[str, Any]) -> str:
    """Write a policy."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: object, resource_: object = "arn:x", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - as IAM has it
    """Write a statement that allows something."""
    return {"Effect": "Allow", "Action": action, "Resource": resource_, **more}


@cache
def of_program(name: str) -> Stack:
    """Give what the program of a stack registers, with the outputs that the mocks answer with."""
    mocks = _Mocks(read_config(name)["aws:region"])
    return Stack(tuple(_resource(item, mocks) for item in recorded(name).resources))


def _resource(item: Registration, mocks: _Mocks) -> Resource:
    props = item.inputs
    if item.type.startswith("aws:"):
        made = MockResourceArgs(typ=item.type, name=item.name, inputs=props, provider="", resource_id="", custom=True)
        identity, outputs = mocks.new_resource(made)
        props = {**outputs, "id": identity}
    return Resource(item.type, item.name, props, item.protect)
