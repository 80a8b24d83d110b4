"""What a creator is given and gives, and the creator that most types need: one call."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from botocore import xform_name
from botocore.model import ListShape, Shape, StructureShape

from sandbox.aws import ACCOUNT, Clients
from sandbox.errors import RefusedError
from sandbox.resources.shapes import fit, member

Inputs: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Order:
    """A resource to be made: its type and name in the program, its inputs, and the region and stack it belongs to."""

    type: str
    name: str
    inputs: Inputs
    region: str
    stack: str = ""

    def physical(self, property_: str = "name") -> str:
        """Give what it is called at AWS: as it says, or as the provider would, its name and a few characters."""
        suffix = hashlib.sha256(f"{self.stack} {self.type} {self.name}".encode()).hexdigest()[:7]
        return str(self.inputs.get(property_) or f"{self.name}-{suffix}")

    def knows(self, *names: str) -> None:
        """Insist that there are no inputs but these. RefusedError: nothing is left out silently."""
        if unknown := sorted(self.inputs.keys() - {*names, "region"}):
            raise RefusedError(f"the creator of {self.type} does not know {', '.join(unknown)}")

    def without(self, *names: str) -> Order:
        """Give it without some inputs, which another call takes."""
        return replace(self, inputs={name: value for name, value in self.inputs.items() if name not in names})

    def having(self, **inputs: Any) -> Order:  # noqa: ANN401 - inputs of any type
        """Give it with some inputs added or replaced."""
        return replace(self, inputs={**self.inputs, **inputs})


@dataclass(frozen=True)
class Made:
    """A resource that is there: its id at the provider, and the outputs that are no inputs."""

    id: str
    outputs: Mapping[str, Any] = field(default_factory=dict)


Creator: TypeAlias = Callable[[Clients, Order], Made]


@dataclass(frozen=True)
class Call:
    """A creator that is one call: inputs go to the parameters that are called like them.

    `id` and `outputs` are texts with `{fields}`: inputs, members of the answer, `account`, `region`.
    """

    operation: str
    """Service and operation, by boto3's names: `s3.put_bucket_policy`."""
    id: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)
    inside: str = ""
    """Parameter below which inputs go that the call itself does not know: `A.B`, or `A[]` for the item of a list."""
    places: Mapping[str, str] = field(default_factory=dict)
    """Parameters of inputs that go elsewhere, in the same form: `{"rules": "LifecycleConfiguration.Rules"}`."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Names that differ by more than case, at any depth."""
    constants: Mapping[str, str] = field(default_factory=dict)
    """What is always the same, by parameter."""
    unused: frozenset[str] = frozenset()
    """Inputs that say how a resource is changed or destroyed, not how it is made."""

    def __call__(self, clients: Clients, order: Order) -> Made:
        """Make it. RefusedError when an input has no parameter."""
        service, _, operation = self.operation.partition(".")
        client = clients.get(service, order.region)
        shape = _input_of(client, operation)
        parameters: dict[str, Any] = {}
        for path, value in self.constants.items():
            _put(parameters, path, value)
        for name, value in order.inputs.items():
            if name in self.unused or name == "region" or value is None:
                continue
            path = self._path(shape, name)
            _put(parameters, path, fit(value, _shape_at(shape, path), self.renamed))
        answer = getattr(client, operation)(**parameters)
        known = {"account": ACCOUNT, **order.inputs, **answer, "region": order.region}
        return Made(self.id.format_map(known), {name: form.format_map(known) for name, form in self.outputs.items()})

    def _path(self, shape: Shape, name: str) -> str:
        if name in self.places:
            return self.places[name]
        if known := member(shape, name, self.renamed):
            return known
        known = member(_shape_at(shape, self.inside), name, self.renamed) if self.inside else None
        if known is None:
            raise RefusedError(f"{self.operation} has no parameter for {name}")
        return f"{self.inside}.{known}"


def _input_of(client: Any, operation: str) -> Shape:  # noqa: ANN401 - boto3 makes its clients at run time
    model = client.meta.service_model
    name = next(known for known in model.operation_names if xform_name(known) == operation)
    shape: Shape = model.operation_model(name).input_shape
    return shape


def _shape_at(shape: Shape, path: str) -> Shape:
    """Follow a path such as `A.B[]`."""
    for part in path.split("."):
        if not isinstance(shape, StructureShape):
            raise RefusedError(f"{shape.name} has no {part}")
        shape = shape.members[part.removesuffix("[]")]
        if part.endswith("[]") and isinstance(shape, ListShape):
            shape = shape.member
    return shape


def _put(parameters: dict[str, Any], path: str, value: Any) -> None:  # noqa: ANN401 - of any type
    """Put a value at a path such as `A.B` or `A[].B`, making what is missing on the way."""
    *above, last = path.split(".")
    place = parameters
    for part in above:
        name = part.removesuffix("[]")
        below = place.setdefault(name, [{}] if part.endswith("[]") else {})
        place = below[0] if part.endswith("[]") else below
    place[last.removesuffix("[]")] = [value] if last.endswith("[]") else value
