"""Fits what a program says about a resource into the parameters of an AWS call. Pure.

Pulumi's inputs are the API's parameters in camel case, with few exceptions; botocore knows each call's parameters and
their types. So most of a resource needs no code: names are compared without regard to case, numbers become what the
parameter is, and `{a: b}` becomes `[{Key: a, Value: b}]` where the API wants that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from sandbox.errors import RefusedError

_PAIR = 2


def fit(value: Any, shape: Shape, renamed: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON of any form
    """Give `value` as a parameter of `shape`. `renamed` are names that differ by more than case, at any depth.

    RefusedError for a name that the call does not know: nothing is left out silently.
    """
    if isinstance(shape, StructureShape):
        return _structure(value, shape, renamed)
    if isinstance(shape, ListShape):
        if isinstance(value, Mapping):
            return _pairs(value, shape.member)
        return [fit(item, shape.member, renamed) for item in value]
    if isinstance(shape, MapShape):
        return {key: fit(item, shape.value, renamed) for key, item in value.items()}
    return _scalar(value, shape.type_name)


def member(shape: Shape, name: str, renamed: Mapping[str, str]) -> str | None:
    """Give the parameter of `shape` for an input."""
    wanted = renamed.get(name, name).lower()
    members = shape.members if isinstance(shape, StructureShape) else {}
    return next((known for known in members if known.lower() == wanted), None)


def _structure(value: Mapping[str, Any], shape: StructureShape, renamed: Mapping[str, str]) -> dict[str, Any]:
    found = {}
    for name, item in value.items():
        if item is None:
            continue
        parameter = member(shape, name, renamed)
        if parameter is None:
            raise RefusedError(f"{shape.name} has no parameter for {name}; it has {', '.join(shape.members)}")
        found[parameter] = fit(item, shape.members[parameter], renamed)
    return found


def _pairs(value: Mapping[str, Any], shape: Shape) -> list[dict[str, Any]]:
    """Write a mapping as the pairs that an API takes: `Key` and `Value`, `Name` and `Value`, `TagKey` and so on."""
    names = list(shape.members) if isinstance(shape, StructureShape) else []
    last = next((name for name in names if name.endswith("Value")), None)
    if last is None or len(names) != _PAIR:
        raise RefusedError(f"a mapping does not fit into a list of {shape.name}")
    first = next(name for name in names if name != last)
    return [{first: key, last: item} for key, item in value.items()]


def _scalar(value: Any, kind: str) -> Any:  # noqa: ANN401 - any scalar
    """Give a number as what the API takes; Pulumi hands all of them over as floats."""
    if kind in {"integer", "long"}:
        if int(value) != float(value):
            raise RefusedError(f"{value} is no whole number")
        return int(value)
    if kind in {"float", "double"}:
        return float(value)
    if kind == "string":
        return text(value)
    return value


def text(value: object) -> str:
    """Write a value as text: `60.0` is `60`, true is `true`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
