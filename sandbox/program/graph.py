"""The recorded resource graph: what the program registered, and what hangs on what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Resource:
    """A resource, or a component that others belong to."""

    urn: str
    type: str
    name: str
    parent: str = ""
    """URN of the component that it belongs to; empty for the stack itself."""
    dependencies: tuple[str, ...] = ()
    """URNs of what it was made from."""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """As the program says them. An archive is its path."""
    id: str = ""
    """At AWS. Empty for components and for what is recorded only."""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    """What AWS said beside: `arn`, `url` and the like."""
    recorded_only: str = ""
    """Why it was not made; empty when it was."""


@dataclass(frozen=True)
class Deployed:
    """What a program made, and what it exports."""

    graph: tuple[Resource, ...] = ()
    exports: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    """What the program says beside, as the Pulumi CLI would show it."""
