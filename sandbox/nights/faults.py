"""Insists that nothing went wrong on the way: denied calls, errors in the logs, messages that were given up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Final, NamedTuple

from sandbox.errors import SandboxError
from sandbox.nights.logs import errors
from sandbox.nights.stack import FaultError, Stack
from sandbox.rights.decisions import Decision, denied
from sandbox.telling import Teller

SHOWN: Final = 20


class _Before(NamedTuple):
    """When the block began, and what had been denied and given up by then."""

    begun: datetime
    denied: Mapping[tuple[str, str, str], int]
    dead: Mapping[str, int]


@contextmanager
def nothing_wrong(stack: Stack, teller: Teller) -> Iterator[None]:
    """Look at what happened during the block, also when it failed. FaultError when it is not as it must be."""
    before = _Before(datetime.now(UTC), _counts(denied(stack.state.endpoint)), stack.dead_letters())
    try:
        yield
    except SandboxError:
        # Why it failed stands there, as a rule.
        _say(teller, _faults(stack, before))
        raise
    with teller.step("look for denied calls, errors in the logs and messages given up") as tell:
        found = _faults(stack, before)
        tell(f"{len(found):,}" if found else "none")
    insist(teller, found, "denied calls, errors in the logs or messages given up")


def insist(teller: Teller, faults: Iterable[str], what: str) -> None:
    """Print the faults, if there are any, and raise FaultError."""
    found = list(faults)
    _say(teller, found)
    if found:
        raise FaultError(f"{len(found):,} faults: {what}")


def _say(teller: Teller, found: list[str]) -> None:
    for text in islice(found, SHOWN):
        teller.say(f"FAULT: {text}", style="red")
    if len(found) > SHOWN:
        teller.say(f"... and {len(found) - SHOWN:,} more", style="red")


def _faults(stack: Stack, before: _Before) -> list[str]:
    refused, dead = denied(stack.state.endpoint), stack.dead_letters()
    found = [str(decision) for decision in refused if decision.calls > before.denied.get(_key(decision), 0)]
    found += errors(stack, before.begun)
    more = {queue: count - before.dead.get(queue, 0) for queue, count in dead.items()}
    return found + [f"{count} messages were given up: {queue}" for queue, count in more.items() if count > 0]


def _counts(refused: list[Decision]) -> dict[tuple[str, str, str], int]:
    return {_key(decision): decision.calls for decision in refused}


def _key(decision: Decision) -> tuple[str, str, str]:
    return decision.principal, decision.action, decision.resource
