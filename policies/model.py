"""Resources as rules see them, and what reads them: plain values, without Pulumi."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

UNKNOWN: Final = "<not known before it exists>"
"""A value of a resource that is not there yet. Rules say nothing about it: the update asks them again."""

Statement: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource. `props` are its inputs, with its outputs where they are known, as the provider names them."""

    type: str
    name: str
    props: Mapping[str, Any]
    protect: bool = False

    @property
    def kind(self) -> str:
        """The short name of its type: `s3.Bucket` for `aws:s3/bucket:Bucket`."""
        _, module, name = [*self.type.split(":"), "", ""][:3]
        return f"{module.partition('/')[0]}.{name}"

    def get(self, *path: str | int, default: Any = None) -> Any:  # noqa: ANN401 - whatever the provider has there
        """Give what stands at a path of the properties, or the default where nothing does."""
        found: Any = self.props
        for step in path:
            if not _has(found, step):
                return UNKNOWN if found == UNKNOWN else default
            found = found[step]
        return default if found is None else found


@dataclass(frozen=True, slots=True)
class Stack:
    """All resources of a stack."""

    resources: tuple[Resource, ...]
    _by_kind: dict[str, list[Resource]] = field(default_factory=dict, repr=False, compare=False)

    def of(self, *kinds: str) -> list[Resource]:
        """Give the resources of these kinds."""
        if not self._by_kind:
            for resource in self.resources:
                self._by_kind.setdefault(resource.kind, []).append(resource)
        return [resource for kind in kinds for resource in self._by_kind.get(kind, [])]

    def one(self, kind: str, name: str, value: object) -> Resource | None:
        """Give the resource of a kind whose property has a value. None where the value is not known."""
        if not known(value):
            return None
        return next((item for item in self.of(kind) if item.get(name) == value), None)

    def lacks(self, kind: str, name: str, value: object) -> bool:
        """Say whether no resource of a kind has a value there: none that is known, and none that may turn out to."""
        return known(value) and all(item.get(name) not in (value, UNKNOWN) for item in self.of(kind))


class Finding(NamedTuple):
    """What is wrong with a resource; of the whole stack when there is none."""

    resource: Resource | None
    says: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: what must hold, why, and what finds where it does not."""

    name: str
    must: str
    why: str
    check: Callable[[Stack], Iterator[Finding]]


def _has(holder: object, step: str | int) -> bool:
    if isinstance(holder, list | tuple):
        return isinstance(step, int) and step < len(holder)
    return isinstance(holder, Mapping) and step in holder


def listed(value: object) -> list[Any]:
    """Give one or several as a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]


def rows(value: object) -> list[Mapping[str, Any]]:
    """Give those objects of a list that are known."""
    return [row for row in listed(value) if isinstance(row, Mapping)]


def known(*values: object) -> bool:
    """Say whether all values are there and known."""
    return all(value is not None and value != UNKNOWN for value in values)


def statements(resource: Resource, name: str = "policy") -> list[Statement]:
    """Give the statements of a policy that is written as JSON. None of one that is not known yet."""
    text = resource.get(name)
    if not known(text):
        return []
    document = json.loads(text) if isinstance(text, str) else text
    return rows(document.get("Statement"))


def allows(statement: Statement) -> bool:
    """Say whether a statement allows rather than denies."""
    return statement.get("Effect") == "Allow"


def services(statement: Statement) -> list[str]:
    """Give the services that a statement is about."""
    principal = statement.get("Principal")
    return listed(principal.get("Service")) if isinstance(principal, Mapping) else []


def conditions(statement: Statement) -> set[str]:
    """Give the keys that a statement's conditions look at, in lower case."""
    return {key.lower() for test in (statement.get("Condition") or {}).values() for key in test}


def matches(pattern: str, action: str) -> bool:
    """Say whether an action of a policy, which may end with `*`, covers another."""
    wanted, given = action.lower(), pattern.lower()
    return given in {"*", wanted} or (given.endswith("*") and wanted.startswith(given[:-1]))


def covers(statement: Statement, action: str) -> bool:
    """Say whether a statement's actions cover an action."""
    return any(matches(str(pattern), action) for pattern in listed(statement.get("Action")))


def region_of(resource: Resource) -> str | None:
    """Give the region of a resource: its property, or what its ARN says. None where neither is known."""
    region = resource.get("region")
    if known(region):
        return str(region)
    arn = resource.get("arn")
    return region_of_arn(str(arn)) if known(arn) else None


def region_of_arn(arn: str) -> str | None:
    """Give the region that an ARN names. None for what has none."""
    parts = arn.split(":")
    return (parts[3] or None) if len(parts) > 3 else None  # noqa: PLR2004 - arn, partition, service, region
