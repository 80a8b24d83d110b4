"""The resources of a stack as they were registered, and what they mean for a picture. Pure.

A graph is a JSON document: `[{"urn", "type", "name", "parent", "dependencies": [urn, ...], "region"?, "inputs"?}]`,
alone or under `resources`; or what `pulumi stack export` writes, which has the same resources under `deployment`.
`region` is left out where it is the stack's own.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from functions.engine.errors import ConfigurationError

STACK = "pulumi:pulumi:Stack"
_OURS = "strongroom:"
_PROVIDER = "pulumi:providers:"
_DEPTH = 50
_HINT = "`pulumi stack export --file graph.json` writes one"


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource. `parent` and `dependencies` are URNs; a region of "" is the stack's own."""

    urn: str
    type: str
    name: str
    parent: str = ""
    dependencies: tuple[str, ...] = ()
    region: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_component(self) -> bool:
        """Say whether it only holds others."""
        return self.type.startswith(_OURS) or self.type == STACK


@dataclass(frozen=True, slots=True)
class Graph:
    """All resources of a stack by URN, in the order of their registration."""

    resources: Mapping[str, Resource]

    def of(self, *types: str) -> list[Resource]:
        """Give the resources whose type ends like one of these, such as `lambda/function:Function`."""
        return [item for item in self.resources.values() if item.type.endswith(types)]

    def components(self, resource: Resource) -> Iterator[Resource]:
        """Give the components that a resource lies in, the nearest first, without the stack itself."""
        urn = resource.parent
        for _ in range(_DEPTH):  # a file that people wrote may have a circle
            found = self.resources.get(urn)
            if found is None or found.type == STACK:
                return
            if found.is_component:
                yield found
            urn = found.parent


def parse_graph(text: str, name: str) -> Graph:
    """Read a graph; `name` stands in messages. ConfigurationError when it is none."""
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{name} is no JSON: {error}", hint=_HINT) from error
    if isinstance(document, dict):
        document = document.get("deployment", document)
    if isinstance(document, dict):
        document = document.get("resources", document.get("graph"))
    if not isinstance(document, list):
        raise ConfigurationError(f"{name} holds no list of resources", hint=_HINT)
    found = [_resource(item, f"{name}: resource {number}") for number, item in enumerate(document, 1)]
    kept = [item for item in found if not item.type.startswith(_PROVIDER)]
    own = _own_region(kept)
    return Graph({item.urn: replace(item, region="" if item.region == own else item.region) for item in kept})


def _resource(item: object, where: str) -> Resource:
    if not isinstance(item, dict):
        raise ConfigurationError(f"{where} is {type(item).__name__}, must be an object", hint=_HINT)
    urn, kind = item.get("urn"), item.get("type")
    if not isinstance(urn, str) or not isinstance(kind, str):
        raise ConfigurationError(f"{where} has no urn or no type", hint=_HINT)
    inputs = item.get("inputs")
    inputs = inputs if isinstance(inputs, dict) else {}
    dependencies = item.get("dependencies")
    return Resource(
        urn=urn,
        type=kind,
        name=str(item.get("name") or urn.rpartition("::")[2]),
        parent=str(item.get("parent") or ""),
        dependencies=tuple(map(str, dependencies)) if isinstance(dependencies, list) else (),
        region=str(item.get("region") or inputs.get("region") or ""),
        inputs=inputs,
    )


def _own_region(resources: list[Resource]) -> str:
    """Give the region that most resources name: the stack's own, which some name and some leave out."""
    named = Counter(item.region for item in resources if item.region)
    return named.most_common(1)[0][0] if named else ""
