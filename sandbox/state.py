"""What `up` leaves behind for the other commands: where the sandbox is, and everything that is in it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from sandbox.errors import NotUpError
from sandbox.program.graph import Resource

FILE: Final = "state.json"
_VERSION: Final = 1


@dataclass(frozen=True, kw_only=True)
class State:
    """A sandbox that is up."""

    endpoint: str
    """Of all services, such as `http://127.0.0.1:40001`."""
    pid: int
    """Of the embedded AWS, which leads a process group of its own."""
    stack: str
    """Of Pulumi, such as `local`."""
    started: str
    """When it was up, RFC 3339, UTC."""
    seconds: float
    """How long that took."""
    config: Mapping[str, str]
    """The stack's configuration as the program had it, objects as JSON."""
    exports: Mapping[str, Any]
    """The stack's outputs."""
    notices_queue: str
    """URL of a queue beside the program that keeps whatever is published on the topic."""
    buckets: tuple[str, ...]
    """Buckets beside the program: sources, and those to restore into."""
    graph: tuple[Resource, ...]
    """Everything that was registered, in the order in which it was there."""

    @property
    def region(self) -> str:
        """The stack's own region."""
        return self.config["aws:region"]

    @property
    def replica_region(self) -> str | None:
        """The second region, if there is one."""
        replica = json.loads(self.config.get("strongroom:replica", "{}"))
        return str(replica["region"]) if replica.get("region") else None

    @property
    def sources(self) -> tuple[Mapping[str, Any], ...]:
        """The sources of the configuration: `name`, `bucket`, `prefix` and so on."""
        return tuple(json.loads(self.config["strongroom:sources"]))

    @property
    def created(self) -> tuple[Resource, ...]:
        """What was made at AWS."""
        return tuple(item for item in self.graph if item.type.startswith("aws:") and not item.recorded_only)

    @property
    def recorded_only(self) -> tuple[Resource, ...]:
        """What was registered, and could not be made here; each says why."""
        return tuple(item for item in self.graph if item.recorded_only)

    def of(self, type_: str) -> tuple[Resource, ...]:
        """Give the resources of a type, such as `aws:lambda/function:Function`."""
        return tuple(item for item in self.graph if item.type == type_)


def write(folder: Path, state: State) -> None:
    """Write the state into the folder, at once or not at all."""
    document = {"version": _VERSION, **asdict(state)}
    handle, draft = tempfile.mkstemp(dir=folder, prefix=f".{FILE}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
    Path(draft).replace(folder / FILE)


def pid_of(folder: Path) -> int:
    """Read the process id alone, whatever version wrote the rest."""
    return int(json.loads((folder / FILE).read_text(encoding="utf-8"))["pid"])


def read(folder: Path) -> State:
    """Read the state of the sandbox in the folder. NotUpError when there is none, or of another version."""
    try:
        document = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotUpError(f"there is no sandbox in {folder}") from None
    if document.pop("version", None) != _VERSION:
        raise NotUpError(f"the sandbox in {folder} was brought up by another version", hint="take it down and up again")
    graph = tuple(Resource(**{**item, "dependencies": tuple(item["dependencies"])}) for item in document.pop("graph"))
    return State(graph=graph, buckets=tuple(document.pop("buckets")), **document)
