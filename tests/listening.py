"""A telemetry whose lines and metrics a test can read. It is the real one, on a stream in memory."""

from __future__ import annotations

import io
import json
import threading
from typing import Any, NamedTuple

from functions.runtime.telemetry import Telemetry


class Value(NamedTuple):
    """One value of a metric, as CloudWatch gets it."""

    metric: str
    value: float
    unit: str
    dimensions: dict[str, str]


class Listening(Telemetry):
    """What is said and counted is kept in `stream`. Every one has a service name of its own."""

    _made = 0
    _making = threading.Lock()

    def __init__(self, stack: str = "test", level: str = "INFO") -> None:
        """Start with nothing heard."""
        with Listening._making:
            Listening._made += 1
            number = Listening._made
        self.stream = io.StringIO()
        super().__init__(f"listening-{number}", stack, level, self.stream)

    def lines(self, message: str | None = None) -> list[dict[str, Any]]:
        """Give the log lines, or those with this message."""
        found = [line for line in self._documents() if "_aws" not in line]
        return [line for line in found if message in {None, line["message"]}]

    def values(self, metric: str | None = None) -> list[Value]:
        """Give the values that were flushed, or those of one metric; each once, with all its dimensions."""
        found = []
        for document in self._documents():
            for directive in document.get("_aws", {}).get("CloudWatchMetrics", []):
                names = max(directive["Dimensions"], key=len)
                dimensions = {name: document[name] for name in names}
                for definition in directive["Metrics"]:
                    name = definition["Name"]
                    found += [Value(name, value, definition["Unit"], dimensions) for value in document[name]]
        return [value for value in found if metric in {None, value.metric}]

    def total(self, metric: str, source: str | None = None) -> float | None:
        """Give the sum of a metric's values, None when there are none."""
        found = [item.value for item in self.values(metric) if source in {None, item.dimensions.get("Source")}]
        return sum(found) if found else None

    def _documents(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]
