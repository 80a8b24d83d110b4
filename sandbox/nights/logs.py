"""What the functions wrote into their logs that nobody wants to read: errors, and invocations that did not end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from sandbox.nights.stack import Stack

_STREAMS_AT_ONCE: Final = 50
_ERRORS: Final = frozenset({"ERROR", "CRITICAL"})
_LAMBDAS: Final = ("Task timed out", "[ERROR]", "Traceback", "Runtime.")
"""What Lambda itself says of an invocation that failed."""
_SHOWN = 300


def lines(stack: Stack, function: str, since: datetime) -> Iterator[str]:
    """Give what a function has written since a moment, with Lambda's own lines."""
    logs, group = stack.client("logs"), f"/aws/lambda/{function}"
    start = int(since.timestamp() * 1_000)
    pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=group)
    streams = [item for page in pages for item in page["logStreams"]]
    names = [item["logStreamName"] for item in streams if item.get("lastEventTimestamp", start) >= start]
    # The embedded AWS cuts an answer at 10,000 lines and does not say so: ask for few streams at a time.
    for first in range(0, len(names), _STREAMS_AT_ONCE):
        some = names[first : first + _STREAMS_AT_ONCE]
        answer = logs.filter_log_events(logGroupName=group, logStreamNames=some, startTime=start)
        yield from (event["message"] for event in answer["events"])


def errors(stack: Stack, since: datetime) -> list[str]:
    """Give all lines at ERROR that functions have written since a moment, each with the function's name."""
    found = []
    for name, function in sorted(stack.functions().items()):
        found += [f"{name}: {line.strip()[:_SHOWN]}" for line in lines(stack, function, since) if _is_error(line)]
    return found


def _is_error(line: str) -> bool:
    try:
        told = json.loads(line)
    except ValueError:
        return any(mark in line for mark in _LAMBDAS)
    return isinstance(told, dict) and told.get("level") in _ERRORS
