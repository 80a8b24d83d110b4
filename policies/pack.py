"""The rules as Pulumi runs them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    PolicyResource,
    ReportViolation,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from policies.model import UNKNOWN, Resource, Rule, Stack
from policies.rules import RULES


def policies() -> list[StackValidationPolicy]:
    """Give every rule as a policy of the whole stack, which stops a deployment."""
    return [_policy(rule) for rule in RULES]


def plain(value: Any) -> Any:  # noqa: ANN401 - whatever a property holds
    """Give a property as plain values, with `UNKNOWN` for what Pulumi does not know yet and refuses to give."""
    if isinstance(value, Mapping):
        return {key: _item(value, key) for key in value}
    if isinstance(value, str) or not hasattr(value, "__len__") or not hasattr(value, "__getitem__"):
        return value
    return [_item(value, at) for at in range(len(value))]


def _item(holder: Any, key: Any) -> Any:  # noqa: ANN401 - see plain
    try:
        return plain(holder[key])
    except UnknownValueError:
        return UNKNOWN


def _policy(rule: Rule) -> StackValidationPolicy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        resources = [_resource(item) for item in args.resources]
        urns = {id(resource): item.urn for resource, item in zip(resources, args.resources, strict=True)}
        for finding in rule.check(Stack(tuple(resources))):
            report(finding.says, urns.get(id(finding.resource)))

    return StackValidationPolicy(
        name=rule.name,
        description=f"{rule.must} {rule.why}",
        validate=validate,
        enforcement_level=EnforcementLevel.MANDATORY,
    )


def _resource(item: PolicyResource) -> Resource:
    return Resource(item.resource_type, item.name, plain(item.props), bool(item.opts.protect))
