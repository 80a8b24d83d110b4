"""What an invocation of the remediator asks for: a look, a look with an alarm in hand, or the end of a pause. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from functions.contract.messages import RemediateEvent
from functions.engine.errors import ConfigurationError

_CHANGE: Final = "CloudWatch Alarm State Change"
_SOURCE: Final = "aws.cloudwatch"
_ALARM: Final = "ALARM"
_EXAMPLE: Final = '{} or {"resume": "reports"}'


@dataclass(frozen=True, slots=True)
class Known:
    """What alarms a stack has that say that a function ran out of memory, and where. `memory_alarms` are names."""

    account: str
    region: str
    memory_alarms: Mapping[str, str]
    """Alarm to function."""
    sources: Sequence[str]


@dataclass(frozen=True, slots=True)
class Request:
    """A look; `function` has run out of memory, the pause of source `resume` is to end."""

    function: str | None = None
    resume: str | None = None


def parse_request(event: object, known: Known) -> Request:
    """Read an event: of the schedule, of EventBridge about an alarm, or typed by a person.

    Of an alarm only its name is believed, and only when it is one of this account, region and stack: any other makes
    an ordinary look. ConfigurationError for anything else.
    """
    if not isinstance(event, Mapping):
        raise ConfigurationError(f"the event is {event!r}, must be a JSON object", hint=f"such as {_EXAMPLE}")
    if event.get("detail-type") == _CHANGE:
        return Request(function=_function_of(event, known))
    if unknown := [key for key in event if key != RemediateEvent.RESUME]:
        raise ConfigurationError(f"the event has {unknown[0]!r}, which is unknown", hint=f"such as {_EXAMPLE}")
    source = event.get(RemediateEvent.RESUME)
    if source is not None and source not in known.sources:
        raise ConfigurationError(
            f"{RemediateEvent.RESUME!r} is {source!r}, must be one of {', '.join(known.sources)}",
            hint=f"such as {_EXAMPLE}",
        )
    return Request(resume=source)


def _function_of(event: Mapping[str, Any], known: Known) -> str | None:
    where = (event.get("source"), event.get("account"), event.get("region"))
    if where != (_SOURCE, known.account, known.region):
        return None
    match event.get("detail"):
        case {"alarmName": str(name), "state": {"value": value}} if value == _ALARM:
            return known.memory_alarms.get(name)
    return None
