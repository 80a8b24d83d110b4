"""What goes wrong between a caller and a service, and a caller who does not mind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from functions.engine.errors import UnavailableError


class LossyClient:
    """A boto3 client some of whose calls are throttled, and some of whose answers are lost after the deed."""

    def __init__(self, inner: Any, rate: float, seed: int = 0) -> None:  # noqa: ANN401 - any client
        """Do each harm with probability `rate`."""
        self.throttled = 0
        self.lost = 0
        self._inner = inner
        self._rate = rate
        self._random = Random(seed)
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Give the operation `name`, harmed."""
        operation = getattr(self._inner, name)

        def call(**arguments: Any) -> Any:  # noqa: ANN401 - any operation
            with self._lock:
                throttle, lose = self._random.random() < self._rate, self._random.random() < self._rate
                self.throttled += throttle
                self.lost += lose and not throttle
            if throttle:
                raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "on purpose"}}, name)
            answer = operation(**arguments)
            if lose:
                raise ReadTimeoutError(endpoint_url="on purpose")
            return answer

        return call


class Patient:
    """A caller who makes each call of a port again until it answers, as a message that comes again does."""

    def __init__(self, inner: object, tries: int = 60) -> None:
        """Call `inner`."""
        self._inner = inner
        self._tries = tries

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Give the call `name`, made until it answers."""
        method = getattr(self._inner, name)

        def call(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - any call
            for _ in range(self._tries):
                try:
                    answer = method(*arguments, **named)
                    return iter(list(answer)) if isinstance(answer, Iterator) else answer
                except UnavailableError:
                    continue
            raise AssertionError(f"{name} was refused {self._tries} times")

        return call
