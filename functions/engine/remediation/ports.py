"""What the remediator needs from outside, and what each port must guarantee."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from functions.engine.orchestration.ports import Envelope


class Letter(NamedTuple):
    """A message of a dead-letter queue that is held for some minutes. `receipt` is what it is let go by."""

    receipt: str
    body: str


class DeadLetterQueue(Protocol):
    """A dead-letter queue, and the queue that its messages came from."""

    def receive(self) -> list[Letter]:
        """Give what lies there, up to a limit, and hold it for some minutes."""
        ...

    def send_on(self, letters: Sequence[Letter], envelopes: Sequence[Envelope]) -> None:
        """Send envelopes to the queue, and only then take the letters away: one may come twice, none is lost."""
        ...

    def put_back(self, letters: Sequence[Letter]) -> None:
        """Let letters lie where they were, at once."""
        ...


class Memory(NamedTuple):
    """What a function has. `stable`: nobody is changing it, and what is published is what stands there."""

    megabytes: int
    stable: bool


class FunctionMemory(Protocol):
    """The memory of functions, by their ARNs."""

    def look(self, arn: str) -> Memory:
        """Give the memory of what is called."""
        ...

    def step(self, arn: str, megabytes: int) -> str:
        """Have whatever is called run with so much memory, and change nothing else; give the new version.

        Raises when the function is changed by somebody else meanwhile; then what is called is what it was.
        """
        ...
