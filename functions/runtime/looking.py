"""Asks any service of AWS for what is there: for readings of settings, by the names of the API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from functions.adapters.aws_calls import AwsCalls
from functions.runtime.cloud import Cloud

_ATTEMPTS = 3


class Looking:
    """Calls operations that change nothing. Safe from any thread; every error is one of the tree, and comes soon."""

    def __init__(self, cloud: Cloud) -> None:
        """Call through the clients of `cloud`. Nothing is sent yet."""
        self._cloud = cloud

    def call(self, service: str, operation: str, what: str, action: str = "", **asked: Any) -> Any:  # noqa: ANN401 - as boto3 gives it
        """Give the answer of an operation. `what` and `action`, the right that it needs, stand in errors."""
        return self._calls(service, what).call(action or f"{service}:{operation}", partial(_ask, operation, asked))

    def pages(self, service: str, operation: str, what: str, items: str, **asked: Any) -> list[Any]:  # noqa: ANN401 - as `call`
        """Give all `items` of an operation that answers in pages."""
        return self._calls(service, what).call(f"{service}:{operation}", partial(_ask_all, operation, asked, items))

    def _calls(self, service: str, what: str) -> AwsCalls[Any]:
        return AwsCalls(partial(self._cloud.any, service), what, attempts=_ATTEMPTS)


def _ask(operation: str, asked: Mapping[str, Any], client: Any) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    return _method(client, operation)(**asked)


def _ask_all(operation: str, asked: Mapping[str, Any], items: str, client: Any) -> list[Any]:  # noqa: ANN401 - see _ask
    pages = client.get_paginator(_method(client, operation).__name__).paginate(**asked)
    return [item for page in pages for item in page.get(items, ())]


def _method(client: Any, operation: str) -> Callable[..., Any]:  # noqa: ANN401 - see _ask
    from botocore import xform_name  # noqa: PLC0415 - with boto3, which only who asks needs

    found: Callable[..., Any] = getattr(client, xform_name(operation))
    return found
