"""Says what a function does: log lines in JSON and metrics, by Powertools. Safe from any thread.

A line never holds a message's body, an object's bytes or a secret: callers name the fields one by one.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, NamedTuple, TextIO

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import RESERVED_LOG_ATTRS
from aws_lambda_powertools.metrics import EphemeralMetrics

from functions.contract.metric_names import NAMESPACE, Dimension, MetricName
from functions.engine.errors import StrongroomError

_VALUES = 100
"""Values of one metric in one document (Amazon CloudWatch User Guide, "Embedded metric format specification")."""
_RESERVED = frozenset({*RESERVED_LOG_ATTRS, "message", "service", "stack", "taskName"})
_BOUND: ContextVar[Mapping[str, object]] = ContextVar("bound", default=MappingProxyType({}))
"""The fields of the present thread: each user's lines carry that user, though users share a process."""


class _Series(NamedTuple):
    source: str | None
    code: str | None


class Telemetry:
    """The voice of one function. Make one for each process: loggers of one service share what they write to."""

    def __init__(self, service: str, stack: str, level: str = "INFO", stream: TextIO | None = None) -> None:
        """Speak as `service` of `stack`, on standard output unless a stream is given."""
        self._stack = stack
        self._stream = stream
        self._logger = Logger(service=service, level=level, stream=stream, utc=True, use_rfc3339=True)
        self._logger.append_keys(stack=stack)
        self._values: dict[_Series, dict[MetricName, list[float]]] = {}
        self._lock = threading.Lock()

    def info(self, message: str, **fields: object) -> None:
        """Say what happened."""
        self._logger.info(message, extra=_extra(fields), stacklevel=3)

    def warning(self, message: str, **fields: object) -> None:
        """Say what went wrong and was mended."""
        self._logger.warning(message, extra=_extra(fields), stacklevel=3)

    def error(self, message: str, **fields: object) -> None:
        """Say what went wrong; with the stack while an exception is handled that nobody raised on purpose."""
        handled = sys.exc_info()[1]
        unforeseen = handled is not None and not isinstance(handled, StrongroomError)
        self._logger.error(message, extra=_extra(fields), stacklevel=3, exc_info=unforeseen)

    @contextmanager
    def bound(self, **fields: object) -> Iterator[None]:
        """Add fields to each line that this thread writes meanwhile."""
        token = _BOUND.set({**_BOUND.get(), **fields})
        try:
            yield
        finally:
            _BOUND.reset(token)

    @contextmanager
    def invocation(self, request_id: str) -> Iterator[None]:
        """Bind the request, say it when it ends with an error, and flush in any case."""
        with self.bound(request_id=request_id):
            try:
                yield
            except Exception as error:
                code = getattr(error, "code", type(error).__name__)
                self.error("invocation failed", code=code, reason=str(error))
                raise
            finally:
                self.flush()

    def count(self, metric: MetricName, value: float, *, source: str | None = None, code: str | None = None) -> None:
        """Keep a value of a metric, in the metric's unit, until `flush`."""
        with self._lock:
            self._values.setdefault(_Series(source, code), {}).setdefault(metric, []).append(float(value))

    def flush(self) -> None:
        """Write the values that were kept, in CloudWatch's embedded metric format."""
        with self._lock:
            values, self._values = self._values, {}
        for series, metrics in values.items():
            longest = max(len(numbers) for numbers in metrics.values())
            for start in range(0, longest, _VALUES):
                some = {metric: numbers[start : start + _VALUES] for metric, numbers in metrics.items()}
                self._write({metric: numbers for metric, numbers in some.items() if numbers}, series)

    def _write(self, metrics: Mapping[MetricName, list[float]], series: _Series) -> None:
        source = {} if series.source is None else {Dimension.SOURCE: series.source}
        code = {} if series.code is None else {Dimension.CODE: series.code}
        common = {Dimension.STACK: self._stack, **source}
        document = EphemeralMetrics(namespace=NAMESPACE, service="")
        if code:
            document.add_dimensions(**common, **code)
        kept = {str(name): {"Unit": name.unit, "Value": numbers} for name, numbers in metrics.items()}
        text = json.dumps(document.serialize_metric_set(metrics=kept, dimensions=common))
        stream = self._stream if self._stream is not None else sys.stdout
        stream.write(f"{text}\n")
        stream.flush()


def _extra(fields: Mapping[str, object]) -> dict[str, Any]:
    """Give the fields of a line. One whose name is taken gets another: no line must fail for its name."""
    return {_free(name): value for name, value in {**_BOUND.get(), **fields}.items()}


def _free(name: str) -> str:
    return f"{name}_" if name in _RESERVED else name
