"""Puts the stack's tags on every resource that can carry tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import ResourceTransformationArgs, ResourceTransformationResult

_BY_THEMSELVES = frozenset({"aws:dynamodb/tableReplica:TableReplica"})
"""Types whose tags would be those of something else."""


def tag_everything(tags: Mapping[str, str]) -> None:
    """Add tags to each resource of AWS registered from now on; what a resource says itself stays."""

    def add(args: ResourceTransformationArgs) -> ResourceTransformationResult | None:
        if (
            not args.type_.startswith("aws:")
            or args.type_ in _BY_THEMSELVES
            or not hasattr(type(args.resource), "tags")
        ):
            return None
        props: dict[str, Any] = dict(args.props)
        own: dict[str, pulumi.Input[str]] = props.get("tags") or {}
        props["tags"] = {**tags, **own}
        return ResourceTransformationResult(props, args.opts)

    pulumi.runtime.register_stack_transformation(add)
